//! AdamW (Loshchilov & Hutter 2019, algorithm 2) and the moving average of the weights, in one sweep over memory.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, Var, bail};
use rayon::prelude::*;

use super::{CHUNK, average_on_device, average_on_host, check_size};
use crate::config::TrainingSettings;
use crate::model::ops::kernels::vectorised;
use crate::model::ops::slices::of_cpu;

/// ε of Adam's denominator (Kingma & Ba 2015, algorithm 1).
const EPSILON: f64 = 1e-8;

/// One step: the numbers that are the same for every weight.
#[derive(Debug, Clone, Copy)]
pub struct AdamW {
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

impl AdamW {
    /// The `count`-th step, at `share` of the full learning rate.
    pub fn new(settings: &TrainingSettings, count: u64, share: f64, clip: f32, average_share: f32) -> Self {
        let &TrainingSettings { beta1, beta2, weight_decay, .. } = settings;
        let (learning_rate, count) = (settings.learning_rate * share, count as f64);
        Self {
            beta1: beta1 as f32,
            beta2: beta2 as f32,
            rate: (learning_rate / (1.0 - beta1.powf(count))) as f32,
            second_scale: (1.0 / (1.0 - beta2.powf(count)).sqrt()) as f32,
            keep: (1.0 - learning_rate * weight_decay) as f32,
            clip,
            average_share,
        }
    }

    /// Steps a weight on the CPU, its moments and its average.
    ///
    /// # Errors
    /// When the gradient has another size or type.
    pub fn on_host(
        self,
        weight: &Var,
        gradient: &Tensor,
        first: &mut [f32],
        second: &mut [f32],
        average: Option<&mut [f32]>,
    ) -> Result<()> {
        weight.inplace_op2(gradient, &Fused { step: self, state: RefCell::new(Slices { first, second, average }) })
    }

    fn on_chunk(
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
        average_on_host(average, weight, self.average_share);
    }

    /// [`AdamW::on_host`] with tensors of any device.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn on_device(
        self,
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
        average_on_device(average, &updated, f64::from(self.average_share))
    }
}

struct Slices<'a> {
    first: &'a mut [f32],
    second: &'a mut [f32],
    average: Option<&'a mut [f32]>,
}

/// The update of one weight as an operation in place, which is how Candle lends a tensor's storage mutably.
struct Fused<'a> {
    step: AdamW,
    state: RefCell<Slices<'a>>,
}

impl InplaceOp2 for Fused<'_> {
    fn name(&self) -> &'static str {
        "adamw-ema"
    }

    fn cpu_fwd(&self, weight: &mut CpuStorage, layout: &Layout, gradient: &CpuStorage, of: &Layout) -> Result<()> {
        let (CpuStorage::F32(weight), Some((start, end))) = (weight, layout.contiguous_offsets()) else {
            bail!("the optimizer works on contiguous f32");
        };
        let (weight, gradient) = (&mut weight[start..end], of_cpu(gradient, of)?);
        check_size(weight, gradient)?;
        let (step, mut state) = (self.step, self.state.borrow_mut());
        let Slices { first, second, average } = &mut *state;
        let chunks = first.len().div_ceil(CHUNK);
        let averages: Vec<Option<&mut [f32]>> = match average {
            Some(average) => average.chunks_mut(CHUNK).map(Some).collect(),
            None => std::iter::repeat_with(|| None).take(chunks).collect(),
        };
        let states = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK)).zip(averages);
        weight.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(states).for_each(
            |((weight, gradient), ((first, second), average))| {
                step.on_chunk(weight, gradient, first, second, average);
            },
        );
        Ok(())
    }
}
