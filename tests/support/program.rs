//! Starts the program as a person would from a shell.

// Each journey takes the parts that it needs.
#![allow(dead_code)]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// The program with `words`, in `folder`.
pub fn program(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diffuscope"));
    command.args(words).current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs to the end.
pub fn run(folder: &Path, words: &[&str]) -> Output {
    program(folder, words).output().expect("the program starts")
}

/// Runs to the end, which must be a success; returns what it said on standard output.
pub fn done(folder: &Path, words: &[&str]) -> String {
    let output = run(folder, words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("the program prints text")
}

/// Runs to the end, which must be a failure with `code`; returns the texts of `error:` and `hint:`.
///
/// Progress lines may stand before them.
pub fn failed(folder: &Path, words: &[&str], code: i32) -> (String, String) {
    let output = run(folder, words);
    assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{words:?}: {output:?}");
    let text = String::from_utf8(output.stderr).expect("errors are text");
    let mut lines = text.lines().rev();
    let mut next = |start: &str| {
        let line = lines.next().unwrap_or_default();
        line.strip_prefix(start).unwrap_or_else(|| panic!("{words:?} printed {text:?}")).to_owned()
    };
    let hint = next("hint: ");
    (next("error: "), hint)
}

/// Starts and does not wait.
pub fn start(folder: &Path, words: &[&str]) -> Child {
    program(folder, words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}
