//! The compact U-Net: two levels on 2×2 patches, one residual block a level, attention at the bottom.
//!
//! ```text
//! image ─patches─ conv_in ─ down 0 ───────────────── cat ─ up 1 ─ norm, SiLU, conv_out ─patches─ prediction
//!                             └ downsample              │ upsample
//!                                  └ down 1 ─ attention ─ mid ─ cat(down 1) ─ up 0
//! ```
//!
//! Blocks are named as in diffusers. With 32 channels it has 460,516 weights.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::blocks::{AttentionBlock, BlockStyle, Conv, Downsample, GroupNorm, ResnetBlock, Upsample};
use super::dropout::Dropout;
use super::embed::Embedding;
use super::inputs::Inputs;
use super::ops::{self, Activation};
use crate::config::CompactConfig;

/// See the module.
#[derive(Debug)]
pub struct CompactUNet {
    embedding: Embedding,
    conv_in: Conv,
    down_0: ResnetBlock,
    downsample: Downsample,
    down_1: ResnetBlock,
    attention: AttentionBlock,
    mid: ResnetBlock,
    up_0: ResnetBlock,
    upsample: Upsample,
    up_1: ResnetBlock,
    conv_norm_out: GroupNorm,
    conv_out: Conv,
}

impl CompactUNet {
    /// For images of `image_channels`; `classes` counts the rows of the class table, the "no class" row included.
    pub fn new(config: &CompactConfig, image_channels: usize, classes: Option<usize>, vb: &VarBuilder) -> Result<Self> {
        let style =
            BlockStyle { groups: 8, epsilon: 1e-5, scale_shift: true, dropout: 0.0, head_width: 32, zero_init: true };
        let (narrow, wide, patch) = (config.channels, 2 * config.channels, 4 * image_channels);
        let width = 4 * narrow;
        let resnet = |inputs, outputs, path: &str| ResnetBlock::new(inputs, outputs, width, style, &vb.pp(path));
        Ok(Self {
            embedding: Embedding::new(narrow, width, classes, vb)?,
            conv_in: Conv::new(patch, narrow, 1, &vb.pp("conv_in"))?,
            down_0: resnet(narrow, narrow, "down_blocks.0.resnets.0")?,
            downsample: Downsample::new(narrow, wide, &vb.pp("down_blocks.0.downsamplers.0"))?,
            down_1: resnet(wide, wide, "down_blocks.1.resnets.0")?,
            attention: AttentionBlock::new(wide, &style, true, &vb.pp("mid_block.attentions.0"))?,
            mid: resnet(wide, wide, "mid_block.resnets.0")?,
            up_0: resnet(2 * wide, wide, "up_blocks.0.resnets.0")?,
            upsample: Upsample::new(wide, narrow, &vb.pp("up_blocks.0.upsamplers.0"))?,
            up_1: resnet(2 * narrow, narrow, "up_blocks.1.resnets.0")?,
            conv_norm_out: GroupNorm::new(narrow, &style, &vb.pp("conv_norm_out"))?,
            conv_out: Conv::zeroed(narrow, patch, &vb.pp("conv_out"))?,
        })
    }

    /// What it takes: two levels of 2×2 patches.
    pub fn inputs(&self) -> Inputs {
        let channels = self.conv_in.inputs() / 4;
        Inputs { channels, smallest_side: 4, multiple: 4, classes: self.embedding.classes(), in_patches: true }
    }

    /// `x`: `[B, H, W, C]` with H and W multiples of 4; `t`: `[B]`; `classes`: `[B]` u32. Result: as `x`.
    pub fn forward(
        &self,
        x: &Tensor,
        t: &Tensor,
        classes: Option<&Tensor>,
        dropout: Option<&Dropout>,
    ) -> Result<Tensor> {
        let e = self.embedding.forward(t, classes)?;
        let h = self.conv_in.forward(&ops::space_to_depth2(x)?)?;
        let skip_0 = self.down_0.forward(&h, &e, dropout)?;
        let skip_1 = self.down_1.forward(&self.downsample.forward(&skip_0)?, &e, dropout)?;
        let h = self.mid.forward(&self.attention.forward(&skip_1)?, &e, dropout)?;
        let h = self.up_0.forward(&ops::concat(&h, &skip_1)?, &e, dropout)?;
        let h = self.up_1.forward(&ops::concat(&self.upsample.forward(&h)?, &skip_0)?, &e, dropout)?;
        ops::depth_to_space2(&self.conv_out.forward(&self.conv_norm_out.forward(&h, Activation::Silu)?)?)
    }
}
