//! Training: the step, the optimizer, the moving average, the run and what it leaves on disk.

pub mod checkpoint;
mod classifier;
mod examination;
pub mod examples;
pub mod folder;
mod learning_rate;
mod metrics;
mod optim;
mod pace;
pub mod run;
mod trainer;

pub use classifier::{ClassifierStep, ClassifierTraining, train_classifier};
pub use learning_rate::learning_rate;
pub use metrics::StepReport;
pub use run::{Control, Outcome, Run, RunEvent};
pub use trainer::Trainer;
