//! The run folder: settings, metrics, checkpoints and grids of one run.
//!
//! | file | content |
//! |---|---|
//! | `run.json` | every setting, the data, the name that the run was given, the count of parameters, the program's version; `run.copy.json` holds it again |
//! | `metrics.jsonl` | one object a step, see [`StepReport`]; `{"step", "held_out"}` and `{"step", "eval"}` where that was measured |
//! | `loss_by_timestep.jsonl` | at most four times a second the losses of the last steps by timestep, see [`ByTimestep`] |
//! | `checkpoint.safetensors` | the state after the last checkpoint, and `checkpoint.previous.safetensors` before it |
//! | `grids/step-0000100.png` | the same noise drawn as training goes on; the file says with which settings |
//! | `films/step-0000100.safetensors` | reverse diffusions from that noise, see [`Film`] |
//! | `log.txt` | what happened when |

mod grids;
mod kept_once;
mod lines;
mod lock;
mod naming;
mod outputs;
mod run_file;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::checkpoint::{self, Checkpoint};
use super::evaluations::Evaluated;
use super::film::Film;
use super::films::{self, FILMS};
use super::loss_by_timestep::ByTimestep;
use super::metrics::{StepReport, possible_step};
use super::trainer::Trainer;
use crate::config::Settings;
use crate::eval::QuickEval;
use crate::files::disk::{self, Writer};
use crate::files::{
    append_to_regular, create_dir_all, folder_of, is_link, link_atomically, open_own, remove_unfinished,
};
use crate::pictures::Pictures;
use crate::{Error, Result};

pub(super) use grids::{GRID_GAP, GRIDS, grids_in};
pub use kept_once::refuse_lost_checkpoint;
use lines::{Lines, keep_lines_until};
use lock::refuse_links;
pub use lock::{InUse, Lock, in_use};
pub use naming::{name_own_run, name_run};
pub use outputs::may_be_written;
pub use run_file::{Rollback, RunFile, holds_run, read_run_file, write_run_file};

/// Names of the newest checkpoint, of the one before it, and of one that is being written.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
const PREVIOUS_CHECKPOINT: &str = "checkpoint.previous.safetensors";
const NEXT_CHECKPOINT: &str = "checkpoint.next.safetensors";
/// Name of the log.
const LOG: &str = "log.txt";

/// What each step reports.
pub const METRICS: &str = "metrics.jsonl";
/// The losses by timestep.
pub(super) const BY_TIMESTEP: &str = "loss_by_timestep.jsonl";

/// A run folder that is being written.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    metrics: Lines,
    by_timestep: Lines,
    lock: Lock,
}

impl RunFolder {
    /// Makes a new run folder.
    ///
    /// # Errors
    /// When it holds a run already or cannot be written.
    pub fn create(path: &Path, run: &RunFile) -> Result<Self> {
        refuse_run(path)?;
        refuse_links(path)?;
        create_dir_all(path)?;
        create_dir_all(&path.join(GRIDS))?;
        let lock = Lock::take(path)?;
        // Another program may have begun and ended one there meanwhile.
        refuse_run(path)?;
        write_run_file(path, run)?;
        Self::open(lock, 0)
    }

    /// Opens a run folder to go on from its checkpoint: metrics written after that are cut off. The lock was taken before
    /// the checkpoint was read.
    ///
    /// # Errors
    /// When the metrics cannot be read or written.
    pub fn resume(lock: Lock, step: u64) -> Result<Self> {
        let path = &lock.run;
        create_dir_all(&path.join(GRIDS))?;
        remove_unfinished(path)?;
        remove_unfinished(&path.join(GRIDS))?;
        keep_lines_until(&path.join(METRICS), step)?;
        keep_lines_until(&path.join(BY_TIMESTEP), step)?;
        if path.join(FILMS).is_dir() {
            remove_unfinished(&path.join(FILMS))?;
            films::drop_after(path, step)?;
        }
        Self::open(lock, step)
    }

    fn open(lock: Lock, step: u64) -> Result<Self> {
        let path = lock.run.clone();
        let [metrics, by_timestep] = [METRICS, BY_TIMESTEP].map(|name| Lines::open(path.join(name), step));
        Ok(Self { metrics: metrics?, by_timestep: by_timestep?, path, lock })
    }

