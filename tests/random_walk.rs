//! A random walk through the window: keys, sizes, commands, and an engine that answers in its own time. After each move
//! the window's state is that of the engine; a walk that fails is printed as short as it can be made.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use diffuscope::app::Action;
use diffuscope::config::Preset;
use diffuscope::engine::{Activity, Command, EndReason, Event, Frame};
use diffuscope::pictures::Pictures;
use diffuscope::rng::Stream;
use diffuscope::train::StepReport;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use scene::{Scene, drawn_by, model_learned, run_started};

/// A frame of the window takes a few milliseconds; a move that takes this long hangs.
const LONGEST: Duration = Duration::from_secs(20);

const KEYS: [Key; 27] = [
    Key::Enter,
    Key::P,
    Key::Period,
    Key::R,
    Key::D,
    Key::J,
    Key::Z,
    Key::Backspace,
    Key::S,
    Key::E,
    Key::G,
    Key::Num1,
    Key::Num2,
    Key::Num3,
    Key::Num4,
    Key::B,
    Key::L,
    Key::T,
    Key::I,
    Key::K,
    Key::Space,
    Key::ArrowRight,
    Key::ArrowLeft,
    Key::X,
    Key::W,
    Key::Home,
    Key::Escape,
];

#[derive(Debug, Clone, PartialEq)]
enum Move {
    Key(Modifiers, Key),
    Resize(f32, f32),
    Ask(Action),
    /// The engine answers what it was asked, and takes so many steps if it trains.
    Engine(u64),
}

fn any(random: &mut Stream) -> Move {
    let mut below = |most: usize| ((random.uniform() * most as f64) as usize).min(most - 1);
    match below(10) {
        0 => Move::Resize(640.0 + 80.0 * below(16) as f32, 480.0 + 60.0 * below(10) as f32),
        1 => Move::Ask([Action::Train, Action::Sample, Action::Save, Action::Open, Action::Stop][below(5)].clone()),
        2..=4 => Move::Engine(below(40) as u64),
        _ => {
            let modifiers = [Modifiers::COMMAND, Modifiers::COMMAND | Modifiers::SHIFT, Modifiers::NONE][below(3)];
            Move::Key(modifiers, KEYS[below(KEYS.len())])
        }
    }
}

/// The engine, as far as a window can tell.
struct Engine {
    activity: Activity,
    step: u64,
    /// Losses of the run that the window was told of.
    told: u64,
    drawings: u64,
}

impl Engine {
    fn answer(&mut self, command: &Command) -> Vec<Event> {
        let running = matches!(self.activity, Activity::Training | Activity::Paused);
        let settings = || Preset::Nano.settings();
        match command {
            Command::Train { .. } if !running => {
                (self.activity, self.step, self.told) = (Activity::Training, 0, 0);
                vec![run_started(settings(), 0), Event::Activity(Activity::Training)]
            }
            Command::ResumeRun { .. } if !running => {
                self.activity = Activity::Training;
                if self.step == 0 {
                    self.told = 0;
                }
                vec![run_started(settings(), self.step), Event::Activity(Activity::Training)]
            }
            Command::Pause if running => self.now(Activity::Paused),
            Command::Continue if running => self.now(Activity::Training),
            Command::Step if running => {
                self.activity = Activity::Paused;
                vec![self.step(), Event::Activity(Activity::Paused)]
            }
            Command::Stop if running => {
                self.activity = Activity::Idle;
                let run = "/data/ada/runs/2026-11-24_153012-small".into();
                let ended = Event::RunEnded { step: self.step, reason: EndReason::Stopped, run };
                vec![ended, model_learned(settings()), Event::Activity(Activity::Idle)]
            }
            Command::Sample { settings, why } => {
                self.drawings += 1;
                let (id, why, count) = (self.drawings, *why, settings.count);
                let classes = vec![None; count];
                let model = Box::new(Preset::Nano.settings());
                let provenance = Box::new(drawn_by(&Preset::Nano.settings()));
                let picture = || Arc::new(Pictures { width: 28, height: 28, pixels: vec![7; 784 * count] });
                let frame = Frame { step: 0, t: 0, x_t: picture(), x0_hat: picture(), eps_hat: picture() };
                vec![
                    Event::SamplingStarted { id, why, frames: 1, count, timesteps: 1000, classes, model, provenance },
                    Event::Frame { id, frame },
                    Event::SamplingEnded { id, cancelled: false, seconds: 0.1 },
                ]
            }
            Command::ListRuns { folder } => vec![Event::Runs { folder: folder.clone(), runs: Vec::new() }],
            Command::Save { path, .. } => vec![Event::Saved { what: "pictures", path: path.clone() }],
            _ if running => Vec::new(),
            _ => vec![Event::Activity(Activity::Idle)],
        }
    }

