//! The horizontal axis of the loss plot: steps, images, or time of training.

use egui_plot::{GridInput, GridMark};

use super::numbers;
use crate::app::{LossAxis, RunClock};
use crate::config::Settings;

/// How the steps of one run become places on the axis.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    axis: LossAxis,
    /// Images a step.
    batch: f64,
    clock: &'a RunClock,
}

impl<'a> Places<'a> {
    /// Of a run with these settings.
    pub fn new(axis: LossAxis, settings: &Settings, clock: &'a RunClock) -> Self {
        Self { axis, batch: settings.training.batch_size.max(1) as f64, clock }
    }

    /// Where a step stands.
    pub fn of(&self, step: f64) -> f64 {
        match self.axis {
            LossAxis::Steps => step,
            LossAxis::Images => step * self.batch,
            LossAxis::Time => self.clock.seconds_at(step),
        }
    }

    /// The step that stands at a place.
    pub fn step(&self, place: f64) -> f64 {
        match self.axis {
            LossAxis::Steps => place,
            LossAxis::Images => place / self.batch,
            LossAxis::Time => self.clock.step_at(place),
        }
    }

    /// The steps between two places, with one more on either side.
    pub fn steps(&self, places: std::ops::RangeInclusive<f64>) -> std::ops::RangeInclusive<u64> {
        let first = (self.step(*places.start()).floor() - 1.0).max(0.0) as u64;
        let last = (self.step(*places.end()).ceil() + 1.0).max(0.0) as u64;
        first..=last.max(first)
    }
}

/// A place in words: `1,240`, `0:58`.
pub fn word(axis: LossAxis, place: f64) -> String {
    match axis {
        LossAxis::Steps | LossAxis::Images => numbers::whole(place),
        LossAxis::Time => numbers::clock(place),
    }
}

/// About four marks: at 1, 2 or 5 times a power of ten, or of time at seconds, minutes and hours that one counts in.
#[allow(clippy::needless_pass_by_value, reason = "the plot hands it over by value")]
pub fn marks(axis: LossAxis, input: GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let rough = ((high - low) / 4.0).max(1.0);
    let decimal = || {
        let power = 10f64.powf(rough.log10().floor());
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough).unwrap_or(rough)
    };
    const TIMES: [f64; 14] =
        [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0];
    let step = match axis {
        LossAxis::Steps | LossAxis::Images => decimal(),
        LossAxis::Time => TIMES.into_iter().find(|step| *step >= rough).unwrap_or_else(decimal),
    };
    let first = (low / step).ceil() as i64;
    let marks = (first..).map(|i| i as f64 * step).take_while(|value| *value <= high);
    // The axis shows all labels of marks that are this far apart.
    marks.filter(|value| *value >= 0.0).map(|value| GridMark { value, step_size: step }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    #[test]
    fn places_and_steps_are_inverse_on_every_axis() {
        let mut clock = RunClock::default();
        (1..=500).for_each(|step| clock.push(step, 0.25 * step as f64));
        for (axis, expected) in [(LossAxis::Steps, 200.0), (LossAxis::Images, 12_800.0), (LossAxis::Time, 50.0)] {
            let places = Places::new(axis, &Preset::Small.settings(), &clock);
            assert_eq!(places.of(200.0), expected, "{axis:?}");
            assert_eq!(places.step(expected), 200.0, "{axis:?}");
            assert_eq!(places.steps(places.of(100.0)..=expected), 99..=201, "{axis:?}");
        }
    }

    #[test]
    fn marks_are_few_and_round() {
        let marks = |axis, high| {
            let input = GridInput { bounds: (0.0, high), base_step_size: 1.0 };
            super::marks(axis, input).into_iter().map(|mark| mark.value).collect::<Vec<_>>()
        };
        assert_eq!(marks(LossAxis::Steps, 1240.0), [0.0, 500.0, 1000.0]);
        assert_eq!(marks(LossAxis::Time, 120.0), [0.0, 30.0, 60.0, 90.0, 120.0]);
        assert_eq!(word(LossAxis::Time, 90.0), "1:30");
    }
}
