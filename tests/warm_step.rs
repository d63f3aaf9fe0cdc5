//! A training step that is not the first ones gets no memory from the system: what the one before it freed is enough.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use diffuscope::bench::Work;
use diffuscope::memory::keep_freed_pages;

/// Alone in its process, whose page faults are counted.
#[test]
fn a_warm_step_takes_no_pages_from_the_system() {
    keep_freed_pages();
    let profile = Work::SmallTrain.profile(20).unwrap();
    // Its results are 130 MB: thousands of pages, or 65 where the system gives 2 MiB at once.
    let faults = profile.page_faults.unwrap();
    assert!(faults < 20.0, "{faults} page faults a step");
}
