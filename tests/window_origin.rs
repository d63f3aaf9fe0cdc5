//! Journey: a digit is slid into noise and reversed from there, on a scripted engine.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::path::PathBuf;

use diffuscope::app::{Action, OriginAction, OriginPick, OriginSource, Tab};
use diffuscope::config::Preset;
use diffuscope::data::reading::{Part, Reading};
use diffuscope::engine::{Command, Event, Task};
use diffuscope::pictures::Pictures;
use diffuscope::sampling::origin::OriginImage;
use diffuscope::window::Window;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, digits, model_opened, recording};

fn scene() -> Scene {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 1100.0]));
    scene.play([model_opened(Preset::Small.settings())]);
    scene.click("Sample tab");
    while scene.command().is_some() {}
    scene.click("Choose a digit");
    assert_eq!(picked(&mut scene), OriginPick::Test { from: 0, forward: true, class: None });
    scene.harness.get_by_label("no clean picture yet");
    scene
}

fn picked(scene: &mut Scene) -> OriginPick {
    match scene.command() {
        Some(Command::FindOrigin { pick, size: 28, .. }) => pick,
        other => panic!("nothing is looked for, but {other:?}"),
    }
}

/// The seven of ten digits.
fn seven() -> Pictures {
    Pictures { width: 28, height: 28, pixels: digits(10).0.get(7).to_vec() }
}

fn found(source: OriginSource, class: Option<u8>, bright: bool) -> Event {
    let image = OriginImage { picture: seven(), class, bright };
    let of = matches!(source, OriginSource::Test(_)).then_some(10_000);
    Event::OriginFound { source, image, of }
}

#[test]
fn a_digit_is_slid_into_noise_and_reversed_from_there() {
    let mut scene = scene();
    scene.play([found(OriginSource::Test(0), Some(7), false)]);
    scene.harness.get_by_label("test digit 1 of 10,000, a 7");
    for name in ["clean picture", "noised to t picture", "no reversed picture yet"] {
        scene.harness.get_by_label(name);
    }
    let x_t = |scene: &Scene| scene.state().origin.shown().unwrap().1.pixels.clone();
    assert_eq!(scene.state().origin.t, 400);
    scene.set("Noised to t", "300");
    let at_300 = x_t(&scene);
    scene.set("Noised to t", "301");
    let step = at_300.iter().zip(x_t(&scene)).map(|(a, b)| a.abs_diff(b)).max();
    assert!(step > Some(0) && step < Some(6), "one timestep on it is nearly the same: {step:?}");
    scene.set("Noised to t", "1");
    let nearly = seven().pixels.iter().zip(x_t(&scene)).map(|(a, b)| a.abs_diff(b)).max();
    assert!(nearly < Some(40), "{nearly:?}");
    scene.set("Noised to t", "300");
    assert_eq!(x_t(&scene), at_300);

    scene.click("Reverse from here");
    let Some(Command::Reverse { settings, origin }) = scene.command() else { panic!("it is reversed") };
    assert_eq!(settings, Preset::Small.settings().sampling);
    assert_eq!((origin.picture, origin.class, origin.t), (seven(), Some(7), 300));
    scene.play(recording(2, 64, 10));
    scene.harness.get_by_label("reversed picture");
    // As when its device was lost: it begins again.
    scene.play(recording(2, 64, 10));
    scene.harness.get_by_label("reversed picture");
    // Another drawing is none of its results.
    scene.play(recording(3, 64, 10));
    scene.harness.get_by_label("no reversed picture yet");
    // The seed of the drawing is that of the noise.
    scene.click("Fold the settings");
    scene.set("Seed", "4");
    assert_ne!(x_t(&scene), at_300);
}

