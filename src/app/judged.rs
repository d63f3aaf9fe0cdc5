//! How good the drawn digits are over the run, beside what real digits reach.

use super::state::AppState;
use crate::config::{DataSource, Digits};
use crate::eval::quick::{DIGITS, REAL, RealDigits};
use crate::train::evaluations::{Evaluated, Evaluations};

/// The evaluations of the run that is shown.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    series: &'a Evaluations,
    pub newest: &'a Evaluated,
    /// What real digits reach; none where another number of digits was judged, or not all ten were learned: that does
    /// not compare.
    pub real: Option<RealDigits>,
    /// The digits that can be drawn.
    pub learned: Digits,
}

impl<'a> Judged<'a> {
    /// Of the state; none before the first evaluation.
    pub fn of(state: &'a AppState) -> Option<Self> {
        let newest = state.evaluations.newest()?;
        let learned = state.learned_digits();
        let compares = newest.eval.count == DIGITS && learned == Digits::ALL;
        Some(Self { series: &state.evaluations, newest, real: compares.then_some(REAL), learned })
    }

    /// Step and recognisable share.
    pub fn recognisable(&self) -> Vec<(u64, f64)> {
        self.series.iter().map(|one| (one.step, one.eval.recognisable)).collect()
    }

    /// Step and Fréchet distance to the training digits.
    pub fn distance(&self) -> Vec<(u64, f64)> {
        self.series.iter().map(|one| (one.step, one.eval.distance)).collect()
    }
}

impl AppState {
    /// The digits that the run learned, or that the next one would.
    pub fn learned_digits(&self) -> Digits {
        self.run.as_ref().map_or(&self.settings, |run| &run.settings).data.digits
    }

    /// Why nothing was judged so far, in words.
    pub fn not_judged(&self) -> String {
        let settings = self.run.as_ref().map_or(&self.settings, |run| &run.settings);
        if settings.data.source != DataSource::Mnist {
            return "Only digits can be judged: these are other images. Choose MNIST at the top to train on digits."
                .into();
        }
        match settings.training.eval_seconds {
            0.0 => "This run is not judged while it trains. Afterwards, in a terminal: diffuscope eval.".into(),
            seconds => {
                format!("While a model trains, it draws {DIGITS} digits every {seconds:.0} s, which are judged here.")
            }
        }
    }
}
