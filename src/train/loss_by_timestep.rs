//! Which noise levels are learnt by now: the loss of each trained image by its timestep, over the run.
//!
//! A run reports it in parts of a fraction of a second, each the mean loss in [`BINS`] equal ranges of t. The map of
//! a whole run holds a bounded number of columns: when it is full, neighbours are merged.

use serde::{Deserialize, Serialize};

/// Ranges of t that are told apart.
pub const BINS: usize = 24;
/// Columns of a map: as many as a panel has room for, 50 kB.
const MOST: usize = 256;

/// The losses of some trained images by range of t.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ByTimestep {
    /// Mean of ‖target − prediction‖² per pixel; 0 where no image fell.
    loss: [f32; BINS],
    /// Images in each range.
    images: [u32; BINS],
}

impl ByTimestep {
    /// Adds one image: its timestep t of `timesteps`, counted from 0, and its loss.
    pub fn add(&mut self, t: usize, timesteps: usize, loss: f32) {
        let bin = (t * BINS / timesteps.max(1)).min(BINS - 1);
        self.images[bin] += 1;
        self.loss[bin] += (loss - self.loss[bin]) / self.images[bin] as f32;
    }

    /// Adds other images.
    pub fn absorb(&mut self, other: &Self) {
        for (bin, (&loss, &images)) in other.loss.iter().zip(&other.images).enumerate().filter(|(_, (_, n))| **n > 0) {
            self.images[bin] = self.images[bin].saturating_add(images);
            self.loss[bin] += (loss - self.loss[bin]) * (images as f32 / self.images[bin] as f32);
        }
    }

    /// The mean loss in a range of t, from the clearest (0) to pure noise; none where no image fell.
    pub fn loss(&self, bin: usize) -> Option<f32> {
        (self.images[bin] > 0).then(|| self.loss[bin])
    }

    /// Images in a range of t.
    pub fn images(&self, bin: usize) -> u32 {
        self.images[bin]
    }

    /// True before the first image.
    pub fn is_empty(&self) -> bool {
        self.images.iter().all(|images| *images == 0)
    }

    /// With five decimals, as a line of `loss_by_timestep.jsonl` keeps it.
    #[must_use]
    pub fn rounded(self) -> Self {
        Self { loss: self.loss.map(|loss| (f64::from(loss) * 1e5).round() as f32 / 1e5), ..self }
    }
}

/// One column of the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// The last step of those that are summed up.
    pub last: u64,
    pub losses: ByTimestep,
}

/// The map of a run: columns of equal training time, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct LossMap {
    columns: Vec<Column>,
    /// Parts in the newest column.
    open: usize,
    /// Parts in the others.
    size: usize,
}

impl Default for LossMap {
    fn default() -> Self {
        Self { columns: Vec::new(), open: 0, size: 1 }
    }
}

impl LossMap {
    /// Adds the losses up to `step`; steps must grow.
    pub fn push(&mut self, step: u64, losses: &ByTimestep) {
        if losses.is_empty() || self.columns.last().is_some_and(|newest| newest.last >= step) {
            return;
        }
        match self.columns.last_mut().filter(|_| self.open < self.size) {
            Some(newest) => {
                newest.losses.absorb(losses);
                newest.last = step;
                self.open += 1;
            }
            None => {
                self.columns.push(Column { last: step, losses: *losses });
                self.open = 1;
            }
        }
        if self.columns.len() > MOST {
            // An odd one out at the end stays open.
            self.open = if self.columns.len().is_multiple_of(2) { self.size + self.open } else { self.open };
            self.size *= 2;
            let merged = self.columns.chunks(2).map(|pair| {
                let mut first = pair[0];
                if let Some(second) = pair.get(1) {
                    first.losses.absorb(&second.losses);
                    first.last = second.last;
                }
                first
            });
            self.columns = merged.collect();
        }
    }

    /// The columns, oldest first.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// True before the first part.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(losses: &[(usize, f32)]) -> ByTimestep {
        let mut all = ByTimestep::default();
        losses.iter().for_each(|&(t, loss)| all.add(t, 1000, loss));
        all
    }

    #[test]
    fn images_fall_into_their_range_of_t() {
        let all = images(&[(0, 1.0), (41, 2.0), (42, 4.0), (999, 0.5)]);
        assert_eq!(
            (all.loss(0), all.loss(1), all.loss(2), all.loss(BINS - 1)),
            (Some(1.5), Some(4.0), None, Some(0.5))
        );
    }

    #[test]
    fn means_are_weighted_by_images() {
        let mut all = images(&[(0, 1.0), (0, 1.0), (0, 1.0)]);
        all.absorb(&images(&[(0, 5.0), (999, 3.0)]));
        assert_eq!((all.loss(0), all.loss(BINS - 1)), (Some(2.0), Some(3.0)));
        assert_eq!(images(&[(0, 0.123_456_7)]).rounded().loss(0), Some(0.12346));
    }

    #[test]
    fn a_long_run_stays_small_and_loses_no_image() {
        let mut map = LossMap::default();
        for part in 1..=50_001_u64 {
            map.push(10 * part, &images(&[(500, part as f32)]));
            assert!(map.columns().len() <= MOST);
        }
        let columns = map.columns();
        assert!(columns.len() > MOST / 3, "{} columns", columns.len());
        assert_eq!(columns.last().unwrap().last, 500_010);
        let counts: Vec<u32> = columns.iter().map(|column| column.losses.images[12]).collect();
        assert_eq!(counts.iter().sum::<u32>(), 50_001);
        assert!(counts[..counts.len() - 1].iter().all(|count| *count as usize == map.size), "{counts:?}");
        assert_eq!(counts[counts.len() - 1] as usize, map.open);
        let means: Vec<f32> = columns.iter().map(|column| column.losses.loss(12).unwrap()).collect();
        assert!(means.is_sorted(), "time grows to the right");
    }

    #[test]
    fn what_came_before_is_not_taken_twice() {
        let mut map = LossMap::default();
        map.push(10, &images(&[(0, 1.0)]));
        map.push(10, &images(&[(0, 9.0)]));
        map.push(20, &ByTimestep::default());
        assert_eq!(map.columns().len(), 1);
        assert_eq!(map.columns()[0].losses.loss(0), Some(1.0));
    }
}
