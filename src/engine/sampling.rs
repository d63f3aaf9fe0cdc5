//! Sampling beside training: a thread for each request draws from a copy of the weights and records every frame.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use candle_core::Tensor;

use super::handle::STACK_BYTES;
use super::rough;
use super::worker::{report, tell_of_lost_device};
use super::{DrawnFor, Event, Frame, Outbox, Task};
use crate::config::{MAX_RECORDED, SamplingSettings, Settings};
use crate::device::{instead_of_lost, is_lost};
use crate::model::Denoiser;
use crate::pictures::{Pictures, Provenance};
use crate::sampling::origin::Origin;
use crate::sampling::{Drawing, EPS_RANGE, pictures, scaled_pictures};
use crate::{Error, Result, diffusion};

/// Starts and ends requests; at most one is in progress, and one drawing of the grid.
pub(super) struct Sampler {
    pub(super) out: Outbox,
    next_id: u64,
    current: Option<Request>,
    /// The grid that is being drawn, or was drawn last.
    pub(super) grid: Option<Request>,
    /// Whether a drawing lost the device.
    pub(super) lost_device: Arc<AtomicBool>,
}

/// The model that a drawing is made with.
pub(super) struct Source {
    pub denoiser: Denoiser,
    /// Its weights in the memory of the machine.
    pub weights: HashMap<String, Tensor>,
    /// Its name.
    pub model: String,
    /// Steps that it was trained for.
    pub step: u64,
}

impl Source {
    /// Draws; where the device is lost, again on the CPU, which the window is told of.
    pub(super) fn draw_or_draw_again<R>(
        &self,
        lost_device: &AtomicBool,
        out: &Outbox,
        draw: &mut dyn FnMut(&Denoiser) -> Result<R>,
    ) -> Result<R> {
        match draw(&self.denoiser) {
            Err(error) if is_lost(self.denoiser.device(), &error) => {
                let device = instead_of_lost();
                lost_device.store(true, Ordering::Relaxed);
                tell_of_lost_device(out, &error);
                draw(&Denoiser::new(self.denoiser.settings(), self.weights.clone(), &device)?)
            }
            result => result,
        }
    }
}

