//! What a network's output says about the image and the noise: ε, v and x̂₀, each from the others.
//!
//! The three are linked by x_t = √ᾱ·x₀ + √(1−ᾱ)·ε and v = √ᾱ·ε − √(1−ᾱ)·x₀, a rotation by the angle of the
//! noise level (Salimans & Ho 2022, section 4). Timesteps `t` are one for the batch, or one an image.

use candle_core::{DType, Tensor};

use super::Schedule;
use super::mix::{mix, scale};
use super::thresholding::threshold;
use crate::Result;
use crate::config::{Prediction, Thresholding};

/// The image and the noise that a network's output implies, `x_t = √ᾱ·x0_hat + √(1−ᾱ)·eps_hat`.
#[derive(Debug, Clone)]
pub struct Estimate {
    pub x0_hat: Tensor,
    pub eps_hat: Tensor,
}

impl Estimate {
    /// Reads `output`, the network's raw answer to `x_t` at `t`; all tensors are `[B, …]`.
    ///
    /// # Errors
    /// [`Error::Tensor`](crate::Error::Tensor) when the shapes do not agree.
    pub fn new(
        schedule: &Schedule,
        prediction: Prediction,
        x_t: &Tensor,
        output: &Tensor,
        t: &[usize],
    ) -> Result<Self> {
        let (x0_hat, eps_hat) = match prediction {
            Prediction::Eps => (x0_from_eps(schedule, x_t, output, t)?, output.clone()),
            Prediction::V => (x0_from_v(schedule, x_t, output, t)?, eps_from_v(schedule, x_t, output, t)?),
        };
        Ok(Self { x0_hat, eps_hat })
    }

    /// The same with x̂₀ brought into [-1, 1], the range of images, and ε̂ to what x_t then leaves for it.
    ///
    /// # Errors
    /// As [`Estimate::new`].
    pub fn thresholded(self, how: Thresholding, schedule: &Schedule, x_t: &Tensor, t: &[usize]) -> Result<Self> {
        if how == Thresholding::None {
            return Ok(self);
        }
        let x0_hat = threshold(how, &self.x0_hat)?;
        let eps_hat = eps_from_x0(schedule, x_t, &x0_hat, t)?;
        Ok(Self { x0_hat, eps_hat })
    }

    /// The v of this pair.
    ///
    /// # Errors
    /// As [`Estimate::new`].
    pub fn v(&self, schedule: &Schedule, t: &[usize]) -> Result<Tensor> {
        v_from_pair(schedule, &self.x0_hat, &self.eps_hat, t)
    }
}

/// What the network should answer: ε, or v = √ᾱ·ε − √(1−ᾱ)·x₀ (Salimans & Ho 2022, section 4).
///
/// # Errors
/// [`Error::Tensor`](crate::Error::Tensor) when the shapes do not agree.
pub fn target(schedule: &Schedule, prediction: Prediction, x0: &Tensor, eps: &Tensor, t: &[usize]) -> Result<Tensor> {
    match prediction {
        Prediction::Eps => Ok(eps.clone()),
        Prediction::V => v_from_pair(schedule, x0, eps, t),
    }
}

/// x̂₀ = (x_t − √(1−ᾱ)·ε)/√ᾱ (Ho et al. 2020, eq. 15), finite at every t.
///
/// Where √ᾱ is under the rounding of the tensor's own type, x_t *is* ε to the last bit and x₀ cannot be known from
/// it. √ᾱ is held at that rounding there, so that x̂₀ shrinks to 0, the middle of the range, and what is left of
/// rounding stays of the size of an image. No update notices: all of them weigh x̂₀ with about √ᾱ.
pub fn x0_from_eps(schedule: &Schedule, x_t: &Tensor, eps: &Tensor, t: &[usize]) -> Result<Tensor> {
    let rounding = if x_t.dtype() == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
    // The difference first: it is exact where x_t and the noise are nearly equal, as √ᾱ is small.
    let signal = (x_t - scale(t, |t| schedule.sqrt_one_minus_alpha_bar(t), eps)?)?;
    scale(t, |t| 1.0 / schedule.sqrt_alpha_bar(t).max(rounding), &signal)
}

/// x̂₀ = √ᾱ·x_t − √(1−ᾱ)·v (Salimans & Ho 2022, section 4).
pub fn x0_from_v(schedule: &Schedule, x_t: &Tensor, v: &Tensor, t: &[usize]) -> Result<Tensor> {
    mix(t, |t| schedule.sqrt_alpha_bar(t), x_t, |t| -schedule.sqrt_one_minus_alpha_bar(t), v)
}

