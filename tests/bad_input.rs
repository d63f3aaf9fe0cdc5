//! Journey: what the program is given cannot work. It says what and where, what to do, and leaves nothing behind.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::path::Path;

use program::{done, failed};

const ASSETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/mnist");

fn mnist(name: &str) -> Vec<u8> {
    fs::read(Path::new(ASSETS).join(name)).unwrap()
}

/// Trains on `data`, which must fail with code 1 and leave no run folder.
fn refused(folder: &Path, data: &str) -> (String, String) {
    let words = ["train", "--preset", "nano", "--steps", "1", "--out", "run", "--data", data];
    let said = failed(folder, &words, 1);
    assert!(!folder.join("run").exists(), "{data} left a run folder behind");
    said
}

#[test]
fn data_that_is_missing_cut_short_or_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (error, hint) = refused(folder.path(), "nowhere");
    assert!(error.contains("nowhere") && !hint.is_empty(), "{error}");

    fs::create_dir(at("empty")).unwrap();
    let (error, _) = refused(folder.path(), "empty");
    assert!(error.contains("empty"), "{error}");

    let whole = mnist("t10k-images-idx3-ubyte.gz");
    fs::write(at("cut.gz"), &whole[..whole.len() / 2]).unwrap();
    let (error, hint) = refused(folder.path(), "cut.gz");
    assert!(error.contains("cut.gz") && !hint.is_empty(), "{error}");

    fs::write(at("labels.gz"), mnist("t10k-labels-idx1-ubyte.gz")).unwrap();
    let (error, _) = refused(folder.path(), "labels.gz");
    assert!(error.contains("labels.gz"), "{error}");

    fs::write(at("text.idx"), "these are no images").unwrap();
    let (error, _) = refused(folder.path(), "text.idx");
    assert!(error.contains("text.idx"), "{error}");
}

#[test]
fn values_that_cannot_work() {
    let folder = tempfile::tempdir().unwrap();
    for flags in [
        &["--beta-start", "0.3", "--beta-end", "0.1"][..],
        &["--timesteps", "0"],
        &["--timesteps", "1"],
        &["--subset", "60001"],
        &["--subset", "0"],
        &["--image-size", "27"],
    ] {
        let words = [&["train", "--out", "run"], flags].concat();
        let (error, hint) = failed(folder.path(), &words, 2);
        assert!(error.starts_with(flags[0]) && !hint.is_empty(), "{flags:?}: {error}");
        assert!(!folder.path().join("run").exists());
    }
}

#[test]
fn a_subset_larger_than_the_given_data() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("images.gz"), mnist("t10k-images-idx3-ubyte.gz")).unwrap();
    let words = ["train", "--out", "run", "--data", "images.gz", "--classes", "off", "--subset", "10001"];
    let (error, hint) = failed(folder.path(), &words, 2);
    assert!(error.starts_with("--subset: 10001 images") && hint == "use 1 to 9000", "{error} {hint}");
    assert!(!folder.path().join("run").exists());
}

#[test]
fn checkpoints_that_do_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let train = ["train", "--preset", "nano", "--steps", "1", "--subset", "64", "--out"];
    done(folder.path(), &[&train[..], &["run"]].concat());
    let at = |name: &str| folder.path().join(name);

    let (error, hint) = failed(folder.path(), &[&train[..], &["run"]].concat(), 2);
    assert!(error.contains("holds a run already") && hint.contains("--resume"), "{error} {hint}");
    let (error, _) = failed(folder.path(), &["train", "--resume", "--out", "other"], 1);
    assert!(error.contains("other"), "{error}");

    let small = ["train", "--preset", "small", "--steps", "1", "--subset", "64", "--out", "small"];
    done(folder.path(), &small);
    fs::create_dir(at("mixed")).unwrap();
    fs::copy(at("run/run.json"), at("mixed/run.json")).unwrap();
    fs::copy(at("small/checkpoint.safetensors"), at("mixed/checkpoint.safetensors")).unwrap();
    let (error, _) = failed(folder.path(), &["train", "--resume", "--out", "mixed"], 1);
    assert!(error.contains("mixed"), "{error}");

    let bytes = fs::read(at("run/checkpoint.safetensors")).unwrap();
    fs::write(at("cut.safetensors"), &bytes[..bytes.len() - 100]).unwrap();
    fs::write(at("text.safetensors"), "no tensors").unwrap();
    for name in ["cut.safetensors", "text.safetensors", "missing.safetensors"] {
        let (error, hint) = failed(folder.path(), &["sample", "--checkpoint", name, "--out", "x.png"], 1);
        assert!(error.contains(name) && !hint.is_empty(), "{error}");
        assert!(!at("x.png").exists());
    }
}

#[test]
fn folders_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    // Below a file there can be no folder, whoever asks: permissions would not stop root.
    fs::write(folder.path().join("file"), "").unwrap();
    let (error, hint) = failed(folder.path(), &["train", "--preset", "nano", "--steps", "1", "--out", "file/run"], 1);
    assert!(error.contains("file/run") && !hint.is_empty(), "{error}");
    done(folder.path(), &["train", "--preset", "nano", "--steps", "1", "--subset", "64", "--out", "run"]);
    let words = ["sample", "--checkpoint", "run", "--count", "1", "--steps", "2", "--out", "file/x.png"];
    let (error, _) = failed(folder.path(), &words, 1);
    assert!(error.contains("file/x.png"), "{error}");
    assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"");
}
