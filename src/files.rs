//! Writing files so that a reader, or a crash, never meets half of one.

pub mod disk;
#[cfg(test)]
pub mod faults;
mod regular;
mod unfinished;

use std::fs;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use unfinished::Unfinished;
pub use unfinished::leave_nothing_unfinished;

use crate::{Error, Result};

pub use regular::{append_to_regular, is_link, open_own, open_regular, read_own_up_to, read_up_to, refuse_linked};

/// Bytes gathered before each write to the disk; fewer in tests, so that small files take several, of which each can fail.
const BUFFER: usize = if cfg!(test) { 1 << 15 } else { 1 << 20 };
/// How the names of unfinished files begin and end.
const PREFIX: &str = ".diffuscope-";
const SUFFIX: &str = ".tmp";

/// Replaces the file at `path` by what `fill` writes, whole or not at all.
///
/// The content goes to a temporary file in the same folder, which is flushed to the disk (fsync), renamed over
/// `path`, and made durable by an fsync of the folder. If anything fails, what was at `path` before is untouched
/// and the temporary file is gone.
///
/// # Errors
/// [`Error::Write`] with `path`: the folder is missing or not writable, the disk is full, or `fill` failed.
pub fn write_atomically(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    write_durably(path, fill).map_err(Error::write(path))
}

fn write_durably(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = folder_of(path);
    let temporary = with_mode(temporary_name(), 0o666).tempfile_in(&folder)?;
    let _unfinished = Unfinished::note(temporary.path());
    let mut writer = BufWriter::with_capacity(BUFFER, disk::Writer(temporary.as_file()));
    fill(&mut writer)?;
    writer.flush()?;
    drop(writer);
    disk::sync(temporary.as_file())?;
    disk::persist(temporary, path)?;
    disk::sync_folder(&folder)
}

/// Gives the file at `from` a second name, `to`, over what stood there: whole or not at all, and a link that stood there
/// is not followed. Where the file system has no second names it is a copy. Durable with the next fsync of the folder.
///
/// # Errors
/// [`Error::Write`] with `to`, where what stood there is untouched.
pub fn link_atomically(from: &Path, to: &Path) -> Result<()> {
    match temporary_name().make_in(folder_of(to), |name| disk::link(from, name)) {
        Ok(linked) => {
            // Removed when this ends: a rename leaves it where both were names of one file before.
            let linked = linked.into_temp_path();
            disk::rename(&linked, to).map_err(Error::write(to))
        }
        Err(_) => write_atomically(to, |copy| io::copy(&mut fs::File::open(from)?, copy).map(drop)),
    }
}

/// Whether two paths lead to one file or folder, by links of either kind too; files that are not there are no one's.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let number = |path: &Path| fs::metadata(path).map(|about| (about.dev(), about.ino())).ok();
        number(one).is_some_and(|found| number(other) == Some(found))
    }
    #[cfg(not(unix))]
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// The last part of a path, as text to show: what a file or a folder is called.
pub fn shown_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Creates the folder `path` from what `fill` puts into it, whole or not at all.
///
/// `fill` is given a temporary folder beside `path`; when it is done, that folder is renamed to `path`. A folder
/// that was at `path` is replaced where `may_go` says so of it, which is asked once it can be reached by that path no
/// longer: it stays, under a temporary name, until the new one stands in its place. On Linux the two exchange their names,
/// so that at no moment nothing is there; on other systems, and where the file system cannot do that, the old one is
/// renamed first.
///
/// # Errors
/// [`Error::Write`] with `path`, or what `fill` or `may_go` returned; `path` is then as it was, unless it is the last fsync
/// that failed, or the old folder could not be put back: then it stands beside its place, and the error says where.
pub fn write_folder_atomically(
    path: &Path,
    may_go: &dyn Fn(&Path) -> Result<()>,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let beside = folder_of(path);
    let fresh = with_mode(temporary_name(), 0o777).tempdir_in(&beside).map_err(Error::write(path))?;
    let unfinished = Unfinished::note(fresh.path());
    fill(fresh.path())?;
    disk::sync_folder(fresh.path()).map_err(Error::write(path))?;
    if !unfinished.claim() {
        return Err(Error::write(path)(io::Error::other("the program ends")));
    }
    put_folder_in_place(fresh, path, &beside, may_go)
}

