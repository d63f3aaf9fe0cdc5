//! The U-Net of DDPM in the block layout, and under the names, of diffusers' `UNet2DModel`, so that weights travel.
//!
//! Levels go down by strided convolutions and up by nearest doubling and a convolution; every block's result on the
//! way down is kept for the way up, where each level has one residual block more. Optionally the whole works on 2×2
//! patches (space to depth).

use candle_core::{Result, Tensor, bail};
use candle_nn::VarBuilder;

use super::blocks::{AttentionBlock, BlockStyle, Conv, Downsample, GroupNorm, ResnetBlock, Upsample};
use super::dropout::Dropout;
use super::embed::Embedding;
use super::inputs::Inputs;
use super::ops::{self, Activation};
use crate::config::UNetConfig;

/// See the module.
#[derive(Debug)]
pub struct UNet {
    patch_size: usize,
    embedding: Embedding,
    conv_in: Conv,
    down_blocks: Vec<Level<Downsample>>,
    mid_block: (ResnetBlock, Option<AttentionBlock>, ResnetBlock),
    up_blocks: Vec<Level<Upsample>>,
    conv_norm_out: GroupNorm,
    conv_out: Conv,
}

/// One level: residual blocks, each with attention or without, then a change of size unless it is the last level.
#[derive(Debug)]
struct Level<R> {
    resnets: Vec<ResnetBlock>,
    attentions: Vec<AttentionBlock>,
    resample: Option<R>,
}

impl UNet {
    /// For images of `image_channels`; `classes` counts the rows of the class table, the "no class" row included.
    pub fn new(config: &UNetConfig, image_channels: usize, classes: Option<usize>, vb: &VarBuilder) -> Result<Self> {
        let style = BlockStyle {
            groups: config.norm_num_groups,
            epsilon: config.norm_eps,
            scale_shift: config.scale_shift,
            dropout: config.dropout,
            head_width: config.attention_head_dim,
            zero_init: true,
        };
        let widths = &config.block_out_channels;
        let (Some(&first), Some(&last)) = (widths.first(), widths.last()) else { bail!("a U-Net needs levels") };
        let channels = image_channels * config.patch_size * config.patch_size;
        let embedding_width = config.time_embedding_dim.unwrap_or(4 * first);
        let builder = Builder { config, style, embedding_width };
        let mid = vb.pp("mid_block");
        let mid_resnet = |i: usize| ResnetBlock::new(last, last, embedding_width, style, &mid.pp("resnets").pp(i));
        // diffusers' middle block normalises before attention only where the embedding is added, not scaled and shifted,
        // unless it is told a number of groups.
        let mid_norm = config.attn_norm_num_groups.or((!config.scale_shift).then_some(config.norm_num_groups));
        let mid_style = BlockStyle { groups: mid_norm.unwrap_or(config.norm_num_groups), ..style };
        let mid_attention = config
            .mid_attention
            .then(|| AttentionBlock::new(last, &mid_style, mid_norm.is_some(), &mid.pp("attentions").pp(0)));
        Ok(Self {
            patch_size: config.patch_size,
            embedding: Embedding::new(first, embedding_width, classes, vb)?,
            conv_in: Conv::new(channels, first, 1, &vb.pp("conv_in"))?,
            down_blocks: (0..widths.len())
                .map(|level| builder.down(level, &vb.pp("down_blocks").pp(level)))
                .collect::<Result<_>>()?,
            mid_block: (mid_resnet(0)?, mid_attention.transpose()?, mid_resnet(1)?),
            up_blocks: (0..widths.len())
                .map(|level| builder.up(level, &vb.pp("up_blocks").pp(level)))
                .collect::<Result<_>>()?,
            conv_norm_out: GroupNorm::new(first, &style, &vb.pp("conv_norm_out"))?,
            conv_out: Conv::zeroed(first, channels, &vb.pp("conv_out"))?,
        })
    }

    /// What it takes.
    pub fn inputs(&self) -> Inputs {
        let channels = self.conv_in.inputs() / (self.patch_size * self.patch_size);
        let multiple = self.patch_size << (self.down_blocks.len() - 1);
        Inputs {
            channels,
            smallest_side: multiple,
            multiple,
            classes: self.embedding.classes(),
            in_patches: self.patch_size == 2,
        }
    }

