//! The machine that a headless command computes on: its device, its threads, and a deep stack.

use std::num::NonZeroUsize;

use candle_core::Device;

use super::progress::Progress;
use crate::device::DeviceChoice;
use crate::{Error, Result};

/// Building and walking the graph of a deep network recurses once an operation.
const STACK_BYTES: usize = 64 << 20;

/// Runs `work` on the device and with the threads asked for, on a thread whose stack suits deep networks.
///
/// # Errors
/// When the device was not built in, or what `work` returns; a panic in it becomes [`Error::Panicked`].
pub fn compute<R: Send>(
    device: DeviceChoice,
    threads: Option<NonZeroUsize>,
    progress: &mut Progress,
    work: impl FnOnce(&Device, &mut Progress) -> Result<R> + Send,
) -> Result<R> {
    let opened = device.open()?;
    if let Some(notice) = &opened.notice {
        progress.note(notice);
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.map_or(0, NonZeroUsize::get))
        .stack_size(STACK_BYTES)
        .build()
        .map_err(|error| Error::Panicked(format!("the threads could not be started: {error}")))?;
    pool.install(|| work(&opened.device, progress))
}
