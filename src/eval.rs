//! Judging images of digits: a small classifier of our own, and what follows from its features.
//!
//! `docs/evaluation.md` says what each number means and where it comes from.

pub mod bits_per_dim;
pub mod bootstrap;
pub mod classifier;
pub mod copying;
pub mod frechet;
pub mod histogram;
pub mod judge;
pub mod nearest;
mod neighbours;
pub mod precision_recall;
pub mod quick;
pub mod report;
pub mod verdict;

pub use judge::Judge;
pub use quick::QuickEval;
pub use report::{Measured, Report};
pub use verdict::Verdict;
