//! Opening the model of a headless command, with its notices and, for a large file, progress.

use std::path::Path;

use candle_core::Device;

use super::progress::Progress;
use crate::Result;
use crate::trained::TrainedModel;

/// Files from this size on show how far they are read; smaller ones are there at once.
const LARGE: u64 = 32 << 20;

/// What is at `path`, or the model that ships with the program.
///
/// # Errors
/// As [`TrainedModel::open`].
pub fn open_model(path: Option<&Path>, device: &Device, progress: &mut Progress) -> Result<TrainedModel> {
    let opened = TrainedModel::open_or_shipped(path, device, &mut |done, total| {
        if total >= LARGE {
            progress.advance("reading the weights", done, total);
        }
    });
    let (model, notice) = opened?;
    if let Some(notice) = notice {
        progress.note(&notice);
    }
    Ok(model)
}
