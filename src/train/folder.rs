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
mod naming;
mod run_file;

use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Write};
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
use crate::files::{append_to_regular, open_regular, remove_unfinished, write_atomically};
use crate::pictures::Pictures;
use crate::{Error, Result};

pub(super) use grids::{GRID_GAP, GRIDS, grids_in};
pub use naming::{name_own_run, name_run};
pub use run_file::{Rollback, RunFile, holds_run, read_run_file, write_run_file};

/// Name of the newest checkpoint.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
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
    metrics: BufWriter<Writer<File>>,
    by_timestep: BufWriter<Writer<File>>,
    /// Locked for as long as the run is written, so that a second program does not write it too.
    log: File,
}

impl RunFolder {
    /// Makes a new run folder.
    ///
    /// # Errors
    /// When it holds a run already or cannot be written.
    pub fn create(path: &Path, run: &RunFile) -> Result<Self> {
        if holds_run(path) {
            return Err(Error::usage(
                format!("{} holds a run already", path.display()),
                "choose another folder, or add --resume to go on with that run",
            ));
        }
        refuse_links(path)?;
        fs::create_dir_all(path.join(GRIDS)).map_err(Error::write(path))?;
        let log = locked_log(path)?;
        write_run_file(path, run)?;
        Self::open(path, log)
    }

    /// Opens a run folder to go on from its checkpoint: metrics written after that are cut off.
    ///
    /// # Errors
    /// When the metrics cannot be read or written.
    pub fn resume(path: &Path, step: u64) -> Result<Self> {
        refuse_links(path)?;
        fs::create_dir_all(path.join(GRIDS)).map_err(Error::write(path))?;
        let log = locked_log(path)?;
        remove_unfinished(path)?;
        remove_unfinished(&path.join(GRIDS))?;
        keep_lines_until(&path.join(METRICS), step)?;
        keep_lines_until(&path.join(BY_TIMESTEP), step)?;
        if path.join(FILMS).is_dir() {
            remove_unfinished(&path.join(FILMS))?;
            films::drop_after(path, step)?;
        }
        Self::open(path, log)
    }

    fn open(path: &Path, log: File) -> Result<Self> {
        let (metrics, by_timestep) = (append_to(&path.join(METRICS))?, append_to(&path.join(BY_TIMESTEP))?);
        Ok(Self { path: path.to_path_buf(), metrics, by_timestep, log })
    }

    /// Makes a run again of a folder that was removed in the middle of it and put back empty: what is written from now
    /// on can be resumed. Does nothing to a folder that is as it should be, and does not bring one back by itself.
    ///
    /// # Errors
    /// When the folder is not there or cannot be written.
    pub fn mend(&mut self, run: &mut RunFile) -> Result<()> {
        if let Ok(on_disk) = read_run_file(&self.path) {
            // It may have been named meanwhile.
            run.name = on_disk.name;
            return Ok(());
        }
        write_run_file(&self.path, run)?;
        let grids = self.path.join(GRIDS);
        if !grids.exists() {
            fs::create_dir(&grids).map_err(Error::write(&grids))?;
        }
        // One that is still there is locked, by this run.
        if !self.path.join(LOG).exists() {
            self.log = locked_log(&self.path)?;
        }
        self.metrics = append_to(&self.path.join(METRICS))?;
        self.by_timestep = append_to(&self.path.join(BY_TIMESTEP))?;
        Ok(())
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
        self.add_line(report)
    }

    /// Adds a held-out loss to `metrics.jsonl`.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add_held_out(&mut self, step: u64, held_out: f64) -> Result<()> {
        self.add_line(&HeldOut { step, held_out })
    }

    /// Adds a quick evaluation to `metrics.jsonl`.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add_eval(&mut self, step: u64, eval: &QuickEval) -> Result<()> {
        self.add_line(&Evaluated { step, eval: *eval })
    }

    /// Adds the losses by timestep of the last steps to `loss_by_timestep.jsonl`.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add_loss_by_timestep(&mut self, step: u64, losses: &ByTimestep) -> Result<()> {
        let line = LossByTimestep { step, by_timestep: losses.rounded() };
        write_line(&mut self.by_timestep, &self.path.join(BY_TIMESTEP), &line)
    }

    /// Adds a line on a divergence to `metrics.jsonl`, after [`rewind`](Self::rewind).
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add_rollback(&mut self, rollback: &Rollback) -> Result<()> {
        self.add_line(&RolledBack { step: rollback.to, rolled_back: rollback })
    }

    /// Forgets what was written of the steps after `step`: metrics, grids and films.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn rewind(&mut self, step: u64) -> Result<()> {
        self.flush()?;
        let (metrics, by_timestep) = (self.path.join(METRICS), self.path.join(BY_TIMESTEP));
        keep_lines_until(&metrics, step)?;
        keep_lines_until(&by_timestep, step)?;
        (self.metrics, self.by_timestep) = (append_to(&metrics)?, append_to(&by_timestep)?);
        grids::drop_after(&self.path, step)?;
        films::drop_after(&self.path, step)
    }

    fn add_line(&mut self, line: &impl Serialize) -> Result<()> {
        write_line(&mut self.metrics, &self.path.join(METRICS), line)
    }

    /// Writes what metrics are still held in memory, so that readers see them.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn flush(&mut self) -> Result<()> {
        self.metrics.flush().map_err(Error::write(self.path.join(METRICS)))?;
        self.by_timestep.flush().map_err(Error::write(self.path.join(BY_TIMESTEP)))
    }

    /// Writes a checkpoint and keeps the one before it. Returns its path.
    ///
    /// # Errors
    /// When the disk does not take it; the checkpoints before it are then as they were.
    pub fn checkpoint(&mut self, trainer: &Trainer) -> Result<PathBuf> {
        self.flush()?;
        disk::sync(&self.metrics.get_ref().0).map_err(Error::write(self.path.join(METRICS)))?;
        let [newest, previous] = checkpoint_paths(&self.path);
        let fresh = self.path.join("checkpoint.next.safetensors");
        checkpoint::write(trainer, &fresh)?;
        if newest.exists() {
            // A second name for the old file, so that at no moment there is no newest checkpoint.
            if previous.exists() {
                disk::remove(&previous).map_err(Error::write(&previous))?;
            }
            disk::link_or_copy(&newest, &previous).map_err(Error::write(&previous))?;
        }
        disk::rename(&fresh, &newest).and_then(|()| disk::sync_folder(&self.path)).map_err(Error::write(&newest))?;
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
        let _ = (&self.log).write_all(format!("{now} {line}\n").as_bytes());
    }
}

