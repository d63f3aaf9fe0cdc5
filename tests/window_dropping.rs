//! Journey: files are dragged over the window, which says what dropping them would do, and are dropped or taken away.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::path::Path;

use diffuscope::app::Tab;
use diffuscope::config::DataSource;
use diffuscope::engine::{Activity, Command, Event};
use diffuscope::window::Window;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::Scene;

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

#[test]
fn a_folder_of_images_is_told_before_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("my digits");
    std::fs::create_dir(&images).unwrap();
    let path = images.to_str().unwrap();
    let mut scene = scene();
    assert!(scene.harness.query_by_label("Drop it here").is_none());
    scene.hold_over(&[path]);
    scene.harness.get_by_label("Drop it here");
    scene.harness.get_by_label("my digits");
    scene.harness.get_by_label("The next run learns from these images");
    scene.hold_over(&[]);
    assert!(scene.harness.query_by_label("Drop it here").is_none(), "it was taken away again");
    assert_eq!(scene.state().settings.data.source, DataSource::Mnist);

    scene.hold_over(&[path]);
    scene.hold_over(&[]);
    scene.drop_files(&[path]);
    assert_eq!(
        (scene.state().tab, &scene.state().settings.data.source),
        (Tab::Data, &DataSource::Path(images.clone()))
    );
    assert!(scene.harness.query_by_label("Drop it here").is_none());
}

#[test]
fn what_cannot_be_used_is_told_with_what_can() {
    let mut scene = scene();
    scene.play([Event::Activity(Activity::Training)]);
    scene.hold_over(&["/data/ada/notes.txt", "/data/ada/unet.pth"]);
    scene.harness.get_by_label("None of these can be used here");
    scene.harness.get_by_label("Nothing that can be opened here");
    scene.harness.get_by_label("Cannot be opened while a run trains: stop it first");
    scene.harness.get_by_label_contains("What can be dropped: a run folder, weights");
    scene.play([Event::Activity(Activity::Idle)]);
    scene.harness.get_by_label("Drop them here");
    scene.harness.get_by_label("Opens the weights, to draw with them");
    while scene.commands.try_recv().is_ok() {}
    scene.drop_files(&["/data/ada/unet.pth"]);
    let opened = |command| matches!(command, Some(Command::Open { path }) if path == Path::new("/data/ada/unet.pth"));
    assert!(opened(scene.command()));
}

#[test]
fn of_many_files_the_first_are_named_and_the_others_counted() {
    let mut scene = scene();
    let paths: Vec<_> = (0..9).map(|i| format!("/data/ada/{i}.png")).collect();
    scene.hold_over(&paths.iter().map(String::as_str).collect::<Vec<_>>());
    scene.harness.get_by_label("4.png");
    assert!(scene.harness.query_by_label("5.png").is_none());
    scene.harness.get_by_label("and 4 more");
}
