//! Journey: the window is closed in the middle of each kind of work. The engine ends within two seconds, and the run goes
//! on later from the step that was told last.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use diffuscope::config::{Budget, Preset, SamplingSettings, Settings, Subset};
use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Command, DrawnFor, Event, Handle, work};
use diffuscope::train::folder::newest_checkpoint;

/// What the window waits for.
const WITHIN: Duration = Duration::from_secs(2);
/// Longer than any of it takes to begin on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn settings() -> Settings {
    let mut settings = Preset::Nano.settings();
    (settings.data.subset, settings.data.held_out) = (Subset::First(64), 16);
    let training = &mut settings.training;
    (training.batch_size, training.checkpoint_every) = (8, 5);
    training.budget = Budget::Steps(1_000_000);
    // Grids and evaluations as often as their pace lets them.
    (training.preview_seconds, training.eval_seconds) = (0.01, 0.01);
    settings
}

fn engine() -> Handle {
    Handle::spawn(|| (), |commands, out| work(DeviceChoice::Cpu)(commands, out)).unwrap()
}

fn wait(handle: &Handle, wanted: impl Fn(&Event) -> bool, newest: &mut u64) {
    let begun = Instant::now();
    loop {
        if let Some(event) = handle.poll() {
            if let Event::Step(report) = &event {
                *newest = report.step;
            }
            if wanted(&event) {
                return;
            }
        } else {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        assert!(begun.elapsed() < PATIENCE, "it does not come to that");
    }
}

/// Trains until `moment`, and does `then`; closes; gives the step of the checkpoint.
fn close_at(out: &Path, moment: impl Fn(&Event) -> bool, then: Option<Command>) -> u64 {
    let handle = engine();
    handle.send(Command::Train { settings: Box::new(settings()), out: out.into() }).unwrap();
    let mut newest = 0;
    wait(&handle, moment, &mut newest);
    if let Some(command) = then {
        handle.send(command).unwrap();
    }
    let begun = Instant::now();
    assert!(handle.shutdown(WITHIN), "the engine did not end");
    println!("{}: closed in {:?}", out.file_name().unwrap().display(), begun.elapsed());
    let (checkpoint, _, damaged) = newest_checkpoint(out).unwrap();
    assert!(damaged.is_none() && checkpoint.step >= newest, "{} of {newest}", checkpoint.step);
    checkpoint.step
}

#[test]
fn closing_while_a_run_trains_writes_draws_or_is_judged_keeps_its_last_step() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let few = SamplingSettings { count: 4, ..Preset::Nano.settings().sampling };
    let step = |n: u64| move |event: &Event| matches!(event, Event::Step(report) if report.step >= n);
    close_at(&at("first step"), step(1), None);
    // Between the fourth step and the fifth, after which a checkpoint is written.
    close_at(&at("writing"), step(4), None);
    close_at(&at("written"), |event| matches!(event, Event::Checkpointed { .. }), None);
    close_at(&at("grid"), |event| matches!(event, Event::Preview { .. }), None);
    close_at(&at("judged"), |event| matches!(event, Event::Evaluated { .. }), None);
    close_at(&at("drawing"), step(3), Some(Command::Sample { settings: few, why: DrawnFor::Person }));
    close_at(&at("held"), step(2), Some(Command::Pause));
    let last = close_at(&at("started"), |event| matches!(event, Event::RunStarted(_)), None);
    assert!(last > 0);
}

#[test]
fn closing_while_something_is_read_or_drawn_ends_too() {
    let handle = engine();
    handle.send(Command::OpenShipped).unwrap();
    assert!(handle.shutdown(WITHIN));
    let handle = engine();
    handle.send(Command::OpenShipped).unwrap();
    wait(&handle, |event| matches!(event, Event::ModelReady(_)), &mut 0);
    let many = SamplingSettings { count: 16, ..Preset::Small.settings().sampling };
    handle.send(Command::Sample { settings: many, why: DrawnFor::Person }).unwrap();
    wait(&handle, |event| matches!(event, Event::Frame { .. }), &mut 0);
    assert!(handle.shutdown(WITHIN));
}