    fn now(&mut self, activity: Activity) -> Vec<Event> {
        self.activity = activity;
        vec![Event::Activity(activity)]
    }

    fn step(&mut self) -> Event {
        self.step += 1;
        self.told += 1;
        let (step, seconds) = (self.step, self.step as f64);
        let progress = (step as f64 / 1e6).min(1.0);
        let (epoch, images, loss, lr, grad_norm) = (progress, 8 * step, 0.5, 1e-3, 1.0);
        Event::Step(StepReport { step, epoch, images, loss, lr, grad_norm, seconds, progress })
    }
}

/// Walks; panics where the window and the engine differ.
fn walk(moves: &[Move]) {
    let mut scene = Scene::new(Harness::builder().with_size(egui::vec2(1440.0, 900.0)));
    let mut engine = Engine { activity: Activity::Idle, step: 0, told: 0, drawings: 0 };
    for made in moves {
        let begun = Instant::now();
        match made {
            Move::Key(modifiers, key) => scene.harness.key_press_modifiers(*modifiers, *key),
            Move::Resize(width, height) => {
                scene.harness.set_size(egui::vec2(*width, *height));
            }
            Move::Ask(action) => scene.harness.state_mut().apply(action.clone()),
            Move::Engine(steps) => {
                // What was asked may be asked again by what is answered: a drawing once a model is there.
                for _ in 0..4 {
                    let asked: Vec<Command> = scene.commands.try_iter().collect();
                    let answers: Vec<Event> = asked.iter().flat_map(|command| engine.answer(command)).collect();
                    scene.play(answers);
                }
                let steps = if engine.activity == Activity::Training { *steps } else { 0 };
                let told: Vec<Event> = (0..steps).map(|_| engine.step()).collect();
                scene.play(told);
                let state = scene.state();
                if scene.commands.is_empty() {
                    assert_eq!(state.activity, engine.activity, "the activity");
                }
                assert_eq!(state.loss.train.len(), engine.told, "losses that arrived");
                assert!(engine.told == 0 || state.progress.step == engine.step, "the step");
                assert!(state.sampling.is_none(), "a drawing that has ended goes on");
            }
        }
        scene.harness.run_steps(1);
        assert!(scene.state().notices.iter().count() <= 20);
        assert!(begun.elapsed() < LONGEST, "a move took {:?}", begun.elapsed());
    }
}

fn fails(moves: &[Move]) -> bool {
    catch_unwind(AssertUnwindSafe(|| walk(moves))).is_err()
}

/// Leaves out what is not needed for the walk to fail: ever smaller pieces, as in delta debugging.
fn shortest(mut moves: Vec<Move>, fails: impl Fn(&[Move]) -> bool) -> Vec<Move> {
    let mut piece = moves.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < moves.len() {
            let mut fewer = moves.clone();
            fewer.drain(at..(at + piece).min(moves.len()));
            if fails(&fewer) {
                moves = fewer;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    moves
}

fn walks(seed: u64, length: usize) {
    let mut random = Stream::new(seed, "walk", 0);
    let moves: Vec<Move> = (0..length).map(|_| any(&mut random)).collect();
    if fails(&moves) {
        let moves = shortest(moves, fails);
        println!("seed {seed}: {moves:?}");
        walk(&moves);
        panic!("seed {seed}: it fails only now and then: {moves:?}");
    }
}

#[test]
fn a_walk_that_fails_is_made_short() {
    let needed = [Move::Engine(3), Move::Resize(640.0, 480.0)];
    let mut random = Stream::new(9, "walk", 0);
    let mut moves: Vec<Move> = (0..200).map(|_| any(&mut random)).filter(|made| !needed.contains(made)).collect();
    moves.insert(150, needed[1].clone());
    moves.insert(20, needed[0].clone());
    assert_eq!(shortest(moves, |moves| needed.iter().all(|needed| moves.contains(needed))), needed);
}

#[test]
fn four_hundred_random_moves() {
    walks(1, 400);
}

/// Those of the walks by hand; `WALK_SEEDS=20..70` has others.
fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("WALK_SEEDS") else { return 10..20 };
    let (first, end) = text.split_once("..").expect("two numbers with .. between them");
    first.parse().unwrap()..end.parse().unwrap()
}

#[test]
#[ignore = "takes minutes; its last result stands in docs/reliability.md"]
fn ten_walks_of_a_thousand_random_moves() {
    for seed in seeds() {
        walks(seed, 1000);
        println!("seed {seed}: 1000 moves");
    }
}
