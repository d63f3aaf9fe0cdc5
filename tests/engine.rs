//! Journey: the engine as the window uses it: train, pause, step, sample, save, stop, fail and go on, close.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diffuscope::config::{Budget, Preset, SamplingSettings, Settings, WeightsKind};
use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Activity, Command, DrawnFor, EndReason, Event, Handle, Save, Task, work};
use diffuscope::pictures::Pictures;

/// Long enough for a loaded machine; no test waits that long unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// One at a time: what is timed here must not share the cores with another training.
static ALONE: Mutex<()> = Mutex::new(());

struct Engine {
    _alone: MutexGuard<'static, ()>,
    handle: Handle,
    seen: Vec<Event>,
}

impl Engine {
    fn start() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { _alone: alone, handle: Handle::spawn(|| (), work(DeviceChoice::Cpu)).unwrap(), seen: Vec::new() }
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
    assert!(started.estimate.is_some_and(|estimate| estimate.steps == 100_000 && estimate.seconds() > 1.0));
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
    engine.send(Command::Sample { settings: sampling(), why: DrawnFor::Person });
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
    engine.send(Command::Save {
        what: Save::Weights { kind: WeightsKind::Ema },
        path: weights.clone(),
        replace: false,
    });
    engine.wait("saved", |event| matches!(event, Event::Saved { .. }).then_some(()));
    assert!(weights.is_file());

    let pictures = (*frames[4].x_t).clone();
    let at = |name: &str| folder.path().join("out").join(name);
    engine.send(Command::Save {
        what: Save::Grid { pictures: pictures.clone(), columns: 2, provenance: None },
        path: at("grid.png"),
        replace: false,
    });
    engine.send(Command::Save {
        what: Save::Singles { pictures: pictures.clone(), provenance: None },
        path: at("each"),
        replace: false,
    });
    let film = frames.iter().map(|frame| (*frame.x_t).clone()).collect();
    engine.send(Command::Save {
        what: Save::Animation { frames: film, columns: 2 },
        path: at("film.gif"),
        replace: false,
    });
    engine.send(Command::Save { what: Save::Losses { run: run.clone() }, path: at("losses.csv"), replace: false });
    for _ in 0..4 {
        engine.wait("saved", |event| matches!(event, Event::Saved { .. }).then_some(()));
    }
    // What is there is replaced when that is asked for, and not before.
    let other =
        || Save::Grid { pictures: Pictures { width: 1, height: 1, pixels: vec![7] }, columns: 1, provenance: None };
    let before = std::fs::read(at("grid.png")).unwrap();
    engine.send(Command::Save { what: other(), path: at("grid.png"), replace: false });
    let there = engine.wait("an answer", |event| match event {
        Event::FileExists { path } => Some(path.clone()),
        _ => None,
    });
    assert_eq!((there, std::fs::read(at("grid.png")).unwrap()), (at("grid.png"), before.clone()));
    engine.send(Command::Save { what: other(), path: at("grid.png"), replace: true });
    engine.wait("saved", |event| matches!(event, Event::Saved { .. }).then_some(()));
    assert_ne!(std::fs::read(at("grid.png")).unwrap(), before);
    std::fs::write(at("grid.png"), before).unwrap();
    let grid = image::open(at("grid.png")).unwrap().into_luma8();
    assert_eq!(grid.as_raw(), &pictures.grid(2, 2, 0).pixels);
    assert_eq!(image::open(at("each/0003.png")).unwrap().into_luma8().as_raw(), pictures.get(3));
    let table = std::fs::read_to_string(at("losses.csv")).unwrap();
    assert!(table.starts_with("step,epoch,images,seconds,loss,"), "{table}");
    let gif =
        image::codecs::gif::GifDecoder::new(std::io::Cursor::new(std::fs::read(at("film.gif")).unwrap())).unwrap();
    assert_eq!(image::AnimationDecoder::into_frames(gif).count(), 5);

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

/// Paused, stepped by hand and resumed on the way, a run ends in the bytes of one that went straight through.
#[test]
fn a_paused_run_ends_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let tensors = |run: &str| {
        let path = folder.path().join(run).join("checkpoint.safetensors");
        let bytes = std::fs::read(path).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let all = file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec()));
        all.collect::<std::collections::BTreeMap<_, _>>()
    };
    let mut engine = Engine::start();
    let end = |event: &Event| matches!(event, Event::RunEnded { reason: EndReason::Completed, .. }).then_some(());
    engine.send(train(&folder.path().join("straight"), Budget::Steps(30)));
    engine.wait("end of the run", end);

    engine.send(train(&folder.path().join("paused"), Budget::Steps(30)));
    engine.send(Command::Pause);
    engine.wait_for(Activity::Paused);
    for _ in 0..3 {
        engine.send(Command::Step);
        engine.wait_for(Activity::Paused);
    }
    engine.send(Command::Sample { settings: sampling(), why: DrawnFor::Person });
    engine.send(Command::Continue);
    engine.wait("end of the run", end);
    assert_eq!(tensors("straight"), tensors("paused"));
}

