//! Journey: a person asks how good a model is, and images of a file; and mistakes are told.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Output};

use candle_core::{Device, Tensor};
use serde_json::Value;

fn run(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diffuscope")).args(words).current_dir(folder).output().unwrap()
}

fn done(folder: &Path, words: &[&str]) -> String {
    let output = run(folder, words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn save(path: &Path, name: &str, images: Tensor) {
    candle_core::safetensors::save(&HashMap::from([(name, images)]), path).unwrap();
}

#[test]
fn a_model_is_judged_the_same_by_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let train = ["train", "--out", "run", "--preset", "nano", "--subset", "256", "--steps", "20", "--batch-size", "16"];
    done(folder.path(), &train);
    let eval = ["eval", "--checkpoint", "run", "--count", "40", "--steps", "4", "--bits-images", "4", "--json"];
    let printed = done(folder.path(), &[&eval[..], &["--threads", "1"]].concat());
    assert_eq!(printed, done(folder.path(), &[&eval[..], &["--threads", "2"]].concat()));
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((report["images"].as_u64(), report["real_images"].as_u64()), (Some(40), Some(40)));
    assert_eq!((report["step"].as_u64(), report["sampling"]["steps"].as_u64()), (Some(20), Some(4)));
    assert!(report["recognisable"]["value"].as_f64() < report["recognisable"]["real"].as_f64());
    assert!(report["class_agreement"]["interval"]["low"].is_number());
    let bits = &report["bits_per_dim"];
    let parts = ["decoder", "kl", "prior"].map(|part| bits[part].as_f64().unwrap());
    assert!((parts.iter().sum::<f64>() - bits["total"].as_f64().unwrap()).abs() < 1e-9, "{bits}");
    assert!(bits["curve"].as_array().unwrap().len() == 10 && bits["images"] == 4, "{bits}");
    let table = done(folder.path(), &eval[..eval.len() - 1]);
    for row in ["recognisable", "Fréchet distance", "bits per dim", "verdict"] {
        assert!(table.contains(&format!("\n{row}")), "{table}");
    }
}

#[test]
fn digits_are_judged_while_a_model_trains() {
    let folder = tempfile::tempdir().unwrap();
    let train = ["train", "--out", "run", "--preset", "nano", "--subset", "256", "--steps", "30", "--batch-size", "16"];
    let output = run(folder.path(), &[&train[..], &["--eval-every", "0.01"]].concat());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.contains(" % recognisable · Fréchet distance "), "{told}");
    let metrics = std::fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
    let evals: Vec<Value> = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
    let evals: Vec<&Value> = evals.iter().filter(|line| line["eval"].is_object()).collect();
    let (step, eval) = (evals[0]["step"].as_u64().unwrap(), &evals[0]["eval"]);
    assert!((1..=30).contains(&step) && eval["distance"].is_number() && eval["recognisable"].is_number(), "{eval}");
    let seen: u64 = eval["classes"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(Some(seen), eval["count"].as_u64());
}

#[test]
fn images_of_a_file_are_judged_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blank.safetensors");
    save(&path, "images", Tensor::zeros((20, 1, 32, 32), candle_core::DType::F32, &Device::Cpu).unwrap());
    let report: Value =
        serde_json::from_str(&done(folder.path(), &["eval", "--images", "blank.safetensors", "--json"])).unwrap();
    assert_eq!((report["verdict"].as_str(), report["images"].as_u64()), (Some("not_digits"), Some(20)));
    assert!(report["class_agreement"].is_null() && report["bits_per_dim"].is_null() && report.get("step").is_none());
}

#[test]
fn what_is_not_images_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |what: &str| {
        let output = run(folder.path(), &["eval", "--images", "x.safetensors"]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        let lines: Vec<_> =
            text.lines().filter(|line| line.starts_with("error:") || line.starts_with("hint:")).collect();
        assert!(lines.len() == 2 && lines[0].contains(what), "{text}");
    };
    let path = folder.path().join("x.safetensors");
    refused("cannot read");
    std::fs::write(&path, b"not a tensor").unwrap();
    refused("x.safetensors");
    let zeros = |shape: &[usize]| Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
    save(&path, "pictures", zeros(&[2, 1, 28, 28]));
    refused("no tensor images");
    save(&path, "images", zeros(&[2, 3, 28, 28]));
    refused("[2, 3, 28, 28]");
    save(&path, "images", zeros(&[1, 1, 28, 28]));
    refused("1 images");
}

/// The bars that docs/recipe.md states, with room for 800 digits instead of 2,000.
#[test]
fn the_shipped_model_draws_digits_as_good_as_real_ones() {
    let folder = tempfile::tempdir().unwrap();
    let printed = done(folder.path(), &["eval", "--count", "800", "--bits-images", "0", "--json"]);
    let report: Value = serde_json::from_str(&printed).unwrap();
    let of = |row: &str, what: &str| report[row][what].as_f64().unwrap();
    assert!(of("recognisable", "value") > 0.97 * of("recognisable", "real"), "{printed}");
    assert!(of("frechet_distance", "value") < 1.2 * of("frechet_distance", "real"), "{printed}");
    assert!(of("class_agreement", "value") > 0.95 && of("copies", "value") < 0.05, "{printed}");
    assert_eq!(report["verdict"], serde_json::json!("like_real"), "{printed}");
}
