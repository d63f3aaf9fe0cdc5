//! Ancestral sampling: all T steps back, each a draw from the learned p(x_{t−1}|x_t).

use candle_core::Tensor;

use super::{Frame, Model, Noise, OnFrame, Process};
use crate::Result;

/// The variance of a reverse step: the two choices of Ho et al. 2020, section 3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variance {
    /// β̃_t, best when x₀ is one fixed image.
    Small,
    /// β_t, best when x₀ is standard normal.
    Large,
}

/// Algorithm 2 of Ho et al. 2020: x_{t−1} = μ̃_t(x_t, x̂₀) + σ_t·z for t = T−1 … 0, without noise at the last.
///
/// The mean is taken as that of the posterior at x̂₀ (eq. 7), which equals eq. 11 and leaves room for clipping x̂₀.
/// Noise is asked for T−1 times.
///
/// # Errors
/// As [`sample`](super::sample).
pub fn ddpm(
    process: &Process,
    variance: Variance,
    model: &mut Model,
    x_start: &Tensor,
    noise: &mut Noise,
    on_frame: &mut OnFrame,
) -> Result<Tensor> {
    ddpm_from(process, process.schedule.timesteps() - 1, variance, model, x_start, noise, on_frame)
}

/// The last part of [`ddpm`]: from x_t at timestep `from`, in `0..T`.
///
/// # Errors
/// As [`sample`](super::sample).
pub(super) fn ddpm_from(
    process: &Process,
    from: usize,
    variance: Variance,
    model: &mut Model,
    x_start: &Tensor,
    noise: &mut Noise,
    on_frame: &mut OnFrame,
) -> Result<Tensor> {
    let schedule = process.schedule;
    let steps = from + 1;
    let mut x_t = x_start.clone();
    for t in (0..steps).rev() {
        let estimate = process.estimate(model, &x_t, t)?;
        let (x0_hat, eps_hat) = (&estimate.x0_hat, &estimate.eps_hat);
        on_frame(Frame { step: steps - 1 - t, steps, t, x_t: &x_t, x0_hat, eps_hat })?;
        let (c_x0, c_xt) = schedule.posterior_mean_coefficients(t);
        let mean = (x0_hat.affine(c_x0, 0.0)? + x_t.affine(c_xt, 0.0)?)?;
        if t == 0 {
            return Ok(mean);
        }
        let sigma = match variance {
            Variance::Small => schedule.posterior_variance(t).sqrt(),
            Variance::Large => schedule.beta(t).sqrt(),
        };
        x_t = (mean + noise(x_start.shape())?.affine(sigma, 0.0)?)?;
    }
    Ok(x_t)
}
