//! Folders of images that are larger than the memory that reading them may take. By hand: they are made anew each time.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::Instant;

use diffuscope::config::DataSource;
use diffuscope::data;
use diffuscope::pictures::{Pictures, png};
use diffuscope::rng::Stream;

#[path = "support/memory.rs"]
mod memory;

use memory::{memory_from_now, most_memory};

fn noise(side: usize, index: u64) -> Pictures {
    let mut stream = Stream::new(1, "large folder", index);
    let pixels = (0..side * side).map(|_| (stream.uniform() * 255.0) as u8).collect();
    Pictures { width: side, height: side, pixels }
}

/// Without waiting for the disk each time.
fn write(path: &Path, pictures: &Pictures) {
    fs::write(path, png(pictures, None).unwrap()).unwrap();
}

/// Reads a folder; gives how many images it had, their side, seconds, and how much the peak of memory grew.
fn read(folder: &Path) -> (usize, usize, f64, usize) {
    let (before, begun) = (memory_from_now(), Instant::now());
    let splits = data::load(&DataSource::Path(folder.into())).unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    (splits.train.len() + splits.test.len(), splits.train.width, seconds, most_memory() - before)
}

#[test]
#[ignore = "takes minutes; its last result stands in docs/reliability.md"]
fn five_gigabytes_and_a_hundred_thousand_files() {
    const MIB: usize = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    // The same file by a thousand names: it is read as often, and takes its place once.
    let large = folder.path().join("large");
    fs::create_dir(&large).unwrap();
    let first = large.join("0000.png");
    write(&first, &noise(2300, 0));
    (1..1000).for_each(|i| fs::hard_link(&first, large.join(format!("{i:04}.png"))).unwrap());
    let bytes = 1000 * fs::metadata(&first).unwrap().len();
    let (count, side, seconds, memory) = read(&large);
    println!("{count} files, {bytes} bytes: {seconds:.1} s, {} MiB more, kept as {side}×{side}", memory / MIB);
    assert!(count == 1000 && bytes > 5_000_000_000);
    // One decoded picture, its crop and what brings it to 64×64, beside 4 MB that are kept.
    assert!(memory < 64 * MIB, "{memory}");

    let many = folder.path().join("many");
    fs::create_dir(&many).unwrap();
    (0..100_000).for_each(|i| write(&many.join(format!("{i:06}.png")), &noise(28, i)));
    let (count, side, seconds, memory) = read(&many);
    println!("{count} files of {side}×{side}: {seconds:.1} s, {} MiB more", memory / MIB);
    assert_eq!((count, side), (100_000, 28));
    // The images are 78 MB, which their two parts share; the names of the files come beside.
    assert!(memory < 160 * MIB, "{memory}");
}
