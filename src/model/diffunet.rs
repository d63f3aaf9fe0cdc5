//! deepinv's `DiffUNet(in_channels=1, out_channels=1)`, the U-Net of ILVR (Choi et al. 2021), under its own names.
//!
//! Six levels of one residual block each, which are left by residual blocks that halve or double the image; attention
//! at one sixteenth of the size. 93,555,841 weights. Images whose sides are no multiples of 32 are continued
//! circularly at the left and the top.
//!
//! ```text
//! input_blocks   0: conv   1 3 5 7 9 11: residual   2 4 6 8 10: half size   9: with attention
//! middle_block   residual, attention, residual
//! output_blocks  0 … 11: residual on [h, result of the input block with the same size], odd ones double the size
//! ```

mod blocks;
mod noise_level;
mod padding;

use candle_core::{Result, Tensor, bail};
use candle_nn::VarBuilder;

use super::blocks::{BlockStyle, Conv, GroupNorm};
use super::dropout::Dropout;
use super::inputs::{Inputs, TimeKind};
use super::ops::{self, Activation};
use blocks::{Block, Part, Resample, TimeEmbed};

pub use noise_level::buffers;
pub use padding::SMALLEST_SIDE;

/// Channels at full size.
const MODEL_CHANNELS: usize = 128;
/// Channels of each level, as multiples of [`MODEL_CHANNELS`].
const CHANNEL_MULT: [usize; 6] = [1, 1, 2, 2, 4, 4];
/// The level whose blocks attend: images are there 16 times smaller.
const ATTENTION_LEVEL: usize = 4;
/// Residual blocks that each level has on the way up.
const OUTPUT_BLOCKS_PER_LEVEL: usize = 2;
/// What its blocks have in common.
const STYLE: BlockStyle =
    BlockStyle { groups: 32, epsilon: 1e-5, scale_shift: true, dropout: 0.1, head_width: 64, zero_init: true };

/// See the module.
#[derive(Debug)]
pub struct DiffUNet {
    time_embed: TimeEmbed,
    input_blocks: Vec<Block>,
    middle_block: Block,
    output_blocks: Vec<Block>,
    out: (GroupNorm, Conv),
    schedule: noise_level::Schedule,
}

/// Sees the result of each block under its name, `[B, H, W, C]` (`[B, C]` of `time_embed`).
pub type Observer<'a> = &'a mut dyn FnMut(&str, &Tensor) -> Result<()>;

impl DiffUNet {
    /// For grey images.
    pub fn new(vb: &VarBuilder) -> Result<Self> {
        let embedding = 4 * MODEL_CHANNELS;
        let Layout { input, middle, output } = Layout::new()?;
        let blocks = |name: &str, parts: &[Vec<Part>]| {
            let block = |(i, parts): (usize, &Vec<Part>)| Block::new(format!("{name}.{i}"), parts, embedding, vb);
            parts.iter().enumerate().map(block).collect::<Result<Vec<_>>>()
        };
        Ok(Self {
            time_embed: TimeEmbed::new(MODEL_CHANNELS, embedding, &vb.pp("time_embed"))?,
            input_blocks: blocks("input_blocks", &input)?,
            middle_block: Block::new("middle_block".into(), &middle, embedding, vb)?,
            output_blocks: blocks("output_blocks", &output)?,
            out: (
                GroupNorm::new(MODEL_CHANNELS, &STYLE, &vb.pp("out.0"))?,
                Conv::zeroed(MODEL_CHANNELS, 1, &vb.pp("out.2"))?,
            ),
            schedule: noise_level::Schedule::new(),
        })
    }

    /// What it takes.
    pub fn inputs(&self) -> Inputs {
        Inputs { channels: 1, smallest_side: SMALLEST_SIDE, multiple: 1, classes: None, in_patches: false }
    }

