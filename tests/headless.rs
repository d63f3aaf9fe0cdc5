//! Journey: a person without a display trains a small model, is interrupted, goes on, and draws with it.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use diffuscope::train::folder::newest_checkpoint;
use program::done;
use safetensors::SafeTensors;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A quick run of `steps` steps on 1,000 digits, with a checkpoint every ten steps.
fn train<'a>(out: &'a str, steps: &'a str) -> Vec<&'a str> {
    let run = ["train", "--preset", "nano", "--subset", "1000", "--batch-size", "32", "--checkpoint-every", "10"];
    [&run[..], &["--out", out, "--steps", steps]].concat()
}

/// All lines but the losses by timestep, which come as the clock says.
fn metrics(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["by_timestep"].is_null()).collect()
}

/// The steps and losses of the step lines, without the times.
fn losses(run: &Path) -> Vec<(u64, f64)> {
    let lines = metrics(run);
    lines.iter().filter_map(|line| Some((line["step"].as_u64()?, line["loss"].as_f64()?))).collect()
}

/// The checksum of all tensors in a checkpoint: weights, moving average and moments.
fn checksum(run: &Path) -> String {
    let bytes = fs::read(run.join("checkpoint.safetensors")).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    header.metadata().as_ref().unwrap()["crc32"].clone()
}

#[test]
fn train_resume_sample_figures() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert_eq!(done(folder.path(), &train("run", "30")).trim(), "run");

    let run: Value = serde_json::from_slice(&fs::read(at("run/run.json")).unwrap()).unwrap();
    assert_eq!(run["images"], 1000);
    assert_eq!(run["dataset"], "MNIST");
    assert!(run["parameters"].as_u64().unwrap() > 100_000);
    let lines = metrics(&at("run"));
    assert_eq!(lines.len(), 30);
    for field in ["step", "epoch", "images", "loss", "lr", "grad_norm", "seconds"] {
        assert!(lines[29][field].is_number(), "{field}");
    }
    assert_eq!(lines[29]["images"], 960);
    let mean = |part: &[(u64, f64)]| part.iter().map(|(_, loss)| loss).sum::<f64>() / part.len() as f64;
    let curve = losses(&at("run"));
    assert!(mean(&curve[20..]) < 0.9 * mean(&curve[..10]), "the loss does not fall: {curve:?}");

    let longer = [&train("run", "50")[..], &["--resume"]].concat();
    done(folder.path(), &longer);
    let steps: Vec<u64> = losses(&at("run")).iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, (1..=50).collect::<Vec<_>>());
    assert!(at("run/checkpoint.previous.safetensors").is_file());
    assert!(fs::read_to_string(at("run/log.txt")).unwrap().contains("resumed at step 30"));

    let sample = |out: &str, more: &[&str]| {
        let words = ["sample", "--checkpoint", "run", "--out", out, "--count", "20", "--steps", "5"];
        assert_eq!(done(folder.path(), &[&words[..], more].concat()).trim(), out);
    };
    sample("grid.png", &[]);
    let grid = image::open(at("grid.png")).unwrap().into_luma8();
    assert_eq!(grid.dimensions(), (10 * 30 + 2, 2 * 30 + 2));
    assert!(grid.pixels().any(|p| p.0[0] > 128) && grid.pixels().any(|p| p.0[0] < 64));
    sample("denoising.gif", &[]);
    assert_eq!(&fs::read(at("denoising.gif")).unwrap()[..6], b"GIF89a");
    sample("denoising.apng", &[]);
    let apng = png::Decoder::new(std::io::BufReader::new(fs::File::open(at("denoising.apng")).unwrap()));
    assert!(apng.read_info().unwrap().info().animation_control.unwrap().num_frames >= 5);
    sample("each/", &[]);
    assert_eq!(fs::read_dir(at("each")).unwrap().count(), 20);
    assert_eq!(image::open(at("each/0019.png")).unwrap().into_luma8().dimensions(), (28, 28));
    sample("two.safetensors", &["--threads", "2"]);
    sample("one.safetensors", &["--threads", "1"]);
    let bytes = fs::read(at("two.safetensors")).unwrap();
    assert_eq!(bytes, fs::read(at("one.safetensors")).unwrap(), "the number of threads changes the images");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("images").unwrap().shape(), [20, 1, 28, 28]);

    let figures = done(folder.path(), &["figures", "--checkpoint", "run", "--out", "figures"]);
    assert_eq!(figures.lines().count(), 3);
    for name in ["forward.png", "samples.png", "denoising.png"] {
        let figure = image::open(at("figures").join(name)).unwrap().into_luma8();
        assert!(figure.width() > 300 && figure.height() > 200, "{name}");
    }
}

#[test]
fn the_seed_decides_and_the_threads_do_not() {
    let folder = tempfile::tempdir().unwrap();
    for (out, more) in [("a", ["--threads", "1"]), ("b", ["--threads", "2"]), ("c", ["--seed", "7"])] {
        done(folder.path(), &[&train(out, "12")[..], &more].concat());
    }
    let [a, b, c] = ["a", "b", "c"].map(|run| folder.path().join(run));
    assert_eq!(checksum(&a), checksum(&b));
    assert_eq!(losses(&a), losses(&b));
    assert_ne!(checksum(&a), checksum(&c));
}

#[test]
fn a_damaged_checkpoint_is_replaced_by_the_one_before_it() {
    let folder = tempfile::tempdir().unwrap();
    done(folder.path(), &train("run", "30"));
    let run = folder.path().join("run");
    let whole = checksum(&run);
    let path = run.join("checkpoint.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    done(folder.path(), &[&train("run", "30")[..], &["--resume"]].concat());
    assert!(fs::read_to_string(run.join("log.txt")).unwrap().contains("the checkpoint before it, at step 20, is used"));
    assert_eq!(checksum(&run), whole);
    let spared = newest_checkpoint(&run).unwrap();
    assert!(spared.2.is_none(), "the damaged checkpoint is still there");
}

#[test]
fn a_model_of_two_digits_is_trained_and_draws_no_other() {
    let folder = tempfile::tempdir().unwrap();
    done(folder.path(), &[&train("run", "4")[..], &["--digits", "3,7", "--eval-every", "0"]].concat());
    let run: Value = serde_json::from_slice(&fs::read(folder.path().join("run/run.json")).unwrap()).unwrap();
    assert_eq!((&run["images"], &run["settings"]["data"]["digits"]), (&1000.into(), &serde_json::json!([3, 7])));
    done(
        folder.path(),
        &["sample", "--checkpoint", "run", "--count", "5", "--steps", "2", "--out", "some.safetensors"],
    );
    let report = done(
        folder.path(),
        &["eval", "--checkpoint", "run", "--count", "20", "--steps", "2", "--bits-images", "0", "--json"],
    );
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["real_images"], 20);
    let another = ["sample", "--checkpoint", "run", "--class", "4", "--out", "no.png"];
    let (error, hint) = program::failed(folder.path(), &another, 2);
    assert_eq!((error.as_str(), hint.as_str()), ("--class: the model never saw a 4", "it learned 3, 7"));
}