#[test]
fn test_digits_are_stepped_through_by_class_or_taken_at_random() {
    let mut scene = scene();
    scene.play([found(OriginSource::Test(0), Some(7), false)]);
    scene.click("Test digit before");
    assert_eq!(picked(&mut scene), OriginPick::Test { from: 9_999, forward: false, class: None });
    assert!(!scene.enabled("Next test digit"), "one at a time");
    scene.play([found(OriginSource::Test(9_999), Some(6), false)]);
    scene.click("Next test digit");
    assert_eq!(picked(&mut scene), OriginPick::Test { from: 0, forward: true, class: None });
    scene.play([found(OriginSource::Test(0), Some(7), false)]);
    scene.click("Test digits: any digit");
    scene.click("only 3");
    assert_eq!(picked(&mut scene), OriginPick::Test { from: 0, forward: true, class: Some(3) });
    scene.play([found(OriginSource::Test(18), Some(3), false)]);
    scene.click("Any other test digit");
    assert!(matches!(picked(&mut scene), OriginPick::Test { class: Some(3), .. }));
    let (what, hint) = ("cannot read it".to_owned(), "check it".to_owned());
    scene.play([Event::Failed { during: Task::FindingOrigin, what, hint }]);
    assert!(scene.harness.query_all_by_label_contains("Finding the picture: cannot read it").count() >= 1);
    assert!(scene.enabled("Next test digit"), "it does not stay looking");
}

#[test]
fn a_picture_of_ones_own_is_taken_by_its_path_or_dropped_and_can_be_inverted() {
    let mut scene = scene();
    scene.play([found(OriginSource::Test(0), Some(7), false)]);
    assert!(scene.harness.query_by_label("invert the picture").is_none());
    let path = PathBuf::from("/data/ada/seven.png");
    scene.type_into("path of a picture", "/data/ada/seven.png");
    scene.click("Use the picture");
    assert_eq!(picked(&mut scene), OriginPick::File(path.clone()));
    scene.play([found(OriginSource::File(path.clone()), None, true)]);
    scene.harness.get_by_label("seven.png");
    scene.harness.get_by_label_contains("Its background is bright");
    let clean = |scene: &Scene| scene.state().origin.shown().unwrap().0.pixels.clone();
    let inverted: Vec<u8> = seven().pixels.iter().map(|pixel| 255 - pixel).collect();
    assert_eq!(clean(&scene), inverted, "ink on paper becomes white on black");
    scene.click("invert the picture");
    assert_eq!(clean(&scene), seven().pixels);
    scene.click("Reverse from here");
    let Some(Command::Reverse { origin, .. }) = scene.command() else { panic!("it is reversed") };
    assert_eq!((origin.class, origin.picture), (None, seven()));

    scene.drop_files(&[path.to_str().unwrap()]);
    assert_eq!(picked(&mut scene), OriginPick::File(path));
}

#[test]
fn keys_open_the_section_and_reverse_and_without_a_model_there_is_a_reason() {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]));
    let press = |scene: &mut Scene, modifiers, key| {
        scene.harness.key_press_modifiers(modifiers, key);
        scene.harness.run_steps(3);
    };
    let shift = egui::Modifiers { shift: true, ..egui::Modifiers::COMMAND };
    press(&mut scene, egui::Modifiers::COMMAND, egui::Key::J);
    assert_eq!((scene.state().tab, scene.state().origin.open), (Tab::Sample, true));
    picked(&mut scene);
    scene.play([found(OriginSource::Test(0), Some(7), false)]);
    assert!(!scene.enabled("Reverse from here"), "there is no model");
    scene.play([model_opened(Preset::Small.settings())]);
    while scene.command().is_some() {}
    press(&mut scene, shift, egui::Key::J);
    assert!(matches!(scene.command(), Some(Command::Reverse { .. })));
    // A model of other sizes has the picture found again.
    let mut larger = Preset::Small.settings();
    larger.data.image_size = 32;
    scene.play([model_opened(larger)]);
    let again = std::iter::from_fn(|| scene.command()).find(|command| matches!(command, Command::FindOrigin { .. }));
    assert!(matches!(again, Some(Command::FindOrigin { size: 32, pick: OriginPick::Test { from: 0, .. }, .. })));
}

