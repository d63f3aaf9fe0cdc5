//! The worker: carries out commands one after another; training and sampling look for new ones while they run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use candle_core::Device;
use crossbeam_channel::Receiver;

use super::sampling::Sampler;
use super::saving;
use super::training;
use super::{Activity, Command, Event, ModelReady, Outbox, Save};
use crate::config::SamplingSettings;
use crate::device::DeviceChoice;
use crate::trained::TrainedModel;
use crate::{Error, Result};

/// Carries out commands until their channel is closed. This is what [`Handle::spawn`](super::Handle::spawn) runs.
pub fn work(device: DeviceChoice) -> impl FnOnce(Receiver<Command>, Outbox) + Send + 'static {
    move |commands, out| {
        let device = match device.open() {
            Ok(opened) => {
                if let Some(notice) = opened.notice {
                    let _ = out.send(Event::Notice(notice));
                }
                opened.device
            }
            Err(error) => {
                report(&out, "opening the device", &error);
                Device::Cpu
            }
        };
        let mut worker = Worker { sampler: Sampler::new(out.clone()), out, device, model: None };
        while let Ok(command) = commands.recv() {
            worker.carry_out(command, &commands);
        }
        worker.sampler.cancel();
    }
}

/// What the worker keeps between commands.
pub(super) struct Worker {
    pub(super) out: Outbox,
    pub(super) device: Device,
    /// What sampling draws with when nothing is being trained.
    pub(super) model: Option<TrainedModel>,
    pub(super) sampler: Sampler,
}

impl Worker {
    /// One command outside a run. A failure, or a panic, becomes an event, and the next command starts afresh.
    fn carry_out(&mut self, command: Command, commands: &Receiver<Command>) {
        let during = name_of(&command);
        let result = catch_unwind(AssertUnwindSafe(|| match command {
            Command::Train { settings, out } => training::start(self, &settings, &out, commands),
            Command::ResumeRun { run } => training::resume(self, &run, commands),
            Command::Open { path } => self.open(&path),
            Command::Sample { settings } => self.sample(&settings),
            Command::CancelSampling => {
                self.sampler.cancel();
                Ok(())
            }
            Command::Save { what, path } => self.save(what, &path),
            // Nothing is being trained: these have nothing to act on.
            Command::Pause | Command::Continue | Command::Step | Command::Stop => Ok(()),
        }));
        let result = result.unwrap_or_else(|panic| Err(Error::from_panic(&*panic)));
        if let Err(error) = result {
            report(&self.out, during, &error);
        }
        let _ = self.out.send(Event::Activity(Activity::Idle));
    }

    fn open(&mut self, path: &Path) -> Result<()> {
        let _ = self.out.send(Event::Activity(Activity::Preparing));
        let (model, notice) = TrainedModel::open(path, &self.device)?;
        if let Some(notice) = notice {
            let _ = self.out.send(Event::Notice(notice));
        }
        self.set_model(model);
        Ok(())
    }

    /// Makes `model` the one that sampling draws with.
    pub(super) fn set_model(&mut self, model: TrainedModel) {
        let _ = self.out.send(Event::ModelReady(ModelReady {
            settings: Box::new(model.settings.clone()),
            step: model.step,
            parameters: model.parameters,
            source: model.source.clone(),
        }));
        self.model = Some(model);
    }

    fn sample(&mut self, settings: &SamplingSettings) -> Result<()> {
        let model = self.model.as_ref().ok_or_else(no_model)?;
        let denoiser = model.denoiser(settings.weights)?;
        self.sampler.start(denoiser, settings)
    }

    fn save(&mut self, what: Save, path: &Path) -> Result<()> {
        let weights = match &what {
            Save::Weights { kind } => {
                let model = self.model.as_ref().ok_or_else(no_model)?;
                Some(saving::NamedWeights::of(model.settings.clone(), model.weights(*kind))?)
            }
            _ => None,
        };
        saving::save(what, weights, path, &self.out)
    }
}

/// Tells the window of a failure.
pub(super) fn report(out: &Outbox, during: &'static str, error: &Error) {
    tracing::error!("{during}: {error}");
    let _ = out.send(Event::Failed { during, what: error.to_string(), hint: error.hint() });
}

/// There is nothing to draw with.
pub(super) fn no_model() -> Error {
    Error::usage("there is no trained model yet", "press Train, or open a run")
}

/// What the window says the command was doing when it failed.
pub(super) fn name_of(command: &Command) -> &'static str {
    match command {
        Command::Train { .. } => "starting the run",
        Command::ResumeRun { .. } => "resuming the run",
        Command::Open { .. } => "opening the model",
        Command::Sample { .. } | Command::CancelSampling => "sampling",
        Command::Save { .. } => "saving",
        Command::Pause | Command::Continue | Command::Step | Command::Stop => "training",
    }
}
