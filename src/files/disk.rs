//! The calls by which runs and exports change the disk, in one place, so that a test can have any of them go wrong.
//!
//! In the program each of them is the call of the standard library and nothing more; in tests each goes through
//! [`faults`](super::faults).

use std::borrow::Borrow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use tempfile::NamedTempFile;

#[cfg(test)]
use super::faults::{fitting, on};

/// A call, for whoever looks at it on its way.
#[derive(Debug, Clone, Copy)]
pub enum Call<'a> {
    Write { file: &'a File, bytes: &'a [u8] },
    Sync { file: &'a File },
    Create { path: &'a Path },
    CreateFolder { path: &'a Path },
    Rename { from: &'a Path, to: &'a Path },
    Exchange { one: &'a Path, other: &'a Path },
    Link { to: &'a Path },
    Remove { path: &'a Path },
    SyncFolder { path: &'a Path },
}

/// Makes a call; `unmade` is what it answers when a test loses it silently.
#[cfg(not(test))]
#[inline(always)]
fn on<R>(_call: Call, _unmade: R, make: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
    make()
}

/// What of `bytes` the disk has room for.
#[cfg(not(test))]
#[inline(always)]
fn fitting(bytes: &[u8]) -> io::Result<&[u8]> {
    Ok(bytes)
}

/// Writes to a file.
#[derive(Debug)]
pub struct Writer<F>(pub F);

impl<F: Borrow<File>> Write for Writer<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file: &File = self.0.borrow();
        let bytes = fitting(bytes)?;
        on(Call::Write { file, bytes }, bytes.len(), || file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The content of a file reaches the disk.
pub fn sync(file: &File) -> io::Result<()> {
    on(Call::Sync { file }, (), || file.sync_all())
}

/// Makes an empty file, where nothing stands, no link either.
pub fn create(path: &Path) -> io::Result<()> {
    on(Call::Create { path }, (), || OpenOptions::new().create_new(true).append(true).open(path).map(drop))
}

/// Makes a folder in one that is there.
pub fn create_folder(path: &Path) -> io::Result<()> {
    on(Call::CreateFolder { path }, (), || fs::create_dir(path))
}

/// Gives a temporary file its final name, over what stood there.
pub fn persist(temporary: NamedTempFile, to: &Path) -> io::Result<()> {
    let from = temporary.path().to_path_buf();
    on(Call::Rename { from: &from, to }, (), || temporary.persist(to).map(drop).map_err(|failed| failed.error))
}

pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    on(Call::Rename { from, to }, (), || fs::rename(from, to))
}

/// Two files or folders exchange their names in one step.
#[cfg(target_os = "linux")]
pub fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let make = || Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?);
    on(Call::Exchange { one, other }, (), make)
}

/// Not offered in safe code.
#[cfg(not(target_os = "linux"))]
pub fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    on(Call::Exchange { one, other }, (), || Err(ErrorKind::Unsupported.into()))
}

/// A second name for a file; nothing may have that name yet, no link either.
pub fn link(from: &Path, to: &Path) -> io::Result<()> {
    on(Call::Link { to }, (), || fs::hard_link(from, to))
}

pub fn remove(path: &Path) -> io::Result<()> {
    on(Call::Remove { path }, (), || fs::remove_file(path))
}

/// Makes the names in `folder` durable: a rename alone can be lost when the machine stops. Windows has no fsync of a
/// folder; its file systems journal the rename. One that may be written to but not read cannot be opened for it.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    let sync = || match File::open(folder) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        folder => folder?.sync_all(),
    };
    on(Call::SyncFolder { path: folder }, (), || if cfg!(unix) { sync() } else { Ok(()) })
}

/// Whether a path names the file that was opened there, still or again.
#[cfg(unix)]
pub fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |about: fs::Metadata| (about.dev(), about.ino());
    let [opened, named] = [file.metadata(), fs::metadata(path)].map(|about| about.map(identity));
    matches!((opened, named), (Ok(opened), Ok(named)) if opened == named)
}

/// Without numbers of files: whether it names one that can be written to as the opened one can.
#[cfg(not(unix))]
pub fn is_at(file: &File, path: &Path) -> bool {
    file.sync_all().is_ok() && path.exists()
}
