//! Is it copying? The nearest training images of one drawn image, beside how near real test images come to theirs.
//!
//! Digits are compared by the classifier's 64 features (its `features` layer), in which two of one hand are near though
//! no pixel agrees; other images by their pixels in [0, 1]. A distance says nothing by itself: it is set beside those
//! of real test images, of digits the ones that are seen as the same class. A model that copies comes nearer to its
//! training images than real images do.

use std::ops::Range;
use std::sync::Arc;

use super::judge::{self, Judge};
use super::neighbours::{Rows, nearest_rows};
use crate::config::{CLASS_COUNT, DataSource, Settings};
use crate::data::{Dataset, Splits};
use crate::pictures::Pictures;
use crate::{Error, Result};

/// Nearest training images that are shown.
pub const NEIGHBOURS: usize = 5;
/// Real test images that the distances are compared with.
const REAL: usize = 5000;
/// A class with fewer real images than this is compared with all of them.
const ENOUGH: usize = 50;
/// Shares of real test images that are nearer: below, it may be a copy; below, it is unusually near; above, unusually
/// far.
const COPY: f64 = 0.01;
const NEAR: f64 = 0.05;
const FAR: f64 = 0.99;

/// What the images are compared by.
enum Space {
    Features { judge: Arc<Judge>, rows: Vec<f32> },
    Pixels,
}

/// The training images of a run, and how near real test images come to them.
pub struct TrainingImages {
    images: Dataset,
    space: Space,
    /// Distances of real test images to their nearest training image, sorted: of each class seen, and of all.
    by_class: Vec<Vec<f32>>,
    all: Vec<f32>,
}

/// A training image that is near.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// Its place among the training images.
    pub index: u32,
    pub distance: f32,
    pub label: Option<u8>,
}

/// What was found for one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Copying {
    /// Nearest first, never empty.
    pub neighbours: Vec<Neighbour>,
    /// Their pictures, in the same order.
    pub pictures: Arc<Pictures>,
    /// The digit that it is seen as, if it is compared with real ones of that class alone.
    pub class: Option<u8>,
    /// The median distance of real test images to their nearest training image.
    pub real_median: f32,
    /// Share of real test images that are nearer to their nearest training image than this one is.
    pub nearer: f64,
}

/// How it is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nearness {
    /// Nearer than 99 % of real test images.
    PerhapsCopy,
    /// Nearer than 95 %.
    Near,
    AsReal,
    /// Farther than 99 %.
    Far,
}

impl Copying {
    /// By the share of real test images that are nearer.
    pub fn nearness(&self) -> Nearness {
        match self.nearer {
            share if share < COPY => Nearness::PerhapsCopy,
            share if share < NEAR => Nearness::Near,
            share if share > FAR => Nearness::Far,
            _ => Nearness::AsReal,
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        let real = self.class.map_or_else(|| "real test images".to_owned(), |class| format!("real test {class}s"));
        let farther = 100.0 * (1.0 - self.nearer);
        match self.nearness() {
            Nearness::PerhapsCopy => {
                let share = if self.nearer == 0.0 { "all".to_owned() } else { format!("{:.0} % of", farther.floor()) };
                format!("Nearer to a training image than {share} {real}: may be a copy.")
            }
            Nearness::Near => {
                format!("Nearer than {farther:.0} % of {real}: unusually near, look at the pictures.")
            }
            Nearness::AsReal => {
                let (nearer, median) = (100.0 * self.nearer, self.real_median);
                format!(
                    "As near as {real} are ({nearer:.0} % of them nearer, half within {median:.1}): no sign of copying."
                )
            }
            Nearness::Far => format!("Farther than 99 % of {real}: no copy, and perhaps not well drawn."),
        }
    }
}

impl TrainingImages {
    /// Of a run with these settings: the images that it learned from, no others. `on_share` is told how far it is, 0 to
    /// 1; an error from it ends the work. For the 60,000 digits of MNIST that is about 10 s.
    ///
    /// # Errors
    /// When the data cannot be read, there is no memory, or what `on_share` returned.
    pub fn of_run(settings: &Settings, splits: &Splits, on_share: &mut dyn FnMut(f64) -> Result<()>) -> Result<Self> {
        on_share(0.0)?;
        let size = settings.data.image_size;
        let chosen = splits.chosen(&settings.data, settings.training.seed)?;
        let few = crate::config::Subset::First(REAL.min(chosen.test.len()));
        let images = chosen.train.resized(size)?;
        let test = chosen.test.subset(few, 0)?.resized(size)?;
        Self::new(images, &test, settings.data.source == DataSource::Mnist, on_share)
    }

