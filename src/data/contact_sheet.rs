//! A look at a set before it is learned from: how many images there are of each class, and some of them.

use std::sync::Arc;

use super::dataset::fit;
use super::resize::Resizer;
use super::{Dataset, Splits};
use crate::config::{DataSettings, Problem, Setting};
use crate::pictures::Pictures;
use crate::{Error, Result};

/// Images of one class that are shown.
pub const ACROSS: usize = 16;
/// Rows of images whose classes are not known, or beyond which classes are left out.
const MOST_ROWS: usize = 26;
/// The most bytes of a sheet: a size can come from anybody's file.
const MAX_BYTES: u64 = 64 << 20;

/// Some images of a set, a class a row, and how many there are.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactSheet {
    pub name: String,
    /// Images to learn from, of the chosen digits and subset.
    pub train: usize,
    /// Images to measure on.
    pub test: usize,
    /// Width and height of the images as they are on disk, pixels.
    pub original: (usize, usize),
    /// From the lowest class up; none where the classes are not known.
    pub classes: Vec<ClassCount>,
    /// [`ACROSS`] images a row, evenly out of those of the row's class (out of all, where classes are not known), brought
    /// to the size that is learned from; a row that has fewer ends in black.
    pub pictures: Arc<Pictures>,
    /// Classes beyond the last row.
    pub left_out: usize,
}

/// How many training images are of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassCount {
    pub class: u8,
    pub count: usize,
}

impl ContactSheet {
    /// Of what a run with these settings would learn from. `seed` is the run's.
    ///
    /// # Errors
    /// [`Error::Setting`] when there are no such images, or they are too large to be shown.
    pub fn new(splits: &Splits, data: &DataSettings, seed: u64) -> Result<Self> {
        let Splits { train, test } = splits.chosen(data, seed)?;
        let classes = counts(&train);
        let rows: Vec<Vec<usize>> = if classes.is_empty() {
            let count = train.len().min(ACROSS * 10);
            let all: Vec<usize> = (0..count).map(|k| k * train.len() / count).collect();
            all.chunks(ACROSS).map(<[usize]>::to_vec).collect()
        } else {
            let shown = classes.iter().take(MOST_ROWS);
            shown.map(|class| evenly(of_class(&train, class.class), class.count)).collect()
        };
        let (size, places) = (data.image_size, rows.len() * ACROSS);
        if !fit(places, size, MAX_BYTES) {
            let what = format!("{places} images of {size}×{size} pixels are more than can be shown");
            let hint = "choose 28 or 32 pixels".into();
            return Err(Error::Setting(Problem { setting: Setting::ImageSize, what, hint }));
        }
        let resizer = Resizer::new((train.width, train.height), size);
        let mut pixels = Vec::with_capacity(places * size * size);
        for (i, row) in rows.iter().enumerate() {
            pixels.extend(row.iter().flat_map(|image| resizer.resize(train.image(*image))));
            pixels.resize((i + 1) * ACROSS * size * size, 0);
        }
        Ok(Self {
            name: train.name.clone(),
            train: train.len(),
            test: test.len(),
            original: (train.width, train.height),
            left_out: classes.len().saturating_sub(MOST_ROWS),
            classes,
            pictures: Arc::new(Pictures { width: size, height: size, pixels }),
        })
    }
}

/// How many images there are of each class that is there; none where an image has no class.
fn counts(data: &Dataset) -> Vec<ClassCount> {
    let mut counts = [0; 256];
    for i in 0..data.len() {
        let Some(class) = data.label(i) else { return Vec::new() };
        counts[usize::from(class)] += 1;
    }
    let present = (0..=u8::MAX).zip(counts).filter(|(_, count)| *count > 0);
    present.map(|(class, count)| ClassCount { class, count }).collect()
}

fn of_class(data: &Dataset, class: u8) -> impl Iterator<Item = usize> {
    (0..data.len()).filter(move |i| data.label(*i) == Some(class))
}

