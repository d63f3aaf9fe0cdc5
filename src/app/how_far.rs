//! How far something has come that takes its time: for how long it goes on, and how long it will by the pace so far.

use std::time::{Duration, Instant};

use crate::data::reading::Reading;

/// Of shorter works, and before that, no time left is told.
const WORTH_TELLING: Duration = Duration::from_secs(1);
/// A smaller share tells no pace.
const LEAST_SHARE: f64 = 0.02;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HowFar {
    begun: Instant,
    /// 0 to 1; none where that is not known.
    share: Option<f64>,
}

impl HowFar {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), share: None }
    }

    /// The same work, of which this share is done.
    pub(super) fn at(self, share: f64) -> Self {
        Self { share: Some(share.clamp(0.0, 1.0)), ..self }
    }

    /// Share that is done, where it is known.
    pub fn share(&self) -> Option<f64> {
        self.share
    }

    /// Since when it goes on, and how long it will; none of both in the first second.
    pub fn times(&self) -> Option<(Duration, Option<Duration>)> {
        self.times_after(self.begun.elapsed())
    }

    fn times_after(&self, elapsed: Duration) -> Option<(Duration, Option<Duration>)> {
        let share = self.share.filter(|share| *share >= LEAST_SHARE);
        let left = share.map(|share| elapsed.mul_f64((1.0 - share) / share));
        (elapsed >= WORTH_TELLING).then_some((elapsed, left))
    }
}

/// How far images are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImagesRead {
    pub reading: Reading,
    pub how_far: HowFar,
}

impl ImagesRead {
    /// What is told next of the same images; what is counted anew has a pace of its own.
    pub(super) fn next(before: Option<Self>, reading: Reading) -> Self {
        let same = before.filter(|before| before.reading.part == reading.part && before.reading.done <= reading.done);
        let how_far = same.map_or_else(HowFar::begin, |before| before.how_far);
        Self { reading, how_far: how_far.at(reading.done as f64 / reading.total.max(1) as f64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::reading::Part;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_left_follows_from_the_pace() {
        let quarter = HowFar::begin().at(0.25);
        assert_eq!(quarter.times_after(10 * SECOND), Some((10 * SECOND, Some(30 * SECOND))));
        assert_eq!(quarter.times_after(SECOND / 2), None);
        assert_eq!(HowFar::begin().times_after(SECOND), Some((SECOND, None)));
        assert_eq!(HowFar::begin().at(0.01).times_after(SECOND), Some((SECOND, None)), "too little to tell by");
    }

    #[test]
    fn what_is_counted_anew_begins_anew() {
        let reading = |part, done| Reading { part, done, total: 100 };
        let sizes = ImagesRead::next(None, reading(Part::Sizes, 50));
        let pictures = ImagesRead::next(Some(sizes), reading(Part::Pictures, 60));
        assert!(pictures.how_far.begun > sizes.how_far.begun);
        let more = ImagesRead::next(Some(pictures), reading(Part::Pictures, 70));
        assert_eq!((more.how_far.begun, more.how_far.share()), (pictures.how_far.begun, Some(0.7)));
    }
}
