//! The settings that `diffuscope train` takes, and how they change a preset or a recorded run.

use clap::Args;

use super::super::value::{self, SubsetSize};
use crate::config::{
    Budget, DataSource, Digits, OptimizerKind, Prediction, Preset, ScheduleKind, Settings, Subset, TimestepSampling,
    TrainingSettings,
};
use crate::data::network;
use crate::error::{Error, Result};

/// The settings that were typed; what is `None` keeps the preset's value.
#[derive(Debug, Clone, PartialEq, Default, Args)]
pub struct TrainFlags {
    /// The values to start from; each can be changed by the flags below
    #[arg(long, value_name = "NAME", value_parser = value::one_of(value::PRESETS))]
    pub preset: Option<Preset>,

    /// Learn as the reference does, on the preset's network: noise ε, linear β, uniform timesteps, Adam at 1e-4, batches of 32, no moving average
    #[arg(long)]
    pub reference_recipe: bool,

    /// mnist, a folder of images or of IDX files, or an IDX file
    #[arg(long, value_name = "mnist|PATH", value_parser = value::data)]
    pub data: Option<DataSource>,

    /// Train on the first N images, or on all
    #[arg(long, value_name = "N|all", allow_hyphen_values = true, value_parser = value::subset)]
    pub subset: Option<SubsetSize>,

    /// Take the subset's images at random, by the seed, instead of the first
    #[arg(long)]
    pub shuffle_subset: bool,

    /// Learn from these digits alone, such as 3,7
    #[arg(long, value_name = "DIGITS", value_parser = value::digits)]
    pub digits: Option<Digits>,

    /// Height and width of the images in pixels: 28 or 32
    #[arg(long, value_name = "PIXELS", allow_hyphen_values = true, value_parser = value::count)]
    pub image_size: Option<usize>,

    /// T, the number of noise levels: 2 to 4000
    #[arg(long, value_name = "T", allow_hyphen_values = true, value_parser = value::count)]
    pub timesteps: Option<usize>,

    /// How the noise grows with the timestep
    #[arg(long, value_name = "NAME", value_parser = value::one_of(value::SCHEDULES))]
    pub schedule: Option<ScheduleKind>,

    /// β of the first timestep; chooses the linear schedule
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = value::real)]
    pub beta_start: Option<f64>,

    /// β of the last timestep; chooses the linear schedule
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = value::real)]
    pub beta_end: Option<f64>,

    /// What the network learns to predict
    #[arg(long, value_name = "NAME", value_parser = value::one_of(value::PREDICTIONS))]
    pub prediction: Option<Prediction>,

    /// Whether the network is told which digit to draw
    #[arg(long, value_name = "on|off", value_parser = value::one_of(value::SWITCH))]
    pub classes: Option<bool>,

    /// Stop after N passes over the images
    #[arg(long, value_name = "N", allow_hyphen_values = true, conflicts_with_all = ["steps", "minutes"], value_parser = value::whole)]
    pub epochs: Option<u64>,

    /// Stop after N steps
    #[arg(long, value_name = "N", allow_hyphen_values = true, conflicts_with = "minutes", value_parser = value::whole)]
    pub steps: Option<u64>,

    /// Stop after M minutes of training
    #[arg(long, value_name = "M", allow_hyphen_values = true, value_parser = value::real)]
    pub minutes: Option<f64>,

    /// Images a step
    #[arg(long, value_name = "B", allow_hyphen_values = true, value_parser = value::count)]
    pub batch_size: Option<usize>,

    /// The learning rate
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = value::real)]
    pub lr: Option<f64>,

    /// How the gradient becomes a step
    #[arg(long, value_name = "NAME", value_parser = value::one_of(value::OPTIMIZERS))]
    pub optimizer: Option<OptimizerKind>,

    /// The learning rate of the matrices that Muon steps
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = value::real)]
    pub muon_lr: Option<f64>,

    /// Memory of the mean of the gradient that Muon steps by
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = value::real)]
    pub muon_momentum: Option<f64>,

    /// Steps over which the learning rates rise from 0
    #[arg(long, value_name = "STEPS", allow_hyphen_values = true, value_parser = value::whole)]
    pub warmup: Option<u64>,

    /// The ln(t/(T − t)) around which timesteps are drawn: 0 is the middle timestep, more is more noise
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = value::real)]
    pub logit_mean: Option<f64>,

    /// How far around it they are drawn, a standard deviation
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = value::real)]
    pub logit_std: Option<f64>,

    /// Share of the images whose timestep is drawn from all alike, 0 to 1
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true, value_parser = value::real)]
    pub uniform_t: Option<f64>,

    /// Steps between checkpoints
    #[arg(long, value_name = "STEPS", allow_hyphen_values = true, value_parser = value::whole)]
    pub checkpoint_every: Option<u64>,

    /// Seconds between two quick evaluations of drawn digits; 0: never
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true, value_parser = value::real)]
    pub eval_every: Option<f64>,

    /// Most that the films of its learning may take on disk, to scrub through in the window; 0: none
    #[arg(long, value_name = "MB", allow_hyphen_values = true, value_parser = value::whole)]
    pub films: Option<u64>,

    /// Where all randomness comes from: the same seed gives the same bytes
    #[arg(long, value_name = "S", allow_hyphen_values = true, value_parser = value::whole)]
    pub seed: Option<u64>,
}

