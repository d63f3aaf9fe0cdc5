//! A run inside the worker: the run's events go to the window, the window's commands steer the run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::Device;
use crossbeam_channel::{RecvTimeoutError, TryRecvError};

use super::reading::{self, Inbox};
use super::sampling::{Beginning, Source};
use super::worker::{Worker, report, task_of};
use super::{Activity, Closed, Command, DrawnFor, EndReason, Event, Outbox, RunStarted, Save, Task};
use super::{naming, origin, runs, saving};
use crate::config::{SamplingSettings, Settings, WeightsKind};
use crate::data::{Splits, network};
use crate::device::{describe, describe_loss, is_lost};
use crate::model::Denoiser;
use crate::model::params::to_host;
use crate::train::folder::CHECKPOINT;
use crate::train::history::History;
use crate::train::{Control, Estimate, Grid, Outcome, Run, RunEvent, Trainer};
use crate::trained::{TrainedModel, name_of};
use crate::{Error, Result};

/// A new run.
pub(super) fn start(worker: &mut Worker, settings: &Settings, out: &Path, commands: &mut Inbox) -> Result<()> {
    let _ = worker.out.send(Event::Activity(Activity::Preparing));
    network::name_source(&settings.data.source);
    let Some(splits) = unless_stopped(images(settings, Task::StartingRun, &worker.out, commands), &worker.out)? else {
        return Ok(());
    };
    let mut run = worker.on_device(|device| Run::create(settings, &splits, out, device))?;
    drop(splits);
    let estimate = Estimate::of(&mut run.trainer)?;
    carry_on(worker, run, estimate, None, commands);
    Ok(())
}

/// A run that goes on from its checkpoint.
pub(super) fn resume(worker: &mut Worker, path: &Path, commands: &mut Inbox) -> Result<()> {
    let _ = worker.out.send(Event::Activity(Activity::Preparing));
    let out = worker.out.clone();
    network::name(path);
    let resumed = worker.on_device(|device| {
        let load = |settings: &Settings| images(settings, Task::ResumingRun, &out, commands);
        Run::resume(path, |recorded| Ok(recorded.clone()), load, device)
    });
    let Some((mut run, notice)) = unless_stopped(resumed, &out)? else { return Ok(()) };
    if let Some(notice) = notice {
        let _ = worker.out.send(Event::Notice(notice));
    }
    let history = History::read(path)?;
    let estimate = Estimate::of(&mut run.trainer)?;
    carry_on(worker, run, estimate, Some(history), commands);
    Ok(())
}

/// What a run learns from, unless it is stopped meanwhile.
fn images(settings: &Settings, during: Task, out: &Outbox, commands: &mut Inbox) -> Result<Splits> {
    reading::load(&settings.data.source, during, out, &mut || commands.stops())
}

/// None, and a notice, where the run was stopped before it began.
fn unless_stopped<T>(prepared: Result<T>, out: &Outbox) -> Result<Option<T>> {
    if let Err(Error::Cancelled) = prepared {
        let _ = out.send(Event::Notice("Its images are read no further: the run did not begin".into()));
        return Ok(None);
    }
    prepared.map(Some)
}

