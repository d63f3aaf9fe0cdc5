//! A run from its first step, or its checkpoint, to the end of its budget: the training loop, top to bottom.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::Device;

use super::checkpoint::Checkpoint;
use super::examination::Examination;
use super::folder::{RunFile, RunFolder, newest_checkpoint, read_run_file, write_run_file};
use super::metrics::StepReport;
use super::pace::Pace;
use super::trainer::Trainer;
use crate::config::{ClassChoice, SamplerKind, SamplingSettings, Settings, Thresholding, WeightsKind};
use crate::data::Splits;
use crate::eval::QuickEval;
use crate::pictures::Pictures;
use crate::sampling::{Drawing, pictures};
use crate::{Error, Result};

/// Steps between two measurements of the held-out loss.
const HELD_OUT_EVERY: u64 = 100;
/// Time that passes between two grids, or two checkpoints, as a multiple of what the last one took: under 4 %.
const REST: u32 = 25;
/// Longest time between two checkpoints, unless writing one takes long.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);
/// Network calls for each image of a grid: enough to see the digits form.
const PREVIEW_STEPS: usize = 8;
/// Images of a grid.
const PREVIEW_COUNT: usize = 64;
/// How often the metrics are made visible to readers of the file.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// What happens in a run, for whoever watches it.
#[derive(Debug)]
pub enum RunEvent {
    Step(StepReport),
    HeldOut { step: u64, loss: f64 },
    Preview { step: u64, pictures: Arc<Pictures>, classes: Vec<Option<u8>> },
    Evaluated { step: u64, eval: QuickEval },
    Checkpointed { step: u64, path: PathBuf },
}

/// What the watcher wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    Continue,
    /// End the run now, keeping a checkpoint.
    Stop,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The budget is spent.
    Completed,
    /// The watcher asked for it.
    Stopped,
}

/// A run: a trainer and the folder that it writes to.
#[derive(Debug)]
pub struct Run {
    pub trainer: Trainer,
    pub folder: RunFolder,
    last_checkpoint: Option<u64>,
}

impl Run {
    /// A new run in the folder `out`.
    ///
    /// # Errors
    /// When the settings cannot work or the folder cannot be written or holds a run already.
    pub fn create(settings: &Settings, splits: &Splits, out: &Path, device: &Device) -> Result<Self> {
        let trainer = Trainer::new(settings, splits, device)?;
        let file = RunFile {
            version: env!("CARGO_PKG_VERSION").into(),
            settings: settings.clone(),
            dataset: splits.train.name.clone(),
            images: trainer.image_count(),
            parameters: trainer.parameters(),
        };
        let folder = RunFolder::create(out, &file)?;
        folder.log(&format!("started: {} weights, {} images", file.parameters, file.images));
        Ok(Self { trainer, folder, last_checkpoint: None })
    }

    /// The run in the folder `path` from its newest checkpoint; also says so when that was not the last one written.
    /// `adjust` may change the recorded settings (the budget, say); `load` gets the data set that they name.
    ///
    /// # Errors
    /// When there is no checkpoint, or it does not fit.
    pub fn resume(
        path: &Path,
        adjust: impl FnOnce(&Settings) -> Result<Settings>,
        load: impl FnOnce(&Settings) -> Result<Splits>,
        device: &Device,
    ) -> Result<(Self, Option<String>)> {
        let mut file = read_run_file(path)?;
        let (checkpoint, from, notice) = newest_checkpoint(path)?;
        let step = checkpoint.step;
        let settings = adjust(&file.settings)?;
        let trainer = restore(&settings, checkpoint, &from, &load(&settings)?, device)?;
        if settings != file.settings {
            file.settings = settings;
            write_run_file(path, &file)?;
        }
        let folder = RunFolder::resume(path, step)?;
        folder.log(&format!("resumed at step {step}"));
        if let Some(notice) = &notice {
            folder.log(notice);
        }
        Ok((Self { trainer, folder, last_checkpoint: Some(step) }, notice))
    }

