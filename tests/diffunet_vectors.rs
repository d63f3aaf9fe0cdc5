//! `model::diffunet` against deepinv's `DiffUNet` on weights of the same formula: answers, blocks, gradients.

#![allow(clippy::unwrap_used)]

#[path = "support/fill.rs"]
mod fill;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use candle_core::{DType, Device, Result, Shape, Tensor, Var, bail, safetensors};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use diffuscope::model::diffunet::{DiffUNet, buffers};
use diffuscope::model::{Dropout, Network, TimeKind};
use fill::fill;
use rstest::rstest;
use serde_json::Value;

type Weights = Vec<(String, Var)>;

/// The network on the weights of the formula, as variables.
static FILLED: LazyLock<(DiffUNet, Weights)> = LazyLock::new(|| {
    let weights = Arc::new(Mutex::new(Vec::new()));
    let source: Box<dyn SimpleBackend> = Box::new(Formula(Arc::clone(&weights)));
    let network = DiffUNet::new(&VarBuilder::from_backend(source, DType::F32, Device::Cpu)).unwrap();
    let weights = std::mem::take(&mut *weights.lock().unwrap());
    (network, weights)
});

static FACTS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&std::fs::read_to_string(vectors("diffunet.json")).unwrap()).unwrap());

struct Formula(Arc<Mutex<Weights>>);

impl SimpleBackend for Formula {
    fn get(&self, shape: Shape, name: &str, _init: Init, _dtype: DType, device: &Device) -> Result<Tensor> {
        let var = Var::from_vec(fill(name, shape.dims()), shape, device)?;
        self.0.lock().unwrap().push((name.to_owned(), var.clone()));
        Ok(var.as_tensor().clone())
    }

    fn get_unchecked(&self, name: &str, _dtype: DType, _device: &Device) -> Result<Tensor> {
        bail!("{name} was asked for without a shape")
    }

    fn contains_tensor(&self, _name: &str) -> bool {
        true
    }
}

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

/// `[B, C, H, W]` to `[B, H, W, C]` of one channel.
fn channels_last(x: &Tensor) -> Tensor {
    let (b, c, h, w) = x.dims4().unwrap();
    assert_eq!(c, 1);
    x.reshape((b, h, w, 1)).unwrap()
}