/// Trains until the end; how it ended, a failure too, is told to the window here.
fn carry_on(
    worker: &mut Worker,
    mut run: Run,
    estimate: Option<Estimate>,
    past: Option<History>,
    commands: &mut Inbox,
) {
    let _ = worker.out.send(Event::RunStarted(RunStarted {
        run: run.folder.path().to_path_buf(),
        settings: Box::new(run.trainer.settings().clone()),
        step: run.trainer.step_count(),
        parameters: run.trainer.parameters(),
        images: run.trainer.image_count(),
        device: describe(&worker.device),
        estimate,
    }));
    let path = run.folder.path().to_path_buf();
    let _ = worker.out.send(Event::RunNamed { run: path.clone(), name: run.name().clone() });
    if let Some(history) = past {
        worker.show_past(&path, run.trainer.settings(), history);
    }
    let _ = worker.out.send(Event::Activity(Activity::Training));
    let mut steering = Steering { worker, commands, path: &path, held: false, tries_again: None };
    let outcome = train_guarded(&mut run, &mut |event, trainer| steering.watch(event, trainer));
    let step = run.trainer.step_count();
    let reason = match &outcome {
        Ok(Outcome::Completed) => EndReason::Completed,
        Ok(Outcome::Stopped) => EndReason::Stopped,
        Err(_) => EndReason::Failed,
    };
    tracing::info!("training ended at step {step}: {reason:?}");
    let kept = TrainedModel::of_trainer(&run.trainer, &path);
    let _ = worker.out.send(Event::RunEnded { step, reason, run: path });
    if let (Ok(_), Ok(model)) = (&outcome, kept) {
        worker.set_model(model, false);
    }
    if let Err(error) = outcome {
        report(&worker.out, Task::Training, &error);
    }
}

/// Trains; a panic on the way becomes an error, so that the run's end is told like any other.
fn train_guarded(run: &mut Run, watch: &mut dyn FnMut(RunEvent, &Trainer) -> Result<Control>) -> Result<Outcome> {
    catch_unwind(AssertUnwindSafe(|| run.train(watch))).unwrap_or_else(|panic| Err(Error::from_panic(&*panic)))
}

/// Time until a disk that did not take the run's files is asked again.
pub(super) const RETRY_AFTER: Duration = if cfg!(test) { Duration::from_secs(1) } else { Duration::from_secs(10) };

/// Between two steps: tells the window what happened and does what it asks.
struct Steering<'a> {
    worker: &'a mut Worker,
    commands: &'a mut Inbox,
    path: &'a Path,
    /// Whether the run waits after each step.
    held: bool,
    /// When the disk is asked again that did not take what the run has to write, unless a person is quicker.
    tries_again: Option<Instant>,
}

/// What a command means for the run.
enum Steer {
    /// Nothing.
    Stay,
    /// Take the next step.
    Go,
    End,
}