/// A drawing on its thread.
pub(super) struct Request {
    cancelled: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Request {
    /// Begins it: `work` is to end soon after the flag is set, and reports its own panics.
    pub(super) fn spawn(name: &str, work: impl FnOnce(&AtomicBool) + Send + 'static) -> Result<Self> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&cancelled);
        let thread = std::thread::Builder::new()
            .name(name.into())
            .stack_size(STACK_BYTES)
            .spawn(move || work(&flag))
            .map_err(|error| Error::Panicked(format!("no thread for drawing: {error}")))?;
        Ok(Self { cancelled, thread })
    }

    /// Ends it, after what the network is asked just now.
    pub(super) fn end(self) {
        self.cancelled.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}

impl Sampler {
    pub(super) fn new(out: Outbox) -> Self {
        Self { out, next_id: 1, current: None, grid: None, lost_device: Arc::default() }
    }

    /// Whether a drawing lost the device: the CPU went on with it.
    pub(super) fn has_lost_device(&self) -> bool {
        self.lost_device.load(Ordering::Relaxed)
    }

    /// Draws on a thread of its own, in place of the request in progress, which what nobody asked for at the end of a run
    /// leaves alone; where the device is lost, again on the CPU. Settings that cannot work are refused.
    pub(super) fn start(
        &mut self,
        source: Source,
        settings: &SamplingSettings,
        beginning: Beginning,
        why: DrawnFor,
    ) -> Result<()> {
        if why == DrawnFor::RunEnd && self.current.as_ref().is_some_and(|request| !request.has_ended()) {
            return Ok(());
        }
        let asked = Settings { sampling: settings.clone(), ..source.denoiser.settings().clone() };
        if let Some(problem) = asked.sampling_problems(MAX_RECORDED).into_iter().next() {
            return Err(Error::Setting(problem));
        }
        if let Beginning::Image(Origin { picture, t, .. }) = &beginning {
            let (size, timesteps) = (asked.data.image_size, asked.diffusion.timesteps);
            if (picture.width, picture.height, picture.count()) != (size, size, 1) || !(1..=timesteps).contains(t) {
                let what =
                    format!("a picture of {}×{} at t = {t} does not suit the model", picture.height, picture.width);
                return Err(Error::usage(what, "choose the picture again"));
            }
        }
        self.cancel();
        let id = self.next_id;
        self.next_id += 1;
        let mut provenance = Provenance::new(source.denoiser.settings(), settings, source.model.clone(), source.step);
        if let Beginning::Image(origin) = &beginning {
            provenance.from_t = Some(origin.t);
        }
        let job = Job {
            id,
            why,
            provenance,
            source,
            settings: settings.clone(),
            beginning,
            out: self.out.clone(),
            lost_device: Arc::clone(&self.lost_device),
        };
        self.current = Some(Request::spawn("sampler", move |cancelled| job.run(cancelled))?);
        Ok(())
    }

    /// Ends the request in progress for one that a change of settings asked for, and says so.
    pub(super) fn taken(&mut self, generation: u64) {
        self.cancel();
        let _ = self.out.send(Event::Redrawing { generation });
    }

    /// Ends the request in progress, after what the network is asked just now.
    pub(super) fn cancel(&mut self) {
        if let Some(request) = self.current.take() {
            request.end();
        }
    }
}

/// What a drawing begins with.
#[derive(Debug, PartialEq)]
pub(super) enum Beginning {
    Noise,
    /// A look at what few network calls make of the noise; then the noise.
    RoughLook,
    /// An image, noised.
    Image(Origin),
}

struct Job {
    id: u64,
    why: DrawnFor,
    provenance: Provenance,
    source: Source,
    settings: SamplingSettings,
    beginning: Beginning,
    out: Outbox,
    lost_device: Arc<AtomicBool>,
}

impl Job {
    fn run(self, cancelled: &AtomicBool) {
        let started = Instant::now();
        let mut draw = |denoiser: &Denoiser| self.draw(denoiser, cancelled);
        let drawn = || self.source.draw_or_draw_again(&self.lost_device, &self.out, &mut draw);
        let result = catch_unwind(AssertUnwindSafe(drawn));
        let result = result.unwrap_or_else(|panic| Err(Error::from_panic(&*panic)));
        let cancelled = result.is_err();
        if let Err(error) = result
            && !matches!(error, Error::Cancelled)
        {
            report(&self.out, Task::Sampling, &error);
        }
        let seconds = started.elapsed().as_secs_f64();
        let _ = self.out.send(Event::SamplingEnded { id: self.id, cancelled, seconds });
    }

    fn draw(&self, denoiser: &Denoiser, cancelled: &AtomicBool) -> Result<()> {
        #[cfg(test)]
        self.out.panics.at(super::panics::Place::Sampler);
        if self.beginning == Beginning::RoughLook {
            rough::draw(denoiser, &self.settings, cancelled, &self.out)?;
        }
        let origin = match &self.beginning {
            Beginning::Image(origin) => Some(origin.clone()),
            Beginning::Noise | Beginning::RoughLook => None,
        };
        let drawing = Drawing::new(denoiser, &self.settings)?.from_origin(origin);
        let drawing = drawing.in_one_batch().stopped_by(cancelled);
        let steps = drawing.steps();
        let started = Event::SamplingStarted {
            id: self.id,
            why: self.why,
            frames: steps + 1,
            count: self.settings.count,
            timesteps: drawing.timesteps(),
            classes: drawing.classes(),
            model: Box::new(denoiser.settings().clone()),
            provenance: Box::new(self.provenance.clone()),
        };
        self.out.send(started).map_err(|_| Error::Cancelled)?;
        let mut last_eps = None;
        let images = drawing.run(&mut |_, frame: diffusion::Frame| {
            if cancelled.load(Ordering::Relaxed) {
                return Err(Error::Cancelled);
            }
            #[cfg(test)]
            if frame.step > 0 {
                self.out.panics.device_at(super::panics::Place::Drawing)?;
            }
            let eps_hat = Arc::new(scaled_pictures(frame.eps_hat, EPS_RANGE)?);
            last_eps = Some(Arc::clone(&eps_hat));
            self.send(frame.step, frame.t + 1, frame.x_t, frame.x0_hat, eps_hat)
        })?;
        match last_eps {
            Some(eps_hat) => self.send(steps, 0, &images, &images, eps_hat),
            None => Ok(()),
        }
    }

    fn send(&self, step: usize, t: usize, x_t: &Tensor, x0_hat: &Tensor, eps_hat: Arc<Pictures>) -> Result<()> {
        let frame = Frame { step, t, x_t: Arc::new(pictures(x_t)?), x0_hat: Arc::new(pictures(x0_hat)?), eps_hat };
        self.out.send(Event::Frame { id: self.id, frame }).map_err(|_| Error::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::super::panics::{PATIENCE, engine, wait};
    use super::super::{Command, DrawnFor, Event};
    use crate::config::{Preset, SamplingSettings};

    #[test]
    fn what_nobody_asked_for_at_the_end_of_a_run_replaces_no_drawing() {
        let (handle, _) = engine();
        handle.send(Command::OpenShipped).unwrap();
        wait(&handle, |event| matches!(event, Event::ModelReady(_)).then_some(()));
        let few = SamplingSettings { count: 1, steps: 2, ..Preset::Nano.settings().sampling };
        let long = SamplingSettings { count: 64, steps: 1000, ..few.clone() };
        let started = |event: &Event| match event {
            Event::SamplingStarted { id, why, .. } => Some((*id, *why)),
            _ => None,
        };
        handle.send(Command::Sample { settings: long, why: DrawnFor::Person }).unwrap();
        handle.send(Command::Sample { settings: few.clone(), why: DrawnFor::RunEnd }).unwrap();
        let (first, why) = wait(&handle, started);
        assert_eq!(why, DrawnFor::Person);
        handle.send(Command::CancelSampling).unwrap();
        wait(&handle, |event| match event {
            Event::SamplingStarted { why, .. } => panic!("another one began: {why:?}"),
            Event::SamplingEnded { id, cancelled, .. } => (*id == first && *cancelled).then_some(()),
            _ => None,
        });
        handle.send(Command::Sample { settings: few, why: DrawnFor::RunEnd }).unwrap();
        assert_eq!(wait(&handle, started).1, DrawnFor::RunEnd, "none is in progress any more");
        assert!(handle.shutdown(PATIENCE));
    }
}
