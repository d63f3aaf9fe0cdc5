//! Journey: a run that is killed, again and again, at moments that nobody chose, and a disk that refuses: the run goes
//! on and ends in the same bytes as one that was never interrupted.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use diffuscope::rng::Stream;
use diffuscope::train::folder::in_use;
use program::{done, failed, start};
use safetensors::SafeTensors;
use serde_json::Value;

/// Longer than any step of these journeys takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A run: its preset and sizes, its length and how often it is kept, in `out`.
struct Run {
    preset: &'static str,
    subset: &'static str,
    batch: &'static str,
    steps: &'static str,
    checkpoint_every: &'static str,
}

impl Run {
    fn words<'a>(&self, out: &'a str, threads: &'a str) -> Vec<&'a str>
    where
        Self: 'a,
    {
        let Self { preset, subset, batch, steps, checkpoint_every } = *self;
        vec![
            "train",
            "--preset",
            preset,
            "--subset",
            subset,
            "--batch-size",
            batch,
            "--steps",
            steps,
            "--checkpoint-every",
            checkpoint_every,
            "--out",
            out,
            "--threads",
            threads,
        ]
    }
}

/// Shape and bytes by name.
type Tensors = HashMap<String, (Vec<usize>, Vec<u8>)>;

/// The names, shapes and bytes of all tensors of the newest checkpoint, and its step.
fn state(run: &Path) -> (String, Tensors) {
    let bytes = fs::read(run.join("checkpoint.safetensors")).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let step = header.metadata().as_ref().unwrap()["step"].clone();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.iter().map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), view.data().to_vec())));
    (step, tensors.collect())
}

/// The metrics without what follows the clock, which no two runs share. Every line is whole.
fn metrics(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert!(text.ends_with('\n'), "a torn last line");
    let without_time = |line| {
        let mut value: Value = serde_json::from_str(line).unwrap();
        value.as_object_mut().unwrap().remove("seconds");
        value
    };
    // How often the run is judged, and its losses by timestep are told, follows the clock as well.
    let by_the_clock = |line: &Value| line.get("eval").or(line.get("by_timestep")).is_some();
    text.lines().map(without_time).filter(|line| !by_the_clock(line)).collect()
}

fn assert_same(folder: &Path, a: &str, b: &str) {
    let (a, b) = (folder.join(a), folder.join(b));
    let ((step_a, tensors_a), (step_b, tensors_b)) = (state(&a), state(&b));
    assert_eq!(step_a, step_b);
    assert_eq!(tensors_a.len(), tensors_b.len());
    for (name, tensor) in &tensors_a {
        assert!(tensor == &tensors_b[name], "{name} differs");
    }
    assert!(metrics(&a) == metrics(&b), "the metrics differ");
}

/// Names of unfinished files in a run folder.
fn unfinished(run: &Path) -> Vec<String> {
    let names = fs::read_dir(run).into_iter().flatten().flatten().map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".diffuscope-")).collect()
}

/// Lets a run go on, on one thread and on two in turn, and kills it after a random time, `kills` times; then lets it
/// end. Every second kill waits on for the writing of a checkpoint to begin.
/// Gives how often an unfinished checkpoint was left behind: the kill fell into its writing.
fn kill_and_resume(folder: &Path, run: &Run, kills: u64, longest: Duration) -> usize {
    let path = folder.join("killed");
    let mut torn = 0;
    for kill in 0..kills {
        let mut words = run.words("killed", if kill % 2 == 0 { "1" } else { "2" });
        if path.join("run.json").exists() {
            words.push("--resume");
        }
        let mut child = start(folder, &words);
        let wait = longest.mul_f64(Stream::new(5, "kill", kill).uniform());
        std::thread::park_timeout(wait);
        let begun = Instant::now();
        while kill % 2 == 1 && unfinished(&path).is_empty() && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "no checkpoint is written");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        torn += usize::from(!unfinished(&path).is_empty());
    }
    let mut words = run.words("killed", "2");
    if path.join("run.json").exists() {
        words.push("--resume");
    }
    done(folder, &words);
    assert_eq!(unfinished(&path), Vec::<String>::new());
    torn
}

#[test]
fn twenty_kills_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run { preset: "nano", subset: "512", batch: "16", steps: "300", checkpoint_every: "2" };
    done(folder.path(), &run.words("whole", "2"));
    let torn = kill_and_resume(folder.path(), &run, 20, Duration::from_millis(1500));
    println!("{torn} of 20 kills fell into the writing of a checkpoint");
    assert!(torn > 0, "no kill fell into the writing of a checkpoint");
    assert_same(folder.path(), "whole", "killed");
}

#[test]
#[ignore = "takes minutes; its last result stands in docs/reliability.md"]
fn a_hundred_kills_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run { preset: "nano", subset: "512", batch: "16", steps: "1500", checkpoint_every: "2" };
    done(folder.path(), &run.words("whole", "2"));
    let torn = kill_and_resume(folder.path(), &run, 100, Duration::from_millis(1500));
    println!("100 kills, of which {torn} fell into the writing of a checkpoint; the run ended in the same bits");
    assert!(torn > 0, "no kill fell into the writing of a checkpoint");
    assert_same(folder.path(), "whole", "killed");
}

