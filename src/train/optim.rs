//! AdamW with gradient clipping and a moving average of the weights, in one sweep over memory.

use std::cell::RefCell;
use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, Var, bail};
use rayon::prelude::*;

use crate::config::TrainingSettings;
use crate::model::ops::kernels::vectorised;
use crate::model::ops::slices::with_slices;
use crate::model::params::Named;

/// Values that one task updates.
const CHUNK: usize = 32 * 1024;
/// ε of Adam's denominator (Kingma & Ba 2015, algorithm 1).
const EPSILON: f64 = 1e-8;

/// The weights being trained, their moments and their moving average.
#[derive(Debug)]
pub struct Optimizer {
    pub(super) weights: Vec<Named<Var>>,
    pub(super) moments: Vec<Moments>,
    /// Steps done.
    pub(super) step: u64,
    beta1: f64,
    beta2: f64,
    weight_decay: f64,
    clip_norm: f64,
    ema_decay: f64,
}

/// Adam's moments and the moving average of one weight; no average where its decay is 0: it would be the weight.
#[derive(Debug, Clone)]
pub(super) enum Moments {
    /// On the CPU as plain values, for the fused kernel.
    Host { first: Vec<f32>, second: Vec<f32>, average: Option<Vec<f32>> },
    /// On another device as tensors.
    Device { first: Tensor, second: Tensor, average: Option<Tensor> },
}

/// The numbers of one update, the same for every weight.
#[derive(Debug, Clone, Copy)]
struct Update {
    beta1: f32,
    beta2: f32,
    /// Learning rate over 1 − β₁ᵏ.
    rate: f32,
    /// 1/√(1 − β₂ᵏ).
    second_scale: f32,
    /// 1 − learning rate · weight decay.
    keep: f32,
    /// What the gradient is multiplied by so that its norm is at most the clipping norm.
    clip: f32,
    /// Share of the new weight in the moving average.
    average_share: f32,
}

impl Optimizer {
    /// Moments at zero; the moving average begins at the weights.
    ///
    /// # Errors
    /// When a weight cannot be read.
    pub fn new(weights: Vec<Named<Var>>, settings: &TrainingSettings) -> Result<Self> {
        let averaged = settings.ema_decay > 0.0;
        let moments = weights
            .iter()
            .map(|(_, weight)| {
                Ok(if weight.device().is_cpu() {
                    let zeros = vec![0.0; weight.elem_count()];
                    let average = averaged.then(|| weight.flatten_all()?.to_vec1()).transpose()?;
                    Moments::Host { first: zeros.clone(), second: zeros, average }
                } else {
                    let zeros = weight.zeros_like()?.detach();
                    let average = averaged.then(|| weight.as_tensor().copy()).transpose()?.map(|copy| copy.detach());
                    Moments::Device { first: zeros.clone(), second: zeros, average }
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            weights,
            moments,
            step: 0,
            beta1: settings.beta1,
            beta2: settings.beta2,
            weight_decay: settings.weight_decay,
            clip_norm: settings.clip_norm,
            ema_decay: settings.ema_decay,
        })
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

    /// One update of every weight (Loshchilov & Hutter 2019, algorithm 2) and of its moving average.
    ///
    /// # Errors
    /// When a gradient is missing or has another shape.
    pub fn update(&mut self, gradients: &GradStore, gradient_norm: f64, learning_rate: f64) -> Result<()> {
        let k = self.step as f64;
        let count = (self.step + 1) as f64;
        let clip = if self.clip_norm > 0.0 { (self.clip_norm / (gradient_norm + 1e-6)).min(1.0) } else { 1.0 };
        let update = Update {
            beta1: self.beta1 as f32,
            beta2: self.beta2 as f32,
            rate: (learning_rate / (1.0 - self.beta1.powf(count))) as f32,
            second_scale: (1.0 / (1.0 - self.beta2.powf(count)).sqrt()) as f32,
            keep: (1.0 - learning_rate * self.weight_decay) as f32,
            clip: clip as f32,
            average_share: (1.0 - self.ema_decay.min((1.0 + k) / (10.0 + k))) as f32,
        };
        for ((name, weight), moments) in self.weights.iter().zip(&mut self.moments) {
            let Some(gradient) = gradients.get(weight) else { bail!("{name} has no gradient") };
            match moments {
                Moments::Host { first, second, average } => {
                    let state = RefCell::new(Slices { first, second, average: average.as_mut() });
                    weight.inplace_op2(&gradient.contiguous()?, &Fused { update, state })?;
                }
                Moments::Device { first, second, average } => {
                    update.on_device(weight, gradient, first, second, average.as_mut())?;
                }
            }
        }
        self.step += 1;
        Ok(())
    }
}

struct Slices<'a> {
    first: &'a mut [f32],
    second: &'a mut [f32],
    average: Option<&'a mut Vec<f32>>,
}

/// The update of one weight as an operation in place, which is how Candle lends a tensor's storage mutably.
struct Fused<'a> {
    update: Update,
    state: RefCell<Slices<'a>>,
}

impl InplaceOp2 for Fused<'_> {
    fn name(&self) -> &'static str {
        "adamw-ema"
    }

    fn cpu_fwd(&self, weight: &mut CpuStorage, layout: &Layout, gradient: &CpuStorage, of: &Layout) -> Result<()> {
        let (CpuStorage::F32(weight), CpuStorage::F32(gradient)) = (weight, gradient) else {
            bail!("the optimizer works on f32");
        };
        let (Some((start, end)), Some((from, to))) = (layout.contiguous_offsets(), of.contiguous_offsets()) else {
            bail!("the optimizer works on contiguous weights");
        };
        let update = self.update;
        let mut state = self.state.borrow_mut();
        let Slices { first, second, average } = &mut *state;
        let chunks = first.len().div_ceil(CHUNK);
        let averages: Vec<Option<&mut [f32]>> = match average {
            Some(average) => average.chunks_mut(CHUNK).map(Some).collect(),
            None => std::iter::repeat_with(|| None).take(chunks).collect(),
        };
        let states = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK)).zip(averages);
        weight[start..end].par_chunks_mut(CHUNK).zip(gradient[from..to].par_chunks(CHUNK)).zip(states).for_each(
            |((weight, gradient), ((first, second), average))| {
                update.on_host(weight, gradient, first, second, average);
            },
        );
        Ok(())
    }
}

