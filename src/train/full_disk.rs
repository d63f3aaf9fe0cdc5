//! A run on a disk that is full after so many bytes: it waits, nothing that is there is harmed, and with room again it goes
//! on to the same bits.

use std::io::ErrorKind;
use std::path::Path;

use candle_core::Device;

use super::checkpoint::Checkpoint;
use super::folder::{GRIDS, checkpoint_paths, grids_in, read_run_file};
use super::gallery::newest_grid;
use super::power_cuts::{STEPS, result, resume, settings, splits};
use super::{Control, Outcome, Run, RunEvent};
use crate::config::Settings;
use crate::data::Splits;
use crate::files::faults::{make_room, room, with_room};
use crate::{Error, Result};

/// The same run, which draws a grid after each step.
fn drawing() -> Settings {
    let mut settings = settings();
    settings.training.preview_seconds = 1e-9;
    settings
}

/// Trains; at the first refusal there is room, or at the second the run is stopped. `seen` gets every event.
fn train(path: &Path, splits: &Splits, frees: bool, seen: &mut dyn FnMut(&RunEvent)) -> Result<Outcome> {
    let mut waits = 0;
    Run::create(&drawing(), splits, path, &Device::Cpu)?.train(&mut |event, _| {
        seen(&event);
        if let RunEvent::Stalled { what, .. } = event {
            waits += 1;
            assert!(what.contains("cannot write"), "{what}");
            if frees {
                make_room();
            }
        }
        Ok(if waits > 1 { Control::Stop } else { Control::Continue })
    })
}

/// Every file that is there is whole, but for a last line that is half written.
fn assert_whole(path: &Path, what: &str) {
    for checkpoint in checkpoint_paths(path).iter().filter(|path| path.exists()) {
        Checkpoint::read(checkpoint).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    for (step, grid) in grids_in(&path.join(GRIDS)).unwrap() {
        image::open(&grid).unwrap_or_else(|error| panic!("{what}: the grid of step {step}: {error}"));
    }
    let metrics = std::fs::read_to_string(path.join("metrics.jsonl")).unwrap_or_default();
    for line in metrics.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{what}: {line}: {error}"));
    }
}

#[test]
fn a_full_disk_pauses_a_run_and_harms_nothing_wherever_it_fills() {
    let splits = splits();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut places = vec![0];
    let outcome = with_room(usize::MAX, || train(&path, &splits, false, &mut |_| places.push(usize::MAX - room())));
    assert_eq!(outcome.unwrap(), Outcome::Completed);
    assert!(newest_grid(&path, settings().data.image_size).is_some(), "no grid was drawn");
    let expected = result(&path);
    std::fs::remove_dir_all(&path).unwrap();
    places.dedup();
    let mut tried = (0, 0, 0);
    // At the beginning, in the middle and at the end of what was written between two events.
    for bytes in places.windows(2).flat_map(|pair| [pair[0] + 1, (pair[0] + pair[1]) / 2, pair[1] - 1]) {
        for frees in [true, false] {
            let what = format!("full after {bytes} of {} bytes, room: {frees}", places.last().unwrap());
            let mut kept = 0;
            let outcome = with_room(bytes, || {
                train(&path, &splits, frees, &mut |event| {
                    if let RunEvent::Checkpointed { step, .. } = event {
                        kept = *step;
                    }
                })
            });
            match &outcome {
                // At the very end it is the log that lacks a line.
                Ok(Outcome::Completed) if frees || kept == STEPS => tried.0 += 1,
                Err(Error::Write { source, .. }) if source.kind() == ErrorKind::StorageFull => tried.1 += 1,
                other => panic!("{what}: {other:?}"),
            }
            assert_whole(&path, &what);
            if read_run_file(&path).is_ok() {
                let (mut run, _) = resume(&path, &splits).unwrap_or_else(|error| panic!("{what}: {error}"));
                assert!(run.trainer.step_count() >= kept, "{what}");
                assert_eq!(run.train(&mut |_, _| Ok(Control::Continue)).unwrap(), Outcome::Completed);
                assert!(result(&path) == expected, "{what}: another result");
            } else {
                assert_eq!(kept, 0, "{what}");
                tried.2 += 1;
            }
            std::fs::remove_dir_all(&path).unwrap();
        }
    }
    println!(
        "{} places: {} went on, {} ended, {} of them before run.json",
        tried.0 + tried.1,
        tried.0,
        tried.1,
        tried.2
    );
    assert!(tried.0 > 3 * STEPS && tried.1 > 3 * STEPS);
}
