//! What the Save form is about: the pictures and the film that were on the screen as it was opened. They stay what is saved,
//! however training goes on or ends, until the form is closed or a person looks at something else.

use std::sync::Arc;

use super::action::Action;
use super::save_form::SaveWhat;
use super::state::AppState;
use crate::config::WeightsKind;
use crate::engine::DrawnFor;
use crate::pictures::{Pictures, Provenance};

/// What is saved, in a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The grid of the run after a step.
    Grid { step: u64, weights: WeightsKind },
    /// The film by the model of a step, at a timestep.
    Film { step: u64, t: usize },
    /// What was drawn, at a timestep.
    Drawing { why: DrawnFor, t: usize },
    /// A first look at what is being drawn.
    Rough,
    /// From noise to digits, by the model of a step; none: what was drawn.
    Denoising { step: Option<u64>, why: DrawnFor },
    /// One timestep, by the models of so many steps.
    Training { t: usize, from: u64, to: u64 },
}

/// Something to save, what drew it, and its name.
#[derive(Debug, Clone)]
pub(super) struct Of<T> {
    pub what: T,
    pub provenance: Option<Box<Provenance>>,
    pub subject: Subject,
}

/// See the module; none of what there was not.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub pictures: Option<Of<Arc<Pictures>>>,
    pub film: Option<Of<Vec<Arc<Pictures>>>>,
}

/// Whether a person looks at something else by it: that is saved then.
pub(super) fn looks_elsewhere(action: &Action) -> bool {
    action.moves_playhead() || matches!(action, Action::FilmAxis(_) | Action::ShowTab(_) | Action::GridWeights(_))
}

impl AppState {
    /// Holds what the form is about, once that is whole: what is being drawn or played changes until it ends.
    pub(super) fn hold_for_save(&mut self) {
        if !self.save.open {
            self.save.held = Held::default();
        } else if self.sampling.is_none() && !self.player.playing {
            let Held { pictures, film } = &self.save.held;
            let (no_pictures, no_film) = (pictures.is_none(), film.is_none());
            if no_pictures {
                self.save.held.pictures = self.pictures_to_save().map(|copy| copy());
            }
            if no_film {
                self.save.held.film = self.film_to_save().map(|copy| copy());
            }
        }
    }

    /// A drawing begins. One that a person asked for is what the form is about; the one at the end of a run is not.
    pub(super) fn drawing_begins_under_form(&mut self, why: DrawnFor) {
        if why != DrawnFor::RunEnd {
            self.save.held = Held::default();
        }
    }

    /// The pictures or the film that a choice of the form saves; none of a choice that saves neither, or nothing.
    pub fn save_subject(&self, what: SaveWhat) -> Option<Subject> {
        let Held { pictures, film } = &self.save.held;
        match what {
            SaveWhat::Grid | SaveWhat::Singles => {
                pictures.as_ref().map_or_else(|| self.subject_on_screen(), |of| Some(of.subject))
            }
            SaveWhat::Animation | SaveWhat::AnimatedPng => {
                film.as_ref().map_or_else(|| self.film_subject(), |of| Some(of.subject))
            }
            SaveWhat::Losses | SaveWhat::LossPlot | SaveWhat::LossPicture | SaveWhat::Weights => None,
        }
    }
}
