//! One image of a batch on its way through the training step, to be looked at (Ho et al. 2020, algorithm 1).

use std::sync::Arc;

use candle_core::Tensor;

use super::examples::Examples;
use crate::Result;
use crate::config::CLASS_COUNT;
use crate::pictures::Pictures;
use crate::sampling::{EPS_RANGE, pictures, scaled_pictures};

/// The first image of a batch: what the network was shown, what it answered, and what it should have.
#[derive(Debug, Clone)]
pub struct WorkedExample {
    /// The step that it was a part of.
    pub step: u64,
    /// Its timestep, 0 … T−1.
    pub t: usize,
    /// The class that the network was told; none if it was not.
    pub class: Option<u8>,
    pub x0: Arc<Pictures>,
    pub x_t: Arc<Pictures>,
    /// ε̂ or v̂, as the settings say: 128 is none, ±3 standard deviations at the ends.
    pub answer: Arc<Pictures>,
    /// ε or v, likewise.
    pub target: Arc<Pictures>,
    /// The mean over pixels of (answer − target)².
    pub loss: f32,
}

impl WorkedExample {
    /// Of the batch of `step`, whose first image is `x0`, at `t`; `answer` is `[B, 1, H, W]`.
    ///
    /// # Errors
    /// When the tensors cannot be read.
    pub(super) fn of_first(
        (step, t, loss): (u64, usize, f32),
        x0: Pictures,
        examples: &Examples,
        answer: &Tensor,
    ) -> Result<Self> {
        let told = examples.classes.as_ref().map(|classes| classes.get(0)?.to_scalar::<u32>()).transpose()?;
        let noise = |batch: &Tensor| scaled_pictures(&batch.narrow(0, 0, 1)?, EPS_RANGE).map(Arc::new);
        Ok(Self {
            step,
            t,
            class: told.filter(|&class| class < CLASS_COUNT as u32).map(|class| class as u8),
            x0: Arc::new(x0),
            x_t: Arc::new(pictures(&examples.x_t.narrow(0, 0, 1)?)?),
            answer: noise(answer)?,
            target: noise(&examples.target)?,
            loss,
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use crate::config::{Prediction, Preset, Subset};
    use crate::data::mnist;
    use crate::train::Trainer;

    #[test]
    fn what_is_shown_is_what_the_step_saw_and_changes_nothing() {
        let mut settings = Preset::Nano.settings();
        settings.data.subset = Subset::First(32);
        settings.data.held_out = 0;
        settings.training.batch_size = 8;
        settings.diffusion.prediction = Prediction::Eps;
        let splits = mnist::load().unwrap();
        let mut trainer = Trainer::new(&settings, &splits, &Device::Cpu).unwrap();
        let mut unseen = Trainer::new(&settings, &splits, &Device::Cpu).unwrap();
        for _ in 0..6 {
            trainer.show_next_step();
            let (report, other) = (trainer.step().unwrap(), unseen.step().unwrap());
            assert_eq!((report.loss, report.grad_norm), (other.loss, other.grad_norm));
            assert!(unseen.take_worked_example().is_none());
            let example = trainer.take_worked_example().unwrap();
            assert_eq!(example.step, report.step);
            assert!(trainer.take_worked_example().is_none());

            // Bytes are exact to half a step of 2/255, and of 6/255 for noise; at the ends they are clamped.
            let image = |byte: u8| f64::from(byte) / 127.5 - 1.0;
            let noise = |byte: u8| 3.0 * image(byte);
            let alpha_bar = trainer.schedule().alpha_bar(example.t);
            let mut squares = 0.0;
            for i in 0..example.x0.pixels.len() {
                let (x0, x_t) = (image(example.x0.pixels[i]), image(example.x_t.pixels[i]));
                let (answer, target) = (noise(example.answer.pixels[i]), noise(example.target.pixels[i]));
                squares += (answer - target).powi(2);
                if x_t.abs() < 1.0 && target.abs() < 3.0 {
                    let mixed = alpha_bar.sqrt() * x0 + (1.0 - alpha_bar).sqrt() * target;
                    assert!((mixed - x_t).abs() < 0.03, "{mixed} is not {x_t} at t = {}", example.t);
                }
            }
            let mean = squares / example.x0.pixels.len() as f64;
            assert!((mean / f64::from(example.loss) - 1.0).abs() < 0.05, "{mean} is not {}", example.loss);
        }
    }
}
