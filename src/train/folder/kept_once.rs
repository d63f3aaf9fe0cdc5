//! Whether a run without a checkpoint had one: it was copied without its large files, say, or they were deleted.

use std::path::Path;

use super::{FILMS, GRIDS, METRICS, grids_in};
use crate::config::Settings;
use crate::train::films;
use crate::train::history::Line;
use crate::train::run::CHECKPOINT_INTERVAL;
use crate::train::tail::Tail;
use crate::{Error, Result};

/// Refuses to begin a run again that lost its checkpoints, as all that it left would be removed.
///
/// The rule: training goes on after a step at which a checkpoint is due (every `checkpoint_every` steps of the recorded
/// settings, and after a minute at the latest) only when the checkpoint is kept. So a step in the metrics, a grid or a film
/// from beyond such a step shows that there was one.
///
/// # Errors
/// [`Error::Format`] when there was one; when the folder cannot be read.
pub fn refuse_lost_checkpoint(run: &Path, recorded: &Settings) -> Result<()> {
    let every = recorded.training.checkpoint_every;
    let (mut due, mut beyond) = (false, None);
    Tail::new(run.join(METRICS)).read(|line| {
        if let Ok(Line::Step(report)) = serde_json::from_slice(line) {
            beyond = beyond.max(due.then_some(report.step));
            due |= report.step >= every || report.seconds >= CHECKPOINT_INTERVAL.as_secs_f64();
        }
    })?;
    let grids = if run.join(GRIDS).is_dir() { grids_in(&run.join(GRIDS))? } else { Vec::new() };
    let films = if run.join(FILMS).is_dir() { films::list(run)? } else { Vec::new() };
    let drawn = grids.last().map(|(step, _)| *step).max(films.last().map(|film| film.step));
    let Some(step) = beyond.max(drawn.filter(|step| *step > every)) else { return Ok(()) };
    let what = format!(
        "it was trained to step {step} and its checkpoints are missing: begun again, it would lose all of that"
    );
    Err(Error::format(run, what, "put checkpoint.safetensors back into it, or begin a new run in another folder"))
}