    /// Goes on in what stands at its path by now: the folder as it should be, to which this does nothing; a copy of it, or
    /// the same on a disk that went away and came back; or an empty folder that was put in its place, which becomes a run
    /// that can be resumed. A folder that is not there does not come back by this.
    ///
    /// # Errors
    /// When the folder is not there, cannot be written, or holds another run, or one that another program trains.
    pub fn mend(&mut self, run: &mut RunFile) -> Result<()> {
        let refused = |what: &str| Error::write(&self.path)(io::Error::other(what));
        let on_disk = match read_run_file(&self.path) {
            Ok(other) if !other.is_of_the_same_run(run) => return Err(refused("another run stands in its place")),
            Ok(same) => Some(same),
            Err(_) => None,
        };
        if on_disk.is_none() {
            write_run_file(&self.path, run)?;
        }
        if !disk::is_at(&self.lock.log, &self.path.join(LOG)) {
            let lock = refuse_links(&self.path).and_then(|()| Lock::take(&self.path));
            self.lock = lock.map_err(|error| match error {
                error @ Error::Write { .. } => error,
                error => refused(&error.to_string()),
            })?;
        }
        if let Some(on_disk) = on_disk {
            // It may have been named meanwhile.
            run.name = on_disk.name;
            if on_disk.rollbacks != run.rollbacks {
                write_run_file(&self.path, run)?;
            }
        }
        create_dir_all(&self.path.join(GRIDS))?;
        self.metrics.mend()?;
        self.by_timestep.mend()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line to `metrics.jsonl`; it reaches the disk with the next checkpoint at the latest.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add_step(&mut self, report: &StepReport) -> Result<()> {
        self.metrics.add(report)
    }

    /// Adds a held-out loss to `metrics.jsonl`.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add_held_out(&mut self, step: u64, held_out: f64) -> Result<()> {
        self.metrics.add(&HeldOut { step, held_out })
    }

    /// Adds a quick evaluation to `metrics.jsonl`.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add_eval(&mut self, step: u64, eval: &QuickEval) -> Result<()> {
        self.metrics.add(&Evaluated { step, eval: *eval })
    }

    /// Adds the losses by timestep of the last steps to `loss_by_timestep.jsonl`.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add_loss_by_timestep(&mut self, step: u64, losses: &ByTimestep) -> Result<()> {
        self.by_timestep.add(&LossByTimestep { step, by_timestep: losses.rounded() })
    }

    /// Adds a line on a divergence to `metrics.jsonl`, after [`rewind`](Self::rewind).
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add_rollback(&mut self, rollback: &Rollback) -> Result<()> {
        self.metrics.add(&RolledBack { step: rollback.to, rolled_back: rollback })
    }

    /// Forgets what was written of the steps after `step`: metrics, grids and films.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn rewind(&mut self, step: u64) -> Result<()> {
        self.metrics.cut(step)?;
        self.by_timestep.cut(step)?;
        grids::drop_after(&self.path, step)?;
        films::drop_after(&self.path, step)
    }

    /// Writes what metrics are still held in memory, so that readers see them.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn flush(&mut self) -> Result<()> {
        self.metrics.flush()?;
        self.by_timestep.flush()
    }

    /// Writes a checkpoint and keeps the one before it. Returns its path.
    ///
    /// # Errors
    /// When the disk does not take it; the checkpoints before it are then as they were.
    pub fn checkpoint(&mut self, trainer: &Trainer) -> Result<PathBuf> {
        self.metrics.sync()?;
        self.by_timestep.sync()?;
        let [newest, previous] = checkpoint_paths(&self.path);
        let fresh = self.path.join(NEXT_CHECKPOINT);
        checkpoint::write(trainer, &fresh)?;
        // A second name for the old file, so that at no moment there is no newest checkpoint.
        match fs::symlink_metadata(&newest) {
            Ok(_) => link_atomically(&newest, &previous)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::write(&newest)(error)),
        }
        // The folder's own name too: what a disk said of it when it was made may not be so.
        let names = || disk::sync_folder(&self.path).and_then(|()| disk::sync_folder(&folder_of(&self.path)));
        disk::rename(&fresh, &newest).and_then(|()| names()).map_err(Error::write(&newest))?;
        self.metrics.keep(trainer.step_count());
        self.by_timestep.keep(trainer.step_count());
        Ok(newest)
    }

    /// Writes a grid of pictures, `grids/step-XXXXXXX.png`, of a run with these settings.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add_grid(&self, step: u64, pictures: &Pictures, settings: &Settings) -> Result<()> {
        grids::add(&self.path, step, pictures, settings)
    }

    /// Writes a film, `films/step-XXXXXXX.safetensors`; all of them stay within `budget` bytes.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add_film(&self, film: &Film, budget: u64) -> Result<()> {
        films::add(&self.path, film, budget)
    }

    /// Adds a line to `log.txt`. A log that cannot be written must not end a run, so failures are ignored.
    pub fn log(&self, line: &str) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        let _ = Writer(&self.lock.log).write_all(format!("{now} {line}\n").as_bytes());
    }
}

