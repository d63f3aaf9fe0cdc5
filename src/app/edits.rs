//! What was changed in the settings and in what draws the grid, to take back and to do again.

use std::time::{Duration, Instant};

use super::settings_diff::all_differences;
use crate::config::{Settings, WeightsKind};

/// Changes that can be taken back.
const MOST: usize = 200;
/// Changes of one value within this time are one: a slider is dragged through many.
const ONE_MOVE: Duration = Duration::from_millis(800);

/// What can be taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Choices {
    pub settings: Settings,
    /// What draws the grid of a run.
    pub grid: WeightsKind,
}

/// What was chosen before each change, and after those that were taken back.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    past: Vec<Choices>,
    future: Vec<Choices>,
    /// What was changed last, and when.
    last: Option<(Vec<String>, Instant)>,
}

impl Edits {
    /// Notes a change, made `now`.
    pub fn note(&mut self, before: &Choices, after: &Choices, now: Instant) {
        if before == after {
            return;
        }
        let different = all_differences(&before.settings, &after.settings);
        let what: Vec<String> = different.into_iter().map(|difference| difference.name).collect();
        // What draws the grid has no name here: each choice is one change.
        let goes_on = !what.is_empty()
            && self.last.as_ref().is_some_and(|(last, then)| *last == what && now.duration_since(*then) < ONE_MOVE);
        if !(goes_on && self.future.is_empty()) {
            self.past.push(before.clone());
            if self.past.len() > MOST {
                self.past.remove(0);
            }
        }
        self.future.clear();
        self.last = Some((what, now));
    }

    /// The next change is one of its own, whatever it changes.
    pub fn end_move(&mut self) {
        self.last = None;
    }

    /// What was chosen before the last change.
    pub fn undo(&mut self, now: &Choices) -> Option<Choices> {
        let before = self.past.pop()?;
        self.future.push(now.clone());
        self.last = None;
        Some(before)
    }

    /// What was chosen after the change that was taken back last.
    pub fn redo(&mut self, now: &Choices) -> Option<Choices> {
        let after = self.future.pop()?;
        self.past.push(now.clone());
        self.last = None;
        Some(after)
    }

    /// Whether there is a change to take back, and one to do again.
    pub fn can(&self) -> (bool, bool) {
        (!self.past.is_empty(), !self.future.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    fn batch(size: usize) -> Choices {
        let mut settings = Preset::Small.settings();
        settings.training.batch_size = size;
        Choices { settings, grid: WeightsKind::Ema }
    }

    #[test]
    fn a_slider_that_is_dragged_is_one_change() {
        let (mut edits, begun) = (Edits::default(), Instant::now());
        for size in 64..100 {
            edits.note(&batch(size), &batch(size + 1), begun + Duration::from_millis(50 * (size as u64 - 64)));
        }
        assert_eq!(edits.undo(&batch(100)), Some(batch(64)));
        assert_eq!(edits.can(), (false, true));
        assert_eq!(edits.redo(&batch(64)), Some(batch(100)));
        assert_eq!(edits.can(), (true, false));
    }

    #[test]
    fn a_value_of_the_drawing_that_is_dragged_leaves_the_changes_before_it() {
        let (mut edits, begun) = (Edits::default(), Instant::now());
        edits.note(&batch(64), &batch(32), begun);
        let guided = |guidance: usize| {
            let mut settings = batch(32);
            settings.settings.sampling.guidance = guidance as f64 / 100.0;
            settings
        };
        for step in 20..2 * MOST {
            edits.note(&guided(step), &guided(step + 1), begun + Duration::from_millis(16 * step as u64));
        }
        assert_eq!(edits.undo(&guided(2 * MOST)), Some(guided(20)));
        assert_eq!(edits.undo(&guided(20)), Some(batch(64)));
    }

    #[test]
    fn other_values_and_later_moves_are_changes_of_their_own() {
        let (mut edits, begun) = (Edits::default(), Instant::now());
        let mut seed = batch(32);
        seed.settings.training.seed += 1;
        edits.note(&batch(64), &batch(32), begun);
        edits.note(&batch(32), &seed, begun);
        let later = begun + ONE_MOVE;
        edits.note(&seed, &batch(16), later);
        assert_eq!(edits.undo(&batch(16)), Some(seed.clone()));
        assert_eq!(edits.undo(&seed), Some(batch(32)));
        edits.note(&batch(32), &batch(8), later);
        assert_eq!(edits.can(), (true, false), "a new change ends what could be done again");
    }

    #[test]
    fn what_draws_the_grid_is_a_change_of_its_own() {
        let (mut edits, begun) = (Edits::default(), Instant::now());
        let raw = Choices { grid: WeightsKind::Raw, ..batch(64) };
        edits.note(&batch(32), &batch(64), begun);
        edits.note(&batch(64), &raw, begun);
        edits.note(&raw, &batch(64), begun);
        assert_eq!(edits.undo(&batch(64)), Some(raw.clone()));
        assert_eq!(edits.undo(&raw), Some(batch(64)));
        assert_eq!((edits.undo(&batch(64)), edits.redo(&batch(32))), (Some(batch(32)), Some(batch(64))));
    }

    #[test]
    fn so_many_are_kept_and_no_more() {
        let (mut edits, begun) = (Edits::default(), Instant::now());
        for size in 1..=2 * MOST {
            edits.note(&batch(size), &batch(size + 1), begun + ONE_MOVE * size as u32);
        }
        let mut taken_back = 0;
        let mut now = batch(2 * MOST + 1);
        while let Some(before) = edits.undo(&now) {
            (now, taken_back) = (before, taken_back + 1);
        }
        assert_eq!((taken_back, now), (MOST, batch(MOST + 1)));
    }
}
