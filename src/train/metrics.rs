//! What one training step reports: a line of `metrics.jsonl` and a point of the loss plot.

use std::ffi::OsStr;

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

/// The most steps of a run: times the images of a batch they must be a number.
pub(super) const MAX_STEPS: u64 = 1 << 48;

/// The step in the name of a file of a run, `step-0000800` and its `ending`; none of another name, or of a step that no
/// run takes.
pub(super) fn step_in(name: &OsStr, ending: &str) -> Option<u64> {
    let step = name.to_str()?.strip_prefix("step-")?.strip_suffix(ending)?.parse().ok()?;
    (step <= MAX_STEPS).then_some(step)
}

/// A number of steps that a run can have taken, of a file that may be anybody's.
pub(super) fn possible_step<'de, D: Deserializer<'de>>(number: D) -> Result<u64, D::Error> {
    let step = u64::deserialize(number)?;
    if step > MAX_STEPS {
        return Err(D::Error::custom(format!("no run takes {step} steps")));
    }
    Ok(step)
}

/// The outcome of one optimizer step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Count of steps done, from 1.
    #[serde(deserialize_with = "possible_step")]
    pub step: u64,
    /// Epochs done, as a fraction.
    pub epoch: f64,
    /// Images seen since the run began.
    pub images: u64,
    /// L_simple of this batch: the mean squared error of what the network predicts (Ho et al. 2020, eq. 14).
    pub loss: f64,
    /// The learning rate that was used.
    pub lr: f64,
    /// Global norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Seconds of training since the run began, pauses not counted.
    pub seconds: f64,
    /// Share of the budget that is spent, 0 to 1.
    pub progress: f64,
}
