//! Confidence intervals by the bootstrap (Efron 1979): the statistic again, of the same number of draws with
//! replacement.

use rayon::prelude::*;
use serde::Serialize;

use crate::rng::Stream;

/// Draws of a statistic that is cheap, such as a mean.
pub const RESAMPLES: usize = 1000;
/// Draws of one that is not.
pub const FEW_RESAMPLES: usize = 100;
const SEED: u64 = 0;

/// A range that holds the true value with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The 2.5 and 97.5 % quantiles of `statistic` over resampled indices of `0..count`.
pub fn percentile(count: usize, resamples: usize, statistic: impl Fn(&[u32]) -> f64 + Sync) -> Interval {
    let mut values = resampled(count, resamples, statistic);
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((share * values.len() as f64) as usize).min(values.len() - 1)];
    Interval { low: at(0.025), high: at(0.975) }
}

/// `value` ± 1.96 standard deviations of the resampled statistic, not under 0: for the Fréchet distance, which is
/// larger for resampled sets than for the set itself, and the entropy, which is smaller, so that their quantiles
/// would lie to one side.
pub fn around(value: f64, count: usize, resamples: usize, statistic: impl Fn(&[u32]) -> f64 + Sync) -> Interval {
    let values = resampled(count, resamples, statistic);
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    Interval { low: (value - 1.96 * deviation).max(0.0), high: value + 1.96 * deviation }
}

fn resampled(count: usize, resamples: usize, statistic: impl Fn(&[u32]) -> f64 + Sync) -> Vec<f64> {
    let draw = |resample: usize| {
        let mut stream = Stream::new(SEED, "bootstrap", resample as u64);
        let indices: Vec<u32> = (0..count).map(|_| stream.below(count.max(1) as u64) as u32).collect();
        statistic(&indices)
    };
    (0..resamples).into_par_iter().map(draw).collect()
}

/// The mean of the chosen values.
pub fn mean(values: &[f64], indices: &[u32]) -> f64 {
    indices.iter().map(|&i| values[i as usize]).sum::<f64>() / indices.len().max(1) as f64
}

/// The median of the chosen values; the lower of the two in the middle.
pub fn median(values: &[f64], indices: &[u32]) -> f64 {
    let mut chosen: Vec<f64> = indices.iter().map(|&i| values[i as usize]).collect();
    let middle = chosen.len().saturating_sub(1) / 2;
    *chosen.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normals(count: usize) -> Vec<f64> {
        let mut stream = Stream::new(2, "test", 0);
        (0..count).map(|_| stream.normal()).collect()
    }

    #[test]
    fn intervals_of_a_mean_are_those_of_the_textbook() {
        let values = normals(900);
        let all: Vec<u32> = (0..900).collect();
        let centre = mean(&values, &all);
        for interval in [
            percentile(900, RESAMPLES, |chosen| mean(&values, chosen)),
            around(centre + 1.0, 900, RESAMPLES, |chosen| mean(&values, chosen)),
        ] {
            // 1.96 · 1/√900
            assert!((interval.high - interval.low - 2.0 * 0.0653).abs() < 0.012, "{interval:?}");
        }
        let interval = percentile(900, RESAMPLES, |chosen| mean(&values, chosen));
        assert!(interval.low < centre && centre < interval.high);
        assert_eq!(interval, percentile(900, RESAMPLES, |chosen| mean(&values, chosen)));
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[5.0, 1.0, 3.0], &[0, 1, 2]), 3.0);
        assert_eq!(median(&[5.0, 1.0, 3.0, 4.0], &[0, 1, 2, 3]), 3.0);
        assert_eq!(median(&[5.0, 1.0], &[0, 0]), 5.0);
    }
}
