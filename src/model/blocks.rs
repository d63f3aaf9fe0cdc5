//! The blocks of the U-Nets, named as in diffusers, on channels-last images `[B, H, W, C]`.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};

use super::dropout::Dropout;
use super::ops::{self, Activation};

/// What the normalisations and residual blocks of one network have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockStyle {
    pub groups: usize,
    pub epsilon: f64,
    /// The embedding scales and shifts the second normalisation's result; otherwise it is added before it.
    pub scale_shift: bool,
    pub dropout: f64,
    /// Channels of one attention head.
    pub head_width: usize,
    /// Whether the last layer of a residual branch begins at zero, so that the network begins as the identity.
    pub zero_init: bool,
}

/// PyTorch's default for convolutions and linear layers: uniform within ±1/√fan_in, weights and biases alike.
pub(super) fn default_init(fan_in: usize) -> Init {
    let bound = 1.0 / (fan_in as f64).sqrt();
    Init::Uniform { lo: -bound, up: bound }
}

/// A linear layer on the last dimension.
#[derive(Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    pub fn new(inputs: usize, outputs: usize, vb: &VarBuilder) -> Result<Self> {
        Self::with_init(inputs, outputs, default_init(inputs), vb)
    }

    fn with_init(inputs: usize, outputs: usize, init: Init, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            weight: vb.get_with_hints((outputs, inputs), "weight", init)?,
            bias: vb.get_with_hints(outputs, "bias", init)?,
        })
    }

    /// `[…, inputs]` to `[…, outputs]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::linear(x, &self.weight, &self.bias)
    }
}

/// A convolution with zero padding k/2.
#[derive(Debug)]
pub struct Conv {
    weight: Tensor,
    bias: Tensor,
    stride: usize,
}

impl Conv {
    /// A 3×3 convolution.
    pub fn new(inputs: usize, outputs: usize, stride: usize, vb: &VarBuilder) -> Result<Self> {
        Self::with_init(inputs, outputs, 3, stride, default_init(9 * inputs), vb)
    }

    /// A 3×3 convolution that begins at zero.
    pub fn zeroed(inputs: usize, outputs: usize, vb: &VarBuilder) -> Result<Self> {
        Self::with_init(inputs, outputs, 3, 1, Init::Const(0.0), vb)
    }

    /// A 1×1 convolution.
    pub fn pointwise(inputs: usize, outputs: usize, vb: &VarBuilder) -> Result<Self> {
        Self::with_init(inputs, outputs, 1, 1, default_init(inputs), vb)
    }

    fn with_init(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        stride: usize,
        init: Init,
        vb: &VarBuilder,
    ) -> Result<Self> {
        Ok(Self {
            weight: vb.get_with_hints((outputs, inputs, kernel, kernel), "weight", init)?,
            bias: vb.get_with_hints(outputs, "bias", init)?,
            stride,
        })
    }

    /// Channels that it takes.
    pub fn inputs(&self) -> usize {
        self.weight.dims().get(1).copied().unwrap_or_default()
    }

    /// `[B, H, W, inputs]` to `[B, ⌈H/stride⌉, ⌈W/stride⌉, outputs]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::conv2d(x, &self.weight, &self.bias, self.stride)
    }

    /// [`Conv::forward`] of stride 1, plus `summand`.
    pub fn forward_plus(&self, x: &Tensor, summand: &Tensor) -> Result<Tensor> {
        ops::conv2d_plus(x, &self.weight, &self.bias, summand)
    }
}

/// Group normalisation with a gain and a bias for each channel.
#[derive(Debug)]
pub struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: usize,
    epsilon: f64,
}

impl GroupNorm {
    pub fn new(channels: usize, style: &BlockStyle, vb: &VarBuilder) -> Result<Self> {
        Ok(Self {
            weight: vb.get_with_hints(channels, "weight", Init::Const(1.0))?,
            bias: vb.get_with_hints(channels, "bias", Init::Const(0.0))?,
            groups: style.groups,
            epsilon: style.epsilon,
        })
    }

    /// Normalised and through the activation.
    pub fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        ops::group_norm(x, &self.weight, &self.bias, self.groups, self.epsilon, activation)
    }

    /// SiLU(norm(x)·(1 + scale) + shift); `modulation`: `[B, 2C]`, scale and then shift.
    pub(super) fn forward_modulated(&self, x: &Tensor, modulation: &Tensor) -> Result<Tensor> {
        ops::group_norm_modulated(x, (&self.weight, &self.bias), modulation, self.groups, self.epsilon)
    }
}

/// diffusers' `ResnetBlock2D`: norm, SiLU, conv, embedding, norm, SiLU, conv, plus the input.
#[derive(Debug)]
pub struct ResnetBlock {
    norm1: GroupNorm,
    conv1: Conv,
    time_emb_proj: Linear,
    norm2: GroupNorm,
    conv2: Conv,
    conv_shortcut: Option<Conv>,
    style: BlockStyle,
}

