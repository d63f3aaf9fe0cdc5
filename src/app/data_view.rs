//! The Data tab: what the next run would learn from, asked of the engine as the settings change; one question at a time.

use std::sync::Arc;

use super::logic::App;
use super::state::{AppState, Tab};
use crate::config::{DataSettings, DataSource, Subset};
use crate::engine::Command;

pub use crate::data::contact_sheet::{ACROSS, ClassCount, ContactSheet};

/// What was asked: the settings of the data, and the seed by which they are shuffled.
type Question = (DataSettings, u64);

/// What is known of the images.
#[derive(Debug, Clone, Default)]
pub struct DataView {
    asked: Option<Question>,
    seen: Option<(Question, Arc<ContactSheet>)>,
    /// What could not be read, and why.
    failed: Option<(Question, String)>,
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

    pub(super) fn look_again(&mut self) {
        self.again = true;
    }

    /// Takes the engine's answer.
    pub(super) fn take(&mut self, data: DataSettings, seed: u64, sheet: Arc<ContactSheet>) {
        (self.asked, self.failed) = (None, None);
        self.seen = Some(((data, seed), sheet));
    }

    /// The engine has none; false if it was not asked.
    pub(super) fn fail(&mut self, why: String) -> bool {
        let Some(question) = self.asked.take() else { return false };
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
