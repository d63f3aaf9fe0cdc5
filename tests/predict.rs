//! Journey: someone compares this network with another implementation, one call at a time, through files.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor, safetensors};
use diffuscope::config::WeightsKind;
use diffuscope::trained::TrainedModel;
use program::{done, failed};

fn numbers(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| (i as f32 * 0.37).sin()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn vector(values: &[f32]) -> Tensor {
    Tensor::new(values, &Device::Cpu).unwrap()
}

fn write(folder: &Path, name: &str, tensors: &[(&str, Tensor)]) {
    let tensors: HashMap<_, _> = tensors.iter().map(|(name, tensor)| (name.to_string(), tensor.clone())).collect();
    safetensors::save(&tensors, folder.join(name)).unwrap();
}

fn train(folder: &Path, out: &str, classes: &str) {
    // Fast enough to leave the start, where the residual branches are zero and nothing depends on t.
    let pace = ["--steps", "30", "--lr", "0.05", "--subset", "64", "--batch-size", "16"];
    done(folder, &[&["train", "--preset", "nano", "--classes", classes, "--out", out], &pace[..]].concat());
}

fn output(folder: &Path) -> Tensor {
    safetensors::load(folder.join("out.safetensors"), &Device::Cpu).unwrap().remove("output").unwrap()
}

/// The largest difference, relative to the largest value of the second.
fn worst(a: &Tensor, b: &Tensor) -> f32 {
    let largest = |x: &Tensor| x.abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar::<f32>().unwrap();
    largest(&(a - b).unwrap()) / largest(b)
}

const PREDICT: [&str; 8] =
    ["predict", "--force", "--checkpoint", "run", "--input", "in.safetensors", "--out", "out.safetensors"];

#[test]
fn each_image_is_answered_at_its_own_timestep_and_class() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    train(folder, "run", "on");
    let x = numbers(&[2, 1, 12, 16]);
    let (t, labels) = (vector(&[3.0, 977.5]), vector(&[7.0, 10.0]));
    write(folder, "in.safetensors", &[("input", x.clone()), ("t", t), ("class_labels", labels)]);
    assert_eq!(done(folder, &PREDICT), "out.safetensors\n");
    let answer = output(folder);
    assert_eq!(answer.dims(), x.dims());

    let model = TrainedModel::open(&folder.join("run"), &Device::Cpu).unwrap().0;
    let denoiser = model.denoiser(WeightsKind::Ema).unwrap();
    for (i, (t, class)) in [(3f32, 7u32), (977.5, 10)].into_iter().enumerate() {
        let class = Tensor::new(&[class], &Device::Cpu).unwrap();
        let alone = denoiser.network().forward(&x.narrow(0, i, 1).unwrap(), &vector(&[t]), Some(&class), None).unwrap();
        let of_batch = answer.narrow(0, i, 1).unwrap();
        assert!(worst(&of_batch, &alone) < 1e-4, "image {i}");
        let elsewhere = denoiser.network().forward(&x.narrow(0, i, 1).unwrap(), &vector(&[400.0]), Some(&class), None);
        assert!(worst(&of_batch, &elsewhere.unwrap()) > 1e-2, "image {i} does not depend on t");
    }
}

/// More images than go through the network together: each has its own answer, in its place.
#[test]
fn many_images_are_answered_part_by_part() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    train(folder, "run", "on");
    let (count, x) = (600, numbers(&[600, 1, 28, 28]));
    let t: Vec<f32> = (0..count).map(|i| i as f32).collect();
    let labels: Vec<f32> = (0..count).map(|i| (i % 11) as f32).collect();
    let ask = |x: &Tensor, t: &[f32], labels: &[f32]| {
        write(folder, "in.safetensors", &[("input", x.clone()), ("t", vector(t)), ("class_labels", vector(labels))]);
        done(folder, &PREDICT);
        output(folder)
    };
    let all = ask(&x, &t, &labels);
    assert_eq!(all.dims(), x.dims());
    for i in [0, 333, 334, 335, 599] {
        let alone = ask(&x.narrow(0, i, 1).unwrap().contiguous().unwrap(), &t[i..=i], &labels[i..=i]);
        assert!(worst(&all.narrow(0, i, 1).unwrap(), &alone) < 1e-4, "image {i}");
    }
}

