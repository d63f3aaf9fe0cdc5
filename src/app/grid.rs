//! With which weights the grid of a run is drawn: their moving average, or as the last step left them. What a run leaves on
//! disk is drawn by the moving average whatever is looked at.

use std::path::PathBuf;
use std::time::Instant;

use super::edits::Choices;
use super::logic::App;
use super::state::{Activity, AppState, RunFacts};
use crate::config::WeightsKind;
use crate::engine::Command;
use crate::train::Grid;

/// See the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct GridChoice {
    /// What a person chose.
    pub(super) weights: WeightsKind,
    /// What the engine was told.
    told: WeightsKind,
    /// What the grid of the run that is shown was asked to be drawn anew with.
    asked: Option<WeightsKind>,
}

impl GridChoice {
    /// Another run is shown, or the engine ended what it was asked.
    pub(super) fn forget_asked(&mut self) {
        self.asked = None;
    }
}

impl AppState {
    /// What the grid of the run that is shown is drawn with.
    pub fn grid_weights(&self) -> WeightsKind {
        let wanted = if self.attached().is_some() { WeightsKind::Ema } else { self.grid.weights };
        self.run.as_ref().map_or(wanted, |run| run.settings.training.drawn_with(wanted))
    }

    /// Whether there is a grid of a run for which the weights are chosen.
    pub fn offers_grid_weights(&self) -> bool {
        self.run.is_some() || self.run_is_active()
    }

    /// Why they cannot be chosen, in words; none if they can.
    pub fn grid_refusal(&self) -> Option<&'static str> {
        let averaged = |run: &RunFacts| run.settings.training.ema_decay > 0.0;
        if self.attached().is_some() {
            Some("Another program draws this grid, by the moving average of the weights")
        } else if self.run.as_ref().is_some_and(|run| !averaged(run)) {
            Some("This run keeps no moving average of its weights")
        } else {
            None
        }
    }

    /// Takes what a person chose; it can be taken back. The newest grid is looked at then, not a film.
    pub(super) fn choose_grid(&mut self, weights: WeightsKind) {
        let after = Choices { grid: weights, ..self.choices() };
        self.edits.note(&self.choices(), &after, Instant::now());
        self.set_choices(after);
        // What was asked for once and failed is asked for again.
        self.grid.forget_asked();
        if self.looks_back() {
            self.seek_training(self.films.len().saturating_sub(1));
        }
    }

    pub(super) fn choices(&self) -> Choices {
        Choices { settings: self.settings.clone(), grid: self.grid.weights }
    }

    pub(super) fn set_choices(&mut self, choices: Choices) {
        self.grid.weights = choices.grid;
        self.set_settings(choices.settings);
    }

    /// Takes a grid, unless others than its weights are wanted by now and there is one to show meanwhile.
    pub(super) fn grid_drawn(&mut self, grid: Grid) {
        if self.preview.is_none() || grid.weights == self.grid_weights() {
            self.preview = Some(grid);
            self.examine();
        }
    }

    /// The run whose grid can be drawn anew.
    fn run_to_draw(&self) -> Option<PathBuf> {
        let run = self.run.as_ref().filter(|_| self.grid_refusal().is_none())?;
        let can = match self.activity {
            Activity::Training | Activity::Paused => true,
            Activity::Idle => run.checkpoint.is_some(),
            Activity::Preparing | Activity::Stopping => false,
        };
        can.then(|| run.folder.clone())
    }
}

impl App {
    /// Tells the engine what the grid is to be drawn with, where that changed, and has it drawn anew where another is shown.
    pub(super) fn draw_grid_as_chosen(&mut self) {
        let GridChoice { weights, told, asked } = self.state.grid;
        let run = self.state.run_to_draw();
        let differs = self.state.preview.as_ref().is_some_and(|grid| grid.weights != weights);
        let redraws = run.is_some() && differs && asked != Some(weights);
        if told == weights && !redraws {
            return;
        }
        let drawn = run.as_ref().map(|_| weights);
        let sent = self.command(Command::DrawGrid { weights, run });
        let kept = if sent { weights } else { told };
        self.state.grid = GridChoice { weights: kept, told: kept, asked: drawn };
    }
}
