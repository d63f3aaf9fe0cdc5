//! Training of the classifier that judges digits: labelled images, small shifts, cross-entropy.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::learning_rate::learning_rate_share;
use super::optim::Optimizer;
use crate::config::{OptimizerKind, Preset, TrainingSettings};
use crate::data::{Batches, Dataset, unit_images};
use crate::eval::classifier::{ClassifierNetwork, SIZE};
use crate::model::params::Params;
use crate::rng::Stream;
use crate::{Error, Result};

/// Digits are moved by up to this many pixels each way.
const MAX_SHIFT: u64 = 2;
const BATCH: usize = 128;

/// How long and from where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassifierTraining {
    pub epochs: u64,
    pub seed: u64,
}

/// One step of the training, for whoever watches it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassifierStep {
    /// Steps done, and of how many.
    pub step: u64,
    pub steps: u64,
    /// Cross-entropy of the batch, nats.
    pub loss: f64,
}

/// Trains on labelled digits of 28×28 pixels; the result is the moving average of the weights, by name.
///
/// The same seed gives the same bytes, on any number of threads.
///
/// # Errors
/// [`Error::Diverged`] when the loss is not finite, or what `watch` returns.
pub fn train_classifier(
    training: ClassifierTraining,
    data: &Dataset,
    watch: &mut dyn FnMut(ClassifierStep) -> Result<()>,
) -> Result<HashMap<String, Tensor>> {
    let (network, weights) = Params::fresh(training.seed, &Device::Cpu, |vb| ClassifierNetwork::new(&vb))?;
    let settings = settings();
    let mut optimizer = Optimizer::new(weights, &settings)?;
    let mut batches = Batches::new(data.len(), BATCH, training.seed);
    let steps = batches.steps_for_epochs(training.epochs);
    for step in 0..steps {
        let (images, labels) = examples(data, &batches.indices(step), training.seed, step)?;
        let (_, logits) = network.forward(&images)?;
        let loss = candle_nn::loss::cross_entropy(&logits, &labels)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        if !value.is_finite() {
            return Err(Error::Diverged { step: step + 1, quantity: "the loss" });
        }
        let gradients = loss.backward()?;
        let norm = optimizer.gradient_norm(&gradients)?;
        optimizer.update(&gradients, norm, learning_rate_share(&settings, step, step as f64 / steps as f64))?;
        watch(ClassifierStep { step: step + 1, steps, loss: value })?;
    }
    optimizer.copies(true)
}

fn settings() -> TrainingSettings {
    TrainingSettings {
        optimizer: OptimizerKind::AdamW,
        learning_rate: 3e-3,
        beta2: 0.99,
        weight_decay: 0.02,
        warmup_steps: 100,
        decay_fraction: 0.8,
        clip_norm: 1.0,
        ema_decay: 0.998,
        ..Preset::Small.settings().training
    }
}

/// A batch of shifted digits `[B, 28, 28, 1]` and their labels `[B]`.
fn examples(data: &Dataset, indices: &[u32], seed: u64, step: u64) -> Result<(Tensor, Tensor)> {
    let still = unit_images(data, indices);
    let mut moved = vec![-1.0f32; still.len()];
    moved.par_chunks_mut(SIZE * SIZE).zip(still.par_chunks(SIZE * SIZE)).enumerate().for_each(|(i, (to, from))| {
        let mut stream = Stream::new(seed, "shift", (step << 20) + i as u64);
        let mut shift = || stream.below(2 * MAX_SHIFT + 1) as usize;
        let (down, right) = (shift(), shift());
        shifted(from, to, down, right);
    });
    let labels: Vec<u32> = indices.iter().map(|&i| data.label(i as usize).map_or(0, u32::from)).collect();
    let shape = (indices.len(), SIZE, SIZE, 1);
    Ok((Tensor::from_vec(moved, shape, &Device::Cpu)?, Tensor::from_vec(labels, indices.len(), &Device::Cpu)?))
}

/// Copies an image moved by `down` − 2 and `right` − 2 pixels; what comes in from outside stays as it is in `to`.
fn shifted(from: &[f32], to: &mut [f32], down: usize, right: usize) {
    let border = MAX_SHIFT as usize;
    for y in 0..SIZE {
        for x in 0..SIZE {
            let (source_y, source_x) = ((y + border).wrapping_sub(down), (x + border).wrapping_sub(right));
            if source_y < SIZE && source_x < SIZE {
                to[y * SIZE + x] = from[source_y * SIZE + source_x];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_moves_every_pixel_alike() {
        let mut from = vec![-1.0; SIZE * SIZE];
        from[5 * SIZE + 7] = 1.0;
        let mut to = vec![-1.0; SIZE * SIZE];
        shifted(&from, &mut to, 0, 4);
        assert_eq!(to.iter().position(|&pixel| pixel == 1.0), Some(3 * SIZE + 9));
        let mut still = vec![-1.0; SIZE * SIZE];
        shifted(&from, &mut still, 2, 2);
        assert_eq!(still, from);
    }

    #[test]
    fn the_loss_falls_and_the_seed_decides() {
        let data = crate::data::mnist::load().unwrap().train.subset(crate::config::Subset::First(1280), 0).unwrap();
        let run = |seed| {
            let mut losses = Vec::new();
            let weights = train_classifier(ClassifierTraining { epochs: 3, seed }, &data, &mut |step| {
                losses.push(step.loss);
                Ok(())
            });
            (weights.unwrap()["classes.weight"].flatten_all().unwrap().to_vec1::<f32>().unwrap(), losses)
        };
        let ((weights, losses), again) = (run(1), run(1));
        assert_eq!((&weights, &losses), (&again.0, &again.1));
        assert_ne!(weights, run(2).0);
        assert!(losses[0] > 2.0 && losses[29] < 0.6 * losses[0], "{losses:?}");
    }
}
