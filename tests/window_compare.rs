//! Journeys through the loss plot: its axes, a zoomed view that goes along, and runs over each other.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::path::PathBuf;
use std::sync::Arc;

use diffuscope::app::LossAxis;
use diffuscope::config::{Preset, Settings};
use diffuscope::engine::{Activity, Command, Event, RunRead, Task};
use diffuscope::train::history::History;
use diffuscope::window::Window;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, digits, run_started, runs, steps};

const SMALL: &str = "2026-11-24_153012-small";
const NANO: &str = "2026-11-23_090807-nano";

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

fn read(name: &str, settings: Settings, grid: bool) -> Event {
    let train = (1..=900).map(|step| (step, 0.1 + 1.0 / step as f64)).collect();
    let grid = grid.then(|| (800, Arc::new(digits(64).0)));
    let history = History { train, ..History::default() };
    let run = PathBuf::from("/data/ada/runs").join(name);
    Event::RunRead(Box::new(RunRead { run, settings: Box::new(settings), history, grid }))
}

#[test]
fn the_loss_is_drawn_against_steps_images_or_time() {
    let mut scene = scene();
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play(steps(1, 700));
    let choices = [("steps", "images", LossAxis::Images), ("images", "time", LossAxis::Time)];
    for (shown, word, axis) in choices {
        scene.click(&format!("Loss against: {shown}"));
        scene.click(word);
        assert_eq!(scene.state().loss.axis, axis);
        scene.harness.get_by_label("Loss plot, 700 points");
    }
    scene.click("Loss axis: lin");
    assert!(scene.state().loss.linear);
}

#[test]
fn ticked_runs_are_compared_by_curve_setting_and_grid() {
    let mut scene = scene();
    scene.click("Runs tab");
    scene.play([runs()]);
    while scene.command().is_some() {}
    scene.click(&format!("Compare {SMALL}"));
    assert!(matches!(scene.command(), Some(Command::ReadRun { run }) if run.ends_with(SMALL)));
    scene.click(&format!("Compare {NANO}"));
    assert!(matches!(scene.command(), Some(Command::ReadRun { run }) if run.ends_with(NANO)));
    scene.play([
        read(SMALL, Preset::Small.settings(), true),
        read(NANO, Settings { preset: Preset::Small, ..Preset::Nano.settings() }, false),
    ]);
    scene.harness.get_by_label(&format!("Grid of {SMALL}"));
    scene.harness.get_by_label_contains("No grid was drawn");
    scene.harness.get_by_label("Loss plot, 0 points");
    assert_eq!(scene.harness.query_all_by_label_contains(&format!("{NANO} · 0.10")).count(), 1, "beside the plot");
    let (small, nano) = (Preset::Small.settings(), Preset::Nano.settings());
    assert_ne!(small.training.warmup_steps, nano.training.warmup_steps);
    scene.harness.get_by_label("warmup steps");

    scene.click(&format!("Leave out {SMALL}"));
    assert_eq!(scene.state().comparison.runs().len(), 1, "it is left out again");
    scene.play([Event::RunDeleted { run: PathBuf::from("/data/ada/runs").join(NANO) }]);
    assert!(scene.state().comparison.runs().is_empty(), "what is gone is not compared");
}

#[test]
fn a_run_that_cannot_be_read_is_not_compared_and_leaves_the_others() {
    let mut scene = scene();
    scene.click("Runs tab");
    scene.play([runs()]);
    for run in [SMALL, NANO] {
        scene.click(&format!("Compare {run}"));
    }
    let (what, hint) = ("cannot read metrics.jsonl".to_owned(), "check the folder".to_owned());
    scene.play([Event::RunUnread { run: PathBuf::from("/data/ada/runs").join(SMALL), what, hint }]);
    assert!(scene.harness.query_all_by_label_contains("Reading the run: cannot read metrics.jsonl").count() >= 1);
    let left: Vec<_> = scene.state().comparison.runs().iter().map(|run| run.path.clone()).collect();
    assert_eq!(left, [PathBuf::from("/data/ada/runs").join(NANO)], "it is still being read");
    scene.play([read(NANO, Preset::Nano.settings(), true)]);
    scene.harness.get_by_label(&format!("Grid of {NANO}"));

    // An engine that has ended reads none of them.
    scene.click(&format!("Compare {SMALL}"));
    let (what, hint) = ("internal error: a panic".to_owned(), "please report this".to_owned());
    scene.play([Event::Failed { during: Task::Engine, what, hint }]);
    assert_eq!(scene.state().comparison.runs().len(), 1);
}
