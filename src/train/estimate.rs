//! How long a run will take, told before it starts.

use std::fmt;
use std::time::Instant;

use super::trainer::Trainer;
use crate::Result;
use crate::device::is_lost;

/// Steps from which on it is worth trying one: shorter runs are over before an estimate helps.
const WORTH_A_TRIAL: u64 = 50;

/// The time that the rest of a run needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Steps that are left.
    pub steps: u64,
    pub seconds_per_step: f64,
    pub basis: Basis,
}

/// What an estimate was measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The gradient of one batch, computed twice without a step: the first time, memory is new to the process.
    Trial,
    /// The steps that the run has done, with all that happened between them.
    Done,
}

impl Estimate {
    /// Of the run's remaining steps; none if its budget is a time, or so few steps are left that it does not help.
    ///
    /// A trial leaves the weights, the random numbers and the run's clock as they are.
    ///
    /// None where the device is lost: the run's first step will find that out, and knows what to do.
    ///
    /// # Errors
    /// When there is no room for a step.
    pub fn of(trainer: &mut Trainer) -> Result<Option<Self>> {
        match Self::try_of(trainer) {
            Err(error) if is_lost(trainer.device(), &error) => Ok(None),
            estimate => estimate,
        }
    }

    fn try_of(trainer: &mut Trainer) -> Result<Option<Self>> {
        let done = trainer.step_count();
        let Some(steps) = trainer.total_steps().map(|total| total.saturating_sub(done)) else { return Ok(None) };
        if steps < WORTH_A_TRIAL {
            return Ok(None);
        }
        if done > 0 {
            let seconds_per_step = trainer.seconds() / done as f64;
            return Ok(Some(Self { steps, seconds_per_step, basis: Basis::Done }));
        }
        trainer.trial()?;
        let started = Instant::now();
        trainer.trial()?;
        Ok(Some(Self { steps, seconds_per_step: started.elapsed().as_secs_f64(), basis: Basis::Trial }))
    }

    /// Seconds of all remaining steps.
    pub fn seconds(&self) -> f64 {
        self.steps as f64 * self.seconds_per_step
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let basis = match self.basis {
            Basis::Trial => "measured on one batch here",
            Basis::Done => "as the steps so far took",
        };
        let Self { steps, seconds_per_step, .. } = self;
        let step = if *seconds_per_step >= 1.0 {
            format!("{seconds_per_step:.1} s")
        } else {
            format!("{:.0} ms", 1000.0 * seconds_per_step)
        };
        write!(f, "about {}: {steps} steps of {step}, {basis}", rounded(self.seconds()))
    }
}

/// A time in the unit that suits it: no estimate is good to the second.
fn rounded(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{s:.0} seconds"),
        s if s < 100.0 * 60.0 => format!("{:.0} minutes", s / 60.0),
        s => format!("{:.1} hours", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::config::{Budget, DataSource, Preset, Settings, Subset};
    use crate::data;

    fn nano(budget: Budget) -> Settings {
        let mut settings = Preset::Nano.settings();
        settings.training.budget = budget;
        settings.training.batch_size = 8;
        settings.data.subset = Subset::First(64);
        settings.data.held_out = 0;
        settings
    }

    #[test]
    fn a_trial_says_how_long_and_changes_nothing() {
        let splits = data::load(&DataSource::Mnist).unwrap();
        let trainer = |budget| Trainer::new(&nano(budget), &splits, &Device::Cpu).unwrap();
        let mut tried = trainer(Budget::Steps(60));
        let estimate = Estimate::of(&mut tried).unwrap().unwrap();
        assert_eq!((estimate.steps, estimate.basis), (60, Basis::Trial));
        assert!(estimate.seconds() > 0.0 && estimate.seconds() < 60.0, "{estimate}");
        assert_eq!((tried.step_count(), tried.seconds()), (0, 0.0));
        let mut untried = trainer(Budget::Steps(60));
        let (after_trial, at_once) = (tried.step().unwrap(), untried.step().unwrap());
        assert_eq!((after_trial.loss, after_trial.grad_norm), (at_once.loss, at_once.grad_norm));
        let estimate = Estimate::of(&mut tried).unwrap().unwrap();
        assert_eq!((estimate.steps, estimate.basis), (59, Basis::Done));
        assert_eq!(estimate.seconds_per_step, after_trial.seconds);
        assert_eq!(Estimate::of(&mut trainer(Budget::Steps(10))).unwrap(), None);
        assert_eq!(Estimate::of(&mut trainer(Budget::Minutes(1.0))).unwrap(), None);
    }

    #[test]
    fn it_reads_as_a_sentence() {
        let estimate = |steps, seconds_per_step, basis| Estimate { steps, seconds_per_step, basis }.to_string();
        let seed = estimate(157, 5.32, Basis::Trial);
        assert_eq!(seed, "about 14 minutes: 157 steps of 5.3 s, measured on one batch here");
        assert_eq!(estimate(80, 0.052, Basis::Done), "about 4 seconds: 80 steps of 52 ms, as the steps so far took");
        assert!(estimate(10_000, 2.0, Basis::Trial).starts_with("about 5.6 hours: "));
    }
}
