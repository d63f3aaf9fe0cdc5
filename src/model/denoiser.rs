//! A trained network ready to draw: fixed weights, class labels and guidance.

use std::collections::HashMap;

use candle_core::{Device, Tensor};

use super::network::Network;
use super::params::on_weights;
use crate::Result;
use crate::config::{CLASS_COUNT, Settings};
use crate::diffusion::guidance::combine;

/// A network on fixed weights, with the settings that it was trained under.
#[derive(Debug)]
pub struct Denoiser {
    network: Network,
    settings: Settings,
    device: Device,
}

impl Denoiser {
    /// The network of `settings` on `weights`.
    ///
    /// # Errors
    /// When a weight is missing or has another shape.
    pub fn new(settings: &Settings, weights: HashMap<String, Tensor>, device: &Device) -> Result<Self> {
        let network = on_weights(weights, device, |vb| Network::new(&settings.network, &vb))?;
        Ok(Self { network, settings: settings.clone(), device: device.clone() })
    }

    /// The settings that it was trained under.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where its weights are.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The network itself, to be asked as it is.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network's raw output for `x_t` `[B, 1, H, W]` at one timestep, guided towards `classes`.
    ///
    /// With guidance w (Ho & Salimans 2022, eq. 6) the result is `y + w·(y − y_without_class)`, both from one call
    /// on twice the batch. Networks without classes ignore `classes` and `guidance`.
    ///
    /// # Errors
    /// When the shapes do not suit the network.
    pub fn predict(&self, x_t: &Tensor, t: usize, classes: &[Option<u8>], guidance: f64) -> Result<Tensor> {
        let batch = x_t.dim(0)?;
        let labels = |told: bool| {
            let none = CLASS_COUNT as u32;
            classes.iter().map(move |class| if told { class.map_or(none, u32::from) } else { none })
        };
        let guided = guidance != 0.0 && self.settings.network.classes && classes.iter().any(Option::is_some);
        let count = if guided { 2 * batch } else { batch };
        let t = Tensor::full(t as f32, count, &self.device)?;
        if !self.settings.network.classes {
            return Ok(self.network.forward(x_t, &t, None, None)?);
        }
        if !guided {
            let classes = Tensor::from_iter(labels(true), &self.device)?;
            return Ok(self.network.forward(x_t, &t, Some(&classes), None)?);
        }
        let classes = Tensor::from_iter(labels(true).chain(labels(false)), &self.device)?;
        let both = self.network.forward(&Tensor::cat(&[x_t, x_t], 0)?, &t, Some(&classes), None)?;
        let (with, without) = (both.narrow(0, 0, batch)?, both.narrow(0, batch, batch)?);
        combine(&with, &without, guidance)
    }

    /// As [`Denoiser::predict`] without guidance, image i at timestep `t[i]`.
    ///
    /// # Errors
    /// When the shapes do not suit the network.
    pub fn predict_each(&self, x_t: &Tensor, t: &[usize], classes: &[Option<u8>]) -> Result<Tensor> {
        let t: Vec<f32> = t.iter().map(|&t| t as f32).collect();
        let t = Tensor::from_vec(t, classes.len(), &self.device)?;
        let told = classes.iter().map(|class| class.map_or(CLASS_COUNT as u32, u32::from));
        let told = Tensor::from_iter(told, &self.device)?;
        let told = self.settings.network.classes.then_some(&told);
        Ok(self.network.forward(x_t, &t, told, None)?)
    }
}
