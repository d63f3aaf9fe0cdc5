//! The files that the fuzzer kept, read again by the readers that it ran: `tests/corpus/READER`, for each reader of
//! `tests/fuzz/readers.rs`.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[path = "support/memory.rs"]
mod memory;
#[path = "fuzz/readers.rs"]
mod readers;

use memory::most_memory;
use readers::{READERS, Reader};

/// No file may take longer.
const LONGEST: Duration = Duration::from_secs(1);

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// Reads the bytes within time and memory; whether they were whole.
fn hold(reader: &Reader, name: &str, folder: &Path, bytes: &[u8]) -> bool {
    /// What the allocator takes at once, and keeps.
    const COARSE: usize = 64 << 20;
    let length = reader.write(folder, bytes);
    let before = most_memory();
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

#[test]
fn the_files_that_the_fuzzer_kept_are_read_or_refused_within_time_and_memory() {
    for reader in &READERS {
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
}
