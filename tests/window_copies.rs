//! Journey: is the digit that is followed a copy? The window asks the engine, one question at a time.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::config::{Preset, Subset};
use diffuscope::data::reading::{Part, Reading};
use diffuscope::engine::{Activity, Command, EndReason, Event, Task};
use diffuscope::pictures::Pictures;
use diffuscope::window::Window;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, digits, found, in_the_middle, model_opened, recording, recording_by, run_started};

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

fn asked(scene: &mut Scene) -> Pictures {
    match scene.command() {
        Some(Command::LookForCopies { settings, picture }) => {
            assert_eq!(settings.data, Preset::Small.settings().data);
            picture
        }
        other => panic!("no question, but {other:?}"),
    }
}

#[test]
fn a_digit_is_compared_when_it_is_wanted_and_then_each_that_is_followed() {
    let mut scene = scene();
    scene.harness.get_by_label_contains("Choose a drawn digit");
    in_the_middle(&mut scene);
    scene.click("Picture 28, asked for a 7");
    assert!(scene.command().is_none(), "nothing is read before it is wanted");
    scene.click("Compare");
    let first = asked(&mut scene);
    assert_eq!(first.pixels, digits(64).0.get(27));
    scene.play([Event::LookingForCopies { share: 0.34 }]);
    scene.harness.get_by_label("Reading training images: 34 %");
    scene.click("Picture 3, asked for a 2");
    assert!(scene.command().is_none(), "one question at a time");
    scene.play([found(first, 0.5)]);
    scene.harness.get_by_label_contains("no sign of copying");
    let second = asked(&mut scene);
    assert_eq!(second.pixels, digits(64).0.get(2));
    scene.play([found(second, 0.003)]);
    scene.harness.get_by_label_contains("Nearer to a training image than 99 % of real test 7s: may be a copy.");
    scene.harness.get_by_label("perhaps");
    scene.harness.get_by_label("Training image 1, a 0: distance 4.60 from № 3");
    scene.harness.get_by_label("Training image 4,001, a 4: distance 5.20 from № 3");
    assert!(scene.command().is_none(), "it is known");

    // What is drawn elsewhere is compared too: the digits of an earlier model, and those of the Sample tab.
    scene.key(egui::Key::ArrowDown);
    scene.key(egui::Key::ArrowDown);
    assert!(scene.state().looks_back());
    let third = asked(&mut scene);
    assert_ne!(third.pixels, digits(64).0.get(2));
    scene.play([found(third, 0.03)]);
    scene.harness.get_by_label_contains("unusually near");
    scene.click("Sample tab");
    scene.play(recording(3, 9, 5));
    let drawn = asked(&mut scene);
    scene.play([found(drawn, 0.999)]);
    scene.harness.get_by_label_contains("no copy, and perhaps not well drawn");
}

#[test]
fn what_cannot_be_compared_is_told_and_not_asked_again_and_again() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Compare");
    asked(&mut scene);
    let (what, hint) = ("cannot read /data/ada/letters".to_owned(), "put the folder back".to_owned());
    scene.play([Event::Failed { during: Task::LookingForCopies, what, hint }]);
    scene.harness.get_by_label("cannot read /data/ada/letters: put the folder back");
    assert!(scene.command().is_none());
    scene.click("Picture 5, asked for a 4");
    asked(&mut scene);
    scene.play([run_started(Preset::Small.settings(), 0)]);
}

#[test]
fn a_large_folder_shows_how_far_it_is_read_and_can_be_left() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    let during = Task::LookingForCopies;
    let reading = |part, done| Event::ReadingImages { during, reading: Reading { part, done, total: 100_000 } };
    scene.click("Compare");
    let first = asked(&mut scene);
    scene.play([reading(Part::Sizes, 41_200)]);
    scene.harness.get_by_label("Measuring the images: 41,200 of 100,000");
    scene.play([reading(Part::Pictures, 1_234)]);
    scene.harness.get_by_label("Reading the images: 1,234 of 100,000");
    scene.click("Stop reading");
    assert!(matches!(scene.command(), Some(Command::StopReading)));
    scene.play([Event::ReadingStopped { during }]);
    assert!(scene.command().is_none(), "it is not asked again by itself");

    scene.click("Compare");
    assert_eq!(asked(&mut scene), first);
    scene.play([reading(Part::Pictures, 99_999), Event::LookingForCopies { share: 0.34 }]);
    scene.harness.get_by_label("Reading training images: 34 %");
    scene.harness.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::F5);
    assert!(matches!(scene.command(), Some(Command::StopReading)));
    scene.play([found(first, 0.5)]);
    scene.harness.get_by_label_contains("no sign of copying");
    assert!(scene.harness.query_by_label("Stop reading").is_none());
}

#[test]
fn copies_are_looked_for_among_the_images_of_the_model_that_drew_the_digit() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    let run = "/data/ada/runs/2026-11-24_153012-small".into();
    scene.play([Event::RunEnded { step: 1240, reason: EndReason::Completed, run }, Event::Activity(Activity::Idle)]);
    // Weights of another model are opened beside the grid of the run.
    let mut other = Preset::Nano.settings();
    other.data.subset = Subset::First(64);
    scene.play([model_opened(other.clone())]);
    while scene.command().is_some() {}
    scene.click("Compare");
    let grid = asked(&mut scene);
    scene.play([found(grid, 0.5)]);
    scene.click("Sample tab");
    scene.play(recording_by(&other, 7, 9, 5));
    scene.click("Picture 3, asked for a 2");
    let Some(Command::LookForCopies { settings, .. }) = scene.command() else { panic!("what it drew is compared") };
    assert_eq!(settings.data, other.data);
}
