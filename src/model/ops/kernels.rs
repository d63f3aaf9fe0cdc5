//! CPU kernels on plain slices, f32, channels last (`[B, H, W, C]`, row-major).
//!
//! Every kernel splits its work by shape alone and reduces in a fixed order, so the same input gives the same
//! bytes on any number of threads. The tensor operations in [`super`] are built from these.

pub mod attention;
pub mod conv;
pub mod gemm;
pub mod math;
pub mod norm;

use std::cell::RefCell;

thread_local! {
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Lends `work` a buffer of at least `len` values with unspecified content, kept for the thread's next call.
///
/// Nested calls on one thread each get their own buffer.
fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut buffer = SCRATCH.with(RefCell::take);
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    let result = work(&mut buffer[..len]);
    SCRATCH.with(|kept| kept.replace(buffer));
    result
}
