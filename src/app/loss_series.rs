//! A curve of any length in bounded memory: a pyramid of buckets, built as points come.
//!
//! Level 0 holds every point, level k one bucket for each 4^k of them with their smallest, largest and mean
//! value, so an outlier is in every level above it. Each level keeps its newest [`LEVEL_CAPACITY`] buckets: old
//! stretches are seen coarser, never lost. A million points take under 5 MB.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

/// Buckets of one level that are merged into one of the next.
const FAN: u64 = 4;
/// Buckets kept a level.
const LEVEL_CAPACITY: usize = 8192;
/// 4^15 · 8192 points: more steps than any run has.
const LEVELS: usize = 16;

/// Neighbouring points of a curve, summed up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Steps of the first and the last point.
    pub first: u64,
    pub last: u64,
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    points: u64,
}

impl Bucket {
    /// How many points it sums up.
    pub fn points(&self) -> u64 {
        self.points
    }

    fn absorb(&mut self, next: &Self) {
        let points = self.points + next.points;
        self.mean += (next.mean - self.mean) * next.points as f64 / points as f64;
        self.min = self.min.min(next.min);
        self.max = self.max.max(next.max);
        self.last = next.last;
        self.points = points;
    }
}

/// One level: finished buckets and the one that is being filled.
#[derive(Debug, Clone, Default)]
struct Level {
    done: VecDeque<Bucket>,
    open: Option<Bucket>,
    /// Finished buckets were dropped at the front.
    dropped: bool,
}

impl Level {
    /// Adds `part`; gives the bucket that it filled, if it holds `size` points now.
    fn add(&mut self, part: &Bucket, size: u64) -> Option<Bucket> {
        match &mut self.open {
            Some(open) => open.absorb(part),
            None => self.open = Some(*part),
        }
        let full = self.open.take_if(|open| open.points >= size)?;
        self.done.push_back(full);
        if self.done.len() > LEVEL_CAPACITY {
            self.done.pop_front();
            self.dropped = true;
        }
        Some(full)
    }

    /// The finished buckets that touch the range, as positions.
    fn touching(&self, range: &RangeInclusive<u64>) -> std::ops::Range<usize> {
        let start = self.done.partition_point(|bucket| bucket.last < *range.start());
        let end = self.done.partition_point(|bucket| bucket.first <= *range.end());
        start..end.max(start)
    }

    fn reaches_back_to(&self, step: u64) -> bool {
        !self.dropped || self.done.front().is_some_and(|bucket| bucket.first <= step)
    }
}

/// A curve over the steps of a run.
#[derive(Debug, Clone)]
pub struct LossSeries {
    levels: Vec<Level>,
    latest: Option<Bucket>,
    points: u64,
    range: Option<(f64, f64)>,
}

impl Default for LossSeries {
    fn default() -> Self {
        Self { levels: vec![Level::default(); LEVELS], latest: None, points: 0, range: None }
    }
}

impl LossSeries {
    /// The curve of these steps and values.
    pub fn of(points: &[(u64, f64)]) -> Self {
        let mut series = Self::default();
        points.iter().for_each(|&(step, value)| series.push(step, value));
        series
    }

