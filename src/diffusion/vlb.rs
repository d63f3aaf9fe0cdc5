//! The variational bound on −log p(x₀), term by term (Ho et al. 2020, eq. 5): L_T + Σ_{t>0} L_t + L_0, in nats.
//!
//! The reverse process is N(μ̃_t(x_t, x̂₀), β̃_t), so each L_t is a weighted squared error of x̂₀. Timesteps count from
//! 0: `t` here is t+1 in the paper, and its L_{t−1} is L_t here.

use super::Schedule;

/// Half the distance between two of the 256 grey levels in [-1, 1].
const HALF_LEVEL: f64 = 1.0 / 255.0;
/// Beyond this many standard deviations log Φ is taken from its asymptote, which then has three digits or more.
const FAR: f64 = 25.0;

/// L_T = KL(q(x_T|x₀) ‖ N(0, 1)) of one image: ½ Σ (ᾱ_T·x₀² + σ² − 1 − log σ²) with σ² = 1 − ᾱ_T.
pub fn prior_kl(schedule: &Schedule, x0: &[f32]) -> f64 {
    let last = schedule.timesteps() - 1;
    let (alpha_bar, log_variance) = (schedule.alpha_bar(last), schedule.one_minus_alpha_bar(last).ln());
    let squares: f64 = x0.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    0.5 * (alpha_bar * squares + x0.len() as f64 * (-alpha_bar - log_variance))
}

/// What ‖x₀ − x̂₀‖² is multiplied by in L_t, for t in `1..T`: ½·ᾱ_{t−1}·β_t/((1−ᾱ_t)(1−ᾱ_{t−1})).
///
/// That is c_x0²/(2β̃_t), the KL of two normals of variance β̃_t whose means are eq. 7 at x₀ and at x̂₀; it equals
/// ½·(SNR_{t−1} − SNR_t) (Kingma et al. 2021, eq. 14).
pub fn kl_weight(schedule: &Schedule, t: usize) -> f64 {
    let (noise, before) = (schedule.one_minus_alpha_bar(t), schedule.one_minus_alpha_bar(t - 1));
    0.5 * schedule.alpha_bar(t - 1) * schedule.beta(t) / (noise * before)
}

/// L_0 = −log p(x₀|x₁) of one 8-bit image in [-1, 1]: a normal around x̂₀, cut into the 256 levels of a pixel
/// (eq. 13), the first and last of which reach to ∓∞. Its variance is β̃ of the second step, as in the code of Ho et
/// al., since that of the first is 0.
pub fn decoder_nll(schedule: &Schedule, x0: &[f32], x0_hat: &[f32]) -> f64 {
    let deviation = (0.5 * schedule.posterior_log_variance(0)).exp();
    let pixels = x0.iter().zip(x0_hat);
    pixels.map(|(&x, &mean)| -log_level_probability(f64::from(x), f64::from(mean), deviation)).sum()
}

/// log of the probability of the level `x` under N(mean, deviation²).
fn log_level_probability(x: f64, mean: f64, deviation: f64) -> f64 {
    let edge = |edge: f64| (edge - mean) / deviation;
    let below = if x < -1.0 + HALF_LEVEL { f64::NEG_INFINITY } else { edge(x - HALF_LEVEL) };
    let above = if x > 1.0 - HALF_LEVEL { f64::INFINITY } else { edge(x + HALF_LEVEL) };
    // The side with the smaller values of Φ, where a difference loses no digits.
    let (near, far) = if below > 0.0 { (-below, -above) } else { (above, below) };
    if near < -FAR {
        return -0.5 * near * near - (-near * (2.0 * std::f64::consts::PI).sqrt()).ln();
    }
    let normal = |z: f64| 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2);
    (normal(near) - normal(far)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedules() -> [Schedule; 3] {
        [Schedule::linear(1000, 1e-4, 0.02), Schedule::linear(1000, 1e-4, 0.2), Schedule::cosine(1000)]
            .map(Result::unwrap)
    }

    #[test]
    fn the_probabilities_of_all_levels_sum_to_1() {
        let level = |i: u32| f64::from(f32::from(i as u8) / 127.5 - 1.0);
        for (mean, deviation) in [(-1.0, 0.005), (0.3, 0.005), (0.0, 0.5), (1.3, 0.1), (-0.999, 3.0)] {
            let sum: f64 = (0..256).map(|i| log_level_probability(level(i), mean, deviation).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-6, "N({mean}, {deviation}²): {sum}");
        }
    }

    #[test]
    fn far_levels_have_finite_and_smooth_logarithms() {
        let at = |distance: f64| log_level_probability(0.0, HALF_LEVEL + distance * 0.01, 0.01);
        assert!((at(24.999) - at(25.001)).abs() < 0.06 && at(1e4) < -4e7 && at(1e4).is_finite());
    }

    /// KL(N(a, s²) ‖ N(b, s²)) = (a − b)²/2s², and ½(SNR_{t−1} − SNR_t).
    #[test]
    fn the_weight_is_the_kl_of_the_posteriors() {
        for schedule in schedules() {
            for t in [1, 2, 10, 300, 700, 999] {
                let (c_x0, _) = schedule.posterior_mean_coefficients(t);
                let expected = c_x0 * c_x0 / (2.0 * schedule.posterior_variance(t));
                let weight = kl_weight(&schedule, t);
                assert!((weight - expected).abs() <= 1e-9 * expected, "t = {t}: {weight} {expected}");
                let difference = 0.5 * (schedule.snr(t - 1) - schedule.snr(t));
                assert!((weight - difference).abs() <= 1e-9 * schedule.snr(t - 1), "t = {t}: {weight} {difference}");
            }
        }
    }

    #[test]
    fn the_prior_term_is_small_and_that_of_normals() {
        let schedule = Schedule::linear(10, 0.1, 0.2).unwrap();
        let (alpha_bar, x) = (schedule.alpha_bar(9), 0.5f32);
        let variance = 1.0 - alpha_bar;
        let expected = 0.5 * (variance + alpha_bar * 0.25 - 1.0 - variance.ln());
        assert!((prior_kl(&schedule, &[x, -x]) - 2.0 * expected).abs() < 1e-12);
        for schedule in schedules() {
            assert!((0.0..0.2).contains(&prior_kl(&schedule, &[1.0; 784])));
        }
    }
}
