//! Journey: weights of others are opened and drawn with, and ours are written for others and opened again.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor, safetensors};
use diffuscope::config::{DiffusionSettings, SamplerKind, ScheduleKind, WeightsKind};
use diffuscope::export::{ExportFormat, export};
use diffuscope::model::ops::space_to_depth2;
use diffuscope::trained::TrainedModel;
use program::{done, failed};
use serde_json::{Value, json};

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copied(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn scalar(tensor: &Tensor) -> f32 {
    tensor.to_scalar().unwrap()
}

/// The largest difference, relative to the root mean square of what was expected.
fn difference(got: &Tensor, want: &Tensor) -> f32 {
    let rms = scalar(&want.sqr().unwrap().mean_all().unwrap()).sqrt();
    scalar(&(got - want).unwrap().abs().unwrap().max_all().unwrap()) / rms
}

/// `[B, 4, H, W]` to `[B, 1, 2H, 2W]` as PyTorch's `pixel_shuffle`.
fn image_of(patches: &Tensor) -> Tensor {
    let x = patches.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
    let image = diffuscope::model::ops::depth_to_space2(&x).unwrap();
    image.permute((0, 3, 1, 2)).unwrap().contiguous().unwrap()
}

fn patches_of(image: &Tensor) -> Tensor {
    let x = image.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
    space_to_depth2(&x).unwrap().permute((0, 3, 1, 2)).unwrap().contiguous().unwrap()
}

/// How far a pipeline's answers are from those of diffusers.
fn pipeline_error(pipeline: &Path, expected: &str) -> f32 {
    let device = &Device::Cpu;
    let (model, notice) = TrainedModel::open(pipeline, device).unwrap();
    assert_eq!(notice, None);
    let denoiser = model.denoiser(WeightsKind::Ema).unwrap();
    let expected = safetensors::load(vectors(expected), device).unwrap();
    let t: Vec<f32> = expected["t"].to_dtype(DType::F32).unwrap().to_vec1().unwrap();
    let labels: Option<Vec<f32>> =
        expected.get("class_labels").map(|labels| labels.to_dtype(DType::F32).unwrap().to_vec1().unwrap());
    let answers: Vec<Tensor> = (0..t.len())
        .map(|i| {
            let x = expected["input"].narrow(0, i, 1).unwrap();
            let label = labels.as_ref().map(|labels| labels[i] as u8).filter(|label| *label < 10);
            let patches = x.dim(1).unwrap() == 4;
            let x = if patches { image_of(&x) } else { x };
            let y = denoiser.predict(&x, t[i] as usize, &[label], 0.0).unwrap();
            if patches { patches_of(&y) } else { y }
        })
        .collect();
    difference(&Tensor::cat(&answers, 0).unwrap(), &expected["output"])
}

#[test]
fn pipelines_of_diffusers_answer_as_they_do_there() {
    for (pipeline, expected) in [
        ("pipeline", "pipeline_expected.safetensors"),
        ("pipeline_classes", "pipeline_classes_expected.safetensors"),
        ("pipeline/unet", "pipeline_expected.safetensors"),
        ("pipeline/unet/diffusion_pytorch_model.safetensors", "pipeline_expected.safetensors"),
    ] {
        let error = pipeline_error(&vectors(pipeline), expected);
        assert!(error < 1e-4, "{pipeline}: {error}");
    }
}

/// A pipeline from before diffusers 0.12, when attention layers had other names.
#[test]
fn old_names_of_attention_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    copied(&vectors("pipeline"), folder.path());
    let path = folder.path().join("unet/diffusion_pytorch_model.safetensors");
    let weights = safetensors::load(&path, &Device::Cpu).unwrap();
    let old = |name: &str| {
        let names = [(".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."), (".to_out.0.", ".proj_attn.")];
        names.iter().fold(name.to_owned(), |name, (new, old)| name.replace(new, old))
    };
    let renamed = weights.into_iter().map(|(name, weight)| (old(&name), weight)).collect();
    safetensors::save(&renamed, &path).unwrap();
    assert!(renamed.keys().any(|name| name.contains("proj_attn")));
    assert!(pipeline_error(folder.path(), "pipeline_expected.safetensors") < 1e-4);
}

