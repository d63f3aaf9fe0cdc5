//! Where results may be written: not over what they are made from, and not over what a run keeps.

use std::path::Path;

use super::holds_run;
use super::lock::OWN_NAMES;
use crate::files::{folder_of, is_same_file};
use crate::{Error, Result};

/// Says whether a file or folder may be written that is made from `sources`: files, or folders with what is read in them.
///
/// # Errors
/// [`Error::Usage`] where it would replace one of them, by whatever name, or a file that a run keeps.
pub fn may_be_written(path: &Path, sources: &[&Path]) -> Result<()> {
    let replaced = sources.iter().any(|source| is_same_file(path, source) || is_inside(path, source));
    let what = if replaced {
        "would be written over what it is made from"
    } else if is_kept(path) {
        "is what a run keeps"
    } else {
        return Ok(());
    };
    Err(Error::usage(format!("{} {what}", path.display()), "choose another name, outside the run folder"))
}

/// Whether something that is there lies in a folder that is read, and is no run: a folder of diffusers.
fn is_inside(path: &Path, source: &Path) -> bool {
    let (Ok(path), Ok(source)) = (path.canonicalize(), source.canonicalize()) else { return false };
    source.is_dir() && !holds_run(&source) && path.starts_with(source)
}

/// Whether a run would take it for its own: one of its names, or what is in its grids and films.
fn is_kept(path: &Path) -> bool {
    let folder = folder_of(path);
    let own = |name: Option<&std::ffi::OsStr>| name.is_some_and(|name| OWN_NAMES.iter().any(|own| name == *own));
    (holds_run(&folder) && own(path.file_name())) || (own(folder.file_name()) && holds_run(&folder_of(&folder)))
}
