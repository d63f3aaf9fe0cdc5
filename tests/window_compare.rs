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
use egui_kittest::kittest::{NodeT, Queryable};
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
    let marks = |scene: &Scene| words(scene).into_iter().filter(|word| word.starts_with("0.")).collect::<Vec<_>>();
    let logarithmic = marks(&scene);
    scene.click("Loss axis: lin");
    scene.harness.run_steps(2);
    let linear = marks(&scene);
    assert!(logarithmic.contains(&"0.3".to_owned()) && !logarithmic.contains(&"0.5".to_owned()), "{logarithmic:?}");
    assert!(linear.contains(&"0.5".to_owned()) && !linear.contains(&"0.3".to_owned()), "{linear:?}");
}

/// All texts that are painted.
fn words(scene: &Scene) -> Vec<String> {
    fn of(shape: &egui::Shape, found: &mut Vec<String>) {
        match shape {
            egui::Shape::Text(text) => found.push(text.galley.text().to_owned()),
            egui::Shape::Vec(shapes) => shapes.iter().for_each(|shape| of(shape, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    scene.harness.output().shapes.iter().for_each(|clipped| of(&clipped.shape, &mut found));
    found
}

/// First and last step of the plot, as a screen reader hears it.
fn range(scene: &Scene) -> (f64, f64) {
    let node = scene.harness.get_by_label_contains("Loss plot, ");
    let value = node.accesskit_node().value().unwrap();
    let steps: Vec<f64> = value
        .split(", loss")
        .next()
        .unwrap()
        .split(" to ")
        .map(|step| step.replace(',', "").parse().unwrap())
        .collect();
    (steps[0], steps[1])
}

#[test]
fn the_plot_tells_values_zooms_moves_goes_along_and_comes_back() {
    // Two clicks within a third of a second are one double click.
    let builder = Harness::<Window>::builder().with_size([1440.0, 900.0]);
    let mut scene = Scene::new(builder.with_step_dt(0.05));
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play(steps(1, 700));
    scene.harness.run_steps(3);
    let whole = range(&scene);
    assert!(whole.0 <= 1.0 && whole.1 >= 700.0, "{whole:?}");
    let place = scene.harness.get_by_label_contains("Loss plot, ").rect();

    let over = egui::Event::PointerMoved(place.center());
    scene.harness.event(over);
    scene.harness.run_steps(3);
    let told = words(&scene).into_iter().find(|word| word.starts_with("step ") && word.contains("loss "));
    let told = told.expect("the step and the loss under the pointer");
    let step: f64 = told.split('\n').next().unwrap()[5..].replace(',', "").parse().unwrap();
    assert!((250.0..=450.0).contains(&step), "{told}");

    // Zoomed at the right end, where the newest step stays in view.
    let wheel = |scene: &mut Scene, at: egui::Pos2| {
        scene.harness.event(egui::Event::PointerMoved(at));
        for _ in 0..3 {
            let (unit, delta, modifiers) =
                (egui::MouseWheelUnit::Point, egui::vec2(0.0, 60.0), egui::Modifiers::COMMAND);
            let (phase, source) = (egui::TouchPhase::Move, egui::MouseWheelSource::Unknown);
            scene.harness.event(egui::Event::MouseWheel { unit, delta, modifiers, phase, source });
            scene.harness.run_steps(8);
        }
    };
    wheel(&mut scene, place.right_center() - egui::vec2(8.0, 0.0));
    let zoomed = range(&scene);
    assert!(zoomed.1 - zoomed.0 < 0.6 * (whole.1 - whole.0) && zoomed.1 > 690.0, "{zoomed:?} of {whole:?}");
    scene.play(steps(701, 800));
    scene.harness.run_steps(3);
    let along = range(&scene);
    assert!((along.0 - zoomed.0 - 100.0).abs() < 3.0 && (along.1 - zoomed.1 - 100.0).abs() < 3.0, "{along:?}");

    // Dragged to where the newest step is not seen, it stays.
    let (from, to) = (place.center(), place.center() + egui::vec2(0.45 * place.width(), 0.0));
    for _ in 0..4 {
        scene.harness.drag_at(from);
        scene.harness.run_steps(2);
        scene.harness.hover_at(to);
        scene.harness.run_steps(2);
        scene.harness.drop_at(to);
        scene.harness.run_steps(2);
    }
    let moved = range(&scene);
    assert!(moved.1 < 800.0 && moved.0 < along.0, "{moved:?}");
    scene.play(steps(801, 850));
    scene.harness.run_steps(3);
    assert_eq!(range(&scene), moved);

    scene.harness.event(egui::Event::PointerMoved(place.center()));
    scene.harness.run_steps(2);
    for _ in 0..2 {
        scene.harness.drag_at(place.center());
        scene.harness.step();
        scene.harness.drop_at(place.center());
        scene.harness.step();
    }
    scene.harness.run_steps(4);
    let again = range(&scene);
    assert!(again.0 <= 1.0 && again.1 >= 850.0, "{again:?}");
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
