//! The model that drawing and saving weights use: that of the run in training, else the one that was opened.

use super::state::{Activity, AppState};
use crate::config::{ClassChoice, MAX_RECORDED, Problem, Settings};
use crate::trained::name_of;

impl AppState {
    /// True if there is a model to draw with.
    pub fn can_sample(&self) -> bool {
        self.model.is_some() || self.run_draws()
    }

    /// True if what is drawn or saved is by the run in training, not by the model that was opened.
    pub fn run_draws(&self) -> bool {
        self.run.is_some() && !matches!(self.activity, Activity::Idle | Activity::Preparing)
    }

    /// The settings of the model that drawing would use.
    pub fn model_settings(&self) -> Option<&Settings> {
        let run = self.run.as_ref().filter(|_| self.run_draws());
        run.map(|run| &*run.settings).or(self.model.as_ref().map(|model| &*model.settings))
    }

    /// What the model is called that drawing and saving weights would use: another than made the pictures on the screen
    /// while a run of another program is looked at, and after weights were opened beside a run.
    pub fn model_name(&self) -> Option<String> {
        if let Some(run) = self.run.as_ref().filter(|_| self.run_draws()) {
            return Some(self.runs.name(&run.folder));
        }
        let source = &self.model.as_ref()?.source;
        Some(self.runs.names.get(source).map_or_else(|| name_of(source), |name| name.of(source)))
    }

    /// What keeps the next drawing from starting: the settings of the Sample tab on the model that would draw.
    pub fn drawing_problems(&self) -> Vec<Problem> {
        let model = self.model_settings().unwrap_or(&self.settings);
        let mut asked = Settings { sampling: self.settings.sampling.clone(), ..model.clone() };
        if !model.network.classes {
            // The choice of a digit is not offered, and not sent.
            asked.sampling.classes = ClassChoice::Each;
        }
        asked.sampling_problems(MAX_RECORDED)
    }

    /// Why nothing can be drawn now, in words; none if it can.
    pub fn drawing_refusal(&self) -> Option<String> {
        if self.activity == Activity::Preparing {
            return Some("Wait for the model that is being prepared".into());
        }
        if !self.can_sample() {
            return Some("Train or open a model first".into());
        }
        self.drawing_problems().first().map(|problem| format!("{}: {}", problem.what, problem.hint))
    }
}
