//! Journey: a disk that does not take what is written, for one reason after another. Training waits and says so, or
//! does not begin; nothing that is there is harmed.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;
#[path = "support/tiny_run.rs"]
mod tiny_run;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::Device;
use diffuscope::data::mnist;
use diffuscope::train::folder::{in_use, newest_checkpoint};
use diffuscope::train::history::History;
use diffuscope::train::{Control, Outcome, Run, RunEvent, gallery};

fn create(path: &Path, steps: u64) -> Run {
    Run::create(&tiny_run::settings(steps, 2, 0.0), &mnist::load().unwrap(), path, &Device::Cpu).unwrap()
}

/// The folder is deleted while the run goes on: it waits, and when the folder is back, it keeps a run there that can
/// be gone on with.
#[test]
fn a_run_folder_that_is_removed_and_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut run = create(&path, 8);
    let mut waits = Vec::new();
    let outcome = run.train(&mut |event, _| {
        match event {
            RunEvent::Step(report) if report.step == 3 => fs::remove_dir_all(&path).unwrap(),
            RunEvent::Stalled { what, hint } => {
                assert!(!path.exists(), "it does not come back by itself");
                waits.push((what, hint));
                fs::create_dir(&path).unwrap();
            }
            _ => {}
        }
        Ok(Control::Continue)
    });
    assert_eq!(outcome.unwrap(), Outcome::Completed);
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert!(waits[0].0.contains("run.json") && !waits[0].1.is_empty(), "{waits:?}");
    drop(run);
    assert_eq!(newest_checkpoint(&path).unwrap().0.step, 8);
    assert_eq!(History::read(&path).unwrap().last.unwrap().step, 8);
    let (run, _) = Run::resume(&path, |kept| Ok(kept.clone()), |_| mnist::load(), &Device::Cpu).unwrap();
    assert_eq!(run.trainer.step_count(), 8);
}

/// Nobody puts it back: the run ends with what it could not write, when it is told to.
#[test]
fn a_run_folder_that_stays_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut run = create(&path, 8);
    let mut waits = 0;
    let outcome = run.train(&mut |event, _| {
        match event {
            RunEvent::Step(report) if report.step == 3 => fs::remove_dir_all(&path).unwrap(),
            RunEvent::Stalled { .. } => waits += 1,
            _ => {}
        }
        Ok(if waits == 3 { Control::Stop } else { Control::Continue })
    });
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("cannot write") && waits == 3, "{error} after {waits}");
    assert!(!path.exists());
}

/// The same run on another disk: every file is another one.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The steps of the metrics, in their order.
fn steps(run: &Path) -> Vec<u64> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.filter(|line| line["loss"].is_number()).map(|line| line["step"].as_u64().unwrap()).collect()
}

/// A run whose folder is moved away after its fifth step; a copy is put in its place at once, or when the run waits for it.
/// Gives how it ended, and how often it waited.
fn replace(path: &Path, at_once: bool, then: Control) -> (Outcome, usize) {
    let away = path.with_extension("away");
    let mut run = create(path, 12);
    let mut waits = 0;
    let outcome = run.train(&mut |event, _| {
        match event {
            RunEvent::Step(report) if report.step == 5 => {
                fs::rename(path, &away).unwrap();
                if at_once {
                    copy(&away, path);
                }
            }
            RunEvent::Stalled { .. } => {
                waits += 1;
                copy(&away, path);
                return Ok(then);
            }
            _ => {}
        }
        Ok(Control::Continue)
    });
    assert!(in_use(path), "it is locked where it goes on");
    assert_eq!(newest_checkpoint(&away).unwrap().0.step, 4, "nothing is written where it was");
    (outcome.unwrap(), waits)
}

/// As a disk that is taken out and comes back does it: what was open leads nowhere.
#[test]
fn a_run_folder_that_comes_back_as_a_copy_is_written_again() {
    for at_once in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        assert_eq!(replace(&path, at_once, Control::Continue), (Outcome::Completed, usize::from(!at_once)));
        assert_eq!(newest_checkpoint(&path).unwrap().0.step, 12);
        assert_eq!(steps(&path), (1..=12).collect::<Vec<_>>());
    }
}

#[test]
fn who_stops_a_run_that_waits_loses_no_step_where_the_disk_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    assert_eq!(replace(&path, false, Control::Stop), (Outcome::Stopped, 1));
    assert_eq!(newest_checkpoint(&path).unwrap().0.step, 6);
    assert_eq!(steps(&path), (1..=6).collect::<Vec<_>>());
}

/// A run that was copied without its large files.
#[test]
fn a_run_that_lost_its_checkpoints_is_not_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    create(&path, 5).train(&mut |_, _| Ok(Control::Continue)).unwrap();
    let names = ["checkpoint.safetensors", "checkpoint.previous.safetensors"];
    names.iter().for_each(|name| fs::rename(path.join(name), folder.path().join(name)).unwrap());
    let before = fs::read(path.join("metrics.jsonl")).unwrap();
    let resume = || Run::resume(&path, |kept| Ok(kept.clone()), |_| mnist::load(), &Device::Cpu);
    let refused = resume().map(drop).unwrap_err();
    assert!(refused.to_string().contains("trained to step 5") && refused.hint().contains("put"), "{refused}");
    assert!(fs::read(path.join("metrics.jsonl")).unwrap() == before);
    // Where no checkpoint can have been kept, there is nothing to lose but that.
    let early: Vec<u8> = before.split_inclusive(|byte| *byte == b'\n').take(2).flatten().copied().collect();
    fs::write(path.join("metrics.jsonl"), early).unwrap();
    let (run, notice) = resume().unwrap();
    assert!(notice.unwrap().contains("begins again") && run.trainer.step_count() == 0);
    drop(run);
    fs::write(path.join("metrics.jsonl"), &before).unwrap();
    names.iter().for_each(|name| fs::rename(folder.path().join(name), path.join(name)).unwrap());
    assert_eq!(resume().unwrap().0.trainer.step_count(), 5);
}