    /// Of training and test images of one size, by the classifier's features or by pixels.
    ///
    /// # Errors
    /// As [`of_run`](Self::of_run).
    pub fn new(
        images: Dataset,
        test: &Dataset,
        digits: bool,
        on_share: &mut dyn FnMut(f64) -> Result<()>,
    ) -> Result<Self> {
        let mut known = Self { images, space: Space::Pixels, by_class: vec![Vec::new(); CLASS_COUNT], all: Vec::new() };
        let mut done = 0.0;
        let mut seen = None;
        if digits {
            let judge = Judge::shipped()?;
            let all = known.images.len() + test.len();
            let part = known.images.len() as f64 / all as f64;
            let answers = judge.classifier.answers_with(&known.images, &mut |share| on_share(0.9 * part * share))?;
            let rest = 0.9 * (1.0 - part);
            seen = Some(judge.classifier.answers_with(test, &mut |share| on_share(0.9 * part + rest * share))?);
            known.space = Space::Features { judge, rows: answers.features };
            done = 0.9;
        }
        let rows = seen.as_ref().map(|seen| seen.features.as_slice());
        let found = known.nearest(test, rows, 1, &mut |share| on_share(done + (1.0 - done) * share))?;
        for (i, found) in found.into_iter().enumerate() {
            let Some((_, distance)) = found.first() else { continue };
            if let Some(seen) = &seen {
                known.by_class[usize::from(seen.best(i).0)].push(*distance);
            }
            known.all.push(*distance);
        }
        known.by_class.iter_mut().chain([&mut known.all]).for_each(|distances| distances.sort_by(f32::total_cmp));
        Ok(known)
    }

    /// What is nearest to one picture.
    ///
    /// # Errors
    /// When it has another size than the training images, or there is no memory.
    pub fn compare(&self, picture: &Pictures) -> Result<Copying> {
        let (width, height) = (self.images.width, self.images.height);
        if picture.count() != 1 || (picture.width, picture.height) != (width, height) {
            let what = format!("a picture of {}×{} pixels", picture.height, picture.width);
            return Err(Error::usage(what, format!("the training images have {height}×{width}")));
        }
        let image = judge::dataset(picture.clone(), std::path::Path::new("a drawn picture"))?;
        let seen = match &self.space {
            Space::Features { judge, .. } => Some(judge.classifier.answers(&image)?),
            Space::Pixels => None,
        };
        let rows = seen.as_ref().map(|seen| seen.features.as_slice());
        let found = self.nearest(&image, rows, NEIGHBOURS, &mut |_| Ok(()))?.pop().unwrap_or_default();
        let class = seen.map(|seen| seen.best(0).0).filter(|class| self.by_class[usize::from(*class)].len() >= ENOUGH);
        let real = class.map_or(&self.all, |class| &self.by_class[usize::from(class)]);
        let distance = found.first().map_or(f32::INFINITY, |(_, distance)| *distance);
        let nearer = real.partition_point(|other| *other < distance) as f64 / real.len().max(1) as f64;
        let pixels = found.iter().flat_map(|(index, _)| self.images.image(*index as usize)).copied().collect();
        let neighbour =
            |(index, distance): (u32, f32)| Neighbour { index, distance, label: self.images.label(index as usize) };
        Ok(Copying {
            pictures: Arc::new(Pictures { width, height, pixels }),
            neighbours: found.into_iter().map(neighbour).collect(),
            class,
            real_median: real.get(real.len() / 2).copied().unwrap_or(f32::NAN),
            nearer,
        })
    }

