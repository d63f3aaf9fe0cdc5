//! A disk that goes wrong, for tests: one call fails, is lost, or is the last one before the power goes; then what had
//! not reached the disk is lost as well, or not.
//!
//! It knows the calls of one thread, the test's own. A disk that is only slow is so for every thread.

use std::cell::{Cell, RefCell};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::disk::Call;
use super::folder_of;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails, once.
    Fail,
    /// It is not made, and says that it was.
    Drop,
    /// The power goes before it.
    Cut,
    /// The power goes in the middle of it: half of the bytes are written. A call that has no middle is made.
    Tear,
}

pub const FAULTS: [Fault; 4] = [Fault::Fail, Fault::Drop, Fault::Cut, Fault::Tear];

/// What the power takes with it of that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    pub contents: bool,
    pub names: bool,
}

pub const LOSSES: [Loss; 4] = [
    Loss { contents: false, names: false },
    Loss { contents: true, names: false },
    Loss { contents: false, names: true },
    Loss { contents: true, names: true },
];

/// Folders on a slow disk, and how long a file there takes to get its name.
static SLOW: Mutex<Vec<(PathBuf, Duration)>> = Mutex::new(Vec::new());

/// From now on every file below `folder` takes so long to be written.
pub fn slow(folder: &Path, each: Duration) {
    SLOW.lock().unwrap().push((folder.into(), each));
}

fn wait_if_slow(call: Call) {
    let (Call::Rename { to, .. } | Call::Exchange { other: to, .. }) = call else { return };
    let slow = SLOW.lock().unwrap().iter().find(|(folder, _)| to.starts_with(folder)).map(|(_, each)| *each);
    let begun = Instant::now();
    while let Some(left) = slow.and_then(|each| each.checked_sub(begun.elapsed())) {
        std::thread::park_timeout(left);
    }
}

#[derive(Default)]
struct Disk {
    /// Calls so far.
    made: usize,
    plan: Option<(usize, Fault)>,
    off: bool,
    /// Bytes that can still be written; none: without end.
    room: Option<usize>,
    /// Files with content that was not synced: identity, handle, and the length that was.
    unsynced: Vec<(u64, File, u64)>,
    /// How to take back the changes of names that were not synced, in their order.
    names: Vec<Undo>,
    /// Where files are kept that a change of names hides.
    hidden: Option<tempfile::TempDir>,
}

enum Undo {
    Create { path: PathBuf },
    CreateFolder { path: PathBuf },
    Rename { from: PathBuf, to: PathBuf, hidden: Option<PathBuf> },
    Exchange { one: PathBuf, other: PathBuf },
    Link { to: PathBuf },
    Remove { path: PathBuf, hidden: Option<PathBuf> },
}

impl Undo {
    /// Whether a sync of the folder makes it last.
    fn is_in(&self, folder: &Path) -> bool {
        match self {
            Self::Rename { from, to, .. } => folder_of(from) == folder || folder_of(to) == folder,
            Self::Exchange { one, other } => folder_of(one) == folder || folder_of(other) == folder,
            Self::Link { to } => folder_of(to) == folder,
            Self::Create { path } | Self::CreateFolder { path } | Self::Remove { path, .. } => {
                folder_of(path) == folder
            }
        }
    }

    fn take_back(&self) {
        let restore = |hidden: &Option<PathBuf>, to: &Path| {
            if let Some(hidden) = hidden {
                fs::hard_link(hidden, to).unwrap();
            }
        };
        match self {
            Self::Create { path } => drop(fs::remove_file(path)),
            Self::CreateFolder { path } => drop(fs::remove_dir_all(path)),
            Self::Rename { from, to, hidden } => {
                // A folder of unfinished work is cleared up when it is empty or replaced: then there is no way back.
                if to.exists() && folder_of(from).exists() {
                    fs::rename(to, from).unwrap();
                }
                restore(hidden, to);
            }
            // Of a folder that is removed already only the new one is left.
            Self::Exchange { one, other } if one.exists() && other.exists() => {
                let between = one.with_extension("between");
                for (from, to) in [(one, &between), (other, one), (&between, other)] {
                    fs::rename(from, to).unwrap();
                }
            }
            Self::Exchange { .. } => {}
            // A temporary name may be gone already.
            Self::Link { to } => drop(fs::remove_file(to)),
            Self::Remove { path, hidden } => restore(hidden, path),
        }
    }
}

thread_local! {
    static DISK: RefCell<Option<Disk>> = const { RefCell::new(None) };
    static EXCHANGES: Cell<bool> = const { Cell::new(true) };
}

/// Does `work` on a disk on which names cannot be exchanged.
#[cfg(target_os = "linux")]
fn without_exchange<R>(work: impl FnOnce() -> R) -> R {
    EXCHANGES.set(false);
    let result = work();
    EXCHANGES.set(true);
    result
}

/// Does `work` on a disk on which the `k`-th call, from 0, meets `fault`; then the power goes, with `loss`. Gives what
/// `work` gave, and how many calls it made. No plan: nothing goes wrong, and nothing is lost.
pub fn with_fault<R>(plan: Option<(usize, Fault)>, loss: Loss, beside: &Path, work: impl FnOnce() -> R) -> (R, usize) {
    let hidden = Some(tempfile::tempdir_in(beside).unwrap());
    DISK.set(Some(Disk { plan, hidden, ..Disk::default() }));
    let result = work();
    let disk = DISK.take().unwrap();
    if loss.names {
        disk.names.iter().rev().for_each(Undo::take_back);
    }
    if loss.contents {
        disk.unsynced.iter().for_each(|(_, file, length)| file.set_len(*length).unwrap());
    }
    (result, disk.made)
}

