//! Every setting of a run as plain data: what the command line and the window change, and what `run.json` keeps.
//!
//! A preset ([`Preset`]) is only a set of values. [`Settings::problems`] says which values cannot work, beside
//! the setting they belong to, before anything starts.

mod digits;
mod foreign;
mod preset;
mod problems;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use digits::Digits;
pub use preset::Preset;
pub use problems::{
    MAX_BATCH, MAX_CHANNELS, MAX_IMAGE_SIZE, MAX_LAYERS, MAX_LEVELS, MAX_RECORDED, MAX_SAMPLES, MAX_TIMESTEPS, Problem,
    Setting,
};

/// All settings of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub preset: Preset,
    pub data: DataSettings,
    pub diffusion: DiffusionSettings,
    pub network: NetworkSettings,
    pub training: TrainingSettings,
    pub sampling: SamplingSettings,
}

/// Which images are learned from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataSettings {
    pub source: DataSource,
    pub subset: Subset,
    /// Those of the training and test images that show one of these; the subset is taken of them.
    #[serde(default)]
    pub digits: Digits,
    /// Height and width that the images are brought to, pixels: 28 or 32.
    pub image_size: usize,
    /// Images of the source's test part on which the held-out loss is measured.
    pub held_out: usize,
}

/// Where the images come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataSource {
    /// The MNIST that is inside the program: 60,000 for training, 10,000 for testing.
    Mnist,
    /// A folder of images or of IDX files, or one IDX file of images.
    Path(PathBuf),
}

/// Which of the source's training images are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subset {
    /// All of them.
    All,
    /// The first N, as the reference experiment does.
    First(usize),
    /// N drawn without replacement by the run's seed.
    Shuffled(usize),
}

/// The forward process and what the network predicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiffusionSettings {
    /// T, the number of timesteps: 2 to 4,000.
    pub timesteps: usize,
    pub schedule: ScheduleKind,
    /// β₀ of the linear schedule.
    pub beta_start: f64,
    /// β₁ of the linear schedule.
    pub beta_end: f64,
    pub prediction: Prediction,
}

/// How β grows with the timestep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// β from β₀ to β₁ in equal steps (Ho et al. 2020).
    Linear,
    /// ᾱ follows a squared cosine (Nichol & Dhariwal 2021, eq. 17).
    Cosine,
}

/// What the network's output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prediction {
    /// The noise ε (Ho et al. 2020).
    Eps,
    /// v = √ᾱ·ε − √(1−ᾱ)·x₀ (Salimans & Ho 2022).
    V,
}

/// The network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkSettings {
    pub architecture: Architecture,
    /// Whether the network is told which digit to draw.
    pub classes: bool,
}

/// The layouts of networks that can be trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// One residual block a level on 2×2 patches, attention at the bottom: see [`crate::model::compact`].
    Compact(CompactConfig),
    /// The block layout of diffusers' `UNet2DModel`: see [`crate::model::unet`].
    UNet(UNetConfig),
    /// deepinv's `DiffUNet`: see [`crate::model::diffunet`].
    DiffUNet,
}

/// Widths of the compact U-Net.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactConfig {
    /// Channels at full patch resolution; a multiple of 16. Level 1 has twice as many.
    pub channels: usize,
}

/// The parts of diffusers' `UNet2DModel` configuration that shape the network, under its names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UNetConfig {
    /// 2 to put a 2×2 space-to-depth at the network's input and its inverse at the output, else 1.
    pub patch_size: usize,
    pub block_out_channels: Vec<usize>,
    pub layers_per_block: usize,
    /// For each level, whether its blocks attend (`AttnDownBlock2D` and `AttnUpBlock2D`).
    pub attention: Vec<bool>,
    /// Whether the middle block attends.
    pub mid_attention: bool,
    /// Channels of one attention head.
    pub attention_head_dim: usize,
    pub norm_num_groups: usize,
    pub norm_eps: f64,
    /// `resnet_time_scale_shift == "scale_shift"`.
    pub scale_shift: bool,
    pub dropout: f64,
    /// Groups of the normalisation before the middle block's attention. `None`: as diffusers, `norm_num_groups` where
    /// the embedding is added, and no normalisation where it scales and shifts.
    #[serde(default)]
    pub attn_norm_num_groups: Option<usize>,
    /// Width of the timestep's embedding. `None`: four times the first channels.
    #[serde(default)]
    pub time_embedding_dim: Option<usize>,
}

