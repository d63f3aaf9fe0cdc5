//! The nearest training image of each image: whether a model draws, or copies.
//!
//! The distance is ‖a − b‖ over pixels in [0, 1]: 0 for the same image. A model that copies is nearer to the training
//! images than other real images are.

use std::ops::Range;

use super::neighbours::{Rows, nearest_rows};
use crate::Result;
use crate::data::Dataset;

/// The nearest training image of one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// Its place in the training set.
    pub index: u32,
    /// ‖a − b‖ over pixels in [0, 1].
    pub distance: f64,
}

/// For each of `images` the nearest of `training`, both of the same height and width.
///
/// The distance of the one that is found is taken exactly.
///
/// # Errors
/// When the sizes differ or there is no memory.
pub fn nearest(images: &Dataset, training: &Dataset, on_share: &mut dyn FnMut(f64)) -> Result<Vec<Nearest>> {
    let width = images.width * images.height;
    let pixels = |of: &Dataset, rows: Range<usize>| -> Vec<f32> {
        rows.flat_map(|i| of.image(i)).map(|&pixel| f32::from(pixel) / 255.0).collect()
    };
    let (of_images, of_training) = (|rows| pixels(images, rows), |rows| pixels(training, rows));
    let queries = Rows { count: images.len(), width, fill: &of_images };
    let references = Rows { count: training.len(), width, fill: &of_training };
    let found = nearest_rows(&queries, &references, 1, &mut |share| {
        on_share(share);
        Ok(())
    })?;
    let nearest = |(i, found): (usize, Vec<u32>)| {
        let index = found.first().copied().unwrap_or_default();
        Nearest { index, distance: distance(images.image(i), training.image(index as usize)) }
    };
    Ok(found.into_iter().enumerate().map(nearest).collect())
}

fn distance(a: &[u8], b: &[u8]) -> f64 {
    let squares: u64 = a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
    (squares as f64).sqrt() / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Subset;
    use crate::data::mnist;

    #[test]
    fn agrees_with_comparing_all_pairs() {
        let digits = mnist::load().unwrap();
        let training = digits.train.subset(Subset::First(4600), 0).unwrap();
        let images = digits.test.subset(Subset::First(20), 0).unwrap();
        let found = nearest(&images, &training, &mut |_| ()).unwrap();
        for (i, found) in found.into_iter().enumerate() {
            let all = (0..training.len()).map(|j| distance(images.image(i), training.image(j)));
            assert_eq!(found.distance, all.fold(f64::INFINITY, f64::min), "image {i}");
        }
    }

    #[test]
    fn a_training_image_is_its_own_nearest() {
        let training = mnist::load().unwrap().train.subset(Subset::First(4106), 0).unwrap();
        let found = nearest(&training.subset(Subset::First(5), 0).unwrap(), &training, &mut |_| ()).unwrap();
        let expected: Vec<_> = (0..5).map(|index| Nearest { index, distance: 0.0 }).collect();
        assert_eq!(found, expected);
    }
}
