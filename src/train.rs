//! Training: the step, the optimizer, the moving average, the run and what it leaves on disk.

mod metrics;

pub use metrics::StepReport;
