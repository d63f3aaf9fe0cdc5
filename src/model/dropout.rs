//! Dropout (Srivastava et al. 2014) whose masks come from the seed.

use std::cell::Cell;

use candle_core::{Result, Shape, Tensor};
use rayon::prelude::*;

use super::ops::kernels::vectorised;
use super::ops::operation::{Operation, apply};
use crate::rng::Stream;

/// Values that one task draws for.
const CHUNK: usize = 16 * 1024;

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
        let stream = Stream::new(self.seed, "dropout", (self.step << 16) + call);
        let mask = Mask { stream, p, shape: x.shape().clone() };
        if x.device().is_cpu() {
            apply(mask, [x])
        } else {
            let mut factors = vec![1.0; x.elem_count()];
            mask.apply_to(&mut factors);
            x * Tensor::from_vec(factors, x.shape(), x.device())?
        }
    }
}

/// One mask as an operation that draws it again for the gradient instead of keeping it.
struct Mask {
    stream: Stream,
    p: f64,
    shape: Shape,
}

impl Mask {
    /// Drops and scales `values` in place.
    fn apply_to(&self, values: &mut [f32]) {
        values.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, values)| self.apply_to_chunk(chunk, values));
    }

    /// The same for the values of one chunk: the i-th draw of the stream is for the i-th value of all.
    fn apply_to_chunk(&self, chunk: usize, values: &mut [f32]) {
        let keep = (1.0 / (1.0 - self.p)) as f32;
        // `uniform() < p` in whole numbers: 53 bits against p·2⁵³.
        let threshold = (self.p * (1u64 << 53) as f64).ceil() as u64;
        let stream = self.stream.after((chunk * CHUNK) as u64);
        vectorised(
            #[inline(always)]
            || {
                for (i, value) in values.iter_mut().enumerate() {
                    *value *= if stream.bits_at(i as u64) >> 11 < threshold { 0.0 } else { keep };
                }
            },
        );
    }
}

impl Operation for Mask {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn shape(&self) -> Shape {
        self.shape.clone()
    }

    fn forward(&self, inputs: &[&[f32]], y: &mut [f32]) {
        y.par_chunks_mut(CHUNK).zip(inputs[0].par_chunks(CHUNK)).enumerate().for_each(|(chunk, (y, x))| {
            y.copy_from_slice(x);
            self.apply_to_chunk(chunk, y);
        });
    }

    fn backward(&self, _inputs: &[&[f32]], mut dy: Vec<f32>, _wanted: &[bool]) -> Result<Vec<Option<Vec<f32>>>> {
        self.apply_to(&mut dy);
        Ok(vec![Some(dy)])
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn values_are_dropped_at_the_rate_and_the_rest_is_scaled() {
        let count = 5 * CHUNK + 77;
        let x = Var::from_tensor(&Tensor::full(2f32, count, &Device::Cpu).unwrap()).unwrap();
        let y = Dropout::new(3, 8).apply(&x, 0.1).unwrap();
        let values: Vec<f32> = y.to_vec1().unwrap();
        let dropped = values.iter().filter(|value| **value == 0.0).count() as f64 / count as f64;
        assert!((dropped - 0.1).abs() < 0.005, "{dropped}");
        assert!(values.iter().all(|value| *value == 0.0 || (*value - 2.0 / 0.9).abs() < 1e-6));
        // The gradient passes through the same values: it is theirs over the input of 2.
        let gradient: Vec<f32> = y.sum_all().unwrap().backward().unwrap().get(&x).unwrap().to_vec1().unwrap();
        assert!(gradient.iter().zip(&values).all(|(gradient, value)| (2.0 * gradient - value).abs() < 1e-6));
    }

    #[test]
    fn calls_and_steps_have_their_own_masks_and_chunks_one_stream() {
        let x = Tensor::full(1f32, 2 * CHUNK, &Device::Cpu).unwrap();
        let values = |dropout: &Dropout| dropout.apply(&x, 0.5).unwrap().to_vec1::<f32>().unwrap();
        let dropout = Dropout::new(1, 2);
        let (first, second) = (values(&dropout), values(&dropout));
        assert_ne!(first, second);
        assert_ne!(first, values(&Dropout::new(1, 3)));
        assert_eq!(first, values(&Dropout::new(1, 2)));
        let mut stream = Stream::new(1, "dropout", 2 << 16);
        let in_turn: Vec<f32> = first.iter().map(|_| if stream.uniform() < 0.5 { 0.0 } else { 2.0 }).collect();
        assert_eq!(first, in_turn);
    }
}
