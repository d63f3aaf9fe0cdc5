//! Which settings cannot work, and why: found before anything starts.

mod setting;

use std::fmt;

pub use setting::Setting;

use super::{Architecture, Budget, CLASS_COUNT, ClassChoice, LogitNormal, SamplerKind, ScheduleKind, Settings, Subset};

/// A value that cannot work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub setting: Setting,
    /// What is wrong, with the value.
    pub what: String,
    /// What would work.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting.flag(), self.what)
    }
}

/// Largest T that is offered; the schedule and the recorded frames stay small.
pub const MAX_TIMESTEPS: usize = 4000;
/// Largest batch: beyond it a step takes longer than a person waits.
pub const MAX_BATCH: usize = 4096;
/// Longest training in minutes: ten weeks.
const MAX_MINUTES: f64 = 100_000.0;
/// Longest time between two grids or two evaluations, seconds: a day.
const MAX_INTERVAL: f64 = 86_400.0;
/// Most images that the held-out loss is measured on, all of which are kept: those of MNIST.
const MAX_HELD_OUT: usize = 10_000;
/// Most that the films of a run may take on disk, MB.
const MAX_FILM_MEGABYTES: u64 = 65_536;
/// Largest number of images of one request on the command line.
pub const MAX_SAMPLES: usize = 100_000;
/// Largest number of images that are drawn and recorded for the window: every frame holds all of them.
pub const MAX_RECORDED: usize = 256;

/// Bounds of a U-Net, far beyond what images of digits need: settings can come from anybody's file.
pub const MAX_LEVELS: usize = 8;
pub const MAX_LAYERS: usize = 64;
pub const MAX_CHANNELS: usize = 1 << 14;
/// Largest height and width of the images of a network that others trained.
pub const MAX_IMAGE_SIZE: usize = 1024;

impl Settings {
    /// Every value that a run cannot work with. `available` is the number of training images, when known.
    pub fn problems(&self, available: Option<usize>) -> Vec<Problem> {
        let mut found = Found(Vec::new());
        self.data_problems(available, &mut found);
        self.diffusion_problems(&mut found);
        self.network_problems(&mut found);
        self.training_problems(&mut found);
        found.0
    }

    /// Every value that this model cannot be drawn with, of at most `most` images a request.
    pub fn sampling_problems(&self, most: usize) -> Vec<Problem> {
        let mut found = Found(Vec::new());
        let (s, timesteps) = (&self.sampling, self.diffusion.timesteps);
        // DDPM takes all of them, whatever the steps say.
        if s.sampler != SamplerKind::Ddpm {
            let what = match s.steps {
                0 => "0 sampling steps".into(),
                steps => format!("{steps} steps, the model has {timesteps} timesteps"),
            };
            let fine = (1..=timesteps).contains(&s.steps);
            found.unless(fine, Setting::SampleSteps, what, format!("use 1 to T = {timesteps}"));
        }
        found.unless(
            (1..=most).contains(&s.count),
            Setting::SampleCount,
            format!("{} images", s.count),
            format!("use 1 to {most}"),
        );
        found.unless((0.0..=1.0).contains(&s.eta), Setting::Eta, format!("η = {}", s.eta), "use 0 to 1");
        let guidance = format!("guidance {}", s.guidance);
        found.unless((0.0..=20.0).contains(&s.guidance), Setting::Guidance, guidance, "use 0 to 20");
        if let Some([low, high]) = s.guidance_interval {
            found.unless(
                low >= 0.0 && low < high && high.is_finite(),
                Setting::GuidanceInterval,
                format!("noise levels from {low} to {high}"),
                "use two numbers from 0 up, the smaller first, such as 0.2,3",
            );
        }
        if let ClassChoice::Only(class) = s.classes {
            found.unless(class <= 9, Setting::Class, format!("class {class}"), "use 0 to 9, or each");
            let unknown = "the model does not know classes";
            found.unless(self.network.classes, Setting::Class, unknown, "ask for no single digit");
            let learned = self.data.digits;
            found.unless(
                class > 9 || learned.contains(class),
                Setting::Class,
                format!("the model never saw a {class}"),
                format!("it learned {learned}"),
            );
        }
        found.0
    }

    /// What is wrong if the network is to be told classes that these images do not have.
    pub fn class_problem(&self, images: &crate::data::Dataset) -> Option<Problem> {
        let fits = !self.network.classes || images.has_classes(CLASS_COUNT);
        (!fits).then(|| Problem {
            setting: Setting::Classes,
            what: format!("the images of {} have no classes 0 to 9", images.name),
            hint: "train without classes (--classes off), or sort the images into folders 0 to 9".into(),
        })
    }