/// How the weights are learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingSettings {
    pub budget: Budget,
    pub batch_size: usize,
    #[serde(default)]
    pub optimizer: OptimizerKind,
    /// AdamW's.
    pub learning_rate: f64,
    /// Muon's, for the matrices that it steps.
    #[serde(default = "usual_muon_learning_rate")]
    pub muon_learning_rate: f64,
    /// Memory of the mean of the gradient that Muon steps by.
    #[serde(default = "usual_muon_momentum")]
    pub muon_momentum: f64,
    pub beta1: f64,
    pub beta2: f64,
    /// AdamW's decoupled weight decay; 0 is Adam.
    pub weight_decay: f64,
    /// Steps over which the learning rate rises linearly from 0.
    pub warmup_steps: u64,
    /// Share of the budget, at its end, over which the learning rate falls linearly to 0.
    pub decay_fraction: f64,
    /// Largest global gradient norm; larger ones are scaled down to it. 0: no clipping.
    pub clip_norm: f64,
    /// Largest decay of the moving average of the weights; after k steps it is min(this, (1+k)/(10+k)).
    pub ema_decay: f64,
    pub timestep_sampling: TimestepSampling,
    /// Which noise levels [`TimestepSampling::LogitNormal`] prefers.
    #[serde(default)]
    pub logit_normal: LogitNormal,
    /// Probability that a training image's label is hidden, for classifier-free guidance.
    pub class_dropout: f64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Seconds between two drawings of the grid from the same noise; 0: never.
    pub preview_seconds: f64,
    /// Seconds between two quick evaluations of drawn digits; 0: never.
    #[serde(default)]
    pub eval_seconds: f64,
    /// Most that the films of the run may take on disk, MB of 2²⁰ bytes; 0: none are recorded.
    #[serde(default = "usual_film_megabytes")]
    pub film_megabytes: u64,
    pub seed: u64,
}

impl TrainingSettings {
    /// What is drawn with where `asked` is asked for: without a moving average, the weights as they are.
    pub fn drawn_with(&self, asked: WeightsKind) -> WeightsKind {
        if self.ema_decay > 0.0 { asked } else { WeightsKind::Raw }
    }
}

fn usual_film_megabytes() -> u64 {
    64
}

fn usual_muon_learning_rate() -> f64 {
    0.02
}

fn usual_muon_momentum() -> f64 {
    0.95
}

/// How the gradient becomes a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Every weight by AdamW (Loshchilov & Hutter 2019).
    #[default]
    AdamW,
    /// The matrices between many channels by Muon (Jordan et al. 2024), the rest by AdamW.
    Muon,
}

/// When training ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Passes over the training images.
    Epochs(u64),
    /// Optimizer steps.
    Steps(u64),
    /// Minutes of training, pauses not counted.
    Minutes(f64),
}

/// How the timesteps of a batch are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestepSampling {
    /// Each image independently and uniformly (Ho et al. 2020, algorithm 1).
    Uniform,
    /// Uniform, with one timestep from each of B equal strata: the same mean, less variance.
    Stratified,
    /// Stratified quantiles of t/T = sigmoid(N(m, s²)) (Esser et al. 2024), the noise levels around one more often, and
    /// for some of the images of all t alike.
    LogitNormal,
}

/// The normal distribution of ln(t / (T − t)) in [`TimestepSampling::LogitNormal`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LogitNormal {
    /// m: 0 is the middle timestep, more is more noise.
    pub mean: f64,
    /// s: how far around it.
    pub deviation: f64,
    /// Share of the images whose timestep is uniform instead: no noise level is left unlearned.
    #[serde(default)]
    pub uniform_share: f64,
}

impl Default for LogitNormal {
    fn default() -> Self {
        Self { mean: 0.0, deviation: 1.0, uniform_share: 0.0 }
    }
}

/// How images are drawn from a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SamplingSettings {
    pub sampler: SamplerKind,
    /// Network calls an image; DDPM takes T whatever this says.
    pub steps: usize,
    /// DDIM's η: 0 deterministic, 1 as random as DDPM.
    pub eta: f64,
    /// Classifier-free guidance w: v + w·(v − v_unconditional); 0 is none.
    pub guidance: f64,
    /// The noise levels σ = √(1−ᾱ)/√ᾱ, low to high, at which there is guidance (Kynkäänniemi et al. 2024); all if none.
    #[serde(default)]
    pub guidance_interval: Option<[f64; 2]>,
    #[serde(default)]
    pub thresholding: Thresholding,
    pub weights: WeightsKind,
    pub count: usize,
    pub classes: ClassChoice,
    pub seed: u64,
}

/// The reverse processes that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplerKind {
    Ddpm,
    Ddim,
    DpmPp,
    Heun,
}

/// How the network's guess of the image is brought into the range of images at each step of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thresholding {
    /// Not at all.
    None,
    /// Clamped.
    #[default]
    Static,
    /// Scaled so that nearly all of it fits (Saharia et al. 2022, section 2.3).
    Dynamic,
}

/// The trained weights or their moving average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightsKind {
    #[default]
    Ema,
    Raw,
}

/// Which digits are asked for, of a model that knows classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassChoice {
    /// The digits that the model learned in turn: 0, 1, … 9, 0, …
    Each,
    /// All the same digit.
    Only(u8),
}

/// Number of classes of the digit data sets.
pub const CLASS_COUNT: usize = 10;
