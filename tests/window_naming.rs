//! Journey: a run is given a name in the list, by button, key and palette, on a scripted engine.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::path::{Path, PathBuf};

use diffuscope::app::{RunName, Tab};
use diffuscope::config::Preset;
use diffuscope::engine::{Activity, Command, Event, RunOpened, Task};
use diffuscope::window::Window;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, run_read, run_started, runs};

const NEWEST: &str = "2026-11-24_153012-small";
const OLDER: &str = "2026-11-23_090807-nano";
const FIELD: &str = "name of the run";

fn path(name: &str) -> PathBuf {
    PathBuf::from("/data/ada/runs").join(name)
}

fn named(run: &str, name: &str) -> Event {
    Event::RunNamed { run: path(run), name: RunName::new(name).unwrap() }
}

fn scene() -> Scene {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]));
    scene.click("Runs tab");
    scene.play([runs()]);
    while scene.command().is_some() {}
    scene
}

/// What stands in the field is selected: what is typed takes its place.
fn type_name(scene: &mut Scene, name: &str, key: Key) {
    scene.harness.event(egui::Event::Text(name.into()));
    scene.harness.run_steps(2);
    scene.key(key);
}

#[test]
fn a_name_is_typed_in_its_place_and_shown_wherever_the_run_is() {
    let mut scene = scene();
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play(scene::steps(1, 9));
    assert_eq!(scene.state().title(), format!("{NEWEST} – Diffuscope"));
    scene.click("Runs tab");
    while scene.command().is_some() {}
    scene.click(&format!("Rename {NEWEST}"));
    type_name(&mut scene, "wide, T = 400", Key::Enter);
    let Some(Command::NameRun { run, name }) = scene.command() else { panic!("the engine is asked") };
    assert_eq!((run, name.to_string().as_str()), (path(NEWEST), "wide, T = 400"));
    assert!(scene.harness.query_by_label(FIELD).is_none());

    scene.play([named(NEWEST, "wide, T = 400")]);
    for action in ["Open", "Duplicate", "Rename", "Compare", "Digits of"] {
        scene.harness.get_by_label(&format!("{action} wide, T = 400"));
    }
    assert_eq!(scene.harness.query_all_by_label_contains(&format!("UTC · {NEWEST}")).count(), 1, "where it is");
    assert_eq!(scene.state().title(), "wide, T = 400 – Diffuscope");
    assert!(scene.harness.query_all_by_label("wide, T = 400").count() >= 2, "in the list, and in the facts of the run");
    scene.click("Compare wide, T = 400");
    scene.play([run_read(NEWEST, 64)]);
    scene.harness.get_by_label("Grid of wide, T = 400");
    assert_eq!(scene.harness.query_all_by_label_contains("wide, T = 400 · 0.1").count(), 1, "beside the plot");
}

#[test]
fn escape_leaves_the_name_and_no_name_is_the_folders() {
    let mut scene = scene();
    scene.play([named(OLDER, "first try")]);
    scene.click("Rename first try");
    type_name(&mut scene, "second try", Key::Escape);
    assert!(scene.command().is_none() && scene.harness.query_by_label(FIELD).is_none());
    scene.click("Rename first try");
    type_name(&mut scene, " ", Key::Enter);
    assert!(matches!(scene.command(), Some(Command::NameRun { name, .. }) if name.is_empty()));
    scene.click("Rename first try");
    type_name(&mut scene, OLDER, Key::Enter);
    assert!(matches!(scene.command(), Some(Command::NameRun { name, .. }) if name.is_empty()), "its folder's name");
    scene.click("Rename first try");
    type_name(&mut scene, "first try", Key::Enter);
    assert!(scene.command().is_none(), "it is called so already");
    scene.click("Rename first try");
    scene.harness.event(egui::Event::Text("elsewhere".into()));
    scene.harness.run_steps(2);
    scene.click("Runs on this computer");
    assert!(matches!(scene.command(), Some(Command::NameRun { .. })), "a click elsewhere keeps it");
}

#[test]
fn a_bad_name_says_what_is_wrong_and_stays_to_be_mended() {
    let mut scene = scene();
    scene.click(&format!("Rename {OLDER}"));
    type_name(&mut scene, &"long".repeat(20), Key::Enter);
    assert!(scene.command().is_none());
    assert_eq!(scene.harness.query_all_by_label_contains("has 80 characters: shorten it to 60").count(), 1);
    scene.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    type_name(&mut scene, "short", Key::Enter);
    assert!(matches!(scene.command(), Some(Command::NameRun { name, .. }) if name.to_string() == "short"));
    let (what, hint) = ("the folder takes no changes".to_owned(), "copy it".to_owned());
    scene.play([Event::Failed { during: Task::NamingRun, what, hint }]);
    assert!(scene.harness.query_all_by_label_contains("Naming the run: the folder takes no changes").count() >= 1);
    scene.harness.get_by_label(&format!("Open {OLDER}"));
}

#[test]
fn a_key_names_the_run_that_is_shown_from_any_tab_and_a_run_of_others_is_left_alone() {
    let mut scene = scene();
    scene.click("Train tab");
    scene.key(Key::F2);
    assert_eq!(scene.state().tab, Tab::Train, "no run is shown");
    let opened = |run: &Path| RunOpened {
        run: run.into(),
        settings: Box::new(Preset::Small.settings()),
        step: 1240,
        share: 0.5,
        parameters: 460_516,
        images: 60_000,
    };
    scene.play([Event::RunOpened(opened(&path(OLDER)))]);
    scene.key(Key::F2);
    assert_eq!(scene.state().tab, Tab::Runs);
    scene.play([runs()]);
    while scene.command().is_some() {}
    type_name(&mut scene, "by key", Key::Enter);
    assert!(matches!(scene.command(), Some(Command::NameRun { run, .. }) if run == path(OLDER)));

    scene.play([Event::Attached(opened(&path(NEWEST)))]);
    scene.click("Runs tab");
    scene.play([runs()]);
    assert!(!scene.enabled(&format!("Rename {NEWEST}")), "another program trains it");
    assert!(scene.enabled(&format!("Rename {OLDER}")));
    scene.key(Key::F2);
    assert!(scene.harness.query_by_label(FIELD).is_none());
}
