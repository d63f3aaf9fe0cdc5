//! The one error type of the crate: what was tried, on what, and what to do about it.

use std::path::{Path, PathBuf};

use crate::text::shown;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong.
///
/// `Display` gives one line, what failed and on which file or value; [`Error::hint`] gives one line,
/// what to do next. The command line prints them as `error:` and `hint:`, the window as a notice.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting whose value cannot work; found before anything starts.
    #[error("{0}")]
    Setting(crate::config::Problem),

    /// The command line asks for something that does not exist or does not fit together.
    #[error("{what}")]
    Usage { what: String, hint: String },

    /// A file or folder could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },

    /// A file or folder could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },

    /// A file was read, but its content is not what it should be.
    #[error("{}: {what}", path.display())]
    Format { path: PathBuf, what: String, hint: String },

    /// Weights whose names or shapes do not fit the network.
    #[error("{}: the weights do not fit the network: {what}", path.display())]
    Mismatch { path: PathBuf, what: String },

    /// The computing device that was asked for is not there.
    #[error("the device {wanted} cannot be used: {why}")]
    Device { wanted: String, why: String },

    /// There is no screen to open a window on.
    #[error("no window can be opened: {why}")]
    NoDisplay { why: String },

    /// A loss or gradient that is not a finite number.
    #[error("training diverged: {quantity} is not a finite number at step {step}")]
    Diverged { step: u64, quantity: &'static str },

    /// The caller asked for the work to end early; not a failure.
    #[error("cancelled")]
    Cancelled,

    /// A panic was caught at the edge of a thread.
    #[error("internal error: {0}")]
    Panicked(String),

    /// A failure inside the tensor library.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// Whether a file could not be read because there is none.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }

    /// One line that says what to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Setting(problem) => problem.hint.clone(),
            Self::Usage { hint, .. } | Self::Format { hint, .. } => hint.clone(),
            Self::Read { .. } => "check that the path exists and that you may read it".into(),
            Self::Write { .. } => "choose a folder that exists, that you may write to, with free space".into(),
            Self::Mismatch { .. } => "use the preset that the weights were trained with".into(),
            Self::Device { .. } => "use --device cpu, or build with --features cuda or --features metal".into(),
            Self::NoDisplay { .. } => "train without a window: diffuscope train --preset small --out runs/first".into(),
            Self::Diverged { .. } => "start a new run with a lower learning rate; the last checkpoint is kept".into(),
            Self::Cancelled => "start again when you like".into(),
            Self::Panicked(_) => crate::reports::hint(),
            Self::Tensor(_) => "please report this with the settings in run.json".into(),
        }
    }

    /// The process's exit code: 2 for wrong usage, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Setting(_) | Self::Usage { .. } => 2,
            _ => 1,
        }
    }

    /// A panic that was caught at the edge of a thread.
    pub fn from_panic(panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::Panicked(text.unwrap_or("a panic without a message").into())
    }

    /// Wraps an I/O error met while reading `path`.
    pub fn read(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Read { path, source }
    }

    /// Wraps an I/O error met while writing `path`.
    pub fn write(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Write { path, source }
    }

    /// A file whose content is wrong. What is said of it may quote the file: it is made fit to be shown.
    pub fn format(path: impl AsRef<Path>, what: impl AsRef<str>, hint: impl Into<String>) -> Self {
        let what = shown(what.as_ref()).into_owned();
        Self::Format { path: path.as_ref().to_path_buf(), what, hint: hint.into() }
    }

    /// A wrong use of the command line.
    pub fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), hint: hint.into() }
    }
}
