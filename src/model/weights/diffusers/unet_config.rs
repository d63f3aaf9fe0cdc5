//! `unet/config.json` of `UNet2DModel` as the network's configuration.

use serde_json::Value;

use super::fields::Fields;
use crate::Result;
use crate::config::{CLASS_COUNT, MAX_CHANNELS, MAX_IMAGE_SIZE, MAX_LAYERS, MAX_LEVELS, UNetConfig};

const KNOWN: &[&str] = &[
    "sample_size",
    "in_channels",
    "out_channels",
    "center_input_sample",
    "time_embedding_type",
    "time_embedding_dim",
    "freq_shift",
    "flip_sin_to_cos",
    "down_block_types",
    "mid_block_type",
    "up_block_types",
    "block_out_channels",
    "layers_per_block",
    "mid_block_scale_factor",
    "downsample_padding",
    "downsample_type",
    "upsample_type",
    "dropout",
    "act_fn",
    "attention_head_dim",
    "norm_num_groups",
    "attn_norm_num_groups",
    "norm_eps",
    "resnet_time_scale_shift",
    "add_attention",
    "class_embed_type",
    "num_class_embeds",
    "num_train_timesteps",
];

/// What the file says.
pub struct Network {
    pub config: UNetConfig,
    /// Height and width of the images that it draws, pixels.
    pub image_size: usize,
    /// Rows of its class table.
    pub class_rows: Option<usize>,
}

/// Maps the fields; the defaults are those of diffusers.
pub fn read(fields: &Fields) -> Result<Network> {
    fields.one_of("_class_name", &["UNet2DModel".into()])?;
    fields.known(KNOWN)?;
    fields.only("center_input_sample", false)?;
    fields.only("time_embedding_type", "positional")?;
    fields.only("freq_shift", 0)?;
    fields.only("flip_sin_to_cos", true)?;
    fields.only("mid_block_type", "UNetMidBlock2D")?;
    fields.only("mid_block_scale_factor", 1)?;
    fields.only("downsample_padding", 1)?;
    fields.only("downsample_type", "conv")?;
    fields.only("upsample_type", "conv")?;
    fields.one_of("act_fn", &["silu".into(), "swish".into()])?;
    fields.only("class_embed_type", Value::Null)?;

    let in_channels = fields.count("in_channels", MAX_CHANNELS)?.unwrap_or(3);
    let patch_size = match in_channels {
        1 => 1,
        4 => 2,
        _ => return Err(fields.refuse("in_channels", &in_channels, "here in_channels can be 1, or 4 for 2×2 patches")),
    };
    let out_channels = fields.count("out_channels", MAX_CHANNELS)?.unwrap_or(3);
    if out_channels != in_channels {
        return Err(fields.refuse("out_channels", &out_channels, "it must be as many as in_channels"));
    }
    let widths = widths(fields)?;
    let attention = attention(fields, widths.len())?;
    let size = size(fields)?;
    if !size.is_multiple_of(1 << (widths.len() - 1)) {
        let hint = format!("use a multiple of {}", 1 << (widths.len() - 1));
        return Err(fields.refuse("sample_size", &size, &hint));
    }
    let widest = widths.iter().copied().max().unwrap_or(1);
    let groups = |name: &str| -> Result<Option<usize>> {
        let groups = fields.count(name, MAX_CHANNELS)?;
        match groups.filter(|groups| widths.iter().any(|width| !width.is_multiple_of(*groups))) {
            Some(groups) => Err(fields.refuse(name, &groups, "it must divide all of block_out_channels")),
            None => Ok(groups),
        }
    };
    let class_rows = fields.count("num_class_embeds", usize::MAX)?;
    if class_rows.is_some_and(|rows| rows != CLASS_COUNT && rows != CLASS_COUNT + 1) {
        let hint = format!("here it can be {CLASS_COUNT}, or {} with a last row for \"no class\"", CLASS_COUNT + 1);
        return Err(fields.refuse("num_class_embeds", &class_rows.unwrap_or(0), &hint));
    }
    let shift = fields.one_of("resnet_time_scale_shift", &["default".into(), "scale_shift".into()])?;
    let config = UNetConfig {
        patch_size,
        layers_per_block: fields.count("layers_per_block", MAX_LAYERS)?.unwrap_or(2),
        attention,
        mid_attention: fields.flag("add_attention", true)?,
        // diffusers takes null for one head as wide as the block.
        attention_head_dim: match fields.is_null("attention_head_dim") {
            true => widest,
            false => fields.count("attention_head_dim", MAX_CHANNELS)?.unwrap_or(8),
        },
        norm_num_groups: groups("norm_num_groups")?.unwrap_or(32),
        attn_norm_num_groups: groups("attn_norm_num_groups")?,
        norm_eps: fields.number("norm_eps", 1e-5)?,
        scale_shift: shift == "scale_shift",
        dropout: fields.number("dropout", 0.0)?,
        time_embedding_dim: fields.count("time_embedding_dim", MAX_CHANNELS)?,
        block_out_channels: widths,
    };
    if let Some(width) = config.block_out_channels.iter().find(|width| !width.is_multiple_of(config.norm_num_groups)) {
        return Err(fields.refuse("block_out_channels", width, "norm_num_groups must divide it"));
    }
    Ok(Network { config, image_size: size * patch_size, class_rows })
}