/// Adds an object to a file of lines, which is named in errors.
fn write_line(file: &mut BufWriter<Writer<File>>, path: &Path, line: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec(line).map_err(|error| Error::write(path)(error.into()))?;
    text.push(b'\n');
    file.write_all(&text).map_err(Error::write(path))
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

/// A run folder may come from somebody else: what is appended to or cleared up in it must not lie somewhere else.
/// Files that are written whole take the place of a link, and leave alone what it leads to.
fn refuse_links(run: &Path) -> Result<()> {
    for name in [LOG, METRICS, BY_TIMESTEP, GRIDS, FILMS] {
        let path = run.join(name);
        if fs::symlink_metadata(&path).is_ok_and(|about| about.is_symlink()) {
            let what = "it is a link to somewhere else, which a run does not write to";
            return Err(Error::format(&path, what, "take the link out of the run folder"));
        }
    }
    Ok(())
}

fn append_to(path: &Path) -> Result<BufWriter<Writer<File>>> {
    Ok(BufWriter::new(Writer(open_to_append(path)?)))
}

fn open_to_append(path: &Path) -> Result<File> {
    append_to_regular(path, true)
}

/// The run's log, locked; a program that is killed lets the lock go.
fn locked_log(run: &Path) -> Result<File> {
    let path = run.join(LOG);
    let log = open_to_append(&path)?;
    match log.try_lock() {
        Ok(()) => Ok(log),
        Err(TryLockError::WouldBlock) => Err(Error::usage(
            format!("{} is being trained by another program", run.display()),
            "wait until it ends, or choose another folder",
        )),
        // A file system without locks, as some network mounts are.
        Err(TryLockError::Error(_)) => Ok(log),
    }
}

/// Whether some program, this one or another, is training the run.
pub fn in_use(run: &Path) -> bool {
    let log = append_to_regular(&run.join(LOG), false);
    log.is_ok_and(|log| matches!(log.try_lock(), Err(TryLockError::WouldBlock)))
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
    [CHECKPOINT, "checkpoint.previous.safetensors"].map(|name| run.join(name))
}

/// Whether a run folder holds a checkpoint, sound or not.
pub fn has_checkpoint(run: &Path) -> bool {
    checkpoint_paths(run).iter().any(|path| path.exists())
}

/// The newest checkpoint of a run folder that verifies, with its path, and a notice when it is not the newest.
///
/// # Errors
/// When there is none.
pub fn newest_checkpoint(run: &Path) -> Result<(Checkpoint, PathBuf, Option<String>)> {
    let [newest, previous] = checkpoint_paths(run);
    let failure = match Checkpoint::read(&newest) {
        Ok(checkpoint) => return Ok((checkpoint, newest, None)),
        Err(failure) => failure,
    };
    match Checkpoint::read(&previous) {
        Ok(checkpoint) => {
            let notice = format!("{failure}; the checkpoint before it, at step {}, is used", checkpoint.step);
            Ok((checkpoint, previous, Some(notice)))
        }
        Err(_) => Err(failure),
    }
}

/// The checkpoint before the newest, if it verifies.
pub(super) fn checkpoint_before_newest(run: &Path) -> Option<Checkpoint> {
    let [_, previous] = checkpoint_paths(run);
    Checkpoint::read(&previous).ok()
}

/// A file to read; none where there is none.
pub(super) fn open_if_there(path: &Path) -> Result<Option<File>> {
    match open_regular(path) {
        Ok(file) => Ok(Some(file)),
        Err(Error::Read { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Rewrites a file of lines without the lines after `step` and without a torn last line.
fn keep_lines_until(path: &Path, step: u64) -> Result<()> {
    #[derive(Deserialize)]
    struct Line {
        step: u64,
    }
    let Some(file) = open_if_there(path)? else { return Ok(()) };
    let mut reader = BufReader::new(file);
    let mut kept = Vec::new();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).map_err(Error::read(path))? > 0 {
        match serde_json::from_slice::<Line>(&line) {
            Ok(parsed) if parsed.step <= step && line.ends_with(b"\n") => kept.append(&mut line),
            _ => line.clear(),
        }
    }
    write_atomically(path, |file| file.write_all(&kept))
}
