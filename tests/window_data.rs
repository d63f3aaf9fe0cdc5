//! Journey: which images are learned from, looked at before training.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{ContactSheet, Tab};
use diffuscope::config::{DataSettings, DataSource, Digits};
use diffuscope::data::reading::{Part, Reading};
use diffuscope::engine::{Activity, Command, Event, Task};
use diffuscope::window::Window;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, data_seen};

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

#[track_caller]
fn asked(scene: &mut Scene) -> (DataSettings, u64, bool) {
    match scene.command() {
        Some(Command::LookAtData { data, seed, again }) => (*data, seed, again),
        other => panic!("no question, but {other:?}"),
    }
}

#[test]
fn digits_are_chosen_and_their_images_and_counts_are_seen() {
    let mut scene = scene();
    assert!(scene.command().is_none(), "nothing is read before it is wanted");
    scene.click("Data tab");
    let (data, seed, again) = asked(&mut scene);
    assert_eq!((data.digits, again), (Digits::ALL, false));
    scene.harness.get_by_label_contains("Reading the images");
    scene.play([data_seen(&data, seed)]);
    scene.harness.get_by_label_contains("60,000 images to learn from (all), 10,000 to measure on");
    scene.harness.get_by_label("Class 1: 6,742 images");
    scene.harness.get_by_label_contains("10 rows of 16 images");
    assert!(scene.command().is_none(), "it is known");

    for digit in (0..10).filter(|digit| ![3, 7].contains(digit)) {
        scene.click(&format!("Learn the digit {digit}"));
    }
    let mut newest = asked(&mut scene);
    assert!(scene.command().is_none(), "one question at a time");
    assert!(newest.0.digits.contains(9), "asked at the first change");
    scene.play([data_seen(&newest.0, newest.1)]);
    newest = asked(&mut scene);
    assert_eq!(newest.0.digits, Digits::of(&[3, 7]).unwrap());
    scene.play([data_seen(&newest.0, newest.1)]);
    scene.harness.get_by_label("Class 3: 6,131 images");
    assert!(scene.harness.query_by_label_contains("Class 1:").is_none());
    scene.harness.get_by_label_contains("12,396 images to learn from");

    scene.click("Learn the digit 3");
    scene.click("Learn the digit 7");
    assert!(scene.harness.query_all_by_label_contains("no digit to learn from is chosen").count() > 0);
    let (data, seed, _) = asked(&mut scene);
    scene.play([data_seen(&data, seed)]);
    assert!(scene.command().is_none(), "there is nothing to ask about");
    scene.harness.get_by_label("No digit is chosen");
    assert!(
        scene.harness.query_by_label_contains("rows of 16 images").is_none(),
        "what was seen before is no longer meant"
    );
    assert!(!scene.state().problems.is_empty(), "and nothing to train on");
}

#[test]
fn a_folder_and_an_idx_file_that_are_dropped_are_learned_from() {
    let mut scene = scene();
    let folder = tempfile::tempdir().unwrap();
    scene.drop_files(&[folder.path().to_str().unwrap()]);
    assert_eq!(scene.state().tab, Tab::Data);
    assert_eq!(scene.state().settings.data.source, DataSource::Path(folder.path().into()));
    let (data, ..) = asked(&mut scene);
    assert_eq!(data.source, DataSource::Path(folder.path().into()));
    let (what, hint) = ("holds no images".to_owned(), "give a folder of images".to_owned());
    scene.play([Event::Failed { during: Task::ReadingData, what, hint }]);
    scene.harness.get_by_label("holds no images: give a folder of images");
    assert!(scene.state().notices.newest_failure().is_none(), "the tab says it");
    assert!(scene.command().is_none(), "it is not asked again and again");
    scene.click("Look again");
    assert!(asked(&mut scene).2, "the files may have changed");

    let file = folder.path().join("train-images-idx3-ubyte.gz");
    std::fs::write(&file, "").unwrap();
    scene.drop_files(&[file.to_str().unwrap()]);
    assert_eq!(scene.state().settings.data.source, DataSource::Path(file));

    let notes = folder.path().join("notes.txt");
    std::fs::write(&notes, "").unwrap();
    scene.drop_files(&[notes.to_str().unwrap()]);
    assert!(scene.harness.query_all_by_label_contains("notes.txt is nothing that can be opened").count() > 0);
}

#[test]
fn while_other_images_are_read_none_are_taken_for_them() {
    let mut scene = scene();
    scene.click("Data tab");
    let (data, seed, _) = asked(&mut scene);
    scene.play([data_seen(&data, seed)]);
    let folder = tempfile::tempdir().unwrap();
    scene.drop_files(&[folder.path().to_str().unwrap()]);
    let (data, ..) = asked(&mut scene);
    scene.harness.get_by_label("Reading the images…");
    assert!(scene.harness.query_by_label_contains("60,000 images to learn from").is_none());
    let (what, hint) = ("holds no images".to_owned(), "give a folder of images".to_owned());
    scene.play([Event::Failed { during: Task::ReadingData, what, hint }]);
    scene.harness.get_by_label("holds no images: give a folder of images");
    scene.click("Learn the digit 0");
    let (next, ..) = asked(&mut scene);
    assert_eq!((next.source, next.digits), (data.source, Digits::ALL.toggled(0)));
    scene.harness.get_by_label("Reading the images…");
    assert!(scene.harness.query_by_label_contains("holds no images").is_none(), "that was another question");
}