/// [`ACROSS`] of `count` items, or all if there are fewer.
fn evenly(items: impl Iterator<Item = usize>, count: usize) -> Vec<usize> {
    let wanted = count.min(ACROSS);
    let mut next = 0;
    let mut chosen = Vec::with_capacity(wanted);
    for (place, item) in items.enumerate() {
        if next < wanted && place == next * count / wanted {
            chosen.push(item);
            next += 1;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Digits, Preset, Setting, Subset};
    use crate::data::mnist;

    #[test]
    fn each_chosen_class_has_a_row_of_its_own_images_and_its_count() {
        let splits = mnist::load().unwrap();
        let mut data = Preset::Seed.settings().data;
        (data.subset, data.digits) = (Subset::First(200), Digits::of(&[1, 8]).unwrap());
        let sheet = ContactSheet::new(&splits, &data, 0).unwrap();
        let chosen = splits.chosen(&data, 0).unwrap();
        let ones = (0..200).filter(|i| chosen.train.label(*i) == Some(1)).count();
        let counted = [ClassCount { class: 1, count: ones }, ClassCount { class: 8, count: 200 - ones }];
        assert_eq!((sheet.train, sheet.test, sheet.original), (200, 1135 + 974, (28, 28)));
        assert_eq!(sheet.classes, counted);
        assert_eq!((sheet.pictures.count(), sheet.pictures.width), (2 * ACROSS, 32));
        let first_eight = (0..200).find(|i| chosen.train.label(*i) == Some(8)).unwrap();
        assert_eq!(sheet.pictures.get(ACROSS), chosen.train.resized(32).unwrap().image(first_eight));
    }

    #[test]
    fn a_class_with_few_images_ends_in_black_and_images_without_classes_are_shown_alone() {
        let train = mnist::load().unwrap().train;
        let few = train.subset(Subset::First(5), 0).unwrap();
        let mut data = Preset::Small.settings().data;
        let sheet = ContactSheet::new(&Splits { train: few.clone(), test: few }, &data, 0).unwrap();
        assert_eq!(sheet.classes.iter().map(|class| class.count).sum::<usize>(), 5);
        assert!(
            sheet.pictures.get(1).iter().all(|pixel| *pixel == 0) && sheet.pictures.get(0) != sheet.pictures.get(1)
        );

        let images = crate::data::idx::Images { count: 20, height: 1, width: 1, pixels: (0..20).collect() };
        let plain = Dataset::from_idx("plain", images, None, std::path::Path::new("plain")).unwrap();
        let splits = Splits { train: plain.clone(), test: plain };
        let sheet = ContactSheet::new(&splits, &data, 0).unwrap();
        assert_eq!((sheet.classes.len(), sheet.pictures.count()), (0, 32));
        assert_eq!((sheet.pictures.get(19)[0], sheet.pictures.get(20)[0]), (19, 0));
        data.digits = Digits::of(&[1]).unwrap();
        let error = ContactSheet::new(&splits, &data, 0).unwrap_err();
        assert!(matches!(error, crate::Error::Setting(problem) if problem.setting == Setting::Digits));
    }

    /// The settings of a stranger's run asked for terabytes.
    #[test]
    fn images_of_a_size_that_takes_all_memory_are_not_shown() {
        let splits = mnist::load().unwrap();
        let mut data = Preset::Small.settings().data;
        for size in [1024, 100_000, usize::MAX] {
            data.image_size = size;
            let error = ContactSheet::new(&splits, &data, 0).unwrap_err();
            assert!(matches!(&error, Error::Setting(problem) if problem.setting == Setting::ImageSize), "{error}");
            assert!(!error.hint().is_empty());
        }
    }

    #[test]
    fn images_are_taken_evenly() {
        assert_eq!(evenly(10..13, 3), [10, 11, 12]);
        assert_eq!(evenly(0..160, 160), (0..16).map(|k| 10 * k).collect::<Vec<_>>());
        assert_eq!(evenly(0..17, 17).len(), ACROSS);
    }
}
