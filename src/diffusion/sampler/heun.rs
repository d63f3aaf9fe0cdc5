//! Heun's method, the sampler of EDM: second order from the slope at both ends of a step.

use candle_core::Tensor;

use super::{Frame, Model, OnFrame, Process};
use crate::Result;

/// Karras et al. 2022 (arXiv 2206.00364), algorithm 1, on any schedule: with σ = √(1−ᾱ)/√ᾱ and x̄ = x/√ᾱ the
/// probability flow is dx̄/dσ = ε̂, and from t to the next timestep s
///
/// ```text
/// Euler:  x̄_s = x̄_t + (σ_s − σ_t)·ε̂_t            which is DDIM
/// Heun:   x̄_s = x̄_t + (σ_s − σ_t)·(ε̂_t + ε̂_s)/2   with ε̂_s asked at Euler's x̄_s
/// ```
///
/// `calls` has the timestep of each network call, never rising, in `0..T`: one that comes twice is asked about at the
/// end of Euler's step and again where Heun's leads; one that comes once, where Euler's leads. The last step, to the
/// clean image, is Euler's, so its result is x̂₀. Deterministic: no noise is asked for.
///
/// # Errors
/// As [`sample`](super::sample).
pub fn heun(
    process: &Process,
    calls: &[usize],
    model: &mut Model,
    x_start: &Tensor,
    on_frame: &mut OnFrame,
) -> Result<Tensor> {
    let schedule = process.schedule;
    let steps = calls.len();
    let mut x_t = x_start.clone();
    let mut step = 0;
    while let Some(&t) = calls.get(step) {
        let at_t = process.estimate(model, &x_t, t)?;
        on_frame(Frame { step, steps, t, x_t: &x_t, x0_hat: &at_t.x0_hat, eps_hat: &at_t.eps_hat })?;
        let Some(&s) = calls.get(step + 1) else { return Ok(at_t.x0_hat) };
        // Both forms are written from x̂₀ and ε̂, as x̄ = x/√ᾱ is beyond f32 where ᾱ is.
        let along = at_t.x0_hat.affine(schedule.sqrt_alpha_bar(s), 0.0)?;
        let mut next = (along + at_t.eps_hat.affine(schedule.sqrt_one_minus_alpha_bar(s), 0.0)?)?;
        step += 1;
        if calls.get(step + 1) == Some(&s) {
            let at_s = process.estimate(model, &next, s)?;
            on_frame(Frame { step, steps, t: s, x_t: &next, x0_hat: &at_s.x0_hat, eps_hat: &at_s.eps_hat })?;
            let shrink = (0.5 * (schedule.log_alpha_bar(s) - schedule.log_alpha_bar(t))).exp();
            // √ᾱ_s·(σ_s − σ_t)
            let h = schedule.sqrt_one_minus_alpha_bar(s) - shrink * schedule.sqrt_one_minus_alpha_bar(t);
            next = (next + (at_s.eps_hat - at_t.eps_hat)?.affine(0.5 * h, 0.0)?)?;
            step += 1;
        }
        x_t = next;
    }
    Ok(x_t)
}

/// How many timesteps `calls` network calls are enough for.
pub(super) fn timesteps_for(calls: usize) -> usize {
    calls / 2 + 1
}

/// The calls at these timesteps: each but the first twice, or, to make an even number of calls, but the first two,
/// as the flow is straightest where there is most noise.
pub(super) fn calls(timesteps: &[usize], calls: usize) -> Vec<usize> {
    let once = if calls.is_multiple_of(2) { 2 } else { 1 };
    timesteps.iter().enumerate().flat_map(|(i, &t)| std::iter::repeat_n(t, if i < once { 1 } else { 2 })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_calls_is_made() {
        assert_eq!(calls(&[9], 1), [9]);
        assert_eq!(calls(&[9, 0], 2), [9, 0]);
        assert_eq!(calls(&[9, 0], 3), [9, 0, 0]);
        assert_eq!(calls(&[9, 5, 0], 4), [9, 5, 0, 0]);
        for count in 1..40 {
            let timesteps: Vec<usize> = (0..timesteps_for(count)).rev().collect();
            assert_eq!(calls(&timesteps, count).len(), count);
        }
    }
}
