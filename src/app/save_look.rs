//! Whether there is a file already where the Save form would write to: the disk is asked, a moment after the path was typed, on a
//! thread of its own, as a network mount may not answer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::aside::later;
use super::logic::App;
use super::save_form::{SaveForm, SaveResult};

/// From the last letter to the look.
const PAUSE: Duration = Duration::from_millis(150);

/// Looks of which no more wait at once for disks that hang.
const MOST: usize = 8;

/// The look that is under way, and what the last one found.
pub(super) struct SaveLooks {
    /// The path that is asked of, and the way to tell of a newer one before it is looked at.
    under_way: Option<(PathBuf, Sender<PathBuf>)>,
    /// Looks that the disk has not answered.
    unanswered: usize,
    tell: Sender<(PathBuf, bool)>,
    found: Receiver<(PathBuf, bool)>,
}

impl Default for SaveLooks {
    fn default() -> Self {
        let (tell, found) = unbounded();
        Self { under_way: None, unanswered: 0, tell, found }
    }
}

impl App {
    /// Takes what the disk answered, and asks it of the path in the form, unless that is known: one question at a time, as long as disks answer.
    pub(super) fn look_where_to_save(&mut self) {
        let looks = &mut self.save_looks;
        while let Ok(found) = looks.found.try_recv() {
            looks.under_way = None;
            looks.unanswered = looks.unanswered.saturating_sub(1);
            self.state.save.there = Some(found);
        }
        let form = &self.state.save;
        let known = form.there.as_ref().map(|(path, _)| path);
        let rests = !form.open || form.result == Some(SaveResult::Writing);
        let Some(path) = form.target().filter(|path| !rests && known != Some(path)) else { return };
        if let Some((asked, newer)) = &mut looks.under_way {
            // Once the disk is asked nobody takes a newer one: where it hangs, another may answer.
            if *asked == path || looks.unanswered == MOST {
                return;
            }
            if newer.send(path.clone()).is_ok() {
                *asked = path;
                return;
            }
        }
        let (newer, typed) = unbounded();
        looks.under_way = Some((path.clone(), newer));
        looks.unanswered += 1;
        let (tell, wake) = (looks.tell.clone(), self.waker());
        later(move || {
            let mut path = path;
            while let Ok(newer) = typed.recv_timeout(PAUSE) {
                path = newer;
            }
            drop(typed);
            // As the engine looks before it writes.
            let there = path.symlink_metadata().is_ok_and(|found| !found.is_dir());
            let _ = tell.send((path, there));
            wake();
        });
    }
}

impl SaveForm {
    /// What is written to: the typed path with the ending of what is written.
    pub(super) fn target(&self) -> Option<PathBuf> {
        let path = Path::new(self.path.trim());
        path.file_name().map(|_| super::save_form::with_kind(path.into(), self.what))
    }

    /// The file that saving would write over, as far as that is known.
    pub fn replaces(&self) -> Option<&Path> {
        let told = match &self.result {
            Some(SaveResult::Exists(path)) => Some(path),
            _ => None,
        };
        let seen = self.there.as_ref().filter(|(path, there)| *there && self.target().as_ref() == Some(path));
        told.or(seen.map(|(path, _)| path)).map(PathBuf::as_path)
    }
}
