//! Hours of a run through the window: every event as often as training sends it, scrubbing on both axes, the tabs, edits
//! of the settings, exports. Memory stays flat, and so does the time of a frame. `docs/reliability.md` has what it printed.
//!
//! `cargo test --release --test long_run -- --ignored --nocapture`

#![allow(clippy::unwrap_used)]
// Resident memory is read where Linux tells it.
#![cfg(target_os = "linux")]

#[path = "window/scene.rs"]
mod scene;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use diffuscope::app::{Action, App, FilmAxis, Folders, LossAxis, Remembered, SaveWhat, Tab};
use diffuscope::config::{Preset, WeightsKind};
use diffuscope::engine::{Activity, Command, Event, Handle, Outbox};
use diffuscope::pictures::Pictures;
use diffuscope::rng::Stream;
use diffuscope::train::film::Film;
use diffuscope::train::{Grid, StepReport};
use diffuscope::ui::{View, theme};
use egui::{Context, Pos2, RawInput, Rect, Vec2, pos2};
use scene::{by_timestep, digits, evaluations, film, recording, run_started, worked};

/// Steps of training in a second.
const STEPS_A_SECOND: u64 = 14;
const HOUR: u64 = 3600;
/// What the slowest frame in a hundred may take.
const BAR: Duration = Duration::from_millis(8);

/// A window, and the engine's ends of its channels.
struct Session {
    app: App,
    view: View,
    ctx: Context,
    commands: Receiver<Command>,
    events: Outbox,
    random: Stream,
    saved: u64,
}

/// What is told again and again, made once.
struct Told {
    grids: [Arc<Pictures>; 2],
    classes: Vec<Option<u8>>,
    film: Film,
    drawing: Vec<Event>,
    losses: Event,
    example: Event,
    evaluation: Event,
}

impl Told {
    fn new() -> Self {
        let (grid, classes) = digits(64);
        let other = Pictures { pixels: grid.pixels.iter().map(|pixel| pixel / 2).collect(), ..grid.clone() };
        Self {
            grids: [Arc::new(grid), Arc::new(other)],
            classes,
            film: film(500, 20),
            drawing: recording(1, 64, 50),
            losses: by_timestep(4, 4).pop().unwrap(),
            example: worked(1),
            evaluation: evaluations([15]).pop().unwrap(),
        }
    }

    /// What training tells in one second.
    fn second(&self, second: u64, run: &std::path::Path) -> Vec<Event> {
        let mut events = Vec::new();
        for step in STEPS_A_SECOND * second + 1..=STEPS_A_SECOND * (second + 1) {
            let noise = ((step * 2_654_435_761) % 1000) as f64 / 1000.0;
            events.push(Event::Step(StepReport {
                step,
                epoch: step as f64 / 940.0,
                images: 64 * step,
                loss: 0.1 + (-(step as f64) / 90.0).exp() + 0.02 * noise,
                lr: 2e-3,
                grad_norm: 1.0 + noise,
                seconds: step as f64 / STEPS_A_SECOND as f64,
                progress: step as f64 / 1e6,
            }));
            if step.is_multiple_of(100) {
                events.push(Event::HeldOut { step, loss: 0.11 + 0.01 * noise });
            }
        }
        let step = STEPS_A_SECOND * (second + 1);
        for part in 0..4 {
            let Event::LossByTimestep { losses, .. } = &self.losses else { unreachable!() };
            events.push(Event::LossByTimestep { step: step - 3 + part, losses: losses.clone() });
        }
        events.push(self.example.clone());
        let pictures = Arc::new((*self.grids[second as usize % 2]).clone());
        let (classes, weights) = (self.classes.clone(), WeightsKind::Ema);
        events.push(Event::Preview(Grid { step, pictures, classes, weights }));
        if second.is_multiple_of(15) {
            let Event::Evaluated { eval, .. } = &self.evaluation else { unreachable!() };
            events.push(Event::Evaluated { step, eval: *eval });
        }
        if second.is_multiple_of(5) {
            // Of its own pictures, as it comes from training.
            let mut film = Film { step, ..self.film.clone() };
            for moment in &mut film.moments {
                moment.x_t = Arc::new((*moment.x_t).clone());
                moment.x0_hat = Arc::new((*moment.x0_hat).clone());
                moment.eps_hat = Arc::new((*moment.eps_hat).clone());
            }
            events.push(Event::Film { run: run.to_path_buf(), film: Arc::new(film) });
        }
        if second.is_multiple_of(60) {
            events.push(Event::Checkpointed { step, path: run.join("checkpoint.safetensors") });
        }
        events
    }

