//! The training step (Ho et al. 2020, algorithm 1) and everything that it changes.

use std::collections::HashMap;
use std::time::Duration;

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor};

use super::examples::{Draw, Examples, Purpose, training_timesteps};
use super::learning_rate::learning_rate_share;
use super::loss_by_timestep::ByTimestep;
use super::metrics::StepReport;
use super::optim::Optimizer;
use super::room;
use super::worked_example::WorkedExample;
use super::working_time::WorkingTime;
use crate::config::{Budget, Settings, TimestepSampling, WeightsKind};
use crate::data::{Batches, Dataset, Splits};
use crate::device::instead_of_lost;
use crate::diffusion::{Schedule, l_simple, l_simple_each, timesteps};
use crate::model::ops::{self, Tape};
use crate::model::params::Params;
use crate::model::{Denoiser, Dropout, Network};
use crate::pictures::Pictures;
use crate::profile::{self, Pass};
use crate::rng::Stream;
use crate::{Error, Result};

/// What one batch says about the weights.
struct Gradient {
    loss: f64,
    /// The loss of each image, and its timestep.
    each: Vec<(usize, f32)>,
    gradients: GradStore,
    /// Global norm.
    norm: f64,
}

/// A batch with the network's answer.
struct Judged {
    /// L_simple, to take the gradient of.
    loss: Tensor,
    /// L_simple of each image.
    each: Vec<f32>,
    /// `[B, 1, H, W]`, outside the graph.
    answer: Tensor,
}

/// A network in training. Everything it does follows from the settings, the data and the number of steps done.
#[derive(Debug)]
pub struct Trainer {
    settings: Settings,
    schedule: Schedule,
    data: Dataset,
    batches: Batches,
    /// In the memory of the machine, where they outlast a device that is lost.
    held_out: Vec<Examples>,
    network: Network,
    pub(super) optimizer: Optimizer,
    device: Device,
    /// Time spent on training; pauses, and sleep of the machine, not counted.
    pub(super) elapsed: Duration,
    working: WorkingTime,
    /// The losses since they were last taken.
    by_timestep: ByTimestep,
    /// Whether an image of the next step is kept to be looked at.
    shows_next: bool,
    worked: Option<WorkedExample>,
    /// How often the learning rates of the settings were halved because training diverged.
    pub(super) halvings: u32,
}

impl Trainer {
    /// Before the first step: weights drawn from the seed.
    ///
    /// # Errors
    /// The first of the settings' problems, or when the device has no room.
    pub fn new(settings: &Settings, splits: &Splits, device: &Device) -> Result<Self> {
        if let Some(problem) = settings.problems(None).into_iter().next() {
            return Err(Error::Setting(problem));
        }
        let seed = settings.training.seed;
        let schedule = Schedule::from_settings(&settings.diffusion)?;
        let chosen = splits.chosen(&settings.data, seed)?;
        let unknown = [&chosen.train, &chosen.test].into_iter().find_map(|images| settings.class_problem(images));
        if let Some(problem) = unknown {
            return Err(Error::Setting(problem));
        }
        room::check(settings, device)?;
        let data = chosen.train.resized(settings.data.image_size)?;
        let (network, optimizer) = before_the_first_step(settings, device)?;
        Ok(Self {
            held_out: held_out(settings, &schedule, &chosen.test)?,
            batches: Batches::new(chosen.train.len(), settings.training.batch_size, seed),
            optimizer,
            settings: settings.clone(),
            schedule,
            data,
            network,
            device: device.clone(),
            elapsed: Duration::ZERO,
            working: WorkingTime::default(),
            by_timestep: ByTimestep::default(),
            shows_next: false,
            worked: None,
            halvings: 0,
        })
    }

    /// Goes back to before the first step.
    ///
    /// # Errors
    /// When the device has no room.
    pub(super) fn restart(&mut self) -> Result<()> {
        (self.network, self.optimizer) = before_the_first_step(&self.settings, &self.device)?;
        self.elapsed = Duration::ZERO;
        Ok(())
    }

    /// Leaves a device that is lost: everything is on the CPU then, as before the first step.
    ///
    /// # Errors
    /// When there is no room.
    pub(super) fn restart_on_cpu(&mut self) -> Result<()> {
        self.device = instead_of_lost();
        self.restart()
    }

