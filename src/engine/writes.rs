//! Files that are being written beside the worker: the engine has not ended before they are.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// How many there are.
#[derive(Clone, Default)]
pub(super) struct Writes(Arc<(Mutex<usize>, Condvar)>);

/// One of them, until it is dropped.
pub(super) struct Writing(Writes);

impl Writes {
    pub(super) fn begin(&self) -> Writing {
        let (count, _) = &*self.0;
        *count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Writing(self.clone())
    }

    /// Until there are none.
    pub(super) fn wait(&self) {
        let (count, fewer) = &*self.0;
        let count = count.lock().unwrap_or_else(PoisonError::into_inner);
        drop(fewer.wait_while(count, |count| *count > 0));
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let (count, fewer) = &*self.0.0;
        *count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        fewer.notify_all();
    }
}
