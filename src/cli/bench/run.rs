//! Carrying out the timings: each result on standard output as soon as it is there.

use super::BenchPlan;
use crate::bench::{Timing, peak_gflops};
use crate::cli::compute::compute;
use crate::cli::progress::Progress;
use crate::cli::say;
use crate::device::DeviceChoice;
use crate::{Error, Result};

/// Times each work in turn.
///
/// # Errors
/// When the machine has no room, or standard output cannot be written.
pub fn run(plan: &BenchPlan) -> Result<()> {
    compute(DeviceChoice::Cpu, plan.threads, &mut Progress::new(), |_, _| {
        let peak = peak_gflops();
        for work in &plan.works {
            let timing = work.time(plan.repeats.get(), peak)?;
            say(&if plan.json { json(&timing)? } else { line(&timing) })?;
        }
        Ok(())
    })
}

fn json(timing: &Timing) -> Result<String> {
    serde_json::to_string(timing).map_err(|error| Error::Panicked(error.to_string()))
}

fn line(timing: &Timing) -> String {
    let Timing { work, ms, min_ms, images_per_s, threads, gflops, peak_gflops, peak_share } = timing;
    let share = 100.0 * peak_share;
    format!(
        "{work:<17} {ms:>9.2} ms (least {min_ms:.2}) {images_per_s:>8.1} images/s {gflops:>7.1} GFLOP/s, \
         {share:.0} % of the {peak_gflops:.0} that products reach on {threads} threads"
    )
}
