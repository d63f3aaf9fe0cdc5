//! A GPU that is lost at chosen places, in tests: what was asked for is told to go on on the CPU, and does.

use std::sync::Arc;

use super::panics::{PATIENCE, Place, engine, wait};
use super::{Command, DrawnFor, EndReason, Event, Handle, Task};
use crate::config::{Budget, Preset, SamplingSettings, Settings, Subset};
use crate::pictures::Pictures;

const STEPS: usize = 3;

fn few() -> SamplingSettings {
    SamplingSettings { count: 2, steps: STEPS, ..Preset::Nano.settings().sampling }
}

fn opened(handle: &Handle) {
    handle.send(Command::OpenShipped).unwrap();
    wait(handle, |event| matches!(event, Event::ModelReady(_)).then_some(()));
}

/// What a drawing told: its beginnings, its frames since the last of them, and how often a device was said to be lost.
#[derive(Default)]
struct Told {
    ids: Vec<u64>,
    frames: Vec<Arc<Pictures>>,
    lost: usize,
}

fn drawing(handle: &Handle) -> Told {
    let mut told = Told::default();
    handle.send(Command::Sample { settings: few(), why: DrawnFor::Person }).unwrap();
    wait(handle, |event| {
        match event {
            Event::SamplingStarted { id, .. } => {
                told.ids.push(*id);
                told.frames.clear();
            }
            Event::Frame { frame, .. } => told.frames.push(Arc::clone(&frame.x_t)),
            Event::Failed { during, what, hint } => {
                assert!(*during == Task::Computing && hint.contains("start the program again"), "{event:?}");
                assert!(what.contains("the GPU was lost") && what.contains("the CPU goes on"), "{what}");
                told.lost += 1;
            }
            Event::SamplingEnded { cancelled, .. } => {
                assert!(!cancelled);
                return Some(());
            }
            _ => {}
        }
        None
    });
    told
}

#[test]
fn a_drawing_that_loses_the_device_is_drawn_again_on_the_cpu() {
    let (handle, panics) = engine();
    opened(&handle);
    panics.next(Place::Drawing);
    let lost = drawing(&handle);
    assert_eq!((lost.ids, lost.frames.len(), lost.lost), (vec![1, 1], STEPS + 1, 1));
    let whole = drawing(&handle);
    assert_eq!((whole.ids, whole.lost), (vec![2], 0), "it is told once, and the CPU is used from then on");
    assert!(lost.frames == whole.frames);
    assert!(handle.shutdown(PATIENCE));
}

#[test]
fn a_model_that_does_not_get_onto_the_device_is_opened_and_draws_on_the_cpu() {
    let (handle, panics) = engine();
    panics.next(Place::Model);
    opened(&handle);
    panics.next(Place::Model);
    let told = drawing(&handle);
    assert_eq!((told.ids, told.frames.len(), told.lost), (vec![1], STEPS + 1, 1));
    assert!(handle.shutdown(PATIENCE));
}

#[test]
fn a_run_that_cannot_begin_on_the_device_begins_on_the_cpu() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings: Settings = Preset::Nano.settings();
    (settings.data.subset, settings.data.held_out) = (Subset::First(16), 0);
    (settings.training.batch_size, settings.training.budget) = (4, Budget::Steps(3));
    let (handle, panics) = engine();
    panics.next(Place::Model);
    let out = folder.path().join("run");
    handle.send(Command::Train { settings: Box::new(settings), out: out.clone() }).unwrap();
    let (mut told, mut device) = (0, String::new());
    let ended = wait(&handle, |event| match event {
        Event::Failed { during: Task::Computing, .. } => {
            told += 1;
            None
        }
        Event::RunStarted(started) => {
            device.clone_from(&started.device);
            None
        }
        Event::RunEnded { reason, step, .. } => Some((*reason, *step)),
        _ => None,
    });
    assert_eq!((ended, told), ((EndReason::Completed, 3), 1));
    assert!(device.starts_with("CPU"), "{device}");
    assert!(handle.shutdown(PATIENCE));
}