impl Update {
    fn on_host(
        &self,
        weight: &mut [f32],
        gradient: &[f32],
        first: &mut [f32],
        second: &mut [f32],
        average: Option<&mut [f32]>,
    ) {
        vectorised(
            #[inline(always)]
            || {
                let states = first.iter_mut().zip(second.iter_mut());
                for ((w, g), (m, v)) in weight.iter_mut().zip(gradient).zip(states) {
                    let g = g * self.clip;
                    *m = self.beta1 * *m + (1.0 - self.beta1) * g;
                    *v = self.beta2 * *v + (1.0 - self.beta2) * g * g;
                    *w = self.keep * *w - self.rate * *m / (v.sqrt() * self.second_scale + EPSILON as f32);
                }
            },
        );
        let Some(average) = average else { return };
        vectorised(
            #[inline(always)]
            || {
                for (a, w) in average.iter_mut().zip(weight.iter()) {
                    *a += self.average_share * (*w - *a);
                }
            },
        );
    }

    fn on_device(
        &self,
        weight: &Var,
        gradient: &Tensor,
        first: &mut Tensor,
        second: &mut Tensor,
        average: Option<&mut Tensor>,
    ) -> Result<()> {
        let (beta1, beta2) = (f64::from(self.beta1), f64::from(self.beta2));
        let gradient = gradient.affine(f64::from(self.clip), 0.0)?.detach();
        *first = (first.affine(beta1, 0.0)? + gradient.affine(1.0 - beta1, 0.0)?)?;
        *second = (second.affine(beta2, 0.0)? + gradient.sqr()?.affine(1.0 - beta2, 0.0)?)?;
        let denominator = second.sqrt()?.affine(f64::from(self.second_scale), EPSILON)?;
        let change = (&*first / denominator)?.affine(f64::from(self.rate), 0.0)?;
        let updated = (weight.as_detached_tensor().affine(f64::from(self.keep), 0.0)? - change)?;
        weight.set(&updated)?;
        if let Some(average) = average {
            let share = f64::from(self.average_share);
            *average = (average.affine(1.0 - share, 0.0)? + updated.affine(share, 0.0)?)?;
        }
        Ok(())
    }
}

fn sum_of_squares(values: &[f32]) -> f64 {
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
            optimizer.update(&gradients, norm, 0.01).unwrap();

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
