//! Journey: the drawing is redrawn as its settings change, on a scripted engine.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::config::{Preset, SamplingSettings};
use diffuscope::engine::{Command, Event, Task};
use diffuscope::pictures::Pictures;
use diffuscope::window::Window;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, digits, model_opened, recording};

/// The Sample tab with 64 drawn digits, redrawn as settings change.
fn scene() -> Scene {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]));
    scene.play([model_opened(Preset::Small.settings())]);
    scene.play(recording(1, 64, 20));
    scene.click("Sample tab");
    scene.click("Fold the settings");
    while scene.command().is_some() {}
    scene.click("as I change");
    let (settings, generation) = redrawn(&mut scene);
    assert_eq!((settings, generation), (Preset::Small.settings().sampling, 1), "it begins with what is set");
    scene.play([Event::Redrawing { generation: 1 }]);
    scene.play(recording(2, 64, 4));
    assert!(scene.command().is_none());
    scene
}

fn redrawn(scene: &mut Scene) -> (SamplingSettings, u64) {
    match scene.command() {
        Some(Command::Redraw { settings, generation }) => (settings, generation),
        other => panic!("no redrawing, but {other:?}"),
    }
}

fn rough(first: usize, count: usize, shade: u8) -> Event {
    let pictures = Pictures { width: 28, height: 28, pixels: vec![shade; 8 * 784] };
    Event::Rough { first, count, pictures, classes: vec![None; count], seconds: 0.034 }
}

#[test]
fn every_setting_of_the_drawing_redraws_it() {
    let mut scene = scene();
    let settings = |change: &dyn Fn(&mut SamplingSettings)| {
        let mut settings = Preset::Small.settings().sampling;
        change(&mut settings);
        settings
    };
    let preset = Preset::Small.settings().sampling;
    scene.set("Steps", "7");
    assert_eq!(redrawn(&mut scene), (settings(&|s| s.steps = 7), 2));
    scene.play([Event::Redrawing { generation: 2 }]);
    scene.set("Steps", &preset.steps.to_string());
    assert_eq!(redrawn(&mut scene).1, 3);
    let mut generation = 3;
    for (name, text, wanted) in [
        ("η", "0.5", settings(&|s| s.eta = 0.5)),
        ("Guidance", "2", settings(&|s| (s.eta, s.guidance) = (0.5, 2.0))),
        ("Count", "5", settings(&|s| (s.eta, s.guidance, s.count) = (0.5, 2.0, 5))),
        ("Seed", "9", settings(&|s| (s.eta, s.guidance, s.count, s.seed) = (0.5, 2.0, 5, 9))),
    ] {
        scene.play([Event::Redrawing { generation }]);
        scene.set(name, text);
        generation += 1;
        assert_eq!(redrawn(&mut scene), (wanted, generation), "{name}");
    }
    scene.play([Event::Redrawing { generation }]);
    scene.click("Weights: Raw");
    assert_eq!(redrawn(&mut scene).1, generation + 1);
    scene.play([Event::Redrawing { generation: generation + 1 }]);
    scene.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Z);
    assert_eq!(redrawn(&mut scene).1, generation + 2, "a change that is taken back is one");
    scene.play([Event::Redrawing { generation: generation + 2 }]);
    scene.set("Count", "0");
    assert!(scene.command().is_none(), "what cannot work is not asked for");
    scene.set("Count", "6");
    assert_eq!(redrawn(&mut scene).0.count, 6);
}

#[test]
fn changes_do_not_queue_up_and_nothing_of_older_ones_is_shown() {
    let mut scene = scene();
    let shown = |scene: &Scene| scene.state().recording.as_ref().map(|recording| recording.id);
    scene.set("Seed", "1");
    assert_eq!(redrawn(&mut scene).1, 2);
    for seed in ["2", "3", "4"] {
        scene.set("Seed", seed);
        assert!(scene.command().is_none(), "one is on its way");
    }
    // The drawing before still tells of itself, until the engine took the change.
    scene.play(recording(3, 64, 4));
    scene.play([rough(0, 64, 1)]);
    assert_eq!(shown(&scene), Some(2));
    assert!(scene.state().live.rough().is_none());
    scene.play([Event::Redrawing { generation: 2 }]);
    let (settings, generation) = redrawn(&mut scene);
    assert_eq!((settings.seed, generation), (4, 3), "only the newest is asked for");
    scene.play([rough(0, 64, 2)]);
    assert!(scene.state().live.rough().is_none(), "of the change that was passed over");
    scene.play([Event::Redrawing { generation: 3 }, rough(0, 64, 3)]);
    assert_eq!(scene.state().live.rough().unwrap().pictures.pixels[0], 3);
    scene.play(recording(5, 64, 4));
    assert_eq!(shown(&scene), Some(5));
    assert!(scene.command().is_none());
}

#[test]
fn the_first_look_fills_the_grid_and_gives_way_to_the_full_drawing() {
    let mut scene = scene();
    let clean = digits(64).0;
    scene.set("Seed", "1");
    redrawn(&mut scene);
    assert!(scene.harness.query_by_label("Draw").is_none());
    scene.play([Event::Redrawing { generation: 2 }, rough(0, 64, 7)]);
    scene.harness.get_by_label("a first look, after 34 ms");
    let pictures = |scene: &Scene| scene.state().live.rough().map(|rough| rough.pictures.pixels.clone());
    let now = pictures(&scene).unwrap();
    assert!(now[..8 * 784].iter().all(|pixel| *pixel == 7));
    assert_eq!(now[8 * 784..], clean.pixels[8 * 784..], "the others stay as they were");
    scene.play([rough(8, 64, 9)]);
    assert_eq!(pictures(&scene).unwrap()[16 * 784 - 1], 9);
    let mut full = recording(3, 64, 4);
    let ended = full.pop().unwrap();
    scene.play(full);
    assert!(pictures(&scene).is_some(), "noise does not take the place of digits");
    scene.play([ended]);
    assert!(pictures(&scene).is_none());
    scene.harness.get_by_label("drawn in 1.3 s");
    scene.click("Draw");
    assert!(matches!(scene.command(), Some(Command::Sample { .. })));

    scene.set("Seed", "2");
    redrawn(&mut scene);
    let (what, hint) = ("no room".to_owned(), "draw fewer".to_owned());
    scene.play([Event::Redrawing { generation: 3 }, Event::Failed { during: Task::Sampling, what, hint }]);
    scene.harness.get_by_label("Draw");
}

#[test]
fn the_key_switches_it_and_it_stays_off_by_itself() {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]));
    scene.play([model_opened(Preset::Small.settings())]);
    scene.click("Sample tab");
    scene.click("Fold the settings");
    while scene.command().is_some() {}
    scene.set("Seed", "5");
    assert!(scene.command().is_none());
    scene.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::R);
    assert_eq!(redrawn(&mut scene).0.seed, 5);
    scene.play([Event::Redrawing { generation: 1 }]);
    scene.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::R);
    scene.harness.run_steps(2);
    scene.set("Seed", "6");
    assert!(scene.command().is_none());
}
