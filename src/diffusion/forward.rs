//! The forward process: noising an image to any timestep in one step.

use candle_core::Tensor;

use super::Schedule;
use super::mix::mix;
use crate::Result;

/// x_t = √ᾱ_t·x₀ + √(1−ᾱ_t)·ε, a draw from q(x_t|x₀) (Ho et al. 2020, eq. 4).
///
/// `x0` and `eps` are `[B, …]`, images in [-1, 1] and standard normals; `t` holds one timestep, or B.
///
/// # Errors
/// [`Error::Tensor`](crate::Error::Tensor) when the shapes do not agree.
pub fn q_sample(schedule: &Schedule, x0: &Tensor, t: &[usize], eps: &Tensor) -> Result<Tensor> {
    mix(t, |t| schedule.sqrt_alpha_bar(t), x0, |t| schedule.sqrt_one_minus_alpha_bar(t), eps)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::*;
    use crate::rng::Stream;

    /// Noising step by step, x_s = √α_s·x_{s−1} + √β_s·ε_s (eq. 2), must give the same mean and variance.
    #[test]
    fn one_jump_has_the_distribution_of_many_steps() {
        let schedule = Schedule::linear(40, 0.01, 0.1).unwrap();
        let (n, x0, last) = (40_000, 0.8, 25);
        let mut stream = Stream::new(1, "test", 0);
        let mut walked = vec![x0; n];
        for t in 0..=last {
            let beta = schedule.beta(t);
            for x in &mut walked {
                *x = (1.0 - beta).sqrt() * *x + beta.sqrt() * stream.normal();
            }
        }
        let eps: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        let eps = Tensor::from_vec(eps, (n, 1), &Device::Cpu).unwrap();
        let start = Tensor::full(x0, (n, 1), &Device::Cpu).unwrap();
        let jumped = q_sample(&schedule, &start, &[last], &eps).unwrap().flatten_all().unwrap();
        let moments = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / n as f64;
            (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64)
        };
        let ((mean, variance), (walked_mean, walked_variance)) =
            (moments(&jumped.to_vec1::<f64>().unwrap()), moments(&walked));
        assert!((mean - walked_mean).abs() < 0.02, "{mean} {walked_mean}");
        assert!((variance - walked_variance).abs() < 0.02, "{variance} {walked_variance}");
    }

    #[test]
    fn each_image_may_have_its_own_timestep_and_f32_is_kept() {
        let schedule = Schedule::linear(1000, 1e-4, 0.2).unwrap();
        let x0 = Tensor::full(1f32, (3, 1, 2, 2), &Device::Cpu).unwrap();
        let eps = Tensor::full(-2f32, (3, 1, 2, 2), &Device::Cpu).unwrap();
        let t = [0, 100, 999];
        let x_t = q_sample(&schedule, &x0, &t, &eps).unwrap();
        assert_eq!((x_t.dtype(), x_t.dims()), (DType::F32, &[3, 1, 2, 2][..]));
        let first: Vec<f32> =
            x_t.flatten_from(1).unwrap().narrow(1, 0, 1).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        for (value, t) in first.into_iter().zip(t) {
            let expected = schedule.sqrt_alpha_bar(t) - 2.0 * schedule.sqrt_one_minus_alpha_bar(t);
            assert!((f64::from(value) - expected).abs() < 1e-6, "t = {t}");
        }
    }
}
