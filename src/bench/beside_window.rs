//! What the window costs the training beside it: the preset `small` steps as fast as it can, in turns with and without
//! a window that shows it.
//!
//! The window is the program's own but for the graphics card: its state takes the events, its panels are laid out, the
//! shapes are cut into triangles, when the window would be drawn again (see [`FRAME_PAUSE`](crate::window::FRAME_PAUSE)).

use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::Device;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use egui::{Context, RawInput, Rect, Vec2, pos2};
use serde::Serialize;

use super::rounded;
use crate::app::{App, Folders, Remembered};
use crate::config::{Budget, DataSource, Preset, Settings, WeightsKind};
use crate::data::{self, Splits};
use crate::engine::{Activity, DrawnFor, Event, Frame, Handle, Outbox, RunStarted};
use crate::eval::QuickEval;
use crate::pictures::{Pictures, Provenance};
use crate::rng::Stream;
use crate::train::loss_by_timestep::ByTimestep;
use crate::train::{Grid, StepReport, Trainer};
use crate::ui::{View, theme};
use crate::window::FRAME_PAUSE;
use crate::{Error, Result};

/// Losses that the window shows before the first step.
const LOSSES: u64 = 1_000_000;
/// Digits of the grid, which changes so often a second.
const DIGITS: usize = 64;
const GRIDS_A_SECOND: u64 = 10;
/// Calls of the film below the digits.
const FRAMES: usize = 100;
/// How long the training goes on with the window, or without it, before the other's turn.
const TURN: Duration = Duration::from_millis(1500);
/// The window falls asleep when it has drawn the last news.
const FALL_ASLEEP: Duration = Duration::from_millis(250);

/// Milliseconds of a training step with and without the window, and of the window's frames.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BesideWindow {
    pub threads: usize,
    pub losses: u64,
    pub alone_ms: f64,
    pub beside_ms: f64,
    /// By which share of the time alone a step takes longer beside the window: the median of the pairs of turns, and
    /// its quartiles, as whatever else the machine does falls on single turns.
    pub share: f64,
    pub lower_share: f64,
    pub upper_share: f64,
    pub frames_per_s: f64,
    pub frame_ms: f64,
    /// The slowest frame in a hundred: its wall time, while the training has every core.
    pub frame_p99_ms: f64,
}

/// Trains in `pairs` pairs of turns with the threads of the present pool.
///
/// # Errors
/// When the machine has no room or no thread, or training fails.
pub fn beside_window(pairs: usize) -> Result<BesideWindow> {
    let mut settings = Preset::Small.settings();
    settings.training.budget = Budget::Steps(u64::from(u32::MAX));
    let splits = data::load(&DataSource::Mnist)?;
    let trainer = Trainer::new(&settings, &splits, &Device::Cpu)?;
    let (mut window, outbox, wakes) = Shown::new(&settings);
    window.fill(&outbox, &settings, &splits, trainer.parameters());
    let grids = [0, 1].map(|i| Arc::new(test_digits(&splits, DIGITS * i)));
    let mut training = Training { trainer, outbox, grids };

    let (stop, stopped) = unbounded();
    let (turns, frames) = std::thread::scope(|scope| {
        let drawing = scope.spawn(|| window.draw_when_woken(&wakes, &stopped));
        let turns = training.turns(pairs);
        drop(stop);
        let frames = drawing.join().map_err(|panic| Error::from_panic(&*panic));
        Ok::<_, Error>((turns?, frames?))
    })?;
    summary(&turns, frames)
}

/// The time of the steps of some turns.
#[derive(Debug, Clone, Copy, Default)]
struct Steps {
    seconds: f64,
    count: usize,
}

impl Steps {
    fn ms(self) -> f64 {
        1e3 * self.seconds / self.count.max(1) as f64
    }
}

/// A turn alone and one beside the window.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    alone: Steps,
    beside: Steps,
}

fn summary(turns: &[Pair], mut frames: Vec<f64>) -> Result<BesideWindow> {
    frames.sort_by(f64::total_cmp);
    let mut shares: Vec<_> = turns.iter().map(|pair| pair.beside.ms() / pair.alone.ms() - 1.0).collect();
    shares.sort_by(f64::total_cmp);
    if frames.is_empty() || shares.is_empty() {
        return Err(Error::usage("nothing was timed", "use --repeats 1 or more"));
    }
    let at = |sorted: &[f64], share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let share = |quantile| rounded(at(&shares, quantile), 10_000.0);
    let median_ms = |steps: &dyn Fn(&Pair) -> Steps| {
        let mut ms: Vec<_> = turns.iter().map(|pair| steps(pair).ms()).collect();
        ms.sort_by(f64::total_cmp);
        rounded(at(&ms, 0.5), 100.0)
    };
    Ok(BesideWindow {
        threads: rayon::current_num_threads(),
        losses: LOSSES,
        alone_ms: median_ms(&|pair| pair.alone),
        beside_ms: median_ms(&|pair| pair.beside),
        share: share(0.5),
        lower_share: share(0.25),
        upper_share: share(0.75),
        frames_per_s: rounded(frames.len() as f64 / turns.iter().map(|pair| pair.beside.seconds).sum::<f64>(), 10.0),
        frame_ms: rounded(1e3 * at(&frames, 0.5), 100.0),
        frame_p99_ms: rounded(1e3 * at(&frames, 0.99), 100.0),
    })
}