    /// The noise in `x` `[B, H, W, 1]` at the timesteps `t` `[B]` (f32), as `x`; H and W from [`SMALLEST_SIDE`] up.
    ///
    /// # Errors
    /// When the shapes do not suit the network.
    pub fn forward(&self, x: &Tensor, t: &Tensor, dropout: Option<&Dropout>) -> Result<Tensor> {
        self.observed(x, t, TimeKind::Timestep, dropout, &mut |_, _| Ok(()))
    }

    /// The answer to `x` `[B, H, W, 1]` and `t` `[B]` of either kind, with each block's result shown to `observe`.
    ///
    /// # Errors
    /// When the shapes do not suit the network, or `observe` fails.
    pub fn observed(
        &self,
        x: &Tensor,
        t: &Tensor,
        kind: TimeKind,
        dropout: Option<&Dropout>,
        observe: Observer,
    ) -> Result<Tensor> {
        padding::padded(x, |x| match kind {
            TimeKind::Timestep => self.eps(x, t, dropout, observe),
            TimeKind::NoiseLevel => self.schedule.denoised(x, t, |x_t, t| self.eps(x_t, t, dropout, observe)),
        })
    }

    fn eps(&self, x: &Tensor, t: &Tensor, dropout: Option<&Dropout>, observe: Observer) -> Result<Tensor> {
        let embedding = self.time_embed.forward(t)?;
        observe("time_embed", &embedding)?;
        let e = ops::silu(&embedding)?;
        let mut h = x.clone();
        let mut skips = Vec::with_capacity(self.input_blocks.len());
        for block in &self.input_blocks {
            h = block.forward(&h, &e, dropout)?;
            observe(&block.name, &h)?;
            skips.push(h.clone());
        }
        h = self.middle_block.forward(&h, &e, dropout)?;
        observe(&self.middle_block.name, &h)?;
        for (block, skip) in self.output_blocks.iter().zip(skips.iter().rev()) {
            h = block.forward(&ops::concat(&h, skip)?, &e, dropout)?;
            observe(&block.name, &h)?;
        }
        let (norm, conv) = &self.out;
        let eps = conv.forward(&norm.forward(&h, Activation::Silu)?)?;
        observe("out", &eps)?;
        Ok(eps)
    }
}

/// The parts of every block, in order.
struct Layout {
    input: Vec<Vec<Part>>,
    middle: Vec<Part>,
    output: Vec<Vec<Part>>,
}

impl Layout {
    fn new() -> Result<Self> {
        let widths = CHANNEL_MULT.map(|multiple| multiple * MODEL_CHANNELS);
        let residual = |inputs, outputs| Part::Residual { inputs, outputs, resample: Resample::None };
        let resized = |channels, resample| Part::Residual { inputs: channels, outputs: channels, resample };
        let attention = |level, channels| (level == ATTENTION_LEVEL).then_some(Part::Attention { channels });

        let mut input = vec![vec![Part::Conv { inputs: 1, outputs: MODEL_CHANNELS }]];
        let mut channels = MODEL_CHANNELS;
        let mut skips = vec![channels];
        for (level, width) in widths.into_iter().enumerate() {
            input.push(std::iter::once(residual(channels, width)).chain(attention(level, width)).collect());
            skips.push(width);
            if level + 1 < widths.len() {
                input.push(vec![resized(width, Resample::Halve)]);
                skips.push(width);
            }
            channels = width;
        }
        let middle = vec![residual(channels, channels), Part::Attention { channels }, residual(channels, channels)];
        let mut output = Vec::new();
        for (level, width) in widths.into_iter().enumerate().rev() {
            for block in 1..=OUTPUT_BLOCKS_PER_LEVEL {
                let Some(skip) = skips.pop() else { bail!("DiffUNet has more blocks upwards than downwards") };
                let doubles = level > 0 && block == OUTPUT_BLOCKS_PER_LEVEL;
                let parts = std::iter::once(residual(channels + skip, width)).chain(attention(level, width));
                output.push(parts.chain(doubles.then(|| resized(width, Resample::Double))).collect());
                channels = width;
            }
        }
        Ok(Self { input, middle, output })
    }
}