#[test]
fn a_question_that_cannot_be_answered_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    train(folder, "run", "on");
    let x = || ("input", numbers(&[2, 1, 12, 12]));
    let t = || ("t", vector(&[1.0, 2.0]));
    let labels = |a: f32, b: f32| ("class_labels", vector(&[a, b]));
    let cases: Vec<(Vec<(&str, Tensor)>, &str)> = vec![
        (vec![t(), labels(0.0, 1.0)], "it has no tensor input"),
        (vec![x(), labels(0.0, 1.0)], "it has no tensor t"),
        (vec![x(), t()], "it has no tensor class_labels, and the model has classes"),
        (vec![("input", x().1.to_dtype(DType::F64).unwrap()), t()], "input is F64, not F32"),
        (vec![("input", numbers(&[12, 12])), t()], "input is [12, 12], not [B, C, H, W]"),
        (vec![("input", numbers(&[3, 1, 12, 12])), t()], "t is [2], not [3] as input has images"),
        (vec![x(), t(), ("class_labels", vector(&[1.0]))], "class_labels is [1], not [2] as input has images"),
        (vec![x(), t(), labels(0.0, 11.0)], "class_labels holds 11"),
        (vec![x(), t(), labels(0.5, 1.0)], "class_labels holds 0.5"),
        (vec![x(), ("t", vector(&[1.0, f32::NAN])), labels(0.0, 1.0)], "t holds NaN"),
        (vec![x(), ("t", vector(&[1.0, 4000.0])), labels(0.0, 1.0)], "t = 4000 is no timestep"),
        (vec![x(), ("t", vector(&[-1.0, 3.0])), labels(0.0, 1.0)], "t = -1 is no timestep"),
        (vec![("input", numbers(&[2, 3, 12, 12])), t(), labels(0.0, 1.0)], "input has 3 channels, the network takes 1"),
        (vec![("input", numbers(&[2, 1, 12, 14])), t(), labels(0.0, 1.0)], "cannot take images of 12×14"),
        // In one call they took as many gigabytes as there were, and ended the program.
        (vec![("input", numbers(&[2, 1, 2048, 2048])), t(), labels(0.0, 1.0)], "input has images of 2048×2048"),
    ];
    for (tensors, what) in cases {
        write(folder, "in.safetensors", &tensors);
        let (error, hint) = failed(folder, &PREDICT, 1);
        assert!(error.contains("in.safetensors") && error.contains(what), "{error}, not {what}");
        assert!(!hint.is_empty() && !folder.join("out.safetensors").exists(), "{what}");
    }

    write(folder, "in.safetensors", &[x(), t(), labels(0.0, 1.0)]);
    let (error, hint) = failed(folder, &[&PREDICT[..], &["--kind", "noise_level"]].concat(), 2);
    assert!(error.starts_with("--kind") && hint.contains("DiffUNet"), "{error} {hint}");
    std::fs::write(folder.join("in.safetensors"), "no tensors").unwrap();
    assert!(failed(folder, &PREDICT, 1).0.contains("not a safetensors file"));
    std::fs::remove_file(folder.join("in.safetensors")).unwrap();
    assert!(failed(folder, &PREDICT, 1).0.contains("cannot read in.safetensors"));
}

#[test]
fn a_model_without_classes_leaves_labels_aside() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    train(folder, "run", "off");
    let (x, t) = (numbers(&[1, 1, 8, 8]), vector(&[500.0]));
    write(folder, "in.safetensors", &[("input", x.clone()), ("t", t.clone())]);
    done(folder, &PREDICT);
    let plain = output(folder);
    write(folder, "in.safetensors", &[("input", x), ("t", t), ("class_labels", vector(&[3.0]))]);
    done(folder, &PREDICT);
    assert_eq!(worst(&plain, &output(folder)), 0.0);
}
