//! The samplers against trajectories of diffusers, and against the truth where diffusers gives NaN.
//!
//! The data is N(0.3, 0.5²) in every pixel, so the best possible network is a formula and the right distribution of
//! the samples is known. `tests/vectors/README.md` says how the vectors were made.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Shape, Tensor};
use diffuscope::config::{Prediction, Preset, SamplerKind, SamplingSettings, Thresholding};
use diffuscope::diffusion::sampler::{Noise, Spacing, Variance, ddim, ddpm, dpmpp_2m, sample};
use diffuscope::diffusion::{Process, Schedule};
use diffuscope::rng::{Stream, fnv1a64, splitmix64};
use diffuscope::{Error, Result};
use serde_json::Value;

const MEAN: f64 = 0.3;
const DEVIATION: f64 = 0.5;

fn vectors() -> (HashMap<String, Tensor>, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let tensors = candle_core::safetensors::load(folder.join("samplers.safetensors"), &Device::Cpu).unwrap();
    let text = std::fs::read_to_string(folder.join("samplers.json")).unwrap();
    (tensors, serde_json::from_str(&text).unwrap())
}

fn schedule(name: &str) -> Schedule {
    match name {
        "linear_0.0001_0.02" => Schedule::linear(1000, 1e-4, 0.02),
        "linear_0.0001_0.2" => Schedule::linear(1000, 1e-4, 0.2),
        "cosine" => Schedule::cosine(1000),
        other => panic!("no schedule {other}"),
    }
    .unwrap()
}

fn process(schedule: &Schedule) -> Process<'_> {
    Process { schedule, prediction: Prediction::Eps, thresholding: Thresholding::None }
}

/// The best ε for the data: √(1−ᾱ)·(x − √ᾱ·μ)/(ᾱ·s² + 1 − ᾱ).
fn best_eps(schedule: &Schedule) -> impl FnMut(&Tensor, usize) -> Result<Tensor> {
    |x, t| {
        let noise = schedule.one_minus_alpha_bar(t);
        let scale = noise.sqrt() / (schedule.alpha_bar(t) * DEVIATION * DEVIATION + noise);
        Ok(x.affine(scale, -scale * schedule.sqrt_alpha_bar(t) * MEAN)?)
    }
}