#[test]
fn the_reverse_follows_t_while_drawings_are_redrawn_as_they_change() {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]));
    scene.play([model_opened(Preset::Small.settings())]);
    scene.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::J);
    scene.harness.run_steps(3);
    while scene.command().is_some() {}
    scene.play([found(OriginSource::Test(0), Some(7), false)]);
    while scene.command().is_some() {}
    let reversed = |scene: &mut Scene| match scene.command() {
        Some(Command::Reverse { origin, .. }) => Some(origin.t),
        None => None,
        other => panic!("{other:?}"),
    };
    scene.set("Noised to t", "600");
    assert_eq!(reversed(&mut scene), None, "nothing was reversed yet");
    scene.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::R);
    scene.harness.run_steps(3);
    let Some(Command::Redraw { generation, .. }) = scene.command() else { panic!("it is redrawn at once") };
    scene.play([Event::Redrawing { generation }]);
    scene.play(recording(1, 4, 10));
    scene.set("Noised to t", "650");
    assert_eq!(reversed(&mut scene), None, "what is shown is no reverse");
    scene.click("Reverse from here");
    assert_eq!(reversed(&mut scene), Some(650));
    scene.play(recording(2, 4, 10));
    scene.set("Noised to t", "700");
    assert_eq!(reversed(&mut scene), Some(700));
    scene.set("Noised to t", "710");
    scene.set("Noised to t", "720");
    assert_eq!(reversed(&mut scene), None, "the one before has not begun");
    scene.play(recording(3, 4, 10));
    assert_eq!(reversed(&mut scene), Some(720), "only the newest is asked for");
    scene.play(recording(4, 4, 10));
    assert_eq!(reversed(&mut scene), None);
}

#[test]
fn a_large_folder_shows_how_far_it_is_read_and_can_be_left() {
    let mut scene = scene();
    scene.play([found(OriginSource::Test(0), Some(7), false)]);
    assert!(scene.harness.query_by_label("Stop reading").is_none());
    scene.click("Next test digit");
    picked(&mut scene);
    let during = Task::FindingOrigin;
    let reading = Reading { part: Part::Pictures, done: 41_200, total: 100_000 };
    scene.play([Event::ReadingImages { during, reading }]);
    scene.harness.get_by_label("Reading the images: 41,200 of 100,000");
    scene.click("Stop reading");
    assert!(matches!(scene.command(), Some(Command::StopReading)));
    scene.play([Event::ReadingStopped { during }]);
    scene.harness.get_by_label("test digit 1 of 10,000, a 7");
    assert!(scene.harness.query_by_label("Stop reading").is_none() && scene.enabled("Next test digit"));

    scene.click("Next test digit");
    picked(&mut scene);
    scene.play([Event::ReadingImages { during, reading }]);
    scene.harness.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::F5);
    assert!(matches!(scene.command(), Some(Command::StopReading)));
    scene.play([found(OriginSource::Test(1), Some(2), false)]);
    scene.harness.get_by_label("test digit 2 of 10,000, a 2");
}

#[test]
fn what_is_shown_as_reversed_began_with_the_picture_and_the_noise_beside_it() {
    let mut scene = scene();
    scene.play([found(OriginSource::Test(0), Some(7), false)]);
    scene.click("Reverse from here");
    assert!(matches!(scene.command(), Some(Command::Reverse { .. })));
    scene.play(recording(2, 64, 10));
    scene.act(Action::Follow(27));
    let first = scene.state().origin_result().unwrap();
    assert_eq!(first.get(0), digits(1).0.get(0), "the x_t that is shown is that of the first picture");

    // Without "as I change" what began with something else is taken away until it is reversed again.
    scene.set("Noised to t", "300");
    scene.harness.get_by_label("no reversed picture yet");
    scene.click("Reverse from here");
    scene.play(recording(3, 64, 10));
    scene.harness.get_by_label("reversed picture");
    while scene.command().is_some() {}
    scene.play([found(OriginSource::Test(1), Some(2), false)]);
    scene.harness.get_by_label("no reversed picture yet");
    assert!(scene.command().is_none());

    // With it, the new picture is reversed by itself.
    scene.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::R);
    scene.harness.run_steps(3);
    let reversed = std::iter::from_fn(|| scene.command()).any(|command| matches!(command, Command::Reverse { .. }));
    assert!(reversed, "it is reversed as it changed");
}

#[test]
fn where_no_dialog_opens_the_path_of_a_picture_is_typed() {
    let mut scene = scene();
    scene.act(Action::Origin(OriginAction::Browsed(None)));
    let says = "If no dialog opened, type its path here, then press Use.";
    assert!(scene.harness.query_by_label_contains(says).is_some());
    assert!(!scene.state().origin.browsing);
    scene.type_into("path of a picture", "/tmp/eight.png");
    assert!(scene.harness.query_by_label_contains(says).is_none(), "it was typed");
    assert_eq!(scene.state().origin.path, "/tmp/eight.png");
}
