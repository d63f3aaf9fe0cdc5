//! What is made is not written over what it is made from, by whatever name, nor over what a run keeps.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::path::Path;

use program::{done, failed};

/// Every file below a folder, with its content.
fn content(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(content(&path));
        } else {
            found.push((path.clone(), fs::read(path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_result_takes_the_place_of_no_model_and_no_file_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let train = ["train", "--preset", "nano", "--subset", "16", "--steps", "3", "--out", "run"];
    done(folder, &train);
    done(folder, &["export", "--checkpoint", "run", "--format", "safetensors", "--out", "m.safetensors"]);
    done(folder, &["export", "--checkpoint", "run", "--format", "diffusers", "--out", "pipeline"]);
    fs::hard_link(folder.join("m.safetensors"), folder.join("hard.safetensors")).unwrap();
    fs::create_dir_all(folder.join("run/grids")).unwrap();
    fs::write(folder.join("run/grids/step-0000001.png"), "a grid").unwrap();
    fs::write(folder.join("in.safetensors"), "not read: that is refused first or fails").unwrap();
    let mut cases = vec![
        ("m.safetensors", "m.safetensors"),
        ("m.safetensors", "hard.safetensors"),
        ("m.safetensors", "./pipeline/../m.safetensors"),
        ("run", "run/checkpoint.safetensors"),
        ("run", "run/checkpoint.previous.safetensors"),
        ("m.safetensors", "run/checkpoint.safetensors"),
        ("m.safetensors", "run/grids/step-0000001.png"),
        ("m.safetensors", "run/grids/step-0000002.png"),
        ("pipeline", "pipeline/unet/diffusion_pytorch_model.safetensors"),
    ];
    if cfg!(unix) {
        #[cfg(unix)]
        std::os::unix::fs::symlink("m.safetensors", folder.join("soft.safetensors")).unwrap();
        cases.push(("m.safetensors", "soft.safetensors"));
    }
    let before = content(folder);
    for (model, out) in cases {
        let words = ["sample", "--checkpoint", model, "--count", "1", "--steps", "2", "--out", out, "--force"];
        let (error, hint) = failed(folder, &words, 2);
        assert!(error.starts_with(out) && hint.contains("another name"), "{words:?}: {error}");
        assert_eq!(failed(folder, &words[..words.len() - 1], 2), (error, hint), "--force would not help");
        let words = ["export", "--checkpoint", model, "--format", "safetensors", "--out", out, "--force"];
        let (error, _) = failed(folder, &words, 2);
        assert!(error.starts_with(out), "{words:?}: {error}");
    }
    assert!(content(folder) == before, "something was changed");

    // A name of one's own may be used in a run's folder, and again.
    let words = ["sample", "--checkpoint", "run", "--count", "1", "--steps", "2", "--out", "run/mine.png", "--force"];
    done(folder, &words[..9]);
    done(folder, &words);
}

#[test]
fn what_is_there_is_replaced_by_force_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, mine) = (folder.path(), "mine, and not to be lost");
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let tensors = safetensors_of(&vectors.join("pipeline_expected.safetensors"));
    candle_core::safetensors::save(&tensors, folder.join("in.safetensors")).unwrap();
    let pipeline = vectors.join("pipeline").display().to_string();
    let predict = ["predict", "--checkpoint", &pipeline, "--input", "in.safetensors", "--out", "a.safetensors"];
    let train = ["train", "--preset", "nano", "--timesteps", "100", "--subset", "16"];
    done(folder, &[&train[..], &["--steps", "1", "--out", "run"]].concat());
    let figures = ["figures", "--checkpoint", "run", "--out", "."];
    let sample = ["sample", "--count", "1", "--steps", "2", "--out"];
    let sample = |out: &'static str| [&sample[..], &[out]].concat();
    let export = |format, out| vec!["export", "--format", format, "--out", out];
    let cases = [
        ("a.png", sample("a.png")),
        ("a.gif", sample("a.gif")),
        ("a.apng", sample("a.apng")),
        ("a.safetensors", sample("a.safetensors")),
        ("a.safetensors", predict.to_vec()),
        ("a.pth", export("pth", "a.pth")),
        ("a.safetensors", export("safetensors", "a.safetensors")),
        ("out/notes.txt", export("diffusers", "out")),
        ("samples.png", figures.to_vec()),
        ("a.classifier", vec!["classifier", "--epochs", "1", "--out", "a.classifier"]),
    ];
    for (name, words) in cases {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, mine).unwrap();
        let before = content(folder);
        let (error, hint) = failed(folder, &words, 2);
        let folder_of_others = name == "out/notes.txt";
        assert!(folder_of_others || error.ends_with(&format!("{name} exists already")), "{words:?}: {error}");
        assert!(folder_of_others || hint == "choose another name, or add --force to replace it", "{words:?}: {hint}");
        assert!(content(folder) == before, "{words:?}");
        // A classifier takes minutes.
        if !folder_of_others && words[0] != "classifier" {
            done(folder, &[&words[..], &["--force"]].concat());
            assert_ne!(fs::read(&path).unwrap(), mine.as_bytes(), "{words:?}");
        }
    }
    let (error, _) = failed(folder, &figures, 2);
    assert!(error.ends_with("exists already"), "figures are pictures like others: {error}");
    let (error, hint) = failed(folder, &[&export("diffusers", "a.pth")[..], &["--force"]].concat(), 2);
    assert_eq!((error.as_str(), hint.as_str()), ("a.pth is a file", "choose the name of a folder"));
    fs::create_dir(folder.join("b.png")).unwrap();
    let (error, _) = failed(folder, &[&sample("b.png")[..], &["--force"]].concat(), 2);
    assert_eq!(error, "b.png is a folder");
}

#[test]
fn an_answer_takes_the_place_of_no_question() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let question = folder.path().join("in.safetensors");
    let tensors = safetensors_of(&vectors.join("pipeline_expected.safetensors"));
    candle_core::safetensors::save(&tensors, &question).unwrap();
    let before = fs::read(&question).unwrap();
    let model = vectors.join("pipeline").display().to_string();
    let words = ["predict", "--checkpoint", &model, "--input", "in.safetensors", "--out", "in.safetensors"];
    let (error, _) = failed(folder.path(), &words, 2);
    assert!(error.contains("made from"), "{error}");
    assert_eq!(fs::read(&question).unwrap(), before);
}

/// Neither the picture that is noised and drawn anew from there, nor the one whose settings are taken.
#[test]
fn a_drawing_takes_the_place_of_no_picture_that_it_is_made_from() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let draw = ["sample", "--count", "1", "--steps", "2", "--out"];
    done(folder, &[&draw[..], &["seven.png"]].concat());
    let before = content(folder);
    for more in [&["--from", "seven.png", "--from-t", "400"][..], &["--like", "./seven.png"]] {
        let (error, _) = failed(folder, &[&draw[..], &["seven.png", "--force"], more].concat(), 2);
        assert!(error.contains("made from"), "{more:?}: {error}");
    }
    assert!(content(folder) == before);
}

/// The question alone.
fn safetensors_of(path: &Path) -> std::collections::HashMap<String, candle_core::Tensor> {
    let mut all = candle_core::safetensors::load(path, &candle_core::Device::Cpu).unwrap();
    all.remove("output");
    all
}