/// The disk refuses the checkpoint: the run is held, and goes on when it is asked to and there is room.
#[test]
fn a_disk_that_refuses_holds_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let obstacle = run.join("checkpoint.next.safetensors");
    std::fs::create_dir_all(obstacle.join("occupied")).unwrap();
    let mut engine = Engine::start();
    engine.send(train(&run, Budget::Steps(5)));
    engine.wait("failure", |event| matches!(event, Event::Failed { during: Task::KeepingRun, .. }).then_some(()));
    engine.wait_for(Activity::Paused);
    std::fs::remove_dir_all(&obstacle).unwrap();
    engine.send(Command::Continue);
    engine.wait("end of the run", |event| {
        matches!(event, Event::RunEnded { reason: EndReason::Completed, .. }).then_some(())
    });
    assert!(run.join("checkpoint.safetensors").is_file());
}

#[test]
fn a_failure_is_told_and_the_next_run_starts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let mut engine = Engine::start();
    engine.send(Command::Sample { settings: sampling(), why: DrawnFor::Person });
    engine.wait("failure", |event| matches!(event, Event::Failed { during: Task::Sampling, .. }).then_some(()));

    engine.send(train(&folder.path().join("file/run"), Budget::Steps(2)));
    engine.wait("failure", |event| matches!(event, Event::Failed { during: Task::StartingRun, .. }).then_some(()));
    engine.wait_for(Activity::Idle);

    let mut diverging = settings(Budget::Steps(1000));
    diverging.training.learning_rate = 1.0;
    diverging.training.clip_norm = 0.0;
    diverging.training.beta1 = 0.0;
    diverging.training.weight_decay = 1e30;
    let out = folder.path().join("diverging");
    engine.send(Command::Train { settings: Box::new(diverging), out });
    // The window is told each time that it goes back, so that it stays, and forgets the losses of the steps that are undone.
    for last in ["(time 1 of at most 2)", "(time 2 of at most 2)", "is not a finite number at step 2"] {
        let what = engine.wait("divergence", |event| match event {
            Event::Failed { during: Task::GoingBack | Task::Training, what, .. } => Some(what.clone()),
            _ => None,
        });
        assert!(what.starts_with("training diverged") && what.ends_with(last), "{what}");
    }
    assert_eq!(engine.seen.iter().filter(|event| matches!(event, Event::History(_))).count(), 2);

    engine.send(train(&folder.path().join("run"), Budget::Steps(3)));
    let reason = engine.wait("end of the run", |event| match event {
        Event::RunEnded { reason: EndReason::Failed, .. } => None,
        Event::RunEnded { reason, step, .. } => Some((*reason, *step)),
        _ => None,
    });
    assert_eq!(reason, (EndReason::Completed, 3));
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
fn stopping_a_run_that_waits_for_its_folder_keeps_its_last_step_where_that_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let (run, away) = (folder.path().join("run"), folder.path().join("away"));
    let mut engine = Engine::start();
    let mut settings = Box::new(settings(Budget::Steps(100_000)));
    settings.training.checkpoint_every = 1;
    engine.send(Command::Train { settings, out: run.clone() });
    engine.wait("checkpoint", |event| matches!(event, Event::Checkpointed { .. }).then_some(()));
    std::fs::rename(&run, &away).unwrap();
    engine.wait_for(Activity::Paused);
    std::fs::rename(&away, &run).unwrap();
    engine.send(Command::Stop);
    let step = engine.wait("end of the run", |event| match event {
        Event::RunEnded { reason, step, .. } => Some((*reason == EndReason::Stopped).then_some(*step)),
        _ => None,
    });
    assert_eq!(Some(diffuscope::train::folder::newest_checkpoint(&run).unwrap().0.step), step);
}