fn change(path: &Path, fields: &Value) {
    let mut config: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    for (name, value) in fields.as_object().unwrap() {
        config[name] = value.clone();
    }
    fs::write(path, config.to_string()).unwrap();
}

#[test]
fn a_pipeline_is_drawn_with_under_its_own_schedule() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    copied(&vectors("pipeline_classes"), &at("p"));
    let schedule =
        json!({"num_train_timesteps": 12, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"});
    change(&at("p/scheduler/scheduler_config.json"), &schedule);
    let (model, _) = TrainedModel::open(&at("p"), &Device::Cpu).unwrap();
    let DiffusionSettings { timesteps, schedule, .. } = model.settings.diffusion;
    assert_eq!((timesteps, schedule, model.settings.sampling.sampler), (12, ScheduleKind::Cosine, SamplerKind::Ddpm));

    let words = ["sample", "--checkpoint", "p", "--count", "3"];
    assert_eq!(done(folder.path(), &[&words[..], &["--out", "x.safetensors"]].concat()).trim(), "x.safetensors");
    let images = &safetensors::load(at("x.safetensors"), &Device::Cpu).unwrap()["images"];
    assert_eq!(images.dims(), [3, 1, 28, 28]);
    let other = json!({"beta_schedule": "linear"});
    change(&at("p/scheduler/scheduler_config.json"), &other);
    done(folder.path(), &[&words[..], &["--out", "y.safetensors"]].concat());
    assert_ne!(fs::read(at("x.safetensors")).unwrap(), fs::read(at("y.safetensors")).unwrap());
    let more = ["--sampler", "ddim", "--steps", "13", "--out", "z.png"];
    let (error, _) = failed(folder.path(), &[&words[..], &more].concat(), 2);
    assert_eq!(error, "--steps: 13 steps, the model has 12 timesteps");
}

#[test]
fn what_does_not_fit_is_named_before_anything_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let refused = |path: &str| failed(folder.path(), &["sample", "--checkpoint", path, "--out", "x.png"], 1);

    copied(&vectors("pipeline"), &at("p"));
    change(&at("p/unet/config.json"), &json!({"block_out_channels": [32, 48]}));
    let (error, hint) = refused("p");
    assert!(error.contains("p/unet/diffusion_pytorch_model.safetensors: the weights do not fit"), "{error}");
    assert!(error.contains(".weight is [64, ") && error.contains("not [48, ") && error.contains("more"), "{error}");
    assert!(!hint.is_empty());
    change(&at("p/unet/config.json"), &json!({"act_fn": "gelu"}));
    let (error, hint) = refused("p");
    assert!(error.ends_with("p/unet/config.json: act_fn = \"gelu\" is not supported"), "{error}");
    assert!(hint.contains("silu"), "{hint}");
    fs::remove_file(at("p/unet/diffusion_pytorch_model.safetensors")).unwrap();
    copied(&vectors("pipeline/scheduler"), &at("q/scheduler"));
    fs::copy(vectors("pipeline/model_index.json"), at("q/model_index.json")).unwrap();
    let (error, _) = refused("q");
    assert!(error.contains("q/unet/config.json"), "{error}");

    fs::copy(vectors("state_dict.pth"), at("other.pth")).unwrap();
    let (error, _) = refused("other.pth");
    assert!(error.contains("weights of a network that is not known here: a, half, bf"), "{error}");
    let whole = fs::read(vectors("legacy.pth")).unwrap();
    fs::write(at("cut.pth"), &whole[..whole.len() - 3]).unwrap();
    let (error, _) = refused("cut.pth");
    assert!(error.starts_with("cut.pth: cut short"), "{error}");
    fs::write(at("hostile.pth"), b"\x80\x02cos\nsystem\nX\x0b\0\0\0touch owned\x85R.").unwrap();
    let (error, _) = refused("hostile.pth");
    assert!(error.contains("os.system, which is not part of a tensor"), "{error}");
    assert!(!at("owned").exists() && !at("x.png").exists());
}

