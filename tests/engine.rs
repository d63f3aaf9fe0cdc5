//! Journey: the engine as the window uses it: train, pause, step, sample, save, stop, fail and go on, close.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use diffuscope::config::{Budget, Preset, SamplingSettings, Settings, WeightsKind};
use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Activity, Command, EndReason, Event, Handle, Save, work};

/// Long enough for a loaded machine; no test waits that long unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);

struct Engine {
    handle: Handle,
    seen: Vec<Event>,
}

impl Engine {
    fn start() -> Self {
        Self { handle: Handle::spawn(|| (), work(DeviceChoice::Cpu)).unwrap(), seen: Vec::new() }
    }

    fn send(&self, command: Command) {
        self.handle.send(command).unwrap();
    }

    /// Waits for the first event that `wanted` accepts.
    fn wait<R>(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> Option<R>) -> R {
        let begun = Instant::now();
        loop {
            while let Some(event) = self.handle.poll() {
                let found = wanted(&event);
                self.seen.push(event);
                if let Some(found) = found {
                    return found;
                }
            }
            assert!(begun.elapsed() < PATIENCE, "no {what}; the last events: {:?}", self.seen.iter().rev().take(3));
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    fn wait_for_step(&mut self, at_least: u64) -> u64 {
        self.wait("step", |event| match event {
            Event::Step(report) if report.step >= at_least => Some(report.step),
            Event::Failed { what, .. } => panic!("{what}"),
            _ => None,
        })
    }

    fn wait_for(&mut self, activity: Activity) {
        self.wait("activity", |event| matches!(event, Event::Activity(a) if *a == activity).then_some(()));
    }

    /// No step arrives while the engine holds.
    fn assert_still(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(150) {
            if let Some(event) = self.handle.poll() {
                assert!(!matches!(event, Event::Step(_)), "a step while paused");
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

fn settings(budget: Budget) -> Settings {
    let mut settings = Preset::Nano.settings();
    settings.data.subset = diffuscope::config::Subset::First(256);
    settings.training.batch_size = 16;
    settings.training.budget = budget;
    settings
}

fn sampling() -> SamplingSettings {
    SamplingSettings { steps: 4, count: 4, ..Preset::Nano.settings().sampling }
}

fn train(out: &Path, budget: Budget) -> Command {
    Command::Train { settings: Box::new(settings(budget)), out: out.to_path_buf() }
}

#[test]
fn train_pause_step_sample_save_and_stop() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut engine = Engine::start();
    engine.send(train(&run, Budget::Steps(100_000)));
    let started = engine.wait("start", |event| match event {
        Event::RunStarted(started) => Some(started.clone()),
        _ => None,
    });
    assert_eq!((started.images, started.step), (256, 0));
    engine.wait_for_step(3);

    engine.send(Command::Pause);
    engine.wait_for(Activity::Paused);
    engine.assert_still();
    let held = engine.seen.iter().filter(|e| matches!(e, Event::Step(_))).count() as u64;
    engine.send(Command::Step);
    assert_eq!(engine.wait_for_step(1), held + 1);
    engine.wait_for(Activity::Paused);
    engine.assert_still();

    // While it is held, and from the moving average.
    engine.send(Command::Sample { settings: sampling() });
    let mut frames = Vec::new();
    engine.wait("end of sampling", |event| match event {
        Event::Frame { frame, .. } => {
            frames.push(frame.clone());
            None
        }
        Event::SamplingEnded { cancelled, .. } => {
            assert!(!cancelled);
            Some(())
        }
        _ => None,
    });
    assert_eq!(frames.len(), 5);
    assert_eq!(frames.iter().map(|f| f.step).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert!(frames.windows(2).all(|pair| pair[0].t > pair[1].t));
    assert_eq!(frames[4].t, 0);
    assert_eq!((frames[4].x_t.count(), frames[4].x_t.width), (4, 28));

    let weights = folder.path().join("out/weights.safetensors");
    engine.send(Command::Save { what: Save::Weights { kind: WeightsKind::Ema }, path: weights.clone() });
    engine.wait("saved", |event| matches!(event, Event::Saved { .. }).then_some(()));
    assert!(weights.is_file());

    engine.send(Command::Continue);
    engine.wait_for(Activity::Training);
    engine.wait_for_step(held + 3);
    engine.send(Command::Stop);
    let (step, reason) = engine.wait("end of the run", |event| match event {
        Event::RunEnded { step, reason, .. } => Some((*step, *reason)),
        _ => None,
    });
    assert_eq!(reason, EndReason::Stopped);
    engine.wait("model", |event| matches!(event, Event::ModelReady(model) if model.step == step).then_some(()));

    engine.send(Command::ResumeRun { run });
    assert_eq!(engine.wait_for_step(1), step + 1);
    assert!(engine.handle.shutdown(Duration::from_secs(2)));
}

#[test]
fn a_failure_is_told_and_the_next_run_starts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let mut engine = Engine::start();
    engine.send(Command::Sample { settings: sampling() });
    engine.wait("failure", |event| matches!(event, Event::Failed { during: "sampling", .. }).then_some(()));

    engine.send(train(&folder.path().join("file/run"), Budget::Steps(2)));
    engine.wait("failure", |event| matches!(event, Event::Failed { during: "starting the run", .. }).then_some(()));
    engine.wait_for(Activity::Idle);

    let mut diverging = settings(Budget::Steps(1000));
    diverging.training.learning_rate = 1.0;
    diverging.training.clip_norm = 0.0;
    diverging.training.beta1 = 0.0;
    diverging.training.weight_decay = 1e30;
    let out = folder.path().join("diverging");
    engine.send(Command::Train { settings: Box::new(diverging), out });
    engine.wait("divergence", |event| match event {
        Event::Failed { what, .. } => {
            assert!(what.contains("diverged"), "{what}");
            Some(())
        }
        _ => None,
    });

    engine.send(train(&folder.path().join("run"), Budget::Steps(3)));
    let reason = engine.wait("end of the run", |event| match event {
        Event::RunEnded { reason: EndReason::Failed, .. } => None,
        Event::RunEnded { reason, step, .. } => Some((*reason, *step)),
        _ => None,
    });
    assert_eq!(reason, (EndReason::Completed, 3));
}

#[test]
fn digits_are_judged_while_a_model_trains() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut engine = Engine::start();
    let mut settings = settings(Budget::Steps(100_000));
    settings.training.eval_seconds = 0.05;
    engine.send(Command::Train { settings: Box::new(settings), out: run.clone() });
    let (step, eval) = engine.wait("evaluation", |event| match event {
        Event::Evaluated { step, eval } => Some((*step, *eval)),
        _ => None,
    });
    assert_eq!(eval.classes.iter().sum::<usize>(), eval.count);
    assert!(engine.handle.shutdown(Duration::from_secs(2)));
    let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let line = metrics.lines().find(|line| line.contains("\"eval\"")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((line["step"].as_u64(), line["eval"]["count"].as_u64()), (Some(step), Some(eval.count as u64)));
    assert_eq!(line["eval"]["distance"].as_f64(), Some(eval.distance));
}

#[test]
fn closing_while_training_saves_and_ends_within_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut engine = Engine::start();
    engine.send(train(&run, Budget::Steps(100_000)));
    let step = engine.wait_for_step(5);
    let begun = Instant::now();
    assert!(engine.handle.shutdown(Duration::from_secs(2)), "the worker did not end");
    assert!(begun.elapsed() < Duration::from_secs(2));
    let (checkpoint, _, notice) = diffuscope::train::folder::newest_checkpoint(&run).unwrap();
    assert!(checkpoint.step >= step && notice.is_none());
}

#[test]
fn a_newer_sampling_replaces_the_one_in_progress() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = Engine::start();
    engine.send(train(&folder.path().join("run"), Budget::Steps(2)));
    engine.wait("model", |event| matches!(event, Event::ModelReady(_)).then_some(()));
    engine.send(Command::Sample { settings: SamplingSettings { steps: 1000, count: 64, ..sampling() } });
    let first = engine.wait("start", |event| match event {
        Event::SamplingStarted { id, .. } => Some(*id),
        _ => None,
    });
    engine.send(Command::Sample { settings: sampling() });
    let mut cancelled_first = false;
    let last = engine.wait("end of the second", |event| match event {
        Event::SamplingEnded { id, cancelled, .. } if *id == first => {
            cancelled_first = *cancelled;
            None
        }
        Event::SamplingEnded { id, cancelled: false, .. } => Some(*id),
        _ => None,
    });
    assert!(cancelled_first && last > first);
}
