//! Finding out what is at a path, and whether its weights suit the network, before anything large is read.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};

use super::TrainedModel;
use crate::config::{Architecture, CLASS_COUNT, CompactConfig, Preset, Settings, WeightsKind};
use crate::model::weights::diffusers::{DiffusersModel, is_diffusers};
use crate::model::weights::fit::{check, expected};
use crate::model::weights::{OnProgress, Stored, WeightsFile};
use crate::tensor_file;
use crate::train::checkpoint::{self, Checkpoint};
use crate::train::folder::newest_checkpoint;
use crate::{Error, Result};

/// What `DiffUNet` keeps beside its weights; they follow from its schedule.
pub const DIFFUNET_BUFFERS: [&str; 2] = ["sqrt_alphas_cumprod", "sqrt_1m_alphas_cumprod"];
/// The metadata's name of the settings in the files that this program exports.
pub const SETTINGS: &str = "settings";
/// The metadata's name of the steps trained.
pub const STEP: &str = "step";
/// What diffusers calls a file of weights, which says little without the folder that it stands in.
const DIFFUSERS_WEIGHTS: &str = "diffusion_pytorch_model";
/// What to do about settings that cannot be.
const HINT: &str = "export the weights again";
/// Where diffusers keeps the embedding of classes.
const CLASS_TABLE: &str = "class_embedding.weight";

type Opened = Result<(TrainedModel, Option<String>)>;

pub fn open(path: &Path, device: &Device, on_progress: &mut OnProgress) -> Opened {
    if path.is_dir() {
        if is_diffusers(path) {
            return of_diffusers(path, device, on_progress);
        }
        let (checkpoint, source, notice) = newest_checkpoint(path)?;
        return of_checkpoint(checkpoint, &source, device, notice);
    }
    let file = WeightsFile::open(path)?;
    if file.metadata().get("format").is_some_and(|format| format.starts_with(checkpoint::FORMAT_NAME)) {
        return of_checkpoint(Checkpoint::read(path)?, path, device, None);
    }
    if path.file_stem().is_some_and(|name| name == DIFFUSERS_WEIGHTS) {
        let folder = path.canonicalize().map_err(Error::read(path))?;
        if let Some(folder) = folder.parent().filter(|folder| is_diffusers(folder)) {
            return of_diffusers(folder, device, on_progress);
        }
    }
    of_file(&file, device, on_progress)
}

fn of_checkpoint(checkpoint: Checkpoint, source: &Path, device: &Device, notice: Option<String>) -> Opened {
    let model = TrainedModel {
        ema: checkpoint.weights(WeightsKind::Ema, &Device::Cpu)?,
        raw: checkpoint.weights(WeightsKind::Raw, &Device::Cpu)?,
        parameters: checkpoint.parameters(),
        step: checkpoint.step,
        settings: checkpoint.settings,
        source: source.to_path_buf(),
        device: device.clone(),
    };
    model.denoiser(WeightsKind::Ema)?;
    Ok((model, notice))
}

/// Weights alone: their settings stand beside them, or their names tell.
fn of_file(file: &WeightsFile, device: &Device, on_progress: &mut OnProgress) -> Opened {
    let whole = tensor_file::check_metadata(file.metadata());
    whole.map_err(|what| Error::format(file.path(), what, HINT))?;
    let (settings, notice) = match file.metadata().get(SETTINGS) {
        Some(text) => (settings_of(file.path(), text)?, None),
        None => recognised(file)?,
    };
    let step = file.metadata().get(STEP).and_then(|step| step.parse().ok()).unwrap_or(0);
    let optional = if settings.network.architecture == Architecture::DiffUNet { &DIFFUNET_BUFFERS[..] } else { &[] };
    let expected = expected(&settings.network)?;
    let mut load = |tensors: &[Stored]| -> Result<HashMap<String, Tensor>> {
        check(file.path(), tensors, &expected, optional)?;
        let mut wanted = tensors.to_vec();
        wanted.retain(|tensor| !optional.contains(&tensor.name.as_str()));
        file.load(&wanted, &Device::Cpu, on_progress)
    };
    let raw = load(file.tensors())?;
    let ema = if file.averaged().is_empty() { raw.clone() } else { load(file.averaged())? };
    finish(settings, step, file.path(), ema, raw, device, notice)
}