fn put_folder_in_place(fresh: TempDir, path: &Path, beside: &Path, may_go: &dyn Fn(&Path) -> Result<()>) -> Result<()> {
    let failed = |error| Error::write(path)(error);
    if !fs::symlink_metadata(path).is_ok_and(|old| old.is_dir()) {
        disk::rename(fresh.path(), path).map_err(failed)?;
        // The folder has its final name: nothing is left for the guard to remove.
        let _ = fresh.keep();
        return disk::sync_folder(beside).map_err(failed);
    }
    let old = match exchange(fresh, path).map_err(failed)? {
        Exchanged::Done(old) => match may_go(old.path()) {
            Ok(()) => old,
            Err(refused) => match disk::exchange(old.path(), path) {
                Ok(()) => return Err(refused),
                Err(error) => return Err(stays(&old.keep(), path, &error)),
            },
        },
        Exchanged::Cannot(fresh) => replace_by_two_renames(fresh, path, beside, may_go)?,
    };
    // The new names may not last: the old folder stays.
    disk::sync_folder(beside).map_err(|error| stays(&old.keep(), path, &error))
}

/// The old folder could not be put back, or is not given up, and is not removed.
fn stays(old: &Path, path: &Path, error: &io::Error) -> Error {
    let old = old.display();
    Error::write(path)(io::Error::new(error.kind(), format!("{error}; what stood there is in {old} now")))
}

enum Exchanged {
    /// What stands under the temporary name is the old folder now.
    Done(TempDir),
    /// The system or the file system does not do that: nothing was changed.
    Cannot(TempDir),
}

fn exchange(fresh: TempDir, path: &Path) -> io::Result<Exchanged> {
    let new = fs::File::open(fresh.path());
    match disk::exchange(fresh.path(), path) {
        Ok(()) => Ok(Exchanged::Done(fresh)),
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput) => {
            Ok(Exchanged::Cannot(fresh))
        }
        Err(error) => {
            // Made all the same: what stands under the temporary name is the old folder, which stays.
            if new.is_ok_and(|new| disk::is_at(&new, path)) {
                let _ = fresh.keep();
            }
            Err(error)
        }
    }
}

/// Gives the old folder, under a temporary name; on failure it is put back.
fn replace_by_two_renames(
    fresh: TempDir,
    path: &Path,
    beside: &Path,
    may_go: &dyn Fn(&Path) -> Result<()>,
) -> Result<TempDir> {
    let retired = temporary_name().tempdir_in(beside).map_err(Error::write(path))?;
    let old = retired.path().join("old");
    if let Err(failed) = disk::rename(path, &old) {
        // Only an empty folder is removed, whatever became of the old one.
        let _ = fs::remove_dir(retired.keep());
        return Err(Error::write(path)(failed));
    }
    let placed = may_go(&old).and_then(|()| disk::rename(fresh.path(), path).map_err(Error::write(path)));
    if let Err(failed) = placed {
        return Err(match disk::rename(&old, path) {
            Ok(()) => failed,
            Err(error) => {
                let _ = retired.keep();
                stays(&old, path, &error)
            }
        });
    }
    let _ = fresh.keep();
    Ok(retired)
}

/// Creates `path` and the folders above it, where they are not there, for good.
///
/// # Errors
/// [`Error::Write`] with `path`.
pub fn create_dir_all(path: &Path) -> Result<()> {
    create_folders(path).map_err(Error::write(path))
}

fn create_folders(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = folder_of(path);
    if path != above {
        create_folders(&above)?;
    }
    match disk::create_folder(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.and_then(|()| disk::sync_folder(&above)),
    }
}