    /// A drawing of its own pictures.
    fn drawing(&self, id: u64) -> Vec<Event> {
        let mut events = self.drawing.clone();
        for event in &mut events {
            match event {
                Event::SamplingStarted { id: own, .. } | Event::SamplingEnded { id: own, .. } => *own = id,
                Event::Frame { id: own, frame } => {
                    *own = id;
                    frame.x_t = Arc::new((*frame.x_t).clone());
                    frame.eps_hat = Arc::new((*frame.eps_hat).clone());
                }
                _ => {}
            }
        }
        events
    }
}

impl Session {
    fn new() -> Self {
        let (handle, commands, events) = Handle::scripted();
        let folders = Folders { runs: "/data/ada/runs".into(), pictures: "/data/ada/pictures".into() };
        let ctx = Context::default();
        theme::install(&ctx);
        let app = App::new(handle, Remembered::restore(None), folders, || ());
        Self { app, view: View::default(), ctx, commands, events, random: Stream::new(1, "hand", 0), saved: 0 }
    }

    fn tell(&mut self, events: Vec<Event>) {
        for event in events {
            self.events.send(event).unwrap();
        }
    }

    fn below(&mut self, most: usize) -> usize {
        ((self.random.uniform() * most as f64) as usize).min(most - 1)
    }

    /// What a person does who stays at the window: scrubs on both axes most of the time.
    fn act(&mut self) {
        let place = self.below(1000);
        let action = match self.below(40) {
            0..=9 => Action::Seek(place % 51),
            10..=13 => Action::StepFrames(place as isize % 7 - 3),
            14..=15 => Action::JumpTimesteps(place as isize % 200 - 100),
            16..=22 => Action::SeekTraining(place % 200),
            23..=25 => Action::StepTraining(place as isize % 7 - 3),
            26 => Action::FilmAxis([FilmAxis::Denoising, FilmAxis::Training][place % 2]),
            27 => Action::TogglePlay,
            28..=29 => Action::Follow(place % 10),
            30 => Action::Loupe(place.is_multiple_of(2)),
            31..=33 => Action::ShowTab([Tab::Train, Tab::Sample, Tab::Runs, Tab::Data][place % 4]),
            34 => Action::LossAxis([LossAxis::Steps, LossAxis::Images, LossAxis::Time][place % 3]),
            35 => Action::LinearLoss(place.is_multiple_of(2)),
            36 => Action::RollSeed,
            37 => [Action::Undo, Action::Redo][place % 2].clone(),
            38 => Action::CopyPicture,
            _ => [Action::ToggleLeft, Action::ToggleRight][place % 2].clone(),
        };
        self.app.apply(action);
        self.app.take_copied();
    }

    /// Saves something, each time in another form; the engine says that it did.
    fn export(&mut self) {
        let all = [
            SaveWhat::Grid,
            SaveWhat::Singles,
            SaveWhat::Animation,
            SaveWhat::AnimatedPng,
            SaveWhat::Losses,
            SaveWhat::LossPlot,
            SaveWhat::LossPicture,
            SaveWhat::Weights,
        ];
        let what = all[self.below(all.len())];
        self.app.apply(Action::SaveWhat(what));
        self.saved += 1;
        self.app.apply(Action::SavePath(format!("/data/ada/pictures/{}", self.saved)));
        self.app.apply(Action::Save);
        if self.below(2) == 0 {
            self.app.apply(Action::ToggleSave);
        }
    }

