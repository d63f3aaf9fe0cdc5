//! A set of grey images of one size, with labels where they are known.

use std::path::Path;
use std::sync::Arc;

use super::idx::Images;
use super::resize::Resizer;
use crate::config::{DataSettings, Digits, Problem, Setting, Subset};
use crate::rng::Stream;
use crate::{Error, Result};

/// The most bytes of pixels that a set may have, brought to another size or read from a folder: 1 GiB, as an IDX file.
pub(super) const MAX_BYTES: u64 = super::idx::MAX_BYTES;

/// Whether so many images of `size`×`size` bytes take at most `most` bytes. A size can come from anybody's file.
pub(super) fn fit(images: usize, size: usize, most: u64) -> bool {
    let bytes = (size as u64).checked_pow(2).and_then(|pixels| pixels.checked_mul(images as u64));
    bytes.is_some_and(|bytes| bytes <= most)
}

/// Grey images of one size, 8 bits a pixel, never empty. Clones share the pixels, and so do the parts of a set.
#[derive(Debug, Clone)]
pub struct Dataset {
    pub name: String,
    pub width: usize,
    pub height: usize,
    /// The place of its first image among the pixels and the labels.
    first: usize,
    len: usize,
    /// `(first + len) · height · width` bytes, or more: a part shares the pixels of the whole.
    pixels: Arc<Vec<u8>>,
    labels: Option<Arc<Vec<u8>>>,
}

/// The part to learn from, and the part to measure on, of the same size of images.
#[derive(Debug, Clone)]
pub struct Splits {
    pub train: Dataset,
    pub test: Dataset,
}

impl Dataset {
    /// The images of an IDX file, with those of its labels file. `origin` is named in errors.
    ///
    /// # Errors
    /// [`Error::Format`] when there are no images, or not as many labels as images.
    pub fn from_idx(name: &str, images: Images, labels: Option<Vec<u8>>, origin: &Path) -> Result<Self> {
        let Images { count: len, height, width, pixels } = images;
        if len == 0 || pixels.len() != len * width * height {
            let what = format!("{} pixels are not {len} images of {height}×{width}", pixels.len());
            return Err(Error::format(origin, what, "use at least one image"));
        }
        if let Some(labels) = labels.as_ref().filter(|labels| labels.len() != len) {
            let what = format!("{len} images, but {} labels beside them", labels.len());
            return Err(Error::format(origin, what, "use the labels file that belongs to these images"));
        }
        let (pixels, labels) = (Arc::new(pixels), labels.map(Arc::new));
        Ok(Self { name: name.to_string(), width, height, first: 0, len, pixels, labels })
    }

    /// How many images there are, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a dataset is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The pixels of image `i`, rows from the top, 0 black; panics when `i ≥ len`.
    pub fn image(&self, i: usize) -> &[u8] {
        assert!(i < self.len, "image {i} of {}", self.len);
        let (size, place) = (self.width * self.height, self.first + i);
        &self.pixels[place * size..(place + 1) * size]
    }

    /// The class of image `i`, where classes are known.
    pub fn label(&self, i: usize) -> Option<u8> {
        self.labels.as_ref().and_then(|labels| labels.get(self.first + i).copied())
    }

    /// Whether every image has one of the classes `0..classes`.
    pub fn has_classes(&self, classes: usize) -> bool {
        let own = self.first..self.first + self.len;
        self.labels.as_ref().is_some_and(|labels| labels[own].iter().all(|label| usize::from(*label) < classes))
    }

    /// CRC-32 of the pixels of all images, eight hexadecimal digits.
    pub fn crc32(&self) -> String {
        let mut crc = flate2::Crc::new();
        let size = self.width * self.height;
        crc.update(&self.pixels[self.first * size..(self.first + self.len) * size]);
        format!("{:08x}", crc.sum())
    }

    /// The images brought to `size`×`size`, as torchvision's `Resize` does; the same pixels if they have that size.
    ///
    /// # Errors
    /// [`Error::Setting`] when they would take more than 1 GiB: a size can come from anybody's file.
    pub fn resized(&self, size: usize) -> Result<Self> {
        if (self.width, self.height) == (size, size) {
            return Ok(self.clone());
        }
        if !fit(self.len, size, MAX_BYTES) {
            let what = format!("{} images of {}, brought to {size}×{size} pixels, are over 1 GiB", self.len, self.name);
            let hint = "use fewer images, or a model of smaller ones".into();
            return Err(Error::Setting(Problem { setting: Setting::ImageSize, what, hint }));
        }
        let resizer = Resizer::new((self.width, self.height), size);
        let mut pixels = Vec::with_capacity(self.len * size * size);
        for i in 0..self.len {
            pixels.extend(resizer.resize(self.image(i)));
        }
        let labels = self.labels.as_ref().map(|labels| Arc::new(labels[self.first..self.first + self.len].to_vec()));
        Ok(Self { width: size, height: size, first: 0, pixels: Arc::new(pixels), labels, ..self.clone() })
    }

    /// Image `i` brought to `size`×`size`; panics when `i ≥ len`.
    pub fn resized_image(&self, i: usize, size: usize) -> Vec<u8> {
        Resizer::new((self.width, self.height), size).resize(self.image(i))
    }

