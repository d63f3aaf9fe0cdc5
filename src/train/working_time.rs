//! The time that a run spends working, without that in which the machine slept or the process was stopped.
//!
//! `Instant` stands still while Linux and macOS sleep; while Windows does, or a process is stopped, it goes on. There a
//! piece of work seems to take hours, which would spend a budget of minutes and spoil every rate and estimate. Such a
//! piece counts as one step.

use std::time::Duration;

/// What takes no longer is work.
const SURELY_WORK: Duration = Duration::from_secs(60);
/// Nor is what takes no longer than so many steps: grid, film, evaluation and held-out loss, all due at once, take about
/// 40 of the reference network.
const STEPS: u32 = 200;

/// Sees how long each piece of work takes.
#[derive(Debug, Default)]
pub struct WorkingTime {
    longest_step: Option<Duration>,
}

impl WorkingTime {
    /// What counts of a step. The first one counts whole: there is nothing to compare it with.
    pub fn of_step(&mut self, took: Duration) -> Duration {
        let counts = self.of_other(took);
        self.longest_step = self.longest_step.max(Some(counts));
        counts
    }

    /// What counts of other work, between two steps.
    pub fn of_other(&self, took: Duration) -> Duration {
        match self.longest_step {
            Some(step) if took > SURELY_WORK.max(STEPS * step) => step,
            _ => took,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(80);
    const NIGHT: Duration = Duration::from_secs(8 * 3600);

    #[test]
    fn a_night_in_a_step_or_between_two_counts_as_a_step() {
        let mut time = WorkingTime::default();
        assert_eq!(time.of_step(STEP), STEP);
        assert_eq!((time.of_step(NIGHT), time.of_other(NIGHT)), (STEP, STEP));
        // The night has not become what steps take.
        assert_eq!(time.of_step(NIGHT), STEP);
    }

    #[test]
    fn long_work_counts_whole() {
        let mut time = WorkingTime::default();
        let slow = Duration::from_secs(90);
        assert_eq!(time.of_step(slow), slow, "the first step of a large network");
        assert_eq!((time.of_step(2 * slow), time.of_other(100 * slow)), (2 * slow, 100 * slow));
        let mut time = WorkingTime::default();
        time.of_step(STEP);
        assert_eq!(time.of_other(SURELY_WORK), SURELY_WORK, "a slow disk");
        // A nap that is not told from work does not hide a night.
        assert_eq!(time.of_step(SURELY_WORK), SURELY_WORK);
        assert_eq!(time.of_step(NIGHT), SURELY_WORK);
    }
}
