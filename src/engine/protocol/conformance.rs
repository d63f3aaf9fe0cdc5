//! What the real engine did under a random load, in channels of two, as the window saw it: could the model have done so?
//! All states in which the model can be are kept; where none is left, it could not.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::handle::Room;
use super::super::{Activity, Command, DrawnFor, Event, Handle, Save, work};
use super::model::{Ask, Label, News, Phase, Rules, State, View};
use crate::config::{Budget, DataSource, Preset, SamplingSettings, Settings, Subset, WeightsKind};
use crate::device::DeviceChoice;
use crate::pictures::Pictures;
use crate::rng::Stream;

const RULES: Rules = Rules {
    room: Room { commands: 2, events: 2 },
    a_frame: 2,
    steps: 6,
    frames: 3,
    results: None,
    presses: 200,
    loses_patience: false,
    panics: false,
    broken: None,
};

/// Longer than any of it takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The states in which the model can be after what was seen.
struct Possible(HashSet<State>);

impl Possible {
    fn new() -> Self {
        Self(with_hidden(vec![State::new(&RULES)]))
    }

    /// Leaves those in which the model could be after one more thing was seen; false if there is none.
    fn sees(&mut self, seen: Label) -> bool {
        let successors = self.0.iter().flat_map(|state| state.successors(&RULES));
        let after = successors.filter(|(label, _)| *label == seen).map(|(_, state)| state);
        self.0 = with_hidden(after.collect());
        !self.0.is_empty()
    }

    /// The same in all of them, as it follows from what was seen.
    fn told(&self) -> Activity {
        self.0.iter().next().expect("there is a state").told
    }
}

/// The states, and what follows from them by steps that the window does not see.
fn with_hidden(mut states: Vec<State>) -> HashSet<State> {
    let mut known: HashSet<State> = states.iter().cloned().collect();
    while let Some(state) = states.pop() {
        for (label, next) in state.successors(&RULES) {
            if matches!(label, Label::Hidden(_)) && known.insert(next.clone()) {
                states.push(next);
            }
        }
    }
    known
}

/// Whether the model could have done this.
fn accepts(trace: &[Label]) -> bool {
    let mut possible = Possible::new();
    trace.iter().all(|seen| possible.sees(*seen))
}

/// A window on the real engine, which sleeps until it is woken.
struct Watched {
    handle: Handle,
    woken: Arc<AtomicBool>,
    possible: Possible,
    trace: Vec<Label>,
    runs: usize,
}

impl Watched {
    fn new() -> Self {
        let woken = Arc::new(AtomicBool::new(false));
        let (flag, window) = (Arc::clone(&woken), std::thread::current());
        let wake = move || {
            flag.store(true, Ordering::SeqCst);
            window.unpark();
        };
        let handle = Handle::spawn_with(RULES.room, wake, work(DeviceChoice::Cpu)).unwrap();
        Self { handle, woken, possible: Possible::new(), trace: Vec::new(), runs: 0 }
    }

    fn sees(&mut self, seen: Label) {
        self.trace.push(seen);
        let last = &self.trace[self.trace.len().saturating_sub(30)..];
        assert!(self.possible.sees(seen), "the model could not have done the last of {last:#?}");
    }

    /// A frame, if the window was woken.
    fn frame(&mut self) -> bool {
        if !self.woken.swap(false, Ordering::SeqCst) {
            return false;
        }
        self.sees(Label::FrameBegins);
        for _ in 0..RULES.a_frame {
            match self.handle.poll() {
                Some(event) => self.sees(Label::Took(news(&event))),
                None => {
                    self.sees(Label::TookNothing);
                    return true;
                }
            }
        }
        self.sees(Label::FrameEnds);
        self.woken.store(true, Ordering::SeqCst);
        true
    }

    fn press(&mut self, ask: Ask, folder: &Path) {
        if ask == Ask::Train && self.possible.told() != Activity::Idle {
            return;
        }
        self.runs += 1;
        let sent = self.handle.send(command(ask, folder, self.runs));
        self.sees(if sent.is_ok() { Label::Sent(ask) } else { Label::Refused(ask) });
    }
}

fn command(ask: Ask, folder: &Path, number: usize) -> Command {
    match ask {
        // Where there is a run already, it cannot start.
        Ask::Train => {
            Command::Train { settings: Box::new(settings(folder)), out: folder.join(format!("run-{}", number % 5)) }
        }
        Ask::Pause => Command::Pause,
        Ask::Continue => Command::Continue,
        Ask::Step => Command::Step,
        Ask::Stop => Command::Stop,
        Ask::Sample => {
            let settings = SamplingSettings { count: 1, steps: 2, ..settings(folder).sampling };
            Command::Sample { settings, why: DrawnFor::Person }
        }
        Ask::Cancel => Command::CancelSampling,
        Ask::Save => {
            let pictures = Pictures { width: 2, height: 2, pixels: vec![7; 4] };
            let path = folder.join(format!("grid-{number}.png"));
            Command::Save { what: Save::Grid { pictures, columns: 1, provenance: None }, path, replace: false }
        }
        Ask::Raw => {
            Command::DrawGrid { weights: WeightsKind::Raw, run: Some(folder.join(format!("run-{}", number % 5))) }
        }
    }
}

fn settings(folder: &Path) -> Settings {
    let mut settings = Preset::Nano.settings();
    settings.data.source = DataSource::Path(folder.join("images"));
    (settings.data.subset, settings.data.held_out) = (Subset::First(16), 0);
    let training = &mut settings.training;
    (training.batch_size, training.checkpoint_every, training.preview_seconds) = (4, 2, 0.01);
    training.budget = Budget::Steps(RULES.steps.into());
    settings
}

