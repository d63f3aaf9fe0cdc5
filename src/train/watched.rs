//! A run that another program trains, on this or another machine, looked at as it grows: nothing is written, and of the
//! files of lines only what is new is read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::checkpoint::step_of;
use super::film::Film;
use super::films;
use super::folder::{
    BY_TIMESTEP, GRIDS, LossByTimestep, METRICS, RunFile, checkpoint_paths, grids_in, in_use, read_run_file,
};
use super::gallery::newest_grid;
use super::history::{History, Line};
use super::loss_by_timestep::ByTimestep;
use super::metrics::StepReport;
use super::tail::{Grown, Tail};
use crate::Result;
use crate::eval::QuickEval;
use crate::pictures::Pictures;

/// Films are looked for this often: on a network mount, listing a folder takes a while.
const FILMS_EVERY: Duration = Duration::from_secs(2);
/// A run whose metrics do not grow for so long is asked about.
const QUIET: Duration = Duration::from_secs(3);
/// Where no lock tells whether somebody writes, a run that is silent for so long is over.
const SILENT: Duration = Duration::from_secs(60);

/// Something that the run has done.
#[derive(Debug)]
pub enum News {
    Step(StepReport),
    HeldOut {
        step: u64,
        loss: f64,
    },
    Evaluated {
        step: u64,
        eval: QuickEval,
    },
    LossByTimestep {
        step: u64,
        losses: ByTimestep,
    },
    Grid {
        step: u64,
        pictures: Pictures,
    },
    Film(Film),
    /// A checkpoint of this step was written.
    Checkpoint {
        step: u64,
        path: PathBuf,
    },
    /// It went back: what was told before is not so any more, and this is what is.
    Again(Box<History>),
}

/// Whether somebody writes the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    Writes,
    /// It has ended, completely or not.
    Ended {
        complete: bool,
    },
}

/// See the module.
#[derive(Debug)]
pub struct WatchedRun {
    path: PathBuf,
    pub file: RunFile,
    metrics: Tail,
    by_timestep: Tail,
    last: Option<StepReport>,
    grid: Option<u64>,
    /// Films that were told of: step and size.
    films: BTreeMap<u64, u64>,
    films_looked_at: Option<Instant>,
    /// When the newest checkpoint that was told of was written.
    checkpoint: Option<SystemTime>,
    grown: Instant,
    looked: Instant,
    /// The lock was seen to be held: where it is not, nobody writes.
    locks: bool,
}

