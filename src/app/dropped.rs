//! What is dropped onto the window is opened as what it is. Most names say that; of the others the disk is asked, on a thread of
//! its own, as a network mount may not answer.

use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::action::Action;
use super::aside::{SOON, later};
use super::logic::App;
use super::notices::{Help, Kind};
use super::state::Tab;
use crate::config::DataSource;
use crate::files::shown_name;
use crate::train::folder::holds_run;

/// What a file or a folder is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    Run,
    Weights,
    Images,
    Picture,
    Unknown,
}

impl Dropped {
    /// What the disk says.
    fn of(path: &Path) -> Self {
        match path.is_dir() {
            false => Self::by_name(path).unwrap_or(Self::Unknown),
            true if holds_run(path) => Self::Run,
            true if ["model_index.json", "config.json"].iter().any(|name| path.join(name).is_file()) => Self::Weights,
            true => Self::Images,
        }
    }

    /// What the name says, if it does.
    fn by_name(path: &Path) -> Option<Self> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        match name.as_str() {
            _ if ends(&[".safetensors", ".pth", ".pt"]) => Some(Self::Weights),
            _ if ends(&[".png", ".apng"]) => Some(Self::Picture),
            _ if ends(&["ubyte", "ubyte.gz", ".idx", ".idx.gz"]) => Some(Self::Images),
            _ => None,
        }
    }
}

/// Paths that the disk is asked of.
pub(super) struct Looks {
    look: fn(&Path) -> Dropped,
    tell: Sender<(PathBuf, Dropped)>,
    found: Receiver<(PathBuf, Dropped)>,
}

impl Default for Looks {
    fn default() -> Self {
        let (tell, found) = unbounded();
        Self { look: Dropped::of, tell, found }
    }
}

impl App {
    /// What a path is by its name; where that says nothing the disk is asked, once until it has answered.
    pub(super) fn look_at(&mut self, path: &Path) -> Option<Dropped> {
        let known = Dropped::by_name(path);
        if known.is_none() && self.state.looked_for.insert(path.into()) {
            let (look, tell, wake, path) = (self.looks.look, self.looks.tell.clone(), self.waker(), path.to_path_buf());
            later(move || {
                let kind = look(&path);
                // The window may have been closed.
                let _ = tell.send((path, kind));
                wake();
            });
        }
        known
    }

    /// Takes what the disk answered.
    pub(super) fn take_looks(&mut self) {
        while let Ok((path, kind)) = self.looks.found.try_recv() {
            self.looked_at(path, kind);
        }
    }

    fn looked_at(&mut self, path: PathBuf, kind: Dropped) {
        self.state.looked_for.remove(&path);
        self.state.held_over.is(&path, kind);
        if self.state.dropped.remove(&path) {
            self.open_as(kind, path);
        }
    }

    /// Opens what was dropped, once it is known what that is.
    pub(super) fn dropped(&mut self, path: PathBuf) {
        if let Some(kind) = self.look_at(&path) {
            return self.open_as(kind, path);
        }
        self.state.dropped.insert(path.clone());
        if let Ok((path, kind)) = self.looks.found.recv_timeout(SOON) {
            self.looked_at(path, kind);
        }
        if self.state.dropped.contains(&path) {
            let text = format!("{} is opened as soon as its disk says what it is", shown_name(&path));
            self.state.notices.add(Kind::Info, text, None);
        }
    }

    fn open_as(&mut self, kind: Dropped, path: PathBuf) {
        match kind {
            Dropped::Run if self.state.run_is_active() => {
                let what = "a run cannot be opened while another one trains".to_owned();
                let help = Help { word: "Stop and keep", action: Action::Stop };
                let hint = Some("stop the run in progress first".into());
                self.state.notices.add_with(Kind::Failed, what, hint, Some(help));
            }
            Dropped::Run => self.open_run(path),
            Dropped::Weights => self.open(path),
            Dropped::Images => {
                let mut settings = self.state.settings.clone();
                settings.data.source = DataSource::Path(path);
                self.state.edit_settings(settings);
                self.state.data.look_again();
                self.apply(Action::ShowTab(Tab::Data));
            }
            Dropped::Picture => self.read_provenance(path),
            Dropped::Unknown => {
                let name = shown_name(&path);
                let hint =
                    "drop a PNG that was saved here, a folder of images, an IDX file, a run folder or a weights file"
                        .into();
                self.state.notices.add(Kind::Failed, format!("{name} is nothing that can be opened here"), Some(hint));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::app::{AppState, Folders};
    use crate::config::Preset;
    use crate::engine::{Command, Handle};

    #[test]
    fn names_and_contents_say_what_a_path_is() {
        let folder = tempfile::tempdir().unwrap();
        let pipeline = folder.path().join("pipeline");
        std::fs::create_dir(&pipeline).unwrap();
        assert_eq!(Dropped::of(&pipeline), Dropped::Images);
        std::fs::write(pipeline.join("model_index.json"), "{}").unwrap();
        assert_eq!(Dropped::of(&pipeline), Dropped::Weights);
        let run = folder.path().join("run");
        std::fs::create_dir(&run).unwrap();
        std::fs::write(run.join("run.json"), "{}").unwrap();
        assert_eq!(Dropped::of(&run), Dropped::Run);
        for (name, wanted) in [
            ("a.SafeTensors", Dropped::Weights),
            ("b.pth", Dropped::Weights),
            ("t10k-images-idx3-ubyte", Dropped::Images),
            ("train-images-idx3-ubyte.gz", Dropped::Images),
            ("grid.PNG", Dropped::Picture),
            ("notes.txt", Dropped::Unknown),
        ] {
            assert_eq!(Dropped::of(Path::new(name)), wanted, "{name}");
        }
        assert_eq!((Dropped::by_name(&run), Dropped::by_name(Path::new("notes.txt"))), (None, None));
    }

    /// A disk that answers when it is told to.
    static ANSWERS: Mutex<()> = Mutex::new(());

    #[test]
    fn a_disk_that_does_not_answer_does_not_stop_the_window() {
        let (handle, commands, _outbox) = Handle::scripted();
        let folders = Folders { runs: "runs".into(), pictures: "pictures".into() };
        let mut app = App::new(handle, AppState::new(Preset::Nano.settings()), folders, || ());
        app.looks.look = |_| {
            drop(ANSWERS.lock());
            Dropped::Run
        };
        let hangs = ANSWERS.lock().unwrap();
        let path = PathBuf::from("/net/gone/run 7");
        let begun = Instant::now();
        app.hold_over([path.clone(), "/net/gone/a.pth".into()].into_iter());
        let said: Vec<_> = app.state.drop_offers().map(|offer| offer.says).collect();
        assert!(said[0].starts_with("Looking") && said[1].contains("weights"), "{said:?}");
        app.hold_over(std::iter::empty());
        app.apply(Action::Dropped(path.clone()));
        app.drain();
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        assert!(app.state.is_looking() && app.state.notices.iter().any(|notice| notice.text.contains("as soon as")));
        assert!(commands.try_recv().is_err());
        app.hold_over(std::iter::once(path.clone()));
        drop(hangs);
        while app.state.is_looking() {
            app.drain();
            std::thread::park_timeout(Duration::from_millis(1));
        }
        assert!(app.state.drop_offers().all(|offer| offer.says.contains("Opens the run")));
        assert!(matches!(commands.try_recv(), Ok(Command::Open { path: opened }) if opened == path));
        assert!(commands.try_recv().is_err(), "it is opened once");
    }
}
