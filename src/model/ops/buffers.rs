//! Buffers for gradients, taken and given back many times a step: the system's memory is cleared page by page when it is
//! first touched, which costs more than the kernels' own writing.

use std::cell::RefCell;
use std::collections::HashMap;

use candle_core::Result;

use super::operation::unspecified;

/// Values that a thread keeps at most for later: 256 MiB.
const KEPT: usize = 64 * 1024 * 1024;

#[derive(Default)]
struct Free {
    by_len: HashMap<usize, Vec<Vec<f32>>>,
    values: usize,
}

thread_local! {
    static FREE: RefCell<Free> = RefCell::default();
}

/// A buffer of that many unspecified values.
///
/// # Errors
/// When there is no memory.
pub fn take(len: usize) -> Result<Vec<f32>> {
    let found = FREE.with_borrow_mut(|free| {
        let buffer = free.by_len.get_mut(&len).and_then(Vec::pop);
        free.values -= buffer.as_ref().map_or(0, Vec::len);
        buffer
    });
    found.map_or_else(|| unspecified(len), Ok)
}

/// Keeps a buffer for a later [`take`] of the same length.
pub fn give(buffer: Vec<f32>) {
    FREE.with_borrow_mut(|free| {
        if free.values + buffer.len() <= KEPT {
            free.values += buffer.len();
            free.by_len.entry(buffer.len()).or_default().push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_taken_again() {
        let buffer = take(1_000).unwrap();
        let place = buffer.as_ptr();
        give(buffer);
        assert_eq!(take(999).unwrap().len(), 999);
        let again = take(1_000).unwrap();
        assert_eq!(again.as_ptr(), place);
    }
}