    /// `x`: `[B, H, W, C]`, H and W divisible by patch size · 2^(levels − 1); `t`: `[B]`; `classes`: `[B]` u32.
    /// Result: as `x`.
    pub fn forward(
        &self,
        x: &Tensor,
        t: &Tensor,
        classes: Option<&Tensor>,
        dropout: Option<&Dropout>,
    ) -> Result<Tensor> {
        let e = self.embedding.forward(t, classes)?;
        let patches = if self.patch_size == 2 { ops::space_to_depth2(x)? } else { x.clone() };
        let mut h = self.conv_in.forward(&patches)?;
        let mut skips = vec![h.clone()];
        for level in &self.down_blocks {
            for (i, resnet) in level.resnets.iter().enumerate() {
                h = resnet.forward(&h, &e, dropout)?;
                if let Some(attention) = level.attentions.get(i) {
                    h = attention.forward(&h)?;
                }
                skips.push(h.clone());
            }
            if let Some(downsample) = &level.resample {
                h = downsample.forward(&h)?;
                skips.push(h.clone());
            }
        }
        let (first, attention, second) = &self.mid_block;
        h = first.forward(&h, &e, dropout)?;
        if let Some(attention) = attention {
            h = attention.forward(&h)?;
        }
        h = second.forward(&h, &e, dropout)?;
        for level in &self.up_blocks {
            for (i, resnet) in level.resnets.iter().enumerate() {
                let Some(skip) = skips.pop() else { bail!("the U-Net has more blocks upwards than downwards") };
                h = resnet.forward(&ops::concat(&h, &skip)?, &e, dropout)?;
                if let Some(attention) = level.attentions.get(i) {
                    h = attention.forward(&h)?;
                }
            }
            if let Some(upsample) = &level.resample {
                h = upsample.forward(&h)?;
            }
        }
        let y = self.conv_out.forward(&self.conv_norm_out.forward(&h, Activation::Silu)?)?;
        if self.patch_size == 2 { ops::depth_to_space2(&y) } else { Ok(y) }
    }
}

/// What the levels are built from.
struct Builder<'a> {
    config: &'a UNetConfig,
    style: BlockStyle,
    embedding_width: usize,
}

impl Builder<'_> {
    fn down(&self, level: usize, vb: &VarBuilder) -> Result<Level<Downsample>> {
        let widths = &self.config.block_out_channels;
        let width = widths[level];
        let inputs = |block: usize| if block > 0 { width } else { widths[level.saturating_sub(1)] };
        let blocks: Vec<usize> = (0..self.config.layers_per_block).map(inputs).collect();
        let last = level + 1 == widths.len();
        let resample = (!last).then(|| Downsample::new(width, width, &vb.pp("downsamplers").pp(0)));
        self.level(&blocks, width, self.config.attention[level], resample.transpose()?, vb)
    }

    /// `level` counts from the bottom, as diffusers' `up_blocks` do.
    fn up(&self, level: usize, vb: &VarBuilder) -> Result<Level<Upsample>> {
        let widths: Vec<usize> = self.config.block_out_channels.iter().rev().copied().collect();
        let width = widths[level];
        let below = widths[level.saturating_sub(1)];
        let above = widths[(level + 1).min(widths.len() - 1)];
        let blocks: Vec<usize> = (0..=self.config.layers_per_block)
            .map(|block| {
                let from_below = if block == 0 { below } else { width };
                let skip = if block == self.config.layers_per_block { above } else { width };
                from_below + skip
            })
            .collect();
        let last = level + 1 == widths.len();
        let resample = (!last).then(|| Upsample::new(width, width, &vb.pp("upsamplers").pp(0)));
        let attends = self.config.attention[widths.len() - 1 - level];
        self.level(&blocks, width, attends, resample.transpose()?, vb)
    }

    fn level<R>(
        &self,
        inputs: &[usize],
        width: usize,
        attends: bool,
        resample: Option<R>,
        vb: &VarBuilder,
    ) -> Result<Level<R>> {
        let resnet = |(i, &inputs): (usize, &usize)| {
            ResnetBlock::new(inputs, width, self.embedding_width, self.style, &vb.pp("resnets").pp(i))
        };
        let attention = |i: usize| AttentionBlock::new(width, &self.style, true, &vb.pp("attentions").pp(i));
        Ok(Level {
            resnets: inputs.iter().enumerate().map(resnet).collect::<Result<_>>()?,
            attentions: (0..if attends { inputs.len() } else { 0 }).map(attention).collect::<Result<_>>()?,
            resample,
        })
    }
}
