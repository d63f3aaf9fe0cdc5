//! The optimizers, with gradient clipping and a moving average of the weights: AdamW for every weight, or Muon for
//! the matrices and AdamW for the rest.

mod adamw;
mod muon;

use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var, bail};
use rayon::prelude::*;

use adamw::AdamW;
use muon::Muon;

use crate::config::{OptimizerKind, TrainingSettings};
use crate::model::ops::kernels::vectorised;
use crate::model::ops::slices::with_slices;
use crate::model::params::Named;

/// Values that one task updates.
const CHUNK: usize = 32 * 1024;

/// The weights being trained, their moments and their moving average.
#[derive(Debug)]
pub struct Optimizer {
    pub(super) weights: Vec<Named<Var>>,
    pub(super) moments: Vec<Moments>,
    /// Steps done.
    pub(super) step: u64,
    settings: TrainingSettings,
}

/// What is kept of the steps so far for one weight. No second moment where Muon steps it; no average where its decay
/// is 0: it would be the weight.
#[derive(Debug, Clone)]
pub(super) enum Moments {
    /// On the CPU as plain values, for the fused kernels.
    Host { first: Vec<f32>, second: Option<Vec<f32>>, average: Option<Vec<f32>> },
    /// On another device as tensors.
    Device { first: Tensor, second: Option<Tensor>, average: Option<Tensor> },
}

impl Moments {
    fn new(weight: &Var, settings: &TrainingSettings) -> Result<Self> {
        let (by_adam, averaged) = (has_second_moment(settings, weight.dims()), settings.ema_decay > 0.0);
        Ok(if weight.device().is_cpu() {
            let zeros = vec![0.0; weight.elem_count()];
            let average = averaged.then(|| weight.flatten_all()?.to_vec1()).transpose()?;
            Self::Host { second: by_adam.then(|| zeros.clone()), first: zeros, average }
        } else {
            let zeros = weight.zeros_like()?.detach();
            let average = averaged.then(|| weight.as_tensor().copy()).transpose()?.map(|copy| copy.detach());
            Self::Device { second: by_adam.then(|| zeros.clone()), first: zeros, average }
        })
    }

    /// Whether there is a second moment: of AdamW, not of Muon.
    pub(super) fn has_second(&self) -> bool {
        match self {
            Self::Host { second, .. } => second.is_some(),
            Self::Device { second, .. } => second.is_some(),
        }
    }
}

impl Optimizer {
    /// Moments at zero; the moving average begins at the weights.
    ///
    /// # Errors
    /// When a weight cannot be read.
    pub fn new(weights: Vec<Named<Var>>, settings: &TrainingSettings) -> Result<Self> {
        let moments = weights.iter().map(|(_, weight)| Moments::new(weight, settings));
        Ok(Self { moments: moments.collect::<Result<_>>()?, weights, step: 0, settings: settings.clone() })
    }

    /// Count of trainable values.
    pub fn parameters(&self) -> usize {
        self.weights.iter().map(|(_, weight)| weight.elem_count()).sum()
    }

    /// Copies of the weights, or of their moving average, by name. Without a moving average both are the same.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn copies(&self, averaged: bool) -> crate::Result<HashMap<String, Tensor>> {
        let entries = self.weights.iter().zip(&self.moments);
        entries
            .map(|((name, weight), moments)| {
                let copy = match moments {
                    Moments::Host { average: Some(average), .. } if averaged => {
                        Tensor::from_slice(average, weight.shape(), weight.device())?
                    }
                    Moments::Device { average: Some(average), .. } if averaged => average.copy()?,
                    Moments::Host { .. } | Moments::Device { .. } => weight.as_detached_tensor().copy()?,
                };
                Ok((name.clone(), copy))
            })
            .collect()
    }

    /// Whether every weight is a finite number.
    ///
    /// # Errors
    /// When a weight cannot be read.
    pub fn is_finite(&self) -> Result<bool> {
        for (_, weight) in &self.weights {
            let sum = if weight.device().is_cpu() {
                with_slices([weight.as_tensor()], |[values]| sum_of_squares(values))?
            } else {
                f64::from(weight.as_detached_tensor().sum_all()?.to_scalar::<f32>()?)
            };
            if !sum.is_finite() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Global L2 norm of the gradient, summed in f64 in a fixed order.
    ///
    /// # Errors
    /// When a weight has no gradient: the graph was cut.
    pub fn gradient_norm(&self, gradients: &GradStore) -> Result<f64> {
        let mut sum = 0.0;
        for (name, weight) in &self.weights {
            let Some(gradient) = gradients.get(weight) else { bail!("{name} has no gradient") };
            sum += if gradient.device().is_cpu() {
                with_slices([&gradient.contiguous()?], |[values]| sum_of_squares(values))?
            } else {
                f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?)
            };
        }
        Ok(sum.sqrt())
    }

    /// One step of every weight and of its moving average, at `share` of the full learning rates.
    ///
    /// # Errors
    /// When a gradient is missing or has another shape.
    pub fn update(&mut self, gradients: &GradStore, gradient_norm: f64, share: f64) -> Result<()> {
        let settings = &self.settings;
        let k = self.step as f64;
        let clip_norm = settings.clip_norm;
        let clip = if clip_norm > 0.0 { (clip_norm / (gradient_norm + 1e-6)).min(1.0) as f32 } else { 1.0 };
        let average_share = (1.0 - settings.ema_decay.min((1.0 + k) / (10.0 + k))) as f32;
        let adamw = AdamW::new(settings, self.step + 1, share, clip, average_share);
        let muon = Muon::new(settings, share, clip, average_share);
        // In parallel, as Muon's matrices are too small to be worth it one by one.
        self.weights.par_iter().zip(&mut self.moments).try_for_each(|((name, weight), moments)| {
            let Some(gradient) = gradients.get(weight) else { bail!("{name} has no gradient") };
            let gradient = gradient.contiguous()?;
            match moments {
                Moments::Host { first, second: Some(second), average } => {
                    adamw.on_host(weight, &gradient, first, second, average.as_deref_mut())
                }
                Moments::Host { first, second: None, average } => {
                    muon.on_host(weight, &gradient, first, average.as_deref_mut())
                }
                Moments::Device { first, second: Some(second), average } => {
                    adamw.on_device(weight, &gradient, first, second, average.as_mut())
                }
                Moments::Device { first, second: None, average } => {
                    muon.on_device(weight, &gradient, first, average.as_mut())
                }
            }
        })?;
        self.step += 1;
        Ok(())
    }
}