/// 20 pictures, two of each class.
fn write_images(folder: &Path) {
    for class in 0..10 {
        let of_class = folder.join(class.to_string());
        std::fs::create_dir_all(&of_class).unwrap();
        for i in 0..2 {
            let pixels = (0..28 * 28).map(|pixel| (pixel * (class + 3) + i) as u8).collect();
            let picture = Pictures { width: 28, height: 28, pixels };
            std::fs::write(of_class.join(format!("{i}.png")), crate::pictures::png(&picture, None).unwrap()).unwrap();
        }
    }
}

fn news(event: &Event) -> News {
    match event {
        Event::Activity(activity) => News::Activity(*activity),
        Event::ReadingImages { .. } => News::Reading,
        Event::Notice(_) => News::Notice,
        Event::RunStarted(_) => News::RunStarted,
        Event::RunNamed { .. } => News::RunNamed,
        Event::Step(report) => News::Step(report.step as u8),
        Event::Preview(grid) if grid.weights == WeightsKind::Raw => News::RawGrid,
        Event::Preview(_) => News::Preview,
        Event::Worked(_) => News::Worked,
        Event::LossByTimestep { .. }
        | Event::HeldOut { .. }
        | Event::Evaluated { .. }
        | Event::Film { .. }
        | Event::Checkpointed { .. } => News::Result,
        Event::RunEnded { .. } => News::RunEnded,
        Event::ModelReady(_) => News::ModelReady,
        Event::SamplingStarted { .. } => News::DrawingStarted,
        Event::Frame { .. } => News::Frame,
        Event::SamplingEnded { .. } => News::DrawingEnded,
        Event::Saved { .. } => News::Saved,
        Event::Failed { .. } => News::Failed,
        other => panic!("nothing was asked for that gives {other:?}"),
    }
}

/// Begins a run, presses so many buttons at random moments, waits for the end of it all, and closes the window.
fn watch(seed: u64, presses: usize) -> Vec<Label> {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Stream::new(seed, "presses", 0);
    let mut below = |most: usize| ((random.uniform() * most as f64) as usize).min(most - 1);
    write_images(&folder.path().join("images"));
    let mut window = Watched::new();
    window.press(Ask::Train, folder.path());
    let mut pressed = 0;
    while pressed < presses {
        if below(12) == 0 {
            window.press(Ask::ALL[below(Ask::ALL.len())], folder.path());
            pressed += 1;
        } else if !window.frame() {
            std::thread::park_timeout(Duration::from_micros(200 * below(20) as u64));
        }
    }
    let begun = Instant::now();
    // A run to which nothing was said ends by itself.
    let mut asked = presses == 0;
    while window.possible.told() != Activity::Idle || !asked {
        asked = asked
            || window.handle.send(Command::Stop).is_ok_and(|()| {
                window.sees(Label::Sent(Ask::Stop));
                true
            });
        if !window.frame() {
            std::thread::park_timeout(Duration::from_millis(100));
        }
        assert!(begun.elapsed() < PATIENCE, "the window was not told of the end");
    }
    window.sees(Label::Closed);
    assert!(window.handle.shutdown(PATIENCE), "the engine did not end");
    let ended = |state: &State| state.view == View::Gone && state.worker.phase == Phase::Ended;
    assert!(window.possible.0.iter().any(ended), "the model could not have ended");
    window.trace
}

#[test]
fn the_model_could_have_done_all_that_the_engine_does() {
    let mut seen = Vec::new();
    for seed in 0..4 {
        let trace = watch(seed, 60);
        let steps = trace.iter().filter(|seen| matches!(seen, Label::Took(News::Step(_)))).count();
        println!("seed {seed}: {} things seen, {steps} of them losses", trace.len());
        assert!(steps > 0);
        seen.extend(trace);
    }
    // On a loaded machine the presses of one of them may all come when there is no grid to draw.
    assert!(seen.contains(&Label::Took(News::Reading)), "no image was read");
    assert!(seen.contains(&Label::Took(News::RawGrid)), "no grid was drawn anew");
}

/// What was found stands in `docs/reliability.md`.
#[test]
#[ignore = "takes minutes"]
fn the_model_could_have_done_all_that_the_engine_does_for_long() {
    let mut seen = 0;
    for seed in 100..150 {
        seen += watch(seed, 190).len();
    }
    println!("{seen} things seen");
}

#[test]
fn the_model_could_not_have_done_what_the_engine_must_not_do() {
    let trace = watch(7, 0);
    assert!(accepts(&trace));
    let at = |news: News| trace.iter().position(|seen| *seen == Label::Took(news)).expect("it was told");
    let (second, third) = (at(News::Step(2)), at(News::Step(3)));
    let without = |at: usize| [&trace[..at], &trace[at + 1..]].concat();
    assert!(!accepts(&without(second)), "a loss was lost");
    let mut swapped = trace.clone();
    swapped.swap(second, third);
    assert!(!accepts(&swapped), "losses came in another order");
    assert!(!accepts(&without(at(News::RunEnded))), "the end was not told");
    assert!(!accepts(&without(at(News::Activity(Activity::Training)))), "the activity was not told");
    let frame = trace.iter().position(|seen| *seen == Label::TookNothing).expect("it rested");
    let mut unwoken = trace[..=frame].to_vec();
    unwoken.extend([Label::FrameBegins, Label::TookNothing].repeat(1000));
    assert!(!accepts(&unwoken), "more wake-ups than events");
}