    /// One optimizer step.
    ///
    /// # Errors
    /// [`Error::Diverged`] when the loss or the gradient is not finite; the weights are then as before.
    pub fn step(&mut self) -> Result<StepReport> {
        let started = std::time::Instant::now();
        let step = self.step_count();
        let Gradient { loss, each, gradients, norm } = self.gradient()?;
        let training = &self.settings.training;
        let share = learning_rate_share(training, step, self.progress()) * self.rate_share();
        profile::part("optimizer", Pass::Once, || self.optimizer.update(&gradients, norm, share))?;
        each.iter().for_each(|&(t, loss)| self.by_timestep.add(t, self.schedule.timesteps(), loss));
        self.elapsed += self.working.of_step(started.elapsed());
        Ok(StepReport {
            step: step + 1,
            epoch: self.batches.epoch_at(step + 1),
            images: (step + 1) * training.batch_size as u64,
            loss,
            lr: training.learning_rate * share,
            grad_norm: norm,
            seconds: self.elapsed.as_secs_f64(),
            progress: self.progress(),
        })
    }

    /// Share of the settings' learning rates that is left after the halvings.
    pub(super) fn rate_share(&self) -> f64 {
        0.5f64.powi(self.halvings as i32)
    }

    /// Says whether the last step left every weight a finite number.
    ///
    /// # Errors
    /// [`Error::Diverged`] where it did not.
    pub(super) fn check_weights(&self) -> Result<()> {
        if self.optimizer.is_finite()? {
            return Ok(());
        }
        Err(Error::Diverged { step: self.step_count(), quantity: "a weight" })
    }

    /// The loss and its gradient on the next batch.
    fn gradient(&mut self) -> Result<Gradient> {
        #[cfg(test)]
        crate::device::faults::at_step()?;
        let training = &self.settings.training;
        let step = self.step_count();
        let indices = self.batches.indices(step);
        let timesteps = training_timesteps(&self.settings, step);
        let draw = Draw {
            data: &self.data,
            indices: &indices,
            timesteps: &timesteps,
            class_dropout: training.class_dropout,
            seed: training.seed,
            batch: step,
            purpose: Purpose::Training,
        };
        let examples =
            profile::part("batch", Pass::Once, || draw.examples(&self.settings, &self.schedule, &self.device))?;
        let dropout = Dropout::new(training.seed, step);
        let (Judged { loss, each, answer }, tape) = Tape::record(|| self.loss(&examples, Some(&dropout)))?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        let diverged = |quantity| Error::Diverged { step: step + 1, quantity };
        if !value.is_finite() {
            return Err(diverged("the loss"));
        }
        if std::mem::take(&mut self.shows_next) {
            let pixels = self.data.image(indices[0] as usize).to_vec();
            let x0 = Pictures { width: self.data.width, height: self.data.height, pixels };
            self.worked = Some(WorkedExample::of_first((step + 1, timesteps[0], each[0]), x0, &examples, &answer)?);
        }
        let gradients = tape.backward(&loss)?;
        let norm = profile::part("gradient norm", Pass::Once, || self.optimizer.gradient_norm(&gradients))?;
        if !norm.is_finite() {
            return Err(diverged("the gradient"));
        }
        let each = timesteps.into_iter().zip(each).collect();
        Ok(Gradient { loss: value, each, gradients, norm })
    }

    /// The work of the next step but for the change of the weights, for the time that it takes.
    ///
    /// # Errors
    /// As [`Trainer::step`].
    pub(super) fn trial(&mut self) -> Result<()> {
        self.gradient().map(drop)
    }

    /// What the network makes of a batch.
    fn loss(&self, examples: &Examples, dropout: Option<&Dropout>) -> Result<Judged> {
        let prediction = self.network.forward(&examples.x_t, &examples.t, examples.classes.as_ref(), dropout)?;
        let answer = prediction.detach();
        let each = l_simple_each(&answer, &examples.target)?.to_vec1()?;
        Ok(Judged { loss: ops::mean_square(&prediction, &examples.target)?, each, answer })
    }

    /// Keeps an image of the next step to be looked at.
    pub fn show_next_step(&mut self) {
        self.shows_next = true;
    }

    /// The image of a step that was [asked for](Self::show_next_step), once.
    pub fn take_worked_example(&mut self) -> Option<WorkedExample> {
        self.worked.take()
    }

    /// The losses by timestep of the images that were trained on since they were last taken.
    pub fn take_loss_by_timestep(&mut self) -> ByTimestep {
        std::mem::take(&mut self.by_timestep)
    }

    /// L_simple of the present weights on fixed (image, t, ε) of the test images; none when no images are held out.
    ///
    /// `listen` is called before each batch; an error from it ends the measurement.
    ///
    /// # Errors
    /// What `listen` returned, or when the device has no room.
    pub fn held_out_loss(&self, listen: &mut dyn FnMut() -> Result<()>) -> Result<Option<f64>> {
        let denoiser = self.network_for_drawing(WeightsKind::Raw)?;
        let (mut sum, mut count) = (0.0, 0);
        for examples in &self.held_out {
            listen()?;
            let examples = examples.on(&self.device)?;
            let batch = examples.x_t.dim(0)?;
            let prediction = denoiser.forward(&examples.x_t, &examples.t, examples.classes.as_ref(), None)?;
            sum += batch as f64 * f64::from(l_simple(&prediction, &examples.target)?.to_scalar::<f32>()?);
            count += batch;
        }
        Ok((count > 0).then(|| sum / count as f64))
    }

