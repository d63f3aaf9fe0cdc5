//! The files and folders that are being written just now: a program that does not wait for them takes them away.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// One of them, until it is dropped.
pub(super) struct Unfinished(PathBuf);

impl Unfinished {
    pub(super) fn note(path: &Path) -> Self {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).insert(path.into());
        Self(path.into())
    }

    /// It is no longer taken away: it gets its name just now. Whether it is still there for that.
    pub(super) fn claim(&self) -> bool {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Takes away what is unfinished, for a program that ends without waiting: whoever writes it cannot put it in its place any more.
pub fn leave_nothing_unfinished() {
    take_away(|_| true);
}

fn take_away(belongs: impl Fn(&Path) -> bool) {
    let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    let taken: Vec<_> = unfinished.extract_if(.., |path| belongs(path)).collect();
    drop(unfinished);
    for path in &taken {
        // What cannot be removed stays under its temporary name.
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::{write_atomically, write_folder_atomically};
    use super::*;

    /// A folder takes its time to be removed: one that gets its name meanwhile would lose a part, and is the old one once it
    /// has.
    #[test]
    fn a_folder_is_taken_away_or_gets_its_name_and_never_both() {
        let folder = tempfile::tempdir().unwrap();
        let leave = || take_away(|path| path.starts_with(folder.path()));
        for taken_first in [false, true] {
            let fresh = folder.path().join("fresh");
            write_folder_atomically(&fresh, &|_| Ok(()), |inside| write_atomically(&inside.join("a"), |_| Ok(())))
                .unwrap();
            let unfinished = Unfinished::note(&fresh);
            if taken_first {
                leave();
            }
            assert_eq!(unfinished.claim(), !taken_first);
            leave();
            assert_eq!(fresh.join("a").exists(), !taken_first);
        }
    }

    #[test]
    fn who_does_not_wait_leaves_the_old_files_and_no_unfinished_ones() {
        let folder = tempfile::tempdir().unwrap();
        let (file, inside) = (folder.path().join("a.bin"), folder.path().join("out"));
        write_atomically(&file, |file| file.write_all(b"old")).unwrap();
        let leave = || take_away(|path| path.starts_with(folder.path()));
        let written = write_atomically(&file, |file| {
            file.write_all(b"new")?;
            leave();
            Ok(())
        });
        let made = write_folder_atomically(&inside, &|_| Ok(()), |fresh| {
            write_atomically(&fresh.join("one"), |file| file.write_all(b"1"))?;
            leave();
            Ok(())
        });
        assert!(written.is_err() && made.is_err());
        assert_eq!(fs::read(&file).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
