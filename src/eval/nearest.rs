//! The nearest training image of each image: whether a model draws, or copies.
//!
//! The distance is ‖a − b‖ over pixels in [0, 1]: 0 for the same image. A model that copies is nearer to the training
//! images than other real images are.

use candle_core::{Device, Tensor};

use crate::Result;
use crate::data::Dataset;

/// Training images that are compared at once: their product with all images must fit in memory.
const BLOCK: usize = 4096;
/// Images that are compared at once.
const QUERIES: usize = 1024;

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
/// Found as the largest a·b − ½‖b‖², a matrix product; the distance of the one found is then taken exactly.
///
/// # Errors
/// When the sizes differ or there is no memory.
pub fn nearest(images: &Dataset, training: &Dataset, on_share: &mut dyn FnMut(f64)) -> Result<Vec<Nearest>> {
    let mut best = vec![(f32::NEG_INFINITY, 0u32); images.len()];
    for first in (0..training.len()).step_by(BLOCK) {
        let count = BLOCK.min(training.len() - first);
        let block = matrix(training, first, count)?;
        let half_norms = (block.sqr()?.sum(1)? * -0.5)?;
        for start in (0..images.len()).step_by(QUERIES) {
            let queries = matrix(images, start, QUERIES.min(images.len() - start))?;
            let scores = crate::model::ops::linear(&queries, &block, &half_norms)?.to_vec2::<f32>()?;
            for (best, scores) in best[start..].iter_mut().zip(scores) {
                for (i, score) in scores.into_iter().enumerate() {
                    if score > best.0 {
                        *best = (score, (first + i) as u32);
                    }
                }
            }
        }
        on_share((first + count) as f64 / training.len() as f64);
    }
    let found = best.into_iter().enumerate();
    Ok(found
        .map(|(i, (_, index))| Nearest { index, distance: distance(images.image(i), training.image(index as usize)) })
        .collect())
}

/// `[count, H·W]` in [0, 1].
fn matrix(images: &Dataset, first: usize, count: usize) -> candle_core::Result<Tensor> {
    let pixels = (first..first + count).flat_map(|i| images.image(i)).map(|&pixel| f32::from(pixel) / 255.0);
    Tensor::from_vec(pixels.collect(), (count, images.width * images.height), &Device::Cpu)
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
        let training = digits.train.subset(Subset::First(BLOCK + 500), 0).unwrap();
        let images = digits.test.subset(Subset::First(20), 0).unwrap();
        let found = nearest(&images, &training, &mut |_| ()).unwrap();
        for (i, found) in found.into_iter().enumerate() {
            let all = (0..training.len()).map(|j| distance(images.image(i), training.image(j)));
            assert_eq!(found.distance, all.fold(f64::INFINITY, f64::min), "image {i}");
        }
    }

    #[test]
    fn a_training_image_is_its_own_nearest() {
        let training = mnist::load().unwrap().train.subset(Subset::First(BLOCK + 10), 0).unwrap();
        let found = nearest(&training.subset(Subset::First(5), 0).unwrap(), &training, &mut |_| ()).unwrap();
        let expected: Vec<_> = (0..5).map(|index| Nearest { index, distance: 0.0 }).collect();
        assert_eq!(found, expected);
    }
}
