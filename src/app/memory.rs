//! The file in which the window's state is remembered from one start to the next: whole or not at all, and never waited for
//! while the window is drawn.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError, bounded};
use directories::ProjectDirs;

use crate::Result;
use crate::files::{create_dir_all, folder_of, write_atomically};

/// Longest wait for it when the window is closed.
const WITHIN: Duration = Duration::from_secs(2);

/// The file, and what is on its way there.
#[derive(Debug, Default)]
pub struct Memory {
    /// None: nothing is remembered.
    path: Option<PathBuf>,
    /// What shall be in the file.
    wanted: Option<String>,
    /// What is in it, or on its way there.
    written: Option<String>,
    /// Told whether the disk took it.
    writing: Option<Receiver<bool>>,
}

impl Memory {
    /// Beside the runs: on Linux `~/.local/share/diffuscope/window.json`. Without a home folder nothing is remembered.
    pub fn of_user() -> Self {
        let dirs = ProjectDirs::from("", "", "diffuscope");
        Self { path: dirs.map(|dirs| dirs.data_dir().join("window.json")), ..Self::default() }
    }

    /// In a certain file.
    pub fn at(path: PathBuf) -> Self {
        Self { path: Some(path), ..Self::default() }
    }

    /// What the last start left, if it can be read.
    pub fn read(&self) -> Option<String> {
        fs::read_to_string(self.path.as_ref()?).ok()
    }

    /// Has the file say this from now on; it is written in the background.
    pub fn keep(&mut self, text: String) {
        self.wanted = Some(text);
        self.go_on();
    }

    /// Waits until what was to be kept is in the file, or the disk does not take it.
    pub fn finish(&mut self) {
        let deadline = Instant::now() + WITHIN;
        while let Some(writing) = &self.writing {
            let taken = writing.recv_deadline(deadline);
            self.writing = None;
            if taken != Ok(true) {
                self.written = None;
                return tracing::warn!("the window's state could not be kept");
            }
            self.go_on();
        }
    }

    /// Begins to write what is wanted, unless that is there, or something is still being written.
    fn go_on(&mut self) {
        match self.writing.as_ref().map(Receiver::try_recv) {
            Some(Err(TryRecvError::Empty)) => return,
            Some(Ok(false) | Err(TryRecvError::Disconnected)) => self.written = None,
            Some(Ok(true)) | None => {}
        }
        self.writing = None;
        let (Some(path), Some(text)) = (&self.path, &self.wanted) else { return };
        if self.written.as_ref() == Some(text) {
            return;
        }
        let (tell, writing) = bounded(1);
        let (path, text) = (path.clone(), text.clone());
        self.written = Some(text.clone());
        let write = move || {
            let result = write(&path, &text);
            let _ = tell.send(result.inspect_err(|error| tracing::warn!("{error}")).is_ok());
        };
        if std::thread::Builder::new().name("memory".into()).spawn(write).is_ok() {
            self.writing = Some(writing);
        }
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    create_dir_all(&folder_of(path))?;
    write_atomically(path, |file| file.write_all(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{AppState, Remembered};
    use crate::config::Preset;
    use crate::files::faults::{self, FAULTS, Fault, LOSSES, with_fault};

    fn text(seed: u64) -> String {
        let mut state = AppState::new(Preset::Nano.settings());
        state.settings.training.seed = seed;
        Remembered::of(&state).to_text().unwrap()
    }

    fn seed(memory: &Memory) -> u64 {
        Remembered::restore(memory.read().as_deref()).settings.training.seed
    }

    #[test]
    fn what_is_remembered_is_the_old_or_the_new_whatever_call_goes_wrong() {
        let (mut tried, mut defaults) = (0, 0);
        for (fault, loss) in FAULTS.into_iter().flat_map(|fault| LOSSES.map(|loss| (fault, loss))) {
            for k in 0.. {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("inside/window.json");
                write(&path, &text(11)).unwrap();
                let (result, made) = with_fault(Some((k, fault)), loss, folder.path(), || write(&path, &text(22)));
                if made <= k {
                    break;
                }
                tried += 1;
                let seed = seed(&Memory::at(path));
                assert!(result.is_err() || seed == 22 || fault == Fault::Drop, "{fault:?} at {k}: said to be kept");
                // A disk that says that it wrote and did not may leave a part: the defaults, then.
                let lied = fault == Fault::Drop && ![11, 22].contains(&seed);
                defaults += usize::from(lied);
                assert!(lied || [11, 22].contains(&seed), "{fault:?} at call {k}, {loss:?}: {seed}");
            }
        }
        println!("{tried} faults, {defaults} times the defaults");
        assert!(tried > 40, "{tried}");
    }

    #[test]
    fn a_slow_disk_is_not_waited_for_until_the_end_and_has_the_newest_then() {
        let folder = tempfile::tempdir().unwrap();
        faults::slow(folder.path(), Duration::from_millis(300));
        let mut memory = Memory::at(folder.path().join("window.json"));
        let begun = Instant::now();
        (1..=3).for_each(|seed| memory.keep(text(seed)));
        assert!(begun.elapsed() < Duration::from_millis(300), "{:?}", begun.elapsed());
        memory.finish();
        assert_eq!(seed(&memory), 3);
    }

    #[test]
    fn a_disk_that_did_not_take_it_is_asked_again() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("state");
        fs::write(&place, "in the way").unwrap();
        let mut memory = Memory::at(place.join("window.json"));
        memory.keep(text(1));
        memory.finish();
        assert_eq!(memory.read(), None);
        fs::remove_file(&place).unwrap();
        memory.keep(text(1));
        memory.finish();
        assert_eq!(seed(&memory), 1);
    }
}