impl TrainFlags {
    /// The settings of a new run: `settings` with every typed value in its place.
    ///
    /// # Errors
    /// Flags that contradict each other, and the first of [`Settings::problems`].
    pub fn applied_to(&self, settings: Settings) -> Result<Settings> {
        let changed = self.placed_in(if self.reference_recipe { settings.by_reference_recipe() } else { settings })?;
        Self::checked(changed)
    }

    fn checked(changed: Settings) -> Result<Settings> {
        // The one source whose size is known before it is read.
        let available = (changed.data.source == DataSource::Mnist).then(|| changed.data.digits.in_mnist());
        changed.problems(available).into_iter().next().map_or(Ok(changed), |problem| Err(Error::Setting(problem)))
    }

    /// The settings of a resumed run: as `recorded`, except how long it goes on and how often it is kept and judged.
    ///
    /// The command that started the run may be repeated in full; only a flag that differs is refused.
    ///
    /// # Errors
    /// As [`TrainFlags::applied_to`], and flags that would make it another run.
    pub fn resumed(&self, recorded: &Settings) -> Result<Settings> {
        let changed = Self::checked(self.placed_in(recorded.clone())?)?;
        let (was, now) = (recorded, &changed);
        let kept = [
            ("--preset", self.preset.is_none_or(|preset| preset == was.preset)),
            ("--reference-recipe", !self.reference_recipe || follows_the_reference(was)),
            ("--data", now.data.source == was.data.source),
            ("--subset", now.data.subset == was.data.subset),
            ("--digits", now.data.digits == was.data.digits),
            ("--image-size", now.data.image_size == was.data.image_size),
            ("--timesteps", now.diffusion.timesteps == was.diffusion.timesteps),
            ("--beta-start", self.beta_start.is_none() || now.diffusion == was.diffusion),
            ("--beta-end", self.beta_end.is_none() || now.diffusion == was.diffusion),
            ("--schedule", now.diffusion.schedule == was.diffusion.schedule),
            ("--prediction", now.diffusion.prediction == was.diffusion.prediction),
            ("--classes", now.network.classes == was.network.classes),
            ("--batch-size", now.training.batch_size == was.training.batch_size),
            ("--lr", now.training.learning_rate == was.training.learning_rate),
            ("--optimizer", now.training.optimizer == was.training.optimizer),
            ("--muon-lr", now.training.muon_learning_rate == was.training.muon_learning_rate),
            ("--muon-momentum", now.training.muon_momentum == was.training.muon_momentum),
            ("--warmup", now.training.warmup_steps == was.training.warmup_steps),
            ("--logit-mean", now.training.logit_normal.mean == was.training.logit_normal.mean),
            ("--logit-std", now.training.logit_normal.deviation == was.training.logit_normal.deviation),
            ("--uniform-t", now.training.logit_normal == was.training.logit_normal),
            ("--seed", now.training.seed == was.training.seed),
        ];
        match kept.iter().find(|(_, same)| !same) {
            Some((flag, _)) => Err(Error::usage(
                format!("{flag} differs from the run that is resumed"),
                format!("leave {flag} out, or start a new run in another folder"),
            )),
            None => Ok(changed),
        }
    }

