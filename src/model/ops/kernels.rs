//! CPU kernels on plain slices, f32, channels last (`[B, H, W, C]`, row-major).
//!
//! Every kernel splits its work by shape alone and reduces in a fixed order, so the same input gives the same
//! bytes on any number of threads. The tensor operations in [`super`] are built from these.

pub mod attention;
pub mod conv;
#[cfg(test)]
mod definition;
pub mod direct;
pub mod elementwise;
pub mod few_pixels;
pub mod gemm;
pub mod math;
pub mod norm;
pub mod pointwise;
pub mod product;
pub mod resample;
pub mod winograd;

use std::cell::RefCell;

use pulp::{Simd, WithSimd};

/// Runs `work` compiled for the widest vectors of this machine: plain loops in it become vector code.
///
/// `work` should be marked `#[inline(always)]`. It is `FnMut` because a closure called as `FnOnce` goes through a shim
/// that is not always inlined, and then is compiled for the oldest machine.
pub fn vectorised<R>(work: impl FnMut() -> R) -> R {
    struct Work<F>(F);
    impl<R, F: FnMut() -> R> WithSimd for Work<F> {
        type Output = R;

        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _simd: S) -> R {
            (self.0)()
        }
    }
    pulp::Arch::new().dispatch(Work(work))
}

thread_local! {
    /// Buffers that no call on this thread has at the moment.
    static SCRATCH: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Lends `work` a buffer of `len` values with unspecified content, kept for the thread's later calls.
///
/// Nested calls on one thread each get their own buffer.
fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut buffer = SCRATCH.with_borrow_mut(|free| {
        let fitting = free.iter().enumerate().filter(|(_, buffer)| buffer.len() >= len);
        let best = fitting.min_by_key(|(_, buffer)| buffer.len()).map(|(i, _)| i);
        best.map(|i| free.swap_remove(i)).or_else(|| free.pop()).unwrap_or_default()
    });
    if buffer.len() < len {
        // Nothing of the old content is needed, so it is not copied.
        buffer = vec![0.0; len];
    }
    let result = work(&mut buffer[..len]);
    SCRATCH.with_borrow_mut(|free| free.push(buffer));
    result
}