    /// All images, the first N, or N drawn without replacement by `seed`.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 1 ≤ N ≤ the number of images.
    pub fn subset(&self, subset: Subset, seed: u64) -> Result<Self> {
        let (Subset::First(n) | Subset::Shuffled(n)) = subset else { return Ok(self.clone()) };
        if !(1..=self.len).contains(&n) {
            let what = format!("{n} images asked for, the data has {}", self.len);
            let hint = format!("use 1 to {}", self.len);
            return Err(Error::Setting(Problem { setting: Setting::Subset, what, hint }));
        }
        match subset {
            Subset::Shuffled(_) => {
                let order = Stream::new(seed, "subset", 0).permutation(self.len);
                Ok(self.picked(order.into_iter().take(n).map(|i| i as usize)))
            }
            Subset::All | Subset::First(_) => Ok(Self { len: n, ..self.clone() }),
        }
    }

    /// Those images that show one of the digits.
    ///
    /// # Errors
    /// [`Error::Setting`] when the images have no labels, or none shows one of them.
    pub fn showing(&self, digits: Digits) -> Result<Self> {
        if digits == Digits::ALL {
            return Ok(self.clone());
        }
        let wrong =
            |what: String, hint: &str| Error::Setting(Problem { setting: Setting::Digits, what, hint: hint.into() });
        if self.labels.is_none() {
            let what = format!("it is not known which digits the images of {} show", self.name);
            return Err(wrong(what, "learn from all of them, or sort them into folders 0 to 9"));
        }
        let shown = |i: &usize| self.label(*i).is_some_and(|label| digits.contains(label));
        if !(0..self.len).any(|i| shown(&i)) {
            return Err(wrong(format!("no image of {} shows {digits}", self.name), "choose digits that are there"));
        }
        Ok(self.picked((0..self.len).filter(shown)))
    }

    /// The training and test parts of a set that has none: the last tenth, at least one image, is for testing.
    ///
    /// # Errors
    /// [`Error::Format`] when there is only one image; `origin` is named.
    pub fn split(&self, origin: &Path) -> Result<Splits> {
        let test = (self.len / 10).max(1);
        if test == self.len {
            let hint = "use at least two: one to learn from, one to measure on";
            return Err(Error::format(origin, "holds only one image", hint));
        }
        let first_test = self.len - test;
        let part = |first: usize, len: usize| Self { first: self.first + first, len, ..self.clone() };
        Ok(Splits { train: part(0, first_test), test: part(first_test, test) })
    }

    /// Some of the images, in this order; each index below `len`.
    fn picked(&self, chosen: impl Iterator<Item = usize> + Clone) -> Self {
        let pixels: Vec<u8> = chosen.clone().flat_map(|i| self.image(i)).copied().collect();
        let labels = self.labels.as_ref().map(|labels| chosen.clone().map(|i| labels[self.first + i]));
        let labels = labels.map(|labels| Arc::new(labels.collect()));
        Self { first: 0, len: chosen.count(), pixels: Arc::new(pixels), labels, ..self.clone() }
    }
}

impl Splits {
    /// What a run learns from and is measured on: the chosen digits, the subset of the training images by `seed`.
    ///
    /// # Errors
    /// [`Error::Setting`] when there are no such digits, or fewer images than the subset wants.
    pub fn chosen(&self, data: &DataSettings, seed: u64) -> Result<Self> {
        let train = self.train.showing(data.digits)?.subset(data.subset, seed)?;
        Ok(Self { train, test: self.test.showing(data.digits)? })
    }

