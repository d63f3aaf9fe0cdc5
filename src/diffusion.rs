//! The diffusion method: schedule, forward process, conversions, loss and samplers.
//!
//! `docs/ddpm.md` shows each equation beside the function that computes it. Timesteps count from 0, as arrays do:
//! `t` here is t+1 in the papers, and "before t = 0" is the clean image, where ᾱ = 1.

pub mod schedule;

pub use schedule::Schedule;
