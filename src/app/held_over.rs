//! What dropping the files that are held over the window would do, told before it is done.

use std::path::{Path, PathBuf};

use super::dropped::Dropped;
use super::logic::App;
use super::state::AppState;
use crate::files::shown_name;

/// What dropping one file or folder would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropOffer<'a> {
    /// Its name without its folder.
    pub name: &'a str,
    pub says: &'static str,
    /// False if dropping it would do nothing.
    pub usable: bool,
}

/// The files that are held over the window, looked at once.
#[derive(Debug, Clone, Default)]
pub struct HeldOver {
    paths: Vec<PathBuf>,
    /// None: not known yet.
    found: Vec<(String, Option<Dropped>)>,
}

impl App {
    /// Files are held over the window; none any more if there are no paths.
    pub fn hold_over(&mut self, paths: impl Iterator<Item = PathBuf>) {
        let paths: Vec<_> = paths.collect();
        if self.state.held_over.paths == paths {
            return;
        }
        let found = paths.iter().map(|path| (shown_name(path), self.look_at(path))).collect();
        self.state.held_over = HeldOver { paths, found };
    }
}

impl HeldOver {
    /// The disk has said what a path is.
    pub(super) fn is(&mut self, path: &Path, kind: Dropped) {
        for (held, (_, known)) in self.paths.iter().zip(&mut self.found) {
            if held == path {
                *known = Some(kind);
            }
        }
    }
}

impl AppState {
    /// What dropping the files that are held over the window would do, one by one.
    pub fn drop_offers(&self) -> impl ExactSizeIterator<Item = DropOffer<'_>> {
        self.held_over.found.iter().map(|(name, kind)| self.drop_offer(name, *kind))
    }

    /// Whether the disk is asked what a file is, and has not answered.
    pub fn is_looking(&self) -> bool {
        !self.looked_for.is_empty()
    }

    fn drop_offer<'a>(&self, name: &'a str, kind: Option<Dropped>) -> DropOffer<'a> {
        let (usable, says) = match kind {
            _ if self.takes_to_reverse(Path::new(name)) => (true, "Takes the picture, to slide it into noise and back"),
            Some(Dropped::Run | Dropped::Weights) if self.run_is_active() => {
                (false, "Cannot be opened while a run trains: stop it first")
            }
            Some(Dropped::Run) => (true, "Opens the run: its losses, its digits, its model"),
            Some(Dropped::Weights) => (true, "Opens the weights, to draw with them"),
            Some(Dropped::Images) if self.run_is_active() => {
                (true, "The next run learns from these images; this one goes on")
            }
            Some(Dropped::Images) => (true, "The next run learns from these images"),
            Some(Dropped::Picture) => (true, "Takes back the settings it was drawn with, if it was saved here"),
            Some(Dropped::Unknown) => (false, "Nothing that can be opened here"),
            None => (true, "Looking at what this is…"),
        };
        DropOffer { name, says, usable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Activity, Tab};
    use crate::config::Preset;

    #[test]
    fn what_is_said_depends_on_what_goes_on() {
        let mut state = AppState::new(Preset::Small.settings());
        assert!(state.drop_offer("a.pth", Some(Dropped::Weights)).usable);
        state.activity = Activity::Training;
        assert!(!state.drop_offer("a.pth", Some(Dropped::Weights)).usable);
        assert!(state.drop_offer("t10k-images-idx3-ubyte", Some(Dropped::Images)).says.contains("goes on"));
        assert!(state.drop_offer("a.PNG", Some(Dropped::Picture)).says.contains("settings"));
        assert!(!state.drop_offer("a.gif", Some(Dropped::Unknown)).usable);
        (state.tab, state.origin.open) = (Tab::Sample, true);
        for name in ["a.PNG", "a.gif"] {
            assert!(state.drop_offer(name, Some(Dropped::Unknown)).says.contains("noise"), "{name}");
        }
    }
}