impl Steering<'_> {
    fn watch(&mut self, event: RunEvent, trainer: &Trainer) -> Result<Control> {
        let looks_for_commands = matches!(event, RunEvent::Step(_) | RunEvent::Stalled { .. });
        let delivered = match event {
            RunEvent::Step(report) => {
                #[cfg(test)]
                self.worker.out.panics.at(super::panics::Place::Training);
                self.worker.out.send(Event::Step(report))
            }
            RunEvent::HeldOut { step, loss } => self.worker.out.send(Event::HeldOut { step, loss }),
            RunEvent::LossByTimestep { step, losses } => {
                self.worker.out.send(Event::LossByTimestep { step, losses: Box::new(losses) })
            }
            RunEvent::Evaluated { step, eval } => self.worker.out.send(Event::Evaluated { step, eval }),
            RunEvent::Filmed(film) => self.worker.out.send(Event::Film { run: self.path.to_path_buf(), film }),
            RunEvent::Checkpointed { step, path } => self.worker.out.send(Event::Checkpointed { step, path }),
            RunEvent::Preview(grid) => {
                self.show_grid(grid, trainer);
                Ok(())
            }
            RunEvent::Worked(example) => {
                self.worker.out.offer(Event::Worked(example));
                Ok(())
            }
            RunEvent::RolledBack { step, what, hint } => self.tell_of_rollback(step, what, hint, trainer),
            RunEvent::Busy => return Ok(self.listen(trainer)),
            RunEvent::Stalled { what, hint } => {
                self.held = true;
                self.tries_again = Some(Instant::now() + RETRY_AFTER);
                let seconds = RETRY_AFTER.as_secs();
                let hint = format!("{hint}; it tries again every {seconds} s, at once with Continue: nothing is lost");
                self.worker.out.send(Event::Failed { during: Task::KeepingRun, what, hint })
            }
        };
        if delivered.is_err() {
            return Ok(Control::Stop);
        }
        Ok(if looks_for_commands { self.take_commands(trainer) } else { Control::Continue })
    }

    /// The window says so until a person has seen it, and forgets the losses after the state that training goes on from.
    fn tell_of_rollback(&mut self, step: u64, what: String, hint: String, trainer: &Trainer) -> Result<(), Closed> {
        self.worker.out.send(Event::Failed { during: Task::GoingBack, what, hint })?;
        self.worker.sampler.cancel_grid();
        self.worker.device = trainer.device().clone();
        self.worker.out.send(Event::Device(describe(trainer.device())))?;
        let history = History::read(self.path).unwrap_or_default();
        self.worker.out.send(Event::History(history))?;
        if step == 0 {
            return Ok(());
        }
        // Not always the newest that was told of: a checkpoint is left out where training from it diverged again.
        self.worker.out.send(Event::Checkpointed { step, path: self.path.join(CHECKPOINT) })
    }

    /// Carries out what has come in without waiting, in the middle of other work.
    fn listen(&mut self, trainer: &Trainer) -> Control {
        loop {
            match self.commands.try_recv() {
                Ok(command) => match self.carry_out(command, trainer) {
                    Steer::End => return Control::Stop,
                    Steer::Stay | Steer::Go => {}
                },
                Err(TryRecvError::Empty) => return Control::Continue,
                Err(TryRecvError::Disconnected) => return Control::Stop,
            }
        }
    }

    /// Carries out what has come in; while the run is held, waits for more.
    fn take_commands(&mut self, trainer: &Trainer) -> Control {
        let mut announced = false;
        loop {
            let command = if self.held {
                if !announced {
                    let _ = self.worker.out.send(Event::Activity(Activity::Paused));
                    announced = true;
                }
                match self.tries_again {
                    Some(end) => self.commands.recv_until(end).or_else(|end| match end {
                        RecvTimeoutError::Timeout => Ok(Command::Continue),
                        RecvTimeoutError::Disconnected => Err(TryRecvError::Disconnected),
                    }),
                    None => self.commands.recv().map_err(|_| TryRecvError::Disconnected),
                }
            } else {
                self.commands.try_recv()
            };
            let steer = match command {
                Ok(command) => self.carry_out(command, trainer),
                Err(TryRecvError::Empty) => Steer::Go,
                Err(TryRecvError::Disconnected) => Steer::End,
            };
            match steer {
                Steer::Stay => {}
                Steer::Go => return Control::Continue,
                Steer::End => {
                    // A run that waited for the disk writes what it can.
                    self.held = false;
                    let _ = self.worker.out.send(Event::Activity(Activity::Stopping));
                    return Control::Stop;
                }
            }
        }
    }

    fn carry_out(&mut self, command: Command, trainer: &Trainer) -> Steer {
        let during = task_of(&command);
        let result = match command {
            Command::Pause => {
                (self.held, self.tries_again) = (true, None);
                Ok(())
            }
            Command::Continue => {
                (self.held, self.tries_again) = (false, None);
                let _ = self.worker.out.send(Event::Activity(Activity::Training));
                return Steer::Go;
            }
            Command::Step => {
                (self.held, self.tries_again) = (true, None);
                return Steer::Go;
            }
            Command::Stop => return Steer::End,
            Command::CancelSampling => {
                self.worker.sampler.cancel();
                Ok(())
            }
            Command::Sample { settings, why } => self.draw(&settings, trainer, Beginning::Noise, why),
            Command::Reverse { settings, origin } => {
                self.draw(&settings, trainer, Beginning::Image(origin), DrawnFor::Person)
            }
            Command::FindOrigin { pick, data, size } => {
                origin::find(pick, data, size, &self.worker.out, &self.worker.stops)
            }
            Command::Redraw { settings, generation } => {
                self.worker.sampler.taken(generation);
                self.draw(&settings, trainer, Beginning::RoughLook, DrawnFor::Person)
            }
            Command::DrawGrid { weights, .. } => {
                self.worker.grid_weights = weights;
                self.draw_grid(trainer)
            }
            Command::Save { what, path, replace } => self.save(what, &path, replace, trainer),
            Command::ReadProvenance { path } => saving::read_provenance(path, &self.worker.out),
            Command::ListRuns { folder } => runs::list(folder, &self.worker.out),
            Command::ReadRun { run } => runs::read(run, &self.worker.out),
            Command::NameRun { run, name } => runs::name(run, name, Some(self.path), &self.worker.out),
            Command::DeleteRun { run } => runs::delete(run, Some(self.path), &self.worker.out),
            Command::LookForCopies { settings, picture } => {
                self.worker.copies.look(&settings, picture, &self.worker.out, &self.worker.stops)
            }
            Command::NameDigits { pictures } => naming::name(pictures, &self.worker.out),
            Command::ForgetData => {
                self.worker.looker.forget();
                Ok(())
            }
            Command::StopReading => {
                self.worker.stops.stop();
                Ok(())
            }
            Command::LookAtData { data, seed, again } => {
                self.worker.looker.look(*data, seed, again, &self.worker.out, &self.worker.stops)
            }
            Command::Detach => Ok(()),
            Command::Train { .. }
            | Command::ResumeRun { .. }
            | Command::Attach { .. }
            | Command::Open { .. }
            | Command::Reopen { .. }
            | Command::OpenShipped => Err(Error::usage("a run is in progress", "stop it first")),
        };
        if let Err(error) = result {
            report(&self.worker.out, during, &error);
        }
        Steer::Stay
    }

    fn draw(
        &mut self,
        settings: &SamplingSettings,
        trainer: &Trainer,
        beginning: Beginning,
        why: DrawnFor,
    ) -> Result<()> {
        let source = self.copy(settings.weights, trainer)?;
        self.worker.sampler.start(source, settings, beginning, why)
    }

    /// Shows the grid that the run drew for its folder, by the moving average; where the window wants the weights as they
    /// are, draws with those instead, unless that still goes on.
    fn show_grid(&mut self, grid: Grid, trainer: &Trainer) {
        let wanted = trainer.settings().training.drawn_with(self.worker.grid_weights);
        if grid.weights == wanted {
            // One that was asked for is of an earlier step.
            self.worker.sampler.cancel_grid();
            self.worker.out.offer(Event::Preview(grid));
        } else if !self.worker.sampler.draws_grid()
            && let Err(error) = self.draw_grid(trainer)
        {
            report(&self.worker.out, Task::DrawingGrid, &error);
        }
    }

    fn draw_grid(&mut self, trainer: &Trainer) -> Result<()> {
        let weights = trainer.settings().training.drawn_with(self.worker.grid_weights);
        let source = self.copy(weights, trainer)?;
        self.worker.sampler.start_grid(source, weights)
    }

    /// A copy of the model as it is now, to draw with beside the training.
    fn copy(&mut self, weights: WeightsKind, trainer: &Trainer) -> Result<Source> {
        let copied = trainer.weights(weights).and_then(|weights| Ok(to_host(weights)?));
        let weights = copied.map_err(|error| {
            let later = "draw again in a moment: the run goes on on the CPU";
            if is_lost(trainer.device(), &error) { Error::usage(describe_loss(&error), later) } else { error }
        })?;
        let on = |device: &Device| Denoiser::new(trainer.settings(), weights.clone(), device);
        let denoiser = self.worker.on_device(on)?;
        Ok(Source { denoiser, weights, model: name_of(self.path), step: trainer.step_count() })
    }

    fn save(&self, what: Save, path: &Path, replace: bool, trainer: &Trainer) -> Result<()> {
        let weights = match &what {
            Save::Weights { kind } => {
                let model = TrainedModel::of_trainer(trainer, self.path)?;
                Some(saving::NamedWeights::of(&model, *kind)?)
            }
            _ => None,
        };
        saving::save(what, weights, path, replace, &self.worker.out)
    }
}
