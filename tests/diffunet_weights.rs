//! Journey: the weights of deepinv's `DiffUNet`, 93.6 million of them, come in from a `.pth` and go out again.

#![allow(clippy::unwrap_used)]

#[path = "support/fill.rs"]
mod fill;
#[path = "support/program.rs"]
mod program;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{Device, safetensors};
use diffuscope::config::{Architecture, Preset};
use diffuscope::model::diffunet::buffers;
use diffuscope::model::weights::{WeightsFile, write_pth};
use diffuscope::tensor_file::Entry;
use diffuscope::trained::TrainedModel;
use fill::fill;
use program::{done, failed};
use serde_json::Value;

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

/// Names and shapes, as deepinv has them.
fn facts(kind: &str) -> Vec<(String, Vec<usize>)> {
    let facts: Value = serde_json::from_slice(&fs::read(vectors("diffunet.json")).unwrap()).unwrap();
    let shape = |shape: &Value| shape.as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect();
    facts[kind].as_object().unwrap().iter().map(|(name, value)| (name.clone(), shape(value))).collect()
}

fn entry(name: &str, shape: &[usize], values: Vec<f32>) -> Entry<'static> {
    Entry { name: name.into(), shape: shape.to_vec(), values: Cow::Owned(values) }
}

#[test]
fn a_pth_of_diffunet_answers_as_deepinv_and_goes_out_as_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut entries: Vec<_> =
        facts("parameters").iter().map(|(name, shape)| entry(name, shape, fill(name, shape))).collect();
    entries.extend(buffers().map(|(name, values)| entry(name, &[1000], values)));
    write_pth(&at("theirs.pth"), &BTreeMap::new(), &entries).unwrap();

    let cases = safetensors::load(vectors("diffunet.safetensors"), &Device::Cpu).unwrap();
    let question = [("input", &cases["case0.input"]), ("t", &cases["case0.t"])];
    let question = question.map(|(name, tensor)| (name.to_owned(), tensor.clone())).into_iter().collect();
    safetensors::save::<String, _>(&question, at("in.safetensors")).unwrap();
    let words = ["predict", "--checkpoint", "theirs.pth", "--input", "in.safetensors", "--out", "out.safetensors"];
    done(folder.path(), &words);
    let got = &safetensors::load(at("out.safetensors"), &Device::Cpu).unwrap()["output"];
    let want = &cases["case0.output"];
    let scalar = |tensor: candle_core::Tensor| tensor.to_scalar::<f32>().unwrap();
    let rms = scalar(want.sqr().unwrap().mean_all().unwrap()).sqrt();
    let error = scalar((got - want).unwrap().abs().unwrap().max_all().unwrap()) / rms;
    assert!(error < 1e-4, "{error}");

    done(folder.path(), &["export", "--checkpoint", "theirs.pth", "--format", "pth", "--out", "ours.pth"]);
    let file = WeightsFile::open(&at("ours.pth")).unwrap();
    let mut listed: Vec<_> = file.tensors().iter().map(|t| (t.name.clone(), t.shape().to_vec())).collect();
    let mut expected = [facts("parameters"), facts("buffers")].concat();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
    let ours = file.load(file.tensors(), &Device::Cpu, &mut |_, _| {}).unwrap();
    for theirs in &entries {
        let ours: Vec<f32> = ours[&theirs.name].flatten_all().unwrap().to_vec1().unwrap();
        assert!(ours.iter().zip(&*theirs.values).all(|(a, b)| a.to_bits() == b.to_bits()), "{}", theirs.name);
    }
    let (model, notice) = TrainedModel::open(&at("ours.pth"), &Device::Cpu).unwrap();
    assert_eq!((model.parameters, notice), (93_555_841, None));
    assert_eq!(model.settings.diffusion, Preset::Seed.settings().diffusion);
    assert_eq!(model.settings.network.architecture, Architecture::DiffUNet);
    let (error, hint) =
        failed(folder.path(), &["export", "--checkpoint", "ours.pth", "--format", "diffusers", "--out", "p"], 2);
    assert!(error.contains("DiffUNet") && hint.contains("--format pth"), "{error} {hint}");
    assert!(!at("p").exists());
}

/// The weights that deepinv offers are of three channels: they say so, and nothing of their 374 MB is read.
#[test]
fn weights_of_other_channels_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let small = |name: &str, shape: &[usize]| entry(name, shape, vec![0.0; shape.iter().product()]);
    let entries = [small("input_blocks.0.0.weight", &[128, 3, 3, 3]), small("time_embed.0.weight", &[512, 128])];
    write_pth(&folder.path().join("x.pth"), &BTreeMap::new(), &entries).unwrap();
    let (error, _) = failed(folder.path(), &["sample", "--checkpoint", "x.pth", "--out", "x.png"], 1);
    assert!(error.contains("input_blocks.0.0.weight is [128, 3, 3, 3], not [128, 1, 3, 3]"), "{error}");
    assert!(error.contains("and 358 more"), "{error}");
}
