//! The right to write a run: its log, locked, so that a second program does not write it too. A program that is killed
//! lets it go.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::{BY_TIMESTEP, CHECKPOINT, FILMS, GRIDS, LOG, METRICS, NEXT_CHECKPOINT, PREVIOUS_CHECKPOINT};
use super::{open_to_append, read_run_file, run_file};
use crate::files::{append_to_regular, is_link};
use crate::{Error, Result};

/// Held for as long as a run is written, or must stay as it is.
#[derive(Debug)]
pub struct Lock {
    pub(super) run: PathBuf,
    pub(super) log: File,
}

/// Somebody else holds it.
#[derive(Debug)]
pub struct InUse;

impl Lock {
    /// Of a run that is there, to go on with it: what is read of the run from now on stays so.
    ///
    /// # Errors
    /// When the folder holds no run, holds links, or somebody else has the lock; nothing is written then.
    pub fn of_run(run: &Path) -> Result<Self> {
        refuse_links(run)?;
        read_run_file(run)?;
        Self::take(run)
    }

    /// Of a folder that is there; makes the log where there is none.
    pub(super) fn take(run: &Path) -> Result<Self> {
        let log = open_to_append(&run.join(LOG))?;
        Self::of_log(run, log).map_err(|InUse| {
            Error::usage(
                format!("{} is being trained by another program, or moved to the trash", run.display()),
                "wait until that ends, or choose another folder",
            )
        })
    }

    /// The same, but a folder without a log, or of somebody else, has none to hold.
    ///
    /// # Errors
    /// When somebody else has it.
    pub fn if_there(run: &Path) -> Result<Option<Self>, InUse> {
        let log = append_to_regular(&run.join(LOG), false);
        log.ok().map(|log| Self::of_log(run, log)).transpose()
    }

    fn of_log(run: &Path, log: File) -> Result<Self, InUse> {
        match log.try_lock() {
            Err(TryLockError::WouldBlock) => Err(InUse),
            // An error: a file system without locks, as some network mounts are.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Self { run: run.to_path_buf(), log }),
        }
    }
}

/// Whether some program, this one or another, is training the run.
pub fn in_use(run: &Path) -> bool {
    Lock::if_there(run).is_err()
}

/// Every name that a run writes in its folder.
pub(super) const OWN_NAMES: [&str; 10] = [
    run_file::NAMES[0],
    run_file::NAMES[1],
    METRICS,
    BY_TIMESTEP,
    CHECKPOINT,
    PREVIOUS_CHECKPOINT,
    NEXT_CHECKPOINT,
    GRIDS,
    FILMS,
    LOG,
];

/// A run folder may come from somebody else: what is written, cut or cleared up in it must not lie somewhere else.
pub(super) fn refuse_links(run: &Path) -> Result<()> {
    for name in OWN_NAMES {
        let path = run.join(name);
        if is_link(&path) {
            let what = "it is a link to somewhere else, which a run does not write to";
            return Err(Error::format(&path, what, "take the link out of the run folder"));
        }
    }
    Ok(())
}
