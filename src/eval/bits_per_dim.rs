//! Bits per dim: how well a model predicts the test images, as a bound on their code length.
//!
//! L_vlb of Ho et al. 2020, eq. 5, over (pixels · log 2). Its sum over all T timesteps is estimated from a few a test
//! image: u_i = (i + U)/K, t_i = P⁻¹(u_i), and each term over K·p(t_i), which is right on average for any p. Terms are
//! about equal for equal steps of log SNR where there is much image and vanish where there is little, so p follows
//! the steps of −log(1−ᾱ), with one part in ten spread evenly (compare Nichol & Dhariwal 2021, section 3.3).

use candle_core::{Device, Tensor};
use serde::Serialize;

use super::bootstrap::{self, Interval, RESAMPLES};
use crate::Result;
use crate::config::{CLASS_COUNT, Prediction};
use crate::data::{Dataset, unit_images};
use crate::diffusion::vlb::{decoder_nll, kl_weight, prior_kl};
use crate::diffusion::{Estimate, Schedule, q_sample};
use crate::model::Denoiser;
use crate::rng::Stream;

/// Timesteps at which each test image is tried.
const TIMESTEPS: usize = 64;
/// Share of the tries that is spread evenly over t.
const EVEN: f64 = 0.1;
/// Images that go through the network together.
const BATCH: usize = 128;
const SEED: u64 = 0;

/// The bound in bits per dim, and its parts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BitsPerDim {
    pub total: f64,
    /// 95 %, over the test images.
    pub interval: Interval,
    /// L_0.
    pub decoder: f64,
    /// Σ L_t over 0 < t < T.
    pub kl: f64,
    /// L_T.
    pub prior: f64,
    /// Where the bits of `kl` are spent.
    pub curve: Vec<CurvePart>,
    /// The first test images, and how many timesteps each was tried at.
    pub images: usize,
    pub timesteps: usize,
}

/// The bits per dim of the timesteps `from ≤ t < to`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurvePart {
    pub from: usize,
    pub to: usize,
    pub bits: f64,
}

/// A network's raw output for `x_t` `[B, 1, H, W]`, image i at timestep `t[i]`, told to be of `classes[i]`.
pub type ModelEach<'a> = dyn FnMut(&Tensor, &[usize], &[Option<u8>]) -> Result<Tensor> + 'a;

/// Of a trained network on the first `count` of `test`, told their classes if it knows classes; without guidance.
///
/// # Errors
/// When the device has no room.
pub fn of_denoiser(
    denoiser: &Denoiser,
    test: &Dataset,
    count: usize,
    on_share: &mut dyn FnMut(f64),
) -> Result<BitsPerDim> {
    let settings = denoiser.settings();
    let schedule = Schedule::from_settings(&settings.diffusion)?;
    let test = test.resized(settings.data.image_size)?;
    let mut model = |x_t: &Tensor, t: &[usize], classes: &[Option<u8>]| denoiser.predict_each(x_t, t, classes);
    let setup = Setup { schedule: &schedule, prediction: settings.diffusion.prediction, device: denoiser.device() };
    bits_per_dim(&setup, &test, count, &mut model, on_share)
}

/// What the bound is taken under.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    pub schedule: &'a Schedule,
    pub prediction: Prediction,
    pub device: &'a Device,
}

/// Of any model on the first `count` of `test`, whose images have the size that it draws.
///
/// x̂₀ is brought into [-1, 1], as in drawing: the bound is that of the model with this rule.
///
/// # Errors
/// What `model` returns, and when the device has no room.
pub fn bits_per_dim(
    setup: &Setup,
    test: &Dataset,
    count: usize,
    model: &mut ModelEach,
    on_share: &mut dyn FnMut(f64),
) -> Result<BitsPerDim> {
    let schedule = setup.schedule;
    let importance = Importance::new(schedule);
    let indices: Vec<u32> = (0..count.clamp(1, test.len()) as u32).collect();
    let tries = TIMESTEPS + 1;
    let total = indices.len().div_ceil(BATCH) * tries;
    let (mut terms, mut done) = (Vec::new(), 0);
    for indices in indices.chunks(BATCH) {
        let batch = Batch::new(setup, test, indices)?;
        let mut sums: Vec<Terms> = batch.images().map(|x0| Terms::of_prior(schedule, x0)).collect();
        for round in 0..tries {
            let chosen: Vec<Option<(usize, f64)>> =
                indices.iter().map(|&i| round.checked_sub(1).map(|stratum| importance.draw(i, stratum))).collect();
            let t: Vec<usize> = chosen.iter().map(|chosen| chosen.map_or(0, |(t, _)| t)).collect();
            let x0_hat = batch.estimate(setup, round, &t, model)?;
            let guesses = x0_hat.chunks_exact(batch.size);
            for (((sums, x0), x0_hat), chosen) in sums.iter_mut().zip(batch.images()).zip(guesses).zip(chosen) {
                match chosen {
                    None => sums.decoder = decoder_nll(schedule, x0, x0_hat),
                    Some((t, share)) => {
                        let error: f64 = x0.iter().zip(x0_hat).map(|(a, b)| f64::from(a - b).powi(2)).sum();
                        sums.kl[octave(t)] += kl_weight(schedule, t) * error / (TIMESTEPS as f64 * share);
                    }
                }
            }
            done += 1;
            on_share(done as f64 / total as f64);
        }
        terms.extend(sums);
    }
    Ok(summary(&terms, test.width * test.height, schedule.timesteps()))
}

