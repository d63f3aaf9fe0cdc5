//! What the network is shown in one step: noised images, the timesteps, the classes, and the answer it should give.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::Result;
use crate::config::{CLASS_COUNT, Settings};
use crate::data::{Dataset, unit_images};
use crate::diffusion::{Schedule, q_sample, target, timesteps};
use crate::rng::Stream;

/// A batch ready for the network.
#[derive(Debug)]
pub struct Examples {
    /// `[B, 1, H, W]`.
    pub x_t: Tensor,
    /// `[B]` f32.
    pub t: Tensor,
    /// `[B]` u32, [`CLASS_COUNT`] where the class is not told; none if the network does not know classes.
    pub classes: Option<Tensor>,
    /// What the network should predict, as `x_t`.
    pub target: Tensor,
}

impl Examples {
    /// The same on a device.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn on(&self, device: &Device) -> Result<Self> {
        Ok(Self {
            x_t: self.x_t.to_device(device)?,
            t: self.t.to_device(device)?,
            classes: self.classes.as_ref().map(|classes| classes.to_device(device)).transpose()?,
            target: self.target.to_device(device)?,
        })
    }
}

/// One batch before it is noised.
pub struct Draw<'a> {
    pub data: &'a Dataset,
    pub indices: &'a [u32],
    pub timesteps: &'a [usize],
    /// Probability that a class is not told.
    pub class_dropout: f64,
    pub seed: u64,
    /// Names the random streams: each batch has its own.
    pub batch: u64,
    /// Keeps the streams of training and of the held-out batches apart.
    pub purpose: Purpose,
}

/// What a batch is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Training,
    HeldOut,
}

impl Purpose {
    fn noise(self) -> &'static str {
        match self {
            Self::Training => "noise",
            Self::HeldOut => "held-out noise",
        }
    }
}

impl Draw<'_> {
    /// Noises the batch (Ho et al. 2020, eq. 4).
    ///
    /// # Errors
    /// When the device has no room.
    pub fn examples(&self, settings: &Settings, schedule: &Schedule, device: &Device) -> Result<Examples> {
        let count = self.indices.len();
        let size = self.data.width * self.data.height;
        let shape = (count, 1, self.data.height, self.data.width);
        let mut eps = vec![0.0f32; count * size];
        eps.par_chunks_mut(size).enumerate().for_each(|(i, eps)| {
            Stream::new(self.seed, self.purpose.noise(), (self.batch << 20) + i as u64).fill_normal(eps);
        });
        let x0 = Tensor::from_vec(unit_images(self.data, self.indices), shape, device)?;
        let eps = Tensor::from_vec(eps, shape, device)?;
        let t: Vec<f32> = self.timesteps.iter().map(|&t| t as f32).collect();
        Ok(Examples {
            x_t: q_sample(schedule, &x0, self.timesteps, &eps)?,
            target: target(schedule, settings.diffusion.prediction, &x0, &eps, self.timesteps)?,
            t: Tensor::from_vec(t, count, device)?,
            classes: settings.network.classes.then(|| self.classes(device)).transpose()?,
        })
    }

    fn classes(&self, device: &Device) -> Result<Tensor> {
        let mut stream = Stream::new(self.seed, "class dropout", self.batch);
        let classes: Vec<u32> = self
            .indices
            .iter()
            .map(|&i| {
                let hidden = stream.uniform() < self.class_dropout;
                self.data.label(i as usize).filter(|_| !hidden).map_or(CLASS_COUNT as u32, u32::from)
            })
            .collect();
        Ok(Tensor::from_vec(classes, self.indices.len(), device)?)
    }
}

/// The timesteps of training batch `batch`.
pub fn training_timesteps(settings: &Settings, batch: u64) -> Vec<usize> {
    let mut stream = Stream::new(settings.training.seed, "timesteps", batch);
    timesteps::draw(
        settings.training.timestep_sampling,
        settings.training.logit_normal,
        settings.diffusion.timesteps,
        settings.training.batch_size,
        &mut stream,
    )
}
