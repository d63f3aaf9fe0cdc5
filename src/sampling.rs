//! Drawing images with a trained network: its schedule, the sampler, the classes and the noise of one request.

pub mod origin;

use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{Shape, Tensor};
use rayon::prelude::*;

use crate::config::{ClassChoice, SamplingSettings, Settings};
use crate::diffusion::sampler::{plan, plan_from, sample_along};
use crate::diffusion::{Frame, Process, Schedule, q_sample};
use crate::model::Denoiser;
use crate::pictures::Pictures;
use crate::reports::note_settings;
use crate::{Error, Result};

use origin::{Origin, call_noise};

/// Images that go through the network together unless the caller says otherwise: more would only take more memory.
const BATCH: usize = 64;
/// Images that go through the network together where a drawing can be stopped: it ends after so many.
const PIECE: usize = 32;
/// The noise that pictures of ε̂ show: ± this many standard deviations.
pub const EPS_RANGE: f32 = 3.0;

/// A drawing of images that can be carried out.
#[derive(Debug)]
pub struct Drawing<'a> {
    denoiser: &'a Denoiser,
    schedule: Schedule,
    settings: SamplingSettings,
    batch: usize,
    stop: Option<&'a AtomicBool>,
    origin: Option<Origin>,
}

impl<'a> Drawing<'a> {
    /// Draws with `denoiser` under the schedule that it was trained with.
    ///
    /// # Errors
    /// When that schedule is wrong.
    pub fn new(denoiser: &'a Denoiser, settings: &SamplingSettings) -> Result<Self> {
        let schedule = Schedule::from_settings(&denoiser.settings().diffusion)?;
        note_settings(&Settings { sampling: settings.clone(), ..denoiser.settings().clone() });
        Ok(Self { denoiser, schedule, settings: settings.clone(), batch: BATCH, stop: None, origin: None })
    }

    /// Begins with an image, noised to its timestep, instead of with noise.
    pub fn from_origin(mut self, origin: Option<Origin>) -> Self {
        self.origin = origin;
        self
    }

    /// Takes all images through the network together, so that each frame shows all of them.
    pub fn in_one_batch(mut self) -> Self {
        self.batch = self.settings.count.max(1);
        self
    }

    /// Ends with [`Error::Cancelled`] soon after `stop` is set, also in the middle of a network call on many images.
    pub fn stopped_by(mut self, stop: &'a AtomicBool) -> Self {
        self.stop = Some(stop);
        self
    }

    /// How many batches the images are cut into.
    pub fn batches(&self) -> usize {
        self.settings.count.div_ceil(self.batch)
    }

    /// T of the schedule.
    pub fn timesteps(&self) -> usize {
        self.schedule.timesteps()
    }

    /// The class asked of each image; none if the network does not know classes.
    pub fn classes(&self) -> Vec<Option<u8>> {
        let (model, count) = (self.denoiser.settings(), self.settings.count);
        match &self.origin {
            Some(origin) if self.settings.classes == ClassChoice::Each => {
                let known = |class: &u8| model.network.classes && model.data.digits.contains(*class);
                vec![origin.class.filter(known); count]
            }
            _ => classes(self.settings.classes, model, count),
        }
    }

    /// Network calls for each image.
    pub fn steps(&self) -> usize {
        self.plan().len()
    }

    fn plan(&self) -> Vec<usize> {
        match &self.origin {
            Some(origin) => plan_from(&self.settings, &self.schedule, origin.t - 1),
            None => plan(&self.settings, &self.schedule),
        }
    }

    /// Draws all images, `[N, 1, H, W]` in about [-1, 1].
    ///
    /// `on_frame` is called after each network call with the index of the batch's first image; an error from it ends
    /// the drawing. Image i depends on the seed and i alone, not on the count.
    ///
    /// # Errors
    /// What `on_frame` returned, or when the device has no room.
    pub fn run(&self, on_frame: &mut dyn FnMut(usize, Frame) -> Result<()>) -> Result<Tensor> {
        let classes = self.classes();
        let mut parts = Vec::new();
        for first in (0..self.settings.count).step_by(self.batch) {
            let count = self.batch.min(self.settings.count - first);
            let mut on_frame = |frame: Frame| on_frame(first, frame);
            parts.push(self.batch(first, &classes[first..first + count], &mut on_frame)?);
        }
        Ok(Tensor::cat(&parts, 0)?)
    }