/// Does `work` on a disk that is full after so many bytes, until [`make_room`].
pub fn with_room<R>(bytes: usize, work: impl FnOnce() -> R) -> R {
    DISK.set(Some(Disk { room: Some(bytes), ..Disk::default() }));
    let result = work();
    DISK.set(None);
    result
}

/// The disk has room without end.
pub fn make_room() {
    DISK.with_borrow_mut(|disk| disk.as_mut().expect("it is there").room = None);
}

/// Bytes that can still be written.
pub fn room() -> usize {
    DISK.with_borrow(|disk| disk.as_ref().and_then(|disk| disk.room).unwrap_or(usize::MAX))
}

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

/// What of `bytes` a disk that fills takes: as a real one, it takes a part first, and then refuses.
pub fn fitting(bytes: &[u8]) -> io::Result<&[u8]> {
    DISK.with_borrow_mut(|disk| match disk.as_mut().and_then(|disk| disk.room.as_mut()) {
        Some(0) => Err(full()),
        Some(room) => {
            let taken = bytes.len().min(*room);
            *room -= taken;
            Ok(&bytes[..taken])
        }
        None => Ok(bytes),
    })
}

/// What a call changes for the case that the power goes.
enum Note {
    Unsynced(u64, File, u64),
    Synced(u64),
    Name(Undo),
    NamesSynced(PathBuf),
}

/// Where [`disk`](super::disk) sends its calls in tests.
pub fn on<R>(call: Call, unmade: R, make: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
    if matches!(call, Call::Exchange { .. }) && !EXCHANGES.get() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    if DISK.with_borrow(Option::is_none) {
        wait_if_slow(call);
        return make();
    }
    let (fault, note) = DISK.with_borrow_mut(|disk| {
        let disk = disk.as_mut().expect("it is there");
        if disk.off {
            return Err(io::Error::other("the power is gone"));
        }
        let takes_room = matches!(call, Call::Create { .. } | Call::CreateFolder { .. } | Call::Link { .. });
        if takes_room && disk.room == Some(0) {
            return Err(full());
        }
        disk.made += 1;
        let fault = disk.plan.filter(|(k, _)| *k + 1 == disk.made).map(|(_, fault)| fault);
        disk.off = matches!(fault, Some(Fault::Cut | Fault::Tear));
        Ok((fault, disk.before(call)))
    })?;
    let result = match (fault, call) {
        // Nothing of a test outlasts a cut of the real power.
        (None, Call::Sync { .. } | Call::SyncFolder { .. }) => Ok(unmade),
        (None, _) => make(),
        (Some(Fault::Drop), _) => return Ok(unmade),
        (Some(Fault::Fail), _) => return Err(io::Error::other("the disk fails")),
        (Some(Fault::Cut), _) => return Err(io::Error::other("the power goes")),
        (Some(Fault::Tear), Call::Write { mut file, bytes }) => {
            file.write_all(&bytes[..bytes.len() / 2]).map(|()| unmade)
        }
        (Some(Fault::Tear), _) => make(),
    };
    if result.is_ok() {
        DISK.with_borrow_mut(|disk| disk.as_mut().expect("it is there").note(note));
    }
    if fault == Some(Fault::Tear) { Err(io::Error::other("the power goes")) } else { result }
}

impl Disk {
    /// What to remember of a call, before it is made.
    fn before(&self, call: Call) -> Note {
        match call {
            Call::Write { file, .. } => {
                let (id, length) = identity(file);
                Note::Unsynced(id, file.try_clone().unwrap(), length)
            }
            Call::Sync { file } => Note::Synced(identity(file).0),
            Call::SyncFolder { path } => Note::NamesSynced(path.into()),
            Call::Create { path } => Note::Name(Undo::Create { path: path.into() }),
            Call::CreateFolder { path } => Note::Name(Undo::CreateFolder { path: path.into() }),
            Call::Rename { from, to } => {
                Note::Name(Undo::Rename { from: from.into(), to: to.into(), hidden: self.hide(to) })
            }
            Call::Exchange { one, other } => Note::Name(Undo::Exchange { one: one.into(), other: other.into() }),
            Call::Link { to } => Note::Name(Undo::Link { to: to.into() }),
            Call::Remove { path } => Note::Name(Undo::Remove { path: path.into(), hidden: self.hide(path) }),
        }
    }

    /// Remembers what a call that was made leaves unsynced, or syncs.
    fn note(&mut self, note: Note) {
        match note {
            Note::Unsynced(id, file, length) => {
                if !self.unsynced.iter().any(|(known, ..)| *known == id) {
                    self.unsynced.push((id, file, length));
                }
            }
            Note::Synced(id) => self.unsynced.retain(|(known, ..)| *known != id),
            Note::Name(undo) => self.names.push(undo),
            Note::NamesSynced(folder) => self.names.retain(|undo| !undo.is_in(&folder)),
        }
    }

    fn hide(&self, path: &Path) -> Option<PathBuf> {
        let hidden = self.hidden.as_ref()?.path().join(self.made.to_string());
        path.is_file().then(|| fs::hard_link(path, &hidden).unwrap())?;
        Some(hidden)
    }
}

#[cfg(unix)]
fn identity(file: &File) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    let data = file.metadata().unwrap();
    (data.ino(), data.len())
}

/// Without a number for a file, its content counts as synced when any is.
#[cfg(not(unix))]
fn identity(file: &File) -> (u64, u64) {
    (0, file.metadata().unwrap().len())
}

#[cfg(test)]
mod tests;
