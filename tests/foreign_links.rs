//! A run folder of somebody else is gone on with: nothing is written, cut or cleared up outside it, nor what is not the
//! program's own inside it.

#![allow(clippy::unwrap_used)]

#[path = "support/tiny_run.rs"]
mod tiny_run;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::Device;
use diffuscope::Result;
use diffuscope::config::{Budget, Settings};
use diffuscope::data::mnist;
use diffuscope::pictures::Pictures;
use diffuscope::train::film::{Film, FilmMoment};
use diffuscope::train::{Control, Run, RunEvent, films};
use diffuscope::trained::TrainedModel;

/// A run of two steps in `folder/run`, with a grid, a film and all that a run writes.
fn run_in(folder: &Path) -> PathBuf {
    let path = folder.join("run");
    let mut run = Run::create(&tiny_run::settings(2, 1, 1e-3), &mnist::load().unwrap(), &path, &Device::Cpu).unwrap();
    run.train(&mut |_, _| Ok(Control::Continue)).unwrap();
    let picture = Arc::new(Pictures { width: 6, height: 5, pixels: vec![1; 30] });
    let moment = FilmMoment { t: 0, x_t: picture.clone(), x0_hat: picture.clone(), eps_hat: picture };
    films::add(&path, &Film { step: 2, timesteps: 1000, classes: vec![None], moments: vec![moment] }, u64::MAX)
        .unwrap();
    path
}

fn longer(recorded: &Settings) -> Result<Settings> {
    let mut settings = recorded.clone();
    settings.training.budget = Budget::Steps(4);
    Ok(settings)
}

/// A run folder of somebody else does not have this program write, or clear up, somewhere else: none of its names may be
/// a link, whether there is something at its end or not.
#[cfg(unix)]
#[test]
fn links_in_a_foreign_run_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = run_in(folder.path());
    let elsewhere = folder.path().join("elsewhere");
    fs::copy(path.join("checkpoint.safetensors"), path.join("checkpoint.next.safetensors")).unwrap();
    let mut names = 0;
    for entry in fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>() {
        let name = entry.file_name().unwrap().to_str().unwrap();
        let kept = folder.path().join("kept");
        for dangles in [false, true] {
            fs::rename(&entry, if dangles { &kept } else { &elsewhere }).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &entry).unwrap();
            let changed = || fs::metadata(&elsewhere).and_then(|about| about.modified()).ok();
            let before = changed();
            assert_eq!(before.is_none(), dangles);
            let error = Run::resume(&path, longer, |_| mnist::load(), &Device::Cpu).map(drop).unwrap_err();
            assert!(error.to_string().contains(name) && error.to_string().contains("link"), "{error}");
            assert_eq!(changed(), before, "{name}");
            fs::remove_file(&entry).unwrap();
            fs::rename(if dangles { &kept } else { &elsewhere }, &entry).unwrap();
        }
        names += 1;
    }
    assert_eq!(names, 10, "every name that a run writes");
}

/// Nor does one that comes to stand there while it trains.
#[cfg(unix)]
#[test]
fn a_link_in_place_of_a_checkpoint_is_replaced_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = run_in(folder.path());
    let (mut run, _) = Run::resume(&path, longer, |_| mnist::load(), &Device::Cpu).unwrap();
    let names = ["checkpoint.previous.safetensors", "checkpoint.next.safetensors"].map(|name| path.join(name));
    run.train(&mut |event, _| {
        if matches!(event, RunEvent::Step(_)) {
            for name in &names {
                let _ = fs::remove_file(name);
                std::os::unix::fs::symlink(folder.path().join("not-there"), name).unwrap();
            }
        }
        Ok(Control::Continue)
    })
    .unwrap();
    assert!(!folder.path().join("not-there").exists(), "it was written to");
    drop(run);
    assert!(fs::symlink_metadata(&names[0]).unwrap().is_file());
    TrainedModel::open(&names[0], &Device::Cpu).unwrap();
    let left = fs::read_dir(&path).unwrap().flatten();
    assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().ends_with(".tmp")));
}

/// Only what this program drew is thinned out, however much else lies there.
#[test]
fn pictures_of_others_in_the_folder_of_grids_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = run_in(folder.path());
    for i in 0..450 {
        fs::write(path.join(format!("grids/holiday-{i:03}.png")), "mine").unwrap();
    }
    let (mut run, _) = Run::resume(&path, longer, |_| mnist::load(), &Device::Cpu).unwrap();
    run.train(&mut |_, _| Ok(Control::Continue)).unwrap();
    let names = fs::read_dir(path.join("grids")).unwrap().flatten();
    assert_eq!(names.filter(|entry| entry.file_name().to_string_lossy().starts_with("holiday")).count(), 450);
}
