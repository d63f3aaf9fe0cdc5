//! The works by which speed is measured and compared with other programs, on networks that no preset changes.

mod beside_window;
mod growth;
mod profile;

use std::time::Instant;

use candle_core::{Device, Tensor};
use serde::Serialize;

use crate::config::{
    Architecture, Budget, CLASS_COUNT, CompactConfig, OptimizerKind, Preset, Settings, Subset, TimestepSampling,
    WeightsKind,
};
use crate::data::idx::Images;
use crate::data::{Dataset, Splits};
use crate::model::Denoiser;
use crate::model::ops::kernels::product;
use crate::rng::Stream;
use crate::train::Trainer;
use crate::{Error, Result};

pub use beside_window::{BesideWindow, beside_window};
pub use growth::{Growth, grow};
pub use profile::{Profile, Row};

/// A piece of work that can be timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// One training step of the compact U-Net of 32 channels: batch 64 of 28×28, AdamW, clipping, moving average.
    SmallTrain,
    /// 16 calls of that network on 64 digits, without guidance.
    SmallSample,
    /// One call of `DiffUNet` on 32 images of 32×32.
    DiffUNetForward,
    /// One training step of it: mean square, clipping and Adam.
    DiffUNetTrain,
}

/// What a work took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    pub work: &'static str,
    /// The median and the least of the repeats, milliseconds.
    pub ms: f64,
    pub min_ms: f64,
    pub images_per_s: f64,
    pub threads: usize,
    /// Multiplications and additions of the network as it is defined, 10⁹ a second: fewer are carried out.
    pub gflops: f64,
    /// What matrix products reach on these threads, and what part of it `gflops` is.
    pub peak_gflops: f64,
    pub peak_share: f64,
}

/// Calls of the network in [`Work::SmallSample`].
const SAMPLE_CALLS: usize = 16;
const SMALL_BATCH: usize = 64;
const DIFFUNET_BATCH: usize = 32;
/// Repeats that are not counted: buffers are allocated and caches filled.
const WARM_UP: usize = 2;

impl Work {
    /// All works, in the order in which they are done.
    pub const ALL: [Self; 4] = [Self::SmallTrain, Self::SmallSample, Self::DiffUNetForward, Self::DiffUNetTrain];

    /// The name on the command line and in the result.
    pub fn name(self) -> &'static str {
        match self {
            Self::SmallTrain => "small-train",
            Self::SmallSample => "small-sample",
            Self::DiffUNetForward => "diffunet-forward",
            Self::DiffUNetTrain => "diffunet-train",
        }
    }

    fn batch(self) -> usize {
        match self {
            Self::SmallTrain | Self::SmallSample => SMALL_BATCH,
            Self::DiffUNetForward | Self::DiffUNetTrain => DIFFUNET_BATCH,
        }
    }

    /// Floating point operations of the network as it is defined, 10⁹: two for each weight that meets a value. A
    /// training step is three forward passes: the values, the gradient of the weights, the gradient of the values.
    fn gflop(self) -> f64 {
        /// One image through the compact U-Net.
        const SMALL_IMAGE: f64 = 0.057_3;
        /// One through `DiffUNet`.
        const DIFFUNET_IMAGE: f64 = 6.06;
        match self {
            Self::DiffUNetForward => DIFFUNET_IMAGE * DIFFUNET_BATCH as f64,
            Self::DiffUNetTrain => 3.0 * DIFFUNET_IMAGE * DIFFUNET_BATCH as f64,
            Self::SmallTrain => 3.0 * SMALL_IMAGE * SMALL_BATCH as f64,
            Self::SmallSample => SMALL_IMAGE * (SMALL_BATCH * SAMPLE_CALLS) as f64,
        }
    }

    /// The work, ready to be done again and again.
    fn prepare(self) -> Result<Box<dyn FnMut() -> Result<()>>> {
        let (settings, side) = match self {
            Self::SmallTrain | Self::SmallSample => (small(), 28),
            Self::DiffUNetForward | Self::DiffUNetTrain => (diffunet(), 32),
        };
        let mut trainer = Trainer::new(&settings, &random_images(side)?, &Device::Cpu)?;
        if matches!(self, Self::SmallTrain | Self::DiffUNetTrain) {
            return Ok(Box::new(move || trainer.step().map(drop)));
        }
        let denoiser = Denoiser::new(&settings, trainer.weights(WeightsKind::Raw)?, &Device::Cpu)?;
        let shape = (self.batch(), 1, side, side);
        let mut x = vec![0.0; self.batch() * side * side];
        Stream::new(0, "bench", 0).fill_normal(&mut x);
        let x = Tensor::from_vec(x, shape, &Device::Cpu)?;
        let classes: Vec<_> = (0..self.batch()).map(|i| Some((i % CLASS_COUNT) as u8)).collect();
        let calls = if self == Self::SmallSample { SAMPLE_CALLS } else { 1 };
        Ok(Box::new(move || (0..calls).try_for_each(|call| denoiser.predict(&x, 60 * call, &classes, 0.0).map(drop))))
    }

    /// Times the work on the CPU, with the threads of the present pool. `peak` is [`peak_gflops`].
    ///
    /// # Errors
    /// When the machine has no room.
    pub fn time(self, repeats: usize, peak: f64) -> Result<Timing> {
        let mut times = repeat(repeats, self.prepare()?)?;
        times.sort_by(f64::total_cmp);
        let (Some(least), Some(median)) = (times.first(), times.get(times.len() / 2)) else {
            return Err(Error::usage("nothing was timed", "use --repeats 1 or more"));
        };
        let gflops = self.gflop() / median;
        Ok(Timing {
            work: self.name(),
            ms: rounded(1e3 * median, 100.0),
            min_ms: rounded(1e3 * least, 100.0),
            images_per_s: rounded(self.batch() as f64 / median, 10.0),
            threads: rayon::current_num_threads(),
            gflops: rounded(gflops, 10.0),
            peak_gflops: rounded(peak, 10.0),
            peak_share: rounded(gflops / peak, 1000.0),
        })
    }
}