#[derive(Serialize, Deserialize)]
struct HeldOut {
    step: u64,
    held_out: f64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LossByTimestep {
    #[serde(deserialize_with = "possible_step")]
    pub step: u64,
    pub by_timestep: ByTimestep,
}

#[derive(Serialize)]
struct RolledBack<'a> {
    step: u64,
    rolled_back: &'a Rollback,
}

/// A folder that holds a run is no place for another.
fn refuse_run(path: &Path) -> Result<()> {
    if !holds_run(path) {
        return Ok(());
    }
    Err(Error::usage(
        format!("{} holds a run already", path.display()),
        "choose another folder, or add --resume to go on with that run",
    ))
}

fn open_to_append(path: &Path) -> Result<File> {
    append_to_regular(path, true)
}

/// After a damaged newest checkpoint was passed over: puts the sound one before it in its place, so that the next
/// checkpoint does not keep the damaged one as its predecessor.
///
/// # Errors
/// When the disk does not take it.
pub fn drop_damaged_checkpoint(run: &Path) -> Result<()> {
    let [newest, previous] = checkpoint_paths(run);
    disk::rename(&previous, &newest).and_then(|()| disk::sync_folder(run)).map_err(Error::write(&newest))
}

/// Newest first.
pub fn checkpoint_paths(run: &Path) -> [PathBuf; 2] {
    [CHECKPOINT, PREVIOUS_CHECKPOINT].map(|name| run.join(name))
}

/// Whether a run folder holds a checkpoint, sound or not.
///
/// # Errors
/// When that cannot be told.
pub fn has_checkpoint(run: &Path) -> Result<bool> {
    for path in checkpoint_paths(run) {
        if path.try_exists().map_err(Error::read(&path))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The newest checkpoint of a run folder that verifies and fits its `run.json`, with its path, and a notice when it is not
/// the newest. Without a `run.json`, as in a folder with a checkpoint alone, it is to fit itself.
///
/// # Errors
/// When there is none; [`Error::Read`] when the disk did not give them.
pub fn newest_checkpoint(run: &Path) -> Result<(Checkpoint, PathBuf, Option<String>)> {
    newest_checkpoint_of(run, read_run_file(run).ok().as_ref())
}

/// The same, of a run of this content of `run.json`.
pub(super) fn newest_checkpoint_of(
    run: &Path,
    file: Option<&RunFile>,
) -> Result<(Checkpoint, PathBuf, Option<String>)> {
    let [newest, previous] = checkpoint_paths(run);
    let failure = match Checkpoint::read_of(&newest, file) {
        Ok(checkpoint) => return Ok((checkpoint, newest, None)),
        Err(failure) => failure,
    };
    match Checkpoint::read_of(&previous, file) {
        Ok(checkpoint) => {
            let notice = format!("{failure}; the checkpoint before it, at step {}, is used", checkpoint.step);
            Ok((checkpoint, previous, Some(notice)))
        }
        // One that the disk does not give is not lost.
        Err(error @ Error::Read { .. }) if !error.is_not_found() => Err(error),
        Err(_) => Err(failure),
    }
}

/// The checkpoint before the newest, if it verifies and fits.
pub(super) fn checkpoint_before_newest(run: &Path, file: &RunFile) -> Option<Checkpoint> {
    let [_, previous] = checkpoint_paths(run);
    Checkpoint::read_of(&previous, Some(file)).ok()
}

/// The folder of grids or films may have been swapped for a link since the run was opened.
///
/// # Errors
/// [`Error::Write`] where it is one, so that a run waits until it is taken out.
pub(super) fn check_own_folder(folder: &Path) -> Result<()> {
    let what = "it is a link to somewhere else, which a run does not write to; take it out";
    if is_link(folder) { Err(Error::write(folder)(io::Error::other(what))) } else { Ok(()) }
}

/// A file to read; none where there is none.
pub(super) fn open_if_there(path: &Path) -> Result<Option<File>> {
    match open_own(path) {
        Ok(file) => Ok(Some(file)),
        Err(Error::Read { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
