//! The model that is inside the program, so that digits can be drawn before anything was trained.

use std::path::Path;

use candle_core::Device;
use safetensors::SafeTensors;

use super::TrainedModel;
use super::open::{SETTINGS, STEP, finish, settings_of};
use crate::config::{Preset, SamplingSettings};
use crate::{Error, Result};

/// What `diffuscope export --format safetensors` wrote; `assets/model/README.md` says of which run.
static FILE: &[u8] = include_bytes!("../../assets/model/digits.safetensors");
/// What the model is called where others have a path.
pub const NAME: &str = "the model that ships with Diffuscope";

/// Opens it.
///
/// # Errors
/// When the device has no room.
pub fn open(device: &Device) -> Result<TrainedModel> {
    let path = Path::new(NAME);
    let wrong = |what: &str| Error::format(path, what, "build the program again from a whole checkout");
    let (_, header) = SafeTensors::read_metadata(FILE).map_err(|error| wrong(&error.to_string()))?;
    let metadata = header.metadata().as_ref().ok_or_else(|| wrong("it has no metadata"))?;
    let mut settings = settings_of(path, metadata.get(SETTINGS).ok_or_else(|| wrong("it has no settings"))?)?;
    // It has seen ten times the images of a run of two minutes, and needs less help: docs/recipe.md.
    settings.sampling = SamplingSettings { steps: 24, guidance: 0.1, ..Preset::Small.settings().sampling };
    let step = metadata.get(STEP).and_then(|step| step.parse().ok()).unwrap_or(0);
    let weights = candle_core::safetensors::load_buffer(FILE, &Device::Cpu)?;
    finish(settings, step, path, weights.clone(), weights, device, None).map(|(model, _)| model)
}
