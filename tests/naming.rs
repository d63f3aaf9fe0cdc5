//! Journey: runs are named from the shell, and by the window's engine while it trains them.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use diffuscope::config::{Budget, Preset, Subset};
use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Command, EndReason, Event, Handle, Task, work};
use diffuscope::train::folder::{read_run_file, write_run_file};
use diffuscope::train::run_name::RunName;
use program::{done, failed};

/// Long enough for a loaded machine; no test waits that long unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn name_of(run: &Path) -> String {
    read_run_file(run).unwrap().name.to_string()
}

#[test]
fn a_run_is_named_when_it_begins_when_it_goes_on_and_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let train = ["train", "--preset", "nano", "--subset", "64", "--batch-size", "8", "--out", "run", "--steps"];
    done(folder.path(), &[&train[..], &["2", "--name", "first try"]].concat());
    assert_eq!(name_of(&run), "first try");
    done(folder.path(), &[&train[..], &["4", "--resume"]].concat());
    assert_eq!(name_of(&run), "first try", "it keeps its name");
    done(folder.path(), &[&train[..], &["5", "--resume", "--name", "second"]].concat());
    assert_eq!(name_of(&run), "second");

    assert_eq!(done(folder.path(), &["rename", "run", " kept: η = 0.5 "]).trim(), "kept: η = 0.5");
    assert_eq!(name_of(&run), "kept: η = 0.5");
    assert_eq!(fs::read(run.join("run.json")).unwrap(), fs::read(run.join("run.copy.json")).unwrap());
    assert_eq!(done(folder.path(), &["rename", "run", ""]).trim(), "run");
    assert!(name_of(&run).is_empty());

    let (error, hint) = failed(folder.path(), &["rename", "run", &"x".repeat(61)], 2);
    assert!(error.contains("61 characters") && hint.contains("60"), "{error}, {hint}");
    let (error, _) = failed(folder.path(), &["rename", "nowhere", "x"], 1);
    assert!(error.contains("not a run folder"), "{error}");
}

fn wait<R>(handle: &Handle, what: &str, mut wanted: impl FnMut(Event) -> Option<R>) -> R {
    let begun = Instant::now();
    loop {
        if let Some(found) = handle.poll().and_then(&mut wanted) {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "no {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// The name stands on disk at once, and a second program that wants to change it is refused meanwhile.
#[test]
fn a_run_is_named_while_it_trains_and_keeps_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let handle = Handle::spawn(|| (), work(DeviceChoice::Cpu)).unwrap();
    let mut settings = Preset::Nano.settings();
    settings.data.subset = Subset::First(64);
    settings.training.batch_size = 8;
    (settings.training.budget, settings.training.checkpoint_every) = (Budget::Steps(1_000_000), 2);
    handle.send(Command::Train { settings: Box::new(settings), out: run.clone() }).unwrap();
    wait(&handle, "step", |event| matches!(event, Event::Step(report) if report.step >= 2).then_some(()));
    let name = RunName::new("while it trains").unwrap();
    handle.send(Command::NameRun { run: run.clone(), name }).unwrap();
    wait(&handle, "name", |event| matches!(event, Event::RunNamed { run: named, .. } if named == run).then_some(()));
    assert_eq!(name_of(&run), "while it trains");
    let (error, hint) = failed(folder.path(), &["rename", "run", "of another program"], 2);
    assert!(error.contains("trained by another program") && hint.contains("has ended"), "{error}, {hint}");

    // What the run writes of itself later, as when its folder has lost a file, has the name too.
    wait(&handle, "checkpoint", |event| matches!(event, Event::Checkpointed { .. }).then_some(()));
    wait(&handle, "checkpoint", |event| matches!(event, Event::Checkpointed { .. }).then_some(()));
    ["run.json", "run.copy.json"].iter().for_each(|name| fs::remove_file(run.join(name)).unwrap());
    handle.send(Command::Stop).unwrap();
    let ended = wait(&handle, "end", |event| match event {
        Event::RunEnded { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!((ended, name_of(&run).as_str()), (EndReason::Stopped, "while it trains"));

    handle.send(Command::Open { path: run.clone() }).unwrap();
    let name = wait(&handle, "name of the opened run", |event| match event {
        Event::RunNamed { name, .. } => Some(name),
        _ => None,
    });
    assert_eq!(name.to_string(), "while it trains");

    let gone = folder.path().join("gone");
    handle.send(Command::NameRun { run: gone, name }).unwrap();
    let what = wait(&handle, "failure", |event| match event {
        Event::Failed { during: Task::NamingRun, what, .. } => Some(what),
        _ => None,
    });
    assert!(what.contains("not a run folder"), "{what}");
    assert!(handle.shutdown(PATIENCE));
}

/// A name in a run folder of somebody else may hold anything; the run is shown all the same.
#[test]
fn a_strangers_name_that_cannot_be_shown_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let train = ["train", "--preset", "nano", "--subset", "8", "--batch-size", "2", "--steps", "1", "--out", "run"];
    done(folder.path(), &train);
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(run.join("run.json")).unwrap()).unwrap();
    json["name"] = "\u{1B}[2Jgone\u{202E}".into();
    fs::write(run.join("run.json"), json.to_string()).unwrap();
    let file = read_run_file(&run).unwrap();
    assert!(file.name.is_empty());
    write_run_file(&run, &file).unwrap();
}
