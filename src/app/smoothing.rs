//! The smoothed loss: an exponential moving average over as many steps as a person chooses, from the buckets of a curve.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::loss_series::{Bucket, LossSeries};

/// Steps that the average is over, about: each new one weighs 1/steps. 1 does not smooth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Smoothing(f64);

impl Default for Smoothing {
    fn default() -> Self {
        Self(50.0)
    }
}

impl Smoothing {
    /// Most steps that can be chosen.
    pub const MOST: f64 = 2000.0;

    /// Over so many steps, 1 to [`MOST`](Self::MOST).
    pub fn over(steps: f64) -> Self {
        Self(if steps.is_finite() { steps.clamp(1.0, Self::MOST) } else { 1.0 })
    }

    /// The number of steps.
    pub fn steps(self) -> f64 {
        // What was kept from another start may be anything.
        Self::over(self.0).0
    }

    /// The weight of point `i` of a curve. Young curves fall fast: their average is over a fifth of their points only.
    fn weight(self, i: f64) -> f64 {
        (1.0 / self.steps()).max(1.0 / (1.0 + i / 5.0))
    }
}

/// An average on its way along a curve.
struct Average {
    smoothing: Smoothing,
    value: Option<f64>,
    points: f64,
}

impl Average {
    /// After the points of a bucket, which count as so many points at their mean; also how many points it is over now.
    fn take(&mut self, bucket: &Bucket) -> (f64, f64) {
        let points = bucket.points() as f64;
        let weight = self.smoothing.weight(self.points + (points - 1.0) / 2.0);
        let kept = (1.0 - weight).powf(points);
        let value = self.value.map_or(bucket.mean, |value| bucket.mean + kept * (value - bucket.mean));
        self.points += points;
        self.value = Some(value);
        (value, 1.0 / weight)
    }
}

impl LossSeries {
    /// The smoothed curve over a range of steps, a point for each of the [`visible`](Self::visible) buckets: a step of it,
    /// and the average after that step. The step is the last one, but of a bucket that is wider than the average, whose
    /// mean is all that is left of it, one nearer to its middle. What comes before the range is averaged too, as
    /// coarsely as `most` buckets tell it.
    pub fn smoothed(&self, range: RangeInclusive<u64>, most: usize, smoothing: Smoothing) -> Vec<(u64, f64)> {
        let seen = self.visible(range, most);
        let mut average = Average { smoothing, value: None, points: 0.0 };
        if let Some(first) = seen.first().map(|bucket| bucket.first).filter(|first| *first > 0) {
            let before = self.visible(0..=first - 1, most);
            for bucket in before.iter().filter(|bucket| bucket.last < first) {
                average.take(bucket);
            }
        }
        let point = |bucket: &Bucket| {
            let (value, over) = average.take(bucket);
            let wider = (bucket.points() as f64 / 2.0 - over).max(0.0) / bucket.points() as f64;
            (bucket.last - (wider * (bucket.last - bucket.first) as f64) as u64, value)
        };
        seen.iter().map(point).collect()
    }

    /// The average after the newest step.
    pub fn newest_smoothed(&self, smoothing: Smoothing) -> Option<f64> {
        let newest = self.latest()?.last;
        self.smoothed(newest..=newest, 480, smoothing).last().map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    /// Point by point, as the definition says.
    fn exact(values: &[f64], steps: f64) -> Vec<f64> {
        let mut average = None;
        let mut smoothed = |(i, value): (usize, &f64)| {
            let weight = (1.0 / steps).max(1.0 / (1.0 + i as f64 / 5.0));
            let next = average.map_or(*value, |average: f64| average + weight * (value - average));
            average = Some(next);
            next
        };
        values.iter().enumerate().map(&mut smoothed).collect()
    }

    fn noisy(count: usize) -> Vec<f64> {
        let mut noise = Stream::new(2, "smoothing", 0);
        (0..count).map(|i| 0.1 + (-(i as f64) / 300.0).exp() + 0.02 * noise.normal()).collect()
    }

    fn series(values: &[f64]) -> LossSeries {
        let mut series = LossSeries::default();
        values.iter().zip(1..).for_each(|(value, step)| series.push(step, *value));
        series
    }

    #[test]
    fn single_points_are_averaged_exactly() {
        let values = noisy(400);
        for steps in [1.0, 7.0, 50.0, 2000.0] {
            let seen = series(&values).smoothed(0..=u64::MAX, 1000, Smoothing::over(steps));
            for ((step, value), expected) in seen.iter().zip(exact(&values, steps)) {
                assert!((value - expected).abs() < 1e-12, "{steps}, step {step}");
            }
        }
        assert_eq!(series(&values).newest_smoothed(Smoothing::over(1.0)), Some(values[399]));
    }

    #[test]
    fn a_long_curve_in_buckets_and_zoomed_in_is_close_to_exact() {
        let values = noisy(200_000);
        let series = series(&values);
        for steps in [50.0, 2000.0] {
            let expected = exact(&values, steps);
            for range in [0..=u64::MAX, 150_000..=150_400, 199_800..=200_000] {
                let seen = series.smoothed(range.clone(), 480, Smoothing::over(steps));
                assert!(seen.len() > 10);
                let worst =
                    seen.iter().map(|(step, value)| (value - expected[*step as usize - 1]).abs()).fold(0.0, f64::max);
                // In the widest buckets, of 1,024 steps, the first steps fall by 0.9.
                let most = if *range.start() == 0 { 0.15 } else { 0.01 };
                assert!(worst < most, "{steps} {range:?}: {worst}");
            }
            let newest = series.newest_smoothed(Smoothing::over(steps)).unwrap();
            assert!((newest - expected[199_999]).abs() < 0.01, "{steps}");
        }
    }

    #[test]
    fn any_number_means_a_smoothing() {
        assert_eq!(
            [f64::NAN, -3.0, 0.0, 17.0, 1e9].map(|steps| Smoothing::over(steps).steps()),
            [1.0, 1.0, 1.0, 17.0, 2000.0]
        );
        assert_eq!(LossSeries::default().newest_smoothed(Smoothing::default()), None);
        assert!(LossSeries::default().smoothed(0..=u64::MAX, 100, Smoothing::default()).is_empty());
    }
}
