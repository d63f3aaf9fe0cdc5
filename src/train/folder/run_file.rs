//! `run.json`: what a run is made of, and where it diverged.

use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::Settings;
use crate::files::{read_own_up_to, write_atomically};
use crate::train::run_name::RunName;
use crate::{Error, Result};

/// A longer `run.json` is not what this program wrote, and is not read.
const MAX_RUN_FILE: u64 = 1 << 20;
/// The content of `run.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunFile {
    /// The program's version that wrote it.
    pub version: String,
    pub settings: Settings,
    /// Name of the data set and count of its images in use.
    pub dataset: String,
    pub images: usize,
    /// CRC-32 of those images' pixels, as the network is shown them.
    pub images_crc32: String,
    pub parameters: usize,
    /// Where training diverged. Each time the learning rates are halved, once, and a resumed run goes on with that.
    #[serde(default)]
    pub rollbacks: Vec<Rollback>,
    /// What a person calls the run.
    #[serde(default, skip_serializing_if = "RunName::is_empty")]
    pub name: RunName,
}

impl RunFile {
    /// Whether two tell of one run, at different times of it.
    pub(super) fn is_of_the_same_run(&self, other: &Self) -> bool {
        let made_of = |run: &Self| (run.images_crc32.clone(), run.parameters, run.settings.training.seed);
        made_of(self) == made_of(other) && self.settings.network == other.settings.network
    }
}

#[cfg(test)]
impl RunFile {
    /// Of a run with the settings of `nano` that has not begun, for tests.
    pub(crate) fn of_nano() -> Self {
        Self {
            version: "1".into(),
            settings: crate::config::Preset::Nano.settings(),
            dataset: "MNIST".into(),
            images: 9,
            images_crc32: String::new(),
            parameters: 7,
            rollbacks: Vec::new(),
            name: RunName::default(),
        }
    }
}

/// Training diverged and went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// The step that was not done, and what was not a finite number in it.
    pub step: u64,
    pub quantity: String,
    /// Step of the state that it went back to; 0: before the first.
    pub to: u64,
}

/// The content stands in both, so that a disk that loses one of them without a word does not lose the run.
pub(super) const NAMES: [&str; 2] = ["run.json", "run.copy.json"];

/// Whether a folder is one of a run.
pub fn holds_run(folder: &Path) -> bool {
    NAMES.iter().any(|name| folder.join(name).exists())
}

/// The settings of a run folder.
///
/// # Errors
/// When `run.json` is missing or wrong, and so is its copy.
pub fn read_run_file(run: &Path) -> Result<RunFile> {
    let [first, copy] = NAMES.map(|name| run.join(name));
    read(run, &first).or_else(|error| read(run, &copy).map_err(|_| error))
}

fn read(run: &Path, path: &Path) -> Result<RunFile> {
    let text = read_own_up_to(path, MAX_RUN_FILE).map_err(|error| match error {
        Error::Read { source, .. } if source.kind() == ErrorKind::NotFound => Error::format(
            run,
            "this is not a run folder: it has no run.json",
            "choose a folder that diffuscope train wrote, or leave --resume out to begin a run there",
        ),
        error => error,
    })?;
    let text =
        text.ok_or_else(|| Error::format(path, "it is too long", "choose a folder that diffuscope train wrote"))?;
    let hint = "choose a folder that diffuscope train wrote";
    let content: RunFile =
        serde_json::from_slice(&text).map_err(|error| Error::format(path, error.to_string(), hint))?;
    // It may be anybody's: no run began with what cannot work.
    match content.settings.problems(None).into_iter().next() {
        Some(problem) => Err(Error::format(path, format!("its settings cannot be: {problem}"), hint)),
        None => Ok(content),
    }
}

/// Writes `run.json` and its copy, each whole or not at all.
///
/// # Errors
/// When the disk does not take it.
pub fn write_run_file(run: &Path, content: &RunFile) -> Result<()> {
    NAMES.iter().try_for_each(|name| {
        let path = run.join(name);
        let json = serde_json::to_vec_pretty(content).map_err(|error| Error::write(&path)(error.into()))?;
        write_atomically(&path, |file| file.write_all(&json))
    })
}
