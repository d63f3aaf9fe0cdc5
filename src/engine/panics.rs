//! Panics at chosen places, in tests: each is told as an error, and the same work can be done right after.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Activity, Command, DrawnFor, EndReason, Event, Handle, Save, Task, work};
use crate::Result;
use crate::config::{Preset, SamplingSettings, Settings, Subset, WeightsKind};
use crate::device::{DeviceChoice, faults};
use crate::pictures::Pictures;

/// Longer than any of it takes on a loaded machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Where a panic can be asked for: one a thread, two on that of the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Loader,
    Training,
    Sampler,
    Grid,
    Background,
    /// Here the device is lost.
    Model,
    Drawing,
}

/// The panic that is asked for, and the place that is slow.
#[derive(Debug, Clone, Default)]
pub(super) struct Panics(Arc<Mutex<Option<Place>>>, Arc<Mutex<Option<(Place, Duration)>>>);

impl Panics {
    pub(super) fn next(&self, place: Place) {
        *self.0.lock().unwrap() = Some(place);
    }

    /// From now on it takes so much longer there.
    pub(super) fn slow(&self, place: Place, longer: Duration) {
        *self.1.lock().unwrap() = Some((place, longer));
    }

    /// Loses the device, a GPU, once, if that is asked for here.
    pub(super) fn device_at(&self, place: Place) -> Result<()> {
        let mut asked = self.0.lock().unwrap();
        if *asked != Some(place) {
            return Ok(());
        }
        *asked = None;
        faults::use_gpu(&[]);
        Err(faults::failure())
    }

    /// Panics, once, if that is asked for here.
    pub(super) fn at(&self, place: Place) {
        let slow = *self.1.lock().unwrap();
        if let Some((_, longer)) = slow.filter(|(slow, _)| *slow == place) {
            let begun = Instant::now();
            while begun.elapsed() < longer {
                std::thread::park_timeout(longer.saturating_sub(begun.elapsed()));
            }
        }
        let mut asked = self.0.lock().unwrap();
        if *asked == Some(place) {
            *asked = None;
            drop(asked);
            panic!("a test asked for it in {place:?}");
        }
    }
}

/// The engine as the window starts it, and its panics.
pub(super) fn engine() -> (Handle, Panics) {
    let (told, panics) = crossbeam_channel::bounded(1);
    let handle = Handle::spawn(
        || (),
        move |commands, out| {
            told.send(out.panics.clone()).unwrap();
            work(DeviceChoice::Cpu)(commands, out);
        },
    );
    (handle.unwrap(), panics.recv_timeout(PATIENCE).unwrap())
}

pub(super) fn wait<R>(handle: &Handle, mut wanted: impl FnMut(&Event) -> Option<R>) -> R {
    let begun = Instant::now();
    loop {
        match handle.poll() {
            Some(event) => {
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
            None => std::thread::park_timeout(Duration::from_millis(1)),
        }
        assert!(begun.elapsed() < PATIENCE, "nothing was told");
    }
}

/// Waits for a failure, which must be the panic.
fn told(handle: &Handle, task: Task) {
    let what = wait(handle, |event| match event {
        Event::Failed { during, what, hint } => {
            assert!(*during == task && !hint.is_empty(), "{event:?}");
            Some(what.clone())
        }
        _ => None,
    });
    assert!(what.contains("internal error: a test asked for it"), "{what}");
}

fn save(path: &Path) -> Command {
    let pictures = Pictures { width: 2, height: 2, pixels: vec![9; 8] };
    Command::Save { what: Save::Grid { pictures, columns: 2, provenance: None }, path: path.into(), replace: false }
}

#[test]
fn a_panic_of_the_loader_leaves_it_loading() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, panics) = engine();
    panics.next(Place::Loader);
    handle.send(Command::Open { path: folder.path().join("none.pth") }).unwrap();
    told(&handle, Task::OpeningModel);
    handle.send(Command::OpenShipped).unwrap();
    wait(&handle, |event| matches!(event, Event::ModelReady(_)).then_some(()));
    assert!(handle.shutdown(PATIENCE));
}

