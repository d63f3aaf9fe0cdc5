//! DDIM: the same network in fewer steps, with as much or as little noise as wanted.

use candle_core::Tensor;

use super::{Frame, Model, Noise, OnFrame, Process};
use crate::Result;

/// Song, Meng & Ermon 2021, eq. 12: from t to the next timestep s,
/// x_s = √ᾱ_s·x̂₀ + √(1−ᾱ_s−σ²)·ε̂ + σ·z with σ = η·√((1−ᾱ_s)/(1−ᾱ_t))·√(1−ᾱ_t/ᾱ_s) (eq. 16).
///
/// `timesteps` fall strictly and lie in `0..T`; after the last of them comes the clean image, ᾱ = 1, so x̂₀ is the
/// result. η = 0 is deterministic and asks for no noise, η = 1 over all timesteps is DDPM with the small variance.
///
/// # Errors
/// As [`sample`](super::sample).
pub fn ddim(
    process: &Process,
    timesteps: &[usize],
    eta: f64,
    model: &mut Model,
    x_start: &Tensor,
    noise: &mut Noise,
    on_frame: &mut OnFrame,
) -> Result<Tensor> {
    let schedule = process.schedule;
    let steps = timesteps.len();
    let mut x_t = x_start.clone();
    for (step, &t) in timesteps.iter().enumerate() {
        let estimate = process.estimate(model, &x_t, t)?;
        let (x0_hat, eps_hat) = (&estimate.x0_hat, &estimate.eps_hat);
        on_frame(Frame { step, steps, t, x_t: &x_t, x0_hat, eps_hat })?;
        let Some(&s) = timesteps.get(step + 1) else { return Ok(estimate.x0_hat) };

        let noise_s = schedule.one_minus_alpha_bar(s);
        // 1 − ᾱ_t/ᾱ_s from the logarithms, as both can be 0 in floating point.
        let lost = -(schedule.log_alpha_bar(t) - schedule.log_alpha_bar(s)).exp_m1();
        let variance = eta * eta * noise_s / schedule.one_minus_alpha_bar(t) * lost;
        let direction = (noise_s - variance).max(0.0).sqrt();
        x_t = (x0_hat.affine(schedule.sqrt_alpha_bar(s), 0.0)? + eps_hat.affine(direction, 0.0)?)?;
        if variance > 0.0 {
            x_t = (x_t + noise(x_start.shape())?.affine(variance.sqrt(), 0.0)?)?;
        }
    }
    Ok(x_t)
}
