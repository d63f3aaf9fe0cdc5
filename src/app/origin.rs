//! Forward and back: a digit, or a picture of one's own, slid into noise, and the reverse from there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::action::Action;
use super::data_view::Reading;
use super::file_dialog::FileDialog;
use super::how_far::ImagesRead;
use super::logic::{App, fresh_seed};
use super::schedule_view::alpha_bars;
use super::state::{AppState, Tab};
use crate::config::DiffusionSettings;
use crate::engine::Command;
use crate::pictures::Pictures;
use crate::sampling::origin::{Origin, OriginImage, noised};

pub use crate::sampling::origin::{OriginPick, OriginSource};

/// What is done in the section.
#[derive(Debug, Clone, PartialEq)]
pub enum OriginAction {
    /// Open the section, or close it.
    Toggle,
    /// Take another image.
    Pick(OriginPick),
    /// Take any test image, of the chosen class.
    Random,
    /// Only test images of this class; none: of any.
    Class(Option<u8>),
    /// Noise it to this timestep.
    T(usize),
    /// Exchange black and white.
    Invert,
    /// The path of a picture was typed.
    Path(String),
    /// Ask for a picture with the desktop's file dialog.
    Browse,
    /// The file dialog ended; no path if it was cancelled or did not open.
    Browsed(Option<PathBuf>),
    /// Denoise it from there.
    Reverse,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct OriginPanel {
    pub open: bool,
    /// Only test images of this class.
    pub class: Option<u8>,
    /// The timestep that it is noised to, 1 to T; 0 before one was chosen.
    pub t: usize,
    /// The path of a picture, as typed.
    pub path: String,
    /// A file dialog is open.
    pub browsing: bool,
    /// It ended without a path: cancelled, or no desktop opened one.
    pub unanswered: bool,
    /// An image is looked for.
    pub reading: bool,
    /// How far the images are read among which it is looked for.
    how_far: Option<ImagesRead>,
    /// Where the image is from, and of how many test images.
    pub source: Option<(OriginSource, Option<usize>)>,
    image: Option<OriginImage>,
    /// Black and white are exchanged.
    pub inverted: bool,
    /// The image, and x_t.
    shown: Option<(Arc<Pictures>, Arc<Pictures>)>,
    /// ᾱ_t for t = 0 … T of the model that would reverse, by its schedule.
    schedule: Option<(DiffusionSettings, Arc<[f64]>)>,
    /// A reverse was asked for, and has not begun.
    asked: bool,
    /// What it begins with has changed since.
    outdated: bool,
    /// It was of another image.
    of_another: bool,
    /// The recording of the reverse.
    recording: Option<u64>,
}

impl OriginPanel {
    /// The clean image and x_t.
    pub fn shown(&self) -> Option<(&Arc<Pictures>, &Arc<Pictures>)> {
        self.shown.as_ref().map(|(clean, x_t)| (clean, x_t))
    }

    /// What it shows, where that is known.
    pub fn class_of_image(&self) -> Option<u8> {
        self.image.as_ref()?.class
    }

    /// Whether its background is bright, as found.
    pub fn is_bright(&self) -> bool {
        self.image.as_ref().is_some_and(|image| image.bright)
    }

    /// What takes the test image before (`by` < 0) or after the one that is shown; none while one is looked for.
    pub fn beside(&self, by: isize) -> Option<OriginAction> {
        let from = match self.source {
            Some((OriginSource::Test(index), Some(of))) => (index + of).saturating_add_signed(by) % of.max(1),
            _ => 0,
        };
        let pick = OriginPick::Test { from, forward: by > 0, class: self.class };
        (self.open && !self.reading).then_some(OriginAction::Pick(pick))
    }

    /// How far the images are read among which one is looked for, where that takes time.
    pub fn how_far(&self) -> Option<ImagesRead> {
        self.how_far
    }

    pub(super) fn reads(&mut self, reading: Reading) {
        self.how_far = self.reading.then(|| ImagesRead::next(self.how_far, reading));
    }

    /// They are read no further: the image that was there stays.
    pub(super) fn stopped(&mut self) {
        (self.reading, self.how_far) = (false, None);
    }

