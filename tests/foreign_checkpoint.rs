//! Journey: the newest checkpoint of a run is one of another run, whole and with a right checksum. Commands and the engine
//! of the window take the one before it, and say so in the same words.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Command, Event, Handle, work};
use program::{done, failed, run};

/// Long enough for a loaded machine; no test waits that long unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);
const NOTICE: &str = "checkpoint.safetensors: its settings are not those of run.json: training.seed is 7, not 42; \
    the checkpoint before it, at step 2, is used";

fn train(folder: &Path, out: &str, seed: &str) {
    let words = ["train", "--preset", "nano", "--subset", "64", "--batch-size", "8", "--checkpoint-every", "2"];
    done(folder, &[&words[..], &["--steps", "4", "--out", out, "--seed", seed]].concat());
}

/// The step that `command` comes to, and what it is told on the way.
fn opened(command: Command, step_of: impl Fn(&Event) -> Option<u64>) -> (u64, Vec<String>) {
    let engine = Handle::spawn(|| (), work(DeviceChoice::Cpu)).unwrap();
    engine.send(command).unwrap();
    let (begun, mut told) = (Instant::now(), Vec::new());
    loop {
        match engine.poll() {
            Some(Event::Notice(text)) => told.push(text),
            Some(Event::Failed { what, .. }) => panic!("{what}"),
            Some(event) => {
                if let Some(step) = step_of(&event) {
                    assert!(engine.shutdown(PATIENCE));
                    return (step, told);
                }
            }
            None => std::thread::park_timeout(Duration::from_millis(1)),
        }
        assert!(begun.elapsed() < PATIENCE, "neither an end nor a failure: {told:?}");
    }
}

#[test]
fn everybody_says_that_it_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    train(folder.path(), "run", "42");
    train(folder.path(), "other", "7");
    fs::copy(at("other/checkpoint.safetensors"), at("run/checkpoint.safetensors")).unwrap();

    let eval = ["eval", "--checkpoint", "run", "--count", "20", "--steps", "2", "--bits-images", "0"];
    let sample = ["sample", "--checkpoint", "run", "--count", "2", "--steps", "2", "--out", "some.png"];
    for words in [&eval[..], &sample] {
        let output = run(folder.path(), words);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.contains(NOTICE), "{words:?}: {said}");
    }

    let open = Command::Open { path: at("run") };
    let (step, told) = opened(open, |event| match event {
        Event::RunOpened(opened) => Some(opened.step),
        _ => None,
    });
    assert!(step == 2 && told.len() == 1 && told[0].ends_with(NOTICE), "step {step}: {told:?}");
    let (step, told) = opened(Command::ResumeRun { run: at("run") }, |event| match event {
        Event::RunStarted(started) => Some(started.step),
        _ => None,
    });
    assert!(step == 2 && told.len() == 1 && told[0].ends_with(NOTICE), "step {step}: {told:?}");
}

#[test]
fn where_none_is_left_nothing_is_made_up() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    train(folder.path(), "run", "42");
    train(folder.path(), "other", "7");
    for name in ["checkpoint.safetensors", "checkpoint.previous.safetensors"] {
        fs::copy(at("other").join(name), at("run").join(name)).unwrap();
    }
    let resume = ["train", "--resume", "--out", "run"];
    for words in
        [&["eval", "--checkpoint", "run"][..], &["sample", "--checkpoint", "run", "--out", "some.png"], &resume]
    {
        let (error, hint) = failed(folder.path(), words, 1);
        assert!(error.ends_with("its settings are not those of run.json: training.seed is 7, not 42"), "{error}");
        assert_eq!(hint, "put back the run.json and the checkpoint that belong together");
    }
    // By itself it is what it is.
    done(folder.path(), &["sample", "--checkpoint", "run/checkpoint.safetensors", "--count", "2", "--out", "some.png"]);
}