/// The training's side.
struct Training {
    trainer: Trainer,
    outbox: Outbox,
    /// Two grids in turn, so that each is sent to the graphics card anew.
    grids: [Arc<Pictures>; 2],
}

impl Training {
    fn turns(&mut self, pairs: usize) -> Result<Vec<Pair>> {
        // The first steps take memory and fill caches, the first frames lay out every text.
        self.turn(true, FALL_ASLEEP)?;
        self.turn(false, FALL_ASLEEP)?;
        (0..pairs)
            .map(|pair| {
                let mut times = Pair::default();
                // What drifts with time falls on both alike.
                for beside in [pair % 2 == 0, pair % 2 != 0] {
                    let steps = self.turn(beside, TURN)?;
                    if beside {
                        times.beside = steps;
                    } else {
                        times.alone = steps;
                    }
                }
                Ok(times)
            })
            .collect()
    }

    fn turn(&mut self, beside: bool, long: Duration) -> Result<Steps> {
        std::thread::park_timeout(FALL_ASLEEP);
        let begun = Instant::now();
        let mut count = 0;
        let mut grids = 0;
        while begun.elapsed() < long {
            let report = self.trainer.step()?;
            count += 1;
            if beside {
                let step = LOSSES + report.step;
                let report = StepReport { step, ..report };
                self.outbox.send(Event::Step(report)).map_err(|closed| Error::Panicked(closed.to_string()))?;
                let due = begun.elapsed().as_millis() as u64 * GRIDS_A_SECOND / 1000;
                if due > grids {
                    grids = due;
                    let pictures = Arc::clone(&self.grids[due as usize % 2]);
                    self.outbox.offer(Event::Preview(Grid {
                        step,
                        pictures,
                        classes: classes(),
                        weights: WeightsKind::Ema,
                    }));
                }
            }
        }
        Ok(Steps { seconds: begun.elapsed().as_secs_f64(), count })
    }
}

/// The window's side: all of it but the graphics card.
struct Shown {
    app: App,
    view: View,
    ctx: Context,
    began: Instant,
}

impl Shown {
    /// The window, the engine's end of it, and the moments at which it is to be drawn again.
    fn new(settings: &Settings) -> (Self, Outbox, Receiver<Instant>) {
        let ctx = Context::default();
        theme::install(&ctx);
        let (wake, wakes): (Sender<Instant>, _) = unbounded();
        ctx.set_request_repaint_callback(move |info| {
            // The window is gone when the bench ends.
            let _ = wake.send(Instant::now() + info.delay);
        });
        let waker = ctx.clone();
        let (handle, _, outbox) = Handle::woken_by(move || waker.request_repaint_after(FRAME_PAUSE));
        let folders = Folders { runs: "runs".into(), pictures: "pictures".into() };
        let mut state = Remembered::restore(None);
        state.set_settings(settings.clone());
        let app = App::new(handle, state, folders, || ());
        (Self { app, view: View::default(), ctx, began: Instant::now() }, outbox, wakes)
    }

    /// Shows a long run: its losses, map, evaluations, digits and a film.
    fn fill(&mut self, outbox: &Outbox, settings: &Settings, splits: &Splits, parameters: usize) {
        let mut noise = Stream::new(0, "bench window", 0);
        self.take(outbox, Event::RunStarted(run_started(settings, splits, parameters)));
        self.take(outbox, Event::Activity(Activity::Training));
        for step in 1..=LOSSES {
            let loss = 0.1 * (1.0 + (-(step as f64) / 1e5).exp()) * (1.0 + 0.1 * noise.normal());
            self.take(outbox, Event::Step(step_report(step, loss)));
            if step.is_multiple_of(4_000) {
                let mut losses = ByTimestep::default();
                (0..1000).for_each(|t| losses.add(t, 1000, (0.1 * (1.0 + noise.normal().abs())) as f32));
                self.take(outbox, Event::LossByTimestep { step, losses: Box::new(losses) });
                self.take(outbox, Event::HeldOut { step, loss: 1.05 * loss });
                let eval = QuickEval { count: 200, classes: [20; 10], recognisable: 0.8, distance: 30.0 };
                self.take(outbox, Event::Evaluated { step, eval });
            }
        }
        let provenance = Box::new(Provenance::new(settings, &settings.sampling, "bench".into(), LOSSES));
        self.take(
            outbox,
            Event::SamplingStarted {
                id: 1,
                why: DrawnFor::Person,
                frames: FRAMES,
                count: DIGITS,
                timesteps: 1000,
                classes: classes(),
                model: Box::new(settings.clone()),
                provenance,
            },
        );
        let [x_t, x0_hat, eps_hat] = [0, 1, 2].map(|i| Arc::new(test_digits(splits, DIGITS * i)));
        for step in 0..FRAMES {
            let (x_t, x0_hat, eps_hat) = (Arc::clone(&x_t), Arc::clone(&x0_hat), Arc::clone(&eps_hat));
            let t = 1000 - 1000 * step / FRAMES;
            self.take(outbox, Event::Frame { id: 1, frame: Frame { step, t, x_t, x0_hat, eps_hat } });
        }
        self.take(outbox, Event::SamplingEnded { id: 1, cancelled: false, seconds: 1.0 });
    }

