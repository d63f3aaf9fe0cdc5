//! Journey: a run that another program trains is shown as it grows, read-only, on a scripted engine.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::path::{Path, PathBuf};

use diffuscope::app::{EndReason, Tab};
use diffuscope::config::{DataSource, Preset, Settings, WeightsKind};
use diffuscope::engine::{Command, Event, RunOpened};
use diffuscope::train::history::History;
use diffuscope::window::Window;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, by_timestep, films, grid, held_out, model_shipped, recording, runs, steps};

const RUN: &str = "2026-11-24_153012-small";

fn path() -> PathBuf {
    PathBuf::from("/data/ada/runs").join(RUN)
}

/// What the other program trains: it learns from a folder of letters.
fn letters() -> Settings {
    let mut settings = Preset::Nano.settings();
    settings.data.source = DataSource::Path("/data/ada/letters".into());
    settings
}

/// The window on a run that is at step 100, with the model that ships with the program at hand.
fn attached() -> Scene {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]));
    scene.play([model_shipped(Preset::Small.settings())]);
    scene.click("Runs tab");
    scene.play([runs()]);
    while scene.command().is_some() {}
    scene.click(&format!("Attach {RUN}"));
    assert!(matches!(scene.command(), Some(Command::Attach { run }) if run == path()));
    assert_eq!(scene.state().tab, Tab::Train);
    let settings = Box::new(letters());
    let (step, share) = (100, 0.04);
    let opened = RunOpened { run: path(), settings, step, share, parameters: 460_516, images: 60_000 };
    let train = (1..=100).map(|step| (step, 1.0 / step as f64)).collect();
    scene.play([Event::Attached(opened), Event::History(History { train, ..History::default() })]);
    scene
}

#[test]
fn it_grows_as_a_run_of_ones_own_does_and_cannot_be_steered() {
    let mut scene = attached();
    scene.harness.get_by_label("Loss plot, 100 points");
    scene.harness.get_by_label("read-only");
    assert!(scene.harness.query_by_label("Train").is_none() && scene.harness.query_by_label("Resume run").is_none());
    scene.harness.get_by_label("Another program trains it");
    scene.play(steps(101, 300));
    scene.play(held_out([150, 200, 250]));
    scene.play(by_timestep(240, 12));
    scene.play(films([60, 110]));
    scene.play([grid(240, WeightsKind::Ema)]);
    scene.harness.get_by_label("Loss plot, 300 points");
    scene.harness.get_by_label("step 240");
    let state = scene.state();
    assert_eq!((state.progress.step, state.films.len(), state.heat.is_some()), (300, 2, true));
    assert!(state.health.is_some() && state.progress.share > 0.1);
    // Training and its keys rest.
    scene.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Enter);
    scene.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::P);
    assert!(scene.command().is_none());
    // It went back to step 120.
    let train = (1..=120).map(|step| (step, 1.0 / step as f64)).collect();
    scene.play([Event::History(History { train, ..History::default() })]);
    scene.harness.get_by_label("Loss plot, 120 points");

    scene.click("Detach");
    assert!(matches!(scene.command(), Some(Command::Detach)));
    scene.play([Event::Detached { run: path(), ended: None }]);
    scene.harness.get_by_label("Train");
    assert!(scene.harness.query_by_label("read-only").is_none());
    assert!(scene.harness.query_all_by_label_contains("its program goes on").count() >= 1);
    // It was not stopped: nothing is told of an end, and there is nothing to go on with.
    scene.harness.get_by_label_contains("No longer looked at, since step ");
    assert!(scene.harness.query_by_label("Resume run").is_none());
    let told = scene.state().health.as_ref().map(|health| health.sentence.as_str()).unwrap_or_default();
    assert!(!told.contains("Its digits") && !told.contains("in the end"), "{told}");
}

#[test]
fn what_is_asked_and_said_of_its_digits_is_of_its_model_and_not_of_the_one_at_hand() {
    let mut scene = attached();
    scene.play(films([60, 110]));
    assert!(scene.wants_names().is_none(), "letters are not named as digits");
    while scene.command().is_some() {}
    scene.click("Compare");
    let Some(Command::LookForCopies { settings, .. }) = scene.command() else { panic!("copies are looked for") };
    assert_eq!(*settings, letters(), "among the images that its model learns from");

    // What is saved as weights, and what draws, is the model at hand, and says so.
    scene.click("Save…");
    scene.harness.get_by_label("Weights of the model that ships with Diffuscope (.safetensors)");
    scene.click("Close");
    scene.click("Sample tab");
    scene.play(recording(1, 4, 5));
    assert!(scene.wants_names().is_some(), "what the shipped model draws are digits");
}

#[test]
fn when_its_program_ends_that_is_told_and_the_run_can_be_gone_on_with() {
    let mut scene = attached();
    scene.play(steps(101, 120));
    scene.play([Event::Detached { run: path(), ended: Some(EndReason::Stopped) }]);
    assert!(scene.harness.query_all_by_label_contains("The other program has ended, at step 120").count() >= 1);
    scene.click("Resume run");
    assert!(matches!(scene.command(), Some(Command::ResumeRun { run }) if run == path()));

    let mut scene = attached();
    scene.play([Event::Detached { run: path(), ended: Some(EndReason::Completed) }]);
    assert!(scene.harness.query_all_by_label_contains("has completed the run at step 100").count() >= 1);
    assert!(scene.harness.query_by_label("Resume run").is_none());
}

#[test]
fn a_folder_elsewhere_is_attached_to_by_its_path_and_drawing_goes_on_beside_it() {
    let mut scene = attached();
    scene.click("Runs tab");
    while scene.command().is_some() {}
    assert!(!scene.enabled("Attach to the folder"));
    scene.type_into("folder of a run", "/mnt/big/run");
    scene.click("Attach to the folder");
    assert!(matches!(scene.command(), Some(Command::Attach { run }) if run == Path::new("/mnt/big/run")));
    // What is told of the run before is of no concern then.
    let settings = Box::new(Preset::Small.settings());
    let run = PathBuf::from("/mnt/big/run");
    let opened = RunOpened { run: run.clone(), settings, step: 0, share: 0.0, parameters: 460_516, images: 60_000 };
    scene.play([Event::Detached { run: path(), ended: None }, Event::Attached(opened)]);
    assert_eq!(scene.state().attached(), Some(run.as_path()));
    scene.click("Sample tab");
    scene.click("Draw");
    assert!(matches!(scene.command(), Some(Command::Sample { .. })));
}