    /// Draws the images `first..first + count` alone; each is as [`run`](Self::run) draws it.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn part(&self, first: usize, count: usize) -> Result<Tensor> {
        self.batch(first, &self.classes()[first..first + count], &mut |_| Ok(()))
    }

    /// The network's output, for so many images together that it can be stopped soon.
    fn predict(&self, x_t: &Tensor, t: usize, classes: &[Option<u8>]) -> Result<Tensor> {
        let guidance = self.guidance(t);
        let Some(stop) = self.stop else { return self.denoiser.predict(x_t, t, classes, guidance) };
        let mut parts = Vec::new();
        for (i, classes) in classes.chunks(PIECE).enumerate() {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Cancelled);
            }
            let x_t = x_t.narrow(0, i * PIECE, classes.len())?;
            parts.push(self.denoiser.predict(&x_t, t, classes, guidance)?);
        }
        Ok(Tensor::cat(&parts, 0)?)
    }

    /// The guidance at timestep `t`: none outside the interval of noise levels that the settings name.
    fn guidance(&self, t: usize) -> f64 {
        let sigma = (-0.5 * self.schedule.log_snr(t)).exp();
        let inside = self.settings.guidance_interval.is_none_or(|[low, high]| (low..=high).contains(&sigma));
        if inside { self.settings.guidance } else { 0.0 }
    }

    fn batch(
        &self,
        first: usize,
        classes: &[Option<u8>],
        on_frame: &mut dyn FnMut(Frame) -> Result<()>,
    ) -> Result<Tensor> {
        let size = self.denoiser.settings().data.image_size;
        let shape = Shape::from((classes.len(), 1, size, size));
        let mut calls = 0;
        let mut noise = |shape: &Shape| {
            calls += 1;
            self.noise(shape, first, calls)
        };
        let mut start = noise(&shape)?;
        if let Some(Origin { picture, t, .. }) = &self.origin {
            let x0: Vec<f32> = picture.pixels.iter().map(|&pixel| f32::from(pixel) / 127.5 - 1.0).collect();
            let x0 = Tensor::from_vec(x0, (1, 1, size, size), self.denoiser.device())?.broadcast_as(&shape)?;
            start = q_sample(&self.schedule, &x0, &[t - 1], &start)?;
        }
        let mut model = |x_t: &Tensor, t: usize| self.predict(x_t, t, classes);
        let prediction = self.denoiser.settings().diffusion.prediction;
        let process = Process { schedule: &self.schedule, prediction, thresholding: self.settings.thresholding };
        sample_along(&self.settings, &process, &self.plan(), &mut model, &start, &mut noise, on_frame)
    }

    /// The `call`-th noise of the images from `first` on: each image has its own stream.
    fn noise(&self, shape: &Shape, first: usize, call: u64) -> Result<Tensor> {
        let images = shape.dims()[0];
        let mut values = vec![0.0f32; shape.elem_count()];
        let size = values.len() / images.max(1);
        values.par_chunks_mut(size.max(1)).enumerate().for_each(|(i, values)| {
            call_noise(self.settings.seed, first + i, call).fill_normal(values);
        });
        Ok(Tensor::from_vec(values, shape, self.denoiser.device())?)
    }
}

/// The class asked of each of `count` images of a model: the digits that it learned in turn, or the one that is wanted.
pub fn classes(choice: ClassChoice, model: &Settings, count: usize) -> Vec<Option<u8>> {
    let learned: Vec<u8> = model.data.digits.iter().collect();
    (0..count)
        .map(|i| match choice {
            _ if !model.network.classes => None,
            ClassChoice::Each => learned.get(i % learned.len().max(1)).copied(),
            ClassChoice::Only(class) => Some(class),
        })
        .collect()
}

/// Images `[N, 1, H, W]` in [-1, 1] as pictures.
///
/// # Errors
/// When the tensor has another shape or cannot be read.
pub fn pictures(images: &Tensor) -> Result<Pictures> {
    scaled_pictures(images, 1.0)
}

/// As [`pictures`], for values in [-scale, scale].
///
/// # Errors
/// When the tensor has another shape or cannot be read.
pub fn scaled_pictures(images: &Tensor, scale: f32) -> Result<Pictures> {
    let (_, _, height, width) = images.dims4()?;
    let mut values: Vec<f32> = images.flatten_all()?.to_vec1()?;
    if scale != 1.0 {
        values.iter_mut().for_each(|value| *value /= scale);
    }
    Ok(Pictures::from_unit(&values, height, width))
}