/// The images that a file or folder of weights draws.
fn drawn(folder: &Path, checkpoint: &str, weights: &str) -> Tensor {
    let words = [
        "sample",
        "--checkpoint",
        checkpoint,
        "--out",
        "drawn.safetensors",
        "--count",
        "4",
        "--weights",
        weights,
        "--force",
    ];
    done(folder, &[&words[..], &["--sampler", "dpmpp", "--steps", "4", "--guidance", "0.3"]].concat());
    safetensors::load(folder.join("drawn.safetensors"), &Device::Cpu).unwrap()["images"].clone()
}

#[test]
fn ours_go_out_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let train = ["train", "--preset", "nano", "--steps", "12", "--subset", "500", "--batch-size", "16", "--out", "run"];
    done(folder.path(), &train);
    let (ema, raw) = (drawn(folder.path(), "run", "ema"), drawn(folder.path(), "run", "raw"));
    assert!(difference(&ema, &raw) > 1e-3);
    let export = |checkpoint: &str, format: &str, out: &str, weights: &[&str]| {
        let words = ["export", "--checkpoint", checkpoint, "--format", format, "--out", out, "--force"];
        assert_eq!(done(folder.path(), &[&words[..], weights].concat()).trim(), out);
    };
    for (format, name) in [("safetensors", "w.safetensors"), ("pth", "w.pth"), ("diffusers", "pipeline")] {
        let tolerance = if format == "diffusers" { 1e-3 } else { 0.0 };
        for (weights, expected) in [(&[][..], &ema), (&["--weights", "raw"], &raw), (&["--weights", "ema"], &ema)] {
            export("run", format, name, weights);
            let error = difference(&drawn(folder.path(), name, "ema"), expected);
            assert!(error <= tolerance, "{name} {weights:?}: {error}");
        }
    }
    let (model, notice) = TrainedModel::open(&at("w.pth"), &Device::Cpu).unwrap();
    assert_eq!((model.step, notice), (12, None));
    let readme = fs::read_to_string(at("pipeline/README.md")).unwrap();
    assert!(readme.contains("UNet2DModel.from_pretrained(\".\", subfolder=\"unet\")"), "{readme}");

    // A file of weights without settings, as PyTorch would write it again, is known by its names.
    let plain = safetensors::load(at("w.safetensors"), &Device::Cpu).unwrap();
    safetensors::save(&plain, at("plain.safetensors")).unwrap();
    let (model, notice) = TrainedModel::open(&at("plain.safetensors"), &Device::Cpu).unwrap();
    assert!(notice.unwrap().contains("the schedule of the preset small is assumed"));
    assert_eq!(model.settings.network, TrainedModel::open(&at("w.pth"), &Device::Cpu).unwrap().0.settings.network);
    export("w.pth", "safetensors", "again.safetensors", &[]);
    assert_eq!(fs::read(at("again.safetensors")).unwrap(), fs::read(at("w.safetensors")).unwrap());
}

#[test]
fn a_network_on_whole_images_is_written_with_and_without_its_classes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    done(
        folder.path(),
        &["train", "--preset", "base", "--steps", "1", "--subset", "8", "--batch-size", "2", "--out", "run"],
    );
    done(folder.path(), &["export", "--checkpoint", "run", "--format", "diffusers", "--out", "p"]);
    let config = |name: &str| -> Value { serde_json::from_slice(&fs::read(at(name)).unwrap()).unwrap() };
    assert_eq!(config("p/unet/config.json")["num_class_embeds"], Value::Null);
    assert_eq!(config("p/unet_classes/config.json")["num_class_embeds"], 11);
    assert_eq!(config("p/scheduler/scheduler_config.json")["beta_schedule"], "squaredcos_cap_v2");
    let device = &Device::Cpu;
    let denoiser = |path: &str| TrainedModel::open(&at(path), device).unwrap().0.denoiser(WeightsKind::Ema).unwrap();
    let x =
        Tensor::from_iter((0..1024).map(|i| (i as f32 * 0.37).sin()), device).unwrap().reshape((1, 1, 32, 32)).unwrap();
    let answer = |path: &str, class| denoiser(path).predict(&x, 300, &[class], 0.0).unwrap();
    assert_eq!(difference(&answer("p", Some(3)), &answer("run", Some(3))), 0.0);
    let error = difference(&answer("p/unet", None), &answer("run", None));
    assert!(error < 1e-5, "{error}");
}

