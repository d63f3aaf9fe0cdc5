//! The quick evaluations of a run over its training, in bounded memory.

use serde::Serialize;

use super::thinned::Thinned;
use crate::eval::QuickEval;

/// Evaluations that are kept: at one every 15 seconds, four hours of them all and every second of longer runs.
const MOST: usize = 1024;

/// How good the digits were after one step; so they stand in `metrics.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Evaluated {
    pub step: u64,
    pub eval: QuickEval,
}

/// A series of evaluations, steps growing.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluations {
    series: Thinned<Evaluated>,
}

impl Default for Evaluations {
    fn default() -> Self {
        Self { series: Thinned::new(MOST) }
    }
}

impl Evaluations {
    /// Adds the newest one; one of an earlier step is left out.
    pub fn push(&mut self, step: u64, eval: QuickEval) {
        if self.newest().is_none_or(|newest| newest.step < step) {
            self.series.push(Evaluated { step, eval });
        }
    }

    /// The newest.
    pub fn newest(&self) -> Option<&Evaluated> {
        self.series.newest()
    }

    /// Those that are kept, in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Evaluated> + ExactSizeIterator {
        self.series.as_slice().iter()
    }

    /// True before the first.
    pub fn is_empty(&self) -> bool {
        self.newest().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_taken_twice() {
        let mut series = Evaluations::default();
        for step in [10, 20, 20, 15, 30] {
            series.push(step, QuickEval { count: 200, classes: [20; 10], recognisable: 0.5, distance: step as f64 });
        }
        assert_eq!(series.iter().map(|one| one.step).collect::<Vec<_>>(), [10, 20, 30]);
    }
}