impl WatchedRun {
    /// Begins to look at a run: what it has done so far is in the history.
    ///
    /// # Errors
    /// When the folder holds no run, or cannot be read.
    pub fn open(path: &Path) -> Result<(Self, History)> {
        let file = read_run_file(path)?;
        let (mut metrics, mut by_timestep) = tails(path);
        let history = History::begin(&mut metrics, &mut by_timestep)?;
        let watched = Self {
            path: path.to_path_buf(),
            file,
            metrics,
            by_timestep,
            last: history.last,
            grid: None,
            films: BTreeMap::new(),
            films_looked_at: None,
            checkpoint: None,
            grown: Instant::now(),
            looked: Instant::now(),
            locks: in_use(path),
        };
        Ok((watched, history))
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last step that was told of.
    pub fn last(&self) -> Option<&StepReport> {
        self.last.as_ref()
    }

    /// Tells what is new.
    ///
    /// # Errors
    /// When the folder cannot be read any more, or what `take` returned.
    pub fn look(&mut self, take: &mut dyn FnMut(News) -> Result<()>) -> Result<()> {
        let mut news = Vec::new();
        let metrics = self.metrics.read(|line| match serde_json::from_slice(line) {
            Ok(Line::Step(report)) => news.push(News::Step(report)),
            Ok(Line::HeldOut { step, held_out: loss }) => news.push(News::HeldOut { step, loss }),
            Ok(Line::Evaluated { step, eval }) => news.push(News::Evaluated { step, eval }),
            Err(_) => {}
        })?;
        let losses = self.by_timestep.read(|line| {
            if let Ok(LossByTimestep { step, by_timestep }) = serde_json::from_slice(line) {
                news.push(News::LossByTimestep { step, losses: by_timestep });
            }
        })?;
        // A look long after the one before means that this machine slept: how long the writer rests is not known.
        if metrics != Grown::By(0) || self.looked.elapsed() > QUIET {
            self.grown = Instant::now();
        }
        self.looked = Instant::now();
        if metrics == Grown::Replaced || losses == Grown::Replaced {
            // A folder that is gone is an error here.
            self.file = read_run_file(&self.path)?;
            (self.metrics, self.by_timestep) = tails(&self.path);
            let history = History::begin(&mut self.metrics, &mut self.by_timestep)?;
            self.last = history.last;
            let step = history.last.map_or(0, |last| last.step);
            self.films.retain(|film, _| *film <= step);
            self.grid = None;
            take(News::Again(Box::new(history)))?;
        } else {
            for one in news {
                if let News::Step(report) = &one {
                    self.last = Some(*report);
                }
                take(one)?;
            }
        }
        self.look_for_grid(take)?;
        if self.films_looked_at.is_none_or(|then| then.elapsed() >= FILMS_EVERY) {
            self.look_for_films(take)?;
            self.look_for_checkpoint(take)?;
            self.films_looked_at = Some(Instant::now());
        }
        Ok(())
    }

    fn look_for_grid(&mut self, take: &mut dyn FnMut(News) -> Result<()>) -> Result<()> {
        let newest = grids_in(&self.path.join(GRIDS)).ok().and_then(|grids| Some(grids.last()?.0));
        if newest == self.grid {
            return Ok(());
        }
        let Some((step, pictures)) = newest_grid(&self.path, self.file.settings.data.image_size) else { return Ok(()) };
        self.grid = Some(step);
        take(News::Grid { step, pictures })
    }

    fn look_for_checkpoint(&mut self, take: &mut dyn FnMut(News) -> Result<()>) -> Result<()> {
        let [path, _] = checkpoint_paths(&self.path);
        let written = fs::symlink_metadata(&path).and_then(|about| about.modified()).ok();
        if written.is_none() || written == self.checkpoint {
            return Ok(());
        }
        let Some(step) = step_of(&path) else { return Ok(()) };
        self.checkpoint = written;
        take(News::Checkpoint { step, path })
    }

    fn look_for_films(&mut self, take: &mut dyn FnMut(News) -> Result<()>) -> Result<()> {
        for file in films::list(&self.path)? {
            if self.films.insert(file.step, file.bytes) == Some(file.bytes) {
                continue;
            }
            // One that cannot be read, or was thinned away meanwhile, is left out.
            if let Ok(film) = Film::read(&file.path)
                && film.step == file.step
            {
                take(News::Film(film))?;
            }
        }
        Ok(())
    }

    /// Whether somebody still writes it: as its lock says, which is asked for only when the metrics rest; a file system
    /// without locks has only the time since they grew.
    pub fn writer(&mut self) -> Writer {
        let rests = self.grown.elapsed();
        if rests < QUIET {
            return Writer::Writes;
        }
        let locked = in_use(&self.path);
        self.locks |= locked;
        let complete = self.last.is_some_and(|last| last.progress >= 1.0);
        if locked || (!self.locks && !complete && rests < SILENT) {
            return Writer::Writes;
        }
        Writer::Ended { complete }
    }
}

fn tails(run: &Path) -> (Tail, Tail) {
    (Tail::new(run.join(METRICS)), Tail::new(run.join(BY_TIMESTEP)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::folder::{Lock, RunFolder, write_run_file};
    use super::*;

    fn report(step: u64, loss: f64) -> StepReport {
        let (seconds, progress) = (step as f64, step as f64 / 100.0);
        StepReport { step, epoch: 0.0, images: step, loss, lr: 0.1, grad_norm: 1.0, seconds, progress }
    }

    /// The steps that are told of; a history counts as all of its steps.
    fn look(watched: &mut WatchedRun) -> Vec<String> {
        let mut told = Vec::new();
        let mut take = |news| {
            told.push(match news {
                News::Step(report) => format!("step {}", report.step),
                News::HeldOut { step, .. } => format!("held out {step}"),
                News::Again(history) => format!("again {:?}", history.train),
                other => format!("{other:?}"),
            });
            Ok(())
        };
        watched.look(&mut take).unwrap();
        told
    }

    #[test]
    fn a_run_is_followed_while_it_is_written_and_when_it_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let mut writer = RunFolder::create(&path, &RunFile::of_nano()).unwrap();
        (1..=3).for_each(|step| writer.add_step(&report(step, 0.5)).unwrap());
        writer.flush().unwrap();
        let (mut watched, history) = WatchedRun::open(&path).unwrap();
        assert_eq!(history.train, [(1, 0.5), (2, 0.5), (3, 0.5)]);
        assert!(look(&mut watched).is_empty());
        writer.add_step(&report(4, 0.25)).unwrap();
        writer.add_held_out(4, 0.3).unwrap();
        writer.flush().unwrap();
        assert_eq!(look(&mut watched), ["step 4", "held out 4"]);
        assert_eq!(watched.writer(), Writer::Writes);

        writer.rewind(2).unwrap();
        writer.add_step(&report(3, 0.125)).unwrap();
        writer.flush().unwrap();
        assert_eq!(look(&mut watched), ["again [(1, 0.5), (2, 0.5), (3, 0.125)]"]);
        assert_eq!(watched.last().map(|last| last.step), Some(3));
        writer.add_step(&report(4, 0.125)).unwrap();
        writer.flush().unwrap();
        assert_eq!(look(&mut watched), ["step 4"]);
    }

    #[test]
    fn checkpoints_are_told_of_by_their_step_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let _writer = RunFolder::create(&path, &RunFile::of_nano()).unwrap();
        let (mut watched, _) = WatchedRun::open(&path).unwrap();
        let mut told = || {
            let mut steps = Vec::new();
            watched.look_for_checkpoint(&mut |news| {
                if let News::Checkpoint { step, .. } = news {
                    steps.push(step);
                }
                Ok(())
            })?;
            Ok::<_, crate::Error>(steps)
        };
        assert!(told().unwrap().is_empty());
        let write = |step: u64, second: u64| {
            let metadata = BTreeMap::from([("step", step.to_string())]);
            let checkpoint = path.join("checkpoint.safetensors");
            crate::tensor_file::write(&checkpoint, metadata, &[]).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            fs::File::options().write(true).open(checkpoint).unwrap().set_modified(time).unwrap();
        };
        write(40, 1);
        assert_eq!((told().unwrap(), told().unwrap()), (vec![40], vec![]));
        write(80, 2);
        assert_eq!(told().unwrap(), [80]);
        fs::write(path.join("checkpoint.safetensors"), "half").unwrap();
        assert!(told().unwrap().is_empty(), "what is damaged tells nothing");
    }

    #[test]
    fn the_lock_tells_that_the_writer_has_ended_and_that_it_only_rests() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let mut writer = RunFolder::create(&path, &RunFile::of_nano()).unwrap();
        writer.add_step(&report(1, 0.5)).unwrap();
        writer.flush().unwrap();
        let (mut watched, _) = WatchedRun::open(&path).unwrap();
        watched.grown -= 2 * SILENT;
        assert_eq!(watched.writer(), Writer::Writes, "it holds its lock, however long it rests");
        drop(writer);
        assert_eq!(watched.writer(), Writer::Ended { complete: false });
        let mut writer = RunFolder::resume(Lock::of_run(&path).unwrap(), 1).unwrap();
        writer.add_step(&report(100, 0.5)).unwrap();
        drop(writer);
        assert_eq!(look(&mut watched), ["step 100"]);
        watched.grown -= 2 * QUIET;
        assert_eq!(watched.writer(), Writer::Ended { complete: true });
    }

