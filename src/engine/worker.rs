//! The worker: carries out commands one after another; training and sampling look for new ones while they run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use candle_core::Device;
use crossbeam_channel::Receiver;

use super::attached::Attached;
use super::copying::CopyFinder;
use super::looking::Looker;
use super::reading::{Inbox, Stops};
use super::sampling::{Beginning, Sampler, Source};
use super::{Activity, Command, DrawnFor, Event, ModelReady, Outbox, RunOpened, Save, Task};
use super::{naming, origin, runs, saving, training};
use crate::config::{ClassChoice, SamplingSettings, Settings, WeightsKind};
use crate::device::{DeviceChoice, LOST_DEVICE_HINT, describe_loss, instead_of_lost, is_lost};
use crate::sampling::classes;
use crate::train::Grid;
use crate::train::folder::{has_checkpoint, holds_run, in_use, read_run_file};
use crate::train::gallery::newest_grid;
use crate::train::history::History;
use crate::trained::{SHIPPED, TrainedModel};
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
                report(&out, Task::OpeningDevice, &error);
                Device::Cpu
            }
        };
        let sampler = Sampler::new(out.clone());
        let (copies, looker, stops) = (CopyFinder::default(), Looker::default(), Stops::default());
        let (grid_weights, attached) = (WeightsKind::default(), Attached::default());
        let mut worker = Worker { sampler, grid_weights, out, device, model: None, copies, looker, stops, attached };
        let mut commands = Inbox::new(commands);
        while let Ok(command) = commands.recv() {
            worker.carry_out(command, &mut commands);
        }
        worker.sampler.cancel();
        worker.sampler.cancel_grid();
        worker.attached.detach();
    }
}

/// What the worker keeps between commands.
pub(super) struct Worker {
    pub(super) out: Outbox,
    pub(super) device: Device,
    /// What sampling draws with when nothing is being trained.
    pub(super) model: Option<TrainedModel>,
    pub(super) sampler: Sampler,
    /// What the grid is drawn with.
    pub(super) grid_weights: WeightsKind,
    pub(super) copies: CopyFinder,
    pub(super) looker: Looker,
    pub(super) stops: Stops,
    attached: Attached,
}

