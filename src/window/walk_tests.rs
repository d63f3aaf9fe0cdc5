//! A random walk through the window on the real engine, in channels of two, that ends by closing the window at whatever it is
//! doing: what was told is kept.

use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::Device;
use egui_kittest::Harness;

use super::closing_tests::{frame, until_it_closes};
use super::tests::{settings, state, window};
use super::*;
use crate::app::{FilmAxis, SaveWhat, Tab};
use crate::data;
use crate::device::DeviceChoice;
use crate::engine::work;
use crate::rng::Stream;
use crate::train::Run;
use crate::train::folder::newest_checkpoint;

#[derive(Debug, Clone)]
enum Move {
    Do(Action),
    /// So many frames, with a rest after each, milliseconds.
    Frames(usize, u64),
    /// Under a name of its own.
    Save(SaveWhat),
    /// The run that is shown is opened anew.
    OpenShown,
}

fn any(random: &mut Stream) -> Move {
    let mut below = |most: usize| ((random.uniform() * most as f64) as usize).min(most - 1);
    let actions = [
        Action::Train,
        Action::Pause,
        Action::Continue,
        Action::Step,
        Action::Stop,
        Action::Resume,
        Action::Sample,
        Action::CancelSampling,
        Action::RedrawOnChange,
        Action::RollSeed,
        Action::Undo,
        Action::ListRuns,
        Action::TogglePlay,
        Action::StepTraining(-1),
        Action::StepFrames(-2),
        Action::FilmAxis(FilmAxis::Training),
        Action::Follow(below(4)),
        Action::ShowTab([Tab::Train, Tab::Sample, Tab::Runs, Tab::Data, Tab::Charts][below(5)]),
    ];
    match below(8) {
        0..=2 => Move::Do(actions[below(actions.len())].clone()),
        3 => Move::Save([SaveWhat::Grid, SaveWhat::Losses, SaveWhat::Weights, SaveWhat::Animation][below(4)]),
        4 if below(3) == 0 => Move::OpenShown,
        _ => Move::Frames(1 + below(6), below(15) as u64),
    }
}

fn make(made: Move, number: usize, harness: &mut Harness<'_, Window>, folder: &Path) {
    match made {
        Move::Do(action) => harness.state_mut().apply(action),
        Move::Frames(count, rest) => {
            for _ in 0..count {
                frame(harness, false);
                std::thread::park_timeout(Duration::from_millis(rest));
            }
        }
        Move::Save(what) => {
            let path = folder.join(format!("pictures/{number}")).display().to_string();
            for action in [Action::SaveWhat(what), Action::SavePath(path), Action::Save] {
                harness.state_mut().apply(action);
            }
        }
        Move::OpenShown => {
            if let Some(run) = state(harness).run.as_ref().map(|run| run.folder.clone()) {
                harness.state_mut().apply(Action::OpenRun(run));
            }
        }
    }
}

/// The names in a folder that are of unfinished files.
fn unfinished(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".tmp")).collect()
}

/// Walks and closes; the step that was told last.
fn walk(seed: u64, moves: usize) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Stream::new(seed, "walk and close", 0);
    let handle = Handle::narrow(|commands, out| work(DeviceChoice::Cpu)(commands, out));
    let mut harness = window(folder.path(), handle);
    let mut asked = settings(100_000);
    (asked.sampling.count, asked.sampling.steps, asked.training.checkpoint_every) = (2, 2, 7);
    harness.state_mut().apply(Action::Settings(Box::new(asked)));
    harness.state_mut().apply(Action::Train);
    let mut done = Vec::new();
    for number in 0..moves {
        let next = any(&mut random);
        done.push(format!("{next:?}"));
        make(next, number, &mut harness, folder.path());
    }
    frame(&mut harness, true);
    let (took, said) = until_it_closes(&mut harness);
    let (run, step) = (state(&harness).run.clone(), state(&harness).progress.step);
    drop(harness);
    println!("seed {seed}: closed at step {step} in {took:?}");
    assert!(said.iter().all(|line| line != "Not everything could be saved"), "{said:?} after {done:?}");
    assert_eq!(unfinished(&folder.path().join("pictures")), Vec::<String>::new(), "{done:?}");
    let Some(run) = run.filter(|_| step > 0).map(|run| run.folder) else { return 0 };
    assert_eq!(unfinished(&run), Vec::<String>::new(), "{done:?}");
    let (checkpoint, _, damaged) = newest_checkpoint(&run).unwrap();
    assert_eq!((checkpoint.step, damaged), (step, None), "{done:?}");
    let load = |settings: &crate::config::Settings| data::load(&settings.data.source);
    let (resumed, notice) = Run::resume(&run, |recorded| Ok(recorded.clone()), load, &Device::Cpu).unwrap();
    assert_eq!((resumed.trainer.step_count(), notice), (step, None), "{done:?}");
    step
}

#[test]
fn closing_after_any_walk_on_the_real_engine_keeps_the_last_step_that_was_told() {
    let begun = Instant::now();
    let mut told = 0;
    for seed in 0..6 {
        told += walk(seed, 40);
    }
    println!("{told} steps in {:?}", begun.elapsed());
    assert!(told > 0, "nothing was trained");
}

/// What was found stands in `docs/reliability.md`.
#[test]
#[ignore = "takes minutes"]
fn closing_after_long_walks_on_the_real_engine_keeps_the_last_step_that_was_told() {
    let told: u64 = (100..130).map(|seed| walk(seed, 150)).sum();
    println!("{told} steps");
}
