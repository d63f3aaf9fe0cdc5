//! Images to learn from: IDX files, the embedded MNIST, folders of pictures, and the order in which they are seen.

pub mod batches;
pub mod contact_sheet;
pub mod dataset;
pub mod folder;
pub mod idx;
pub mod mnist;
pub mod picture;
mod picture_folder;
mod resize;

pub use batches::{Batches, unit_images};
pub use dataset::{Dataset, Splits};

use crate::Result;
use crate::config::DataSource;

/// Reads the training and the test images of a source.
///
/// # Errors
/// [`Error::Read`](crate::Error::Read) for a path that cannot be read, [`Error::Format`](crate::Error::Format) for
/// content that is not images.
pub fn load(source: &DataSource) -> Result<Splits> {
    match source {
        DataSource::Mnist => mnist::load(),
        DataSource::Path(path) => folder::load(path),
    }
}
