//! How fast each sampler reaches the exact answer as its steps get shorter.
//!
//! The data is N(0.3, 0.5²) in every pixel, so the best network and the exact flow are formulas: with x̄ = x/√ᾱ and
//! σ = √(1−ᾱ)/√ᾱ, x̄ − 0.3 is proportional to √(0.5² + σ²) along the flow.

#![allow(clippy::unwrap_used)]

use candle_core::{Device, Shape, Tensor};
use diffuscope::Result;
use diffuscope::config::{Prediction, Thresholding};
use diffuscope::diffusion::sampler::{Variance, ddim, ddpm, dpmpp_2m, heun};
use diffuscope::diffusion::{Frame, Process, Schedule};

const MEAN: f64 = 0.3;
const DEVIATION: f64 = 0.5;

fn best_eps(schedule: &Schedule) -> impl FnMut(&Tensor, usize) -> Result<Tensor> {
    |x, t| {
        let noise = schedule.one_minus_alpha_bar(t);
        let scale = noise.sqrt() / (schedule.alpha_bar(t) * DEVIATION * DEVIATION + noise);
        Ok(x.affine(scale, -scale * schedule.sqrt_alpha_bar(t) * MEAN)?)
    }
}

/// x at timestep `to` on the exact flow through `x` at `from`.
fn exact(schedule: &Schedule, x: f64, from: usize, to: usize) -> f64 {
    let deviation = |t: usize| (DEVIATION.powi(2) + (-schedule.log_snr(t)).exp()).sqrt();
    let away = x / schedule.sqrt_alpha_bar(from) - MEAN;
    schedule.sqrt_alpha_bar(to) * (MEAN + away * deviation(to) / deviation(from))
}

/// A sampler at these timesteps from this start.
type Draw = fn(&Process, &[usize], &Tensor, &mut dyn FnMut(Frame) -> Result<()>) -> Result<Tensor>;

/// log₂ of how much smaller the error gets with each halving of the steps between two timesteps.
fn orders(draw: Draw) -> Vec<f64> {
    // On this schedule equal steps of t are equal steps of the angle.
    let schedule = Schedule::cosine(4000).unwrap();
    let process = Process { schedule: &schedule, prediction: Prediction::Eps, thresholding: Thresholding::None };
    let (first, last, start) = (3600, 400, 1.7);
    let errors = [16, 32, 64, 128].map(|steps: usize| {
        let timesteps: Vec<usize> = (0..=steps).map(|i| first - i * ((first - last) / steps)).collect();
        let mut reached = f64::NAN;
        let x = Tensor::new(&[[start]], &Device::Cpu).unwrap();
        draw(&process, &timesteps, &x, &mut |frame| {
            reached = frame.x_t.flatten_all()?.to_vec1::<f64>()?[0];
            Ok(())
        })
        .unwrap();
        (reached - exact(&schedule, start, first, last)).abs()
    });
    println!("{errors:?}");
    errors.windows(2).map(|pair| (pair[0] / pair[1]).log2()).collect()
}

fn assert_order(orders: &[f64], expected: f64) {
    println!("{orders:?}");
    let last = orders[orders.len() - 1];
    assert!((last - expected).abs() < 0.15, "{orders:?}, not {expected}");
}

#[test]
fn ddim_is_of_first_order() {
    let found = orders(|process, timesteps, x, on_frame| {
        let mut no_noise = |_: &Shape| panic!("asked for noise");
        ddim(process, timesteps, 0.0, &mut best_eps(process.schedule), x, &mut no_noise, on_frame)
    });
    assert_order(&found, 1.0);
}

#[test]
fn dpm_solver_is_of_second_order() {
    let found = orders(|process, timesteps, x, on_frame| {
        dpmpp_2m(process, timesteps, &mut best_eps(process.schedule), x, on_frame)
    });
    assert_order(&found, 2.0);
}

#[test]
fn heun_is_of_second_order_and_of_first_without_its_correction() {
    let found = orders(|process, timesteps, x, on_frame| {
        let calls: Vec<usize> =
            timesteps[..1].iter().chain(timesteps[1..].iter().flat_map(|t| [t, t])).copied().collect();
        heun(process, &calls, &mut best_eps(process.schedule), x, on_frame)
    });
    assert_order(&found, 2.0);
    let found = orders(|process, timesteps, x, on_frame| {
        heun(process, timesteps, &mut best_eps(process.schedule), x, on_frame)
    });
    assert_order(&found, 1.0);
}

/// The variance of what DDPM draws, exactly: the model is linear, so the result is a sum over the start and the
/// noises, and each one's weight is the result for that one alone.
#[test]
fn ddpm_reaches_the_datas_variance_with_first_order() {
    let variance_off = |timesteps: usize| {
        let schedule = Schedule::cosine(timesteps).unwrap();
        let process = Process { schedule: &schedule, prediction: Prediction::Eps, thresholding: Thresholding::None };
        // Row 0 has no noise at all, row k the k-th alone; the start counts as the first.
        let unit = |k: usize| {
            let rows: Vec<f64> = (0..=timesteps).map(|row| f64::from(u8::from(row == k))).collect();
            Tensor::from_vec(rows, (timesteps + 1, 1), &Device::Cpu).unwrap()
        };
        let mut asked = 1;
        let mut noise = |_: &Shape| {
            asked += 1;
            Ok(unit(asked))
        };
        let mut model = best_eps(&schedule);
        let drawn = ddpm(&process, Variance::Small, &mut model, &unit(1), &mut noise, &mut |_| Ok(())).unwrap();
        let drawn: Vec<f64> = drawn.flatten_all().unwrap().to_vec1().unwrap();
        assert!((drawn[0] - MEAN).abs() < 0.01, "mean {}", drawn[0]);
        let variance: f64 = drawn[1..].iter().map(|response| (response - drawn[0]).powi(2)).sum();
        (variance - DEVIATION * DEVIATION).abs()
    };
    let errors = [100, 200, 400, 800].map(variance_off);
    println!("{errors:?}");
    assert_order(&errors.windows(2).map(|pair| (pair[0] / pair[1]).log2()).collect::<Vec<_>>(), 1.0);
}
