//! What every target does with the fuzzer's bytes: reads them as files, and holds the reader to its promises.

#[path = "checksums.rs"]
mod checksums;
#[path = "offsets.rs"]
mod offsets;
#[path = "readers.rs"]
mod readers;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use readers::{READERS, Reader, SEPARATOR};
use tempfile::TempDir;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// No file may take longer.
const LONGEST: Duration = Duration::from_secs(1);

/// The target of the reader of this name.
macro_rules! of {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| crate::target::run($name, bytes));
        libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], size: usize, most: usize, seed: u32| {
            crate::target::mutate(bytes, size, most, seed)
        });
    };
}
pub(crate) use of;

/// Reads the bytes; panics where that takes too long or too much memory.
pub fn run(name: &str, bytes: &[u8]) {
    static PLACE: OnceLock<(TempDir, &Reader)> = OnceLock::new();
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let (folder, reader) = PLACE.get_or_init(|| {
        let reader = READERS.iter().find(|reader| reader.name == name).expect("a reader of that name");
        (tempfile::tempdir().expect("there is a place for files"), reader)
    });
    let length = reader.write(folder.path(), bytes);
    MEMORY.reset_peak_usage();
    let (before, begun) = (MEMORY.current_usage(), Instant::now());
    reader.read(folder.path());
    let (took, memory) = (begun.elapsed(), MEMORY.peak_usage().saturating_sub(before));
    // What else runs on this machine can be in the way, but not every time.
    let slow_again = || {
        let again = Instant::now();
        reader.read(folder.path());
        again.elapsed() > LONGEST
    };
    assert!(took <= LONGEST || !(0..5).all(|_| slow_again()), "{took:?} for {length} bytes");
    let bound = reader.bound(length);
    assert!(memory <= bound, "{memory} bytes of memory for {length} bytes, more than {bound}");
    let share = 10_000 * memory / bound;
    if MOST.fetch_max(share, Ordering::Relaxed) < share {
        eprintln!("memory: {memory} bytes for {length}, of {bound}");
    }
}

/// Libfuzzer's own mutation; seven times of eight, checksums and the places of tensors are then put right.
pub fn mutate(bytes: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let size = libfuzzer_sys::fuzzer_mutate(bytes, size, most);
    if seed % 8 == 0 {
        return size;
    }
    checksums::repair(&mut bytes[..size]);
    let end = bytes[..size].windows(SEPARATOR.len()).position(|window| window == SEPARATOR).unwrap_or(size);
    let Some(header) = offsets::repaired(&bytes[..end]) else { return size };
    let repaired = [&header[..], &bytes[end..size]].concat();
    match bytes[..most].get_mut(..repaired.len()) {
        Some(place) => {
            place.copy_from_slice(&repaired);
            repaired.len()
        }
        None => size,
    }
}
