//! The Data tab: what the next run would learn from, asked of the engine as the settings change; one question at a time.

use std::sync::Arc;

use super::how_far::ImagesRead;
use super::logic::App;
use super::state::{Activity, AppState, Tab};
use crate::config::{DataSettings, DataSource, Subset};
use crate::engine::Command;

pub use crate::data::contact_sheet::{ACROSS, ClassCount, ContactSheet};
pub use crate::data::reading::{Part, Reading};

/// What was asked: the settings of the data, and the seed by which they are shuffled.
type Question = (DataSettings, u64);

/// What is known of the images.
#[derive(Debug, Clone, Default)]
pub struct DataView {
    asked: Option<Question>,
    /// How far the images are read that were asked about.
    reading: Option<ImagesRead>,
    seen: Option<(Question, Arc<ContactSheet>)>,
    /// What could not be read, and why.
    failed: Option<(Question, String)>,
    /// What the settings named before the person had them name what they do now.
    pub(super) former: Option<DataSource>,
    /// The files may have changed.
    again: bool,
    /// The engine keeps the images of a path, to answer the next question.
    kept: bool,
}

impl DataView {
    /// The newest contact sheet and the settings that it answers, also while the next one is awaited.
    pub fn sheet(&self) -> Option<(&DataSettings, &Arc<ContactSheet>)> {
        self.seen.as_ref().map(|((data, _), sheet)| (data, sheet))
    }

    /// An answer is awaited.
    pub fn is_reading(&self) -> bool {
        self.asked.is_some()
    }

    /// How far its images are read, where that takes time.
    pub fn reading(&self) -> Option<ImagesRead> {
        self.reading
    }

    pub(super) fn reads(&mut self, reading: Reading) {
        self.reading = self.asked.is_some().then(|| ImagesRead::next(self.reading, reading));
    }

    /// The images that were asked about are read no further. The question.
    fn stopped(&mut self) -> Option<Question> {
        self.reading = None;
        self.asked.take()
    }

    pub(super) fn look_again(&mut self) {
        self.again = true;
    }

    /// Takes the engine's answer.
    pub(super) fn take(&mut self, data: DataSettings, seed: u64, sheet: Arc<ContactSheet>) {
        (self.asked, self.reading, self.failed) = (None, None, None);
        self.seen = Some(((data, seed), sheet));
    }

    /// The engine has none; false if it was not asked.
    pub(super) fn fail(&mut self, why: String) -> bool {
        let Some(question) = self.stopped() else { return false };
        (self.seen, self.failed) = (None, Some((question, why)));
        true
    }

    fn knows(&self, question: &Question) -> bool {
        let answered = self.seen.as_ref().is_some_and(|(of, _)| of == question);
        !self.again && (answered || self.failed.as_ref().is_some_and(|(of, _)| of == question))
    }
}

impl AppState {
    /// Why the images that the settings name cannot be shown; none if they can, or are not read yet.
    pub fn unreadable_data(&self) -> Option<&str> {
        let question = self.data_question();
        self.data.failed.as_ref().filter(|(of, _)| *of == question).map(|(_, why)| why.as_str())
    }

    /// Images are read, for a run, to be shown, to compare with or to begin with, which can be stopped.
    pub fn reads_images(&self) -> bool {
        let beside = self.origin.how_far().is_some() || self.copies.how_far() != (None, None);
        self.reads_for_run() || self.data.reading.is_some() || beside
    }

    /// The images of the run are read that is being prepared, which can be stopped.
    pub fn reads_for_run(&self) -> bool {
        self.activity == Activity::Preparing && self.reading_images.is_some()
    }

    /// The network is to be told the class of each image, and the images that the settings name have none.
    pub fn lacks_classes(&self) -> bool {
        let source = &self.settings.data.source;
        let seen = self.data.sheet().filter(|(of, _)| of.source == *source);
        self.settings.network.classes && seen.is_some_and(|(_, sheet)| sheet.classes.is_empty())
    }

    /// What the settings name. What is held out is no part of it, nor a seed by which nothing is shuffled.
    fn data_question(&self) -> Question {
        let data = DataSettings { held_out: 0, ..self.settings.data.clone() };
        let seed = if matches!(data.subset, Subset::Shuffled(_)) { self.settings.training.seed } else { 0 };
        (data, seed)
    }
}

impl App {
    /// Has the images read no further: those of the run that is being prepared, or else all others.
    pub(super) fn stop_reading(&mut self) {
        self.command(if self.state.reads_for_run() { Command::Stop } else { Command::StopReading });
    }

    /// The settings name again what they named before; where that is the same, the tab says that nothing was read.
    pub(super) fn reading_stopped(&mut self) {
        let Some(question) = self.state.data.stopped() else { return };
        let state = &mut self.state;
        let source = &question.0.source;
        let seen = state.data.seen.as_ref().map(|(seen, _)| seen);
        if seen == Some(&question) || state.settings.data.source != *source {
            return;
        }
        let former = seen.map_or(state.data.former.as_ref(), |(data, _)| Some(&data.source));
        if let Some(former) = former.filter(|former| *former != source) {
            let mut settings = state.settings.clone();
            settings.data.source = former.clone();
            // What the person chose stays a step of undo away, however soon it was stopped.
            state.edits.end_move();
            return state.edit_settings(settings);
        }
        let why = "The images are read no further, as you stopped it: Look again reads them from the beginning.";
        state.data.failed = Some((question, why.into()));
    }

    /// Asks what the next run would learn from, while that is shown.
    pub(super) fn look_at_data(&mut self) {
        let state = &self.state;
        if state.tab != Tab::Data && state.data.kept && state.data.asked.is_none() {
            self.state.data.kept = false;
            self.command(Command::ForgetData);
            return;
        }
        if state.tab != Tab::Data || state.data.asked.is_some() || state.settings.data.digits.is_empty() {
            return;
        }
        let question = state.data_question();
        if state.data.knows(&question) {
            return;
        }
        let (data, seed) = question.clone();
        if self.command(Command::LookAtData { data: Box::new(data), seed, again: self.state.data.again }) {
            self.state.data.kept = matches!(question.0.source, DataSource::Path(_));
            self.state.data.asked = Some(question);
        } else {
            self.state.data.failed = Some((question, "the engine did not take the question: look again".into()));
        }
        self.state.data.again = false;
    }
}