/// ε̂ = √(1−ᾱ)·x_t + √ᾱ·v.
pub fn eps_from_v(schedule: &Schedule, x_t: &Tensor, v: &Tensor, t: &[usize]) -> Result<Tensor> {
    mix(t, |t| schedule.sqrt_one_minus_alpha_bar(t), x_t, |t| schedule.sqrt_alpha_bar(t), v)
}

/// ε̂ = (x_t − √ᾱ·x̂₀)/√(1−ᾱ).
pub fn eps_from_x0(schedule: &Schedule, x_t: &Tensor, x0: &Tensor, t: &[usize]) -> Result<Tensor> {
    let noise = (x_t - scale(t, |t| schedule.sqrt_alpha_bar(t), x0)?)?;
    scale(t, |t| 1.0 / schedule.sqrt_one_minus_alpha_bar(t), &noise)
}

/// v = √ᾱ·ε − √(1−ᾱ)·x₀.
pub fn v_from_pair(schedule: &Schedule, x0: &Tensor, eps: &Tensor, t: &[usize]) -> Result<Tensor> {
    mix(t, |t| schedule.sqrt_alpha_bar(t), eps, |t| -schedule.sqrt_one_minus_alpha_bar(t), x0)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::*;
    use crate::diffusion::q_sample;
    use crate::rng::Stream;

    fn values(tensor: &Tensor) -> Vec<f64> {
        tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
        values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    /// Four images in [-1, 1] and their noise.
    fn images_and_noise(dtype: DType) -> (Tensor, Tensor) {
        let mut stream = Stream::new(5, "test", 0);
        let mut tensor = |draw: fn(&mut Stream) -> f64| {
            let values: Vec<f64> = (0..24).map(|_| draw(&mut stream)).collect();
            Tensor::from_vec(values, (4, 1, 2, 3), &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
        };
        (tensor(|stream| 2.0 * stream.uniform() - 1.0), tensor(Stream::normal))
    }

    #[test]
    fn the_true_answer_gives_back_the_image_and_the_noise() {
        let schedule = Schedule::cosine(1000).unwrap();
        let (x0, eps) = images_and_noise(DType::F64);
        for t in [&[0usize][..], &[700], &[0, 1, 500, 950]] {
            let x_t = q_sample(&schedule, &x0, t, &eps).unwrap();
            for prediction in [Prediction::Eps, Prediction::V] {
                let answer = target(&schedule, prediction, &x0, &eps, t).unwrap();
                let found = Estimate::new(&schedule, prediction, &x_t, &answer, t).unwrap();
                assert!(largest_difference(&found.x0_hat, &x0) < 1e-12, "{prediction:?} {t:?}");
                assert!(largest_difference(&found.eps_hat, &eps) < 1e-12, "{prediction:?} {t:?}");
                let v = target(&schedule, Prediction::V, &x0, &eps, t).unwrap();
                assert!(largest_difference(&found.v(&schedule, t).unwrap(), &v) < 1e-12);
            }
        }
    }

    #[test]
    fn clipping_keeps_the_pair_consistent_with_x_t() {
        let schedule = Schedule::linear(1000, 1e-4, 0.02).unwrap();
        let (x0, eps) = images_and_noise(DType::F64);
        let x_t = q_sample(&schedule, &(x0 * 3.0).unwrap(), &[300], &eps).unwrap();
        let clipped = Estimate::new(&schedule, Prediction::Eps, &x_t, &eps, &[300]).unwrap();
        let clipped = clipped.thresholded(Thresholding::Static, &schedule, &x_t, &[300]).unwrap();
        assert!(values(&clipped.x0_hat).iter().all(|x| x.abs() <= 1.0));
        let again = q_sample(&schedule, &clipped.x0_hat, &[300], &clipped.eps_hat).unwrap();
        assert!(largest_difference(&again, &x_t) < 1e-12);
    }

    /// √ᾱ is 4.6e-24 at the end of this schedule: its reciprocal squared is beyond f32, and x_t equals ε.
    #[test]
    fn estimates_stay_of_the_size_of_images_where_alpha_bar_underflows_f32() {
        let schedule = Schedule::linear(1000, 1e-4, 0.2).unwrap();
        let (x0, eps) = images_and_noise(DType::F32);
        for t in [480, 560, 700, 999] {
            let x_t = q_sample(&schedule, &x0, &[t], &eps).unwrap();
            for prediction in [Prediction::Eps, Prediction::V] {
                let answer = target(&schedule, prediction, &x0, &eps, &[t]).unwrap();
                let found = Estimate::new(&schedule, prediction, &x_t, &answer, &[t]).unwrap();
                assert!(values(&found.x0_hat).iter().all(|x| x.abs() < 8.0), "{prediction:?} t = {t}");
                assert!(largest_difference(&found.eps_hat, &eps) < 1e-5, "{prediction:?} t = {t}");
            }
        }
    }
}
