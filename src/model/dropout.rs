//! Dropout (Srivastava et al. 2014) whose masks come from the seed.

use std::cell::Cell;

use candle_core::{Result, Tensor};

use crate::rng::Stream;

/// The dropout masks of one training step.
#[derive(Debug)]
pub struct Dropout {
    seed: u64,
    step: u64,
    calls: Cell<u64>,
}

impl Dropout {
    pub fn new(seed: u64, step: u64) -> Self {
        Self { seed, step, calls: Cell::new(0) }
    }

    /// Each value is kept with probability 1 − `p` and scaled by 1/(1 − p), else 0.
    pub fn apply(&self, x: &Tensor, p: f64) -> Result<Tensor> {
        let call = self.calls.replace(self.calls.get() + 1);
        let mut stream = Stream::new(self.seed, "dropout", (self.step << 16) + call);
        let keep = (1.0 / (1.0 - p)) as f32;
        let mask: Vec<f32> = (0..x.elem_count()).map(|_| if stream.uniform() < p { 0.0 } else { keep }).collect();
        x * Tensor::from_vec(mask, x.shape(), x.device())?
    }
}