fn of_diffusers(folder: &Path, device: &Device, on_progress: &mut OnProgress) -> Opened {
    let model = DiffusersModel::open(folder)?;
    let mut expected = expected(&model.settings.network)?;
    let class_table = expected.iter_mut().find(|(name, _)| name == CLASS_TABLE);
    if let (Some((_, shape)), Some(rows)) = (class_table, model.class_rows) {
        shape[0] = rows;
    }
    let path = model.file.path().to_path_buf();
    check(&path, &model.tensors, &expected, &[])?;
    let mut weights = model.file.load(&model.tensors, &Device::Cpu, on_progress)?;
    if let Some(table) = weights.get_mut(CLASS_TABLE)
        && model.class_rows == Some(CLASS_COUNT)
    {
        *table = Tensor::cat(&[&*table, &table.mean_keepdim(0)?], 0)?;
    }
    let notice = (!model.notices.is_empty()).then(|| model.notices.join("; "));
    finish(model.settings, 0, folder, weights.clone(), weights, device, notice)
}

pub(super) fn finish(
    settings: Settings,
    step: u64,
    source: &Path,
    ema: HashMap<String, Tensor>,
    raw: HashMap<String, Tensor>,
    device: &Device,
    notice: Option<String>,
) -> Opened {
    let parameters = raw.values().map(Tensor::elem_count).sum();
    let model =
        TrainedModel { settings, step, source: source.to_path_buf(), parameters, ema, raw, device: device.clone() };
    model.denoiser(WeightsKind::Ema)?;
    Ok((model, notice))
}

/// The settings in a file, which may be anybody's.
pub(super) fn settings_of(path: &Path, text: &str) -> Result<Settings> {
    let settings = serde_json::from_str(text)
        .map_err(|error| Error::format(path, format!("the settings beside its weights: {error}"), HINT))?;
    check_settings(path, &settings)?;
    Ok(settings)
}

/// What the network and the schedule are built from must be such that they can be.
fn check_settings(path: &Path, settings: &Settings) -> Result<()> {
    let wrong = |what: String| Error::format(path, format!("the settings beside its weights: {what}"), HINT);
    settings.unbuildable().map_or(Ok(()), |what| Err(wrong(what)))
}

/// Weights without settings, known by their names.
fn recognised(file: &WeightsFile) -> Result<(Settings, Option<String>)> {
    let shape = |name: &str| file.tensors().iter().find(|tensor| tensor.name == name).map(Stored::shape);
    if shape("input_blocks.0.0.weight").is_some() && shape("time_embed.0.weight").is_some() {
        return Ok((Preset::Seed.settings(), None));
    }
    if let Some(&[channels, 4, 3, 3]) = shape("conv_in.weight")
        && shape("up_blocks.1.resnets.0.conv1.weight").is_some()
        && shape("mid_block.resnets.1.conv1.weight").is_none()
        && (16..=1024).contains(&channels)
        && channels % 16 == 0
    {
        let mut settings = Preset::Small.settings();
        settings.network.architecture = Architecture::Compact(CompactConfig { channels });
        settings.network.classes = shape(CLASS_TABLE).is_some();
        let notice = "the weights do not say how they were trained: the schedule of the preset small is assumed";
        return Ok((settings, Some(notice.into())));
    }
    let names: Vec<_> = file.tensors().iter().take(3).map(|tensor| tensor.name.as_str()).collect();
    let (what, hint) = if shape("conv_in.weight").is_some() && shape("time_embedding.linear_1.weight").is_some() {
        ("a UNet2DModel of diffusers without its config.json", "choose the folder that save_pretrained wrote")
    } else {
        ("weights of a network that is not known here", "use weights of DiffUNet, or what diffuscope exported")
    };
    Err(Error::format(file.path(), format!("{what}: {}", names.join(", ")), hint))
}
