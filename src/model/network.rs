//! One type for every network that can be trained, chosen by the settings.

use candle_core::{Result, Tensor, bail};
use candle_nn::VarBuilder;

use super::compact::CompactUNet;
use super::diffunet::DiffUNet;
use super::dropout::Dropout;
use super::inputs::{Inputs, TimeKind};
use super::unet::UNet;
use crate::config::{Architecture, CLASS_COUNT, NetworkSettings};

/// A network ε_θ(x_t, t, class).
#[derive(Debug)]
pub enum Network {
    Compact(Box<CompactUNet>),
    UNet(Box<UNet>),
    DiffUNet(Box<DiffUNet>),
}

impl Network {
    /// Builds the network of `settings` for grey images on the weights of `vb`.
    ///
    /// # Errors
    /// When a weight is missing or has another shape.
    pub fn new(settings: &NetworkSettings, vb: &VarBuilder) -> Result<Self> {
        let classes = settings.classes.then_some(CLASS_COUNT + 1);
        Ok(match &settings.architecture {
            Architecture::Compact(config) => Self::Compact(Box::new(CompactUNet::new(config, 1, classes, vb)?)),
            Architecture::UNet(config) => Self::UNet(Box::new(UNet::new(config, 1, classes, vb)?)),
            Architecture::DiffUNet => Self::DiffUNet(Box::new(DiffUNet::new(vb)?)),
        })
    }

    /// The prediction for images `x_t` `[B, C, H, W]` at timesteps `t` `[B]` (f32) with `classes` `[B]` (u32), of
    /// which [`CLASS_COUNT`] means "not told". Result: as `x_t`.
    ///
    /// `dropout` is given in training only.
    ///
    /// # Errors
    /// When the shapes do not suit the network.
    pub fn forward(
        &self,
        x_t: &Tensor,
        t: &Tensor,
        classes: Option<&Tensor>,
        dropout: Option<&Dropout>,
    ) -> Result<Tensor> {
        let x = to_channels_last(x_t)?;
        let y = match self {
            Self::Compact(network) => network.forward(&x, t, classes, dropout)?,
            Self::UNet(network) => network.forward(&x, t, classes, dropout)?,
            Self::DiffUNet(network) => network.forward(&x, t, dropout)?,
        };
        to_channels_first(&y)
    }

    /// The images in `y` `[B, C, H, W]` without their noise, whose standard deviations are `sigma` `[B]` (f32).
    ///
    /// # Errors
    /// When the shapes do not suit the network, or it is not [`Network::DiffUNet`], which alone has a rule for this.
    pub fn denoise(&self, y: &Tensor, sigma: &Tensor) -> Result<Tensor> {
        let Self::DiffUNet(network) = self else { bail!("noise levels are understood by DiffUNet only") };
        to_channels_first(&network.observed(
            &to_channels_last(y)?,
            sigma,
            TimeKind::NoiseLevel,
            None,
            &mut |_, _| Ok(()),
        )?)
    }

    /// What it takes.
    pub fn inputs(&self) -> Inputs {
        match self {
            Self::Compact(network) => network.inputs(),
            Self::UNet(network) => network.inputs(),
            Self::DiffUNet(network) => network.inputs(),
        }
    }
}

/// `[B, C, H, W]` to `[B, H, W, C]`; free for one channel.
fn to_channels_last(x: &Tensor) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    if c == 1 { x.reshape((b, h, w, 1)) } else { x.permute((0, 2, 3, 1))?.contiguous() }
}

/// `[B, H, W, C]` to `[B, C, H, W]`; free for one channel.
fn to_channels_first(x: &Tensor) -> Result<Tensor> {
    let (b, h, w, c) = x.dims4()?;
    if c == 1 { x.reshape((b, 1, h, w)) } else { x.permute((0, 3, 1, 2))?.contiguous() }
}
