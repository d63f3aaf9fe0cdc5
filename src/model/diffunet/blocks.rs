//! The blocks of `DiffUNet`, named as in deepinv, on channels-last images `[B, H, W, C]`.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};

use super::STYLE;
use crate::model::blocks::{Conv, GroupNorm, Linear, default_init};
use crate::model::dropout::Dropout;
use crate::model::embed::timestep_features;
use crate::model::ops::{self, Activation};

/// One part of a block.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    Conv { inputs: usize, outputs: usize },
    Residual { inputs: usize, outputs: usize, resample: Resample },
    Attention { channels: usize },
}

/// What a residual block does to the size of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resample {
    None,
    /// Means of 2×2 squares.
    Halve,
    /// Each pixel to a 2×2 square.
    Double,
}

impl Resample {
    fn apply(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::None => Ok(x.clone()),
            Self::Halve => ops::avg_pool2(x),
            Self::Double => ops::upsample_nearest2(x),
        }
    }
}

/// deepinv's `TimestepEmbedSequential`: parts one after the other.
#[derive(Debug)]
pub struct Block {
    pub name: String,
    layers: Vec<Layer>,
}

#[derive(Debug)]
enum Layer {
    Conv(Conv),
    Residual(ResBlock),
    Attention(AttentionBlock),
}

impl Block {
    /// The parts are `NAME.0`, `NAME.1` …; `embedding`: width of the timestep's embedding.
    pub fn new(name: String, parts: &[Part], embedding: usize, vb: &VarBuilder) -> Result<Self> {
        let layer = |(i, part): (usize, &Part)| {
            let vb = vb.pp(&name).pp(i);
            Ok(match *part {
                Part::Conv { inputs, outputs } => Layer::Conv(Conv::new(inputs, outputs, 1, &vb)?),
                Part::Residual { inputs, outputs, resample } => {
                    Layer::Residual(ResBlock::new(inputs, outputs, embedding, resample, &vb)?)
                }
                Part::Attention { channels } => Layer::Attention(AttentionBlock::new(channels, &vb)?),
            })
        };
        let layers = parts.iter().enumerate().map(layer).collect::<Result<_>>()?;
        Ok(Self { name, layers })
    }

    /// `embedding`: `[B, embedding]` already through SiLU.
    pub fn forward(&self, x: &Tensor, embedding: &Tensor, dropout: Option<&Dropout>) -> Result<Tensor> {
        self.layers.iter().try_fold(x.clone(), |x, layer| match layer {
            Layer::Conv(conv) => conv.forward(&x),
            Layer::Residual(block) => block.forward(&x, embedding, dropout),
            Layer::Attention(block) => block.forward(&x),
        })
    }
}

/// The sinusoidal features of the timestep through two linear layers.
#[derive(Debug)]
pub struct TimeEmbed {
    channels: usize,
    linear_0: Linear,
    linear_2: Linear,
}

impl TimeEmbed {
    pub fn new(channels: usize, width: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            channels,
            linear_0: Linear::new(channels, width, &vb.pp(0))?,
            linear_2: Linear::new(width, width, &vb.pp(2))?,
        })
    }

    /// `t`: `[B]` f32. Result: `[B, width]`.
    pub fn forward(&self, t: &Tensor) -> Result<Tensor> {
        self.linear_2.forward(&ops::silu(&self.linear_0.forward(&timestep_features(t, self.channels)?)?)?)
    }
}

/// A residual block: norm, SiLU, change of size, conv, norm scaled and shifted by the embedding, SiLU, conv, plus the
/// input, whose size is changed too.
#[derive(Debug)]
struct ResBlock {
    in_norm: GroupNorm,
    in_conv: Conv,
    emb: Linear,
    out_norm: GroupNorm,
    out_conv: Conv,
    skip_connection: Option<Conv>,
    resample: Resample,
}

impl ResBlock {
    fn new(inputs: usize, outputs: usize, embedding: usize, resample: Resample, vb: &VarBuilder) -> Result<Self> {
        let skip = || Conv::pointwise(inputs, outputs, &vb.pp("skip_connection"));
        Ok(Self {
            in_norm: GroupNorm::new(inputs, &STYLE, &vb.pp("in_layers.0"))?,
            in_conv: Conv::new(inputs, outputs, 1, &vb.pp("in_layers.2"))?,
            emb: Linear::new(embedding, 2 * outputs, &vb.pp("emb_layers.1"))?,
            out_norm: GroupNorm::new(outputs, &STYLE, &vb.pp("out_layers.0"))?,
            out_conv: Conv::zeroed(outputs, outputs, &vb.pp("out_layers.3"))?,
            skip_connection: (inputs != outputs).then(skip).transpose()?,
            resample,
        })
    }

    fn forward(&self, x: &Tensor, embedding: &Tensor, dropout: Option<&Dropout>) -> Result<Tensor> {
        let h = self.in_norm.forward(x, Activation::Silu)?;
        let h = self.in_conv.forward(&self.resample.apply(&h)?)?;
        let h = self.out_norm.forward_modulated(&h, &self.emb.forward(embedding)?)?;
        let h = match dropout {
            Some(dropout) => dropout.apply(&h, STYLE.dropout)?,
            None => h,
        };
        let x = self.resample.apply(x)?;
        match &self.skip_connection {
            Some(skip) => self.out_conv.forward_plus(&h, &skip.forward(&x)?),
            None => self.out_conv.forward_plus(&h, &x),
        }
    }
}

/// Self-attention over the pixels, plus the input.
#[derive(Debug)]
struct AttentionBlock {
    norm: GroupNorm,
    qkv: Conv1d,
    proj_out: Conv1d,
    heads: usize,
}

impl AttentionBlock {
    fn new(channels: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            norm: GroupNorm::new(channels, &STYLE, &vb.pp("norm"))?,
            qkv: Conv1d::new(channels, 3 * channels, default_init(channels), &vb.pp("qkv"))?,
            proj_out: Conv1d::new(channels, channels, Init::Const(0.0), &vb.pp("proj_out"))?,
            heads: channels / STYLE.head_width,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, height, width, channels) = x.dims4()?;
        let tokens = height * width;
        let normalised = self.norm.forward(x, Activation::None)?;
        // deepinv's `QKVAttentionLegacy`: the channels are split into heads first, then each head into q, k and v.
        let qkv = self.qkv.forward(&normalised)?.reshape((batch, tokens, self.heads, 3, ()))?;
        let part = |i: usize| qkv.narrow(3, i, 1)?.contiguous()?.reshape((batch, tokens, channels));
        let attended = ops::attention(&part(0)?, &part(1)?, &part(2)?, self.heads)?;
        ops::add(x, &self.proj_out.forward(&attended)?.reshape(x.shape())?)
    }
}

/// A convolution of one tap along a sequence, which is a linear layer on the last dimension of `[B, tokens, inputs]`.
#[derive(Debug)]
struct Conv1d {
    /// `[outputs, inputs, 1]`
    weight: Tensor,
    bias: Tensor,
}

impl Conv1d {
    fn new(inputs: usize, outputs: usize, init: Init, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            weight: vb.get_with_hints((outputs, inputs, 1), "weight", init)?,
            bias: vb.get_with_hints(outputs, "bias", init)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::linear(x, &self.weight.squeeze(2)?, &self.bias)
    }
}
