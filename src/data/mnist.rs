//! MNIST, which is inside the program: 60,000 training and 10,000 test digits of 28×28 pixels.

use std::path::Path;
use std::sync::OnceLock;

use super::{Dataset, Splits, idx};
use crate::Result;

static TRAIN_IMAGES: &[u8] = include_bytes!("../../assets/mnist/train-images-idx3-ubyte.gz");
static TRAIN_LABELS: &[u8] = include_bytes!("../../assets/mnist/train-labels-idx1-ubyte.gz");
static TEST_IMAGES: &[u8] = include_bytes!("../../assets/mnist/t10k-images-idx3-ubyte.gz");
static TEST_LABELS: &[u8] = include_bytes!("../../assets/mnist/t10k-labels-idx1-ubyte.gz");

/// The digits, unpacked when first asked for and shared from then on: 55 MB.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format) if the program was built with damaged files.
pub fn load() -> Result<Splits> {
    static UNPACKED: OnceLock<Splits> = OnceLock::new();
    if let Some(splits) = UNPACKED.get() {
        return Ok(splits.clone());
    }
    let train = unpack("train", TRAIN_IMAGES, TRAIN_LABELS)?;
    let test = unpack("t10k", TEST_IMAGES, TEST_LABELS)?;
    Ok(UNPACKED.get_or_init(|| Splits { train, test }).clone())
}

fn unpack(part: &str, images: &[u8], labels: &[u8]) -> Result<Dataset> {
    let origin = format!("embedded MNIST ({part})");
    let origin = Path::new(&origin);
    Dataset::from_idx("MNIST", idx::images(images, origin)?, Some(idx::labels(labels, origin)?), origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_digits_are_mnist() {
        let Splits { train, test } = load().unwrap();
        assert_eq!((train.len(), test.len()), (60_000, 10_000));
        assert_eq!((train.width, train.height), (28, 28));
        let labels: Vec<u8> = (0..10).filter_map(|i| train.label(i)).collect();
        assert_eq!(labels, [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
        assert_eq!(test.label(0), Some(7));
        // The mean that everybody normalises MNIST by.
        let sum: u64 = (0..train.len()).flat_map(|i| train.image(i)).map(|&pixel| u64::from(pixel)).sum();
        assert!((sum as f64 / (60_000.0 * 784.0 * 255.0) - 0.1307).abs() < 1e-4);
    }

    #[test]
    fn asking_twice_shares_the_pixels() {
        let (first, second) = (load().unwrap(), load().unwrap());
        assert_eq!(first.train.image(0).as_ptr(), second.train.image(0).as_ptr());
    }
}
