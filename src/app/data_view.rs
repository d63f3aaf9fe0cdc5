//! The Data tab: what the next run would learn from, asked of the engine as the settings change; one question at a time.

use std::sync::Arc;

use super::logic::App;
use super::state::Tab;
use crate::config::DataSettings;
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
}

impl DataView {
    /// The newest contact sheet, also while the next one is awaited.
    pub fn sheet(&self) -> Option<&Arc<ContactSheet>> {
        self.seen.as_ref().map(|(_, sheet)| sheet)
    }

    /// Why there is none.
    pub fn failed(&self) -> Option<&str> {
        self.failed.as_ref().map(|(_, why)| why.as_str())
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

impl App {
    /// Asks what the next run would learn from, while that is shown.
    pub(super) fn look_at_data(&mut self) {
        let state = &self.state;
        if state.tab != Tab::Data || state.data.asked.is_some() || state.settings.data.digits.is_empty() {
            return;
        }
        // What is held out does not change what is learned from.
        let data = DataSettings { held_out: 0, ..state.settings.data.clone() };
        let question = (data, state.settings.training.seed);
        if state.data.knows(&question) {
            return;
        }
        let again = self.state.data.again;
        let command = Command::LookAtData { data: Box::new(question.0.clone()), seed: question.1, again };
        self.state.data.again = false;
        if self.command(command) {
            self.state.data.asked = Some(question);
        } else {
            self.state.data.failed = Some((question, "the engine has ended".into()));
        }
    }
}
