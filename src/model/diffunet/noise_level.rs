//! Noise levels in place of timesteps: deepinv's `forward_denoise`, on the schedule that `DiffUNet` was made for.

use candle_core::{Result, Tensor};

/// Timesteps of the schedule.
const TIMESTEPS: usize = 1000;
const BETA_START: f32 = 0.1 / 1000.0;
const BETA_END: f32 = 20.0 / 1000.0;

/// √(1−ᾱ) and √ᾱ of 1,000 timesteps, β from 0.0001 to 0.02.
#[derive(Debug)]
pub struct Schedule {
    sqrt_1m_alphas_cumprod: Vec<f32>,
    sqrt_alphas_cumprod: Vec<f32>,
}

/// The two tensors that a state dict of `DiffUNet` holds beside the weights, `[1000]` each: constants.
pub fn buffers() -> [(&'static str, Vec<f32>); 2] {
    let Schedule { sqrt_1m_alphas_cumprod, sqrt_alphas_cumprod } = Schedule::new();
    [("sqrt_1m_alphas_cumprod", sqrt_1m_alphas_cumprod), ("sqrt_alphas_cumprod", sqrt_alphas_cumprod)]
}

impl Schedule {
    /// In f32 as PyTorch rounds it: `linspace` from both ends to the middle, `cumprod` summed in f64.
    pub fn new() -> Self {
        let step = (BETA_END - BETA_START) / (TIMESTEPS - 1) as f32;
        let beta = |i: usize| match i {
            i if i < TIMESTEPS / 2 => step.mul_add(i as f32, BETA_START),
            i => (-step).mul_add((TIMESTEPS - 1 - i) as f32, BETA_END),
        };
        let mut product = 1.0f64;
        let alphas_cumprod = (0..TIMESTEPS).map(|i| {
            product *= f64::from(1.0 - beta(i));
            product as f32
        });
        let (sqrt_1m_alphas_cumprod, sqrt_alphas_cumprod) =
            alphas_cumprod.map(|alpha_bar| ((1.0 - alpha_bar).sqrt(), alpha_bar.sqrt())).unzip();
        Self { sqrt_1m_alphas_cumprod, sqrt_alphas_cumprod }
    }

    /// The images `[B, H, W, C]` of [0, 1], in `y` = x + σ·ε with `sigma` `[B]`, that a predictor of noise finds.
    ///
    /// `y` becomes `x_t` = √α·(2y − 1) with α = 1/(1 + 4σ²), whose noise is 2σ√α, at the timestep with the nearest
    /// √(1−ᾱ_t); the result is (x_t − 2σ√α·ε̂)/√ᾱ_t, kept within [-1, 1] and brought to [0, 1].
    pub fn denoised(
        &self,
        y: &Tensor,
        sigma: &Tensor,
        eps: impl FnOnce(&Tensor, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let sigma: Vec<f32> = sigma.to_vec1()?;
        let sqrt_alpha: Vec<f32> = sigma.iter().map(|s| (1.0 / (1.0 + 4.0 * s * s)).sqrt()).collect();
        let noise: Vec<f32> = sigma.iter().zip(&sqrt_alpha).map(|(s, root)| s * root * 2.0).collect();
        let timesteps: Vec<usize> = noise.iter().map(|noise| self.timestep(*noise)).collect();
        let per_image = |values: Vec<f32>| {
            let count = values.len();
            Tensor::from_vec(values, (count, 1, 1, 1), y.device())
        };
        let scale = per_image(timesteps.iter().map(|&t| self.sqrt_alphas_cumprod[t]).collect())?;
        let t = Tensor::from_iter(timesteps.iter().map(|&t| t as f32), y.device())?;
        let x_t = y.affine(2.0, -1.0)?.broadcast_mul(&per_image(sqrt_alpha)?)?;
        let eps = eps(&x_t, &t)?;
        let x0 = (&x_t - eps.broadcast_mul(&per_image(noise)?)?)?.broadcast_div(&scale)?;
        x0.clamp(-1f32, 1f32)?.affine(0.5, 0.5)
    }

    /// The first timestep with the √(1−ᾱ) nearest to `noise`.
    fn timestep(&self, noise: f32) -> usize {
        let mut nearest = (0, f32::INFINITY);
        for (t, level) in self.sqrt_1m_alphas_cumprod.iter().enumerate() {
            let distance = (level - noise).abs();
            if distance < nearest.1 {
                nearest = (t, distance);
            }
        }
        nearest.0
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// deepinv 0.5.0's buffers under PyTorch 2.15, whose vectorised square root may be off by its last bit.
    #[test]
    fn the_constants_are_those_that_pytorch_computes() {
        let expected = [
            ("sqrt_1m_alphas_cumprod", [0.010_000_83, 0.014_830_413, 0.691_792_6, 0.960_314_2, 0.999_979_85]),
            ("sqrt_alphas_cumprod", [0.999_95, 0.999_89, 0.722_096_26, 0.278_920_5, 0.006_352_818_6]),
        ];
        for ((name, values), (expected_name, expected)) in buffers().into_iter().zip(expected) {
            assert_eq!((name, values.len()), (expected_name, 1000));
            for (t, expected) in [0, 1, 250, 500, 999].into_iter().zip(expected) {
                assert!((values[t] - expected).abs() <= f32::EPSILON * expected, "{name} {t}: {}", values[t]);
            }
        }
    }

    #[test]
    fn a_noise_level_finds_the_nearest_timestep() {
        let schedule = Schedule::new();
        for t in [0, 1, 500, 999] {
            assert_eq!(schedule.timestep(schedule.sqrt_1m_alphas_cumprod[t]), t);
        }
        assert_eq!((schedule.timestep(-1.0), schedule.timestep(7.0)), (0, 999));
        let between = f32::midpoint(schedule.sqrt_1m_alphas_cumprod[40], schedule.sqrt_1m_alphas_cumprod[41]);
        assert_eq!(schedule.timestep(between - 1e-5), 40);
        assert_eq!(schedule.timestep(between + 1e-5), 41);
    }

    /// With the true noise as the prediction, what comes back is the image, up to the rounding of the timestep.
    #[test]
    fn the_true_noise_gives_back_the_image() {
        let schedule = Schedule::new();
        let device = &Device::Cpu;
        let image = Tensor::new(&[0.0f32, 0.25, 0.5, 1.0], device).unwrap().reshape((1, 2, 2, 1)).unwrap();
        let eps = Tensor::new(&[1.0f32, -2.0, 0.5, 0.3], device).unwrap().reshape((1, 2, 2, 1)).unwrap();
        let y = (&image + eps.affine(0.2, 0.0).unwrap()).unwrap();
        let sigma = Tensor::new(&[0.2f32], device).unwrap();
        let got = schedule.denoised(&y, &sigma, |_, _| Ok(eps)).unwrap();
        let worst = (got - image).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap();
        assert!(worst.to_scalar::<f32>().unwrap() < 2e-3);
    }
}