    fn data_problems(&self, available: Option<usize>, found: &mut Found) {
        if let Subset::First(n) | Subset::Shuffled(n) = self.data.subset {
            found.unless(n >= 1, Setting::Subset, "the subset has no images", "use at least 1 image");
            if let Some(available) = available {
                found.unless(
                    n <= available,
                    Setting::Subset,
                    format!("{n} images asked for, the data has {available}"),
                    format!("use at most {available}"),
                );
            }
        }
        found.unless(
            self.data.held_out <= MAX_HELD_OUT,
            Setting::HeldOut,
            format!("{} images held out", self.data.held_out),
            format!("use at most {MAX_HELD_OUT}"),
        );
        let none = "no digit to learn from is chosen";
        found.unless(!self.data.digits.is_empty(), Setting::Digits, none, "choose at least one");
        found.unless(
            matches!(self.data.image_size, 28 | 32),
            Setting::ImageSize,
            format!("{} is not a size that the presets draw", self.data.image_size),
            "use 28 or 32",
        );
    }

    fn diffusion_problems(&self, found: &mut Found) {
        let d = &self.diffusion;
        found.unless(
            (2..=MAX_TIMESTEPS).contains(&d.timesteps),
            Setting::Timesteps,
            format!("T = {} is out of range", d.timesteps),
            format!("use 2 to {MAX_TIMESTEPS}"),
        );
        if d.schedule == ScheduleKind::Linear {
            let inside = |beta: f64| beta > 0.0 && beta < 1.0;
            let range = "a variance: more than 0, less than 1";
            found.unless(
                inside(d.beta_start),
                Setting::BetaStart,
                format!("β₀ = {} is out of range", d.beta_start),
                range,
            );
            found.unless(inside(d.beta_end), Setting::BetaEnd, format!("β₁ = {} is out of range", d.beta_end), range);
            found.unless(
                !inside(d.beta_start) || !inside(d.beta_end) || d.beta_start <= d.beta_end,
                Setting::BetaStart,
                format!("β₀ = {} is larger than β₁ = {}", d.beta_start, d.beta_end),
                "noise must grow: choose β₀ ≤ β₁",
            );
        }
    }

    fn network_problems(&self, found: &mut Found) {
        match &self.network.architecture {
            Architecture::Compact(config) => found.unless(
                (16..=MAX_CHANNELS).contains(&config.channels) && config.channels.is_multiple_of(16),
                Setting::Network,
                format!("{} channels cannot be normalised and attended to", config.channels),
                format!("use a multiple of 16, at most {MAX_CHANNELS}"),
            ),
            Architecture::UNet(config) => {
                let levels = config.block_out_channels.len();
                found.unless(
                    levels >= 1 && config.attention.len() == levels && config.layers_per_block >= 1,
                    Setting::Network,
                    "the U-Net's lists of levels do not match",
                    "give each level its channels and whether it attends",
                );
                found.unless(
                    config.norm_num_groups >= 1
                        && config.block_out_channels.iter().all(|c| *c > 0 && c.is_multiple_of(config.norm_num_groups)),
                    Setting::Network,
                    format!(
                        "the channels {:?} are not multiples of the {} groups",
                        config.block_out_channels, config.norm_num_groups
                    ),
                    "use channels that the number of groups divides",
                );
                found.unless(
                    levels <= MAX_LEVELS
                        && config.layers_per_block <= MAX_LAYERS
                        && (1..=MAX_CHANNELS).contains(&config.attention_head_dim)
                        && config.block_out_channels.iter().all(|channels| *channels <= MAX_CHANNELS)
                        && config.time_embedding_dim.is_none_or(|width| (1..=MAX_CHANNELS).contains(&width))
                        && config.attn_norm_num_groups.is_none_or(|groups| {
                            groups >= 1 && config.block_out_channels.last().is_some_and(|c| c.is_multiple_of(groups))
                        }),
                    Setting::Network,
                    "the U-Net is larger than any, or has attention that cannot be",
                    format!(
                        "use up to {MAX_LEVELS} levels of {MAX_LAYERS} blocks and {MAX_CHANNELS} channels, heads of 1 or more"
                    ),
                );
                found.unless(
                    config.norm_eps > 0.0 && config.norm_eps <= 1.0 && (0.0..1.0).contains(&config.dropout),
                    Setting::Network,
                    format!("a normalisation by {} and a dropout of {}", config.norm_eps, config.dropout),
                    "use an ε of more than 0, such as 0.00001, and a dropout of 0 to 0.99",
                );
                found.unless(
                    matches!(config.patch_size, 1 | 2),
                    Setting::Network,
                    format!("patches of {} pixels", config.patch_size),
                    "use 1 or 2",
                );
                if levels <= MAX_LEVELS && config.patch_size <= 2 {
                    let shrink = config.patch_size.max(1) << levels.saturating_sub(1);
                    found.unless(
                        self.data.image_size.is_multiple_of(shrink),
                        Setting::ImageSize,
                        format!("{} pixels cannot be halved as often as the U-Net does", self.data.image_size),
                        format!("use a multiple of {shrink}"),
                    );
                }
            }
            Architecture::DiffUNet => found.unless(
                !self.network.classes,
                Setting::Classes,
                "DiffUNet does not know classes",
                "train it without classes, or choose another preset",
            ),
        }
    }

