//! Journey: a person types something wrong. Each mistake ends with exit code 2, nothing on standard output,
//! nothing on disk, and two lines that say what is wrong and what to do.

use std::process::{Command, Output};

fn run(words: &[&str]) -> (Output, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut program = Command::new(env!("CARGO_BIN_EXE_diffuscope"));
    let output = program.args(words).current_dir(folder.path()).output().expect("the program starts");
    (output, folder)
}

/// The `error:` and `hint:` of a run that must fail as wrong usage.
fn refused(words: &[&str]) -> (String, String) {
    let (output, folder) = run(words);
    assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{words:?}: {output:?}");
    assert_eq!(folder.path().read_dir().expect("the folder is there").count(), 0, "{words:?} left something behind");
    let text = String::from_utf8(output.stderr).expect("errors are text");
    let lines: Vec<_> = text.lines().collect();
    let [error, hint] = lines[..] else { panic!("{words:?} printed {text:?}") };
    let after = |line: &str, start| line.strip_prefix(start).map(str::to_owned);
    let parts = after(error, "error: ").zip(after(hint, "hint: "));
    parts.unwrap_or_else(|| panic!("{words:?} printed {text:?}"))
}

#[test]
fn words_that_do_not_exist() {
    for (words, what, hint) in [
        (&["trian"][..], "there is no command trian", "did you mean train?"),
        (&["--frobnicate"], "there is no --frobnicate", "see diffuscope --help"),
        (&["train", "--out", "r", "--epoch", "3"], "there is no --epoch", "did you mean --epochs?"),
        (&["figures", "--out", "f", "--seed", "1"], "there is no --seed", "see diffuscope figures --help"),
    ] {
        assert_eq!(refused(words), (what.into(), hint.into()));
    }
}

#[test]
fn what_is_needed_and_missing() {
    for command in ["train", "sample", "figures"] {
        let (what, hint) = refused(&[command]);
        assert_eq!(what, "--out is missing");
        assert!(hint.ends_with(&format!("see diffuscope {command} --help")), "{hint}");
    }
    assert_eq!(refused(&["train", "--out"]).0, "--out needs a value");
    assert_eq!(refused(&["train", "--out", ""]).0, "--out needs a value");
}

#[test]
fn values_that_cannot_work() {
    for (flags, start) in [
        (&["--timesteps", "0"][..], "--timesteps: T = 0"),
        (&["--beta-start", "0.3", "--beta-end", "0.1"], "--beta-start: β₀ = 0.3 is larger than β₁ = 0.1"),
        (&["--subset", "60001"], "--subset: 60001 images asked for"),
        (&["--lr", "-1e-3"], "--lr: a learning rate of -0.001"),
        (&["--batch-size", "many"], "--batch-size: \"many\" is not a whole number"),
        (&["--preset", "huge"], "--preset: \"huge\""),
        (&["--device", "tpu"], "--device: \"tpu\""),
    ] {
        let words = [&["train", "--out", "run"], flags].concat();
        let (what, hint) = refused(&words);
        assert!(what.starts_with(start), "{what}");
        assert!(!hint.is_empty());
    }
    assert!(refused(&["sample", "--out", "digits.jpg"]).0.starts_with("--out: digits.jpg"));
    assert!(refused(&["sample", "--out", "x.png", "--class", "12"]).0.starts_with("--class: class 12"));
    assert!(refused(&["gui", "--renderer", "paper"]).0.starts_with("--renderer: \"paper\""));
}

#[test]
fn flags_that_exclude_each_other() {
    let (what, hint) = refused(&["train", "--out", "run", "--epochs", "1", "--steps", "2"]);
    assert_eq!((what.as_str(), hint.as_str()), ("--epochs cannot be used with --steps", "leave one of them out"));
    let (what, _) = refused(&["sample", "--out", "x.png", "--sampler", "ddpm", "--eta", "0.5"]);
    assert_eq!(what, "--eta belongs to the sampler ddim");
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_not_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let mut program = Command::new(env!("CARGO_BIN_EXE_diffuscope"));
    let output = program.args(["train", "--out", "r", "--seed"]).arg(OsStr::from_bytes(b"\xff")).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 2);
}

#[test]
fn help_and_version_are_not_mistakes() {
    for words in [&["--help"][..], &["train", "--help"], &["help", "sample"], &["--version"]] {
        let (output, _folder) = run(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{words:?}: {output:?}");
    }
}
