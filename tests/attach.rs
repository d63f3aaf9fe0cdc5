//! Journey: the engine looks at a run that another process trains, until that ends.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Command, EndReason, Event, Handle, Task, work};

const PATIENCE: Duration = Duration::from_secs(60);

/// The other process, ended with the test.
struct Trainer(Child);

impl Drop for Trainer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn train(folder: &Path, steps: &str) -> Trainer {
    let words =
        ["train", "--preset", "nano", "--out", "run", "--subset", "256", "--batch-size", "16", "--device", "cpu"];
    Trainer(program::start(folder, &[&words[..], &["--threads", "1", "--steps", steps]].concat()))
}

fn wait<R>(handle: &Handle, what: &str, mut wanted: impl FnMut(Event) -> Option<R>) -> R {
    let begun = Instant::now();
    loop {
        while let Some(event) = handle.poll() {
            if let Some(found) = wanted(event) {
                return found;
            }
        }
        assert!(begun.elapsed() < PATIENCE, "no {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// The first step that is told of after those of the history.
fn attached(handle: &Handle) -> u64 {
    let mut known = None;
    wait(handle, "step", |event| match event {
        Event::Failed { what, .. } => panic!("{what}"),
        Event::History(history) => {
            known = Some(history.last.map_or(0, |last| last.step));
            None
        }
        Event::Step(report) => {
            let before = known.expect("the history comes first");
            assert_eq!(report.step, before + 1, "steps go on from the history");
            Some(report.step)
        }
        _ => None,
    })
}

#[test]
fn a_run_of_another_process_is_followed_opened_and_left_and_its_end_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut trainer = train(folder.path(), "1000000");
    let begun = Instant::now();
    while !run.join("metrics.jsonl").is_file() {
        assert!(begun.elapsed() < PATIENCE && trainer.0.try_wait().unwrap().is_none(), "it does not train");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let handle = Handle::spawn(|| (), work(DeviceChoice::Cpu)).unwrap();
    handle.send(Command::Attach { run: run.clone() }).unwrap();
    let first = attached(&handle);
    let mut last = first;
    wait(&handle, "further steps", |event| {
        if let Event::Step(report) = event {
            assert_eq!(report.step, last + 1, "none is left out and none comes twice");
            last = report.step;
        }
        (last > first + 50).then_some(())
    });
    handle.send(Command::Detach).unwrap();
    assert_eq!(wait(&handle, "detached", |event| detached(&event)), None);

    // Opening a run that is being written is attaching to it.
    handle.send(Command::Open { path: run.clone() }).unwrap();
    attached(&handle);
    trainer.0.kill().unwrap();
    trainer.0.wait().unwrap();
    assert_eq!(wait(&handle, "end", |event| detached(&event)), Some(EndReason::Stopped));

    handle.send(Command::Attach { run: folder.path().join("absent") }).unwrap();
    let during = wait(&handle, "failure", |event| match event {
        Event::Failed { during, .. } => Some(during),
        _ => None,
    });
    assert_eq!(during, Task::Attaching);
    assert!(handle.shutdown(PATIENCE));
}

fn detached(event: &Event) -> Option<Option<EndReason>> {
    match event {
        Event::Detached { ended, .. } => Some(*ended),
        _ => None,
    }
}
