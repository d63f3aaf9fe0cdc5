//! Images to learn from: IDX files, the embedded MNIST, folders of pictures, and the order in which they are seen.

pub mod batches;
pub mod contact_sheet;
pub mod dataset;
pub mod folder;
pub mod idx;
pub mod mnist;
pub mod network;
pub mod picture;
mod picture_folder;
pub mod reading;
mod resize;

pub use batches::{Batches, unit_images};
pub use dataset::{Dataset, Splits};

use crate::Result;
use crate::config::DataSource;
use reading::OnRead;

/// Reads the training and the test images of a source.
///
/// # Errors
/// [`Error::Read`](crate::Error::Read) for a path that cannot be read, [`Error::Format`](crate::Error::Format) for
/// content that is not images, and for a path on another machine that the person has not named (see [`network`]).
pub fn load(source: &DataSource) -> Result<Splits> {
    load_with(source, &mut |_| Ok(()))
}

/// As [`load`]; `on_read` is told how far a path is read, and an error from it ends the reading.
///
/// # Errors
/// As [`load`], and what `on_read` returned.
pub fn load_with(source: &DataSource, on_read: &mut OnRead) -> Result<Splits> {
    match source {
        DataSource::Mnist => mnist::load(),
        DataSource::Path(path) => {
            network::check(path)?;
            folder::load(path, on_read)
        }
    }
}
