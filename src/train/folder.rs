//! The run folder: settings, metrics, checkpoints and grids of one run.
//!
//! | file | content |
//! |---|---|
//! | `run.json` | every setting, the data, the count of parameters, the program's version |
//! | `metrics.jsonl` | one object a step, see [`StepReport`]; `{"step", "held_out"}` and `{"step", "eval"}` where that was measured |
//! | `loss_by_timestep.jsonl` | at most four times a second the losses of the last steps by timestep, see [`ByTimestep`] |
//! | `checkpoint.safetensors` | the state after the last checkpoint, and `checkpoint.previous.safetensors` before it |
//! | `grids/step-0000100.png` | the same noise drawn as training goes on |
//! | `log.txt` | what happened when |

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::checkpoint::{self, Checkpoint};
use super::loss_by_timestep::ByTimestep;
use super::metrics::StepReport;
use super::trainer::Trainer;
use crate::config::Settings;
use crate::eval::QuickEval;
use crate::files::{remove_unfinished, sync_folder, write_atomically};
use crate::pictures::{Pictures, write_png};
use crate::{Error, Result};

/// Grids that are kept on disk: beyond this count the oldest half is thinned.
const MAX_GRIDS: usize = 400;
/// Pixels between two pictures of a grid, and around them.
pub(super) const GRID_GAP: usize = 2;

/// What each step reports.
pub(super) const METRICS: &str = "metrics.jsonl";
/// The losses by timestep.
pub(super) const BY_TIMESTEP: &str = "loss_by_timestep.jsonl";

/// The content of `run.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunFile {
    /// The program's version that wrote it.
    pub version: String,
    pub settings: Settings,
    /// Name of the data set and count of its images in use.
    pub dataset: String,
    pub images: usize,
    /// CRC-32 of those images' pixels, as the network is shown them.
    pub images_crc32: String,
    pub parameters: usize,
}

/// A run folder that is being written.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    metrics: BufWriter<File>,
    by_timestep: BufWriter<File>,
    /// Locked for as long as the run is written, so that a second program does not write it too.
    log: File,
}

impl RunFolder {
    /// Makes a new run folder.
    ///
    /// # Errors
    /// When it holds a run already or cannot be written.
    pub fn create(path: &Path, run: &RunFile) -> Result<Self> {
        if path.join("run.json").exists() {
            return Err(Error::usage(
                format!("{} holds a run already", path.display()),
                "choose another folder, or add --resume to go on with that run",
            ));
        }
        fs::create_dir_all(path.join("grids")).map_err(Error::write(path))?;
        let log = locked_log(path)?;
        write_run_file(path, run)?;
        Self::open(path, log)
    }

    /// Opens a run folder to go on from its checkpoint: metrics written after that are cut off.
    ///
    /// # Errors
    /// When the metrics cannot be read or written.
    pub fn resume(path: &Path, step: u64) -> Result<Self> {
        fs::create_dir_all(path.join("grids")).map_err(Error::write(path))?;
        let log = locked_log(path)?;
        remove_unfinished(path)?;
        remove_unfinished(&path.join("grids"))?;
        keep_metrics_until(&path.join(METRICS), step)?;
        keep_metrics_until(&path.join(BY_TIMESTEP), step)?;
        Self::open(path, log)
    }

    fn open(path: &Path, log: File) -> Result<Self> {
        let appending = |name: &str| {
            let path = path.join(name);
            let file = OpenOptions::new().create(true).append(true).open(&path).map_err(Error::write(&path))?;
            Ok::<_, Error>(BufWriter::new(file))
        };
        Ok(Self { path: path.to_path_buf(), metrics: appending(METRICS)?, by_timestep: appending(BY_TIMESTEP)?, log })
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
        self.metrics.get_ref().sync_data().map_err(Error::write(self.path.join(METRICS)))?;
        let [newest, previous] = checkpoint_paths(&self.path);
        let fresh = self.path.join("checkpoint.next.safetensors");
        checkpoint::write(trainer, &fresh)?;
        if newest.exists() {
            // A second name for the old file, so that at no moment there is no newest checkpoint.
            let _ = fs::remove_file(&previous);
            fs::hard_link(&newest, &previous)
                .or_else(|_| fs::copy(&newest, &previous).map(|_| ()))
                .map_err(Error::write(&previous))?;
        }
        fs::rename(&fresh, &newest).and_then(|()| sync_folder(&self.path)).map_err(Error::write(&newest))?;
        Ok(newest)
    }

