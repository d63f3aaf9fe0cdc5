//! What is dropped onto the window is opened as what it is.

use std::path::{Path, PathBuf};

use super::action::Action;
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
    pub(super) fn of(path: &Path) -> Self {
        if path.is_dir() {
            return match holds_run(path) {
                true => Self::Run,
                false if ["model_index.json", "config.json"].iter().any(|name| path.join(name).is_file()) => {
                    Self::Weights
                }
                false => Self::Images,
            };
        }
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        match name.as_str() {
            _ if ends(&[".safetensors", ".pth", ".pt"]) => Self::Weights,
            _ if ends(&[".png", ".apng"]) => Self::Picture,
            _ if ends(&["ubyte", "ubyte.gz", ".idx", ".idx.gz"]) => Self::Images,
            _ => Self::Unknown,
        }
    }
}

impl App {
    pub(super) fn dropped(&mut self, path: PathBuf) {
        match Dropped::of(&path) {
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
    use super::*;

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
    }
}
