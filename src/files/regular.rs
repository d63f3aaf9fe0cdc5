//! Opening what a person or a folder names, which may be a stranger's: files alone. A pipe would be waited for, and a
//! device such as `/dev/zero` read, for ever.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::disk;
use crate::{Error, Result};

const LINK: &str = "it is a link to somewhere else";
const HINT: &str = "choose a file; in a folder from somebody else, take it out";

/// Opens a file to read it.
///
/// # Errors
/// [`Error::Read`] when it cannot be opened, [`Error::Format`] when it is no file.
pub fn open_regular(path: &Path) -> Result<File> {
    let file = at_once(OpenOptions::new().read(true), true).open(path).map_err(Error::read(path))?;
    if file.metadata().map_err(Error::read(path))?.is_file() { Ok(file) } else { Err(no_file(path)) }
}

/// Opens a file of a run's folder to read it, and never one that a link leads to: the folder may be from somebody else.
///
/// # Errors
/// As [`open_regular`], and [`Error::Format`] where a link stands there.
pub fn open_own(path: &Path) -> Result<File> {
    if cfg!(not(unix)) && is_link(path) {
        return Err(link(path));
    }
    let opened = at_once(OpenOptions::new().read(true), false).open(path);
    let file = opened.map_err(|error| if is_link(path) { link(path) } else { Error::read(path)(error) })?;
    if file.metadata().map_err(Error::read(path))?.is_file() { Ok(file) } else { Err(no_file(path)) }
}

/// Whether a link stands there, wherever it leads.
pub fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink())
}

/// Of a folder within a run's, whose files are listed: see [`open_own`].
///
/// # Errors
/// [`Error::Format`] where a link stands there.
pub fn refuse_linked(folder: &Path) -> Result<()> {
    if is_link(folder) {
        return Err(Error::format(folder, LINK, "take the link out of the run folder"));
    }
    Ok(())
}

fn link(path: &Path) -> Error {
    Error::format(path, LINK, HINT)
}

/// Opens a file to write at its end, and never one that a link leads to; with `create`, makes it where there is none.
///
/// # Errors
/// [`Error::Write`] when it cannot be opened, [`Error::Format`] when it is no file.
pub fn append_to_regular(path: &Path, create: bool) -> Result<File> {
    let open = || at_once(OpenOptions::new().append(true), false).open(path);
    let opened = match open() {
        Err(error) if create && error.kind() == ErrorKind::NotFound => disk::create(path).and_then(|()| open()),
        opened => opened,
    };
    let file = opened.map_err(|error| {
        // A pipe that nobody reads from is refused by the system itself.
        let other = std::fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir());
        match (is_link(path), other) {
            (true, _) => link(path),
            (_, true) => no_file(path),
            _ => Error::write(path)(error),
        }
    })?;
    if file.metadata().map_err(Error::write(path))?.is_file() { Ok(file) } else { Err(no_file(path)) }
}

/// The content of a file of at most `most` bytes; none of a longer one.
///
/// # Errors
/// As [`open_regular`].
pub fn read_up_to(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    bytes_of(open_regular(path)?, path, most)
}

/// The same, of a file of a run's folder.
///
/// # Errors
/// As [`open_own`].
pub fn read_own_up_to(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    bytes_of(open_own(path)?, path, most)
}

fn bytes_of(file: File, path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let length = file.metadata().map_err(Error::read(path))?.len();
    if length > most {
        return Ok(None);
    }
    // As the standard library reads a whole file: where there is no memory for it, that is an error.
    bytes.try_reserve_exact(length as usize).map_err(|error| Error::read(path)(error.into()))?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(Error::read(path))?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

fn no_file(path: &Path) -> Error {
    let what = if path.is_dir() { "it is a folder, not a file" } else { "it is a pipe or a device, not a file" };
    Error::format(path, what, HINT)
}

/// Opening a pipe does not wait for its other end; where links are not `followed`, the system refuses one.
#[cfg(unix)]
fn at_once(options: &mut OpenOptions, followed: bool) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(libc::O_NONBLOCK | if followed { 0 } else { libc::O_NOFOLLOW })
}

#[cfg(not(unix))]
fn at_once(options: &mut OpenOptions, _followed: bool) -> &mut OpenOptions {
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link that was put there after somebody looked for links is not followed either.
    #[cfg(unix)]
    #[test]
    fn no_link_is_appended_to_or_read_as_a_file_of_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let (elsewhere, link) = (folder.path().join("elsewhere"), folder.path().join("log.txt"));
        std::fs::write(&elsewhere, "mine").unwrap();
        for target in [&elsewhere, &folder.path().join("none")] {
            std::os::unix::fs::symlink(target, &link).unwrap();
            assert!(matches!(append_to_regular(&link, true), Err(Error::Format { .. } | Error::Write { .. })));
            let refused = [open_own(&link).map(drop), read_own_up_to(&link, 9).map(drop)];
            assert!(refused.iter().all(|refused| matches!(refused, Err(Error::Format { .. }))), "{refused:?}");
            std::fs::remove_file(&link).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "mine");
        assert!(!folder.path().join("none").exists());
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(matches!(append_to_regular(&path, false), Err(Error::Write { .. })));
        std::io::Write::write_all(&mut append_to_regular(&path, true).unwrap(), b"four").unwrap();
        assert_eq!(read_up_to(&path, 4).unwrap().as_deref(), Some(&b"four"[..]));
        assert_eq!(read_up_to(&path, 3).unwrap(), None);
        assert_eq!(read_own_up_to(&path, 4).unwrap().as_deref(), Some(&b"four"[..]));
        for open in [open_regular, open_own] {
            assert!(matches!(open(&folder.path().join("b")), Err(Error::Read { .. })));
        }
        assert!(open_regular(folder.path()).unwrap_err().to_string().contains("folder") || cfg!(windows));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_refused() {
        for path in ["/dev/zero", "/dev/null"].map(Path::new) {
            for error in [open_regular(path).unwrap_err(), append_to_regular(path, false).unwrap_err()] {
                assert!(error.to_string().ends_with("it is a pipe or a device, not a file"), "{error}");
            }
        }
    }
}
