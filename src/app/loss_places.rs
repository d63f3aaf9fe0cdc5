//! Where the steps of a run stand on the horizontal axis of the loss plot: by steps, images, or time of training.

use super::state::LossAxis;
use crate::config::Settings;
use crate::train::run_clock::RunClock;

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
}
