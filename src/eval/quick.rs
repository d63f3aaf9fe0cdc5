//! The cheap evaluation that runs while a model trains.

use serde::{Deserialize, Serialize};

use super::classifier::FEATURES;
use super::frechet::Moments;
use super::histogram::{Histogram, histogram};
use super::judge::Judge;
use crate::Result;
use crate::config::Digits;
use crate::data::Dataset;

/// Digits that are drawn and judged at once.
pub const DIGITS: usize = 200;

/// What as many real test digits reach, twenty of each by different writers: the mean over 40 such sets, which a test
/// measures again.
pub const REAL: RealDigits = RealDigits { recognisable: 0.84, distance: 17.2 };

/// The numbers of real digits: what there is to reach for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RealDigits {
    /// As [`QuickEval::recognisable`].
    pub recognisable: f64,
    /// As [`QuickEval::distance`].
    pub distance: f64,
}

/// How good a few drawn digits are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QuickEval {
    /// Digits that were drawn.
    pub count: usize,
    /// How often each digit is seen.
    pub classes: Histogram,
    /// Share of recognisable digits: see [`super::judge::Judged::recognisable`].
    pub recognisable: f64,
    /// Fréchet distance to the training digits of the classes that were learned; for few digits it is larger than for many, so only values of the
    /// same count compare.
    pub distance: f64,
}

impl QuickEval {
    /// Of some images of a model that `learned` these digits.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn of(judge: &Judge, images: &Dataset, learned: Digits) -> Result<Self> {
        let judged = judge.judge(images)?;
        Ok(Self {
            count: images.len(),
            classes: histogram(judged.classes()),
            recognisable: judged.recognisable_share(),
            distance: judge.reference(learned).distance(&Moments::of_all(&judged.answers.features, FEATURES)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::data::idx::Images;
    use crate::data::mnist;

    /// Twenty test digits of each class, far from each other: neighbours are by the same writer.
    fn real(test: &Dataset, k: usize) -> Dataset {
        let of_class =
            |class| (0..test.len()).filter(move |&i| test.label(i) == Some(class)).skip(k).step_by(44).take(20);
        let chosen: Vec<usize> = (0..10).flat_map(of_class).collect();
        let pixels = chosen.iter().flat_map(|&i| test.image(i).to_vec()).collect();
        let images = Images { count: chosen.len(), height: test.height, width: test.width, pixels };
        Dataset::from_idx("real", images, None, Path::new("test digits")).unwrap()
    }

    #[test]
    fn real_digits_reach_what_is_stated() {
        const SETS: usize = 40;
        let (test, judge) = (mnist::load().unwrap().test, Judge::shipped().unwrap());
        let evals = (0..SETS).map(|k| QuickEval::of(&judge, &real(&test, k), Digits::ALL).unwrap());
        let (mut recognisable, mut distance) = (0.0, 0.0);
        for eval in evals {
            assert_eq!((eval.count, eval.classes.iter().sum::<usize>()), (DIGITS, DIGITS));
            recognisable += eval.recognisable / SETS as f64;
            distance += eval.distance / SETS as f64;
        }
        let close = (recognisable - REAL.recognisable).abs() < 0.002 && (distance - REAL.distance).abs() < 0.1;
        assert!(close, "recognisable {recognisable:.4}, distance {distance:.3}; stated: {REAL:?}");
    }
    /// Those of one class alone are far from all ten, however real they are.
    #[test]
    fn chosen_digits_are_judged_beside_their_own() {
        let (test, judge) = (mnist::load().unwrap().test, Judge::shipped().unwrap());
        let ones = Digits::of(&[1]).unwrap();
        let images = test.showing(ones).unwrap().subset(crate::config::Subset::First(DIGITS), 0).unwrap();
        let distance = |learned| QuickEval::of(&judge, &images, learned).unwrap().distance;
        let (own, all) = (distance(ones), distance(Digits::ALL));
        assert!(own < 2.0 * REAL.distance && all > 50.0 * REAL.distance, "{own}, to all ten {all}");
    }
}
