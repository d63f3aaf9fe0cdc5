//! A trained model that images can be drawn with: from a run folder or a checkpoint file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use crate::Result;
use crate::config::{Settings, WeightsKind};
use crate::model::Denoiser;
use crate::train::Trainer;
use crate::train::checkpoint::Checkpoint;
use crate::train::folder::newest_checkpoint;

/// The weights of a trained model, both kinds, with the settings that it was trained under.
#[derive(Debug, Clone)]
pub struct TrainedModel {
    pub settings: Settings,
    /// Steps that it was trained for.
    pub step: u64,
    /// Where it came from.
    pub source: PathBuf,
    pub parameters: usize,
    ema: HashMap<String, Tensor>,
    raw: HashMap<String, Tensor>,
    device: Device,
}

impl TrainedModel {
    /// Opens a run folder or a checkpoint file. Also says so when a damaged newest checkpoint was passed over.
    ///
    /// # Errors
    /// When there is none at `path`, or it does not fit the network that its settings name.
    pub fn open(path: &Path, device: &Device) -> Result<(Self, Option<String>)> {
        let (checkpoint, source, notice) =
            if path.is_dir() { newest_checkpoint(path)? } else { (Checkpoint::read(path)?, path.to_path_buf(), None) };
        let model = Self {
            ema: checkpoint.weights(WeightsKind::Ema, device)?,
            raw: checkpoint.weights(WeightsKind::Raw, device)?,
            parameters: checkpoint.parameters(),
            step: checkpoint.step,
            settings: checkpoint.settings,
            source,
            device: device.clone(),
        };
        model.denoiser(WeightsKind::Ema)?;
        Ok((model, notice))
    }

    /// What is at `path`, or the model that ships with the program.
    ///
    /// # Errors
    /// As [`TrainedModel::open`].
    pub fn open_or_shipped(path: Option<&Path>, device: &Device) -> Result<(Self, Option<String>)> {
        Self::open(path.unwrap_or(Path::new("runs/first")), device)
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
            ema: trainer.weights(WeightsKind::Ema)?,
            raw: trainer.weights(WeightsKind::Raw)?,
            device: trainer.device().clone(),
        })
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
        Denoiser::new(&self.settings, self.weights(kind).clone(), &self.device)
    }
}
