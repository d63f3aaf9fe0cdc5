//! Actions become commands, the engine's events become state.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::action::Action;
use super::dropped::Looks;
use super::file_dialog::FileDialog;
use super::how_far::HowFar;
use super::notices::Kind;
use super::recording::Moment;
use super::run_names::Folders;
use super::save_form::{SaveResult, SaveWhat};
use super::save_look::SaveLooks;
use super::save_subject::{Held, looks_elsewhere};
use super::state::{Activity, AppState, Tab};
use crate::config::Settings;
use crate::engine::{Command, DrawnFor, Event, Handle};
use crate::pictures::Pictures;
use crate::reports::Reports;
use crate::train::throughput::Throughput;

/// Events taken in one frame: enough to empty a full channel.
const EVENTS_A_FRAME: usize = 1024;

/// The window without its pixels: state, the engine's handle, and the rules between them.
pub struct App {
    pub state: AppState,
    pub(super) measure: Throughput,
    pub(super) handle: Handle,
    folders: Folders,
    dialog: Option<FileDialog<SaveWhat>>,
    /// A picture on its way to the clipboard.
    copied: Option<Pictures>,
    pub(super) origin_dialog: Option<FileDialog<()>>,
    pub(super) reports: Option<Reports>,
    pub(super) looks: Looks,
    pub(super) save_looks: SaveLooks,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl App {
    /// Joins state and engine. `wake` has the window drawn again and may be called on any thread.
    pub fn new(handle: Handle, mut state: AppState, folders: Folders, wake: impl Fn() + Send + Sync + 'static) -> Self {
        state.runs.folder.clone_from(&folders.runs);
        Self {
            state,
            measure: Throughput::default(),
            handle,
            folders,
            dialog: None,
            copied: None,
            origin_dialog: None,
            reports: None,
            looks: Looks::default(),
            save_looks: SaveLooks::default(),
            wake: Arc::new(wake),
        }
    }

    /// Takes the engine's news into the state. True if there may be more.
    pub fn drain(&mut self) -> bool {
        if let Some((what, answer)) = self.dialog.as_ref().and_then(|dialog| Some((dialog.what, dialog.poll()?))) {
            self.dialog = None;
            let path = self.chosen(answer);
            self.apply(Action::Browsed(what, path));
        }
        self.poll_origin_dialog();
        self.take_looks();
        // Asked first: nothing is told after.
        let ended = self.handle.has_ended();
        let mut steps = false;
        let mut more = true;
        for _ in 0..EVENTS_A_FRAME {
            let Some(event) = self.handle.poll() else {
                more = false;
                break;
            };
            steps |= matches!(event, Event::Step(_) | Event::Evaluated { .. });
            self.take(event);
        }
        if steps {
            self.state.examine();
        }
        if self.is_closing(ended && !more) {
            return more;
        }
        self.look_for_copies();
        self.name_digits();
        self.state.hold_for_save();
        self.look_where_to_save();
        self.look_at_data();
        self.redraw_changes();
        self.draw_grid_as_chosen();
        more
    }

    /// Does what was asked for.
    pub fn apply(&mut self, action: Action) {
        if self.state.closing.is_some() && !matches!(action, Action::CloseAtOnce) {
            return;
        }
        self.state.note_going_elsewhere(&action);
        if looks_elsewhere(&action) {
            self.state.save.held = Held::default();
        }
        match action {
            Action::CloseAtOnce => self.close_at_once(),
            Action::Train => self.train(),
            Action::Pause => drop(self.command(Command::Pause)),
            Action::Continue => drop(self.command(Command::Continue)),
            Action::Step => drop(self.command(Command::Step)),
            Action::Stop => drop(self.command(Command::Stop)),
            Action::Resume => {
                if let Some(run) = self.state.run.as_ref().filter(|run| run.ended.is_some()) {
                    self.resume_run(run.folder.clone());
                }
            }
            Action::ListRuns => self.list_runs(),
            Action::OpenRun(run) => self.open_run(run),
            Action::Attach(run) => self.attach(run),
            Action::Detach => drop(self.command(Command::Detach)),
            Action::ResumeRun(run) => self.resume_run(run),
            Action::DuplicateRun(run) => self.duplicate_run(&run),
            Action::Compare(run) => self.toggle_compared(&run),
            Action::Name(action) => self.do_with_name(action),
            Action::DeleteRun(run) => self.state.writes += usize::from(self.command(Command::DeleteRun { run })),
            Action::Preset(preset, budget) => self.state.take_preset(preset, budget),
            Action::Settings(settings) => self.state.edit_settings(*settings),
            Action::Undo => {
                if let Some(before) = self.state.edits.undo(&self.state.choices()) {
                    self.state.set_choices(before);
                }
            }
            Action::Redo => {
                if let Some(after) = self.state.edits.redo(&self.state.choices()) {
                    self.state.set_choices(after);
                }
            }
            Action::ResetSettings => self.state.reset_settings(),
            Action::Palette(open) => self.state.palette = open,
            Action::GridWeights(weights) => self.state.choose_grid(weights),
            Action::RollSeed => {
                let mut settings = self.state.settings.clone();
                settings.training.seed = fresh_seed(settings.training.seed);
                self.state.edit_settings(settings);
            }
            Action::Schedule(action) => self.state.do_with_schedule(action),
            Action::ShowTab(tab) => {
                self.state.tab = tab;
                self.state.tab_is_own = self.state.activity == Activity::Preparing;
                self.state.loupe = false;
                self.state.runs.naming = None;
                if tab == Tab::Sample && self.state.has_drawing() {
                    // The film below is then of the digits that the tab shows.
                    self.state.films.leave();
                }
                self.runs_changed();
            }
            Action::ToggleLeft => self.state.show_settings(!self.state.settings_shown()),
            Action::Narrow(narrow) => self.state.set_narrow(narrow),
            Action::ToggleRight => self.state.right_open = !self.state.right_open,
            Action::Look(look) => self.state.look = look,
            Action::Zoom(zoom) => self.state.zoom = zoom,
            Action::LinearLoss(linear) => self.state.loss.linear = linear,
            Action::LossAxis(axis) => self.state.loss.axis = axis,
            Action::LossSmoothing(smoothing) => self.state.loss.smoothing = smoothing,
            Action::WholeLoss => self.state.loss.whole += 1,
            Action::HeatColors(colors) => self.state.heat_colors = colors,
            Action::Sample if self.state.drawing_refusal().is_none() => self.sample(DrawnFor::Person),
            Action::Sample => {}
            Action::RedrawOnChange => self.state.live.toggle(),
            Action::Origin(action) => self.do_with_origin(action),
            Action::CancelSampling => drop(self.command(Command::CancelSampling)),
            Action::OpenPath(path) => self.state.open_path = path,
            Action::Open => self.open_typed(self.state.open_path.trim().into()),
            Action::DataPath(path) => self.state.data_path = path,
            Action::LookAtData => {
                self.state.data.look_again();
                self.apply(Action::ShowTab(Tab::Data));
            }
            Action::StopReading => self.stop_reading(),
            Action::Dropped(path) => self.dropped(path),
            Action::LookForCopies => self.state.copies.wanted = true,
            Action::Follow(place) => self.state.followed = place,
            Action::Seek(position) => self.playhead(|recording| recording.seek(position)),
            Action::StepFrames(by) => self.playhead(|recording| recording.step(by)),
            Action::JumpTimesteps(by) => self.playhead(|recording| recording.jump(by)),
            Action::SeekTraining(position) => self.seek_training(position),
            Action::StepTraining(by) => self.step_training(by),
            Action::FilmAxis(axis) => {
                self.state.player.axis = axis;
                self.state.player.playing = false;
            }
            Action::Loupe(open) => self.state.loupe = open,
            Action::TogglePlay => self.toggle_play(),
            Action::Speed(speed) => self.state.player.speed = speed,
            Action::ToggleSave => self.toggle_save(),
            Action::SaveWhat(what) => {
                self.state.save.open = true;
                self.choose_save(what);
            }
            Action::CopyPicture => self.copy_picture(),
            Action::SavePath(path) => {
                self.state.save.path_is_own = true;
                self.state.save.path = path;
                self.state.save.result = None;
            }
            Action::Browse => self.browse(),
            Action::Browsed(what, path) => self.browsed(what, path),
            Action::Save => self.save(false),
            Action::Replace => self.save(true),
            Action::Dismiss(id) => self.state.notices.dismiss(id),
            Action::ShowReport(open) => self.show_report(open),
            Action::KeepReport => self.set_report_aside(),
            Action::DeleteReports => self.delete_reports(),
        }
        self.state.hold_for_save();
        self.look_where_to_save();
        self.look_at_data();
        self.redraw_changes();
        self.draw_grid_as_chosen();
    }

    /// Opens a trained model: a run folder or a weights file.
    pub fn open(&mut self, path: PathBuf) {
        if !path.as_os_str().is_empty() {
            self.state.returning = None;
            self.command(Command::Open { path });
        }
    }

    /// Sends a command; false, and a notice, if the engine does not take it.
    pub(super) fn command(&mut self, command: Command) -> bool {
        let sent = self.handle.send(command);
        if let Err(error) = &sent {
            self.state.live.frame_came();
            if !self.state.is_closing() {
                self.state.notices.add(Kind::Failed, error.to_string(), Some(error.hint()));
            }
        }
        sent.is_ok()
    }

    fn train(&mut self) {
        let state = &mut self.state;
        if state.run_goes_on() || !state.problems.is_empty() {
            return;
        }
        let settings: Box<Settings> = Box::new(state.settings.clone());
        let out = self.folders.new_run(settings.preset.name(), SystemTime::now());
        if self.command(Command::Train { settings, out }) {
            self.state.tab_is_own = false;
            self.state.activity = Activity::Preparing;
        }
    }

    /// Asks for a drawing with the settings of the Sample tab.
    pub(super) fn sample(&mut self, why: DrawnFor) {
        if self.state.can_sample() && self.state.drawing_problems().is_empty() {
            let settings = self.state.asked_drawing();
            self.state.live.asked(settings.clone());
            self.command(Command::Sample { settings, why });
        }
    }

    fn toggle_save(&mut self) {
        self.state.save.open = !self.state.save.open;
        if self.state.save.open {
            // Files come and go while it is closed.
            self.state.save.there = None;
            self.choose_save(self.state.save.what);
        }
    }

    fn choose_save(&mut self, what: SaveWhat) {
        let folders = &self.folders;
        let default = |what: SaveWhat| folders.new_file(what.stem(), what.extension(), SystemTime::now());
        self.state.save.choose(what, default);
    }

    pub(super) fn waker(&self) -> Arc<dyn Fn() + Send + Sync> {
        Arc::clone(&self.wake)
    }

    fn browse(&mut self) {
        let form = &self.state.save;
        let wake = self.waker();
        self.dialog = FileDialog::to_save(form.what, form.path.as_ref(), move || wake());
        self.state.save.browsing = self.dialog.is_some();
    }

    /// Takes the dialog's answer for what it was opened for: a file, or for pictures one by one the folder that their
    /// new folder goes into.
    fn browsed(&mut self, what: SaveWhat, path: Option<PathBuf>) {
        self.state.save.browsing = false;
        match path {
            // It could not stand in the field, and another folder would be made in its place.
            Some(path) if path.to_str().is_none() => {
                let what = "the name of this place is not text".into();
                let hint = "choose a folder whose name is UTF-8".into();
                self.state.save.result = Some(SaveResult::Failed { what, hint });
            }
            Some(path) => {
                let path = if what.extension().is_empty() {
                    let folders = Folders { pictures: path, ..self.folders.clone() };
                    folders.new_file(what.stem(), "", SystemTime::now())
                } else {
                    path
                };
                let form = &mut self.state.save;
                form.path = path.display().to_string();
                form.path_is_own = true;
                form.asked = Some(path);
                self.choose_save(what);
            }
            None => {
                let what = "no file was chosen".into();
                let hint = "if no dialog opened, type the path into the field".into();
                self.state.save.result = Some(SaveResult::Failed { what, hint });
            }
        }
    }

    /// Writes what is on the screen. A file that is there is only replaced where that was agreed to.
    fn save(&mut self, agreed: bool) {
        self.state.save.complete_extension();
        let path = PathBuf::from(self.state.save.path.trim());
        if path.as_os_str().is_empty() {
            return;
        }
        let Ok(prepare) = self.state.to_save(self.state.save.what) else { return };
        let (what, replace) = (prepare(), self.state.save.may_replace(&path, agreed));
        if self.command(Command::Save { what, path, replace }) {
            self.state.save.asked = None;
            self.state.writes += 1;
            self.state.writing = Some(HowFar::begin());
            self.state.save.result = Some(SaveResult::Writing);
        }
    }

    fn copy_picture(&mut self) {
        if let Some(pictures) = self.state.to_copy() {
            self.copied = Some(pictures);
            self.state.notices.add(Kind::Done, "Copied the pictures, to be pasted elsewhere", None);
        }
    }

    /// The picture that was copied since it was last asked for, which belongs onto the clipboard.
    pub fn take_copied(&mut self) -> Option<Pictures> {
        self.copied.take()
    }

    pub(super) fn recorded(&mut self, id: u64, moment: Moment) {
        let state = &mut self.state;
        if let Some(recording) = state.recording.as_mut().filter(|recording| recording.id == id) {
            recording.push(moment);
        }
        if let Some(progress) = state.sampling.as_mut().filter(|progress| progress.id == id) {
            progress.frame_done(Instant::now());
            state.live.frame_came();
        }
    }
}

/// A seed that a person can read and type: below a million.
pub(super) fn fresh_seed(old: u64) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    crate::rng::splitmix64(now ^ old) % 1_000_000
}
