//! The loss by timestep over training as a picture: one byte a cell, on a logarithmic scale.

use std::sync::Arc;

use crate::pictures::Pictures;
use crate::train::loss_by_timestep::{BINS, LossMap};

/// The colours of the map: from dark to bright in even steps, for eyes that do not tell red from green, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
pub enum HeatColors {
    #[default]
    Viridis,
    Magma,
}

impl HeatColors {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Viridis, Self::Magma];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viridis => "viridis",
            Self::Magma => "magma",
        }
    }

    /// The one after it.
    pub fn next(self) -> Self {
        match self {
            Self::Viridis => Self::Magma,
            Self::Magma => Self::Viridis,
        }
    }
}

/// Smaller losses share the lowest colour.
const FLOOR: f32 = 1e-6;

/// The map as the panel draws it.
#[derive(Debug, Clone)]
pub struct HeatMap {
    /// A pixel a cell: training time to the right, t upwards; 1 is the smallest loss, 255 the largest, 0 where no image
    /// ever fell.
    pub picture: Arc<Pictures>,
    /// The smallest and the largest loss.
    pub range: (f32, f32),
    /// The last step of each column.
    steps: Vec<u64>,
    /// The loss in each cell, column after column, each from t = 0; none where no image fell.
    losses: Vec<[Option<f32>; BINS]>,
}

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// The first and the last timestep, counted from 1.
    pub t: (usize, usize),
    /// The steps from after the first to the last.
    pub steps: (u64, u64),
    /// None where no image fell.
    pub loss: Option<f32>,
}

impl HeatMap {
    /// The picture of a map; none while it is empty.
    pub fn new(map: &LossMap) -> Option<Self> {
        let columns = map.columns();
        let losses: Vec<[Option<f32>; BINS]> =
            columns.iter().map(|column| std::array::from_fn(|bin| column.losses.loss(bin))).collect();
        let known = losses.iter().flatten().flatten().map(|loss| loss.max(FLOOR));
        let range = known.fold(None, |range: Option<(f32, f32)>, loss| {
            Some(range.map_or((loss, loss), |(low, high)| (low.min(loss), high.max(loss))))
        })?;
        let byte = |loss: f32| {
            let span = (range.1 / range.0).ln();
            let share = if span > 0.0 { (loss.max(FLOOR) / range.0).ln() / span } else { 0.5 };
            (1.0 + 254.0 * share.clamp(0.0, 1.0)).round() as u8
        };
        let mut pixels = vec![0; BINS * columns.len()];
        // Where no image fell, the last that did tells best; before the first, the next one.
        for bin in 0..BINS {
            let row = (BINS - 1 - bin) * columns.len();
            let mut last = losses.iter().find_map(|column| column[bin]);
            for (i, column) in losses.iter().enumerate() {
                last = column[bin].or(last);
                pixels[row + i] = last.map_or(0, byte);
            }
        }
        let picture = Arc::new(Pictures { width: columns.len(), height: BINS, pixels });
        Some(Self { picture, range, steps: columns.iter().map(|column| column.last).collect(), losses })
    }

    /// The steps that it spans: none done yet, and the newest.
    pub fn steps(&self) -> (u64, u64) {
        (0, self.steps.last().copied().unwrap_or(0))
    }

    /// The cell at a share of the width and of the height from below, of a process of `timesteps`.
    pub fn cell(&self, right: f32, up: f32, timesteps: usize) -> Cell {
        let place = |share: f32, count: usize| ((share.max(0.0) * count as f32) as usize).min(count - 1);
        let (column, bin) = (place(right, self.steps.len()), place(up, BINS));
        // Timestep t, from 0, belongs to range ⌊t·BINS/T⌋.
        let first = |bin: usize| (bin as u128 * timesteps as u128).div_ceil(BINS as u128) as usize;
        let before = column.checked_sub(1).map_or(0, |column| self.steps[column]);
        Cell {
            t: (first(bin).saturating_add(1), first(bin + 1).max(first(bin).saturating_add(1))),
            steps: (before, self.steps[column]),
            loss: self.losses[column][bin],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::loss_by_timestep::ByTimestep;

    fn map(columns: &[&[(usize, f32)]]) -> LossMap {
        let mut map = LossMap::default();
        for (i, images) in columns.iter().enumerate() {
            let mut losses = ByTimestep::default();
            images.iter().for_each(|&(t, loss)| losses.add(t, 1000, loss));
            map.push(100 * (i as u64 + 1), &losses);
        }
        map
    }

    #[test]
    fn nothing_has_no_picture() {
        assert!(HeatMap::new(&LossMap::default()).is_none());
    }

    #[test]
    fn the_scale_is_logarithmic_and_t_grows_upwards() {
        let heat = HeatMap::new(&map(&[&[(0, 1.0), (999, 0.01)], &[(0, 0.1), (999, 0.01)]])).unwrap();
        assert_eq!((heat.picture.width, heat.picture.height, heat.range), (2, BINS, (0.01, 1.0)));
        let top = &heat.picture.pixels[..2];
        let bottom = &heat.picture.pixels[2 * (BINS - 1)..];
        assert_eq!((top, bottom), (&[1, 1][..], &[255, 128][..]));
        assert_eq!(heat.picture.pixels[2], 0, "no image fell there");
    }

    #[test]
    fn gaps_show_what_was_last_known_and_are_told_as_gaps() {
        let heat = HeatMap::new(&map(&[&[(0, 1.0)], &[(999, 0.01)], &[(0, 0.1)]])).unwrap();
        assert_eq!(heat.picture.pixels[3 * (BINS - 1)..], [255, 255, 128]);
        assert_eq!(heat.picture.pixels[..3], [1, 1, 1]);
        assert_eq!(heat.cell(0.5, 0.0, 1000), Cell { t: (1, 42), steps: (100, 200), loss: None });
        assert_eq!(heat.cell(1.0, 0.01, 1000), Cell { t: (1, 42), steps: (200, 300), loss: Some(0.1) });
        assert_eq!(heat.cell(0.4, 1.0, 1000).t, (960, 1000));
        assert_eq!(heat.steps(), (0, 300));
    }

    /// A run of others may say any number.
    #[test]
    fn a_cell_of_more_timesteps_than_can_be_multiplied_is_told_all_the_same() {
        let heat = HeatMap::new(&map(&[&[(0, 1.0)]])).unwrap();
        let (lowest, highest) = (heat.cell(0.0, 0.0, usize::MAX).t, heat.cell(0.0, 1.0, usize::MAX).t);
        assert_eq!((lowest.0, highest.1), (1, usize::MAX));
        assert!(lowest.1 < highest.0);
    }
}