    /// The present weights, or their moving average, ready to draw.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn denoiser(&self, kind: WeightsKind) -> Result<Denoiser> {
        Denoiser::new(&self.settings, self.weights(kind)?, &self.device)
    }

    fn network_for_drawing(&self, kind: WeightsKind) -> Result<Network> {
        let weights = self.weights(kind)?;
        Ok(crate::model::params::on_weights(weights, &self.device, |vb| Network::new(&self.settings.network, &vb))?)
    }

    /// Copies of the weights, or of their moving average, by name. Without a moving average both are the same.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn weights(&self, kind: WeightsKind) -> Result<HashMap<String, Tensor>> {
        self.optimizer.copies(kind == WeightsKind::Ema)
    }

    /// Steps done.
    pub fn step_count(&self) -> u64 {
        self.optimizer.step
    }

    /// Share of the budget that is spent, 0 to 1.
    pub fn progress(&self) -> f64 {
        let spent = match self.settings.training.budget {
            Budget::Minutes(minutes) => self.elapsed.as_secs_f64() / (60.0 * minutes),
            Budget::Steps(steps) => self.step_count() as f64 / steps as f64,
            Budget::Epochs(epochs) => self.step_count() as f64 / self.batches.steps_for_epochs(epochs) as f64,
        };
        spent.min(1.0)
    }

    /// The number of steps in the budget, where it does not depend on the time they take.
    pub fn total_steps(&self) -> Option<u64> {
        match self.settings.training.budget {
            Budget::Minutes(_) => None,
            Budget::Steps(steps) => Some(steps),
            Budget::Epochs(epochs) => Some(self.batches.steps_for_epochs(epochs)),
        }
    }

    /// Counts time spent on the run outside the steps, such as drawing the grid, towards a budget of minutes.
    pub fn add_time(&mut self, spent: Duration) {
        self.elapsed += self.working.of_other(spent);
    }

    /// Seconds of training so far, pauses not counted.
    pub fn seconds(&self) -> f64 {
        self.elapsed.as_secs_f64()
    }

    /// Count of trainable values.
    pub fn parameters(&self) -> usize {
        self.optimizer.parameters()
    }

    /// Training images in use.
    pub fn image_count(&self) -> usize {
        self.data.len()
    }

    /// CRC-32 of the training images' pixels, eight hexadecimal digits: tells whether a resumed run has its data.
    pub fn images_crc32(&self) -> String {
        self.data.crc32()
    }

    /// The settings of the run.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The noise schedule of the run.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Where the weights are.
    pub fn device(&self) -> &Device {
        &self.device
    }
}

/// The network with weights drawn from the seed, and its optimizer.
fn before_the_first_step(settings: &Settings, device: &Device) -> Result<(Network, Optimizer)> {
    let Settings { network, training, .. } = settings;
    let (network, weights) = Params::fresh(training.seed, device, |vb| Network::new(network, &vb))?;
    Ok((network, Optimizer::new(weights, training)?))
}

/// Fixed noised test images, in batches, at the noise levels of training.
fn held_out(settings: &Settings, schedule: &Schedule, test: &Dataset) -> Result<Vec<Examples>> {
    /// The held-out loss must not depend on the run's seed, so that runs can be compared.
    const SEED: u64 = 0;
    /// Nor on its batch size.
    const BATCH: usize = 64;
    let count = settings.data.held_out.min(test.len());
    let indices: Vec<u32> = (0..count as u32).collect();
    let test = test.resized(settings.data.image_size)?;
    indices
        .chunks(BATCH)
        .enumerate()
        .map(|(batch, indices)| {
            let mut stream = Stream::new(SEED, "held-out timesteps", batch as u64);
            let training = &settings.training;
            // The noise levels that are trained on, so that the two losses compare; evenly where those come by chance.
            let sampling = match training.timestep_sampling {
                TimestepSampling::LogitNormal => TimestepSampling::LogitNormal,
                TimestepSampling::Uniform | TimestepSampling::Stratified => TimestepSampling::Stratified,
            };
            let (normal, timesteps) = (training.logit_normal, settings.diffusion.timesteps);
            let t = timesteps::draw(sampling, normal, timesteps, indices.len(), &mut stream);
            let draw = Draw {
                data: &test,
                indices,
                timesteps: &t,
                class_dropout: 0.0,
                seed: SEED,
                batch: batch as u64,
                purpose: Purpose::HeldOut,
            };
            draw.examples(settings, schedule, &Device::Cpu)
        })
        .collect()
}
