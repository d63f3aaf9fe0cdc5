//! A trained model that images can be drawn with, from any file that weights are kept in.
//!
//! | path | what it is |
//! |---|---|
//! | a folder of this program | a run: its newest checkpoint that verifies |
//! | `checkpoint.safetensors` of a run | all that training needs; the weights are taken |
//! | `.safetensors` or `.pth` that this program exported | weights with the settings that they were trained under |
//! | `.pth`, `.pt` or `.safetensors` of deepinv's `DiffUNet` | known by its names |
//! | a folder of diffusers | a `DDPMPipeline`, or a bare `UNet2DModel`, with its own schedule |

mod open;
mod shipped;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use crate::Result;
use crate::config::{Settings, WeightsKind};
use crate::files::shown_name;
use crate::model::Denoiser;
use crate::model::params::to_host;
use crate::model::weights::OnProgress;
use crate::train::Trainer;
use crate::train::folder::checkpoint_paths;

pub use open::{SETTINGS, STEP};
pub use shipped::NAME as SHIPPED;

/// The weights of a trained model, both kinds, with the settings that it was trained under.
#[derive(Debug, Clone)]
pub struct TrainedModel {
    pub settings: Settings,
    /// Steps that it was trained for.
    pub step: u64,
    /// Where it came from.
    pub source: PathBuf,
    pub parameters: usize,
    /// In the memory of the machine, where they outlast a device that is lost; so are the others.
    ema: HashMap<String, Tensor>,
    raw: HashMap<String, Tensor>,
    /// What it draws on.
    device: Device,
}

impl TrainedModel {
    /// Opens one of the files above, with the notices that a person should see, such as a damaged newest checkpoint
    /// that was passed over.
    ///
    /// # Errors
    /// When there is none at `path`, or its weights do not fit the network that its settings name.
    pub fn open(path: &Path, device: &Device) -> Result<(Self, Option<String>)> {
        Self::open_with(path, device, &mut |_, _| {})
    }

    /// As [`TrainedModel::open`]; `on_progress` is told of the bytes read, and of all that will be.
    ///
    /// # Errors
    /// As [`TrainedModel::open`].
    pub fn open_with(path: &Path, device: &Device, on_progress: &mut OnProgress) -> Result<(Self, Option<String>)> {
        open::open(path, device, on_progress)
    }

    /// What is at `path`, or the model that ships with the program.
    ///
    /// # Errors
    /// As [`TrainedModel::open`].
    pub fn open_or_shipped(
        path: Option<&Path>,
        device: &Device,
        on_progress: &mut OnProgress,
    ) -> Result<(Self, Option<String>)> {
        match path {
            Some(path) => Self::open_with(path, device, on_progress),
            None => Self::shipped(device).map(|model| (model, None)),
        }
    }

    /// The model that ships with the program.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn shipped(device: &Device) -> Result<Self> {
        shipped::open(device)
    }

    /// A copy of a model in training.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn of_trainer(trainer: &Trainer, source: &Path) -> Result<Self> {
        Ok(Self {
            settings: trainer.settings().clone(),
            step: trainer.step_count(),
            source: source.to_path_buf(),
            parameters: trainer.parameters(),
            ema: to_host(trainer.weights(WeightsKind::Ema)?)?,
            raw: to_host(trainer.weights(WeightsKind::Raw)?)?,
            device: trainer.device().clone(),
        })
    }

    /// Whether it is what the run in this folder learned.
    pub fn is_of(&self, run: &Path) -> bool {
        self.source == run || checkpoint_paths(run).contains(&self.source)
    }

    /// What it is called: see [`name_of`].
    pub fn name(&self) -> String {
        name_of(&self.source)
    }

    /// The weights by name.
    pub fn weights(&self, kind: WeightsKind) -> &HashMap<String, Tensor> {
        match kind {
            WeightsKind::Ema => &self.ema,
            WeightsKind::Raw => &self.raw,
        }
    }

    /// The network on one kind of the weights, ready to draw.
    ///
    /// # Errors
    /// When the weights do not fit the network.
    pub fn denoiser(&self, kind: WeightsKind) -> Result<Denoiser> {
        self.denoiser_on(kind, &self.device)
    }

    /// The same on another device.
    ///
    /// # Errors
    /// As [`TrainedModel::denoiser`].
    pub fn denoiser_on(&self, kind: WeightsKind, device: &Device) -> Result<Denoiser> {
        Denoiser::new(&self.settings, self.weights(kind).clone(), device)
    }
}

/// What a model is called by where it came from: its file or folder, without those above it; a run for its checkpoint.
pub fn name_of(source: &Path) -> String {
    let run = source
        .parent()
        .filter(|run| checkpoint_paths(run).iter().any(|checkpoint| checkpoint == source))
        .filter(|run| run.file_name().is_some());
    shown_name(run.unwrap_or(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_called_by_its_run_or_its_file() {
        let name = |path: &str| name_of(Path::new(path));
        assert_eq!(name("/data/runs/first/checkpoint.safetensors"), "first");
        assert_eq!(name("/data/runs/first/checkpoint.previous.safetensors"), "first");
        assert_eq!((name("/data/runs/first"), name("mine.pth")), ("first".into(), "mine.pth".into()));
        assert_eq!((name("checkpoint.safetensors"), name(SHIPPED)), ("checkpoint.safetensors".into(), SHIPPED.into()));
    }
}