fn size(fields: &Fields) -> Result<usize> {
    if let Ok(sides) = fields.list("sample_size") {
        let same = sides.len() == 2 && sides[0] == sides[1];
        let side = sides.first().and_then(Value::as_u64).map(|side| side as usize);
        return side
            .filter(|side| same && (1..=MAX_IMAGE_SIZE).contains(side))
            .ok_or_else(|| fields.refuse("sample_size", &Value::Array(sides), "here images are square"));
    }
    let size = fields.count("sample_size", MAX_IMAGE_SIZE)?;
    size.ok_or_else(|| fields.refuse("sample_size", &"null", "write the height of the images"))
}

fn widths(fields: &Fields) -> Result<Vec<usize>> {
    let list = fields.list("block_out_channels")?;
    let width = |value: &Value| value.as_u64().map(|width| width as usize).filter(|w| (2..=MAX_CHANNELS).contains(w));
    let widths: Option<Vec<usize>> = list.iter().map(width).collect();
    let widths = widths.filter(|widths| (1..=MAX_LEVELS).contains(&widths.len()) && widths[0].is_multiple_of(2));
    let hint = format!("here it can be 1 to {MAX_LEVELS} numbers up to {MAX_CHANNELS}");
    widths.ok_or_else(|| fields.refuse("block_out_channels", &Value::Array(list), &hint))
}

/// Whether each level attends, which must be the same downwards and upwards.
fn attention(fields: &Fields, levels: usize) -> Result<Vec<bool>> {
    let attends = |name: &str, plain: &str, attending: &str| -> Result<Vec<bool>> {
        let list = fields.list(name)?;
        if list.len() != levels {
            return Err(fields.refuse(name, &Value::Array(list), "it must be as long as block_out_channels"));
        }
        let hint = format!("here {name} can be {plain} and {attending}");
        let kind = |value: &Value| match value.as_str() {
            Some(kind) if kind == plain => Ok(false),
            Some(kind) if kind == attending => Ok(true),
            _ => Err(fields.refuse(name, value, &hint)),
        };
        list.iter().map(kind).collect()
    };
    let down = attends("down_block_types", "DownBlock2D", "AttnDownBlock2D")?;
    let up = attends("up_block_types", "UpBlock2D", "AttnUpBlock2D")?;
    if down.iter().rev().ne(&up) {
        let list = fields.list("up_block_types")?;
        let hint = "here a level attends in both directions or in none";
        return Err(fields.refuse("up_block_types", &Value::Array(list), hint));
    }
    Ok(down)
}
