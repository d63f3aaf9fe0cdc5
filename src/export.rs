//! Trained weights as files that other programs open: `.safetensors`, `.pth`, or a pipeline of diffusers.

mod pipeline;
mod readme;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::Tensor;

use crate::config::{Architecture, WeightsKind};
use crate::model::weights::write_pth;
use crate::tensor_file::{self, Entry};
use crate::train::folder::may_be_written;
use crate::trained::{SETTINGS, STEP, TrainedModel};
use crate::{Error, Result};

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// The state dictionary with the settings beside it.
    Safetensors,
    /// The state dictionary as `torch.save` writes it.
    Pth,
    /// A folder that `DDPMPipeline` or `UNet2DModel` opens.
    Diffusers,
}

/// Writes one kind of the model's weights, whole or not at all.
///
/// # Errors
/// When the format cannot hold the network, something else stands at `path`, or the disk does not take it.
pub fn export(model: &TrainedModel, kind: WeightsKind, format: ExportFormat, path: &Path) -> Result<()> {
    may_be_exported_to(model, format, path)?;
    match format {
        ExportFormat::Safetensors => tensor_file::write(path, metadata(model, kind, path)?, &state_dict(model, kind)?),
        ExportFormat::Pth => write_pth(path, &metadata(model, kind, path)?, &state_dict(model, kind)?),
        ExportFormat::Diffusers => pipeline::write(model, kind, path),
    }
}

/// Says whether [`export`] may write there, where nobody minds that what was exported there before is replaced.
///
/// # Errors
/// When it would replace what it is made from, what a run keeps, or a folder of others.
pub fn may_be_exported_to(model: &TrainedModel, format: ExportFormat, path: &Path) -> Result<()> {
    may_be_written(path, &[&model.source])?;
    if format == ExportFormat::Diffusers { pipeline::may_be_replaced(path) } else { Ok(()) }
}

/// What this program needs to open the weights again.
fn metadata(model: &TrainedModel, kind: WeightsKind, path: &Path) -> Result<BTreeMap<&'static str, String>> {
    let settings = serde_json::to_string(&model.settings).map_err(|error| Error::write(path)(error.into()))?;
    Ok(BTreeMap::from([
        ("format", "pt".to_owned()),
        (SETTINGS, settings),
        (STEP, model.step.to_string()),
        ("weights", name_of(kind).to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ]))
}

fn name_of(kind: WeightsKind) -> &'static str {
    match kind {
        WeightsKind::Ema => "ema",
        WeightsKind::Raw => "raw",
    }
}

/// All that the network's `state_dict()` in PyTorch holds: the weights, and the buffers of `DiffUNet`.
fn state_dict(model: &TrainedModel, kind: WeightsKind) -> Result<Vec<Entry<'static>>> {
    let mut entries = entries(model.weights(kind))?;
    if model.settings.network.architecture == Architecture::DiffUNet {
        let buffers = crate::model::diffunet::buffers();
        entries.extend(buffers.map(|(name, values)| Entry {
            name: name.into(),
            shape: vec![values.len()],
            values: Cow::Owned(values),
        }));
    }
    Ok(entries)
}

/// Tensors copied to plain memory, in the order of their names.
fn entries(weights: &HashMap<String, Tensor>) -> Result<Vec<Entry<'static>>> {
    let mut entries = Vec::with_capacity(weights.len());
    for (name, tensor) in weights {
        let values = Cow::Owned(tensor.flatten_all()?.to_vec1()?);
        entries.push(Entry { name: name.clone(), shape: tensor.dims().to_vec(), values });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}
