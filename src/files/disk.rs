//! The calls by which this program changes the disk, in one place, so that a test can have any of them go wrong.
//!
//! In the program each of them is the call of the standard library and nothing more; in tests each goes through
//! [`faults`](super::faults).

use std::borrow::Borrow;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

#[cfg(test)]
use super::faults::on;

/// A call, for whoever looks at it on its way.
#[derive(Debug, Clone, Copy)]
pub enum Call<'a> {
    Write { file: &'a File, bytes: &'a [u8] },
    Sync { file: &'a File },
    Rename { from: &'a Path, to: &'a Path },
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

/// Writes to a file.
#[derive(Debug)]
pub struct Writer<F>(pub F);

impl<F: Borrow<File>> Write for Writer<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file: &File = self.0.borrow();
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

/// Gives a temporary file its final name, over what stood there.
pub fn persist(temporary: NamedTempFile, to: &Path) -> io::Result<()> {
    let from = temporary.path().to_path_buf();
    on(Call::Rename { from: &from, to }, (), || temporary.persist(to).map(drop).map_err(|failed| failed.error))
}

pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    on(Call::Rename { from, to }, (), || fs::rename(from, to))
}

/// A second name for a file, or a copy where the file system has no second names.
pub fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    on(Call::Link { to }, (), || fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop)))
}

pub fn remove(path: &Path) -> io::Result<()> {
    on(Call::Remove { path }, (), || fs::remove_file(path))
}

/// Makes the names in `folder` durable: a rename alone can be lost when the machine stops. Windows has no fsync of a
/// folder; its file systems journal the rename.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    on(Call::SyncFolder { path: folder }, (), || if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) })
}