    fn training_problems(&self, found: &mut Found) {
        let t = &self.training;
        match t.budget {
            Budget::Epochs(n) => found.unless(n >= 1, Setting::Epochs, "no epochs", "use at least 1"),
            Budget::Steps(n) => found.unless(n >= 1, Setting::Steps, "no steps", "use at least 1"),
            Budget::Minutes(m) => {
                let fine = m > 0.0 && m <= MAX_MINUTES;
                found.unless(fine, Setting::Minutes, format!("{m} minutes"), "use more than 0 and at most 100000");
            }
        }
        found.unless(
            (1..=MAX_BATCH).contains(&t.batch_size),
            Setting::BatchSize,
            format!("a batch of {} images", t.batch_size),
            format!("use 1 to {MAX_BATCH}"),
        );
        found.unless(
            t.learning_rate > 0.0 && t.learning_rate <= 1.0,
            Setting::LearningRate,
            format!("a learning rate of {}", t.learning_rate),
            "use more than 0 and at most 1; 0.0001 to 0.004 is usual",
        );
        found.unless(
            t.muon_learning_rate > 0.0 && t.muon_learning_rate <= 1.0,
            Setting::MuonLearningRate,
            format!("a learning rate of {} for Muon", t.muon_learning_rate),
            "use more than 0 and at most 1; 0.01 to 0.05 is usual",
        );
        found.unless(
            (0.0..1.0).contains(&t.muon_momentum),
            Setting::MuonMomentum,
            format!("a momentum of {} for Muon", t.muon_momentum),
            "use 0 to 0.99; 0.95 is usual, less where a run is short",
        );
        let LogitNormal { mean, deviation, uniform_share } = t.logit_normal;
        found.unless(
            (-5.0..=5.0).contains(&mean),
            Setting::TimestepMean,
            format!("ln(t/(T − t)) around {mean}"),
            "use -5 to 5; 0 is the middle timestep, more is more noise",
        );
        found.unless(
            deviation > 0.0 && deviation <= 5.0,
            Setting::TimestepDeviation,
            format!("a deviation of {deviation} of ln(t/(T − t))"),
            "use more than 0 and at most 5; 1 is usual",
        );
        found.unless(
            (0.0..=1.0).contains(&uniform_share),
            Setting::TimestepUniform,
            format!("a share of {uniform_share} of uniform timesteps"),
            "use 0 to 1",
        );
        // Adam divides by 1 − β.
        for (setting, name, beta) in [(Setting::Beta1, "β₁", t.beta1), (Setting::Beta2, "β₂", t.beta2)] {
            found.unless((0.0..1.0).contains(&beta), setting, format!("Adam's {name} = {beta}"), "use 0 to 0.9999");
        }
        let share = |x: f64| (0.0..=1.0).contains(&x);
        let zero_to_one = "use 0 to 1";
        found.unless(
            t.weight_decay >= 0.0 && t.weight_decay.is_finite(),
            Setting::WeightDecay,
            format!("a weight decay of {}", t.weight_decay),
            "use 0 or more",
        );
        found.unless(
            share(t.decay_fraction),
            Setting::DecayFraction,
            format!("a share of {}", t.decay_fraction),
            zero_to_one,
        );
        found.unless(
            t.clip_norm >= 0.0,
            Setting::ClipNorm,
            format!("a norm of {}", t.clip_norm),
            "use 0 for none, 1 as usual",
        );
        found.unless(
            (0.0..1.0).contains(&t.ema_decay),
            Setting::EmaDecay,
            format!("an EMA decay of {}", t.ema_decay),
            "use 0 to 0.99999",
        );
        found.unless(
            (0.0..1.0).contains(&t.class_dropout),
            Setting::ClassDropout,
            format!("a probability of {}", t.class_dropout),
            "use 0 to 0.99",
        );
        found.unless(t.checkpoint_every >= 1, Setting::CheckpointEvery, "a checkpoint every 0 steps", "use at least 1");
        for (setting, seconds) in [(Setting::Preview, t.preview_seconds), (Setting::EvalEvery, t.eval_seconds)] {
            found.unless(
                (0.0..=MAX_INTERVAL).contains(&seconds),
                setting,
                format!("every {seconds} seconds"),
                "use 0 for never, or up to 86400 seconds",
            );
        }
        found.unless(
            t.film_megabytes <= MAX_FILM_MEGABYTES,
            Setting::Films,
            format!("films of up to {} MB", t.film_megabytes),
            format!("use 0 for none, or up to {MAX_FILM_MEGABYTES} MB"),
        );
    }
}

struct Found(Vec<Problem>);

impl Found {
    fn unless(&mut self, fine: bool, setting: Setting, what: impl Into<String>, hint: impl Into<String>) {
        if !fine {
            self.0.push(Problem { setting, what: what.into(), hint: hint.into() });
        }
    }
}

#[cfg(test)]
mod tests;