    /// The engine answers what can be answered at once.
    fn answer(&mut self) {
        let asked: Vec<Command> = self.commands.try_iter().collect();
        for command in asked {
            let answer = match command {
                Command::Save { path, .. } => Event::Saved { what: "pictures", path },
                Command::ListRuns { folder } => Event::Runs { folder, runs: Vec::new() },
                _ => continue,
            };
            self.tell(vec![answer]);
        }
    }

    /// One frame at a moment, and how long it took: events, layout, triangles.
    fn frame(&mut self, time: f64) -> Duration {
        let pointer = pos2(self.below(1440) as f32, self.below(900) as f32);
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, Vec2::new(1440.0, 900.0))),
            time: Some(time),
            events: vec![egui::Event::PointerMoved(pointer)],
            ..RawInput::default()
        };
        let begun = Instant::now();
        while self.app.drain() {}
        self.app.tick(0.1);
        let mut actions = Vec::new();
        let output = self.ctx.run_ui(input, |ui| actions = self.view.show(ui, &self.app.state));
        actions.into_iter().for_each(|action| self.app.apply(action));
        let triangles = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        assert!(!triangles.is_empty());
        begun.elapsed()
    }
}

/// Resident memory of this process, MiB: field 2 of `/proc/self/statm` (proc(5)), in pages of 4 KiB.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<f64>().unwrap() / 256.0
}

/// What was measured in one part of the time.
struct Part {
    memory: f64,
    p50: Duration,
    p99: Duration,
    frames: usize,
}

/// Plays so many parts of so many seconds each, with so many frames a second, at each of which the person does something.
fn play(parts: usize, seconds: u64, frames: u64) -> Vec<Part> {
    let told = Told::new();
    let mut session = Session::new();
    session.tell(vec![run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    session.frame(0.0);
    let run = session.app.state.run.as_ref().unwrap().folder.clone();
    let measured = (0..parts).map(|part| {
        let mut taken = Vec::new();
        for second in part as u64 * seconds..(part as u64 + 1) * seconds {
            let mut events = told.second(second, &run);
            for frame in (1..=frames).rev() {
                let rest = events.split_off(events.len() / frame as usize);
                session.tell(std::mem::replace(&mut events, rest));
                session.act();
                taken.push(session.frame(second as f64 + 1.0 - frame as f64 / frames as f64));
                session.answer();
            }
            if second.is_multiple_of(60) {
                session.tell(told.drawing(second + 1));
            }
            if second % 300 == 299 {
                session.export();
            }
        }
        taken.sort();
        let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize];
        let part = Part { memory: resident(), p50: at(0.5), p99: at(0.99), frames: taken.len() };
        let Part { memory, p50, p99, frames } = &part;
        println!("{memory:.0} MiB, {frames} frames: median {p50:.2?}, p99 {p99:.2?}");
        part
    });
    let measured = measured.collect();
    assert_eq!(session.app.state.loss.train.len(), parts as u64 * seconds * STEPS_A_SECOND, "losses that arrived");
    measured
}

#[test]
fn the_memory_of_an_hour_is_that_of_its_half() {
    let measured = play(6, HOUR / 6, 1);
    // By then, the films of the training fill what they may take.
    let grown = measured[5].memory - measured[2].memory;
    assert!(grown < 16.0, "{grown:.1} MiB more");
}

#[test]
#[ignore = "takes minutes; its last result stands in docs/reliability.md"]
fn ten_hours_are_as_quick_and_as_small_as_one() {
    let measured = play(10, HOUR, 4);
    let (first, last) = (&measured[0], &measured[9]);
    let grown = last.memory - first.memory;
    assert!(grown < 16.0, "{grown:.1} MiB more");
    assert!(last.p99 < BAR, "p99 is {:?}", last.p99);
    assert!(last.p50 < 2 * first.p50, "{:?}, not {:?}", last.p50, first.p50);
}
