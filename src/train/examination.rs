//! The quick evaluation of a model in training: a few digits are drawn and judged, at most 3 % of the time.

use std::path::Path;
use std::time::Duration;

use super::pace::Pace;
use super::preview::fixed_noise;
use super::trainer::Trainer;
use crate::Result;
use crate::config::{DataSource, SamplingSettings};
use crate::eval::judge::eight_bit;
use crate::eval::quick::DIGITS;
use crate::eval::{Judge, QuickEval};
use crate::sampling::Drawing;

/// Network calls for each of them.
const STEPS: usize = 8;
/// Time that passes before the next, as a multiple of what the last one took: under 3 %.
const REST: u32 = 33;
/// The digits must not be those of the grid that a person looks at.
const SEED: u64 = 1;

/// See the module.
#[derive(Debug)]
pub struct Examination {
    settings: SamplingSettings,
    /// None: never.
    pace: Option<Pace>,
}

impl Examination {
    /// At the interval that the run's settings name. Only digits can be judged: other images never are.
    pub fn new(trainer: &Trainer) -> Self {
        let settings = SamplingSettings { seed: SEED, ..fixed_noise(STEPS, DIGITS) };
        let interval = Duration::from_secs_f64(trainer.settings().training.eval_seconds);
        let wanted = !interval.is_zero() && trainer.settings().data.source == DataSource::Mnist;
        Self { settings, pace: wanted.then(|| Pace::new(interval, REST, interval)) }
    }

    /// Whether it is time to judge.
    pub fn is_due(&self) -> bool {
        self.pace.as_ref().is_some_and(Pace::is_due)
    }

    /// The last step is done: see [`Pace::once_more`].
    pub fn once_more(&mut self, step: u64) {
        self.pace.iter_mut().for_each(|pace| pace.once_more(step));
    }

    /// Draws and judges, if it is time to; `listen` is called between two calls of the network.
    ///
    /// # Errors
    /// What `listen` returned, or when the device has no room.
    pub fn judge_if_due(
        &mut self,
        trainer: &Trainer,
        listen: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<QuickEval>> {
        let Some(pace) = self.pace.as_mut().filter(|pace| pace.is_due()) else { return Ok(None) };
        pace.spend(trainer.step_count(), || {
            let denoiser = trainer.denoiser(self.settings.weights)?;
            let images = Drawing::new(&denoiser, &self.settings)?.run(&mut |_, _| listen())?;
            let images = eight_bit(&images, Path::new("digits drawn in training"))?;
            QuickEval::of(&*Judge::shipped()?, &images, trainer.settings().data.digits).map(Some)
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::config::{Preset, Subset};
    use crate::data::mnist;

    #[test]
    fn an_untrained_model_draws_no_digits_and_is_judged_at_the_interval() {
        let mut settings = Preset::Nano.settings();
        settings.data.subset = Subset::First(100);
        settings.training.eval_seconds = 1e-3;
        let trainer = Trainer::new(&settings, &mnist::load().unwrap(), &Device::Cpu).unwrap();
        let mut examination = Examination::new(&trainer);
        std::thread::park_timeout(Duration::from_millis(20));
        let eval = examination.judge_if_due(&trainer, &mut || Ok(())).unwrap().expect("it is due");
        assert_eq!((eval.count, eval.classes.iter().sum::<usize>()), (DIGITS, DIGITS));
        assert!(eval.recognisable < 0.05 && eval.distance > 100.0, "{eval:?}");
        assert_eq!(examination.judge_if_due(&trainer, &mut || Ok(())).unwrap(), None);

        settings.training.eval_seconds = 0.0;
        let trainer = Trainer::new(&settings, &mnist::load().unwrap(), &Device::Cpu).unwrap();
        assert_eq!(Examination::new(&trainer).judge_if_due(&trainer, &mut || Ok(())).unwrap(), None);
    }
}
