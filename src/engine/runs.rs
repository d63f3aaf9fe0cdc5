//! The runs on disk: listed, and moved to the trash.

use std::path::{Path, PathBuf};

use super::background;
use super::{Event, Outbox, Task};
use crate::train::folder::in_use;
use crate::train::gallery;
use crate::{Error, Result};

/// Lists the runs in a folder.
pub(super) fn list(folder: PathBuf, out: &Outbox) -> Result<()> {
    background::spawn(Task::ListingRuns, out, move || {
        let runs = gallery::list(&folder)?;
        Ok(Event::Runs { folder, runs })
    })
}

/// Moves a run to the trash, unless it is the one in progress.
pub(super) fn delete(run: PathBuf, in_progress: Option<&Path>, out: &Outbox) -> Result<()> {
    let real = run.canonicalize().map_err(Error::read(&run))?;
    if in_progress.is_some_and(|path| path.canonicalize().is_ok_and(|path| path.starts_with(&real))) {
        return Err(Error::usage(format!("{} is in progress", run.display()), "stop it first"));
    }
    if in_use(&real) {
        let what = format!("{} is being trained by another program", run.display());
        return Err(Error::usage(what, "stop it there first"));
    }
    background::spawn(Task::DeletingRun, out, move || {
        trash::delete(&run).map_err(|error| {
            let what = format!("cannot move {} to the trash: {error}", run.display());
            Error::usage(what, "delete the folder with your file manager")
        })?;
        Ok(Event::RunDeleted { run })
    })
}