/// Matrix products on all threads of the present pool, each on matrices in its own cache: 10⁹ operations a second.
pub fn peak_gflops() -> f64 {
    const ROUNDS: usize = 8;
    const CALLS: usize = 40;
    let rates = (0..ROUNDS).map(|_| {
        let started = Instant::now();
        let operations: f64 = rayon::broadcast(|_| product::exercise(CALLS)).into_iter().sum();
        1e-9 * operations / started.elapsed().as_secs_f64()
    });
    rates.fold(0.0, f64::max)
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

/// Seconds of each call of `work`.
fn repeat(count: usize, mut work: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    for _ in 0..WARM_UP {
        work()?;
    }
    (0..count)
        .map(|_| {
            let started = Instant::now();
            work()?;
            Ok(started.elapsed().as_secs_f64())
        })
        .collect()
}

/// The settings of the network that the peer calls small, whatever the preset of that name becomes.
fn small() -> Settings {
    let mut settings = Preset::Small.settings();
    settings.data.subset = Subset::All;
    settings.data.image_size = 28;
    settings.data.held_out = 0;
    settings.network.architecture = Architecture::Compact(CompactConfig { channels: 32 });
    settings.network.classes = true;
    let training = &mut settings.training;
    training.batch_size = SMALL_BATCH;
    training.budget = Budget::Steps(1_000_000);
    training.optimizer = OptimizerKind::AdamW;
    training.clip_norm = 1.0;
    training.ema_decay = 0.99;
    training.timestep_sampling = TimestepSampling::Uniform;
    settings
}

/// The settings of the reference recipe, with the clipping that the peer does as well.
fn diffunet() -> Settings {
    let mut settings = Preset::Seed.settings();
    settings.data.subset = Subset::All;
    settings.data.image_size = 32;
    settings.data.held_out = 0;
    settings.network.architecture = Architecture::DiffUNet;
    settings.network.classes = false;
    let training = &mut settings.training;
    training.batch_size = DIFFUNET_BATCH;
    training.budget = Budget::Steps(1_000_000);
    training.clip_norm = 1.0;
    training.ema_decay = 0.0;
    settings
}

/// Images of noise: what they show does not change the time.
fn random_images(side: usize) -> Result<Splits> {
    const COUNT: usize = 256;
    let mut stream = Stream::new(0, "bench images", 0);
    let pixels = (0..COUNT * side * side).map(|_| stream.bits() as u8).collect();
    let labels = (0..COUNT).map(|i| (i % CLASS_COUNT) as u8).collect();
    let images = Images { count: COUNT, height: side, width: side, pixels };
    let origin = std::path::Path::new("bench");
    let train = Dataset::from_idx("noise", images, Some(labels), origin)?;
    Ok(Splits { test: train.clone(), train })
}
