//! The order in which training images are seen: shuffled epochs, end to end, cut into equal batches.

use super::Dataset;
use crate::rng::Stream;

/// An endless stream of shuffled epochs, cut into batches of one size that may straddle two epochs or more.
///
/// Which images a step sees depends on the seed and the step only, so a resumed run sees what it would have seen.
#[derive(Debug, Clone)]
pub struct Batches {
    images: u64,
    batch_size: u64,
    seed: u64,
    /// The order of the epoch last asked for.
    epoch: Option<(u64, Vec<u32>)>,
}

impl Batches {
    /// Batches of `batch_size` out of `images`; panics when either is 0, which settings and datasets rule out.
    pub fn new(images: usize, batch_size: usize, seed: u64) -> Self {
        assert!(images > 0 && batch_size > 0, "{images} images in batches of {batch_size}");
        Self { images: images as u64, batch_size: batch_size as u64, seed, epoch: None }
    }

    /// The images of step `step`, counted from 0.
    pub fn indices(&mut self, step: u64) -> Vec<u32> {
        let (images, first) = (self.images, step * self.batch_size);
        let seen = first..first + self.batch_size;
        seen.map(|i| self.order(i / images)[(i % images) as usize]).collect()
    }

    /// The steps after which every image was seen at least `epochs` times.
    pub fn steps_for_epochs(&self, epochs: u64) -> u64 {
        epochs.saturating_mul(self.images).div_ceil(self.batch_size)
    }

    /// The epochs done after `step` steps, as a fraction.
    pub fn epoch_at(&self, step: u64) -> f64 {
        step as f64 * self.batch_size as f64 / self.images as f64
    }

    fn order(&mut self, epoch: u64) -> &[u32] {
        if self.epoch.as_ref().is_none_or(|(known, _)| *known != epoch) {
            let order = Stream::new(self.seed, "order", epoch).permutation(self.images as usize);
            self.epoch = Some((epoch, order));
        }
        self.epoch.as_ref().map_or(&[], |(_, order)| order)
    }
}

/// The pixels of the chosen images in [-1, 1], p/127.5 − 1: `[B, H, W]` in row-major order.
pub fn unit_images(dataset: &Dataset, indices: &[u32]) -> Vec<f32> {
    let pixels = indices.iter().flat_map(|&i| dataset.image(i as usize));
    pixels.map(|&pixel| f32::from(pixel) / 127.5 - 1.0).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::data::idx::Images;

    fn stream(images: usize, batch_size: usize, steps: u64) -> Vec<u32> {
        let mut batches = Batches::new(images, batch_size, 9);
        (0..steps).flat_map(|step| batches.indices(step)).collect()
    }

    #[test]
    fn each_epoch_shows_every_image_once_in_another_order() {
        for batch_size in [1, 3, 10, 64] {
            let seen = stream(10, batch_size, 60 / batch_size as u64 + 1);
            let epochs: Vec<&[u32]> = seen.chunks_exact(10).collect();
            for epoch in &epochs {
                let mut sorted = epoch.to_vec();
                sorted.sort_unstable();
                assert!(sorted.into_iter().eq(0..10), "batches of {batch_size}: {epoch:?}");
            }
            assert_ne!(epochs[0], epochs[1]);
            assert_eq!(seen[..60], stream(10, 1, 60), "the order does not depend on the batch size");
        }
    }

    #[test]
    fn a_batch_is_the_same_asked_in_any_order() {
        let forward = stream(7, 4, 20);
        let mut batches = Batches::new(7, 4, 9);
        for step in (0..20).rev() {
            assert_eq!(batches.indices(step), forward[step as usize * 4..][..4], "step {step}");
        }
        assert_ne!(Batches::new(7, 4, 10).indices(0), batches.indices(0));
    }

    #[test]
    fn epochs_and_steps_agree() {
        let batches = Batches::new(1000, 32, 0);
        assert_eq!(batches.steps_for_epochs(5), 157);
        assert!(batches.epoch_at(157) >= 5.0 && batches.epoch_at(156) < 5.0);
        assert_eq!(Batches::new(3, 64, 0).steps_for_epochs(1), 1);
    }

    #[test]
    fn pixels_span_minus_one_to_one() {
        let images = Images { count: 3, height: 1, width: 2, pixels: vec![0, 255, 9, 9, 51, 204] };
        let dataset = Dataset::from_idx("x", images, None, Path::new("x")).unwrap();
        assert_eq!(unit_images(&dataset, &[0, 2]), [-1.0, 1.0, -0.6, 0.6]);
    }
}
