//! When each step of a run was done, in bounded memory.

use super::thinned::Thinned;

/// Moments that are kept; between them the time is interpolated.
const MOST: usize = 1024;

/// Steps and the seconds of training after them, both growing.
#[derive(Debug, Clone, PartialEq)]
pub struct RunClock {
    moments: Thinned<(u64, f64)>,
}

impl Default for RunClock {
    fn default() -> Self {
        Self { moments: Thinned::new(MOST) }
    }
}

impl RunClock {
    /// Adds the moment of a step; earlier steps, and times that run backwards, are left out.
    pub fn push(&mut self, step: u64, seconds: f64) {
        if self.moments.newest().is_none_or(|&(before, then)| step > before && seconds >= then) {
            self.moments.push((step, seconds));
        }
    }

    /// Seconds of training after a step; beyond the ends, those of the first and of the newest step.
    pub fn seconds_at(&self, step: f64) -> f64 {
        let points = self.moments.as_slice().iter().map(|&(step, seconds)| (step as f64, seconds));
        interpolated(points, self.moments.as_slice().partition_point(|&(at, _)| (at as f64) <= step), step)
    }

    /// The step that was done after so many seconds.
    pub fn step_at(&self, seconds: f64) -> f64 {
        let points = self.moments.as_slice().iter().map(|&(step, seconds)| (seconds, step as f64));
        interpolated(points, self.moments.as_slice().partition_point(|&(_, at)| at <= seconds), seconds)
    }
}

/// The y at x on the line through the points before and from `after`.
fn interpolated(mut points: impl ExactSizeIterator<Item = (f64, f64)>, after: usize, x: f64) -> f64 {
    let last = points.len();
    match after {
        _ if last == 0 => 0.0,
        0 => points.next().map_or(0.0, |(_, y)| y),
        after if after == last => points.last().map_or(0.0, |(_, y)| y),
        after => {
            let mut pair = points.skip(after - 1);
            let (Some((x_0, y_0)), Some((x_1, y_1))) = (pair.next(), pair.next()) else { return 0.0 };
            if x_1 > x_0 { y_0 + (y_1 - y_0) * (x - x_0) / (x_1 - x_0) } else { y_0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_seconds_are_inverse_over_a_long_run() {
        let mut clock = RunClock::default();
        // The second half takes three times as long.
        let seconds = |step: u64| if step <= 50_000 { step as f64 } else { 50_000.0 + 3.0 * (step - 50_000) as f64 };
        (1..=100_000).for_each(|step| clock.push(step, seconds(step)));
        assert!(clock.moments.as_slice().len() <= MOST);
        for step in [1, 777, 49_000, 75_000, 100_000] {
            assert!((clock.seconds_at(step as f64) - seconds(step)).abs() < 1e-6 * seconds(step), "step {step}");
            assert!((clock.step_at(seconds(step)) - step as f64).abs() < 1e-6 * step as f64, "step {step}");
        }
        assert_eq!((clock.seconds_at(0.0), clock.seconds_at(1e9)), (1.0, 200_000.0));
    }

    #[test]
    fn an_empty_clock_stands_and_times_do_not_run_backwards() {
        let mut clock = RunClock::default();
        assert_eq!((clock.seconds_at(5.0), clock.step_at(5.0)), (0.0, 0.0));
        clock.push(10, 4.0);
        clock.push(20, 3.0);
        clock.push(10, 9.0);
        assert_eq!(clock.seconds_at(20.0), 4.0);
    }
}