/// The parts of the bound of one image, nats.
struct Terms {
    prior: f64,
    decoder: f64,
    /// By octave of t.
    kl: [f64; OCTAVES],
}

/// Parts of the curve: t = 1, 2–3, 4–7, … up to the largest T, 4,000.
const OCTAVES: usize = 12;

fn octave(t: usize) -> usize {
    t.ilog2() as usize
}

impl Terms {
    fn of_prior(schedule: &Schedule, x0: &[f32]) -> Self {
        Self { prior: prior_kl(schedule, x0), decoder: 0.0, kl: [0.0; OCTAVES] }
    }
}

fn summary(terms: &[Terms], dims: usize, timesteps: usize) -> BitsPerDim {
    let bits = |nats: f64| nats / (dims as f64 * std::f64::consts::LN_2);
    let all: Vec<u32> = (0..terms.len() as u32).collect();
    let mean = |of: &dyn Fn(&Terms) -> f64| {
        let values: Vec<f64> = terms.iter().map(|terms| bits(of(terms))).collect();
        bootstrap::mean(&values, &all)
    };
    let totals: Vec<f64> =
        terms.iter().map(|terms| bits(terms.prior + terms.decoder + terms.kl.iter().sum::<f64>())).collect();
    let parts = (0..=octave(timesteps - 1)).map(|i| CurvePart {
        from: 1 << i,
        to: (2usize << i).min(timesteps),
        bits: mean(&|terms| terms.kl[i]),
    });
    BitsPerDim {
        total: bootstrap::mean(&totals, &all),
        interval: bootstrap::percentile(totals.len(), RESAMPLES, |chosen| bootstrap::mean(&totals, chosen)),
        decoder: mean(&|terms| terms.decoder),
        kl: mean(&|terms| terms.kl.iter().sum()),
        prior: mean(&|terms| terms.prior),
        curve: parts.collect(),
        images: terms.len(),
        timesteps: TIMESTEPS,
    }
}

/// Test images on their way through the network.
struct Batch {
    indices: Vec<u32>,
    classes: Vec<Option<u8>>,
    x0: Tensor,
    values: Vec<f32>,
    size: usize,
}

impl Batch {
    fn new(setup: &Setup, test: &Dataset, indices: &[u32]) -> Result<Self> {
        let values = unit_images(test, indices);
        let shape = (indices.len(), 1, test.height, test.width);
        Ok(Self {
            indices: indices.to_vec(),
            classes: indices
                .iter()
                .map(|&i| test.label(i as usize).filter(|&class| usize::from(class) < CLASS_COUNT))
                .collect(),
            x0: Tensor::from_slice(&values, shape, setup.device)?,
            values,
            size: test.width * test.height,
        })
    }

    fn images(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.size)
    }

    /// x̂₀ of all images from noise of their own, image i at `t[i]`.
    fn estimate(&self, setup: &Setup, round: usize, t: &[usize], model: &mut ModelEach) -> Result<Vec<f32>> {
        let mut eps = vec![0.0f32; self.values.len()];
        for (eps, &i) in eps.chunks_exact_mut(self.size).zip(&self.indices) {
            Stream::new(SEED, "bits noise", (u64::from(i) << 16) + round as u64).fill_normal(eps);
        }
        let eps = Tensor::from_vec(eps, self.x0.shape(), setup.device)?;
        let x_t = q_sample(setup.schedule, &self.x0, t, &eps)?;
        let output = model(&x_t, t, &self.classes)?.detach();
        let estimate = Estimate::new(setup.schedule, setup.prediction, &x_t, &output, t)?;
        let x0_hat = estimate.x0_hat.clamp(-1f64, 1f64)?;
        Ok(x0_hat.flatten_all()?.to_vec1()?)
    }
}

/// How the timesteps 1 … T−1 are drawn.
struct Importance {
    /// Probability of t = i + 1.
    shares: Vec<f64>,
    /// Their running sum.
    sums: Vec<f64>,
}

