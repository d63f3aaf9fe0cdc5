//! The run folder cannot be reached just when training has to go back: that is waited for, and no step that is kept is lost.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Device;

use super::tests::{metrics, poison, settings, splits};
use super::*;
use crate::device::faults;
use crate::train::Trainer;
use crate::train::checkpoint::Checkpoint;
use crate::train::film::tests::film;
use crate::train::films;

/// A run of twelve steps that is kept at each third, and films of two steps in it. After the eighth its folder is moved
/// away and `harm` is done; while it waits it gets the folder back, or is stopped. Gives how it ended, where the folder
/// is, what steps it went back to, and how often it waited.
fn lose_folder(beside: &Path, stops: bool, harm: impl Fn(&Trainer)) -> (Result<Outcome>, PathBuf, Vec<u64>, usize) {
    let (path, away) = (beside.join("run"), beside.join("away"));
    let mut run = Run::create(&settings(12), &splits(), &path, &Device::Cpu).unwrap();
    let (mut lost, mut went_back, mut waited) = (false, Vec::new(), 0);
    let outcome = run.train(&mut |event, trainer| {
        match event {
            RunEvent::Step(report) if report.step == 8 && !lost => {
                lost = true;
                [5, 7].iter().for_each(|&step| films::add(&path, &film(step), u64::MAX).unwrap());
                fs::rename(&path, &away).unwrap();
                harm(trainer);
            }
            RunEvent::Stalled { .. } => {
                waited += 1;
                if stops {
                    return Ok(Control::Stop);
                }
                fs::rename(&away, &path).unwrap();
            }
            RunEvent::RolledBack { step, .. } => went_back.push(step),
            _ => {}
        }
        Ok(Control::Continue)
    });
    (outcome, if stops { away } else { path }, went_back, waited)
}

fn filmed(run: &Path) -> Vec<u64> {
    films::list(run).unwrap().into_iter().map(|film| film.step).collect()
}

#[test]
fn a_divergence_while_the_folder_is_away_waits_for_it_and_goes_back_to_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (outcome, path, went_back, waited) = lose_folder(folder.path(), false, |trainer| poison(trainer, f32::NAN));
    assert_eq!(outcome.unwrap(), Outcome::Completed);
    assert_eq!((went_back, waited), (vec![6], 1));
    assert_eq!((metrics(&path), filmed(&path)), (((1..=12).collect(), 1), vec![5]));
}

#[test]
fn a_gpu_that_is_lost_while_the_folder_is_away_waits_for_it_and_goes_back_to_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (outcome, path, went_back, waited) = lose_folder(folder.path(), false, |_| faults::use_gpu(&[1]));
    assert_eq!(outcome.unwrap(), Outcome::Completed);
    assert_eq!((went_back, waited), (vec![6], 1));
    assert_eq!((metrics(&path), filmed(&path)), (((1..=12).collect(), 0), vec![5]));
}

#[test]
fn who_stops_waiting_for_it_finds_the_run_as_it_was_kept() {
    type Harm = fn(&Trainer);
    for harm in [|trainer| poison(trainer, f32::NAN), |_| faults::use_gpu(&[1])] as [Harm; 2] {
        let folder = tempfile::tempdir().unwrap();
        let (outcome, path, went_back, waited) = lose_folder(folder.path(), true, harm);
        assert!(matches!(outcome, Err(Error::Read { .. } | Error::Write { .. })), "{outcome:?}");
        assert_eq!((went_back, waited), (vec![], 1));
        assert!(!folder.path().join("run").exists());
        assert_eq!(Checkpoint::read(&path.join("checkpoint.safetensors")).unwrap().step, 6);
        assert!(metrics(&path).0.starts_with(&[1, 2, 3, 4, 5, 6]), "{:?}", metrics(&path));
        assert_eq!(filmed(&path), [5, 7]);
    }
}
