//! The machine sleeps for eight hours in the middle of a run: rate, time left and health are as if it had not.

use std::time::Duration;

use super::logic::App;
use super::{Folders, Remembered};
use crate::config::{Budget, Preset};
use crate::engine::{Event, Handle, Outbox, RunStarted};
use crate::eval::QuickEval;
use crate::train::StepReport;
use crate::train::working_time::WorkingTime;

const STEP: Duration = Duration::from_millis(100);
const NIGHT: Duration = Duration::from_secs(8 * 3600);
const BATCH: u64 = 50;
const STEPS: u64 = 4000;

fn app() -> (App, Outbox) {
    let (handle, _commands, out) = Handle::scripted();
    let folders = Folders { runs: "/data/runs".into(), pictures: "/data/pictures".into() };
    let mut settings = Preset::Nano.settings();
    settings.training.budget = Budget::Steps(STEPS);
    let mut app = App::new(handle, Remembered::restore(None), folders, || ());
    let (run, settings, device) = ("/data/runs/first".into(), Box::new(settings), "CPU, 2 threads".into());
    let started = RunStarted { run, settings, step: 0, parameters: 9, images: 100, device, estimate: None };
    out.send(Event::RunStarted(started)).unwrap();
    app.drain();
    (app, out)
}

/// The steps up to 2,000, of which number 1,000 lasts for a night; digits are judged every 200, and get better.
fn train(app: &mut App, out: &Outbox, mut counted: impl FnMut(Duration) -> Duration, look: impl Fn(&App, u64)) {
    let mut seconds = 0.0;
    for step in 1..=STEPS / 2 {
        seconds += counted(if step == 1000 { NIGHT } else { STEP }).as_secs_f64();
        let (images, progress) = (BATCH * step, step as f64 / STEPS as f64);
        let loss = 1.0 / (step as f64).sqrt();
        let report = StepReport { step, epoch: 0.0, images, loss, lr: 1e-3, grad_norm: 1.0, seconds, progress };
        out.send(Event::Step(report)).unwrap();
        if step % 200 == 0 {
            let distance = 1e5 / step as f64;
            let eval = QuickEval { count: 200, classes: [20; 10], recognisable: 0.5, distance };
            out.send(Event::Evaluated { step, eval }).unwrap();
        }
        app.drain();
        look(app, step);
    }
}

#[test]
fn a_night_asleep_changes_neither_rate_nor_time_left_nor_health() {
    let (mut app, out) = app();
    let mut time = WorkingTime::default();
    train(
        &mut app,
        &out,
        |took| time.of_step(took),
        |app, step| {
            let progress = &app.state.progress;
            if step > 1 {
                let speed = progress.images_per_second.unwrap();
                assert!((speed - 500.0).abs() < 1.0, "{speed} images/s after step {step}");
            }
            let left = progress.seconds_left.unwrap();
            assert!((left - 0.1 * (STEPS - step) as f64).abs() < 0.1, "{left} s left after step {step}");
            if step >= 400 {
                let health = app.state.health.clone().unwrap().sentence;
                assert!(health.starts_with("Learning: digits"), "after step {step}: {health}");
            }
        },
    );
}

/// As in the metrics of a run of another program, or of an earlier version of this one.
#[test]
fn where_the_night_was_counted_the_rate_is_right_again_after_three_seconds() {
    let (mut app, out) = app();
    train(
        &mut app,
        &out,
        |took| took,
        |app, step| {
            let speed = app.state.progress.images_per_second.unwrap_or(500.0);
            assert!((1000..=1031).contains(&step) || (speed - 500.0).abs() < 1.0, "{speed} after step {step}");
        },
    );
    assert!(app.state.health.as_ref().unwrap().sentence.starts_with("Learning: digits"));
}