/// Whether a weight of this shape is stepped by AdamW, which keeps a second moment, and not by Muon.
pub(super) fn has_second_moment(settings: &TrainingSettings, dims: &[usize]) -> bool {
    settings.optimizer != OptimizerKind::Muon || muon::matrix(dims).is_none()
}

/// A gradient of another size would be taken in part, or past its end.
fn check_size(weight: &[f32], gradient: &[f32]) -> Result<()> {
    if gradient.len() != weight.len() {
        bail!("a gradient of {} values for a weight of {}", gradient.len(), weight.len());
    }
    Ok(())
}

/// average ← average + share·(weight − average), where an average is kept.
fn average_on_host(average: Option<&mut [f32]>, weight: &[f32], share: f32) {
    let Some(average) = average else { return };
    vectorised(
        #[inline(always)]
        || {
            for (average, weight) in average.iter_mut().zip(weight) {
                *average += share * (*weight - *average);
            }
        },
    );
}

/// [`average_on_host`] with tensors of any device.
fn average_on_device(average: Option<&mut Tensor>, weight: &Tensor, share: f64) -> Result<()> {
    if let Some(average) = average {
        *average = (average.affine(1.0 - share, 0.0)? + weight.affine(share, 0.0)?)?;
    }
    Ok(())
}

/// Not finite exactly where some value is not: squares of f32 never overflow f64.
pub(super) fn sum_of_squares(values: &[f32]) -> f64 {
    let parts: Vec<f64> = values
        .par_chunks(CHUNK)
        .map(|chunk| {
            // Sixteen lanes, so that the compiler may add in vectors without changing the order of the sum.
            let mut lanes = [0.0f64; 16];
            vectorised(
                #[inline(always)]
                || {
                    for part in chunk.chunks(16) {
                        for (sum, value) in lanes.iter_mut().zip(part) {
                            *sum += f64::from(*value) * f64::from(*value);
                        }
                    }
                },
            );
            lanes.iter().sum()
        })
        .collect();
    parts.iter().sum()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::config::Preset;

    /// Three steps against the textbook in f64, with clipping active in the second.
    #[test]
    fn agrees_with_the_algorithm_written_out() {
        let settings = TrainingSettings {
            weight_decay: 0.1,
            clip_norm: 1.0,
            ema_decay: 0.5,
            beta2: 0.99,
            learning_rate: 0.02,
            ..Preset::Small.settings().training
        };
        let var = Var::from_vec(vec![1.0f32, -2.0, 0.5], 3, &Device::Cpu).unwrap();
        let mut optimizer = Optimizer::new(vec![("w".into(), var.clone())], &settings).unwrap();
        let (mut w, mut m, mut v, mut a) = ([1.0f64, -2.0, 0.5], [0.0; 3], [0.0; 3], [1.0f64, -2.0, 0.5]);
        for (k, scale) in [0.1, 3.0, 0.2].into_iter().enumerate() {
            // loss = scale · Σ w², gradient = 2·scale·w
            let loss = (var.sqr().unwrap().sum_all().unwrap() * scale).unwrap();
            let gradients = loss.backward().unwrap();
            let norm = optimizer.gradient_norm(&gradients).unwrap();
            optimizer.update(&gradients, norm, 0.5).unwrap();

            let gradient = w.map(|w| 2.0 * scale * w);
            let exact_norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            assert!((norm - exact_norm).abs() < 1e-5 * exact_norm);
            let clip = (1.0 / (exact_norm + 1e-6)).min(1.0);
            let decay = 0.5f64.min((1.0 + k as f64) / (10.0 + k as f64));
            let count = k as i32 + 1;
            for i in 0..3 {
                let g = gradient[i] * clip;
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.99 * v[i] + 0.01 * g * g;
                let (m_hat, v_hat) = (m[i] / (1.0 - 0.9f64.powi(count)), v[i] / (1.0 - 0.99f64.powi(count)));
                w[i] = w[i] * (1.0 - 0.01 * 0.1) - 0.01 * m_hat / (v_hat.sqrt() + 1e-8);
                a[i] = decay * a[i] + (1.0 - decay) * w[i];
            }
        }
        let got: Vec<f32> = var.to_vec1().unwrap();
        let Moments::Host { average: Some(average), .. } = &optimizer.moments[0] else { panic!("no plain average") };
        for i in 0..3 {
            assert!((f64::from(got[i]) - w[i]).abs() < 1e-5, "weight {i}: {} {}", got[i], w[i]);
            assert!((f64::from(average[i]) - a[i]).abs() < 1e-5, "average {i}");
        }
    }
}
