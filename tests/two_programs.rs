//! Journey: two programs are asked to train one run. The second is refused, and the run is as the first writes it.

#![allow(clippy::unwrap_used)]

#[path = "support/tiny_run.rs"]
mod tiny_run;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use candle_core::Device;
use diffuscope::Result;
use diffuscope::config::{Budget, Settings};
use diffuscope::data::mnist;
use diffuscope::train::folder::newest_checkpoint;
use diffuscope::train::history::History;
use diffuscope::train::{Control, Run};

fn create(path: &Path, steps: u64) -> Run {
    Run::create(&tiny_run::settings(steps, 2, 0.0), &mnist::load().unwrap(), path, &Device::Cpu).unwrap()
}

/// Every file of a run with its content and when it was written.
fn content(run: &Path) -> Vec<(PathBuf, Vec<u8>, SystemTime)> {
    let mut files = Vec::new();
    let mut folders = vec![run.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let written = fs::metadata(&path).unwrap().modified().unwrap();
                files.push((path.clone(), fs::read(&path).unwrap(), written));
            }
        }
    }
    files.sort();
    files
}

fn longer(kept: &Settings) -> Result<Settings> {
    let mut settings = kept.clone();
    settings.training.budget = Budget::Steps(200_000);
    Ok(settings)
}

#[test]
fn who_is_refused_a_run_that_is_trained_changes_no_byte_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    create(&path, 4).train(&mut |_, _| Ok(Control::Continue)).unwrap();
    let training = Run::resume(&path, |kept| Ok(kept.clone()), |_| mnist::load(), &Device::Cpu).unwrap();
    // As a damaged newest checkpoint would be put away.
    fs::write(path.join("checkpoint.safetensors"), "torn").unwrap();
    let before = content(&path);
    let refused = Run::resume(&path, longer, |_| mnist::load(), &Device::Cpu).map(drop).unwrap_err();
    assert!(refused.to_string().contains("trained by another program"), "{refused}");
    assert!(content(&path) == before);
    drop(training);
}

/// A second program is asked to go on with a run that the first trains, and ends while the second reads the images: what
/// it kept meanwhile is not taken back to the checkpoint that the second read before.
#[test]
fn what_is_trained_while_another_program_is_asked_to_go_on_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    create(&path, 4).train(&mut |_, _| Ok(Control::Continue)).unwrap();
    let twelve = |kept: &Settings| Ok(Settings { training: tiny_run::settings(12, 2, 0.0).training, ..kept.clone() });
    let mut first = Some(Run::resume(&path, twelve, |_| mnist::load(), &Device::Cpu).unwrap().0);
    let end = |first: &mut Option<Run>| first.take().map(|mut run| run.train(&mut |_, _| Ok(Control::Continue)));
    let images = |_: &Settings| {
        end(&mut first).transpose()?;
        mnist::load()
    };
    let second = Run::resume(&path, |kept| Ok(kept.clone()), images, &Device::Cpu).map(drop);
    assert!(second.is_err(), "it goes on from step 4");
    end(&mut first).transpose().unwrap();
    assert_eq!(newest_checkpoint(&path).unwrap().0.step, 12);
    assert_eq!(History::read(&path).unwrap().last.unwrap().step, 12);
}
