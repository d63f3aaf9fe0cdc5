//! Journey: a run films its learning, and who opens it later finds the films again.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use diffuscope::config::{Budget, Preset, Subset};
use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Command, Event, Handle, work};
use diffuscope::train::film::Film;
use diffuscope::train::films;

/// Long enough for a loaded machine; no test waits that long unless it fails.
const PATIENCE: Duration = Duration::from_secs(120);

fn wait<R>(engine: &Handle, what: &str, mut wanted: impl FnMut(Event) -> Option<R>) -> R {
    let begun = Instant::now();
    loop {
        if let Some(found) = engine.poll().and_then(&mut wanted) {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "no {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn on_disk(run: &Path) -> Vec<u64> {
    films::list(run).unwrap().into_iter().map(|film| film.step).collect()
}

#[test]
fn a_run_films_its_learning_and_an_opened_one_shows_the_films() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut settings = Preset::Nano.settings();
    settings.data.subset = Subset::First(64);
    settings.training.batch_size = 8;
    settings.training.budget = Budget::Minutes(20.0);
    let engine = Handle::spawn(|| (), work(DeviceChoice::Cpu)).unwrap();
    engine.send(Command::Train { settings: Box::new(settings), out: run.clone() }).unwrap();
    let mut recorded: Vec<Film> = Vec::new();
    wait(&engine, "two films", |event| {
        if let Event::Film { run: of, film } = event {
            assert_eq!(of, run);
            recorded.push((*film).clone());
        }
        (recorded.len() == 2).then_some(())
    });
    engine.send(Command::Stop).unwrap();
    wait(&engine, "end", |event| match event {
        Event::Film { film, .. } => {
            recorded.push((*film).clone());
            None
        }
        Event::ModelReady(_) => Some(()),
        _ => None,
    });
    let steps: Vec<u64> = recorded.iter().map(|film| film.step).collect();
    assert!(steps.is_sorted() && on_disk(&run) == steps, "{steps:?}");
    assert!(recorded.iter().all(|film| film.moments.len() == 25 && film.moments[0].x_t.count() == 10));
    let noise = |film: &Film| film.moments[0].x_t.clone();
    assert_eq!(noise(&recorded[0]), noise(&recorded[1]), "all begin with the same noise");
    assert_ne!(recorded[0].moments[24], recorded[1].moments[24], "and end as the model of their step has it");

    engine.send(Command::Open { path: run.clone() }).unwrap();
    let mut found: Vec<Film> = Vec::new();
    let damaged = wait(&engine, "films", |event| match event {
        Event::Film { film, .. } => {
            found.push((*film).clone());
            None
        }
        Event::FilmsRead { damaged, .. } => Some(damaged),
        _ => None,
    });
    found.sort_by_key(|film| film.step);
    assert_eq!((damaged, found == recorded), (0, true));
}

/// Grid, evaluation and film are of the model that the run became, not of one some steps before.
#[test]
fn what_is_seen_last_is_the_model_of_the_last_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Preset::Nano.settings();
    settings.data.subset = Subset::First(64);
    settings.training.batch_size = 8;
    settings.training.preview_seconds = 0.2;
    settings.training.eval_seconds = 0.2;
    settings.training.budget = Budget::Minutes(0.05);
    let engine = Handle::spawn(|| (), work(DeviceChoice::Cpu)).unwrap();
    engine.send(Command::Train { settings: Box::new(settings), out: folder.path().join("run") }).unwrap();
    let (mut grids, mut judged, mut filmed, mut held_out, mut last) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), 0);
    wait(&engine, "end", |event| {
        match event {
            Event::Step(report) => last = report.step,
            Event::Preview(grid) => grids.push(grid.step),
            Event::Evaluated { step, .. } => judged.push(step),
            Event::HeldOut { step, .. } => held_out.push(step),
            Event::Film { film, .. } => filmed.push(film.step),
            Event::ModelReady(_) => return Some(()),
            _ => (),
        }
        None
    });
    let once = |steps: &[u64]| steps.iter().filter(|step| **step == last).count() == 1 && steps.last() == Some(&last);
    assert!(once(&grids) && once(&judged) && once(&filmed), "{last}: {grids:?} {judged:?} {filmed:?}");
    assert!(held_out.windows(2).all(|pair| pair[0] < pair[1]), "measured twice: {held_out:?}");
    assert!(grids.len() > 1 && judged.len() > 1 && filmed.len() > 1, "{grids:?} {judged:?} {filmed:?}");
}