    /// Writes a grid of pictures, `grids/step-XXXXXXX.png`.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn add_grid(&self, step: u64, pictures: &Pictures) -> Result<()> {
        let folder = self.path.join("grids");
        write_png(&folder.join(format!("step-{step:07}.png")), &pictures.grid(8, GRID_GAP, 0))?;
        thin(&folder)
    }

    /// Adds a line to `log.txt`. A log that cannot be written must not end a run, so failures are ignored.
    pub fn log(&self, line: &str) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        let _ = (&self.log).write_all(format!("{now} {line}\n").as_bytes());
    }
}

/// Adds an object to a file of lines, which is named in errors.
fn write_line(file: &mut BufWriter<File>, path: &Path, line: &impl Serialize) -> Result<()> {
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
struct Evaluated {
    step: u64,
    eval: QuickEval,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LossByTimestep {
    pub step: u64,
    pub by_timestep: ByTimestep,
}

/// The run's log, locked; a program that is killed lets the lock go.
fn locked_log(run: &Path) -> Result<File> {
    let path = run.join("log.txt");
    let log = OpenOptions::new().create(true).append(true).open(&path).map_err(Error::write(&path))?;
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
    let log = OpenOptions::new().append(true).open(run.join("log.txt"));
    log.is_ok_and(|log| matches!(log.try_lock(), Err(TryLockError::WouldBlock)))
}

/// After a damaged newest checkpoint was passed over: puts the sound one before it in its place, so that the next
/// checkpoint does not keep the damaged one as its predecessor.
///
/// # Errors
/// When the disk does not take it.
pub fn drop_damaged_checkpoint(run: &Path) -> Result<()> {
    let [newest, previous] = checkpoint_paths(run);
    fs::rename(&previous, &newest).and_then(|()| sync_folder(run)).map_err(Error::write(&newest))
}

/// Newest first.
fn checkpoint_paths(run: &Path) -> [PathBuf; 2] {
    ["checkpoint.safetensors", "checkpoint.previous.safetensors"].map(|name| run.join(name))
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

/// The settings of a run folder.
///
/// # Errors
/// When `run.json` is missing or wrong.
pub fn read_run_file(run: &Path) -> Result<RunFile> {
    let path = run.join("run.json");
    let text = fs::read(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::format(
            run,
            "this is not a run folder: it has no run.json",
            "choose a folder that diffuscope train wrote, or leave --resume out to begin a run there",
        ),
        _ => Error::read(&path)(error),
    })?;
    serde_json::from_slice(&text)
        .map_err(|error| Error::format(&path, error.to_string(), "choose a folder that diffuscope train wrote"))
}

/// Writes `run.json`, whole or not at all.
///
/// # Errors
/// When the disk does not take it.
pub fn write_run_file(run: &Path, content: &RunFile) -> Result<()> {
    let path = run.join("run.json");
    let json = serde_json::to_vec_pretty(content).map_err(|error| Error::write(&path)(error.into()))?;
    write_atomically(&path, |file| file.write_all(&json))
}

/// Rewrites a metrics file without the lines after `step` and without a torn last line.
fn keep_metrics_until(path: &Path, step: u64) -> Result<()> {
    #[derive(Deserialize)]
    struct Line {
        step: u64,
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::read(path)(error)),
    };
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

/// Removes every other grid of the older half when there are too many.
fn thin(folder: &Path) -> Result<()> {
    let entries = fs::read_dir(folder).map_err(Error::read(folder))?;
    let mut grids: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    if grids.len() <= MAX_GRIDS {
        return Ok(());
    }
    grids.sort();
    for grid in grids[..MAX_GRIDS / 2].iter().skip(1).step_by(2) {
        fs::remove_file(grid).map_err(Error::write(grid))?;
    }
    Ok(())
}