/// Said when the images are looked at, not when the run fails to begin; and the images of a folder are let go of when
/// the tab is left.
#[test]
fn images_without_classes_are_told_at_once_and_one_button_helps() {
    let mut scene = scene();
    let folder = tempfile::tempdir().unwrap();
    scene.drop_files(&[folder.path().to_str().unwrap()]);
    let (data, seed, _) = asked(&mut scene);
    let mnist = scene::data_seen(&DataSettings { source: DataSource::Mnist, ..data.clone() }, seed);
    let Event::DataSeen { sheet, .. } = mnist else { panic!("not a sheet") };
    let sheet = ContactSheet { classes: Vec::new(), ..(*sheet).clone() };
    scene.play([Event::DataSeen { data: Box::new(data), seed, sheet: sheet.into() }]);
    scene.harness.get_by_label_contains("These images have no classes");
    scene.click("Train without classes");
    assert!(!scene.state().settings.network.classes);
    assert!(scene.harness.query_by_label("Train without classes").is_none());
    while scene.command().is_some() {}
    scene.click("Train tab");
    assert!(matches!(scene.command(), Some(Command::ForgetData)));
    assert!(scene.command().is_none(), "once");
}

fn reading(during: Task, part: Part, done: u64) -> Event {
    Event::ReadingImages { during, reading: Reading { part, done, total: 100_000 } }
}

/// What was shown before is shown again; nothing of what was half-read.
#[test]
fn a_large_folder_shows_how_far_it_is_read_and_can_be_left() {
    let mut scene = scene();
    let folder = tempfile::tempdir().unwrap();
    let path = DataSource::Path(folder.path().into());
    scene.drop_files(&[folder.path().to_str().unwrap()]);
    assert_eq!(asked(&mut scene).0.source, path);
    assert!(scene.harness.query_by_label("Stop reading").is_none(), "it may take no time");
    scene.play([reading(Task::ReadingData, Part::Sizes, 41_200)]);
    scene.harness.get_by_label("Measuring the images: 41,200 of 100,000");
    scene.play([reading(Task::ReadingData, Part::Pictures, 1_234)]);
    scene.harness.get_by_label("Reading the images: 1,234 of 100,000");
    scene.click("Stop reading");
    assert!(matches!(scene.command(), Some(Command::StopReading)));
    scene.play([Event::ReadingStopped { during: Task::ReadingData }]);
    assert_eq!(scene.state().settings.data.source, DataSource::Mnist, "as before it was dropped");
    let (data, seed, _) = asked(&mut scene);
    assert_eq!(data.source, DataSource::Mnist);
    scene.play([data_seen(&data, seed)]);
    scene.harness.get_by_label_contains("60,000 images to learn from");
    assert!(scene.harness.query_by_label("Stop reading").is_none());

    // What was seen is shown at once, and the folder is a step of undo away.
    scene.drop_files(&[folder.path().to_str().unwrap()]);
    asked(&mut scene);
    scene.play([reading(Task::ReadingData, Part::Bytes, 50_000)]);
    scene.harness.get_by_label("Reading the images: 50 %");
    scene.harness.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::F5);
    scene.harness.run_steps(2);
    assert!(matches!(scene.command(), Some(Command::StopReading)));
    scene.play([Event::ReadingStopped { during: Task::ReadingData }]);
    scene.harness.get_by_label_contains("60,000 images to learn from");
    assert!(scene.command().is_none(), "it is known");
    scene.act(diffuscope::app::Action::Undo);
    assert_eq!(asked(&mut scene).0.source, path);

    // The same images once more: what was seen of them stays.
    scene.play([Event::ReadingStopped { during: Task::ReadingData }]);
    scene.click("Look again");
    asked(&mut scene);
    scene.play([reading(Task::ReadingData, Part::Sizes, 1), Event::ReadingStopped { during: Task::ReadingData }]);
    scene.harness.get_by_label_contains("60,000 images to learn from");
}

#[test]
fn a_run_whose_images_are_read_shows_how_far_it_is_and_can_be_left() {
    let mut scene = scene();
    scene.click("Train");
    assert!(matches!(scene.command(), Some(Command::Train { .. })));
    scene.play([Event::Activity(Activity::Preparing)]);
    assert!(!scene.enabled("Stop and keep"), "it may take no time");
    scene.play([reading(Task::StartingRun, Part::Pictures, 41_200)]);
    scene.harness.get_by_label("Reading the images: 41,200 of 100,000");
    scene.click("Stop reading the images");
    assert!(matches!(scene.command(), Some(Command::Stop)));
    scene.play([Event::Notice("the run did not begin".into()), Event::Activity(Activity::Idle)]);
    assert!(scene.enabled("Train") && scene.state().run.is_none());
    assert!(scene.harness.query_by_label_contains("Reading the images").is_none());
}