#[test]
fn a_panic_of_the_sampler_leaves_it_drawing() {
    let (handle, panics) = engine();
    handle.send(Command::OpenShipped).unwrap();
    wait(&handle, |event| matches!(event, Event::ModelReady(_)).then_some(()));
    let few = SamplingSettings { count: 1, steps: 2, ..Preset::Nano.settings().sampling };
    let ended = |event: &Event| match event {
        Event::SamplingEnded { cancelled, .. } => Some(*cancelled),
        _ => None,
    };
    panics.next(Place::Sampler);
    handle.send(Command::Sample { settings: few.clone(), why: DrawnFor::Person }).unwrap();
    told(&handle, Task::Sampling);
    assert!(wait(&handle, ended));
    handle.send(Command::Sample { settings: few, why: DrawnFor::Person }).unwrap();
    assert!(!wait(&handle, ended));
    assert!(handle.shutdown(PATIENCE));
}

#[test]
fn a_panic_of_the_grid_leaves_the_run_and_the_next_grid_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Preset::Nano.settings();
    settings.data.subset = Subset::First(64);
    let (handle, panics) = engine();
    let out = folder.path().join("run");
    handle.send(Command::Train { settings: Box::new(settings), out: out.clone() }).unwrap();
    handle.send(Command::Pause).unwrap();
    wait(&handle, |event| matches!(event, Event::Activity(Activity::Paused)).then_some(()));
    let draw = || handle.send(Command::DrawGrid { weights: WeightsKind::Raw, run: Some(out.clone()) }).unwrap();
    panics.next(Place::Grid);
    draw();
    told(&handle, Task::DrawingGrid);
    draw();
    wait(&handle, |event| matches!(event, Event::Preview(grid) if grid.weights == WeightsKind::Raw).then_some(()));
    assert!(handle.shutdown(PATIENCE));
}

#[test]
fn a_panic_in_an_export_or_a_list_leaves_them_to_be_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, panics) = engine();
    let path = folder.path().join("grid.png");
    panics.next(Place::Background);
    handle.send(save(&path)).unwrap();
    told(&handle, Task::Saving);
    assert!(!path.exists());
    handle.send(save(&path)).unwrap();
    wait(&handle, |event| matches!(event, Event::Saved { .. }).then_some(()));
    assert!(path.exists());
    panics.next(Place::Background);
    handle.send(Command::ListRuns { folder: folder.path().into() }).unwrap();
    told(&handle, Task::ListingRuns);
    handle.send(Command::ListRuns { folder: folder.path().into() }).unwrap();
    wait(&handle, |event| matches!(event, Event::Runs { .. }).then_some(()));
    assert!(handle.shutdown(PATIENCE));
}

#[test]
fn a_panic_of_training_ends_the_run_which_goes_on_from_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let mut settings: Settings = Preset::Nano.settings();
    (settings.data.subset, settings.data.held_out) = (Subset::First(16), 0);
    let training = &mut settings.training;
    (training.batch_size, training.checkpoint_every) = (4, 1);
    training.budget = crate::config::Budget::Steps(4);
    let (handle, panics) = engine();
    let ended = |event: &Event| match event {
        Event::RunEnded { reason, step, .. } => Some((*reason, *step)),
        _ => None,
    };
    handle.send(Command::Train { settings: Box::new(settings), out: out.clone() }).unwrap();
    wait(&handle, |event| matches!(event, Event::Checkpointed { .. }).then_some(()));
    panics.next(Place::Training);
    assert_eq!(wait(&handle, ended).0, EndReason::Failed);
    told(&handle, Task::Training);
    handle.send(Command::ResumeRun { run: out }).unwrap();
    assert_eq!(wait(&handle, ended), (EndReason::Completed, 4));
    assert!(handle.shutdown(PATIENCE));
}
