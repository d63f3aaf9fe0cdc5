//! Journey on the engine: the grid drawn with the moving average or with the weights as they are, at any moment, from the
//! same noise; what the run learns and leaves on disk is the same.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use WeightsKind::{Ema, Raw};
use diffuscope::config::{Budget, Preset, Settings, Subset, WeightsKind};
use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Activity, Command, EndReason, Event, Handle, work};
use diffuscope::pictures::{Pictures, Provenance};
use diffuscope::sampling::{Drawing, pictures};
use diffuscope::train::{Grid, grid_settings};
use diffuscope::trained::TrainedModel;
use safetensors::SafeTensors;

/// Longer than any of it takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

struct Engine(Handle);

impl Engine {
    fn start() -> Self {
        Self(Handle::spawn(|| (), work(DeviceChoice::Cpu)).unwrap())
    }

    fn send(&self, command: Command) {
        self.0.send(command).unwrap();
    }

    fn train(&self, out: &Path, steps: u64) {
        let mut settings: Settings = Preset::Nano.settings();
        (settings.data.subset, settings.data.held_out) = (Subset::First(64), 0);
        let training = &mut settings.training;
        (training.batch_size, training.budget) = (8, Budget::Steps(steps));
        training.preview_seconds = 0.05;
        self.send(Command::Train { settings: Box::new(settings), out: out.to_path_buf() });
    }

    /// Waits for the first event that `wanted` accepts.
    fn wait<R>(&self, what: &str, mut wanted: impl FnMut(&Event) -> Option<R>) -> R {
        let begun = Instant::now();
        loop {
            while let Some(event) = self.0.poll() {
                assert!(!matches!(event, Event::Failed { .. }), "{event:?}");
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
            assert!(begun.elapsed() < PATIENCE, "no {what}");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    fn grid(&self, weights: WeightsKind) -> Grid {
        self.wait("grid", |event| match event {
            Event::Preview(grid) if grid.weights == weights => Some(grid.clone()),
            _ => None,
        })
    }

    fn held(&self) {
        self.wait("hold", |event| matches!(event, Event::Activity(Activity::Paused)).then_some(()));
    }

    fn ended(&self) -> EndReason {
        let reason = self.wait("end", |event| match event {
            Event::RunEnded { reason, .. } => Some(*reason),
            _ => None,
        });
        self.wait("rest", |event| matches!(event, Event::Activity(Activity::Idle)).then_some(()));
        reason
    }
}

/// The grid that a model draws.
fn expected(model: &TrainedModel, weights: WeightsKind) -> Pictures {
    let denoiser = model.denoiser(weights).unwrap();
    pictures(&Drawing::new(&denoiser, &grid_settings(weights)).unwrap().run(&mut |_, _| Ok(())).unwrap()).unwrap()
}

/// Images that go through the network in pieces are rounded otherwise by a hair.
fn same(one: &Pictures, other: &Pictures) -> bool {
    one.pixels.len() == other.pixels.len() && one.pixels.iter().zip(&other.pixels).all(|(a, b)| a.abs_diff(*b) <= 1)
}

fn tensors(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = std::fs::read(run.join("checkpoint.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect()
}

#[test]
fn it_is_drawn_at_any_moment_from_the_same_noise() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let engine = Engine::start();
    let draw = |weights| engine.send(Command::DrawGrid { weights, run: Some(run.clone()) });
    engine.send(Command::DrawGrid { weights: Raw, run: None });
    engine.train(&run, 100_000);
    let first = engine.grid(Raw);
    assert!(engine.grid(Raw).step > first.step, "it goes on to be drawn with them");
    draw(Ema);
    let first = engine.grid(Ema);
    assert!(engine.grid(Ema).step > first.step);

    engine.send(Command::Pause);
    engine.held();
    draw(Raw);
    let raw = engine.grid(Raw);
    draw(Ema);
    let ema = engine.grid(Ema);
    assert_eq!((raw.step, ema.pictures.count()), (ema.step, 64));
    engine.send(Command::Stop);
    assert_eq!(engine.ended(), EndReason::Stopped);
    let (model, _) = TrainedModel::open(&run, &candle_core::Device::Cpu).unwrap();
    assert_eq!(model.step, raw.step);
    assert!(same(&raw.pictures, &expected(&model, Raw)) && same(&ema.pictures, &expected(&model, Ema)));
    assert!(!same(&raw.pictures, &ema.pictures), "this early they differ");

    // After its end, by the model at hand; then by what lies on disk.
    draw(Raw);
    assert!(same(&engine.grid(Raw).pictures, &raw.pictures));
    engine.send(Command::OpenShipped);
    engine.wait("model", |event| matches!(event, Event::ModelReady(_)).then_some(()));
    draw(Ema);
    let again = engine.grid(Ema);
    assert!(again.step == ema.step && same(&again.pictures, &ema.pictures));
    assert!(engine.0.shutdown(PATIENCE));
}

#[test]
fn a_run_learns_the_same_and_leaves_the_same_kind_of_grids_whatever_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, watched) = (folder.path().join("plain"), folder.path().join("watched"));
    let engine = Engine::start();
    engine.train(&plain, 60);
    assert_eq!(engine.ended(), EndReason::Completed);

    engine.train(&watched, 60);
    engine.send(Command::Pause);
    engine.held();
    for weights in [Raw, Ema, Raw, Raw] {
        engine.send(Command::DrawGrid { weights, run: Some(watched.clone()) });
        engine.grid(weights);
        engine.send(Command::Step);
        engine.held();
    }
    engine.send(Command::Continue);
    assert_eq!(engine.ended(), EndReason::Completed);
    assert_eq!(tensors(&plain), tensors(&watched));
    let grids: Vec<_> = std::fs::read_dir(watched.join("grids")).unwrap().flatten().collect();
    assert!(!grids.is_empty());
    for grid in grids {
        let drawn_by = Provenance::read(&grid.path()).unwrap().unwrap();
        assert_eq!(drawn_by.settings.sampling.weights, Ema);
    }
    assert!(engine.0.shutdown(PATIENCE));
}

/// A network whose grid takes minutes: a newer wish ends the older one soon, and so does closing.
#[test]
fn a_newer_choice_and_closing_do_not_wait_for_a_slow_grid() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut settings = Preset::Base.settings();
    settings.data.subset = Subset::First(64);
    (settings.training.batch_size, settings.training.preview_seconds) = (2, 0.0);
    let engine = Engine::start();
    engine.send(Command::Train { settings: Box::new(settings), out: run.clone() });
    engine.send(Command::Step);
    engine.held();
    let begun = Instant::now();
    for weights in [Raw, Ema, Raw] {
        engine.send(Command::DrawGrid { weights, run: Some(run.clone()) });
    }
    assert!(engine.0.shutdown(PATIENCE), "the worker did not end");
    assert!(begun.elapsed() < Duration::from_secs(60), "it took {:?}", begun.elapsed());
}
