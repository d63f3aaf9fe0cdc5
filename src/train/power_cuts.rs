//! A run on a disk that goes wrong at one call, for every call: it can always be gone on with, from the newest
//! checkpoint or the one before it, and ends in the same bits.

use std::path::Path;

use candle_core::Device;

use super::checkpoint::Checkpoint;
use super::folder::read_run_file;
use super::{Control, Outcome, Run, RunEvent};
use crate::config::{Architecture, Budget, CompactConfig, OptimizerKind, Preset, Settings, Subset};
use crate::data::{Dataset, Splits, mnist};
use crate::files::faults::{FAULTS, Fault, LOSSES, Loss, with_fault};
use crate::{Error, Result};

const STEPS: u64 = 3;
const NOTHING: Loss = Loss { contents: false, names: false };

fn settings() -> Settings {
    let mut settings = Preset::Nano.settings();
    settings.network.architecture = Architecture::Compact(CompactConfig { channels: 16 });
    settings.data.subset = Subset::First(4);
    settings.data.held_out = 0;
    let training = &mut settings.training;
    (training.batch_size, training.budget, training.checkpoint_every) = (2, Budget::Steps(STEPS), 1);
    (training.preview_seconds, training.eval_seconds, training.film_megabytes) = (0.0, 0.0, 0);
    training.optimizer = OptimizerKind::AdamW;
    settings
}

/// A handful of digits, so that a run begins in a moment.
fn splits() -> Splits {
    let all = mnist::load().unwrap();
    let few = |data: &Dataset| data.subset(Subset::First(8), 0).unwrap();
    Splits { train: few(&all.train), test: few(&all.test) }
}

/// Trains to the end, however often the disk refuses, unless the power is gone; `kept` is the step of the last
/// checkpoint that was said to be written.
fn train(run: &mut Run, kept: &mut u64) -> Result<Outcome> {
    let mut refused = 0;
    run.train(&mut |event, _| {
        match event {
            RunEvent::Checkpointed { step, .. } => *kept = step,
            RunEvent::Stalled { .. } => refused += 1,
            _ => {}
        }
        Ok(if refused > 1 { Control::Stop } else { Control::Continue })
    })
}

fn begin(path: &Path, splits: &Splits, kept: &mut u64) -> Result<Outcome> {
    train(&mut Run::create(&settings(), splits, path, &Device::Cpu)?, kept)
}

/// What must be the same in the end: the state, and the metrics without the time.
fn result(path: &Path) -> (String, Vec<u8>, Vec<String>) {
    let bytes = std::fs::read(path.join("checkpoint.safetensors")).unwrap();
    let (header, _) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let step = Checkpoint::read(&path.join("checkpoint.safetensors")).unwrap().step;
    let metrics = std::fs::read_to_string(path.join("metrics.jsonl")).unwrap();
    let line = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        value.as_object_mut().unwrap().remove("seconds");
        value.to_string()
    };
    (step.to_string(), bytes[8 + header..].to_vec(), metrics.lines().map(line).collect())
}

#[test]
fn a_run_is_found_again_whatever_call_goes_wrong() {
    let splits = splits();
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let (outcome, calls) = with_fault(None, NOTHING, folder.path(), || begin(&whole, &splits, &mut 0));
    assert_eq!(outcome.unwrap(), Outcome::Completed);
    let expected = result(&whole);
    let (mut tried, mut newest, mut before, mut afresh) = (0, 0, 0, 0);
    for fault in FAULTS {
        // A failure leaves the power on, so that nothing is lost with it.
        let losses = if fault == Fault::Fail { &LOSSES[..1] } else { &LOSSES[..] };
        for (k, loss) in (0..calls).flat_map(|k| losses.iter().map(move |loss| (k, *loss))) {
            let path = folder.path().join("run");
            let what = format!("{fault:?} at call {k} of {calls}, {loss:?}");
            let mut kept = 0;
            let (outcome, _) = with_fault(Some((k, fault)), loss, folder.path(), || begin(&path, &splits, &mut kept));
            let created = read_run_file(&path).is_ok();
            match (&outcome, fault) {
                (Err(Error::Write { .. }), _) => {}
                (Ok(Outcome::Completed), Fault::Drop | Fault::Fail | Fault::Tear) => {}
                other => panic!("{what}: {other:?}"),
            }
            tried += 1;
            // What is on disk now is all that the next start has.
            if created {
                let resumed = Run::resume(&path, |recorded| Ok(recorded.clone()), |_| Ok(splits.clone()), &Device::Cpu);
                let (mut run, _) = resumed.unwrap_or_else(|error| panic!("{what}: {error}"));
                let step = run.trainer.step_count();
                if step >= kept {
                    newest += 1;
                } else {
                    // A disk that says that it wrote and did not.
                    assert!(fault == Fault::Drop && step + 1 == kept, "{what}: step {step}, and {kept} was kept");
                    before += 1;
                }
                assert_eq!(train(&mut run, &mut kept).unwrap(), Outcome::Completed, "{what}");
            } else {
                assert_eq!(kept, 0, "{what}: run.json is lost");
                begin(&path, &splits, &mut kept).unwrap_or_else(|error| panic!("{what}: {error}"));
                afresh += 1;
            }
            let (step, state, metrics) = result(&path);
            assert!((&step, &state) == (&expected.0, &expected.1), "{what}: another result");
            // Lines that a disk lost without a word are not noticed, and cost a point of a curve.
            let all_there = metrics == expected.2;
            assert!(
                all_there || fault == Fault::Drop && metrics.iter().all(|line| expected.2.contains(line)),
                "{what}"
            );
            std::fs::remove_dir_all(&path).unwrap();
        }
    }
    println!("{calls} calls, {tried} faults: {newest} found the newest, {before} the one before, {afresh} began anew");
    assert!(calls > 30 && before > 0 && afresh > 0 && newest > 9 * before);
}
