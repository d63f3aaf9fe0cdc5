//! Closing while a step, a checkpoint or an export takes longer than a window waits: nothing of it is lost.

use std::path::Path;
use std::time::{Duration, Instant};

use super::panics::{PATIENCE, Place, engine, wait};
use super::{Command, Event, Handle, Save};
use crate::config::{Budget, Preset, Settings, Subset};
use crate::files::faults;
use crate::pictures::Pictures;
use crate::train::folder::newest_checkpoint;

/// Longer than the window waits without a word.
const LONG: Duration = Duration::from_millis(2_200);

fn settings() -> Settings {
    let mut settings = Preset::Nano.settings();
    (settings.data.subset, settings.data.held_out) = (Subset::First(16), 0);
    (settings.training.batch_size, settings.training.budget) = (4, Budget::Steps(1_000_000));
    settings
}

fn export(path: &Path) -> Command {
    let pictures = Pictures { width: 2, height: 2, pixels: vec![9; 8] };
    Command::Save { what: Save::Grid { pictures, columns: 2, provenance: None }, path: path.into(), replace: false }
}

/// What is told until the engine has ended, and how long that took.
fn until_it_has_ended(handle: &Handle) -> (Vec<Event>, Duration) {
    let (begun, mut told) = (Instant::now(), Vec::new());
    loop {
        let ended = handle.has_ended();
        told.extend(std::iter::from_fn(|| handle.poll()));
        if ended {
            return (told, begun.elapsed());
        }
        std::thread::park_timeout(Duration::from_millis(1));
        assert!(begun.elapsed() < PATIENCE, "the engine does not end");
    }
}

fn last_step(told: &[Event]) -> Option<u64> {
    told.iter().rev().find_map(|event| if let Event::Step(report) = event { Some(report.step) } else { None })
}

/// Names of the files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_slow_step_and_a_slow_checkpoint_are_waited_for_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (mut handle, slow) = engine();
    let out = folder.path().join("run");
    handle.send(Command::Train { settings: Box::new(settings()), out: out.clone() }).unwrap();
    wait(&handle, |event| matches!(event, Event::Step(report) if report.step >= 3).then_some(()));
    slow.slow(Place::Training, LONG / 2);
    faults::slow(&out, LONG / 2);
    handle.close();
    assert!(handle.send(Command::Continue).is_err());
    let (told, took) = until_it_has_ended(&handle);
    assert!(took >= LONG, "only {took:?}: nothing was slow");
    let (checkpoint, _, damaged) = newest_checkpoint(&out).unwrap();
    assert_eq!((Some(checkpoint.step), damaged), (last_step(&told), None));
    assert!(names(&out).iter().all(|name| !name.ends_with(".tmp")), "{:?}", names(&out));
}

#[test]
fn an_export_is_waited_for_with_and_without_a_run() {
    for trains in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let pictures = folder.path().join("pictures");
        let (mut handle, _) = engine();
        if trains {
            let out = folder.path().join("run");
            handle.send(Command::Train { settings: Box::new(settings()), out }).unwrap();
            wait(&handle, |event| matches!(event, Event::Step(_)).then_some(()));
        }
        faults::slow(&pictures, LONG);
        // The second is still in the channel as it is closed.
        (0..2).for_each(|i| handle.send(export(&pictures.join(format!("{i}.png")))).unwrap());
        handle.close();
        let (told, took) = until_it_has_ended(&handle);
        assert!(took >= LONG, "only {took:?}: nothing was slow");
        assert_eq!(names(&pictures), ["0.png", "1.png"]);
        assert_eq!(told.iter().filter(|event| matches!(event, Event::Saved { .. })).count(), 2, "{told:?}");
    }
}

#[test]
fn a_worker_that_panics_does_not_take_an_export_with_it() {
    let folder = tempfile::tempdir().unwrap();
    faults::slow(folder.path(), Duration::from_millis(300));
    let path = folder.path().join("grid.png");
    let save = path.clone();
    let handle = Handle::spawn(
        || (),
        move |_, out| {
            super::background::spawn(super::Task::Saving, &out, move || {
                crate::files::write_atomically(&save, |file| file.write_all(b"all of it"))?;
                Ok(Event::Saved { what: "losses", path: save })
            })
            .unwrap();
            panic!("a worker that breaks");
        },
    );
    let (told, _) = until_it_has_ended(&handle.unwrap());
    assert!(path.is_file() && told.iter().any(|event| matches!(event, Event::Failed { .. })), "{told:?}");
}
