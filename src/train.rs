//! Training: the step, the optimizer, the moving average, the run and what it leaves on disk.

pub mod checkpoint;
mod classifier;
pub mod estimate;
mod examination;
pub mod examples;
pub mod folder;
pub mod gallery;
pub mod history;
mod learning_rate;
mod metrics;
mod optim;
mod pace;
#[cfg(test)]
mod power_cuts;
mod recovery;
pub mod run;
mod trainer;

pub use classifier::{ClassifierStep, ClassifierTraining, train_classifier};
pub use estimate::Estimate;
pub use metrics::StepReport;
pub use run::{Control, Outcome, Run, RunEvent};
pub use trainer::Trainer;