    /// A drawing begins; it is the reverse, if that was asked for.
    pub(super) fn sampling_started(&mut self, id: u64) {
        // One that lost its device begins again.
        let again = self.recording == Some(id);
        self.recording = (std::mem::take(&mut self.asked) || again).then_some(id);
    }

    /// There is no image, or no reverse, after all.
    pub(super) fn failed(&mut self) {
        self.stopped();
        (self.asked, self.outdated) = (false, false);
    }

    /// What a reverse begins with has changed, where one is shown or on its way.
    pub(super) fn changed(&mut self) {
        self.outdated = self.asked || self.recording.is_some();
    }

    fn picture(&self) -> Option<OriginImage> {
        let image = self.image.clone()?;
        Some(if self.inverted { image.inverted() } else { image })
    }
}

impl AppState {
    /// What the reverse has made so far: its first picture, which begins with the x_t that is shown. None where it began
    /// with what is no longer shown, but for what follows a slider under a person's hand.
    pub fn origin_result(&self) -> Option<&Arc<Pictures>> {
        let OriginPanel { recording, outdated, of_another, .. } = self.origin;
        if of_another || (outdated && !self.live.on) {
            return None;
        }
        let drawn = self.recording.as_ref().filter(|drawn| Some(drawn.id) == recording)?;
        Some(&drawn.shown()?.x_t)
    }

    /// Whether a picture that is dropped onto the window is one to reverse.
    fn takes_dropped_picture(&self) -> bool {
        self.origin.open && self.tab == Tab::Sample
    }

    /// Whether what is dropped onto the window is a picture to reverse.
    pub fn takes_to_reverse(&self, dropped: &Path) -> bool {
        let ending = dropped.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        self.takes_dropped_picture() && ending.is_some_and(|ending| matches!(ending.as_str(), "png" | "gif"))
    }

    /// T of the model that would reverse.
    pub fn origin_timesteps(&self) -> usize {
        self.model_settings().unwrap_or(&self.settings).diffusion.timesteps
    }

    /// ᾱ at the chosen timestep.
    pub fn origin_alpha_bar(&self) -> Option<f64> {
        self.origin.schedule.as_ref()?.1.get(self.origin.t).copied()
    }

    /// Computes ᾱ where the schedule is another than before; whether it was.
    fn read_origin_schedule(&mut self) -> bool {
        let diffusion = &self.model_settings().unwrap_or(&self.settings).diffusion;
        if self.origin.schedule.as_ref().is_some_and(|(of, _)| of == diffusion) {
            return false;
        }
        let alpha_bar = alpha_bars(diffusion).unwrap_or_default().into();
        self.origin.schedule = Some((diffusion.clone(), alpha_bar));
        true
    }

    /// Another schedule, as of another model, noises the image otherwise.
    pub(super) fn follow_origin_schedule(&mut self) {
        if self.origin.open && self.read_origin_schedule() {
            self.noise_origin();
        }
    }

    /// Works out x_t anew.
    pub(super) fn noise_origin(&mut self) {
        self.read_origin_schedule();
        let timesteps = self.origin_timesteps();
        if self.origin.t == 0 {
            self.origin.t = timesteps * 2 / 5;
        }
        self.origin.t = self.origin.t.clamp(1, timesteps.max(1));
        let (Some(image), Some(alpha_bar)) = (self.origin.picture(), self.origin_alpha_bar()) else {
            self.origin.shown = None;
            return;
        };
        let x_t = noised(&image.picture, alpha_bar, self.settings.sampling.seed);
        self.origin.shown = Some((Arc::new(image.picture), Arc::new(x_t)));
    }

