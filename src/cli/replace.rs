//! What stands where something is to be written: it stays as it is, unless `--force` is typed.

use std::fs;
use std::path::Path;

use clap::Args;

use crate::{Error, Result};

/// Whether what is there may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct ReplaceArgs {
    /// Replace what was written there before; without it, nothing that exists is replaced
    #[arg(long)]
    pub force: bool,
}

/// Says whether a file may be written at `path`: there is none, or it may be replaced, which pipes, devices and folders
/// never are. Asked again before the file is written, as the work may take long.
///
/// # Errors
/// [`Error::Usage`] where it may not.
pub fn may_take(path: &Path, force: bool) -> Result<()> {
    // A link is replaced itself, whatever is at its end; one to a device is as good as that.
    let Ok(about) = fs::symlink_metadata(path) else { return Ok(()) };
    let end = fs::metadata(path).ok().map(|end| end.file_type());
    let shown = path.display();
    if about.is_dir() {
        return Err(Error::usage(format!("{shown} is a folder"), "choose the name of a file"));
    }
    if end.is_some_and(|end| !end.is_file() && !end.is_dir()) {
        return Err(Error::usage(format!("{shown} is a pipe or a device, not a file"), "choose the name of a file"));
    }
    if force { Ok(()) } else { Err(exists(path)) }
}

/// As [`may_take`], for a folder that is written as a whole.
///
/// # Errors
/// [`Error::Usage`] where there is something in it, or it is no folder.
pub fn may_take_folder(path: &Path, force: bool) -> Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|about| !about.is_dir()) {
        let what = if path.is_dir() { "a link" } else { "a file" };
        return Err(Error::usage(format!("{} is {what}", path.display()), "choose the name of a folder"));
    }
    let empty = fs::read_dir(path).is_ok_and(|mut inside| inside.next().is_none());
    if force || empty || fs::symlink_metadata(path).is_err() { Ok(()) } else { Err(exists(path)) }
}

fn exists(path: &Path) -> Error {
    let hint = "choose another name, or add --force to replace it";
    Error::usage(format!("{} exists already", path.display()), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_by_force_alone_and_folders_never() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.png"), "mine").unwrap();
        fs::create_dir(at("b.png")).unwrap();
        for force in [false, true] {
            may_take(&at("none.png"), force).unwrap();
            may_take_folder(&at("none"), force).unwrap();
            may_take_folder(&at("b.png"), force).unwrap();
            assert!(may_take(&at("b.png"), force).unwrap_err().to_string().ends_with("b.png is a folder"));
            assert_eq!(may_take(&at("a.png"), force).is_ok(), force);
            assert!(may_take_folder(&at("a.png"), force).unwrap_err().to_string().ends_with("a.png is a file"));
            assert_eq!(may_take_folder(folder.path(), force).is_ok(), force);
        }
        let error = may_take(&at("a.png"), false).unwrap_err();
        assert!(error.to_string().ends_with("a.png exists already"), "{error}");
        assert_eq!(
            (error.hint().as_str(), error.exit_code()),
            ("choose another name, or add --force to replace it", 2)
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stands_there_even_if_it_leads_nowhere_and_a_device_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
        std::os::unix::fs::symlink("/dev/null", at("null")).unwrap();
        assert!(may_take(&at("link"), false).is_err());
        may_take(&at("link"), true).unwrap();
        for path in [at("null"), "/dev/null".into()] {
            assert!(may_take(&path, true).unwrap_err().to_string().contains("a device"));
        }
    }
}
