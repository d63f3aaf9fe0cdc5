//! A folder that diffusers wrote: a pipeline, or a bare `UNet2DModel`.
//!
//! ```text
//! model_index.json                                  what the pipeline is made of
//! unet/config.json                                  the network, as unet_config reads it
//! unet/diffusion_pytorch_model.safetensors          its weights (or .bin)
//! scheduler/scheduler_config.json                   the schedule, as scheduler reads it
//! ```
//!
//! `unet_classes/`, where there is one, is the same network with its classes: this program writes it beside the `unet/`
//! without classes that `DDPMPipeline` runs.

mod fields;
mod scheduler;
mod unet_config;
mod write;

use std::path::{Path, PathBuf};

use super::{Stored, WeightsFile};
use crate::config::{CLASS_COUNT, Preset, Settings};
use crate::{Error, Result};

use fields::Fields;
pub use write::{PipelineParts, UNetPart, is_export_alone, write_pipeline};

const INDEX: &str = "model_index.json";
const UNET_CONFIG: &str = "config.json";
const SCHEDULER_CONFIG: &str = "scheduler/scheduler_config.json";
const WEIGHTS: [&str; 2] = ["diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"];
/// What attention layers were called before diffusers 0.12, and since.
const OLD_NAMES: [(&str, &str); 4] =
    [(".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0.")];

/// A network of diffusers, listed but not read.
#[derive(Debug)]
pub struct DiffusersModel {
    pub settings: Settings,
    pub file: WeightsFile,
    /// Its weights under the names of today.
    pub tensors: Vec<Stored>,
    /// Rows of the class table in the file; one less than the network's when it has none for "no class".
    pub class_rows: Option<usize>,
    /// What should be known about how it was read.
    pub notices: Vec<String>,
}

/// Whether a folder is of this kind.
pub fn is_diffusers(folder: &Path) -> bool {
    [INDEX, UNET_CONFIG].iter().any(|name| folder.join(name).is_file())
}

impl DiffusersModel {
    /// Reads the configuration and lists the weights.
    ///
    /// # Errors
    /// When something is missing, or is not supported here; it is then named with its value.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut notices = Vec::new();
        let pipeline = folder.join(INDEX);
        let (unet, scheduler) = if pipeline.is_file() {
            check_index(&Fields::read(&pipeline)?)?;
            let with_classes = folder.join("unet_classes");
            let unet = if with_classes.is_dir() { with_classes } else { folder.join("unet") };
            (unet, Some(folder.join(SCHEDULER_CONFIG)))
        } else {
            let beside = folder.parent().map(|parent| parent.join(SCHEDULER_CONFIG));
            (folder.to_path_buf(), beside.filter(|path| path.is_file()))
        };
        let network = unet_config::read(&Fields::read(&unet.join(UNET_CONFIG))?)?;
        let mut settings = Preset::Base.settings();
        settings.network.architecture = crate::config::Architecture::UNet(network.config);
        settings.network.classes = network.class_rows.is_some();
        settings.data.image_size = network.image_size;
        settings.sampling.guidance = 0.0;
        match scheduler {
            Some(path) => scheduler::read(&Fields::read(&path)?, &mut settings, &mut notices)?,
            None => {
                scheduler::assume_default(&mut settings);
                notices.push("a network without a scheduler: T = 1000, β from 0.0001 to 0.02 and ε are assumed".into());
            }
        }
        let file = WeightsFile::open(&weights_of(&unet)?)?;
        let mut tensors = file.tensors().to_vec();
        tensors.iter_mut().for_each(|tensor| tensor.name = renamed(&tensor.name));
        if network.class_rows == Some(CLASS_COUNT) {
            notices.push("it has no row for \"no class\": the mean of its classes stands in".into());
        }
        Ok(Self { settings, file, tensors, class_rows: network.class_rows, notices })
    }
}

fn check_index(index: &Fields) -> Result<()> {
    let class = index.text("_class_name")?;
    if !matches!(class.as_str(), "DDPMPipeline" | "DDIMPipeline") {
        return Err(index.refuse("_class_name", &class, "use a DDPMPipeline or a DDIMPipeline"));
    }
    Ok(())
}

fn weights_of(unet: &Path) -> Result<PathBuf> {
    let found = WEIGHTS.iter().map(|name| unet.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| Error::format(unet, format!("it has no {}", WEIGHTS[0]), "save the pipeline with its weights"))
}

fn renamed(name: &str) -> String {
    if !name.contains("attentions.") {
        return name.into();
    }
    OLD_NAMES.iter().fold(name.to_owned(), |name, (old, new)| name.replace(old, new))
}

#[cfg(test)]
mod tests;