    pub(super) fn origin_found(&mut self, source: OriginSource, image: OriginImage, of: Option<usize>) {
        let origin = &mut self.origin;
        origin.stopped();
        origin.inverted = image.bright;
        origin.changed();
        origin.of_another = origin.outdated;
        (origin.source, origin.image) = (Some((source, of)), Some(image));
        self.noise_origin();
    }
}

impl App {
    pub(super) fn do_with_origin(&mut self, action: OriginAction) {
        let origin = &mut self.state.origin;
        match action {
            OriginAction::Toggle => {
                origin.open = !origin.open;
                if origin.open {
                    self.state.tab = Tab::Sample;
                    self.state.loupe = false;
                    if self.state.origin.image.is_none() {
                        self.pick_origin(OriginPick::Test { from: 0, forward: true, class: None });
                    }
                }
            }
            OriginAction::Pick(pick) => self.pick_origin(pick),
            OriginAction::Random => {
                let (from, class) = (fresh_seed(0) as usize, origin.class);
                self.pick_origin(OriginPick::Test { from, forward: true, class });
            }
            OriginAction::Class(class) => {
                origin.class = class;
                let from = match origin.source {
                    Some((OriginSource::Test(index), _)) => index,
                    _ => 0,
                };
                self.pick_origin(OriginPick::Test { from, forward: true, class });
            }
            OriginAction::T(t) => {
                origin.t = t.max(1);
                origin.changed();
                self.state.noise_origin();
            }
            OriginAction::Invert => {
                origin.inverted = !origin.inverted;
                origin.changed();
                self.state.noise_origin();
            }
            OriginAction::Path(path) => (origin.path, origin.unanswered) = (path, false),
            OriginAction::Browse => {
                let wake = self.waker();
                self.origin_dialog = FileDialog::to_open_picture(move || wake());
                self.state.origin.browsing = self.origin_dialog.is_some();
                self.state.origin.unanswered = self.origin_dialog.is_none();
            }
            OriginAction::Browsed(path) => {
                (origin.browsing, origin.unanswered) = (false, path.is_none());
                if let Some(path) = path {
                    origin.path = path.display().to_string();
                    self.pick_origin(OriginPick::File(path));
                }
            }
            OriginAction::Reverse => self.reverse(),
        }
    }

    /// The file dialog's answer.
    pub(super) fn poll_origin_dialog(&mut self) {
        let Some(answer) = self.origin_dialog.as_ref().and_then(FileDialog::poll) else { return };
        self.origin_dialog = None;
        let path = self.chosen(answer);
        self.apply(Action::Origin(OriginAction::Browsed(path)));
    }

    pub(super) fn pick_origin(&mut self, pick: OriginPick) {
        if pick == OriginPick::File(PathBuf::new()) {
            return;
        }
        let model = self.state.model_settings().unwrap_or(&self.state.settings);
        let (data, size) = (model.data.source.clone(), model.data.image_size);
        self.state.origin.reading = self.command(Command::FindOrigin { pick, data, size });
    }

    /// Another model may draw other sizes, and have another schedule.
    pub(super) fn origin_model_changed(&mut self) {
        let size = self.state.model_settings().map(|model| model.data.image_size);
        let origin = &mut self.state.origin;
        if origin.image.as_ref().map(|image| image.picture.width) == size {
            self.state.noise_origin();
            return;
        }
        origin.image = None;
        let source = origin.source.take().map(|(source, _)| source);
        self.state.noise_origin();
        match source {
            Some(OriginSource::Test(from)) => {
                self.pick_origin(OriginPick::Test { from, forward: true, class: None });
            }
            Some(OriginSource::File(path)) => self.pick_origin(OriginPick::File(path)),
            None => {}
        }
    }

    /// Reverses anew from what has changed, one at a time: what changes meanwhile waits for the one before to begin.
    pub(super) fn reverse_changes(&mut self) {
        if self.state.live.on && self.state.origin.outdated && !self.state.origin.asked {
            self.reverse();
        }
    }

    fn reverse(&mut self) {
        let Some(OriginImage { picture, class, .. }) = self.state.origin.picture() else { return };
        if self.state.drawing_refusal().is_some() {
            return;
        }
        (self.state.origin.outdated, self.state.origin.of_another) = (false, false);
        let origin = Origin { picture, class, t: self.state.origin.t };
        let settings = self.state.asked_drawing();
        // No redrawing by the same settings follows, which would take its place.
        self.state.live.asked(settings.clone());
        self.state.origin.asked = self.command(Command::Reverse { settings, origin });
    }
}
