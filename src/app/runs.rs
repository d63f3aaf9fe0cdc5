//! The earlier runs: listed, opened, gone on with, taken over as settings, thrown away.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::action::Action;
use super::heat_map::HeatMap;
use super::logic::App;
use super::loss_series::LossSeries;
use super::notices::{Help, Kind};
use super::run_naming::RunNaming;
use super::state::{Activity, AppState, EndReason, Progress, RunFacts, Tab};
use crate::config::DataSource;
use crate::data::network::is_unnamed;
use crate::engine::{Command, RunOpened};
use crate::files::shown_name;
use crate::train::history::History;
use crate::train::run_name::RunName;

pub use crate::train::gallery::{RunRecord, RunSummary};

/// The list of runs.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    /// Where new runs go and earlier ones are looked for.
    pub folder: PathBuf,
    /// The runs, newest first; none before they were read.
    pub list: Option<Vec<RunSummary>>,
    /// The folder is being read.
    pub reading: bool,
    /// The name that is being typed.
    pub naming: Option<RunNaming>,
    /// How often one was typed.
    pub(super) turns: u64,
    /// What runs are called whose folder says something else, here or elsewhere.
    pub(super) names: HashMap<PathBuf, RunName>,
}

impl Runs {
    /// What a run is called: the name that it was given, or that of its folder.
    pub fn name(&self, run: &Path) -> String {
        self.names.get(run).map_or_else(|| shown_name(run), |name| name.of(run))
    }
}

impl AppState {
    /// The newest run in the list that can be opened, other than the one that is shown.
    pub fn run_to_open(&self) -> Option<PathBuf> {
        let shown = self.run.as_ref().map(|run| &run.folder);
        let opens = |run: &&RunSummary| run.record.as_ref().is_ok_and(|record| record.checkpoint);
        let list = self.runs.list.iter().flatten().filter(opens);
        list.map(|run| &run.path).find(|path| Some(*path) != shown).cloned()
    }

    /// The run in the list that is shown, else, where the list is looked at, its newest.
    pub fn run_at_hand(&self) -> Option<PathBuf> {
        let listed = || self.runs.list.iter().flatten().filter(|run| run.record.is_ok()).map(|run| &run.path);
        let shown = self.run.as_ref().map(|run| &run.folder);
        let newest = || listed().next().filter(|_| self.tab == Tab::Runs);
        listed().find(|path| Some(*path) == shown).or_else(newest).cloned()
    }

    /// Whether a run can be compared with others, or left out again.
    pub fn can_compare(&self, run: &Path) -> bool {
        self.comparison.get(run).is_some() || !self.comparison.is_full()
    }
}

impl App {
    pub(super) fn list_runs(&mut self) {
        let folder = self.state.runs.folder.clone();
        self.state.runs.reading = self.command(Command::ListRuns { folder });
    }

    /// Reads the list anew, if it is looked at.
    pub(super) fn runs_changed(&mut self) {
        if self.state.tab == Tab::Runs {
            self.list_runs();
        }
    }

    pub(super) fn open_run(&mut self, run: PathBuf) {
        if !self.state.run_is_active() {
            self.state.tab = Tab::Train;
            self.open(run);
        }
    }

    pub(super) fn resume_run(&mut self, run: PathBuf) {
        if !self.state.run_is_active() && self.command(Command::ResumeRun { run }) {
            self.state.tab_is_own = false;
            self.state.activity = Activity::Preparing;
        }
    }

    /// Takes a run's settings for the next run.
    pub(super) fn duplicate_run(&mut self, run: &Path) {
        let summary = self.state.runs.list.iter().flatten().find(|summary| summary.path == run);
        let Some(Ok(record)) = summary.map(|summary| &summary.record) else { return };
        let mut settings = record.file.settings.clone();
        // A run of somebody else names any path.
        let images = match &settings.data.source {
            DataSource::Path(path) if is_unnamed(path) => {
                let left = format!(", but for its images, which are on another machine, in {}", path.display());
                settings.data.source = self.state.settings.data.source.clone();
                left
            }
            DataSource::Path(path) => format!(", with its images, from {}", path.display()),
            DataSource::Mnist => String::new(),
        };
        self.state.edit_settings(settings);
        self.state.show_settings(true);
        self.state.tab = Tab::Train;
        let text = format!(
            "The settings of {} are on the left{images}: change them and press Train",
            self.state.runs.name(run)
        );
        let help = Help { word: "Undo", action: Action::Undo };
        self.state.notices.add_with(Kind::Info, text, None, Some(help));
    }

    pub(super) fn run_opened(&mut self, opened: RunOpened) {
        let RunOpened { run, settings, step, share, parameters, images } = opened;
        let state = &mut self.state;
        state.forget_run();
        state.films.reading = true;
        state.recording = None;
        state.player.playing = false;
        state.progress = Progress { step, share, ..Progress::default() };
        let ended = if share >= 1.0 { EndReason::Completed } else { EndReason::Stopped };
        state.run = Some(RunFacts {
            folder: run,
            settings,
            parameters,
            images,
            device: None,
            checkpoint: Some(step),
            ended: Some(ended),
            left: false,
        });
    }

    pub(super) fn take_history(&mut self, history: &History) {
        self.state.loss.train = LossSeries::of(&history.train);
        self.state.loss.held_out = LossSeries::of(&history.held_out);
        self.state.loss.clock = history.clock.clone();
        self.state.evaluations = history.evaluations.clone();
        self.state.by_timestep = history.by_timestep.clone();
        self.state.heat = HeatMap::new(&self.state.by_timestep);
        self.state.films.drop_after(history.last.map_or(0, |last| last.step));
        self.state.progress.epoch = history.last.map_or(0.0, |last| last.epoch);
        self.state.pulse.clone_from(&history.pulse);
        self.state.health = None;
        self.state.examine();
    }

    pub(super) fn run_deleted(&mut self, run: &Path) {
        self.leave_out(run);
        let state = &mut self.state;
        state.writes = state.writes.saturating_sub(1);
        if !state.run_is_active() && state.run.as_ref().is_some_and(|shown| shown.folder == run) {
            // There is nothing left to go on with, or to look at but the model in memory and its film.
            state.run = None;
            state.progress = Progress::default();
            state.forget_run();
        }
        let text = format!("Moved {} to the desktop's trash, from where it can be put back", state.runs.name(run));
        state.notices.add(Kind::Done, text, None);
        self.runs_changed();
    }
}
