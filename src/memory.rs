//! The allocator, and how long it keeps what is freed.

#![allow(unsafe_code)]

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_get, mi_option_set, mi_option_t};
use mimalloc::MiMalloc;

/// Training allocates and frees the same sizes at every step, from several threads: mimalloc is built for that.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` of mimalloc's `mi_option_e`, which the bindings leave out.
const PURGE_DELAY: mi_option_t = 15;
/// What that option is from the start, which tells that the number above still means it.
const PRESET_MILLISECONDS: c_long = 1_000;
/// How long freed memory is kept before the system gets it back. A step of `DiffUNet` frees and takes 2 GB, and the
/// system clears each page that it gives: a fifth of the step where the pages were returned a second later.
const MILLISECONDS: c_long = 60_000;

/// Keeps freed memory for a minute instead of a second. To be called once, when the program starts.
pub fn keep_freed_pages() {
    // SAFETY: both functions only read and write an option of the allocator, which is the one above.
    unsafe {
        if mi_option_get(PURGE_DELAY) == PRESET_MILLISECONDS {
            mi_option_set(PURGE_DELAY, MILLISECONDS);
        }
    }
}

/// Pages that the system had to give to this process so far; none where the system does not tell.
///
/// Linux: field 10, `minflt`, of `/proc/self/stat` (proc(5)); the name in field 2 may hold spaces.
pub fn page_faults() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(7)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_one_meant() {
        // SAFETY: as above.
        let kept = || unsafe { mi_option_get(PURGE_DELAY) };
        assert!(
            std::env::var_os("MIMALLOC_PURGE_DELAY").is_some()
                || kept() == PRESET_MILLISECONDS
                || kept() == MILLISECONDS
        );
        keep_freed_pages();
        assert!(std::env::var_os("MIMALLOC_PURGE_DELAY").is_some() || kept() == MILLISECONDS);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn pages_that_are_touched_are_counted() {
        let before = page_faults().unwrap();
        let pages = vec![1u8; 64 * 1024 * 1024];
        std::hint::black_box(&pages);
        // 64 MiB are 32 pages even where the system gives 2 MiB at once.
        assert!(page_faults().unwrap() >= before + 16);
    }
}
