//! What the Save form holds: what to write, where, and how the last attempt went.

use std::path::{Path, PathBuf};

use super::notices::Kind;
use super::save_subject::Held;
use super::state::AppState;
use crate::engine::Task;

/// What can be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SaveWhat {
    #[default]
    Grid,
    Singles,
    Animation,
    AnimatedPng,
    Losses,
    LossPlot,
    LossPicture,
    Weights,
}

impl SaveWhat {
    /// All choices, in the order of the form.
    pub const ALL: [Self; 8] = [
        Self::Grid,
        Self::Singles,
        Self::Animation,
        Self::AnimatedPng,
        Self::Losses,
        Self::LossPlot,
        Self::LossPicture,
        Self::Weights,
    ];

    /// The name in the form.
    pub fn title(self) -> &'static str {
        match self {
            Self::Grid => "Grid of pictures (.png)",
            Self::Singles => "One picture a file (folder of .png)",
            Self::Animation => "The film as it is shown (.gif)",
            Self::AnimatedPng => "The film in all its greys (.apng)",
            Self::Losses => "Losses of every step as a table (.csv)",
            Self::LossPlot => "The loss as a plot (.svg)",
            Self::LossPicture => "The loss as a picture (.png)",
            Self::Weights => "Weights of the model (.safetensors)",
        }
    }

    /// The word in the default file name.
    pub fn stem(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Singles => "digits",
            Self::Animation | Self::AnimatedPng => "denoising",
            Self::Losses => "losses",
            Self::LossPlot | Self::LossPicture => "loss",
            Self::Weights => "weights",
        }
    }

    /// The file extension; empty for a folder.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Grid | Self::LossPicture => "png",
            Self::Singles => "",
            Self::Animation => "gif",
            Self::AnimatedPng => "apng",
            Self::Losses => "csv",
            Self::LossPlot => "svg",
            Self::Weights => "safetensors",
        }
    }
}

/// How a save went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveResult {
    Writing,
    Saved(PathBuf),
    /// Nothing was written: there is a file of this name.
    Exists(PathBuf),
    Failed {
        what: String,
        hint: String,
    },
}

/// The Save form.
#[derive(Debug, Clone, Default)]
pub struct SaveForm {
    pub open: bool,
    pub what: SaveWhat,
    /// The path as typed.
    pub path: String,
    /// The user typed or chose the path: it is kept when `what` changes, but for the extension.
    pub path_is_own: bool,
    /// A file dialog is open.
    pub browsing: bool,
    /// The path that the file dialog gave, which has asked whether a file there is to be replaced.
    pub(super) asked: Option<PathBuf>,
    pub result: Option<SaveResult>,
    /// A path that the disk was asked of, and whether there is a file.
    pub(super) there: Option<(PathBuf, bool)>,
    /// What it is about, as long as it is open.
    pub(super) held: Held,
}

impl SaveForm {
    /// Gives the typed path the ending of what is written, so that no file pretends to be of another format.
    pub fn complete_extension(&mut self) {
        let path = PathBuf::from(self.path.trim());
        if path.file_name().is_some() {
            self.path = with_kind(path, self.what).display().to_string();
        }
    }

    /// Whether a file at the path is to be replaced: that was agreed to in the form, of this file, or in the file dialog.
    pub(super) fn may_replace(&self, path: &Path, agreed: bool) -> bool {
        agreed && self.replaces() == Some(path) || self.asked.as_deref() == Some(path)
    }

    /// Takes another kind of file; a path of the user's gets the fitting extension, a default one is made anew by
    /// `default_path`.
    pub fn choose(&mut self, what: SaveWhat, default_path: impl FnOnce(SaveWhat) -> PathBuf) {
        self.what = what;
        let path = if self.path_is_own && !self.path.trim().is_empty() {
            with_kind(self.path.trim().into(), what)
        } else {
            default_path(what)
        };
        self.path = path.display().to_string();
        self.result = None;
    }
}