/// The README's formula for the k-th noise, from 0.
fn formula_noise(dtype: DType) -> impl FnMut(&Shape) -> Result<Tensor> {
    let mut k = 0;
    move |shape| {
        let key = fnv1a64(&format!("1.noise.{k}"));
        k += 1;
        let value = |i: u64| {
            let bits = splitmix64(key.wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
            let v = 2.0 * ((bits >> 40) as f64 / f64::from(1 << 24)) - 1.0;
            f64::from((1.7 * v) as f32) / 0.98149545
        };
        let values: Vec<f64> = (0..shape.elem_count() as u64).map(value).collect();
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?)
    }
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// The named run of the JSON, with tensors of `dtype`.
fn trajectory(run: &Value, start: &Tensor, noise: &mut Noise) -> Tensor {
    let schedule = schedule(run["schedule"].as_str().unwrap());
    let (process, mut model) = (process(&schedule), best_eps(&schedule));
    let steps = run["steps"].as_u64().unwrap() as usize;
    let frame = &mut |_: diffuscope::diffusion::Frame| Ok(());
    let spaced = |spacing: Spacing| {
        let timesteps = spacing.timesteps(&schedule, steps);
        let expected: Vec<usize> =
            run["timesteps"].as_array().unwrap().iter().map(|t| t.as_u64().unwrap() as usize).collect();
        assert_eq!(timesteps, expected, "{}", run["key"]);
        timesteps
    };
    match run["sampler"].as_str().unwrap() {
        "ddpm_small" => ddpm(&process, Variance::Small, &mut model, start, noise, frame),
        "ddpm_large" => ddpm(&process, Variance::Large, &mut model, start, noise, frame),
        "ddim" => {
            let eta = run["eta"].as_f64().unwrap();
            ddim(&process, &spaced(Spacing::Leading), eta, &mut model, start, noise, frame)
        }
        "dpmpp_2m" => dpmpp_2m(&process, &spaced(Spacing::Linspace), &mut model, start, frame),
        other => panic!("no sampler {other}"),
    }
    .unwrap()
}

#[test]
fn every_reference_trajectory_is_reproduced() {
    let (tensors, json) = vectors();
    let runs = json["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 12);
    for run in runs {
        let key = run["key"].as_str().unwrap();
        let cosine = key.contains("cosine");
        let allowed = match run["sampler"].as_str().unwrap() {
            "ddpm_small" | "ddpm_large" if cosine => 8.4e-4,
            "dpmpp_2m" if cosine => 2e-4,
            _ => 5e-5,
        };
        for dtype in [DType::F64, DType::F32] {
            let start = tensors["start"].to_dtype(dtype).unwrap();
            let end = trajectory(run, &start, &mut formula_noise(dtype));
            let difference = largest_difference(&end, &tensors[key]);
            println!("{key} {dtype:?}: {difference:.2e} of {allowed:.1e}");
            assert!(difference <= allowed, "{key} in {dtype:?}: off by {difference:e}, {allowed:e} allowed");
        }
    }
}

#[test]
fn the_schedules_are_those_of_the_reference() {
    let (tensors, _) = vectors();
    for name in ["linear_0.0001_0.02", "linear_0.0001_0.2", "cosine"] {
        let schedule = schedule(name);
        let betas = values(&tensors[&format!("schedule.{name}.betas")]);
        let alphas_cumprod = values(&tensors[&format!("schedule.{name}.alphas_cumprod")]);
        assert_eq!(betas.len(), schedule.timesteps());
        for t in 0..schedule.timesteps() {
            let beta = schedule.beta(t);
            assert!((betas[t] - beta).abs() <= 3e-7 * beta, "{name} β at {t}: {beta}, not {}", betas[t]);
            // The reference multiplies T factors in f32, and loses what is under its smallest normal number.
            let alpha_bar = schedule.alpha_bar(t);
            let allowed = 1e-4 * alpha_bar + f64::from(f32::MIN_POSITIVE);
            assert!((alphas_cumprod[t] - alpha_bar).abs() <= allowed, "{name} ᾱ at {t}: {alpha_bar:e}");
        }
    }
}

/// The mean and standard deviation of all pixels that `settings` draws, from f32 tensors.
fn drawn_moments(
    schedule: &Schedule,
    draw: impl FnOnce(&Process, &Tensor, &mut Noise) -> Result<Tensor>,
) -> (f64, f64) {
    let shape = Shape::from((64, 1, 16, 16));
    let mut index = 0;
    let mut normals = |shape: &Shape| {
        let mut values = vec![0f32; shape.elem_count()];
        Stream::new(2024, "noise", index).fill_normal(&mut values);
        index += 1;
        Ok::<_, Error>(Tensor::from_vec(values, shape, &Device::Cpu)?)
    };
    let start = normals(&shape).unwrap();
    let pixels = values(&draw(&process(schedule), &start, &mut normals).unwrap());
    assert!(pixels.iter().all(|pixel| pixel.is_finite()));
    let n = pixels.len() as f64;
    let mean = pixels.iter().sum::<f64>() / n;
    (mean, (pixels.iter().map(|pixel| (pixel - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// Four standard errors for 16,384 pixels, and 0.4 % for what finitely many steps miss the deviation by.
fn assert_are_the_datas((mean, deviation): (f64, f64), run: &str) {
    println!("{run}: mean {mean:.4}, deviation {deviation:.4}");
    let error = DEVIATION / 16_384f64.sqrt();
    assert!((mean - MEAN).abs() < 4.0 * error, "{run}: mean {mean}");
    assert!((deviation - DEVIATION).abs() < 4.0 * error / 2f64.sqrt() + 0.002, "{run}: deviation {deviation}");
}

fn settings(sampler: SamplerKind, steps: usize, eta: f64) -> SamplingSettings {
    SamplingSettings { sampler, steps, eta, ..Preset::Small.settings().sampling }
}

/// β up to 0.2 at T = 1000, in f32: the reference gives NaN for all three, as ᾱ underflows there.
#[test]
fn samples_have_the_datas_distribution_where_the_reference_gives_nan() {
    let (_, json) = vectors();
    let schedule = schedule("linear_0.0001_0.2");
    for key in json["peer_gives_nan"].as_array().unwrap() {
        let key = key.as_str().unwrap();
        let moments = drawn_moments(&schedule, |process, start, noise| {
            let (mut model, mut frame) = (best_eps(&schedule), |_: diffuscope::diffusion::Frame| Ok(()));
            match key {
                "ddpm_small.linear_0.0001_0.2.1000" => {
                    ddpm(process, Variance::Small, &mut model, start, noise, &mut frame)
                }
                "ddpm_large.linear_0.0001_0.2.1000" => {
                    ddpm(process, Variance::Large, &mut model, start, noise, &mut frame)
                }
                "dpmpp_2m.linear_0.0001_0.2.20" => {
                    let settings = settings(SamplerKind::DpmPp, 20, 0.0);
                    sample(&settings, process, &mut model, start, noise, &mut frame)
                }
                other => panic!("no run {other}"),
            }
        });
        assert_are_the_datas(moments, key);
    }
}

#[test]
fn every_sampler_draws_the_datas_distribution_on_every_schedule() {
    for name in ["linear_0.0001_0.02", "linear_0.0001_0.2", "cosine"] {
        let schedule = schedule(name);
        let kinds = [(SamplerKind::Ddpm, 1000, 0.0), (SamplerKind::Ddim, 1000, 0.0), (SamplerKind::Ddim, 1000, 1.0)];
        for (sampler, steps, eta) in
            kinds.into_iter().chain([(SamplerKind::DpmPp, 20, 0.0), (SamplerKind::Heun, 40, 0.0)])
        {
            let moments = drawn_moments(&schedule, |process, start, noise| {
                let settings = settings(sampler, steps, eta);
                sample(&settings, process, &mut best_eps(&schedule), start, noise, &mut |_| Ok(()))
            });
            assert_are_the_datas(moments, &format!("{sampler:?} η {eta} {steps} on {name}"));
        }
    }
}

/// The reference's own timesteps for DPM-Solver++ on this schedule waste half of 20 steps on pure noise: finite all
/// the same, and at the centre of the data.
#[test]
fn the_reference_timesteps_are_finite_too_where_the_reference_gives_nan() {
    let schedule = schedule("linear_0.0001_0.2");
    let (mean, deviation) = drawn_moments(&schedule, |process, start, _| {
        let timesteps = Spacing::Linspace.timesteps(&schedule, 20);
        dpmpp_2m(process, &timesteps, &mut best_eps(&schedule), start, &mut |_| Ok(()))
    });
    assert!((mean - MEAN).abs() < 0.016 && (0.3..0.35).contains(&deviation), "{mean} {deviation}");
}
