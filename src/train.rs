//! Training: the step, the optimizer, the moving average, the run and what it leaves on disk.

pub mod checkpoint;
mod classifier;
pub mod estimate;
pub mod evaluations;
mod examination;
pub mod examples;
pub mod film;
mod film_recorder;
pub mod films;
pub mod folder;
#[cfg(test)]
mod full_disk;
pub mod gallery;
pub mod history;
mod learning_rate;
pub mod loss_by_timestep;
pub mod loss_table;
mod metrics;
mod optim;
mod pace;
#[cfg(test)]
mod power_cuts;
mod preview;
pub mod pulse;
mod recovery;
mod room;
pub mod run;
pub mod run_clock;
mod run_event;
pub mod run_name;
mod tail;
pub mod thinned;
pub mod throughput;
mod trainer;
pub mod watched;
pub mod worked_example;
pub(crate) mod working_time;

pub use classifier::{ClassifierStep, ClassifierTraining, train_classifier};
pub use estimate::Estimate;
pub use film_recorder::film_settings;
pub use metrics::StepReport;
pub use preview::{Grid, grid_settings};
pub use run::Run;
pub use run_event::{Control, Outcome, RunEvent};
pub use trainer::Trainer;
pub use worked_example::WorkedExample;
