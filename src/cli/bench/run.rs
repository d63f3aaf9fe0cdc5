//! Carrying out the timings: each result on standard output as soon as it is there.

use std::fmt::Write;

use serde::Serialize;

use super::{BenchPlan, Question};
use crate::bench::{BesideWindow, Growth, Profile, Row, Timing, beside_window, grow, peak_gflops};
use crate::cli::compute::compute;
use crate::cli::progress::Progress;
use crate::cli::say;
use crate::device::DeviceChoice;
use crate::{Error, Result};

/// Answers the question for each work in turn.
///
/// # Errors
/// When the machine has no room, or standard output cannot be written.
pub fn run(plan: &BenchPlan) -> Result<()> {
    let repeats = plan.repeats.get();
    compute(DeviceChoice::Cpu, plan.threads, &mut Progress::new(), |_, _| match plan.question {
        Question::Time => {
            let peak = peak_gflops();
            plan.works.iter().try_for_each(|work| tell(plan, &work.time(repeats, peak)?, line))
        }
        Question::Profile => plan.works.iter().try_for_each(|work| tell(plan, &work.profile(repeats)?, table)),
        Question::Window => tell(plan, &beside_window(repeats)?, window),
        Question::Growth => grow(repeats, &mut |growth| tell(plan, growth, point)),
    })
}

fn tell<T: Serialize>(plan: &BenchPlan, result: &T, in_words: impl FnOnce(&T) -> String) -> Result<()> {
    let json = || serde_json::to_string(result).map_err(|error| Error::Panicked(error.to_string()));
    say(&if plan.json { json()? } else { in_words(result) })
}

fn line(timing: &Timing) -> String {
    let Timing { work, ms, min_ms, images_per_s, threads, gflops, peak_gflops, peak_share } = timing;
    let share = 100.0 * peak_share;
    format!(
        "{work:<17} {ms:>9.2} ms (least {min_ms:.2}) {images_per_s:>8.1} images/s {gflops:>7.1} GFLOP/s, \
         {share:.0} % of the {peak_gflops:.0} that products reach on {threads} threads"
    )
}

fn table(profile: &Profile) -> String {
    let Profile { work, threads, ms, rows, rest_ms, outside_share, page_faults } = profile;
    let mut text = format!("{work}: {ms:.2} ms on {threads} threads\n");
    let mut add = |part: &str, calls: &str, forward: f64, backward: f64, share: f64| {
        let share = 100.0 * share;
        let _ = writeln!(text, "  {part:<28} {calls:>5} × {forward:>9.2} ms {backward:>9.2} ms back {share:>5.1} %");
    };
    for Row { part, calls, forward_ms, backward_ms, share } in rows {
        add(part, &format!("{calls:.0}"), *forward_ms, *backward_ms, *share);
    }
    add("the rest", "", *rest_ms, 0.0, rest_ms / ms);
    let _ = write!(text, "  outside the kernels: {:.1} %", 100.0 * outside_share);
    if let Some(faults) = page_faults {
        let _ = write!(text, "; {faults:.0} page faults");
    }
    text
}

fn point(growth: &Growth) -> String {
    let Growth { what, against, at, value, unit } = growth;
    format!("{what:<14} {against:>8} {at:>8}: {value:>12.2} {unit}")
}

fn window(told: &BesideWindow) -> String {
    let BesideWindow { threads, losses, alone_ms, beside_ms, frames_per_s, frame_ms, frame_p99_ms, .. } = told;
    let [share, lower, upper] = [told.share, told.lower_share, told.upper_share].map(|share| 100.0 * share);
    format!(
        "a training step on {threads} threads: {alone_ms:.2} ms alone, {beside_ms:.2} ms beside the window, \
         {share:+.1} % (half of the pairs {lower:+.1} to {upper:+.1} %)\n\
         the window, {losses} losses: {frames_per_s:.1} frames/s, {frame_ms:.2} ms a frame, p99 {frame_p99_ms:.2} ms"
    )
}
