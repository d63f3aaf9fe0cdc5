//! Carrying out a training: progress on standard error, the run folder on standard output.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use super::{Start, TrainPlan};
use crate::cli::compute::compute;
use crate::cli::progress::{Progress, grouped};
use crate::cli::say;
use crate::config::{Digits, Settings};
use crate::data::reading::Part;
use crate::data::{self, Splits, network};
use crate::device::describe;
use crate::eval::QuickEval;
use crate::train::throughput::Throughput;
use crate::train::{Control, Estimate, Outcome, Run, RunEvent};
use crate::{Error, Result};

/// Images that are read in less are read without a word.
const WORTH_TELLING: Duration = Duration::from_millis(500);
/// Time until a disk that did not take the run's files is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Trains, and says where the run is.
///
/// Ctrl-C ends the run after the step in progress and keeps a checkpoint.
///
/// # Errors
/// When the data cannot be read, the run folder not written, or training diverges.
pub fn run(plan: &TrainPlan) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let (wake, woken) = bounded(1);
    ctrlc::set_handler(move || {
        asked.store(true, Ordering::Relaxed);
        let _ = wake.try_send(());
    })
    .map_err(|error| Error::Panicked(format!("Ctrl-C cannot be watched: {error}")))?;
    let mut progress = Progress::new();
    let outcome = compute(plan.device, plan.threads, &mut progress, |device, progress| {
        let mut run = match &plan.start {
            Start::New(settings) => Run::create(settings, &images(settings, progress, &stop)?, &plan.out, device)?,
            Start::Resume(flags) => {
                network::name(&plan.out);
                let load = |settings: &Settings| images(settings, progress, &stop);
                let (run, notice) = Run::resume(&plan.out, |recorded| flags.resumed(recorded), load, device)?;
                if let Some(notice) = notice {
                    progress.note(&notice);
                }
                run
            }
        };
        if let Some(name) = &plan.name {
            run.set_name(name)?;
        }
        progress.note(&format!(
            "{plan}: {} weights, {} images, {}",
            grouped(run.trainer.parameters() as u64),
            grouped(run.trainer.image_count() as u64),
            describe(device),
        ));
        if let Some(estimate) = Estimate::of(&mut run.trainer)? {
            progress.note(&estimate.to_string());
        }
        if run.trainer.progress() >= 1.0 {
            progress.note("the budget of this run is spent: nothing is left to do; give a longer one to go on");
        }
        let learned = run.trainer.settings().data.digits;
        let (mut throughput, mut speed) = (Throughput::default(), None);
        run.train(&mut |event, _| {
            match event {
                RunEvent::Step(report) => {
                    speed = throughput.add(report.seconds, report.images).or(speed);
                    progress.step(&report, speed);
                }
                RunEvent::HeldOut { step, loss } => tracing::info!("held-out loss {loss:.5} at step {step}"),
                RunEvent::Evaluated { step, eval } => progress.note(&eval_line(step, &eval, learned)),
                RunEvent::Preview(_)
                | RunEvent::Worked(_)
                | RunEvent::Filmed(_)
                | RunEvent::LossByTimestep { .. }
                | RunEvent::Busy => {}
                RunEvent::Stalled { what, hint } => {
                    let seconds = RETRY_AFTER.as_secs();
                    progress.note(&format!("training waits: {what} ({hint}); it tries again in {seconds} s"));
                    let _ = woken.recv_timeout(RETRY_AFTER);
                }
                RunEvent::RolledBack { what, .. } => progress.note(&what),
                RunEvent::Checkpointed { step, path } => tracing::info!("step {step} kept in {}", path.display()),
            }
            Ok(if stop.load(Ordering::Relaxed) { Control::Stop } else { Control::Continue })
        })
    });
    progress.finish();
    if outcome? == Outcome::Stopped {
        say(&format!("stopped; go on with: diffuscope train --resume --out {}", plan.out.display()))
    } else {
        say(&plan.out.display().to_string())
    }
}

/// What the run learns from; how far it is read is told where that takes long.
fn images(settings: &Settings, progress: &mut Progress, stop: &AtomicBool) -> Result<Splits> {
    progress.begin();
    let begun = Instant::now();
    data::load_with(&settings.data.source, &mut |reading| {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        if begun.elapsed() >= WORTH_TELLING {
            let doing = match reading.part {
                Part::Sizes => "measuring the images",
                Part::Pictures | Part::Bytes => "reading the images",
            };
            progress.advance(doing, reading.done, reading.total);
        }
        Ok(())
    })
}

fn eval_line(step: u64, eval: &QuickEval, learned: Digits) -> String {
    let missing = learned.iter().filter(|digit| eval.classes[usize::from(*digit)] == 0);
    let missing: Vec<String> = missing.map(|digit| digit.to_string()).collect();
    let missing = if missing.is_empty() { String::new() } else { format!(" · no {}", missing.join(", ")) };
    let share = 100.0 * eval.recognisable;
    format!("step {}: {share:.0} % recognisable · Fréchet distance {:.1}{missing}", grouped(step), eval.distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_evaluation_is_told_in_one_line() {
        let classes = [20, 30, 0, 20, 20, 20, 0, 30, 30, 30];
        let eval = QuickEval { count: 200, classes, recognisable: 0.784, distance: 31.26 };
        let line = |learned| eval_line(1240, &eval, learned);
        assert_eq!(line(Digits::ALL), "step 1,240: 78 % recognisable · Fréchet distance 31.3 · no 2, 6");
        let even = Digits::of(&[0, 2, 4]).unwrap();
        assert!(line(even).ends_with(" · no 2"), "of those alone that it learned: {}", line(even));
    }
}
