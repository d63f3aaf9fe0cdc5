//! The cheap evaluation that runs while a model trains.

use serde::{Deserialize, Serialize};

use super::classifier::FEATURES;
use super::frechet::Moments;
use super::histogram::{Histogram, histogram};
use super::judge::Judge;
use crate::Result;
use crate::data::Dataset;

/// How good a few drawn digits are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QuickEval {
    /// Digits that were drawn.
    pub count: usize,
    /// How often each digit is seen.
    pub classes: Histogram,
    /// Share of recognisable digits: see [`super::judge::Judged::recognisable`].
    pub recognisable: f64,
    /// Fréchet distance to the training digits; for few digits it is larger than for many, so only values of the
    /// same count compare.
    pub distance: f64,
}

impl QuickEval {
    /// Of some images.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn of(judge: &Judge, images: &Dataset) -> Result<Self> {
        let judged = judge.judge(images)?;
        Ok(Self {
            count: images.len(),
            classes: histogram(judged.classes()),
            recognisable: judged.recognisable_share(),
            distance: judge.frechet.distance(&Moments::of_all(&judged.answers.features, FEATURES)),
        })
    }
}
