//! The presets: named starting points, every value of which can be changed.

use serde::{Deserialize, Serialize};

use super::{
    Architecture, Budget, ClassChoice, CompactConfig, DataSettings, DataSource, DiffusionSettings, Digits, LogitNormal,
    NetworkSettings, OptimizerKind, Prediction, SamplerKind, SamplingSettings, ScheduleKind, Settings, Subset,
    Thresholding, TimestepSampling, TrainingSettings, UNetConfig, WeightsKind,
};

/// Minutes of a night.
const OVERNIGHT: f64 = 480.0;

/// A named set of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// The smallest network that still draws digits: a first look within 30 seconds.
    Nano,
    /// All ten digits in two minutes on two cores.
    Small,
    /// The block layout of diffusers' `UNet2DModel`: best pictures, overnight.
    Base,
    /// The original experiment: `DiffUNet` on 1,000 images for 5 epochs.
    Seed,
}

impl Preset {
    /// All presets, smallest first.
    pub const ALL: [Self; 4] = [Self::Nano, Self::Small, Self::Base, Self::Seed];

    /// What a person is offered: presets by the time that they take, and the original experiment.
    pub fn offers() -> [(Self, Budget); 5] {
        let usual = |preset: Self| (preset, preset.settings().training.budget);
        [
            usual(Self::Nano),
            usual(Self::Small),
            (Self::Small, Budget::Minutes(10.0)),
            usual(Self::Base),
            usual(Self::Seed),
        ]
    }

    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nano => "nano",
            Self::Small => "small",
            Self::Base => "base",
            Self::Seed => "seed",
        }
    }

    /// The values of this preset.
    pub fn settings(self) -> Settings {
        match self {
            Self::Nano => nano(),
            Self::Small => small(),
            Self::Base => base(),
            Self::Seed => seed(),
        }
    }
}

impl Settings {
    /// The same network, data and budget, learned as the reference learns: ε at uniform timesteps of the linear
    /// schedule by Adam at 1e-4, in batches of 32, without a moving average; drawn in all T steps without guidance.
    pub fn by_reference_recipe(mut self) -> Self {
        let reference = seed();
        self.diffusion = reference.diffusion;
        let own = self.training;
        self.training = TrainingSettings {
            budget: own.budget,
            checkpoint_every: own.checkpoint_every,
            preview_seconds: own.preview_seconds,
            eval_seconds: own.eval_seconds,
            film_megabytes: own.film_megabytes,
            seed: own.seed,
            ..reference.training
        };
        self.sampling = SamplingSettings { count: self.sampling.count, ..reference.sampling };
        self
    }
}

fn small() -> Settings {
    Settings {
        preset: Preset::Small,
        data: DataSettings {
            source: DataSource::Mnist,
            subset: Subset::All,
            digits: Digits::ALL,
            image_size: 28,
            held_out: 256,
        },
        diffusion: DiffusionSettings {
            timesteps: 1000,
            schedule: ScheduleKind::Cosine,
            beta_start: 1e-4,
            beta_end: 0.02,
            prediction: Prediction::V,
        },
        network: NetworkSettings { architecture: Architecture::Compact(CompactConfig { channels: 32 }), classes: true },
        training: TrainingSettings {
            budget: Budget::Minutes(2.0),
            batch_size: 64,
            optimizer: OptimizerKind::Muon,
            learning_rate: 2e-3,
            muon_learning_rate: 0.02,
            muon_momentum: 0.9,
            beta1: 0.9,
            beta2: 0.99,
            weight_decay: 0.01,
            warmup_steps: 40,
            decay_fraction: 0.6,
            clip_norm: 1.0,
            ema_decay: 0.998,
            timestep_sampling: TimestepSampling::LogitNormal,
            logit_normal: LogitNormal { mean: 0.6, deviation: 0.65, uniform_share: 0.1 },
            class_dropout: 0.1,
            checkpoint_every: 500,
            preview_seconds: 2.0,
            eval_seconds: 15.0,
            film_megabytes: 64,
            seed: 42,
        },
        sampling: SamplingSettings {
            sampler: SamplerKind::Ddim,
            steps: 24,
            eta: 1.0,
            guidance: 0.2,
            guidance_interval: None,
            thresholding: Thresholding::Static,
            weights: WeightsKind::Ema,
            count: 64,
            classes: ClassChoice::Each,
            seed: 0,
        },
    }
}

fn nano() -> Settings {
    let mut settings = small();
    settings.preset = Preset::Nano;
    settings.network.architecture = Architecture::Compact(CompactConfig { channels: 16 });
    settings.training.budget = Budget::Minutes(0.5);
    settings.training.warmup_steps = 20;
    settings.training.preview_seconds = 1.0;
    settings.training.eval_seconds = 10.0;
    settings
}

fn base() -> Settings {
    let mut settings = small();
    settings.preset = Preset::Base;
    settings.data.image_size = 32;
    settings.network.architecture = Architecture::UNet(UNetConfig {
        patch_size: 1,
        block_out_channels: vec![64, 128, 128],
        layers_per_block: 2,
        attention: vec![false, false, true],
        mid_attention: true,
        attention_head_dim: 32,
        norm_num_groups: 8,
        norm_eps: 1e-5,
        scale_shift: true,
        dropout: 0.0,
        attn_norm_num_groups: None,
        time_embedding_dim: None,
    });
    settings.training.budget = Budget::Minutes(OVERNIGHT);
    settings.training.learning_rate = 5e-4;
    settings.training.warmup_steps = 500;
    settings.training.muon_momentum = 0.95;
    settings.training.logit_normal = LogitNormal::default();
    settings.training.ema_decay = 0.9995;
    settings.training.preview_seconds = 60.0;
    settings.training.eval_seconds = 120.0;
    settings
}

fn seed() -> Settings {
    Settings {
        preset: Preset::Seed,
        data: DataSettings {
            source: DataSource::Mnist,
            subset: Subset::First(1000),
            digits: Digits::ALL,
            image_size: 32,
            held_out: 64,
        },
        diffusion: DiffusionSettings {
            timesteps: 1000,
            schedule: ScheduleKind::Linear,
            beta_start: 1e-4,
            beta_end: 0.02,
            prediction: Prediction::Eps,
        },
        network: NetworkSettings { architecture: Architecture::DiffUNet, classes: false },
        training: TrainingSettings {
            budget: Budget::Epochs(5),
            batch_size: 32,
            optimizer: OptimizerKind::AdamW,
            learning_rate: 1e-4,
            muon_learning_rate: 0.02,
            muon_momentum: 0.95,
            beta1: 0.9,
            beta2: 0.999,
            weight_decay: 0.0,
            warmup_steps: 0,
            decay_fraction: 0.0,
            clip_norm: 0.0,
            ema_decay: 0.0,
            timestep_sampling: TimestepSampling::Uniform,
            logit_normal: LogitNormal::default(),
            class_dropout: 0.0,
            checkpoint_every: 40,
            preview_seconds: 0.0,
            eval_seconds: 0.0,
            film_megabytes: 0,
            seed: 42,
        },
        sampling: SamplingSettings {
            sampler: SamplerKind::Ddpm,
            steps: 1000,
            eta: 0.0,
            guidance: 0.0,
            guidance_interval: None,
            thresholding: Thresholding::Static,
            weights: WeightsKind::Raw,
            count: 8,
            classes: ClassChoice::Each,
            seed: 0,
        },
    }
}
