//! A log that nothing takes (a full disk, a pipe whose reader has gone) ends no work, and hangs none.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::fs::File;
use std::io::Read;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const WORDS: [&str; 8] = ["sample", "--force", "--count", "1", "--steps", "2", "--out", "a.png"];
const PATIENCE: Duration = Duration::from_secs(60);

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

fn ends_well(mut program: Child, what: &str) {
    let begun = Instant::now();
    loop {
        if let Some(status) = program.try_wait().unwrap() {
            assert!(status.success(), "{what}: {status}");
            return;
        }
        if begun.elapsed() > PATIENCE {
            program.kill().unwrap();
            program.wait().unwrap();
            panic!("{what}: it hangs");
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_full_disk_under_the_log_ends_no_work() {
    for log in [&[][..], &["--log", "/dev/full"]] {
        let folder = tempfile::tempdir().unwrap();
        let mut program = program::program(folder.path(), log);
        program.args(WORDS).env("DIFFUSCOPE_LOG", "trace").stdout(Stdio::null()).stderr(full());
        ends_well(program.spawn().unwrap(), &format!("{log:?}"));
        assert!(folder.path().join("a.png").is_file());
    }
}

#[test]
fn a_log_goes_on_with_its_own_file() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut program = program::program(folder.path(), &["--log", "a.log"]);
        program.args(WORDS).stdout(Stdio::null()).stderr(Stdio::null());
        ends_well(program.spawn().unwrap(), "its own log");
    }
    let log = std::fs::read_to_string(folder.path().join("a.log")).unwrap();
    assert_eq!(log.matches(" began\n").count(), 2, "{log}");
}

#[test]
fn a_reader_that_has_gone_ends_no_work() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = program::program(folder.path(), &WORDS);
    program.env("DIFFUSCOPE_LOG", "trace").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut program = program.spawn().unwrap();
    let mut reader = program.stderr.take().unwrap();
    reader.read_exact(&mut [0; 4]).unwrap();
    drop(reader);
    ends_well(program, "a closed pipe");
    assert!(folder.path().join("a.png").is_file());
}