    #[test]
    fn who_has_slept_does_not_take_the_writer_for_ended() {
        let folder = tempfile::tempdir().unwrap();
        write_run_file(folder.path(), &RunFile::of_nano()).unwrap();
        let (mut watched, _) = WatchedRun::open(folder.path()).unwrap();
        (watched.grown, watched.looked) = (watched.grown - 2 * SILENT, watched.looked - 2 * SILENT);
        assert_eq!(watched.writer(), Writer::Ended { complete: false }, "it was silent for long");
        look(&mut watched);
        assert_eq!(watched.writer(), Writer::Writes, "it may have slept too");
        watched.grown -= SILENT;
        look(&mut watched);
        assert_eq!(watched.writer(), Writer::Ended { complete: false });
    }

    #[test]
    fn without_locks_silence_tells_and_nothing_is_written_by_looking() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        write_run_file(path, &RunFile::of_nano()).unwrap();
        let mut metrics = fs::File::create(path.join(METRICS)).unwrap();
        writeln!(metrics, "{}", serde_json::to_string(&report(1, 0.5)).unwrap()).unwrap();
        let names = || {
            let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let before = names();
        let (mut watched, _) = WatchedRun::open(path).unwrap();
        write!(metrics, "{{\"step\":2,").unwrap();
        assert!(look(&mut watched).is_empty(), "half a line");
        watched.grown -= QUIET;
        assert_eq!(watched.writer(), Writer::Writes, "a slow step may take that long");
        watched.grown -= SILENT;
        assert_eq!(watched.writer(), Writer::Ended { complete: false });
        assert_eq!(names(), before);
        fs::remove_dir_all(path).unwrap();
        assert!(watched.look(&mut |_| Ok(())).is_err(), "the folder is gone");
        fs::create_dir(path).unwrap();
    }
}