fn flat(x: &Tensor) -> Vec<f64> {
    x.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

fn norm(x: &Tensor) -> f64 {
    flat(x).iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn rms(x: &Tensor) -> f64 {
    norm(x) / (x.elem_count() as f64).sqrt()
}

/// The largest difference between two tensors, relative to the root mean square of the second.
fn distance(x: &Tensor, expected: &Tensor) -> f64 {
    let difference = (x - expected).unwrap();
    flat(&difference).into_iter().map(f64::abs).fold(0.0, f64::max) / rms(expected)
}

fn relative(value: f64, expected: f64) -> f64 {
    (value - expected).abs() / expected.abs()
}

/// What one block gave: its root mean square and its first four values in the order `[B, C, H, W]`.
fn summary(x: &Tensor) -> (f64, Vec<f64>) {
    let first = match x.rank() {
        4 => x.permute((0, 3, 1, 2)).unwrap().contiguous().unwrap(),
        _ => x.clone(),
    };
    (rms(x), flat(&first)[..4].to_vec())
}

#[rstest]
#[case::timesteps(0)]
#[case::a_size_that_is_padded(1)]
#[case::a_noise_level(2)]
fn answers_blocks_and_gradients(#[case] case: usize) {
    let (network, weights) = &*FILLED;
    let facts = &FACTS["cases"][case];
    let tensors = safetensors::load(vectors("diffunet.safetensors"), &Device::Cpu).unwrap();
    let tensor = |name: &str| &tensors[&format!("case{case}.{name}")];
    let kind = if facts["kind"] == "timestep" { TimeKind::Timestep } else { TimeKind::NoiseLevel };
    let mut blocks = BTreeMap::new();
    let x = channels_last(tensor("input"));
    let y = network
        .observed(&x, tensor("t"), kind, None, &mut |name, x| {
            blocks.insert(name.to_owned(), summary(x));
            Ok(())
        })
        .unwrap();

    let expected = facts["activations"].as_object().unwrap();
    assert_eq!(blocks.len(), expected.len());
    for (name, expected) in expected {
        let (rms, first) = &blocks[name];
        let expected_rms = expected["rms"].as_f64().unwrap();
        assert!(relative(*rms, expected_rms) < 1e-4, "{name}: rms {rms}, not {expected_rms}");
        for (value, expected) in first.iter().zip(expected["first"].as_array().unwrap()) {
            let difference = (value - expected.as_f64().unwrap()).abs();
            assert!(difference < 1e-4 * expected_rms, "{name}: {value}, not {expected}");
        }
    }
    let error = distance(&y, &channels_last(tensor("output")));
    assert!(error < 1e-4, "the output differs by {error}");

    let loss = (y - channels_last(tensor("target"))).unwrap().sqr().unwrap().mean_all().unwrap();
    let value = f64::from(loss.to_scalar::<f32>().unwrap());
    assert!(relative(value, facts["loss"].as_f64().unwrap()) < 1e-5, "loss {value}");
    let gradients = loss.backward().unwrap();
    assert_eq!(facts["grad_norms"].as_object().unwrap().len(), weights.len());
    for (name, weight) in weights {
        let got = norm(gradients.get(weight).unwrap_or_else(|| panic!("{name} has no gradient")));
        let expected = facts["grad_norms"][name].as_f64().unwrap();
        assert!(relative(got, expected) < 1e-3, "gradient of {name}: {got}, not {expected}");
    }
}

#[test]
fn names_and_shapes_are_those_of_the_state_dict() {
    let shapes = |of: &Value| -> BTreeMap<String, Vec<usize>> { serde_json::from_value(of.clone()).unwrap() };
    let weights: BTreeMap<_, _> = FILLED.1.iter().map(|(name, var)| (name.clone(), var.dims().to_vec())).collect();
    assert_eq!(weights, shapes(&FACTS["parameters"]));
    assert_eq!(FILLED.1.len(), weights.len(), "every name is there once");
    let count: usize = FILLED.1.iter().map(|(_, var)| var.elem_count()).sum();
    assert_eq!((count, FACTS["count"].as_u64().unwrap()), (93_555_841, 93_555_841));
    let constants: BTreeMap<_, _> = buffers().map(|(name, values)| (name.to_owned(), vec![values.len()])).into();
    assert_eq!(constants, shapes(&FACTS["buffers"]));
}

/// Any size from 16×16 up gives what the image gives that is continued as a ring at the left and the top.
#[rstest]
#[case(17, 40, 32, 64)]
#[case(16, 16, 32, 32)]
fn odd_sizes_are_padded_circularly(
    #[case] height: usize,
    #[case] width: usize,
    #[case] padded_height: usize,
    #[case] padded_width: usize,
) {
    let network = &FILLED.0;
    let x = Tensor::from_vec(fill("x", &[2, height, width, 1]), (2, height, width, 1), &Device::Cpu).unwrap();
    let t = Tensor::new(&[10f32, 600.0], &Device::Cpu).unwrap();
    let (top, left) = (padded_height - height, padded_width - width);
    let rows = Tensor::cat(&[&x.narrow(1, height - top, top).unwrap(), &x], 1).unwrap();
    let padded = Tensor::cat(&[&rows.narrow(2, width - left, left).unwrap(), &rows], 2).unwrap();
    assert_eq!(padded.dims(), [2, padded_height, padded_width, 1]);
    let expected = network.forward(&padded, &t, None).unwrap();
    let expected = expected.narrow(1, top, height).unwrap().narrow(2, left, width).unwrap();
    let y = network.forward(&x, &t, None).unwrap();
    assert_eq!(y.dims(), x.dims());
    assert_eq!(flat(&y), flat(&expected));
}

/// Batches may mix noise levels; the images of one answer do not depend on each other.
#[test]
fn a_batch_of_noise_levels_is_each_image_by_itself() {
    let network = &FILLED.0;
    let y = Tensor::from_vec(fill("y", &[2, 16, 16, 1]), (2, 16, 16, 1), &Device::Cpu).unwrap();
    let sigma = Tensor::new(&[0.05f32, 0.3], &Device::Cpu).unwrap();
    let answer = |y: &Tensor, sigma: &Tensor| {
        network.observed(y, sigma, TimeKind::NoiseLevel, None, &mut |_, _| Ok(())).unwrap()
    };
    let both = answer(&y, &sigma);
    for i in 0..2 {
        let alone = answer(&y.narrow(0, i, 1).unwrap(), &sigma.narrow(0, i, 1).unwrap());
        assert!(distance(&both.narrow(0, i, 1).unwrap(), &alone) < 1e-4);
    }
}

#[test]
fn dropout_acts_in_training_only() {
    let x = Tensor::from_vec(fill("x", &[1, 1, 16, 16]), (1, 1, 16, 16), &Device::Cpu).unwrap();
    let t = Tensor::new(&[300f32], &Device::Cpu).unwrap();
    let weights: HashMap<_, _> = FILLED.1.iter().map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect();
    let settings = diffuscope::config::Preset::Seed.settings().network;
    let vb = VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu);
    let network = Network::new(&settings, &vb).unwrap();
    let answer = |dropout: Option<&Dropout>| flat(&network.forward(&x, &t, None, dropout).unwrap());
    let plain = answer(None);
    // Given by reference: rustc 1.95 passes two equal temporaries by value as one, and the masks are counted in it.
    let step = |step| answer(Some(&Dropout::new(1, step)));
    assert_eq!(plain, answer(None));
    assert_eq!(step(0), step(0));
    assert_ne!(step(0), step(1));
    assert_ne!(step(0), plain);
}