impl Importance {
    fn new(schedule: &Schedule) -> Self {
        // 1 + SNR = 1/(1−ᾱ): flat steps of log SNR at one end, steps of SNR at the other.
        let height = |t: usize| -schedule.one_minus_alpha_bar(t).ln();
        let last = schedule.timesteps() - 1;
        let all = (height(0) - height(last)).max(f64::MIN_POSITIVE);
        let share = |t: usize| (1.0 - EVEN) * (height(t - 1) - height(t)).max(0.0) / all + EVEN / last as f64;
        let shares: Vec<f64> = (1..=last).map(share).collect();
        let sums = shares.iter().scan(0.0, |sum, share| {
            *sum += share;
            Some(*sum)
        });
        Self { sums: sums.collect(), shares }
    }

    /// The timestep of one image and stratum, and its probability.
    fn draw(&self, image: u32, stratum: usize) -> (usize, f64) {
        let mut stream = Stream::new(SEED, "bits timestep", (u64::from(image) << 16) + stratum as u64);
        let u = (stratum as f64 + stream.uniform()) / TIMESTEPS as f64;
        let i = self.sums.partition_point(|&sum| sum <= u).min(self.shares.len() - 1);
        (i + 1, self.shares[i])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::mnist;
    use crate::diffusion::{parameterization, target};

    fn schedules() -> [Schedule; 3] {
        [Schedule::linear(1000, 1e-4, 0.02), Schedule::linear(1000, 1e-4, 0.2), Schedule::cosine(50)]
            .map(Result::unwrap)
    }

    /// The bound of a model that takes every image for `guess` of the true one.
    fn bound(schedule: &Schedule, guess: fn(&Tensor) -> candle_core::Result<Tensor>) -> BitsPerDim {
        let test = mnist::load().unwrap().test;
        let indices: Vec<u32> = (0..40).collect();
        let x0 = Tensor::from_vec(unit_images(&test, &indices), (40, 1, 28, 28), &Device::Cpu).unwrap();
        let guess = guess(&x0).unwrap();
        let mut model = |x_t: &Tensor, t: &[usize], _: &[Option<u8>]| {
            let eps = parameterization::eps_from_x0(schedule, x_t, &guess, t)?;
            target(schedule, Prediction::V, &guess, &eps, t)
        };
        let setup = Setup { schedule, prediction: Prediction::V, device: &Device::Cpu };
        bits_per_dim(&setup, &test, 40, &mut model, &mut |_| ()).unwrap()
    }

    /// With x̂₀ = 0.9·x₀ the KL terms are 0.01·‖x₀‖²·½(SNR_{t−1} − SNR_t), whose sum telescopes.
    #[test]
    fn the_estimate_over_few_timesteps_is_the_sum_over_all() {
        let test = mnist::load().unwrap().test;
        let values = unit_images(&test, &(0..40).collect::<Vec<_>>());
        let squares = values.iter().map(|x| f64::from(x * x)).sum::<f64>() / 40.0;
        for schedule in schedules() {
            let bits = bound(&schedule, |x0| x0 * 0.9);
            let last = schedule.timesteps() - 1;
            let nats = 0.5 * 0.01 * squares * (schedule.snr(0) - schedule.snr(last));
            let expected = nats / (784.0 * std::f64::consts::LN_2);
            // All weight is on the first timesteps, where the terms are largest: the hardest case.
            assert!((bits.kl - expected).abs() < 0.1 * expected, "{} {expected}", bits.kl);
            let curve: f64 = bits.curve.iter().map(|part| part.bits).sum();
            assert!((curve - bits.kl).abs() < 1e-9 * bits.kl);
            assert_eq!(bits.curve.last().unwrap().to, schedule.timesteps());
        }
    }

    #[test]
    fn a_model_that_knows_the_image_needs_almost_no_bits() {
        for schedule in schedules() {
            let bits = bound(&schedule, |x0| Ok(x0.clone()));
            assert!(bits.kl < 1e-3 && bits.total < 2.0, "{bits:?}");
            assert!((bits.total - bits.kl - bits.decoder - bits.prior).abs() < 1e-9);
            assert!(bits.interval.low <= bits.total && bits.total <= bits.interval.high);
        }
    }

    #[test]
    fn timesteps_are_drawn_with_the_probability_that_they_are_weighed_by() {
        for schedule in schedules() {
            let importance = Importance::new(&schedule);
            assert!((importance.sums.last().unwrap() - 1.0).abs() < 1e-9);
            let mut early = 0.0;
            for image in 0..50 {
                for stratum in 0..TIMESTEPS {
                    let (t, share) = importance.draw(image, stratum);
                    assert!((1..schedule.timesteps()).contains(&t) && share > 0.0);
                    early += f64::from(u8::from(t <= 10)) / (50.0 * TIMESTEPS as f64);
                }
            }
            assert!((early - importance.sums[9]).abs() < 0.01, "{early} {}", importance.sums[9]);
        }
    }
}
