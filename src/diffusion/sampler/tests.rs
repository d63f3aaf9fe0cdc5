//! Properties that hold for every sampler; `tests/sampler_vectors.rs` has the reference trajectories.

use candle_core::{DType, Device, Tensor};

use super::*;
use crate::Error;
use crate::config::{Preset, Thresholding};
use crate::rng::Stream;

/// The only image that these networks know.
const IMAGE: f64 = 0.5;

fn start() -> Tensor {
    normals(&Shape::from((2, 1, 4, 4)), 0)
}

fn normals(shape: &Shape, index: u64) -> Tensor {
    let mut values = vec![0f32; shape.elem_count()];
    Stream::new(11, "test", index).fill_normal(&mut values);
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// A network that knows that all images are grey [`IMAGE`]: it answers exactly.
fn perfect(process: Process) -> impl FnMut(&Tensor, usize) -> Result<Tensor> {
    move |x_t, t| {
        let x0 = (x_t.zeros_like()? + IMAGE)?;
        let eps = super::super::parameterization::eps_from_x0(process.schedule, x_t, &x0, &[t])?;
        super::super::target(process.schedule, process.prediction, &x0, &eps, &[t])
    }
}

fn settings(sampler: SamplerKind, steps: usize, eta: f64) -> SamplingSettings {
    SamplingSettings { sampler, steps, eta, ..Preset::Small.settings().sampling }
}

fn drawn(settings: &SamplingSettings, process: Process, on_frame: &mut OnFrame) -> (Result<Tensor>, u64) {
    let mut asked = 0;
    let mut noise = |shape: &Shape| {
        asked += 1;
        Ok(normals(shape, asked))
    };
    let result = sample(settings, &process, &mut perfect(process), &start(), &mut noise, on_frame);
    (result, asked)
}

#[test]
fn every_sampler_finds_the_only_image_with_either_prediction() {
    for schedule in [Schedule::linear(60, 1e-4, 0.5), Schedule::linear(1000, 1e-4, 0.2), Schedule::cosine(60)] {
        let schedule = schedule.unwrap();
        for (sampler, eta) in [
            (SamplerKind::Ddpm, 0.0),
            (SamplerKind::Ddim, 0.0),
            (SamplerKind::Ddim, 1.0),
            (SamplerKind::DpmPp, 0.0),
            (SamplerKind::Heun, 0.0),
        ] {
            for steps in [1, 2, 7, 60, 4000] {
                for (prediction, thresholding) in [
                    (Prediction::Eps, Thresholding::Static),
                    (Prediction::Eps, Thresholding::None),
                    (Prediction::V, Thresholding::Dynamic),
                    (Prediction::V, Thresholding::None),
                ] {
                    let process = Process { schedule: &schedule, prediction, thresholding };
                    let (image, _) = drawn(&settings(sampler, steps, eta), process, &mut |_| Ok(()));
                    let image: Vec<f32> = image.unwrap().flatten_all().unwrap().to_vec1().unwrap();
                    let error = image.iter().map(|x| (f64::from(*x) - IMAGE).abs()).fold(0.0, f64::max);
                    // A single ε-step from all but pure noise divides f32's rounding by √ᾱ = 0.003.
                    let allowed = if prediction == Prediction::Eps && steps == 1 { 3e-4 } else { 2e-5 };
                    assert!(error < allowed, "{sampler:?} η {eta} {steps} {prediction:?} {thresholding:?}: {error}");
                }
            }
        }
    }
}

#[test]
fn every_sampler_goes_back_from_any_timestep_to_the_image_that_was_noised() {
    let schedule = Schedule::linear(60, 1e-4, 0.5).unwrap();
    for sampler in [SamplerKind::Ddpm, SamplerKind::Ddim, SamplerKind::DpmPp, SamplerKind::Heun] {
        for prediction in [Prediction::Eps, Prediction::V] {
            let process = Process { schedule: &schedule, prediction, thresholding: Thresholding::Static };
            for (from, steps) in [(0, 7), (1, 7), (30, 1), (30, 7), (30, 60), (59, 7)] {
                let settings = settings(sampler, steps, 0.5);
                let plan = plan_from(&settings, &schedule, from);
                assert_eq!(plan[0], from);
                assert!(plan.is_sorted_by(|a, b| a >= b) && plan.len() <= 62, "{sampler:?} {plan:?}");
                let x0 = (start().zeros_like().unwrap() + IMAGE).unwrap();
                let x_t = super::super::q_sample(&schedule, &x0, &[from], &start()).unwrap();
                let (mut frames, mut asked) = (Vec::new(), 0);
                let mut noise = |shape: &Shape| {
                    asked += 1;
                    Ok(normals(shape, asked))
                };
                let mut on_frame = |frame: Frame| {
                    assert_eq!((frame.step, frame.steps), (frames.len(), plan.len()));
                    frames.push(frame.t);
                    Ok(())
                };
                let mut network = perfect(process);
                let image = sample_along(&settings, &process, &plan, &mut network, &x_t, &mut noise, &mut on_frame);
                let off: f32 = (image.unwrap() - x0).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap();
                assert!(off < 3e-4, "{sampler:?} {prediction:?} from {from}: {off}");
                assert_eq!(frames, plan);
            }
        }
    }
}

#[test]
fn from_the_first_timestep_of_the_plan_it_is_the_whole_plan() {
    let schedule = Schedule::cosine(50).unwrap();
    for sampler in [SamplerKind::Ddpm, SamplerKind::Ddim, SamplerKind::DpmPp] {
        let settings = settings(sampler, 9, 0.0);
        let whole = plan(&settings, &schedule);
        assert_eq!(plan_from(&settings, &schedule, whole[0]), whole);
    }
}

#[test]
fn frames_come_once_a_network_call_in_the_order_of_the_plan() {
    let schedule = Schedule::cosine(50).unwrap();
    let process = Process { schedule: &schedule, prediction: Prediction::V, thresholding: Thresholding::Static };
    for (sampler, eta, noises) in [
        (SamplerKind::Ddpm, 0.0, 49),
        (SamplerKind::Ddim, 0.0, 0),
        (SamplerKind::Ddim, 0.5, 7),
        (SamplerKind::DpmPp, 0.0, 0),
        (SamplerKind::Heun, 0.0, 0),
    ] {
        let settings = settings(sampler, 8, eta);
        let expected = plan(&settings, &schedule);
        let mut seen = Vec::new();
        let (image, asked) = drawn(&settings, process, &mut |frame| {
            assert_eq!((frame.step, frame.steps), (seen.len(), expected.len()));
            let again = super::super::q_sample(&schedule, frame.x0_hat, &[frame.t], frame.eps_hat)?;
            let off: f32 = (again - frame.x_t)?.abs()?.max_all()?.to_scalar()?;
            assert!(off < 1e-5, "x_t is not what its parts make: {off}");
            seen.push(frame.t);
            Ok(())
        });
        assert_eq!((seen, asked), (expected, noises), "{sampler:?}");
        assert_eq!(image.unwrap().dims(), start().dims());
    }
}

#[test]
fn a_frame_can_cancel() {
    let schedule = Schedule::cosine(50).unwrap();
    let process = Process { schedule: &schedule, prediction: Prediction::Eps, thresholding: Thresholding::None };
    for sampler in [SamplerKind::Ddpm, SamplerKind::Ddim, SamplerKind::DpmPp, SamplerKind::Heun] {
        let mut frames = 0;
        let (result, _) = drawn(&settings(sampler, 10, 0.0), process, &mut |frame| {
            frames += 1;
            if frame.step == 3 { Err(Error::Cancelled) } else { Ok(()) }
        });
        assert!(matches!(result, Err(Error::Cancelled)), "{sampler:?}");
        assert_eq!(frames, 4);
    }
}

#[test]
fn ddim_with_full_noise_and_all_steps_is_ddpm() {
    let schedule = Schedule::linear(40, 1e-3, 0.3).unwrap();
    let process = Process { schedule: &schedule, prediction: Prediction::Eps, thresholding: Thresholding::None };
    let mut network = |x: &Tensor, t: usize| Ok((x.tanh()? * (0.5 + 0.01 * t as f64))?);
    let x = start().to_dtype(DType::F64).unwrap();
    let source = || {
        let mut asked = 0;
        move |shape: &Shape| {
            asked += 1;
            Ok(normals(shape, asked).to_dtype(DType::F64)?)
        }
    };
    let quiet: &mut OnFrame = &mut |_| Ok(());
    let all: Vec<usize> = (0..40).rev().collect();
    let a = ddpm(&process, Variance::Small, &mut network, &x, &mut source(), quiet).unwrap();
    let b = ddim(&process, &all, 1.0, &mut network, &x, &mut source(), quiet).unwrap();
    let scale: f64 = a.abs().unwrap().max_all().unwrap().to_scalar().unwrap();
    let off: f64 = (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap();
    assert!(off < 1e-10 * scale, "{off} of {scale}");
}

#[test]
fn no_graph_grows_behind_a_network_of_trainable_weights() {
    let schedule = Schedule::cosine(5).unwrap();
    let process = Process { schedule: &schedule, prediction: Prediction::V, thresholding: Thresholding::None };
    let weight = candle_core::Var::new(0.5f32, &Device::Cpu).unwrap();
    let mut network = |x: &Tensor, _: usize| Ok(x.broadcast_mul(&weight)?);
    let image = dpmpp_2m(&process, &[4, 2, 1], &mut network, &start(), &mut |_| Ok(())).unwrap();
    let gradients = image.sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&weight).is_none());
}
