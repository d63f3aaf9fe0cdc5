//! A run is given a name, which stands in its `run.json`.

use std::path::Path;

use super::{InUse, Lock, read_run_file, write_run_file};
use crate::train::run_name::RunName;
use crate::{Error, Result};

/// Gives a run that nobody trains a name.
///
/// # Errors
/// When another program trains it, when the folder holds no run, or takes no changes.
pub fn name_run(run: &Path, name: &RunName) -> Result<()> {
    // Held to the end, so that nobody begins to train it meanwhile.
    let _lock = Lock::if_there(run).map_err(|InUse| {
        let what = format!("{} is being trained by another program, and is read-only here", run.display());
        Error::usage(what, "name it when that has ended")
    })?;
    name_own_run(run, name)
}

/// Gives the run that this program trains a name: its lock is held already.
///
/// # Errors
/// When the folder holds no run, or takes no changes.
pub fn name_own_run(run: &Path, name: &RunName) -> Result<()> {
    let mut file = read_run_file(run)?;
    if file.name == *name {
        return Ok(());
    }
    file.name = name.clone();
    write_run_file(run, &file).map_err(|error| match error {
        Error::Write { source, .. } => {
            let what = format!("the name is kept in the run's folder, which takes no changes: {source}");
            Error::format(run, what, "check that you may write to it, or copy the folder to where you may")
        }
        error => error,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{RunFile, RunFolder};
    use super::*;
    use crate::files::faults::{Fault, LOSSES, with_fault};

    fn name(text: &str) -> RunName {
        RunName::new(text).unwrap()
    }

    #[test]
    fn a_name_is_kept_in_run_json_and_its_copy_and_goes_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        drop(RunFolder::create(&path, &RunFile::of_nano()).unwrap());
        let plain = fs::read(path.join("run.json")).unwrap();
        assert!(!String::from_utf8_lossy(&plain).contains("name"), "a run without a name says nothing of it");
        name_run(&path, &name("wide, T = 400")).unwrap();
        assert_eq!(fs::read(path.join("run.json")).unwrap(), fs::read(path.join("run.copy.json")).unwrap());
        assert_eq!(read_run_file(&path).unwrap().name, name("wide, T = 400"));
        name_run(&path, &name("")).unwrap();
        assert_eq!(fs::read(path.join("run.json")).unwrap(), plain);
    }

    #[test]
    fn a_run_that_another_program_trains_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let training = RunFolder::create(&path, &RunFile::of_nano()).unwrap();
        let error = name_run(&path, &name("mine")).unwrap_err();
        assert!(error.to_string().contains("trained by another program"), "{error}");
        assert!(read_run_file(&path).unwrap().name.is_empty());
        name_own_run(&path, &name("mine")).unwrap();
        drop(training);
        assert_eq!(read_run_file(&path).unwrap().name, name("mine"));
    }

    #[test]
    fn a_folder_that_takes_no_changes_and_one_without_a_run_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        drop(RunFolder::create(&path, &RunFile::of_nano()).unwrap());
        let refused = || name_run(&path, &name("mine"));
        let (result, _) = with_fault(Some((0, Fault::Fail)), LOSSES[0], folder.path(), refused);
        let error = result.unwrap_err();
        assert!(error.to_string().contains("takes no changes"), "{error}");
        assert!(error.hint().contains("copy the folder"), "{}", error.hint());
        assert!(read_run_file(&path).unwrap().name.is_empty());
        let error = name_run(&folder.path().join("nowhere"), &name("x")).unwrap_err();
        assert!(error.to_string().contains("not a run folder"), "{error}");
    }
}
