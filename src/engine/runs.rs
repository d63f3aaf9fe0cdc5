//! The runs on disk: listed, read to compare, and moved to the trash.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::background;
use super::{Event, Outbox, RunRead, Task};
use crate::train::folder::{InUse, Lock, name_own_run, name_run, read_run_file};
use crate::train::history::History;
use crate::train::run_name::RunName;
use crate::train::{films, gallery};
use crate::{Error, Result};

/// Lists the runs in a folder.
pub(super) fn list(folder: PathBuf, out: &Outbox) -> Result<()> {
    background::spawn(Task::ListingRuns, out, move || {
        let runs = gallery::list(&folder)?;
        Ok(Event::Runs { folder, runs })
    })
}

/// Reads what a run left on disk. Whatever goes wrong is told of this run: others may be read beside it.
pub(super) fn read(run: PathBuf, out: &Outbox) -> Result<()> {
    background::spawn(Task::ReadingRun, out, move || {
        let read = catch_unwind(AssertUnwindSafe(|| read_to_compare(&run)));
        let read = read.unwrap_or_else(|panic| Err(Error::from_panic(&*panic)));
        Ok(match read {
            Ok(read) => Event::RunRead(Box::new(read)),
            Err(error) => Event::RunUnread { run, what: error.to_string(), hint: error.hint() },
        })
    })
}

fn read_to_compare(run: &Path) -> Result<RunRead> {
    let settings = Box::new(read_run_file(run)?.settings);
    let history = History::read(run)?;
    let grid = gallery::newest_grid(run, settings.data.image_size).map(|(step, grid)| (step, Arc::new(grid)));
    Ok(RunRead { run: run.to_path_buf(), settings, history, grid })
}

/// Reads the films of a run, each of which goes to the window.
pub(super) fn read_films(run: PathBuf, out: &Outbox) -> Result<()> {
    let films = out.clone();
    background::spawn(Task::ReadingFilms, out, move || {
        let damaged = films::read_all(&run, |film| {
            let event = Event::Film { run: run.clone(), film: Arc::new(film) };
            films.send(event).map_err(|_| Error::Cancelled)
        })?;
        Ok(Event::FilmsRead { run, damaged })
    })
}

/// Gives a run a name. The one in progress is named by the thread that writes it, so that the two do not meet.
pub(super) fn name(run: PathBuf, name: RunName, in_progress: Option<&Path>, out: &Outbox) -> Result<()> {
    if in_progress.is_some_and(|path| is_same(path, &run)) {
        name_own_run(&run, &name)?;
        let _ = out.send(Event::RunNamed { run, name });
        return Ok(());
    }
    background::spawn(Task::NamingRun, out, move || {
        name_run(&run, &name)?;
        Ok(Event::RunNamed { run, name })
    })
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Moves a run to the trash, unless it is the one in progress.
pub(super) fn delete(run: PathBuf, in_progress: Option<&Path>, out: &Outbox) -> Result<()> {
    delete_by(run, in_progress, out, |run| {
        trash::delete(run).map_err(|error| {
            let what = format!("cannot move {} to the trash: {error}", run.display());
            Error::usage(what, "delete the folder with your file manager")
        })
    })
}

fn delete_by(
    run: PathBuf,
    in_progress: Option<&Path>,
    out: &Outbox,
    trash: impl FnOnce(&Path) -> Result<()> + Send + 'static,
) -> Result<()> {
    let real = run.canonicalize().map_err(Error::read(&run))?;
    if in_progress.is_some_and(|path| path.canonicalize().is_ok_and(|path| path.starts_with(&real))) {
        return Err(Error::usage(format!("{} is in progress", run.display()), "stop it first"));
    }
    let lock = Lock::if_there(&real).map_err(|InUse| {
        let what = format!("{} is being trained by another program", run.display());
        Error::usage(what, "stop it there first")
    })?;
    background::spawn(Task::DeletingRun, out, move || {
        // Held until the folder is away, so that nobody goes on with the run meanwhile. Windows moves no folder that
        // holds an open file.
        let lock = lock.filter(|_| cfg!(not(windows)));
        trash(&run)?;
        drop(lock);
        Ok(Event::RunDeleted { run })
    })
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::bounded;

    use super::super::Handle;
    use super::*;
    use crate::engine::panics::wait;
    use crate::train::folder::{RunFile, RunFolder};

    #[test]
    fn nobody_goes_on_with_a_run_that_is_on_its_way_to_the_trash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        drop(RunFolder::create(&path, &RunFile::of_nano()).unwrap());
        let (handle, _commands, out) = Handle::scripted();
        let (go, gone) = bounded::<()>(0);
        let trash = move |run: &Path| {
            gone.recv().unwrap();
            std::fs::remove_dir_all(run).map_err(Error::write(run))
        };
        delete_by(path.clone(), None, &out, trash).unwrap();
        let refused = Lock::of_run(&path).unwrap_err();
        assert!(refused.to_string().contains("moved to the trash"), "{refused}");
        go.send(()).unwrap();
        wait(&handle, |event| matches!(event, Event::RunDeleted { .. }).then_some(()));
        assert!(!path.exists());
    }
}
