//! A disk that does not take what a run has to write: the run waits, and goes on by itself.

use std::path::Path;
use std::time::Instant;

use super::panics::{PATIENCE, engine, wait};
use super::training::RETRY_AFTER;
use super::{Activity, Command, EndReason, Event, Handle, Task};
use crate::config::{Budget, Preset, Subset};

/// A run of five steps whose checkpoint has something in its way, and that waits.
fn waits(run: &Path) -> Handle {
    std::fs::create_dir_all(obstacle(run).join("occupied")).unwrap();
    let (handle, _) = engine();
    let mut settings = Preset::Nano.settings();
    (settings.data.subset, settings.data.held_out) = (Subset::First(16), 0);
    (settings.training.batch_size, settings.training.budget) = (4, Budget::Steps(5));
    handle.send(Command::Train { settings: Box::new(settings), out: run.into() }).unwrap();
    told_to_wait(&handle);
    handle
}

fn told_to_wait(handle: &Handle) {
    wait(handle, |event| matches!(event, Event::Failed { during: Task::KeepingRun, .. }).then_some(()));
    wait(handle, |event| matches!(event, Event::Activity(Activity::Paused)).then_some(()));
}

fn obstacle(run: &Path) -> std::path::PathBuf {
    run.join("checkpoint.next.safetensors")
}

#[test]
fn a_disk_that_takes_it_again_needs_nobody_to_press_continue() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let handle = waits(&run);
    let begun = Instant::now();
    told_to_wait(&handle);
    assert!(begun.elapsed() >= RETRY_AFTER, "it asks again and again");
    std::fs::remove_dir_all(obstacle(&run)).unwrap();
    wait(&handle, |event| matches!(event, Event::RunEnded { reason: EndReason::Completed, .. }).then_some(()));
    assert!(run.join("checkpoint.safetensors").is_file());
    assert!(handle.shutdown(PATIENCE));
}

#[test]
fn a_person_who_pauses_it_is_not_overruled() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let handle = waits(&run);
    handle.send(Command::Pause).unwrap();
    std::fs::remove_dir_all(obstacle(&run)).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < 2 * RETRY_AFTER {
        if let Some(event) = handle.poll() {
            assert!(!matches!(event, Event::Activity(Activity::Training)), "it went on by itself");
        }
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    handle.send(Command::Continue).unwrap();
    wait(&handle, |event| matches!(event, Event::RunEnded { reason: EndReason::Completed, .. }).then_some(()));
    assert!(handle.shutdown(PATIENCE));
}
