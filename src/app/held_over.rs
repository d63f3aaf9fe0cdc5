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
    found: Vec<(String, Dropped)>,
}

impl App {
    /// Files are held over the window; none any more if there are no paths.
    pub fn hold_over(&mut self, paths: impl Iterator<Item = PathBuf>) {
        let paths: Vec<_> = paths.collect();
        let held = &mut self.state.held_over;
        if held.paths == paths {
            return;
        }
        held.found = paths.iter().map(|path| (shown_name(path), Dropped::of(path))).collect();
        held.paths = paths;
    }
}

impl AppState {
    /// What dropping the files that are held over the window would do, one by one.
    pub fn drop_offers(&self) -> impl ExactSizeIterator<Item = DropOffer<'_>> {
        self.held_over.found.iter().map(|(name, kind)| self.drop_offer(name, *kind))
    }

    fn drop_offer<'a>(&self, name: &'a str, kind: Dropped) -> DropOffer<'a> {
        let (usable, says) = match kind {
            _ if self.takes_to_reverse(Path::new(name)) => (true, "Takes the picture, to slide it into noise and back"),
            Dropped::Run | Dropped::Weights if self.run_is_active() => {
                (false, "Cannot be opened while a run trains: stop it first")
            }
            Dropped::Run => (true, "Opens the run: its losses, its digits, its model"),
            Dropped::Weights => (true, "Opens the weights, to draw with them"),
            Dropped::Images if self.run_is_active() => {
                (true, "The next run learns from these images; this one goes on")
            }
            Dropped::Images => (true, "The next run learns from these images"),
            Dropped::Picture => (true, "Takes back the settings it was drawn with, if it was saved here"),
            Dropped::Unknown => (false, "Nothing that can be opened here"),
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
        assert!(state.drop_offer("a.pth", Dropped::Weights).usable);
        state.activity = Activity::Training;
        assert!(!state.drop_offer("a.pth", Dropped::Weights).usable);
        assert!(state.drop_offer("t10k-images-idx3-ubyte", Dropped::Images).says.contains("goes on"));
        assert!(state.drop_offer("a.PNG", Dropped::Picture).says.contains("settings"));
        assert!(!state.drop_offer("a.gif", Dropped::Unknown).usable);
        (state.tab, state.origin.open) = (Tab::Sample, true);
        for name in ["a.PNG", "a.gif"] {
            assert!(state.drop_offer(name, Dropped::Unknown).says.contains("noise"), "{name}");
        }
    }
}