/// Says before the work whether a file can be written into `folder`.
///
/// # Errors
/// [`Error::Write`] with `path`, which is what shall be written there later.
pub fn check_writable(folder: &Path, path: &Path) -> Result<()> {
    temporary_name().tempfile_in(folder).map(drop).map_err(Error::write(path))
}

/// Removes the temporary files that a killed process left in `folder`.
///
/// # Errors
/// When the folder cannot be read or a file not removed.
pub fn remove_unfinished(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::read(folder))?.flatten() {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            disk::remove(&entry.path()).map_err(Error::write(entry.path()))?;
        }
    }
    Ok(())
}

/// The folder that holds `path`; `.` for a bare name.
pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn temporary_name() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    builder
}

/// Temporary files are made private (0600) by default; a result is an ordinary file, as the umask says.
#[cfg(unix)]
fn with_mode(mut builder: tempfile::Builder<'static, 'static>, mode: u32) -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(mode));
    builder
}

#[cfg(not(unix))]
fn with_mode(builder: tempfile::Builder<'static, 'static>, _mode: u32) -> tempfile::Builder<'static, 'static> {
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn writes_and_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        for content in ["first, and long", "second"] {
            write_atomically(&path, |w| w.write_all(content.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(names_in(folder.path()), ["a.bin"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_result_has_the_permissions_of_an_ordinary_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        fs::write(folder.path().join("ordinary"), "").unwrap();
        write_atomically(&folder.path().join("ours"), |_| Ok(())).unwrap();
        assert_eq!(mode("ours"), mode("ordinary"));
        fs::create_dir(folder.path().join("ordinary folder")).unwrap();
        write_folder_atomically(&folder.path().join("our folder"), &|_| Ok(()), |_| Ok(())).unwrap();
        assert_eq!(mode("our folder"), mode("ordinary folder"));
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".diffuscope-AbC123.tmp", "mine.tmp", ".diffuscope-notes", "checkpoint.safetensors"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        remove_unfinished(folder.path()).unwrap();
        assert_eq!(names_in(folder.path()), [".diffuscope-notes", "checkpoint.safetensors", "mine.tmp"]);
    }

    #[test]
    fn a_failure_midway_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        fs::write(&path, "old").unwrap();
        let error = write_atomically(&path, |w| {
            w.write_all(&vec![1; 3 * BUFFER])?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        assert!(matches!(&error, Error::Write { path: p, .. } if *p == path), "{error}");
        assert!(error.to_string().contains("disk full"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names_in(folder.path()), ["a.bin"]);
    }

    #[test]
    fn a_folder_that_cannot_be_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let path = file.join("below").join("a.bin");
        let error = write_atomically(&path, |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        let error = create_dir_all(&file.join("below")).unwrap_err();
        assert!(error.to_string().contains("below"), "{error}");
        let error = write_folder_atomically(&path, &|_| Ok(()), |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }

    #[test]
    fn a_folder_appears_whole_and_replaces_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        for name in ["one", "two"] {
            write_folder_atomically(&path, &|_| Ok(()), |inside| {
                assert!(names_in(folder.path()).iter().all(|n| n == "out" || n.ends_with(".tmp")));
                write_atomically(&inside.join(name), |w| w.write_all(b"x"))
            })
            .unwrap();
            assert_eq!(names_in(&path), [name]);
            assert_eq!(names_in(folder.path()), ["out"]);
        }
        let refused = write_folder_atomically(&path, &|_| Ok(()), |_| Err(Error::Cancelled));
        assert!(matches!(refused, Err(Error::Cancelled)));
        assert_eq!(names_in(&path), ["two"]);
        assert_eq!(names_in(folder.path()), ["out"]);
    }

    #[test]
    fn a_folder_does_not_replace_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "mine").unwrap();
        write_folder_atomically(&path, &|_| Ok(()), |_| Ok(())).unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(names_in(folder.path()), ["out"]);
    }
}
