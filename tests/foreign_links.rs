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
use diffuscope::train::gallery;
use diffuscope::train::history::History;
use diffuscope::train::watched::{News, WatchedRun};
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

/// What is at the end of a link in a run folder is not read: by who lists, opens, watches, compares or draws with the run.
#[cfg(unix)]
#[test]
fn links_in_a_foreign_run_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = run_in(folder.path());
    let elsewhere = folder.path().join(".elsewhere");
    let grid = fs::read_dir(path.join("grids")).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    let checkpoints = ["checkpoint.safetensors", "checkpoint.previous.safetensors"];
    let at = |name: &str| path.join(name);
    // As far as each of them comes: what it has of the run, and no error.
    let size = tiny_run::settings(2, 1, 0.0).data.image_size;
    let record = || gallery::list(folder.path()).unwrap().remove(0).record;
    let listed = || record().is_ok();
    let compared = || History::read(&path).is_ok_and(|history| history.train.len() == 2);
    let mapped = || History::read(&path).is_ok_and(|history| !history.by_timestep.columns().is_empty());
    let watched = || WatchedRun::open(&path).and_then(|(mut run, _)| run.look(&mut |_| Ok(()))).is_ok();
    let told_of = |wanted: fn(&News) -> bool| {
        let mut told = false;
        let look = WatchedRun::open(&path).and_then(|(mut run, _)| {
            run.look(&mut |news| {
                told |= wanted(&news);
                Ok(())
            })
        });
        look.is_ok() && told
    };
    let opened = || TrainedModel::open(&path, &Device::Cpu).is_ok();
    let has_checkpoint = || record().is_ok_and(|record| record.checkpoint);
    let tells_of_checkpoint = || told_of(|news| matches!(news, News::Checkpoint { .. }));
    let thumbnail = || record().is_ok_and(|record| record.thumbnail.is_some());
    let shows_grid =
        || told_of(|news| matches!(news, News::Grid { .. })) && gallery::newest_grid(&path, size).is_some();
    let shows_film = || told_of(|news| matches!(news, News::Film(_)));
    let reads_film = || films::read_all(&path, |_| Ok(())).is_ok_and(|damaged| damaged == 0) && shows_film();
    let film = "films/step-0000002.safetensors";
    let grid = format!("grids/{grid}");
    type Asked<'a> = (&'a str, &'a dyn Fn() -> bool);
    let cases: [(&[&str], Vec<Asked>); 7] = [
        (&["run.json", "run.copy.json"], vec![("list", &listed), ("watch", &watched)]),
        (&["metrics.jsonl"], vec![("list", &listed), ("compare", &compared), ("watch", &watched)]),
        (&["loss_by_timestep.jsonl"], vec![("compare", &mapped), ("watch", &watched)]),
        (&checkpoints, vec![("draw", &opened), ("list", &has_checkpoint), ("watch", &tells_of_checkpoint)]),
        (&["grids"], vec![("list", &thumbnail), ("watch", &shows_grid)]),
        (&[&grid], vec![("list", &thumbnail), ("watch", &shows_grid)]),
        (&["films"], vec![("open", &reads_film), ("watch", &shows_film)]),
    ];
    fs::copy(at("checkpoint.safetensors"), at(checkpoints[1])).unwrap();
    for (names, asked) in &cases {
        asked.iter().for_each(|(what, works)| assert!(works(), "{what} of a whole run: {names:?}"));
        for (i, name) in names.iter().enumerate() {
            fs::rename(at(name), elsewhere.with_extension(i.to_string())).unwrap();
            std::os::unix::fs::symlink(elsewhere.with_extension(i.to_string()), at(name)).unwrap();
        }
        asked.iter().for_each(|(what, works)| assert!(!works(), "{what} followed {names:?}"));
        for (i, name) in names.iter().enumerate() {
            fs::remove_file(at(name)).unwrap();
            fs::rename(elsewhere.with_extension(i.to_string()), at(name)).unwrap();
        }
    }
    // One film among others is passed over.
    fs::rename(at(film), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, at(film)).unwrap();
    assert!(!shows_film() && films::list(&path).unwrap().is_empty() && Film::read(&at(film)).is_err());
    fs::remove_file(at(film)).unwrap();
    fs::rename(&elsewhere, at(film)).unwrap();

    // The folder itself may be reached by one, and a file that a person names may be one.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    TrainedModel::open(&link, &Device::Cpu).unwrap();
    assert!(gallery::list(folder.path()).unwrap().iter().all(|run| run.record.is_ok()));
    WatchedRun::open(&link).unwrap();
    Run::resume(&link, longer, |_| mnist::load(), &Device::Cpu).unwrap();
    let named = folder.path().join("named.safetensors");
    std::os::unix::fs::symlink(at("checkpoint.safetensors"), &named).unwrap();
    TrainedModel::open(&named, &Device::Cpu).unwrap();
}

/// A folder of the run that is swapped for a link while it trains: the run waits, and says so.
#[cfg(unix)]
#[test]
fn a_folder_that_becomes_a_link_while_training_is_not_written_through() {
    for name in ["grids", "films"] {
        let folder = tempfile::tempdir().unwrap();
        let path = run_in(folder.path());
        let (own, kept, elsewhere) = (path.join(name), folder.path().join("kept"), folder.path().join("elsewhere"));
        fs::create_dir(&elsewhere).unwrap();
        let theirs = elsewhere.join("step-0000001.png");
        fs::write(&theirs, "theirs").unwrap();
        let (mut run, _) = Run::resume(&path, longer, |_| mnist::load(), &Device::Cpu).unwrap();
        let (mut swapped, mut told) = (false, Vec::new());
        run.train(&mut |event, _| {
            match event {
                RunEvent::Step(_) if !swapped => {
                    swapped = true;
                    fs::rename(&own, &kept).unwrap();
                    std::os::unix::fs::symlink(&elsewhere, &own).unwrap();
                }
                RunEvent::Stalled { what, .. } => {
                    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1, "{name}: something was written there");
                    told.push(what);
                    fs::remove_file(&own).unwrap();
                    fs::rename(&kept, &own).unwrap();
                }
                _ => {}
            }
            Ok(Control::Continue)
        })
        .unwrap();
        let picture = Arc::new(Pictures { width: 6, height: 5, pixels: vec![1; 30] });
        let moment = FilmMoment { t: 0, x_t: picture.clone(), x0_hat: picture.clone(), eps_hat: picture };
        let film = Film { step: 3, timesteps: 1000, classes: vec![None], moments: vec![moment] };
        if name == "films" {
            // A run this short records none of its own.
            let error = films::add(&path, &film, u64::MAX).unwrap_err();
            told.push(error.to_string());
        }
        assert!(swapped && told[0].contains(name) && told[0].contains("a link to somewhere else"), "{name}: {told:?}");
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs");
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
    }
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
