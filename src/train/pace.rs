//! Work beside the steps, such as drawing the grid, at a pace that leaves the time to training.

use std::time::{Duration, Instant};

/// Work that is repeated at an interval, less often when it takes long.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    /// Time that passes before the work is done again, as a multiple of what it took.
    rest: u32,
    due: Instant,
}

impl Pace {
    /// Due for the first time after `first`.
    pub fn new(interval: Duration, rest: u32, first: Duration) -> Self {
        Self { interval, rest, due: Instant::now() + first }
    }

    /// Whether it is time.
    pub fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// Does the work and sets the time of the next.
    pub fn spend<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let started = Instant::now();
        let result = work();
        self.due = Instant::now() + self.interval.max(started.elapsed() * self.rest);
        result
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
        pace.spend(|| std::thread::park_timeout(Duration::from_millis(5)));
        assert!(!pace.is_due() && pace.due > Instant::now() + Duration::from_secs(1));
        assert!(!Pace::new(Duration::ZERO, 1, Duration::from_secs(60)).is_due());
        let due = pace.due;
        pace.also_took(Duration::from_millis(2));
        assert_eq!(pace.due, due + Duration::from_secs(2));
    }
}