    fn placed_in(&self, mut settings: Settings) -> Result<Settings> {
        let Settings { data, diffusion, network, training, .. } = &mut settings;
        put(&self.source()?, &mut data.source);
        put(&self.image_size, &mut data.image_size);
        put(&self.digits, &mut data.digits);
        data.subset = self.subset(data.subset)?;

        put(&self.timesteps, &mut diffusion.timesteps);
        diffusion.schedule = self.schedule(diffusion.schedule)?;
        put(&self.beta_start, &mut diffusion.beta_start);
        put(&self.beta_end, &mut diffusion.beta_end);
        put(&self.prediction, &mut diffusion.prediction);

        put(&self.classes, &mut network.classes);

        let epochs = self.epochs.map(Budget::Epochs);
        let budget = epochs.or(self.steps.map(Budget::Steps)).or(self.minutes.map(Budget::Minutes));
        put(&budget, &mut training.budget);
        put(&self.batch_size, &mut training.batch_size);
        put(&self.lr, &mut training.learning_rate);
        put(&self.optimizer, &mut training.optimizer);
        put(&self.muon_lr, &mut training.muon_learning_rate);
        put(&self.muon_momentum, &mut training.muon_momentum);
        put(&self.warmup, &mut training.warmup_steps);
        put(&self.logit_mean, &mut training.logit_normal.mean);
        put(&self.logit_std, &mut training.logit_normal.deviation);
        put(&self.uniform_t, &mut training.logit_normal.uniform_share);
        self.unused(training)?;
        put(&self.checkpoint_every, &mut training.checkpoint_every);
        put(&self.eval_every, &mut training.eval_seconds);
        put(&self.films, &mut training.film_megabytes);
        put(&self.seed, &mut training.seed);
        Ok(settings)
    }

    /// Refuses a flag that would change nothing: it was meant for something.
    fn unused(&self, training: &TrainingSettings) -> Result<()> {
        let muon = training.optimizer == OptimizerKind::Muon;
        let preferred = training.timestep_sampling == TimestepSampling::LogitNormal;
        let (by_adamw, by_chance) = ("every weight is stepped by AdamW", "all timesteps are drawn alike");
        let flags = [
            ("--muon-lr", self.muon_lr.is_some() && !muon, by_adamw, "--optimizer muon"),
            ("--muon-momentum", self.muon_momentum.is_some() && !muon, by_adamw, "--optimizer muon"),
            ("--logit-mean", self.logit_mean.is_some() && !preferred, by_chance, "--preset small"),
            ("--logit-std", self.logit_std.is_some() && !preferred, by_chance, "--preset small"),
            ("--uniform-t", self.uniform_t.is_some() && !preferred, by_chance, "--preset small"),
        ];
        match flags.iter().find(|(_, unused, ..)| *unused) {
            Some((flag, _, why, instead)) => {
                Err(Error::usage(format!("{flag}: {why}"), format!("leave it out, or use {instead}")))
            }
            None => Ok(()),
        }
    }

    /// The data's path in full, so that the run can be resumed from another folder.
    fn source(&self) -> Result<Option<DataSource>> {
        Ok(match &self.data {
            Some(DataSource::Path(path)) => {
                network::name(path);
                Some(DataSource::Path(std::path::absolute(path).map_err(Error::read(path))?))
            }
            other => other.clone(),
        })
    }

    fn subset(&self, before: Subset) -> Result<Subset> {
        let subset = match self.subset {
            None => before,
            Some(SubsetSize(None)) => Subset::All,
            Some(SubsetSize(Some(n))) => Subset::First(n),
        };
        match (self.shuffle_subset, subset) {
            (false, subset) => Ok(subset),
            (true, Subset::First(n) | Subset::Shuffled(n)) => Ok(Subset::Shuffled(n)),
            (true, Subset::All) => {
                Err(Error::usage("--shuffle-subset: all images are used, there is nothing to choose", "add --subset N"))
            }
        }
    }

    /// β belongs to the linear schedule alone: typing it chooses that schedule.
    fn schedule(&self, before: ScheduleKind) -> Result<ScheduleKind> {
        let typed = [("--beta-start", self.beta_start), ("--beta-end", self.beta_end)];
        let Some((flag, _)) = typed.iter().find(|(_, beta)| beta.is_some()) else {
            return Ok(self.schedule.unwrap_or(before));
        };
        match self.schedule {
            None | Some(ScheduleKind::Linear) => Ok(ScheduleKind::Linear),
            Some(ScheduleKind::Cosine) => Err(Error::usage(
                format!("{flag} cannot be used with --schedule cosine"),
                format!("leave {flag} out, or use --schedule linear"),
            )),
        }
    }
}

/// Whether a run learns by the reference recipe, but for what other flags may set.
fn follows_the_reference(run: &Settings) -> bool {
    let mut recipe = run.clone().by_reference_recipe();
    recipe.diffusion = run.diffusion.clone();
    recipe.training.batch_size = run.training.batch_size;
    recipe.training.learning_rate = run.training.learning_rate;
    recipe.training.optimizer = run.training.optimizer;
    recipe.training.muon_learning_rate = run.training.muon_learning_rate;
    recipe.training.muon_momentum = run.training.muon_momentum;
    recipe.training.warmup_steps = run.training.warmup_steps;
    recipe.training.logit_normal = run.training.logit_normal;
    recipe == *run
}

fn put<T: Clone>(typed: &Option<T>, place: &mut T) {
    if let Some(value) = typed {
        place.clone_from(value);
    }
}

#[cfg(test)]
mod tests;
