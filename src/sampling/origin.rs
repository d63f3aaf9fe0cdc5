//! Forward and back: an image to noise to some timestep, and to denoise from there.

use std::path::PathBuf;

use crate::config::{DataSource, Setting};
use crate::data::{Dataset, picture};
use crate::pictures::Pictures;
use crate::rng::Stream;
use crate::{Error, Result, data};

/// Where an image is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginSource {
    /// A test image of the model's data, counted from 0.
    Test(usize),
    /// A picture of one's own.
    File(PathBuf),
}

/// What is picked by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginPick {
    /// The test image `from`, counted around; of a class, the first from there on, forward or back.
    Test { from: usize, forward: bool, class: Option<u8> },
    /// A picture of one's own.
    File(PathBuf),
}

impl OriginPick {
    /// The index of the test image that is meant.
    ///
    /// # Errors
    /// When there is none of the class.
    pub fn index(test: &Dataset, from: usize, forward: bool, class: Option<u8>) -> Result<usize> {
        let count = test.len();
        let all = (0..count).map(|i| if forward { from % count + i } else { from % count + count - i } % count);
        all.into_iter().find(|&i| class.is_none() || test.label(i) == class).ok_or_else(|| {
            let class = class.unwrap_or_default();
            Error::usage(format!("there is no test image of class {class}"), "choose any class, or a file")
        })
    }
}

/// An image as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginImage {
    /// One picture of the model's size.
    pub picture: Pictures,
    /// What it shows, where that is known.
    pub class: Option<u8>,
    /// Whether it is ink on paper rather than white on black as MNIST is.
    pub bright: bool,
}

/// A drawing begins with this image at timestep t instead of with noise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// One picture of the model's size.
    pub picture: Pictures,
    /// The class to ask for where each was to be drawn in turn.
    pub class: Option<u8>,
    /// The timestep to noise it to, 1 to T.
    pub t: usize,
}

impl OriginImage {
    /// A picture of one's own, brought to `size`×`size`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_file(path: &std::path::Path, size: usize) -> Result<Self> {
        let pixels = picture::read(path, size)?;
        let bright = picture::has_bright_background(&pixels, size);
        Ok(Self { picture: Pictures { width: size, height: size, pixels }, class: None, bright })
    }

    /// A test image of a data set, counted from 0, brought to `size`×`size`.
    ///
    /// # Errors
    /// When there are not as many.
    pub fn of_test(test: &Dataset, index: usize, size: usize) -> Result<Self> {
        if index >= test.len() {
            let what = format!("test:{index}: there are {} test images", test.len());
            return Err(Error::usage(what, format!("use test:0 to test:{}", test.len() - 1)));
        }
        let pixels = test.resized_image(index, size);
        let picture = Pictures { width: size, height: size, pixels };
        Ok(Self { picture, class: test.label(index), bright: false })
    }

    /// What a source of the command line names.
    ///
    /// # Errors
    /// As the two above.
    pub fn load(source: &OriginSource, data: &DataSource, size: usize) -> Result<Self> {
        match source {
            OriginSource::File(path) => Self::of_file(path, size),
            OriginSource::Test(index) => Self::of_test(&data::load(data)?.test, *index, size),
        }
    }

    /// Black and white exchanged.
    #[must_use]
    pub fn inverted(mut self) -> Self {
        self.picture.pixels.iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
        self
    }
}

impl Origin {
    /// # Errors
    /// When `t` is not in 1 ..= `timesteps`.
    pub fn new(image: OriginImage, t: usize, timesteps: usize) -> Result<Self> {
        if !(1..=timesteps).contains(&t) {
            let what = format!("t = {t}, the model has {timesteps} timesteps");
            let hint = format!("use 1 to {timesteps}");
            return Err(Error::Setting(crate::config::Problem { setting: Setting::FromT, what, hint }));
        }
        Ok(Self { picture: image.picture, class: image.class, t })
    }
}

/// x_t = √ᾱ·x₀ + √(1−ᾱ)·ε of one picture (Ho et al. 2020, eq. 4), with the noise that the drawing of image 0 by this
/// seed begins with: the same for every ᾱ, so that a digit slides into noise.
pub fn noised(picture: &Pictures, alpha_bar: f64, seed: u64) -> Pictures {
    let mut eps = vec![0.0f32; picture.pixels.len()];
    start_noise(seed, 0).fill_normal(&mut eps);
    let (signal, noise) = (alpha_bar.sqrt(), (1.0 - alpha_bar).max(0.0).sqrt());
    let mix = |(&pixel, &eps): (&u8, &f32)| (signal * (f64::from(pixel) / 127.5 - 1.0) + noise * f64::from(eps)) as f32;
    let values: Vec<f32> = picture.pixels.iter().zip(&eps).map(mix).collect();
    Pictures::from_unit(&values, picture.height, picture.width)
}

/// The noise that the drawing of image `i` begins with.
pub(super) fn start_noise(seed: u64, i: usize) -> Stream {
    call_noise(seed, i, 1)
}

/// The noise that image `i` is given in its `call`-th call for noise.
pub(super) fn call_noise(seed: u64, i: usize, call: u64) -> Stream {
    Stream::new(seed, "drawing", (i as u64) << 16 | call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_slides_into_the_noise_of_its_seed() {
        let picture = Pictures { width: 28, height: 28, pixels: (0..784).map(|i| (i % 256) as u8).collect() };
        assert_eq!(noised(&picture, 1.0, 3), picture);
        assert_ne!(noised(&picture, 0.5, 3), noised(&picture, 0.5, 4));
        let far = |a: f64, b: f64| {
            let (a, b) = (noised(&picture, a, 3), noised(&picture, b, 3));
            a.pixels.iter().zip(&b.pixels).map(|(a, b)| a.abs_diff(*b)).max()
        };
        assert!(far(0.5, 0.501) <= Some(2), "{:?}: the slider moves pixels a little", far(0.5, 0.501));
    }

    #[test]
    fn test_images_are_stepped_through_by_class_and_around_the_end() {
        let test = data::mnist::load().unwrap().test;
        let index = |from, forward, class| OriginPick::index(&test, from, forward, class).unwrap();
        assert_eq!((index(3, true, None), index(10_001, false, None)), (3, 1));
        assert_eq!((index(1, true, Some(7)), test.label(index(1, true, Some(7)))), (17, Some(7)));
        assert_eq!(index(16, false, Some(7)), 0);
        assert_eq!(test.label(index(9_999, true, Some(7))), Some(7));
        assert!(OriginPick::index(&test, 0, true, Some(11)).is_err());
    }
}