impl ResnetBlock {
    pub fn new(inputs: usize, outputs: usize, embedding: usize, style: BlockStyle, vb: &VarBuilder) -> Result<Self> {
        let modulation = if style.scale_shift { 2 * outputs } else { outputs };
        let shortcut = (inputs != outputs).then(|| Conv::pointwise(inputs, outputs, &vb.pp("conv_shortcut")));
        let conv2 = vb.pp("conv2");
        Ok(Self {
            norm1: GroupNorm::new(inputs, &style, &vb.pp("norm1"))?,
            conv1: Conv::new(inputs, outputs, 1, &vb.pp("conv1"))?,
            time_emb_proj: Linear::new(embedding, modulation, &vb.pp("time_emb_proj"))?,
            norm2: GroupNorm::new(outputs, &style, &vb.pp("norm2"))?,
            conv2: if style.zero_init {
                Conv::zeroed(outputs, outputs, &conv2)?
            } else {
                Conv::new(outputs, outputs, 1, &conv2)?
            },
            conv_shortcut: shortcut.transpose()?,
            style,
        })
    }

    /// `x`: `[B, H, W, inputs]`, `embedding`: `[B, embedding]` already through SiLU.
    pub fn forward(&self, x: &Tensor, embedding: &Tensor, dropout: Option<&Dropout>) -> Result<Tensor> {
        let h = self.conv1.forward(&self.norm1.forward(x, Activation::Silu)?)?;
        let modulation = self.time_emb_proj.forward(embedding)?;
        let h = if self.style.scale_shift {
            self.norm2.forward_modulated(&h, &modulation)?
        } else {
            let (batch, channels) = modulation.dims2()?;
            let h = h.broadcast_add(&modulation.reshape((batch, 1, 1, channels))?)?;
            self.norm2.forward(&h, Activation::Silu)?
        };
        let h = match dropout {
            Some(dropout) if self.style.dropout > 0.0 => dropout.apply(&h, self.style.dropout)?,
            _ => h,
        };
        match &self.conv_shortcut {
            Some(shortcut) => self.conv2.forward_plus(&h, &shortcut.forward(x)?),
            None => self.conv2.forward_plus(&h, x),
        }
    }
}

/// diffusers' `Attention` as its U-Nets use it: self-attention over the pixels, plus the input.
#[derive(Debug)]
pub struct AttentionBlock {
    group_norm: Option<GroupNorm>,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: usize,
}

impl AttentionBlock {
    /// With a normalisation of the input, or without, as diffusers leaves it out of some middle blocks.
    pub fn new(channels: usize, style: &BlockStyle, normalised: bool, vb: &VarBuilder) -> Result<Self> {
        let group_norm = normalised.then(|| GroupNorm::new(channels, style, &vb.pp("group_norm")));
        let linear = |name: &str| Linear::new(channels, channels, &vb.pp(name));
        let out = vb.pp("to_out").pp("0");
        Ok(Self {
            group_norm: group_norm.transpose()?,
            to_q: linear("to_q")?,
            to_k: linear("to_k")?,
            to_v: linear("to_v")?,
            to_out: if style.zero_init {
                Linear::with_init(channels, channels, Init::Const(0.0), &out)?
            } else {
                Linear::new(channels, channels, &out)?
            },
            heads: (channels / style.head_width).max(1),
        })
    }

    /// `[B, H, W, C]` to the same.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let h = match &self.group_norm {
            Some(norm) => norm.forward(x, Activation::None)?,
            None => x.clone(),
        };
        let (q, k, v) = (self.to_q.forward(&h)?, self.to_k.forward(&h)?, self.to_v.forward(&h)?);
        ops::add(x, &self.to_out.forward(&ops::attention(&q, &k, &v, self.heads)?)?)
    }
}

/// diffusers' `Upsample2D`: nearest doubling, then a 3×3 convolution.
#[derive(Debug)]
pub struct Upsample {
    conv: Conv,
}

impl Upsample {
    pub fn new(inputs: usize, outputs: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self { conv: Conv::new(inputs, outputs, 1, &vb.pp("conv"))? })
    }

    /// `[B, H, W, inputs]` to `[B, 2H, 2W, outputs]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.conv.forward(&ops::upsample_nearest2(x)?)
    }
}

/// diffusers' `Downsample2D`: a 3×3 convolution of stride 2.
#[derive(Debug)]
pub struct Downsample {
    conv: Conv,
}

impl Downsample {
    pub fn new(inputs: usize, outputs: usize, vb: &VarBuilder) -> Result<Self> {
        Ok(Self { conv: Conv::new(inputs, outputs, 2, &vb.pp("conv"))? })
    }

    /// `[B, H, W, inputs]` to `[B, ⌈H/2⌉, ⌈W/2⌉, outputs]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.conv.forward(x)
    }
}