    /// Trains until the budget is spent or the watcher stops it, and leaves a checkpoint of the last step.
    ///
    /// # Errors
    /// When training diverges, the disk does not take what is written, or the watcher fails. The last checkpoint
    /// stays.
    pub fn train(&mut self, watch: &mut dyn FnMut(RunEvent, &Trainer) -> Result<Control>) -> Result<Outcome> {
        let mut preview = Preview::new(&self.trainer);
        let mut examination = Examination::new(&self.trainer);
        let mut checkpoints = Pace::new(CHECKPOINT_INTERVAL, REST, CHECKPOINT_INTERVAL);
        let mut flushed = Instant::now();
        let mut outcome = Outcome::Completed;
        while self.trainer.progress() < 1.0 {
            let report = self.trainer.step()?;
            self.folder.add_step(&report)?;
            let mut control = watch(RunEvent::Step(report), &self.trainer)?;
            let extra = Instant::now();
            let mut events = Vec::new();
            if report.step % HELD_OUT_EVERY == 0
                && let Some(loss) = self.trainer.held_out_loss()?
            {
                self.folder.add_held_out(report.step, loss)?;
                events.push(RunEvent::HeldOut { step: report.step, loss });
            }
            if let Some((pictures, classes)) = preview.draw_if_due(&self.trainer)? {
                self.folder.add_grid(report.step, &pictures)?;
                events.push(RunEvent::Preview { step: report.step, pictures: Arc::new(pictures), classes });
            }
            if let Some(eval) = examination.judge_if_due(&self.trainer)? {
                self.folder.add_eval(report.step, &eval)?;
                events.push(RunEvent::Evaluated { step: report.step, eval });
            }
            let scheduled = report.step % self.trainer.settings().training.checkpoint_every == 0;
            if scheduled || checkpoints.is_due() {
                events.push(checkpoints.spend(|| self.checkpoint())?);
            }
            if flushed.elapsed() >= FLUSH_EVERY {
                self.folder.flush()?;
                flushed = Instant::now();
            }
            self.trainer.add_time(extra.elapsed());
            for event in events {
                if watch(event, &self.trainer)? == Control::Stop {
                    control = Control::Stop;
                }
            }
            if control == Control::Stop && self.trainer.progress() < 1.0 {
                outcome = Outcome::Stopped;
                break;
            }
        }
        if self.last_checkpoint != Some(self.trainer.step_count()) {
            let event = self.checkpoint()?;
            watch(event, &self.trainer)?;
        }
        self.folder.log(&format!("{outcome:?} at step {}", self.trainer.step_count()));
        Ok(outcome)
    }

    fn checkpoint(&mut self) -> Result<RunEvent> {
        let step = self.trainer.step_count();
        let path = self.folder.checkpoint(&self.trainer)?;
        self.last_checkpoint = Some(step);
        Ok(RunEvent::Checkpointed { step, path })
    }
}

fn restore(
    settings: &Settings,
    checkpoint: Checkpoint,
    from: &Path,
    splits: &Splits,
    device: &Device,
) -> Result<Trainer> {
    let mut expected = settings.clone();
    // How long a run goes on and how often it is kept and judged may change from one start to the next.
    expected.training.budget = checkpoint.settings.training.budget;
    expected.training.checkpoint_every = checkpoint.settings.training.checkpoint_every;
    expected.training.eval_seconds = checkpoint.settings.training.eval_seconds;
    if expected != checkpoint.settings {
        return Err(Error::format(
            from,
            "its settings are not those of run.json",
            "put back the run.json that belongs to this checkpoint",
        ));
    }
    let mut trainer = Trainer::new(settings, splits, device)?;
    checkpoint.restore(&mut trainer, from)?;
    Ok(trainer)
}

/// The grid that is drawn from the same noise as training goes on.
struct Preview {
    settings: SamplingSettings,
    /// None: no grids.
    pace: Option<Pace>,
}

impl Preview {
    fn new(trainer: &Trainer) -> Self {
        let seconds = trainer.settings().training.preview_seconds;
        let settings = SamplingSettings {
            sampler: SamplerKind::DpmPp,
            steps: PREVIEW_STEPS,
            eta: 0.0,
            guidance: 0.0,
            guidance_interval: None,
            thresholding: Thresholding::Static,
            weights: WeightsKind::Ema,
            count: PREVIEW_COUNT,
            classes: ClassChoice::Each,
            seed: 0,
        };
        let pace = (seconds > 0.0).then(|| Duration::from_secs_f64(seconds));
        let pace = pace.map(|interval| Pace::new(interval, REST, interval / 4));
        Self { settings, pace }
    }

    fn draw_if_due(&mut self, trainer: &Trainer) -> Result<Option<(Pictures, Vec<Option<u8>>)>> {
        let Some(pace) = self.pace.as_mut().filter(|pace| pace.is_due()) else { return Ok(None) };
        pace.spend(|| {
            let denoiser = trainer.denoiser(self.settings.weights)?;
            let drawing = Drawing::new(&denoiser, &self.settings)?;
            let images = drawing.run(&mut |_, _| Ok(()))?;
            Ok(Some((pictures(&images)?, drawing.classes())))
        })
    }
}
