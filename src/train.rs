//! Training: the step, the optimizer, the moving average, the run and what it leaves on disk.

pub mod checkpoint;
pub mod estimate;
pub mod examples;
pub mod folder;
pub mod gallery;
pub mod history;
mod learning_rate;
mod metrics;
mod optim;
pub mod run;
mod trainer;

pub use estimate::Estimate;
pub use learning_rate::learning_rate;
pub use metrics::StepReport;
pub use run::{Control, Outcome, Run, RunEvent};
pub use trainer::Trainer;