impl AppState {
    /// A file of that name is there: the form asks, and where it was closed, a message says it.
    pub(super) fn not_replaced(&mut self, path: PathBuf) {
        self.writes = self.writes.saturating_sub(1);
        let text = format!("Nothing was saved: there is a file {} already", path.display());
        let hint = "save it under another name, or press Replace in the form";
        self.failed_while_closing(Task::Saving, &text, hint);
        if !self.save.open {
            self.notices.add(Kind::Failed, text, Some(hint.into()));
        }
        self.writing = None;
        self.save.result = Some(SaveResult::Exists(path));
    }
}

/// The path with the extension of a kind of file: in place of another kind's, else behind what the user called it.
pub(super) fn with_kind(path: PathBuf, what: SaveWhat) -> PathBuf {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let known = SaveWhat::ALL.iter().any(|kind| kind.extension() == extension);
    match what.extension() {
        wanted if wanted == extension => path,
        wanted if known => path.with_extension(wanted),
        "" => path,
        wanted => path.with_added_extension(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_kind_keeps_the_users_name_and_changes_its_extension() {
        let mut form = SaveForm { path: "/tmp/mine.png".into(), path_is_own: true, ..SaveForm::default() };
        form.choose(SaveWhat::Animation, |_| "unused".into());
        assert_eq!(form.path, "/tmp/mine.gif");
        form.choose(SaveWhat::AnimatedPng, |_| "unused".into());
        assert_eq!(form.path, "/tmp/mine.apng");
        form.choose(SaveWhat::Singles, |_| "unused".into());
        assert_eq!(form.path, "/tmp/mine");
    }

    #[test]
    fn a_name_gets_the_extension_of_its_kind_and_loses_no_dot_of_its_own() {
        let path = |path: &str, what| with_kind(path.into(), what).display().to_string();
        assert_eq!(path("/tmp/seven", SaveWhat::Grid), "/tmp/seven.png");
        assert_eq!(path("/tmp/seven.PNG", SaveWhat::Grid), "/tmp/seven.PNG");
        assert_eq!(path("/tmp/v1.2", SaveWhat::Animation), "/tmp/v1.2.gif");
        assert_eq!(path("/tmp/v1.2", SaveWhat::Singles), "/tmp/v1.2");
        assert_eq!(path("/tmp/film.gif", SaveWhat::Weights), "/tmp/film.safetensors");
    }

    #[test]
    fn the_ending_says_what_is_inside() {
        let saved_as = |what: SaveWhat, path: &str| {
            let mut form = SaveForm { what, path: path.into(), ..SaveForm::default() };
            form.complete_extension();
            form.path
        };
        assert_eq!(saved_as(SaveWhat::Weights, "/tmp/w.pth"), "/tmp/w.pth.safetensors");
        assert_eq!(saved_as(SaveWhat::Animation, "/tmp/run-0.5"), "/tmp/run-0.5.gif", "not run-0.gif, another file");
        assert_eq!(saved_as(SaveWhat::Animation, "/tmp/run.png"), "/tmp/run.gif");
        assert_eq!(saved_as(SaveWhat::Grid, "/tmp/grid"), "/tmp/grid.png");
        assert_eq!(saved_as(SaveWhat::Grid, "/tmp/grid.PNG"), "/tmp/grid.PNG");
        assert_eq!(saved_as(SaveWhat::Singles, "/tmp/digits"), "/tmp/digits");
        assert_eq!(saved_as(SaveWhat::Grid, ""), "");
        assert_eq!(saved_as(SaveWhat::Grid, "/"), "/");
    }

    #[test]
    fn a_default_name_is_made_anew() {
        let mut form = SaveForm { path: "/tmp/old-grid.png".into(), ..SaveForm::default() };
        form.choose(SaveWhat::Weights, |what| PathBuf::from(format!("/tmp/{}.{}", what.stem(), what.extension())));
        assert_eq!(form.path, "/tmp/weights.safetensors");
    }
}
