//! How fast training is, over its last seconds.

use std::collections::VecDeque;

/// Seconds of training that the speed is measured over.
const WINDOW: f64 = 3.0;
/// At most about twice as many points are kept, however fast the steps are.
const MOST: usize = 256;

/// Images trained on and seconds of training, at recent steps.
#[derive(Debug, Clone, Default)]
pub struct Throughput {
    recent: VecDeque<(f64, u64)>,
}

impl Throughput {
    /// Takes the totals after a step; gives images a second over the last seconds, from the second step on.
    pub fn add(&mut self, seconds: f64, images: u64) -> Option<f64> {
        if self.recent.back().is_some_and(|&(before, _)| seconds < before) {
            self.recent.clear();
        }
        let crowded = self.recent.len() > 1 && seconds - self.recent[self.recent.len() - 2].0 < WINDOW / MOST as f64;
        if crowded {
            self.recent.pop_back();
        }
        self.recent.push_back((seconds, images));
        while self.recent.len() > 2 && self.recent[1].0 <= seconds - WINDOW {
            self.recent.pop_front();
        }
        let &(first_seconds, first_images) = self.recent.front()?;
        (seconds > first_seconds).then(|| images.saturating_sub(first_images) as f64 / (seconds - first_seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_measures_the_last_seconds_and_stays_small() {
        let mut throughput = Throughput::default();
        assert_eq!(throughput.add(0.0, 0), None);
        let mut speed = None;
        for step in 1..=100_000_u64 {
            let images = if step <= 50_000 { step } else { 50_000 + (step - 50_000) * 3 };
            speed = throughput.add(step as f64 * 1e-3, images);
        }
        assert!((speed.unwrap() - 3000.0).abs() < 1.0, "{speed:?}");
        assert!(throughput.recent.len() <= 2 * MOST + 2);
    }

    #[test]
    fn a_new_run_starts_a_new_measure() {
        let mut throughput = Throughput::default();
        throughput.add(100.0, 5000);
        assert_eq!(throughput.add(1.0, 10), None);
        assert_eq!(throughput.add(2.0, 20), Some(10.0));
    }
}
