//! A GPU that is lost in a chosen step: training goes on from the newest checkpoint on the CPU, to the same bits.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Device;

use super::tests::{Seen, metrics, settings, splits};
use super::*;
use crate::config::Settings;
use crate::device::faults;
use crate::train::folder::read_run_file;

fn create(steps: u64, path: &Path) -> Run {
    Run::create(&settings(steps), &splits(), path, &Device::Cpu).unwrap()
}

/// The tensors of the newest checkpoint.
fn state(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = std::fs::read(run.join("checkpoint.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect()
}

/// A run of three steps, its checkpoint, and then three to nine more, nothing going wrong.
fn resumed_at_three(folder: &Path, steps: u64) -> BTreeMap<String, Vec<u8>> {
    let path = folder.join("resumed");
    create(3, &path).train(&mut |_, _| Ok(Control::Continue)).unwrap();
    let longer = |_: &Settings| Ok(settings(steps));
    let (mut run, _) = Run::resume(&path, longer, |_| Ok(splits()), &Device::Cpu).unwrap();
    run.train(&mut |_, _| Ok(Control::Continue)).unwrap();
    state(&path)
}

#[test]
fn training_goes_on_from_the_newest_checkpoint_on_the_cpu_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let whole = resumed_at_three(folder.path(), 10);
    let mut run = create(10, &path);
    let rate = run.trainer.settings().training.learning_rate;
    faults::use_gpu(&[6]);
    let mut seen = Seen::default();
    assert_eq!(seen.train(&mut run, |_, _| ()).unwrap(), Outcome::Completed);
    assert!(!faults::is_gpu());
    assert_eq!(seen.numbers(), [1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 10]);
    assert!(seen.steps.iter().all(|(_, lr)| *lr == rate), "the learning rate is not to blame");
    let [(3, what)] = &seen.rollbacks[..] else { panic!("{:?}", seen.rollbacks) };
    assert!(
        what.starts_with("the GPU was lost (tensor operation failed: the device is gone, says a test); "),
        "{what}"
    );
    assert!(what.contains("it goes on from step 3 on the CPU") && !what.contains('\n'), "{what}");
    assert!(std::fs::read_to_string(path.join("log.txt")).unwrap().contains(what));
    assert_eq!(metrics(&path), ((1..=10).collect(), 0), "each step stands there once");
    assert!(read_run_file(&path).unwrap().rollbacks.is_empty(), "its tries after a divergence are left");
    assert!(state(&path) == whole);
    assert!(run.trainer.device().is_cpu());
    assert!(run.trainer.held_out_loss(&mut || Ok(())).unwrap().unwrap().is_finite());
}

#[test]
fn before_the_first_checkpoint_it_begins_again_on_the_cpu() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let whole = resumed_at_three(folder.path(), 6);
    let mut run = create(6, &path);
    faults::use_gpu(&[2]);
    let mut seen = Seen::default();
    assert_eq!(seen.train(&mut run, |_, _| ()).unwrap(), Outcome::Completed);
    assert_eq!((seen.numbers(), seen.rollbacks[0].0), (vec![1, 1, 2, 3, 4, 5, 6], 0));
    assert!(state(&path) == whole);
}

#[test]
fn the_same_failure_on_the_cpu_ends_the_run_which_keeps_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut run = create(12, &path);
    // The fifth step, which is done again as the sixth, and then the third of those on the CPU.
    faults::use_gpu(&[5, 8]);
    let mut seen = Seen::default();
    let error = seen.train(&mut run, |_, _| ()).unwrap_err();
    assert!(matches!(error, Error::Tensor(_)), "{error}");
    assert_eq!((seen.numbers(), seen.rollbacks.len()), (vec![1, 2, 3, 4, 4, 5], 1));
    assert_eq!(super::super::checkpoint::step_of(&path.join("checkpoint.safetensors")), Some(3));
    assert!(std::fs::read_to_string(path.join("log.txt")).unwrap().contains("failed after step 5"));
}

#[test]
fn who_stops_a_run_whose_device_is_lost_is_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut run = create(100, &path);
    faults::use_gpu(&[5]);
    let outcome = run.train(&mut |event, _| {
        Ok(if matches!(event, RunEvent::RolledBack { .. }) { Control::Stop } else { Control::Continue })
    });
    assert_eq!(outcome.unwrap(), Outcome::Stopped);
    assert_eq!(run.trainer.step_count(), 3);
}

#[test]
fn a_gpu_that_is_lost_before_the_first_step_leaves_no_estimate_and_the_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = create(60, &folder.path().join("run"));
    assert!(crate::train::Estimate::of(&mut run.trainer).unwrap().is_some());
    let lost = crate::device::faults::failure();
    assert!(!is_lost(run.trainer.device(), &lost), "the CPU is never lost");
    faults::use_gpu(&[2]);
    assert!(is_lost(run.trainer.device(), &lost));
    assert!(
        !is_lost(run.trainer.device(), &Error::Cancelled)
            && !is_lost(run.trainer.device(), &Error::Diverged { step: 1, quantity: "the loss" })
    );
    assert_eq!(crate::train::Estimate::of(&mut run.trainer).unwrap(), None);
    assert_eq!(Seen::default().train(&mut run, |_, _| ()).unwrap(), Outcome::Completed);
}