#[test]
fn ten_thousand_files_in_a_run_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    create(&path, 2).train(&mut |_, _| Ok(Control::Continue)).unwrap();
    for i in 0..10_000 {
        fs::write(path.join(format!("{i:05}.txt")), "").unwrap();
        fs::write(path.join(format!("grids/{i:05}.txt")), "").unwrap();
    }
    let begun = Instant::now();
    let listed = gallery::list(folder.path()).unwrap();
    assert!(listed.len() == 1 && listed[0].record.is_ok(), "{listed:?}");
    let (listed_in, begun) = (begun.elapsed(), Instant::now());
    Run::resume(&path, |kept| Ok(kept.clone()), |_| mnist::load(), &Device::Cpu).map(drop).unwrap();
    println!("listed in {listed_in:?}, resumed in {:?}", begun.elapsed());
    assert!(listed_in < Duration::from_secs(2) && begun.elapsed() < Duration::from_secs(20));
    assert_eq!(fs::read_dir(path.join("grids")).unwrap().count(), 10_000);
}

#[cfg(unix)]
mod permissions {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use super::*;

    /// Longer than the program waits before it tries again, on a loaded machine.
    const PATIENCE: Duration = Duration::from_secs(120);
    const NOBODY: u32 = 65_534;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A folder in which anybody may write.
    fn public() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o777);
        folder
    }

    /// The program as somebody whom permissions stop: not as root. Nobody may not look into everybody's clone: root starts a
    /// copy in the folder for him. None where that folder is closed to him too, which the server's is not.
    fn program(folder: &Path, words: &[&str]) -> Option<Command> {
        if fs::metadata(folder).unwrap().uid() != 0 {
            return Some(program::program(folder, words));
        }
        let copy = folder.join("copy of the program");
        // By another program: a file that this one has open to write cannot be started.
        assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_diffuscope")).arg(&copy).status().unwrap().success());
        set_mode(&copy, 0o755);
        let as_nobody = || {
            let mut command = Command::new(&copy);
            command.uid(NOBODY).gid(NOBODY).current_dir(folder).stdin(Stdio::null());
            command
        };
        if let Err(error) = as_nobody().arg("--version").stdout(Stdio::null()).status() {
            assert!(std::env::var_os("CI").is_none(), "nobody may not start {}: {error}", copy.display());
            println!("left out: nobody may not start {}: {error}", copy.display());
            return None;
        }
        let mut command = as_nobody();
        command.args(words);
        Some(command)
    }

    #[test]
    fn a_folder_without_permission() {
        let folder = public();
        let locked = folder.path().join("locked");
        fs::create_dir(&locked).unwrap();
        fs::write(locked.join("mine"), "mine").unwrap();
        for mode in [0o555, 0o000] {
            set_mode(&locked, mode);
            let words = ["train", "--preset", "nano", "--steps", "1", "--subset", "16", "--out", "locked/run"];
            let Some(mut command) = program(folder.path(), &words) else { return };
            let output = command.output().unwrap();
            set_mode(&locked, 0o755);
            let text = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{text}");
            assert!(text.contains("error: cannot write locked/run") && text.contains("hint: "), "{text}");
            assert_eq!(fs::read_dir(&locked).unwrap().count(), 1, "something was left behind");
        }
    }

    #[test]
    fn a_run_folder_that_becomes_read_only() {
        let folder = public();
        let path = folder.path().join("run");
        let words =
            ["train", "--preset", "nano", "--steps", "400", "--subset", "64", "--batch-size", "4", "--out", "run"];
        let words = [&words[..], &["--checkpoint-every", "1"]].concat();
        let Some(mut command) = program(folder.path(), &words) else { return };
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let log = || fs::read_to_string(path.join("log.txt")).unwrap_or_default();
        let mut wait = |what: &str, until: &dyn Fn() -> bool| {
            let begun = Instant::now();
            while !until() {
                assert!(begun.elapsed() < PATIENCE, "no {what}: {}", log());
                assert!(child.try_wait().unwrap().is_none(), "it ended before {what}: {}", log());
                std::thread::park_timeout(Duration::from_millis(2));
            }
        };
        wait("checkpoint", &|| path.join("checkpoint.safetensors").exists());
        set_mode(&path, 0o555);
        wait("notice", &|| log().contains("waits: cannot write"));
        let kept = newest_checkpoint(&path).unwrap();
        assert!(kept.2.is_none(), "{:?}", kept.2);
        set_mode(&path, 0o755);
        assert!(child.wait().unwrap().success(), "{}", log());
        assert!(log().contains("tries again") && log().contains("Completed at step 400"), "{}", log());
        assert_eq!(newest_checkpoint(&path).unwrap().0.step, 400);
    }
}