#[test]
fn small_survives_too() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run { preset: "small", subset: "256", batch: "16", steps: "24", checkpoint_every: "3" };
    done(folder.path(), &run.words("whole", "2"));
    kill_and_resume(folder.path(), &run, 4, Duration::from_millis(1500));
    assert_same(folder.path(), "whole", "killed");
}

/// The 93.6 million weights of the reference network: 1.5 GB a checkpoint, minutes in all.
#[test]
#[ignore = "takes minutes and 5 GB of disk; its last result stands in docs/reference.md"]
fn seed_survives_too() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run { preset: "seed", subset: "32", batch: "4", steps: "16", checkpoint_every: "1" };
    done(folder.path(), &run.words("whole", "2"));
    let torn = kill_and_resume(folder.path(), &run, 6, Duration::from_secs(5));
    println!("{torn} of 6 kills fell into the writing of a checkpoint");
    assert_same(folder.path(), "whole", "killed");
}

/// The disk refuses the checkpoint: the run says so and waits, and loses nothing when there is room again.
#[cfg(unix)]
#[test]
fn a_disk_that_refuses_pauses_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run { preset: "nano", subset: "256", batch: "16", steps: "40", checkpoint_every: "10" };
    done(folder.path(), &run.words("whole", "2"));

    let path = folder.path().join("refused");
    let obstacle = path.join("checkpoint.next.safetensors");
    // A folder in the place of the file, whoever asks: permissions would not stop root.
    fs::create_dir_all(obstacle.join("occupied")).unwrap();
    let mut child = start(folder.path(), &run.words("refused", "2"));
    let begun = Instant::now();
    let log = || fs::read_to_string(path.join("log.txt")).unwrap_or_default();
    while !log().contains("waits") {
        assert!(begun.elapsed() < PATIENCE, "the run does not wait: {}", log());
        assert!(child.try_wait().unwrap().is_none(), "the run ended: {}", log());
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(!path.join("checkpoint.safetensors").exists());
    fs::remove_dir_all(&obstacle).unwrap();
    assert!(child.wait().unwrap().success());
    assert_same(folder.path(), "whole", "refused");
}

fn wait_for_checkpoint(run: &Path) {
    let begun = Instant::now();
    while !run.join("checkpoint.safetensors").exists() {
        assert!(begun.elapsed() < PATIENCE, "no checkpoint appears");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A process that is stopped and continued, as by a shell or a session that freezes its programs.
#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_for_three_seconds_and_continued_ends_in_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run { preset: "nano", subset: "256", batch: "16", steps: "200", checkpoint_every: "10" };
    done(folder.path(), &run.words("whole", "2"));
    let mut child = start(folder.path(), &run.words("stopped", "2"));
    wait_for_checkpoint(&folder.path().join("stopped"));
    let send = |signal: &str| {
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
    };
    send("-STOP");
    let stopped = Instant::now();
    while stopped.elapsed() < Duration::from_secs(3) {
        std::thread::park_timeout(Duration::from_millis(100));
    }
    assert!(in_use(&folder.path().join("stopped")), "it had ended before it was stopped");
    send("-CONT");
    assert!(child.wait().unwrap().success());
    assert_same(folder.path(), "whole", "stopped");
}

#[test]
fn two_programs_do_not_write_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run { preset: "nano", subset: "256", batch: "16", steps: "100000", checkpoint_every: "5" };
    let mut child = start(folder.path(), &run.words("run", "1"));
    wait_for_checkpoint(&folder.path().join("run"));
    assert!(in_use(&folder.path().join("run")));
    let words = [&run.words("run", "1")[..], &["--resume"]].concat();
    let (error, hint) = failed(folder.path(), &words, 2);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(error.contains("another program") && !hint.is_empty(), "{error}");
    assert!(!in_use(&folder.path().join("run")), "a program that was killed lets go");
}

#[test]
fn other_images_do_not_go_on_with_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let idx = |pixel: u8| {
        let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 28, 0, 0, 0, 28];
        bytes.resize(16 + 20 * 784, pixel);
        bytes
    };
    fs::write(folder.path().join("images.idx"), idx(3)).unwrap();
    let words = ["train", "--preset", "nano", "--data", "images.idx", "--classes", "off", "--batch-size", "4"];
    let words = [&words[..], &["--out", "run", "--steps"]].concat();
    done(folder.path(), &[&words[..], &["2"]].concat());
    fs::write(folder.path().join("images.idx"), idx(4)).unwrap();
    let (error, _) = failed(folder.path(), &[&words[..], &["3", "--resume"]].concat(), 1);
    assert!(error.contains("training images"), "{error}");
}

#[test]
fn images_without_classes_are_not_asked_for_classes() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 28, 0, 0, 0, 28];
    bytes.resize(16 + 20 * 784, 9);
    fs::write(folder.path().join("images.idx"), bytes).unwrap();
    let words = ["train", "--preset", "nano", "--data", "images.idx", "--steps", "1", "--out", "run"];
    let (error, hint) = failed(folder.path(), &words, 2);
    assert!(error.starts_with("--classes") && hint.contains("--classes off"), "{error} {hint}");
    assert!(!folder.path().join("run").exists());
}
