//! Writing a pipeline folder that `DDPMPipeline.from_pretrained` and `UNet2DModel.from_pretrained` open.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{INDEX, SCHEDULER_CONFIG, UNET_CONFIG, WEIGHTS};
use crate::config::{DiffusionSettings, Prediction, ScheduleKind, UNetConfig};
use crate::files::{create_dir_all, read_up_to, write_atomically, write_folder_atomically};
use crate::tensor_file::{self, Entry};
use crate::{Error, Result};

/// The release of diffusers whose fields these are.
const DIFFUSERS: &str = "0.42.1";
const README: &str = "README.md";
/// More is not one of ours.
const LONGEST_README: u64 = 1 << 16;
/// The network that the pipeline runs, and the one that is told classes.
const UNETS: [&str; 2] = ["unet", "unet_classes"];

/// One network of a pipeline.
#[derive(Debug)]
pub struct UNetPart<'a> {
    /// `unet`, or another name for one that the pipeline does not run.
    pub folder: &'a str,
    pub config: &'a UNetConfig,
    /// Rows of the class table.
    pub class_rows: Option<usize>,
    pub entries: Vec<Entry<'a>>,
}

/// What goes into a pipeline's folder.
#[derive(Debug)]
pub struct PipelineParts<'a> {
    pub unets: Vec<UNetPart<'a>>,
    pub diffusion: &'a DiffusionSettings,
    /// Height and width of the images, pixels.
    pub image_size: usize,
    /// The text of `README.md`.
    pub readme: String,
}

/// Writes the folder, whole or not at all.
///
/// # Errors
/// When the disk does not take it, or `may_go` says of the folder that stands there that it may not be replaced.
pub fn write_pipeline(path: &Path, may_go: &dyn Fn(&Path) -> Result<()>, parts: &PipelineParts) -> Result<()> {
    write_folder_atomically(path, may_go, |folder| {
        let index = json!({
            "_class_name": "DDPMPipeline",
            "_diffusers_version": DIFFUSERS,
            "scheduler": ["diffusers", "DDPMScheduler"],
            "unet": ["diffusers", "UNet2DModel"],
        });
        write_json(&folder.join(INDEX), &index)?;
        create_dir_all(&folder.join("scheduler"))?;
        write_json(&folder.join(SCHEDULER_CONFIG), &scheduler_config(parts.diffusion))?;
        for unet in &parts.unets {
            let inside = folder.join(unet.folder);
            create_dir_all(&inside)?;
            write_json(&inside.join(UNET_CONFIG), &unet_config(unet, parts.image_size))?;
            let metadata = BTreeMap::from([("format", "pt".to_owned())]);
            tensor_file::write(&inside.join(WEIGHTS[0]), metadata, &unet.entries)?;
        }
        write_atomically(&folder.join(README), |file| file.write_all(parts.readme.as_bytes()))
    })
}

/// Whether a folder holds what [`write_pipeline`] writes and nothing else: its names, none of them a link, and a README
/// that begins with `mark`.
pub fn is_export_alone(folder: &Path, mark: &str) -> bool {
    let holds = |inside: &Path, known: &[&str], is_folder: fn(&str) -> bool| {
        fs::read_dir(inside).is_ok_and(|mut entries| {
            entries.all(|entry| {
                let Ok((name, kind)) = entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))) else {
                    return false;
                };
                name.to_str().is_some_and(|name| {
                    known.contains(&name) && if is_folder(name) { kind.is_dir() } else { kind.is_file() }
                })
            })
        })
    };
    let readme = folder.join(README);
    read_up_to(&readme, LONGEST_README).is_ok_and(|text| text.is_some_and(|text| text.starts_with(mark.as_bytes())))
        && holds(folder, &[README, INDEX, "scheduler", UNETS[0], UNETS[1]], |name| name != README && name != INDEX)
        && holds(&folder.join("scheduler"), &["scheduler_config.json"], |_| false)
        && UNETS
            .iter()
            .map(|unet| folder.join(unet))
            .filter(|unet| unet.exists())
            .all(|unet| holds(&unet, &[UNET_CONFIG, WEIGHTS[0]], |_| false))
}

fn write_json(path: &Path, value: &Value) -> Result<()> {
    let text = serde_json::to_vec_pretty(value).map_err(|error| Error::write(path)(error.into()))?;
    write_atomically(path, |file| file.write_all(&text))
}

fn unet_config(unet: &UNetPart, image_size: usize) -> Value {
    let config = unet.config;
    let channels = config.patch_size * config.patch_size;
    let block = |direction: &str, attends: &bool| format!("{}{direction}Block2D", if *attends { "Attn" } else { "" });
    let down: Vec<_> = config.attention.iter().map(|attends| block("Down", attends)).collect();
    let up: Vec<_> = config.attention.iter().rev().map(|attends| block("Up", attends)).collect();
    json!({
        "_class_name": "UNet2DModel",
        "_diffusers_version": DIFFUSERS,
        "act_fn": "silu",
        "add_attention": config.mid_attention,
        "attention_head_dim": config.attention_head_dim,
        "attn_norm_num_groups": config.attn_norm_num_groups,
        "block_out_channels": config.block_out_channels,
        "center_input_sample": false,
        "class_embed_type": null,
        "down_block_types": down,
        "downsample_padding": 1,
        "downsample_type": "conv",
        "dropout": config.dropout,
        "flip_sin_to_cos": true,
        "freq_shift": 0,
        "in_channels": channels,
        "layers_per_block": config.layers_per_block,
        "mid_block_scale_factor": 1,
        "mid_block_type": "UNetMidBlock2D",
        "norm_eps": config.norm_eps,
        "norm_num_groups": config.norm_num_groups,
        "num_class_embeds": unet.class_rows,
        "num_train_timesteps": null,
        "out_channels": channels,
        "resnet_time_scale_shift": if config.scale_shift { "scale_shift" } else { "default" },
        "sample_size": image_size / config.patch_size,
        "time_embedding_dim": config.time_embedding_dim,
        "time_embedding_type": "positional",
        "up_block_types": up,
        "upsample_type": "conv",
    })
}

fn scheduler_config(diffusion: &DiffusionSettings) -> Value {
    json!({
        "_class_name": "DDPMScheduler",
        "_diffusers_version": DIFFUSERS,
        "beta_end": diffusion.beta_end,
        "beta_schedule": match diffusion.schedule {
            ScheduleKind::Linear => "linear",
            ScheduleKind::Cosine => "squaredcos_cap_v2",
        },
        "beta_start": diffusion.beta_start,
        "clip_sample": true,
        "clip_sample_range": 1.0,
        "num_train_timesteps": diffusion.timesteps,
        "prediction_type": match diffusion.prediction {
            Prediction::Eps => "epsilon",
            Prediction::V => "v_prediction",
        },
        "rescale_betas_zero_snr": false,
        "steps_offset": 0,
        "thresholding": false,
        // From T − 1 down: with few steps, the first must not be told that it sees an image already.
        "timestep_spacing": "trailing",
        "trained_betas": null,
        "variance_type": "fixed_small",
    })
}
