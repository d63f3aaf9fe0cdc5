//! The diffusion method: schedule, forward process, conversions, loss and samplers.
//!
//! `docs/ddpm.md` shows each equation beside the function that computes it. Timesteps count from 0, as arrays do:
//! `t` here is t+1 in the papers, and "before t = 0" is the clean image, where ᾱ = 1. Coefficients are f64
//! numbers; tensors keep the type they come in, f32 in a run and f64 where a test wants exactness.

pub mod forward;
pub mod guidance;
pub mod loss;
pub mod mix;
pub mod parameterization;
pub mod quantile;
pub mod sampler;
pub mod schedule;
pub mod thresholding;
pub mod timesteps;
pub mod vlb;

pub use forward::q_sample;
pub use loss::{l_simple, l_simple_each};
pub use parameterization::{Estimate, target};
pub use sampler::{Frame, Process};
pub use schedule::Schedule;
