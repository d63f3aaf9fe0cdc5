//! A device that is lost while it computes: a GPU that is unplugged, put to sleep, reset by its driver, or out of
//! memory. The CPU takes its place.

use candle_core::Device;

use crate::Error;

/// What a person may do about it.
pub const LOST_DEVICE_HINT: &str = "nothing to do now; start the program again to use the GPU once it is back";

/// Whether work on `device` failed in a way that the CPU may not fail in.
///
/// The libraries of GPUs have many words for it, and most come late, from a later call than the one that failed; so
/// each failure of an operation off the CPU counts. What is wrong with the work itself fails on the CPU again.
pub fn is_lost(device: &Device, error: &Error) -> bool {
    matches!(error, Error::Tensor(_)) && !is_cpu(device)
}

/// In words, without the lines of a backtrace.
pub fn describe_loss(error: &Error) -> String {
    let cause = error.to_string();
    format!("the GPU was lost ({})", cause.lines().next().unwrap_or_default())
}

/// What takes the place of a lost device.
pub fn instead_of_lost() -> Device {
    #[cfg(test)]
    faults::leave_gpu();
    Device::Cpu
}

fn is_cpu(device: &Device) -> bool {
    #[cfg(test)]
    if faults::is_gpu() {
        return false;
    }
    device.is_cpu()
}

/// A GPU for tests, on machines without one: the CPU under another name, until it is lost. It is the device of one
/// thread.
#[cfg(test)]
pub mod faults {
    use std::cell::RefCell;

    use crate::{Error, Result};

    struct Gpu {
        /// Steps so far.
        steps: u64,
        fails_at: Vec<u64>,
        in_use: bool,
    }

    thread_local! {
        static GPU: RefCell<Option<Gpu>> = const { RefCell::new(None) };
    }

    /// The thread's device counts as a GPU from now on. Its work fails in the steps of these numbers, from 1, of all
    /// that are begun; those that are repeated, tried for an estimate, or done on the CPU count.
    pub fn use_gpu(fails_at: &[u64]) {
        GPU.set(Some(Gpu { steps: 0, fails_at: fails_at.into(), in_use: true }));
    }

    /// The CPU is used from now on.
    pub fn leave_gpu() {
        GPU.with_borrow_mut(|gpu| gpu.iter_mut().for_each(|gpu| gpu.in_use = false));
    }

    pub fn is_gpu() -> bool {
        GPU.with_borrow(|gpu| gpu.as_ref().is_some_and(|gpu| gpu.in_use))
    }

    /// Fails if that is planned for this step.
    pub fn at_step() -> Result<()> {
        let fails = GPU.with_borrow_mut(|gpu| {
            let Some(gpu) = gpu else { return false };
            gpu.steps += 1;
            gpu.fails_at.contains(&gpu.steps)
        });
        if fails { Err(failure()) } else { Ok(()) }
    }

    pub fn failure() -> Error {
        Error::Tensor(candle_core::Error::Msg("the device is gone, says a test\n   0: some frame".into()))
    }
}
