//! Words inside files of strangers: no control character of them reaches a terminal, and none fills it.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::path::Path;

use diffuscope::config::Preset;
use diffuscope::pictures::{Pictures, Provenance, write_png_of};
use program::{done, run};

/// Sets the title of a terminal, rings its bell, and clears it.
const ESCAPES: &str = "\u{1b}]0;PWNED\u{7}\u{1b}[2J\u{9b}31m";

/// What the program says, which has neither a control character nor more than a few lines.
fn said(folder: &Path, words: &[&str]) -> String {
    let output = run(folder, words);
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");
    assert!(text.len() < 8_000, "{} bytes", text.len());
    text
}

#[test]
fn what_a_run_names_is_told_without_what_a_terminal_obeys_and_in_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    done(folder, &["train", "--preset", "nano", "--subset", "16", "--steps", "2", "--out", "run"]);
    let file = folder.join("run/run.json");
    let mut record: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for (name, wanted) in [(ESCAPES.to_owned(), "PWNED"), ("long".repeat(200_000), "longlong")] {
        record["settings"]["diffusion"]["schedule"] = name.into();
        for name in ["run.json", "run.copy.json"] {
            fs::write(folder.join("run").join(name), record.to_string()).unwrap();
        }
        let text = said(folder, &["train", "--resume", "--out", "run"]);
        assert!(text.contains("error: ") && text.contains(wanted), "{text}");
    }
}

#[test]
fn what_a_picture_says_of_its_model_is_told_without_what_a_terminal_obeys() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Preset::Small.settings();
    let provenance = Provenance::new(&settings, &settings.sampling, format!("{ESCAPES}{}", "x".repeat(100_000)), 1);
    let pictures = Pictures { width: 2, height: 2, pixels: vec![9; 4] };
    write_png_of(&folder.path().join("evil.png"), &pictures, Some(&provenance)).unwrap();
    let words = ["sample", "--like", "evil.png", "--count", "1", "--steps", "2", "--out", "a.png"];
    let text = said(folder.path(), &words);
    assert!(text.contains("PWNED"), "{text}");
}
