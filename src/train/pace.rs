//! Work beside the steps, such as drawing the grid, at a pace that leaves the time to training.

use std::time::{Duration, Instant};

/// What takes longer is not done once more at the end.
const SHORT: Duration = Duration::from_secs(3);

/// Work that is repeated at an interval, less often when it takes long.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    /// Time that passes before the work is done again, as a multiple of what it took.
    rest: u32,
    due: Instant,
    /// The step after which it was done last, and what it took.
    last: Option<(u64, Duration)>,
}

impl Pace {
    /// Due for the first time after `first`.
    pub fn new(interval: Duration, rest: u32, first: Duration) -> Self {
        Self { interval, rest, due: Instant::now() + first, last: None }
    }

    /// Whether it is time.
    pub fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// Does the work after `step` and sets the time of the next.
    pub fn spend<R>(&mut self, step: u64, work: impl FnOnce() -> R) -> R {
        let started = Instant::now();
        let result = work();
        self.due = Instant::now() + self.interval.max(started.elapsed() * self.rest);
        self.last = Some((step, started.elapsed()));
        result
    }

    /// Has the work done at once, after the last `step`: where it was done in this run and did not take long, so that what
    /// is seen last is the model that it became. Nothing where it was done after that step.
    pub fn once_more(&mut self, step: u64) {
        if self.last.is_some_and(|(done, took)| done != step && took < SHORT) {
            self.due = Instant::now();
        }
    }

    /// Counts what took longer, after [`spend`](Self::spend), as part of the work.
    pub fn also_took(&mut self, more: Duration) {
        self.due += more * self.rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_work_is_done_less_often() {
        let mut pace = Pace::new(Duration::ZERO, 1000, Duration::ZERO);
        assert!(pace.is_due());
        pace.spend(1, || std::thread::park_timeout(Duration::from_millis(5)));
        assert!(!pace.is_due() && pace.due > Instant::now() + Duration::from_secs(1));
        assert!(!Pace::new(Duration::ZERO, 1, Duration::from_secs(60)).is_due());
        let due = pace.due;
        pace.also_took(Duration::from_millis(2));
        assert_eq!(pace.due, due + Duration::from_secs(2));
    }

    #[test]
    fn at_the_end_it_is_done_once_more_unless_it_takes_long_or_was_never_done() {
        let day = Duration::from_secs(86_400);
        let mut pace = Pace::new(day, 1, day);
        pace.once_more(7);
        assert!(!pace.is_due(), "it was never done");
        pace.spend(7, || ());
        pace.once_more(7);
        assert!(!pace.is_due(), "it was done after that step");
        pace.once_more(8);
        assert!(pace.is_due());
        pace.spend(8, || ());
        assert!(!pace.is_due());
        pace.last = Some((8, SHORT));
        pace.once_more(9);
        assert!(!pace.is_due(), "it takes long");
    }
}
