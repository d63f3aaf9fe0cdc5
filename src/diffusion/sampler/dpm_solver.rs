//! DPM-Solver++(2M): the probability flow solved to second order, for good images in few steps.

use candle_core::Tensor;

use super::{Frame, Model, OnFrame, Process};
use crate::Result;

/// Lu et al. 2022 (DPM-Solver++), algorithm 2: from t to the next timestep s, with λ = log(√ᾱ/√(1−ᾱ)) and
/// h = λ_s − λ_t, x_s = (σ_s/σ_t)·x_t − √ᾱ_s·(e^{−h} − 1)·D, where D = x̂₀ + h/(2h')·(x̂₀ − x̂₀') extrapolates from
/// the estimate x̂₀' and step h' before.
///
/// The first step has none before, and is of first order (which is DDIM); so is the last, to ᾱ = 1, where the
/// formula's limit is x̂₀. `timesteps` fall strictly and lie in `0..T`. Deterministic: no noise is asked for.
///
/// # Errors
/// As [`sample`](super::sample).
pub fn dpmpp_2m(
    process: &Process,
    timesteps: &[usize],
    model: &mut Model,
    x_start: &Tensor,
    on_frame: &mut OnFrame,
) -> Result<Tensor> {
    let schedule = process.schedule;
    let lambda = |t: usize| 0.5 * schedule.log_snr(t);
    let steps = timesteps.len();
    let mut x_t = x_start.clone();
    let mut before: Option<(Tensor, f64)> = None;
    for (step, &t) in timesteps.iter().enumerate() {
        let estimate = process.estimate(model, &x_t, t)?;
        let (x0_hat, eps_hat) = (&estimate.x0_hat, &estimate.eps_hat);
        on_frame(Frame { step, steps, t, x_t: &x_t, x0_hat, eps_hat })?;
        let Some(&s) = timesteps.get(step + 1) else { return Ok(estimate.x0_hat) };

        let h = lambda(s) - lambda(t);
        let weight = -(-h).exp_m1() * schedule.sqrt_alpha_bar(s);
        let keep = schedule.sqrt_one_minus_alpha_bar(s) / schedule.sqrt_one_minus_alpha_bar(t);
        let mut next = x_t.affine(keep, 0.0)?;
        match &before {
            Some((x0_before, h_before)) if *h_before > 0.0 => {
                let slope = 0.5 * h / h_before;
                next = (next + x0_hat.affine(weight * (1.0 + slope), 0.0)?)?;
                next = (next - x0_before.affine(weight * slope, 0.0)?)?;
            }
            _ => next = (next + x0_hat.affine(weight, 0.0)?)?,
        }
        before = Some((estimate.x0_hat, h));
        x_t = next;
    }
    Ok(x_t)
}
