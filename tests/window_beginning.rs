//! Journey: a run begins, on a scripted engine: what draws from then on, and which tab is shown.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::Tab;
use diffuscope::config::Preset;
use diffuscope::engine::{Activity, Command, EndReason, Event};
use diffuscope::window::Window;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, in_the_middle, model_learned, model_opened, model_shipped, recording, run_started};

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

#[test]
fn the_run_in_training_draws_though_another_model_was_opened_before() {
    let mut scene = scene();
    scene.play([model_shipped(Preset::Nano.settings())]);
    scene.click("Sample tab");
    scene.harness.get_by_label_contains("the model that ships with Diffuscope");
    // While it is prepared, neither that model nor the run would be sure to draw.
    scene.click("Train");
    assert!(!scene.enabled("Draw"));
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.click("Sample tab");
    scene.harness.get_by_label("The one that is being trained:");
    assert!(scene.harness.query_all_by_label_contains("ships with").count() == 0);
    assert_eq!(scene.state().model_name().as_deref(), Some("2026-11-24_153012-small"));
    assert!(scene.enabled("Draw"));
}

#[test]
fn a_run_that_begins_takes_nobody_away_from_the_tab_that_was_chosen_meanwhile() {
    let mut scene = scene();
    scene.click("Sample tab");
    scene.click("Train");
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    assert_eq!(scene.state().tab, Tab::Train, "nobody went elsewhere");
    let run = "/data/ada/runs/2026-11-24_153012-small".into();
    scene.play([Event::RunEnded { step: 3, reason: EndReason::Stopped, run }, Event::Activity(Activity::Idle)]);
    scene.click("Train");
    scene.click("Data tab");
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    assert_eq!(scene.state().tab, Tab::Data);
}

/// The window draws by itself; the engine tells of it.
fn draws_by_itself(scene: &mut Scene) {
    assert!(matches!(scene.command(), Some(Command::Sample { .. })), "nobody asked for it");
    scene.play(recording(1, 64, 24));
    assert_eq!(scene.harness.query_all_by_label("your drawing").count(), 0, "it is nobody's");
}

#[test]
fn what_nobody_drew_is_called_what_it_is() {
    let mut scene = scene();
    scene.play([model_shipped(Preset::Small.settings())]);
    draws_by_itself(&mut scene);
    let name = scene.harness.get_by_label("the shipped model").rect().center();
    scene.harness.hover_at(name);
    scene.harness.run_steps(60);
    scene.harness.get_by_label_contains("so that there is something to see before anything was trained");

    in_the_middle(&mut scene);
    let run = scene.state().run.as_ref().unwrap().folder.clone();
    scene.play([Event::RunEnded { step: 1240, reason: EndReason::Completed, run }]);
    scene.play([Event::Activity(Activity::Idle), model_learned(Preset::Small.settings())]);
    draws_by_itself(&mut scene);
    scene.harness.get_by_label("drawn at the end");
    scene.harness.get_by_label("Drawn at the end of the run: other noise than the grid's.");

    scene.click("Record");
    assert!(matches!(scene.command(), Some(Command::Sample { .. })));
    scene.play(recording(2, 64, 24));
    scene.harness.get_by_label("your drawing");
    scene.harness.get_by_label("Of your drawing: other noise than the grid's.");

    scene.play([model_opened(Preset::Small.settings())]);
    draws_by_itself(&mut scene);
    scene.harness.get_by_label("drawn on opening");
}
