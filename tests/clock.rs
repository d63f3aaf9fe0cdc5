//! Rates, estimates and paces follow a clock that only goes on. The clock of the day, which a person, the network or a
//! time zone may set, names files and is shown, and nothing is measured with it.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Where the clock of the day is read, and for what.
const READ_FOR: [(&str, &str); 6] = [
    ("src/app/logic.rs", "a fresh seed, and the moment that files are named by"),
    ("src/app/run_names.rs", "names of files, and dates to read"),
    ("src/reports.rs", "the name and date of a report"),
    ("src/train/folder.rs", "the time of a line in log.txt"),
    ("src/train/gallery.rs", "when the files of a run were changed"),
    ("src/train/watched.rs", "whether a checkpoint was written anew"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn nothing_is_measured_by_the_clock_of_the_day() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<String> = sources(&root.join("src"))
        .iter()
        .filter(|path| fs::read_to_string(path).unwrap_or_default().contains("SystemTime"))
        .map(|path| path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/"))
        .collect();
    found.sort();
    assert_eq!(found, READ_FOR.map(|(file, _)| file), "measure with Instant, or say here what the time of day is for");
}