    fn take(&mut self, outbox: &Outbox, event: Event) {
        // Taken at once: the channel is never full, and the window is not gone.
        let _ = outbox.send(event);
        self.app.drain();
    }

    /// Draws as eframe would, at the earliest moment that was asked for since the last frame, until `stopped` is
    /// disconnected. Gives the seconds of each frame.
    fn draw_when_woken(&mut self, wakes: &Receiver<Instant>, stopped: &Receiver<()>) -> Vec<f64> {
        let mut frames = Vec::new();
        let mut next: Option<Instant> = None;
        while !matches!(stopped.try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected)) {
            let until = next.unwrap_or_else(|| Instant::now() + FALL_ASLEEP);
            match wakes.recv_deadline(until) {
                Ok(asked) => next = Some(next.map_or(asked, |next| next.min(asked))),
                Err(RecvTimeoutError::Timeout) if next.take().is_some() => frames.push(self.draw()),
                Err(_) => {}
            }
        }
        frames
    }

    /// One frame; its seconds.
    fn draw(&mut self) -> f64 {
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), Vec2::new(1440.0, 900.0))),
            time: Some(self.began.elapsed().as_secs_f64()),
            ..RawInput::default()
        };
        let begun = Instant::now();
        if self.app.drain() {
            self.ctx.request_repaint();
        }
        let Self { app, view, .. } = self;
        let mut actions = Vec::new();
        let output = self.ctx.run_ui(input, |ui| actions = view.show(ui, &app.state));
        actions.into_iter().for_each(|action| app.apply(action));
        std::hint::black_box(self.ctx.tessellate(output.shapes, output.pixels_per_point));
        begun.elapsed().as_secs_f64()
    }
}

fn run_started(settings: &Settings, splits: &Splits, parameters: usize) -> RunStarted {
    RunStarted {
        run: "runs/bench".into(),
        settings: Box::new(settings.clone()),
        step: 0,
        parameters,
        images: splits.train.len(),
        device: "CPU".into(),
        estimate: None,
    }
}

fn step_report(step: u64, loss: f64) -> StepReport {
    let (images, seconds) = (64 * step, 0.02 * step as f64);
    StepReport { step, epoch: 0.0, images, loss, lr: 1e-3, grad_norm: 1.0, seconds, progress: 0.5 }
}

fn classes() -> Vec<Option<u8>> {
    (0..DIGITS).map(|i| Some((i % 10) as u8)).collect()
}

fn test_digits(splits: &Splits, first: usize) -> Pictures {
    let pixels = (first..first + DIGITS).flat_map(|i| splits.test.image(i).iter().copied()).collect();
    Pictures { width: 28, height: 28, pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_takes_a_twentieth_longer_costs_5_percent() {
        let steps = |seconds| Steps { seconds, count: 100 };
        let pair = |alone, beside| Pair { alone: steps(alone), beside: steps(beside) };
        let turns = [pair(2.0, 2.0), pair(2.0, 2.1), pair(2.0, 4.0)];
        let told = summary(&turns, vec![0.003, 0.001, 0.002]).unwrap();
        assert_eq!((told.alone_ms, told.beside_ms, told.share), (20.0, 21.0, 0.05));
        assert_eq!((told.frame_ms, told.frame_p99_ms), (2.0, 3.0));
        assert!(summary(&[], Vec::new()).is_err());
    }

    #[test]
    fn the_window_draws_what_it_was_told_and_sleeps_until_the_next_news() {
        let settings = Preset::Small.settings();
        let (mut window, outbox, wakes) = Shown::new(&settings);
        let (stop, stopped) = unbounded();
        let frames = std::thread::scope(|scope| {
            let drawing = scope.spawn(|| window.draw_when_woken(&wakes, &stopped));
            for step in 1..=40 {
                outbox.send(Event::Step(step_report(step, 0.1))).unwrap();
            }
            std::thread::park_timeout(4 * FALL_ASLEEP);
            drop(stop);
            drawing.join().unwrap()
        });
        assert!((1..=30).contains(&frames.len()), "{} frames", frames.len());
        assert_eq!(window.app.state.loss.train.len(), 40);
    }
}