#[test]
fn an_export_replaces_only_an_export() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let export = ["export", "--checkpoint", "p", "--format", "diffusers", "--out", "out"];
    copied(&vectors("pipeline"), &at("p"));
    fs::create_dir(at("out")).unwrap();
    done(folder.path(), &export);
    let (error, hint) = failed(folder.path(), &export, 2);
    assert!(error == "out exists already" && hint.contains("--force"), "{error}: {hint}");
    done(folder.path(), &[&export[..], &["--force"]].concat());
    let listed = |folder: &Path| -> BTreeMap<String, u64> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len())).collect()
    };
    let names: Vec<_> = listed(&at("out")).into_keys().collect();
    assert_eq!(names, ["README.md", "model_index.json", "scheduler", "unet"]);
    assert!(pipeline_error(&at("out"), "pipeline_expected.safetensors") < 1e-4);
    // A folder of others, however much it looks like an export, and an export to which something was added.
    let mine: [(&str, &[&str]); 4] = [
        ("mine", &["thesis.txt"]),
        ("project", &["config.json", ".git/HEAD", "thesis.txt"]),
        ("model", &["README.md", "model_index.json", "scheduler/scheduler_config.json", "unet/config.json"]),
        ("out", &["unet/notes.txt"]),
    ];
    for (name, files) in mine {
        for file in files {
            let path = at(name).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "words").unwrap();
        }
        let words = ["export", "--checkpoint", "p", "--format", "diffusers", "--out", name, "--force"];
        for words in [&words[..7], &words] {
            let (error, hint) = failed(folder.path(), words, 2);
            assert_eq!(error, format!("--out: {name} holds other files"));
            assert!(!hint.contains("--force"), "{hint}");
        }
        assert!(files.iter().all(|file| fs::read_to_string(at(name).join(file)).unwrap() == "words"));
    }
    assert_eq!(listed(folder.path()).len(), 5, "something was left behind");
}

#[test]
fn predict_answers_diffusers_in_its_own_patches() {
    let folder = tempfile::tempdir().unwrap();
    let vector = |name: &str| vectors(name).display().to_string();
    for (pipeline, tensors) in
        [("pipeline", "pipeline_expected.safetensors"), ("pipeline_classes", "pipeline_classes_expected.safetensors")]
    {
        let mut question = safetensors::load(vectors(tensors), &Device::Cpu).unwrap();
        let want = question.remove("output").unwrap();
        let question = question.into_iter().map(|(name, x)| (name, x.to_dtype(DType::F32).unwrap())).collect();
        safetensors::save(&question, folder.path().join("in.safetensors")).unwrap();
        let words = [
            "predict",
            "--force",
            "--checkpoint",
            &vector(pipeline),
            "--input",
            "in.safetensors",
            "--out",
            "out.safetensors",
        ];
        done(folder.path(), &words);
        let got = &safetensors::load(folder.path().join("out.safetensors"), &Device::Cpu).unwrap()["output"];
        assert_eq!(got.dims(), want.dims());
        let error = difference(got, &want);
        assert!(error < 1e-4, "{pipeline}: {error}");
    }
}

/// A turned bit of the settings would have drawn under another schedule, and told nobody.
#[test]
fn an_exported_file_whose_metadata_was_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.safetensors");
    let model = TrainedModel::shipped(&Device::Cpu).unwrap();
    export(&model, WeightsKind::Ema, ExportFormat::Safetensors, &path).unwrap();
    let whole = fs::read(&path).unwrap();
    let opened = |from: &str, to: &str| {
        let at = whole.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        fs::write(&path, [&whole[..at], to.as_bytes(), &whole[at + from.len()..]].concat()).unwrap();
        TrainedModel::open(&path, &Device::Cpu).map(|(model, _)| model.settings)
    };
    let changes =
        [("\\\"timesteps\\\":1000", "\\\"timesteps\\\":1004"), ("\"weights\":\"ema\"", "\"weights\":\"emb\"")];
    for (from, to) in changes {
        let error = opened(from, to).unwrap_err();
        assert!(error.to_string().ends_with("the checksum of its metadata does not match"), "{error}");
        assert!(!error.hint().is_empty());
    }
    // As an earlier version wrote it.
    assert!(opened("\"metadata_crc32\"", "\"metadata_crc3_\"").unwrap() == model.settings);
}