    /// All images brought to `size`×`size`.
    ///
    /// # Errors
    /// As [`Dataset::resized`].
    pub fn resized(&self, size: usize) -> Result<Self> {
        Ok(Self { train: self.train.resized(size)?, test: self.test.resized(size)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` images of 2×2 whose pixels and label are their index.
    fn numbered(count: usize) -> Dataset {
        let pixels = (0..count).flat_map(|i| [i as u8; 4]).collect();
        let images = Images { count, height: 2, width: 2, pixels };
        Dataset::from_idx("numbers", images, Some((0..count as u8).collect()), Path::new("numbers")).unwrap()
    }

    fn numbers(dataset: &Dataset) -> Vec<u8> {
        (0..dataset.len())
            .map(|i| {
                assert_eq!(dataset.label(i), Some(dataset.image(i)[0]));
                dataset.image(i)[3]
            })
            .collect()
    }

    #[test]
    fn subsets_take_the_first_or_draw_without_replacement() {
        let all = numbered(100);
        assert_eq!(numbers(&all.subset(Subset::First(3), 1).unwrap()), [0, 1, 2]);
        let drawn = numbers(&all.subset(Subset::Shuffled(60), 1).unwrap());
        assert_eq!(drawn, numbers(&all.subset(Subset::Shuffled(60), 1).unwrap()));
        assert_ne!(drawn, numbers(&all.subset(Subset::Shuffled(60), 2).unwrap()));
        let mut distinct = drawn.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 60);
        assert_ne!(drawn, distinct);
        assert_eq!(all.subset(Subset::All, 1).unwrap().len(), 100);
    }

    #[test]
    fn digits_are_chosen_before_the_subset_is_taken_of_them() {
        let pixels = (0..40u8).flat_map(|i| [i; 4]).collect();
        let images = Images { count: 40, height: 2, width: 2, pixels };
        let labels = (0..40).map(|i| i % 10).collect();
        let all = Dataset::from_idx("digits", images, Some(labels), Path::new("digits")).unwrap();
        let seen = |data: &Dataset| (0..data.len()).map(|i| data.image(i)[0]).collect::<Vec<_>>();
        let some = Digits::of(&[3, 7]).unwrap();
        assert_eq!(seen(&all.showing(some).unwrap()), [3, 7, 13, 17, 23, 27, 33, 37]);
        assert_eq!(all.showing(Digits::ALL).unwrap().len(), 40);
        let splits = Splits { train: all.clone(), test: all.clone() };
        let mut data = crate::config::Preset::Small.settings().data;
        (data.digits, data.subset) = (some, Subset::First(3));
        let chosen = splits.chosen(&data, 0).unwrap();
        assert_eq!((seen(&chosen.train), chosen.test.len()), (vec![3, 7, 13], 8));
        data.subset = Subset::First(9);
        let error = splits.chosen(&data, 0).unwrap_err();
        assert_eq!(error.to_string(), "--subset: 9 images asked for, the data has 8");

        let unlabelled = Dataset { labels: None, ..all.clone() };
        let error = unlabelled.showing(some).unwrap_err();
        assert!(error.to_string().contains("not known which digits") && !error.hint().is_empty(), "{error}");
        let few = all.subset(Subset::First(3), 0).unwrap();
        assert!(few.showing(some).unwrap_err().to_string().contains("no image of digits shows 3, 7"));
    }

    #[test]
    fn subsets_larger_than_the_data_or_empty_are_refused() {
        for subset in [Subset::First(101), Subset::Shuffled(101), Subset::First(0)] {
            let error = numbered(100).subset(subset, 1).unwrap_err();
            assert!(matches!(&error, Error::Setting(problem) if problem.setting == Setting::Subset), "{error}");
            assert!(error.hint().contains("100"));
        }
    }

    #[test]
    fn the_last_tenth_and_at_least_one_is_the_test_part() {
        let parts = numbered(25).split(Path::new("numbers")).unwrap();
        assert_eq!((parts.train.len(), numbers(&parts.test)), (23, vec![23, 24]));
        let parts = numbered(2).split(Path::new("numbers")).unwrap();
        assert_eq!((numbers(&parts.train), numbers(&parts.test)), (vec![0], vec![1]));
        assert!(matches!(numbered(1).split(Path::new("numbers")), Err(Error::Format { .. })));
    }

    #[test]
    fn resizing_keeps_order_and_labels_and_shares_when_equal() {
        let all = numbered(5);
        let larger = all.resized(6).unwrap();
        assert_eq!((larger.width, larger.height, numbers(&larger)), (6, 6, vec![0, 1, 2, 3, 4]));
        assert_eq!(all.resized(2).unwrap().image(0).as_ptr(), all.image(0).as_ptr());
        assert_eq!(numbers(&all.subset(Subset::First(2), 0).unwrap().resized(3).unwrap()), [0, 1]);
    }

    /// 60,000 images at the 1,024 pixels that the settings of a stranger's model named are 63 GB.
    #[test]
    fn images_are_not_brought_to_a_size_that_takes_all_memory() {
        for size in [1 << 15, usize::MAX / 2, usize::MAX] {
            let error = numbered(5).resized(size).unwrap_err();
            assert!(matches!(&error, Error::Setting(problem) if problem.setting == Setting::ImageSize), "{error}");
            assert!(error.to_string().contains("over 1 GiB") && !error.hint().is_empty(), "{error}");
        }
    }

    #[test]
    fn parts_share_the_pixels_of_the_whole_and_keep_their_labels() {
        let all = numbered(25);
        let Splits { train, test } = all.split(Path::new("numbers")).unwrap();
        assert_eq!(test.image(0).as_ptr(), all.image(23).as_ptr());
        assert!(test.has_classes(25) && !test.has_classes(24) && train.has_classes(23) && !train.has_classes(22));
        assert_eq!((test.label(0), test.label(1), test.label(2)), (Some(23), Some(24), None));
        let copy = numbered(25).picked(23..25);
        assert_eq!((test.crc32(), numbers(&test.resized(4).unwrap())), (copy.crc32(), vec![23, 24]));
        assert_eq!(numbers(&test.subset(Subset::First(1), 0).unwrap()), [23]);
        assert_eq!(numbers(&test.picked([1].into_iter())), [24]);
    }

    #[test]
    fn labels_that_do_not_belong_are_refused() {
        let images = Images { count: 2, height: 1, width: 1, pixels: vec![0, 1] };
        let error = Dataset::from_idx("x", images, Some(vec![1]), Path::new("labels")).unwrap_err();
        assert!(error.to_string().contains("2 images, but 1 labels"), "{error}");
    }
}