/// A drawing of the grid takes many seconds with a deep network; it is left out when the window is closed.
#[test]
fn closing_does_not_wait_for_the_grid() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut settings = Preset::Base.settings();
    settings.training.batch_size = 2;
    settings.training.preview_seconds = 0.001;
    settings.data.subset = diffuscope::config::Subset::First(64);
    let mut engine = Engine::start();
    engine.send(Command::Train { settings: Box::new(settings), out: run.clone() });
    engine.wait_for_step(1);
    let begun = Instant::now();
    assert!(engine.handle.shutdown(Duration::from_secs(10)), "the worker did not end");
    // Two seconds on an idle machine: one step and the writing of a checkpoint of 100 MB.
    assert!(begun.elapsed() < Duration::from_secs(6), "it took {:?}", begun.elapsed());
    assert!(run.join("checkpoint.safetensors").is_file());
}

#[test]
fn a_newer_sampling_replaces_the_one_in_progress() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = Engine::start();
    engine.send(train(&folder.path().join("run"), Budget::Steps(2)));
    engine.wait("model", |event| matches!(event, Event::ModelReady(_)).then_some(()));
    engine.send(Command::Sample {
        settings: SamplingSettings { steps: 1000, count: 64, ..sampling() },
        why: DrawnFor::Person,
    });
    let first = engine.wait("start", |event| match event {
        Event::SamplingStarted { id, .. } => Some(*id),
        _ => None,
    });
    engine.send(Command::Sample { settings: sampling(), why: DrawnFor::Person });
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

#[test]
fn images_are_looked_at_before_training_and_beside_it() {
    use diffuscope::config::{DataSource, Digits};
    let mut engine = Engine::start();
    let mut data = Preset::Small.settings().data;
    data.digits = Digits::of(&[4]).unwrap();
    engine.send(Command::LookAtData { data: Box::new(data.clone()), seed: 3, again: false });
    let count = engine.wait("a contact sheet", |event| match event {
        Event::DataSeen { sheet, seed: 3, .. } => Some(sheet.train),
        _ => None,
    });
    assert_eq!(count, data.digits.in_mnist());

    let folder = tempfile::tempdir().unwrap();
    engine
        .send(Command::Train { settings: Box::new(settings(Budget::Steps(100_000))), out: folder.path().join("run") });
    engine.wait_for_step(2);
    data.source = DataSource::Path(folder.path().join("nothing"));
    engine.send(Command::LookAtData { data: Box::new(data.clone()), seed: 3, again: false });
    let hint = engine.wait("a failure", |event| match event {
        Event::Failed { during: Task::ReadingData, hint, .. } => Some(hint.clone()),
        _ => None,
    });
    assert!(!hint.is_empty());
    data.source = DataSource::Mnist;
    engine.send(Command::LookAtData { data: Box::new(data), seed: 4, again: false });
    engine.wait("another", |event| matches!(event, Event::DataSeen { seed: 4, .. }).then_some(()));
    engine.send(Command::Stop);
    engine.wait_for(Activity::Idle);
}