    /// For each image the `k` nearest training images with their exact distances, nearest first. `features` are those
    /// of the images, where that is what is compared.
    fn nearest(
        &self,
        images: &Dataset,
        features: Option<&[f32]>,
        k: usize,
        on_share: &mut dyn FnMut(f64) -> Result<()>,
    ) -> Result<Vec<Vec<(u32, f32)>>> {
        let pixels = |of: &Dataset, rows: Range<usize>| -> Vec<f32> {
            rows.flat_map(|i| of.image(i)).map(|pixel| f32::from(*pixel) / 255.0).collect()
        };
        let width = match &self.space {
            Space::Features { .. } => super::classifier::FEATURES,
            Space::Pixels => self.images.width * self.images.height,
        };
        let part = |values: &[f32], rows: Range<usize>| values[width * rows.start..width * rows.end].to_vec();
        let of_queries = |rows: Range<usize>| match features {
            Some(features) => part(features, rows),
            None => pixels(images, rows),
        };
        let of_training = |rows: Range<usize>| match &self.space {
            Space::Features { rows: values, .. } => part(values, rows),
            Space::Pixels => pixels(&self.images, rows),
        };
        let queries = Rows { count: images.len(), width, fill: &of_queries };
        let references = Rows { count: self.images.len(), width, fill: &of_training };
        let found = nearest_rows(&queries, &references, k, on_share)?;
        let exact = |(i, places): (usize, Vec<u32>)| {
            let query = of_queries(i..i + 1);
            let distance = |place: u32| {
                let other = of_training(place as usize..place as usize + 1);
                query.iter().zip(other).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt() as f32
            };
            let mut near: Vec<_> = places.into_iter().map(|place| (place, distance(place))).collect();
            near.sort_by(|a, b| a.1.total_cmp(&b.1));
            near
        };
        Ok(found.into_iter().enumerate().map(exact).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Preset, Subset};
    use crate::data::mnist;

    fn of(training: usize, digits: bool) -> (TrainingImages, Dataset) {
        let all = mnist::load().unwrap();
        let train = all.train.subset(Subset::First(training), 0).unwrap();
        let test = all.test.subset(Subset::First(1500), 0).unwrap();
        (TrainingImages::new(train, &test, digits, &mut |_| Ok(())).unwrap(), all.test)
    }

    fn picture(of: &Dataset, i: usize) -> Pictures {
        Pictures { width: of.width, height: of.height, pixels: of.image(i).to_vec() }
    }

    #[test]
    fn a_training_digit_is_told_as_a_copy_and_real_ones_are_not() {
        for digits in [true, false] {
            let (known, test) = of(2000, digits);
            let copy = known.compare(&picture(&known.images, 77)).unwrap();
            // Features vary by the rounding of the batch that they are computed in.
            assert!(copy.neighbours[0].distance < 1e-3, "{:?}", copy.neighbours[0]);
            assert_eq!((copy.neighbours[0].index, copy.nearer), (77, 0.0));
            assert_eq!((copy.neighbours.len(), copy.neighbours[0].label), (NEIGHBOURS, known.images.label(77)));
            assert_eq!(copy.pictures.get(0), known.images.image(77));
            assert!(copy.neighbours.windows(2).all(|pair| pair[0].distance <= pair[1].distance));
            assert_eq!(copy.nearness(), Nearness::PerhapsCopy);
            assert!(copy.words().contains("may be a copy"), "{}", copy.words());

            // Test digits that are not among the real ones that set the scale.
            let found: Vec<Copying> = (2000..2200).map(|i| known.compare(&picture(&test, i)).unwrap()).collect();
            let told = found.iter().filter(|copying| copying.nearness() == Nearness::PerhapsCopy).count();
            let even = found.iter().map(|copying| copying.nearer).sum::<f64>() / 200.0;
            assert!(told <= 8 && (0.4..0.6).contains(&even), "{told} of 200 told as copies, nearer {even:.2}");
            let usual = found.iter().find(|copying| copying.nearness() == Nearness::AsReal).unwrap();
            assert!(usual.words().contains("no sign of copying"), "{}", usual.words());
        }
    }

    #[test]
    fn a_slightly_changed_training_digit_is_still_told() {
        let (known, _) = of(2000, true);
        let told = (0..50).filter(|&i| {
            let mut image = picture(&known.images, i);
            let mut noise = crate::rng::Stream::new(9, "changed", i as u64);
            for pixel in &mut image.pixels {
                *pixel = (f64::from(*pixel) + 6.0 * noise.normal()).clamp(0.0, 255.0) as u8;
            }
            let found = known.compare(&image).unwrap();
            found.neighbours[0].index == i as u32 && found.nearer < NEAR
        });
        let told = told.count();
        assert!(told >= 40, "{told} of 50");
    }

    #[test]
    fn what_is_no_digit_is_far_from_all_and_other_sizes_are_refused() {
        let (known, _) = of(2000, true);
        let mut noise = crate::rng::Stream::new(3, "noise", 0);
        let pixels = (0..784).map(|_| (255.0 * noise.uniform()) as u8).collect();
        let found = known.compare(&Pictures { width: 28, height: 28, pixels }).unwrap();
        assert_eq!(found.nearness(), Nearness::Far, "{found:?}");
        let other = Pictures { width: 7, height: 112, pixels: vec![0; 784] };
        assert!(known.compare(&other).unwrap_err().to_string().contains("112×7"));
    }

    #[test]
    fn only_the_images_that_a_run_learned_from_count_and_the_work_can_be_ended() {
        let mut settings = Preset::Nano.settings();
        settings.data.subset = Subset::First(40);
        let mut shares = Vec::new();
        let mut on_share = |share| {
            shares.push(share);
            Ok(())
        };
        let splits = crate::data::mnist::load().unwrap();
        let known = TrainingImages::of_run(&settings, &splits, &mut on_share).unwrap();
        assert!(shares.is_sorted() && shares[0] == 0.0 && shares.last() == Some(&1.0), "{shares:?}");
        assert_eq!((known.images.len(), known.all.len()), (40, REAL));
        let ended = TrainingImages::of_run(&settings, &splits, &mut |_| Err(Error::Cancelled));
        assert!(matches!(ended.map(drop), Err(Error::Cancelled)));
    }
}
