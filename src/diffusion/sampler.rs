//! The reverse process: drawing images, by plain functions that ask a network, and a source of noise, step by step.
//!
//! A sampler takes `(process, model, x_T, noise, on_frame)` and returns x_0. To add one, write such a function in
//! a file here, give it a [`SamplerKind`], and name it in [`plan`] and [`sample`].

mod ddim;
mod ddpm;
mod dpm_solver;
mod heun;
mod spacing;

use candle_core::{Shape, Tensor};

pub use ddim::ddim;
use ddpm::ddpm_from;
pub use ddpm::{Variance, ddpm};
pub use dpm_solver::dpmpp_2m;
pub use heun::heun;
pub use spacing::Spacing;

use super::{Estimate, Schedule};
use crate::Result;
use crate::config::{Prediction, SamplerKind, SamplingSettings, Thresholding};

/// The network: its raw output, `[B, …]` as x_t, for x_t at one timestep in `0..T`.
pub type Model<'a> = dyn FnMut(&Tensor, usize) -> Result<Tensor> + 'a;

/// Standard normals of a shape, asked for in order and only when a step adds noise.
pub type Noise<'a> = dyn FnMut(&Shape) -> Result<Tensor> + 'a;

/// Told of each network call; `Err(Error::Cancelled)` ends the sampling.
pub type OnFrame<'a> = dyn FnMut(Frame) -> Result<()> + 'a;

/// What is being reversed, and how the network's output is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Process<'a> {
    pub schedule: &'a Schedule,
    pub prediction: Prediction,
    /// How x̂₀ is brought into [-1, 1] at each step, which keeps the errors of a network from growing.
    pub thresholding: Thresholding,
}

/// One network call of a reverse diffusion.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Network calls before this one: 0 is pure noise.
    pub step: usize,
    /// Network calls in all.
    pub steps: usize,
    /// The timestep that the network was told, in `0..T`.
    pub t: usize,
    /// What the network saw.
    pub x_t: &'a Tensor,
    /// The image that its output implies, thresholded if the process says so.
    pub x0_hat: &'a Tensor,
    /// The noise that goes with it: x_t = √ᾱ·x0_hat + √(1−ᾱ)·eps_hat.
    pub eps_hat: &'a Tensor,
}

impl Process<'_> {
    /// Asks the network about `x_t` and reads its answer.
    fn estimate(&self, model: &mut Model, x_t: &Tensor, t: usize) -> Result<Estimate> {
        // Detached, because a network of trainable weights would otherwise chain all steps into one graph.
        let output = model(x_t, t)?.detach();
        let estimate = Estimate::new(self.schedule, self.prediction, x_t, &output, &[t])?;
        estimate.thresholded(self.thresholding, self.schedule, x_t, &[t])
    }
}

/// The timesteps at which [`sample`] will ask the network, from noise to image: as many as there will be frames.
/// Heun's method asks twice at most of them.
pub fn plan(settings: &SamplingSettings, schedule: &Schedule) -> Vec<usize> {
    match settings.sampler {
        SamplerKind::Ddpm => (0..schedule.timesteps()).rev().collect(),
        SamplerKind::Ddim | SamplerKind::DpmPp => Spacing::Angle.timesteps(schedule, settings.steps),
        SamplerKind::Heun => {
            let calls = settings.steps.clamp(1, schedule.timesteps());
            heun::calls(&Spacing::Angle.timesteps(schedule, heun::timesteps_for(calls)), calls)
        }
    }
}

/// As [`plan`], from an image that is noised to timestep `from`, in `0..T`: its steps are as long as those from pure noise.
pub fn plan_from(settings: &SamplingSettings, schedule: &Schedule, from: usize) -> Vec<usize> {
    let below = |timesteps: Vec<usize>| std::iter::once(from).chain(timesteps.into_iter().filter(move |t| *t < from));
    match settings.sampler {
        SamplerKind::Ddpm => (0..=from).rev().collect(),
        SamplerKind::Ddim | SamplerKind::DpmPp => below(Spacing::Angle.timesteps(schedule, settings.steps)).collect(),
        SamplerKind::Heun => {
            let calls = settings.steps.clamp(1, schedule.timesteps());
            let timesteps: Vec<usize> = below(Spacing::Angle.timesteps(schedule, heun::timesteps_for(calls))).collect();
            heun::calls(&timesteps, 2 * timesteps.len() - 1)
        }
    }
}

/// Draws images by the sampler that the settings name, with at most T steps.
///
/// `x_T` is `[B, …]`, standard normals; the result is x_0 of the same shape, thresholded only if the process says so.
///
/// # Errors
/// What `model`, `noise` or `on_frame` return, and [`Error::Tensor`](crate::Error::Tensor) when shapes do not agree.
pub fn sample(
    settings: &SamplingSettings,
    process: &Process,
    model: &mut Model,
    x_start: &Tensor,
    noise: &mut Noise,
    on_frame: &mut OnFrame,
) -> Result<Tensor> {
    let timesteps = plan(settings, process.schedule);
    sample_along(settings, process, &timesteps, model, x_start, noise, on_frame)
}

/// As [`sample`], along the timesteps of [`plan`] or [`plan_from`]; `x_start` is x_t at the first of them.
///
/// # Errors
/// As [`sample`].
pub fn sample_along(
    settings: &SamplingSettings,
    process: &Process,
    timesteps: &[usize],
    model: &mut Model,
    x_start: &Tensor,
    noise: &mut Noise,
    on_frame: &mut OnFrame,
) -> Result<Tensor> {
    match settings.sampler {
        SamplerKind::Ddpm => {
            let from = timesteps.first().copied().unwrap_or_default();
            ddpm_from(process, from, Variance::Small, model, x_start, noise, on_frame)
        }
        SamplerKind::Ddim => ddim(process, timesteps, settings.eta, model, x_start, noise, on_frame),
        SamplerKind::DpmPp => dpmpp_2m(process, timesteps, model, x_start, on_frame),
        SamplerKind::Heun => heun(process, timesteps, model, x_start, on_frame),
    }
}

#[cfg(test)]
mod tests;