impl Worker {
    /// One command outside a run. A failure, or a panic, becomes an event, and the next command starts afresh.
    fn carry_out(&mut self, command: Command, commands: &mut Inbox) {
        let during = task_of(&command);
        tracing::info!("{} began", during.words());
        if matches!(command, Command::Train { .. } | Command::ResumeRun { .. } | Command::Open { .. }) {
            self.attached.detach();
            self.sampler.cancel_grid();
        }
        let result = catch_unwind(AssertUnwindSafe(|| match command {
            Command::Train { settings, out } => training::start(self, &settings, &out, commands),
            Command::ResumeRun { run } => training::resume(self, &run, commands),
            Command::Attach { run } => {
                self.sampler.cancel_grid();
                self.attached.attach(&run, &self.out)
            }
            Command::Detach => {
                self.attached.detach();
                Ok(())
            }
            Command::Open { path } => self.open(&path),
            Command::Reopen { path } => self.reopen(&path),
            Command::OpenShipped => self.open_shipped(),
            Command::Sample { settings, why } => self.draw(&settings, Beginning::Noise, why),
            Command::Reverse { settings, origin } => self.draw(&settings, Beginning::Image(origin), DrawnFor::Person),
            Command::FindOrigin { pick, data, size } => origin::find(pick, data, size, &self.out, &self.stops),
            Command::Redraw { settings, generation } => {
                self.sampler.taken(generation);
                self.draw(&settings, Beginning::RoughLook, DrawnFor::Person)
            }
            Command::DrawGrid { weights, run } => self.draw_grid(weights, run.as_deref()),
            Command::CancelSampling => {
                self.sampler.cancel();
                Ok(())
            }
            Command::Save { what, path, replace } => self.save(what, &path, replace),
            Command::ReadProvenance { path } => saving::read_provenance(path, &self.out),
            Command::ListRuns { folder } => runs::list(folder, &self.out),
            Command::ReadRun { run } => runs::read(run, &self.out),
            Command::NameRun { run, name } => runs::name(run, name, None, &self.out),
            Command::DeleteRun { run } => runs::delete(run, None, &self.out),
            Command::LookForCopies { settings, picture } => {
                self.copies.look(&settings, picture, &self.out, &self.stops)
            }
            Command::NameDigits { pictures } => naming::name(pictures, &self.out),
            Command::ForgetData => {
                self.looker.forget();
                Ok(())
            }
            Command::StopReading => {
                self.stops.stop();
                Ok(())
            }
            Command::LookAtData { data, seed, again } => self.looker.look(*data, seed, again, &self.out, &self.stops),
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
        #[cfg(test)]
        self.out.panics.at(super::panics::Place::Loader);
        if path.is_dir() && holds_run(path) && in_use(path) {
            return self.attached.attach(path, &self.out);
        }
        let _ = self.out.send(Event::Activity(Activity::Preparing));
        let out = self.out.clone();
        let mut percent = 0;
        let mut on_progress = |done: u64, total: u64| {
            let now = done * 100 / total.max(1);
            if now > percent {
                percent = now;
                out.offer(Event::Reading { done, total });
            }
        };
        let (model, notice) = self.on_device(|device| TrainedModel::open_with(path, device, &mut on_progress))?;
        if let Some(notice) = notice {
            let _ = self.out.send(Event::Notice(notice));
        }
        if path.is_dir() && holds_run(path) {
            self.show_run(path, &model)?;
        }
        self.set_model(model, true);
        Ok(())
    }

    fn open_shipped(&mut self) -> Result<()> {
        let model = self.on_device(TrainedModel::shipped)?;
        self.set_model(model, true);
        Ok(())
    }

    /// Opens what was shown the last time. What is gone, or was closed before there was anything of it to open, is not missed.
    fn reopen(&mut self, path: &Path) -> Result<()> {
        let is_there =
            if holds_run(path) { in_use(path) || has_checkpoint(path).unwrap_or(true) } else { path.exists() };
        match is_there.then(|| self.open(path)) {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => report(&self.out, Task::OpeningModel, &error),
            None => {}
        }
        self.open_shipped()
    }

    /// Tells the window what a run folder holds beside its model.
    fn show_run(&self, path: &Path, model: &TrainedModel) -> Result<()> {
        let file = read_run_file(path)?;
        let history = History::read(path)?;
        let opened = RunOpened {
            run: path.to_path_buf(),
            settings: Box::new(file.settings),
            step: model.step,
            share: history.last.map_or(0.0, |last| last.progress),
            parameters: file.parameters,
            images: file.images,
        };
        let _ = self.out.send(Event::RunOpened(opened));
        let _ = self.out.send(Event::RunNamed { run: path.to_path_buf(), name: file.name });
        self.show_past(path, &model.settings, history);
        Ok(())
    }

    /// The losses, the newest grid and the films of a run that was trained before.
    pub(super) fn show_past(&self, path: &Path, settings: &Settings, history: History) {
        let _ = self.out.send(Event::History(history));
        if let Some((step, pictures)) = newest_grid(path, settings.data.image_size) {
            let classes = classes(ClassChoice::Each, settings, pictures.count());
            let weights = settings.training.drawn_with(WeightsKind::Ema);
            let _ = self.out.send(Event::Preview(Grid { step, pictures: Arc::new(pictures), classes, weights }));
        }
        if let Err(error) = runs::read_films(path.to_path_buf(), &self.out) {
            report(&self.out, Task::ReadingFilms, &error);
        }
    }

    /// Makes `model` the one that sampling draws with; `opened` as in [`ModelReady`].
    pub(super) fn set_model(&mut self, model: TrainedModel, opened: bool) {
        let _ = self.out.send(Event::ModelReady(ModelReady {
            settings: Box::new(model.settings.clone()),
            step: model.step,
            parameters: model.parameters,
            ships: model.source == Path::new(SHIPPED),
            source: model.source.clone(),
            opened,
        }));
        self.model = Some(model);
    }

    fn draw(&mut self, settings: &SamplingSettings, beginning: Beginning, why: DrawnFor) -> Result<()> {
        let model = self.model.clone().ok_or_else(no_model)?;
        let denoiser = self.on_device(|device| model.denoiser_on(settings.weights, device))?;
        let weights = model.weights(settings.weights).clone();
        let source = Source { denoiser, weights, model: model.name(), step: model.step };
        self.sampler.start(source, settings, beginning, why)
    }

    /// Draws the grid of a run that is not in progress: with its model at hand, or from its checkpoint.
    fn draw_grid(&mut self, weights: WeightsKind, run: Option<&Path>) -> Result<()> {
        self.grid_weights = weights;
        let Some(run) = run else { return Ok(()) };
        let model = match self.model.clone().filter(|model| model.is_of(run)) {
            Some(model) => model,
            None => self.on_device(|device| TrainedModel::open(run, device))?.0,
        };
        let weights = model.settings.training.drawn_with(weights);
        let denoiser = self.on_device(|device| model.denoiser_on(weights, device))?;
        let source =
            Source { denoiser, weights: model.weights(weights).clone(), model: model.name(), step: model.step };
        self.sampler.start_grid(source, weights)
    }

    /// Does work on the device. Where that is lost, the CPU is used from then on, and does the work again.
    pub(super) fn on_device<R>(&mut self, mut work: impl FnMut(&Device) -> Result<R>) -> Result<R> {
        if self.sampler.has_lost_device() {
            self.device = instead_of_lost();
        }
        #[cfg(test)]
        let lost = self.out.panics.device_at(super::panics::Place::Model);
        #[cfg(not(test))]
        let lost = Ok(());
        match lost.and_then(|()| work(&self.device)) {
            Err(error) if is_lost(&self.device, &error) => {
                self.device = instead_of_lost();
                tell_of_lost_device(&self.out, &error);
                work(&self.device)
            }
            result => result,
        }
    }

    fn save(&mut self, what: Save, path: &Path, replace: bool) -> Result<()> {
        let weights = match &what {
            Save::Weights { kind } => {
                let model = self.model.as_ref().ok_or_else(no_model)?;
                Some(saving::NamedWeights::of(model, *kind)?)
            }
            _ => None,
        };
        saving::save(what, weights, path, replace, &self.out)
    }
}

/// Tells the window of a failure.
pub(super) fn report(out: &Outbox, during: Task, error: &Error) {
    tracing::error!("{}: {error}", during.words());
    let _ = out.send(Event::Failed { during, what: error.to_string(), hint: error.hint() });
}

/// Tells the window that the CPU does again what a lost device did not do.
pub(super) fn tell_of_lost_device(out: &Outbox, loss: &Error) {
    let what = format!("{}; the CPU goes on from here, which is slower", describe_loss(loss));
    tracing::error!("{what}");
    let _ = out.send(Event::Failed { during: Task::Computing, what, hint: LOST_DEVICE_HINT.into() });
}

/// There is nothing to draw with.
pub(super) fn no_model() -> Error {
    Error::usage("there is no trained model yet", "press Train, or open a run")
}

/// What a command has the engine do.
pub(super) fn task_of(command: &Command) -> Task {
    match command {
        Command::Train { .. } => Task::StartingRun,
        Command::ResumeRun { .. } => Task::ResumingRun,
        Command::Open { .. } | Command::Reopen { .. } | Command::OpenShipped => Task::OpeningModel,
        Command::Sample { .. } | Command::Redraw { .. } | Command::Reverse { .. } | Command::CancelSampling => {
            Task::Sampling
        }
        Command::DrawGrid { .. } => Task::DrawingGrid,
        Command::FindOrigin { .. } => Task::FindingOrigin,
        Command::Attach { .. } | Command::Detach => Task::Attaching,
        Command::Save { .. } => Task::Saving,
        Command::ReadProvenance { .. } => Task::ReadingPicture,
        Command::ListRuns { .. } => Task::ListingRuns,
        Command::ReadRun { .. } => Task::ReadingRun,
        Command::NameRun { .. } => Task::NamingRun,
        Command::DeleteRun { .. } => Task::DeletingRun,
        Command::LookForCopies { .. } => Task::LookingForCopies,
        Command::NameDigits { .. } => Task::NamingDigits,
        Command::LookAtData { .. } | Command::StopReading | Command::ForgetData => Task::ReadingData,
        Command::Pause | Command::Continue | Command::Step | Command::Stop => Task::Training,
    }
}
