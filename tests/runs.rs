//! Journey: the engine lists the runs on disk, opens one with its past, goes on with it, and moves one to the trash.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command as Process;
use std::time::{Duration, Instant};

use diffuscope::config::{Budget, Preset, Subset};
use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Command, Event, Handle, Task, work};
use diffuscope::train::history::History;
use diffuscope::train::loss_by_timestep::{BINS, LossMap};

/// Long enough for a loaded machine; no test waits that long unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);

struct Engine(Handle);

impl Engine {
    fn start() -> Self {
        Self(Handle::spawn(|| (), work(DeviceChoice::Cpu)).unwrap())
    }

    fn send(&self, command: Command) {
        self.0.send(command).unwrap();
    }

    fn wait<R>(&self, what: &str, mut wanted: impl FnMut(Event) -> Option<R>) -> R {
        let begun = Instant::now();
        loop {
            if let Some(found) = self.0.poll().and_then(&mut wanted) {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "no {what}");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    fn train(&self, out: &Path, steps: u64) {
        let mut settings = Preset::Nano.settings();
        settings.data.subset = Subset::First(64);
        settings.training.batch_size = 8;
        settings.training.budget = Budget::Steps(steps);
        self.send(Command::Train { settings: Box::new(settings), out: out.into() });
    }

    fn list(&self, folder: &Path) -> Vec<(String, u64, f64)> {
        self.send(Command::ListRuns { folder: folder.into() });
        let runs = self.wait("list", |event| match event {
            Event::Runs { runs, .. } => Some(runs),
            _ => None,
        });
        let row = |run: diffuscope::train::gallery::RunSummary| {
            let record = run.record.unwrap();
            (run.path.file_name().unwrap().to_string_lossy().into_owned(), record.step, record.share)
        };
        runs.into_iter().map(row).collect()
    }
}

#[test]
fn list_open_with_its_past_and_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let engine = Engine::start();
    for run in [&first, &second] {
        engine.train(run, 4);
        engine.wait("end", |event| matches!(event, Event::ModelReady(model) if !model.opened).then_some(()));
    }
    let listed = engine.list(folder.path());
    assert_eq!(listed, [("second".to_owned(), 4, 1.0), ("first".to_owned(), 4, 1.0)]);

    engine.send(Command::Open { path: first.clone() });
    let opened = engine.wait("facts", |event| match event {
        Event::RunOpened(opened) => Some(opened),
        _ => None,
    });
    assert_eq!((opened.run, opened.step, opened.share, opened.images), (first.clone(), 4, 1.0, 64));
    let history = engine.wait("losses", |event| match event {
        Event::History(history) => Some(history),
        _ => None,
    });
    assert_eq!(history.train.iter().map(|point| point.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(engine.wait("model", |event| match event {
        Event::ModelReady(model) => Some(model.opened),
        _ => None,
    }));

    // A run in progress is listed, told of its past when resumed, and not deleted.
    let third = folder.path().join("third");
    engine.train(&third, 1_000_000);
    engine.wait("step", |event| matches!(event, Event::Step(report) if report.step >= 3).then_some(()));
    engine.send(Command::DeleteRun { run: third.clone() });
    let refusal = engine.wait("refusal", |event| match event {
        Event::Failed { during: Task::DeletingRun, what, .. } => Some(what),
        _ => None,
    });
    assert!(refusal.contains("in progress") && third.join("run.json").exists(), "{refusal}");
    engine.send(Command::Stop);
    let step = engine.wait("end", |event| match event {
        Event::RunEnded { step, .. } => Some(step),
        _ => None,
    });
    assert_eq!(engine.list(folder.path())[0].1, step);
    engine.send(Command::ResumeRun { run: third });
    let past = engine.wait("losses", |event| match event {
        Event::History(history) => Some(history),
        _ => None,
    });
    assert_eq!(past.last.unwrap().step, step);
    engine.wait("a further step", |event| matches!(event, Event::Step(report) if report.step > step).then_some(()));
    assert!(engine.0.shutdown(Duration::from_secs(2)));
}

/// The trash is found by environment variables, which a process cannot safely change: this test calls itself anew.
#[cfg(target_os = "linux")]
#[test]
fn a_deleted_run_lies_in_the_trash() {
    const INSIDE: &str = "DIFFUSCOPE_TEST_TRASH";
    if let Some(home) = std::env::var_os(INSIDE) {
        let run = Path::new(&home).join("runs/mine");
        let engine = Engine::start();
        engine.send(Command::DeleteRun { run: run.clone() });
        engine.wait("deletion", |event| match event {
            Event::RunDeleted { run: deleted } => {
                assert_eq!(deleted, run);
                Some(())
            }
            Event::Failed { what, .. } => panic!("{what}"),
            _ => None,
        });
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("runs/mine");
    std::fs::create_dir_all(&run).unwrap();
    std::fs::write(run.join("run.json"), "{}").unwrap();
    let output = Process::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_deleted_run_lies_in_the_trash"])
        .env(INSIDE, home.path())
        .env("HOME", home.path())
        .env("XDG_DATA_HOME", home.path().join("data"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(!run.exists());
    assert!(home.path().join("data/Trash/files/mine/run.json").exists());
}

#[test]
fn the_losses_by_timestep_are_kept_and_come_to_the_losses_of_the_steps() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let engine = Engine::start();
    engine.train(&run, 40);
    let mut live = LossMap::default();
    engine.wait("end", |event| match event {
        Event::LossByTimestep { step, losses } => {
            live.push(step, &losses);
            None
        }
        Event::RunEnded { .. } => Some(()),
        _ => None,
    });
    let history = History::read(&run).unwrap();
    assert_eq!(history.by_timestep.columns().last().unwrap().last, 40);
    assert_eq!(history.by_timestep.columns().len(), live.columns().len(), "what is read is what was seen");
    let (mut sum, mut images) = (0.0, 0);
    for column in live.columns() {
        for bin in 0..BINS {
            images += column.losses.images(bin);
            sum += f64::from(column.losses.images(bin)) * f64::from(column.losses.loss(bin).unwrap_or(0.0));
        }
    }
    let mean = history.train.iter().map(|(_, loss)| loss).sum::<f64>() / 40.0;
    assert_eq!(images, 40 * 8, "every image of every batch");
    assert!(
        (sum / f64::from(images) - mean).abs() < 1e-4 * mean,
        "{} by timestep, {mean} by step",
        sum / f64::from(images)
    );
}