    /// Adds the value of a step. Steps must grow; a value that is no finite number cannot be drawn and is left out.
    pub fn push(&mut self, step: u64, value: f64) {
        if !value.is_finite() || self.latest.is_some_and(|latest| latest.last >= step) {
            return;
        }
        self.points += 1;
        let point = Bucket { first: step, last: step, min: value, max: value, mean: value, points: 1 };
        self.latest = Some(point);
        self.range = Some(self.range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
        let (mut part, mut size) = (point, 1);
        for level in &mut self.levels {
            // An open bucket takes the parts of the level below as they are finished.
            match level.add(&part, size) {
                Some(full) => part = full,
                None => break,
            }
            size *= FAN;
        }
    }

    /// How many values came.
    pub fn len(&self) -> u64 {
        self.points
    }

    /// How many buckets are held in memory for them.
    pub fn buckets(&self) -> usize {
        self.levels.iter().map(|level| level.done.len() + usize::from(level.open.is_some())).sum()
    }

    /// True before the first value.
    pub fn is_empty(&self) -> bool {
        self.points == 0
    }

    /// The newest value: `first == last` is its step.
    pub fn latest(&self) -> Option<&Bucket> {
        self.latest.as_ref()
    }

    /// The smallest and the largest value of all.
    pub fn value_range(&self) -> Option<(f64, f64)> {
        self.range
    }

    /// The curve over a range of steps in at most `most` buckets (at least 16), in order, without gaps.
    ///
    /// The finest level is taken that fits and reaches back far enough; what it has not yet finished at its end
    /// comes from the finer levels below, so the newest value is always there.
    pub fn visible(&self, range: RangeInclusive<u64>, most: usize) -> Vec<Bucket> {
        let room = most.max(16) - LEVELS.min(most / 2);
        let start = (*range.start()).max(self.first_step());
        let level = (0..LEVELS - 1)
            .find(|&k| self.levels[k].touching(&range).len() <= room && self.levels[k].reaches_back_to(start))
            .unwrap_or(LEVELS - 1);
        let mut buckets: Vec<Bucket> =
            self.levels[level].done.range(self.levels[level].touching(&range)).copied().collect();
        let open = self.levels[1..=level].iter().rev().filter_map(|level| level.open);
        buckets.extend(open.filter(|bucket| bucket.first <= *range.end() && bucket.last >= *range.start()));
        buckets
    }

    /// The newest value at a step or before it; of old ones the bucket that sums up those around it.
    pub fn before(&self, step: u64) -> Option<Bucket> {
        self.levels.iter().find_map(|level| {
            let after = level.done.partition_point(|bucket| bucket.first <= step);
            level.done.get(after.checked_sub(1)?).copied()
        })
    }

    /// The first step that is still in some level.
    fn first_step(&self) -> u64 {
        let firsts = self.levels.iter().filter_map(|level| level.done.front().or(level.open.as_ref()));
        firsts.map(|bucket| bucket.first).min().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn series(points: u64, value: impl Fn(u64) -> f64) -> LossSeries {
        let mut series = LossSeries::default();
        for step in 1..=points {
            series.push(step, value(step));
        }
        series
    }

    #[test]
    fn few_points_come_back_as_they_are() {
        let series = series(100, |step| step as f64);
        let seen = series.visible(0..=u64::MAX, 1000);
        assert_eq!(seen.iter().map(|b| b.mean).collect::<Vec<_>>(), (1..=100).map(f64::from).collect::<Vec<_>>());
        assert!(seen.iter().all(|b| b.min == b.max));
    }

    #[test]
    fn a_million_points_stay_few_gapless_and_keep_every_outlier() {
        let mut noise = Stream::new(7, "loss", 0);
        let mut series = LossSeries::default();
        let (spikes, last) = ([3, 77_777, 500_001, 999_999], 1_000_003);
        for step in 1..=last {
            let spike = if spikes.contains(&step) { 50.0 + step as f64 } else { 0.0 };
            series.push(step, 0.1 + 0.01 * noise.uniform() + spike);
        }
        let seen = series.visible(0..=last, 1000);
        assert!(seen.len() <= 1000 && seen.len() > 200, "{} buckets", seen.len());
        assert_eq!((seen[0].first, seen[seen.len() - 1].last), (1, last));
        assert!(seen.windows(2).all(|pair| pair[0].last + 1 == pair[1].first));
        for spike in spikes {
            let bucket = seen.iter().find(|b| (b.first..=b.last).contains(&spike)).unwrap();
            assert!(bucket.max > 50.0, "spike at {spike} is gone");
        }
        assert!(series.buckets() * size_of::<Bucket>() < 5 << 20);
    }

    #[test]
    fn a_zoom_into_the_newest_steps_shows_single_points_and_into_old_ones_coarser_ones() {
        let series = series(100_000, |step| (step % 10) as f64);
        let newest = series.visible(99_900..=100_000, 1000);
        assert_eq!(newest.len(), 101);
        let old = series.visible(1_000..=1_400, 1000);
        assert!(old.first().unwrap().first <= 1_000 && old.last().unwrap().last >= 1_400);
        assert!(old.iter().all(|bucket| bucket.points > 1));
    }

    #[test]
    fn the_value_at_a_step_is_found_or_the_one_before_it() {
        let mut series = LossSeries::of(&[(10, 1.0), (20, 2.0), (30, 3.0)]);
        let found = |series: &LossSeries, step| series.before(step).map(|bucket| (bucket.last, bucket.mean));
        assert_eq!(
            [9, 10, 19, 20, 99].map(|step| found(&series, step)),
            [None, Some((10, 1.0)), Some((10, 1.0)), Some((20, 2.0)), Some((30, 3.0))]
        );
        (31..=100_000).for_each(|step| series.push(step, step as f64));
        for step in [31, 5_000, 91_800, 91_900, 99_999, 100_000] {
            let bucket = series.before(step).unwrap();
            assert!((bucket.first..=bucket.last).contains(&step), "{step} is not in {bucket:?}");
        }
        assert_eq!(found(&series, 99_999), Some((99_999, 99_999.0)));
    }

    #[test]
    fn the_mean_is_exact() {
        let series = series(5_000, |step| if step <= 2_500 { 1.0 } else { 3.0 });
        let seen = series.visible(0..=5_000, 64);
        let total: f64 = seen.iter().map(|b| b.mean * b.points as f64).sum();
        assert!((total / 5_000.0 - 2.0).abs() < 1e-12);
        assert_eq!(series.value_range(), Some((1.0, 3.0)));
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        let mut series = series(3, |_| 1.0);
        series.push(4, f64::NAN);
        series.push(2, 9.0);
        assert_eq!((series.len(), series.latest().unwrap().last), (3, 3));
    }
}
