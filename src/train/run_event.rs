//! What a run tells whoever watches it, and what it is told.

use std::path::PathBuf;
use std::sync::Arc;

use super::film::Film;
use super::loss_by_timestep::ByTimestep;
use super::metrics::StepReport;
use super::preview::Grid;
use super::worked_example::WorkedExample;
use crate::eval::QuickEval;

/// What happens in a run, for whoever watches it.
#[derive(Debug)]
pub enum RunEvent {
    Step(StepReport),
    HeldOut {
        step: u64,
        loss: f64,
    },
    /// The losses by timestep of the steps since the last time, up to `step`.
    LossByTimestep {
        step: u64,
        losses: ByTimestep,
    },
    /// An image of the last step's batch, to be looked at.
    Worked(WorkedExample),
    /// The grid was drawn, by the moving average.
    Preview(Grid),
    Evaluated {
        step: u64,
        eval: QuickEval,
    },
    /// A reverse diffusion of the present model was recorded.
    Filmed(Arc<Film>),
    Checkpointed {
        step: u64,
        path: PathBuf,
    },
    /// Training diverged, or its device was lost: it goes on from the state after `step`, at half the learning rate, or
    /// on the CPU. `what`: all of that in words; `hint`: what a person may do about it.
    RolledBack {
        step: u64,
        what: String,
        hint: String,
    },
    /// Work between two steps that takes a while goes on: a moment to listen. [`Control::Stop`] leaves it out.
    Busy,
    /// The disk did not take what the run has to write, or did not give its checkpoint. It waits: [`Control::Continue`] has
    /// it try again, [`Control::Stop`] has it try a last time and end, with that failure where it could not keep a
    /// checkpoint. What is on disk already is as it was.
    Stalled {
        what: String,
        hint: String,
    },
}

/// What the watcher wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    Continue,
    /// End the run now, keeping a checkpoint.
    Stop,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The budget is spent.
    Completed,
    /// The watcher asked for it.
    Stopped,
}
