//! The files that the fuzzer kept, read again by the readers that it ran: `tests/corpus/READER`, for each reader of
//! `tests/fuzz/readers.rs`. Each reader has a process of its own, so that what one took does not hide what another takes.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

#[path = "support/memory.rs"]
mod memory;
#[path = "fuzz/readers.rs"]
mod readers;

use memory::{memory_from_now, most_memory};
use readers::{READERS, Reader};

/// No file may take longer.
const LONGEST: Duration = Duration::from_secs(1);

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// What the allocator takes at once.
const COARSE: usize = 64 << 20;

/// Reads the bytes within time and memory; whether they were whole.
fn hold(reader: &Reader, name: &str, folder: &Path, bytes: &[u8]) -> bool {
    let length = reader.write(folder, bytes);
    let before = memory_from_now();
    let begun = Instant::now();
    let whole = reader.read(folder);
    let first = begun.elapsed();
    let more = most_memory().saturating_sub(before);
    assert!(more <= reader.bound(length) + COARSE, "{}/{name}: {more} bytes for {length}", reader.name);
    // Other tests run beside this one.
    let slow_again = || {
        let again = Instant::now();
        reader.read(folder);
        again.elapsed() > LONGEST
    };
    assert!(first <= LONGEST || !(0..5).all(|_| slow_again()), "{}/{name} took {first:?}", reader.name);
    whole
}

/// The name of the reader, for the process that is started for it.
const READER: &str = "CORPUS_READER";

#[test]
fn the_files_that_the_fuzzer_kept_are_read_or_refused_within_time_and_memory() {
    for reader in &READERS {
        alone("files_of_one_reader", reader.name);
    }
}

/// Runs one of the tests below in a process of its own, whose allocator gives back at once what is freed.
fn alone(test: &str, reader: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--test-threads=1"]);
    let output = command.env(READER, reader).env("MIMALLOC_PURGE_DELAY", "0").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{reader}: {told}");
}

#[test]
#[ignore = "the test above starts it, once for each reader"]
fn files_of_one_reader() {
    let Ok(name) = std::env::var(READER) else { return };
    let reader = READERS.iter().find(|reader| reader.name == name).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut read = [0, 0];
    let mut paths: Vec<_> =
        fs::read_dir(corpus().join(reader.name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        read[usize::from(hold(reader, &name, folder.path(), &fs::read(&path).unwrap()))] += 1;
    }
    assert!(read.iter().all(|count| *count > 0), "{}: {read:?} refused and read", reader.name);
}

/// The peak of the process was never forgotten: after the first, later ones seemed to be nothing.
#[cfg(target_os = "linux")]
#[test]
fn memory_that_is_taken_a_second_time_is_seen_again() {
    alone("taken_twice", "");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "the test above starts it"]
fn taken_twice() {
    for _ in 0..3 {
        let before = memory_from_now();
        std::hint::black_box(vec![1u8; 2 * COARSE]);
        let more = most_memory() - before;
        assert!(more > COARSE && more < 3 * COARSE, "{more}");
    }
}
