//! A trained model as a pipeline folder of diffusers.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use candle_core::Tensor;

use super::{entries, readme};
use crate::config::{Architecture, CLASS_COUNT, UNetConfig, WeightsKind};
use crate::model::weights::compact_as_unet::compact_as_unet;
use crate::model::weights::diffusers::{PipelineParts, UNetPart, is_export_alone, write_pipeline};
use crate::trained::TrainedModel;
use crate::{Error, Result};

/// Rows of the table of classes: the digits, and "no class".
const CLASS_ROWS: usize = CLASS_COUNT + 1;
const CLASS_TABLE: &str = "class_embedding.weight";
const EMBEDDING_BIAS: &str = "time_embedding.linear_2.bias";

type Weights = HashMap<String, Tensor>;

/// Writes the folder.
///
/// A network on whole images that knows classes is written twice: `unet/` with "no class" added for good, which
/// `DDPMPipeline` runs, and `unet_classes/` as it is. One on 2×2 patches, which that pipeline cannot draw with, only as
/// it is.
pub fn write(model: &TrainedModel, kind: WeightsKind, path: &Path) -> Result<()> {
    let settings = &model.settings;
    let (config, weights) = match &settings.network.architecture {
        Architecture::UNet(config) => (config.clone(), model.weights(kind).clone()),
        Architecture::Compact(config) => compact_as_unet(config, model.weights(kind))?,
        Architecture::DiffUNet => {
            return Err(Error::usage(
                "--format: diffusers has no network like DiffUNet",
                "use --format pth, which deepinv's DiffUNet loads",
            ));
        }
    };
    let class_rows = settings.network.classes.then_some(CLASS_ROWS);
    let unets = match class_rows {
        Some(_) if config.patch_size == 1 => {
            vec![
                part("unet", &config, None, &without_class(&weights)?)?,
                part("unet_classes", &config, class_rows, &weights)?,
            ]
        }
        _ => vec![part("unet", &config, class_rows, &weights)?],
    };
    let parts = PipelineParts {
        readme: readme::text(model, kind, config.patch_size),
        unets,
        diffusion: &settings.diffusion,
        image_size: settings.data.image_size,
    };
    write_pipeline(path, &|old| may_go(old, path), &parts)
}

fn part<'a>(
    folder: &'a str,
    config: &'a UNetConfig,
    class_rows: Option<usize>,
    weights: &Weights,
) -> Result<UNetPart<'a>> {
    Ok(UNetPart { folder, config, class_rows, entries: entries(weights)? })
}

/// The network that is never told a class: the row for "no class" moves into the bias that it is added to.
fn without_class(weights: &Weights) -> Result<Weights> {
    let mut weights = weights.clone();
    if let (Some(table), Some(bias)) = (weights.remove(CLASS_TABLE), weights.get_mut(EMBEDDING_BIAS)) {
        *bias = (&*bias + table.get(CLASS_COUNT)?)?;
    }
    Ok(weights)
}

/// A folder is replaced only if it is empty, or holds what was exported before and nothing else.
///
/// # Errors
/// [`Error::Usage`] where it holds something else.
pub fn may_be_replaced(path: &Path) -> Result<()> {
    may_go(path, path)
}

/// The same of a folder that is called `path`, whatever it is called just now.
fn may_go(folder: &Path, path: &Path) -> Result<()> {
    let mut inside = match fs::read_dir(folder) {
        Ok(inside) => inside,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
        Err(error) => return Err(Error::read(path)(error)),
    };
    if inside.next().is_none() || is_export_alone(folder, readme::MARK) {
        return Ok(());
    }
    Err(Error::usage(
        format!("--out: {} holds other files", path.display()),
        "choose a new folder, an empty one, or one that was exported to before",
    ))
}
