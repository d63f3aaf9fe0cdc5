//! Journeys: what pointing at something says lies over nothing that is used there, and ends with the pointing.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::Action;
use diffuscope::window::Window;
use egui::{Key, Pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, in_the_middle};

fn scene() -> Scene {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]));
    in_the_middle(&mut scene);
    scene
}

/// The pointer comes to a place and rests there.
fn rest_at(scene: &mut Scene, at: Pos2) {
    scene.harness.hover_at(at - vec2(3.0, 0.0));
    scene.harness.run_steps(1);
    scene.harness.hover_at(at);
    scene.harness.run_steps(60);
}

#[test]
fn a_tip_of_the_strip_lies_over_none_of_its_controls() {
    let mut scene = scene();
    let top = scene.harness.get_by_label("Play").rect().top();
    let above = |tip: egui::Rect, what: &str| {
        assert!(tip.bottom() <= top, "{what}: {tip} over the controls, which begin at {top}");
        assert!(tip.left() >= 0.0 && tip.right() <= 1440.0, "{what}: {tip}");
    };
    let buttons = [
        ("To the noise", "To the noise. Key: Home"),
        ("Play", "Play the film. Key: Space"),
        ("Play speed: 1×", "How fast the film is played"),
        ("your drawing", "What you had drawn last"),
        ("Film along: Training step", "The same noise at one timestep"),
        ("Record", "Draw the digits with"),
        ("GIF", "Save the film as it is shown"),
        ("Save…", "Write pictures, the film or the weights"),
    ];
    for (button, words) in buttons {
        let at = scene.harness.get_by_label(button).rect().center();
        rest_at(&mut scene, at);
        let tips = scene.harness.query_all_by_label_contains(words);
        // Some widgets are called the same as what is said of them.
        let tip = tips.map(|node| node.rect()).find(|rect| !rect.contains(at));
        above(tip.unwrap_or_else(|| panic!("nothing is said of {button}")), button);
    }
    let rails = [
        ("Timestep of the film", "Drag to a timestep", 0.02),
        ("Timestep of the film", "Drag to a timestep", 0.5),
        ("Timestep of the film", "Drag to a timestep", 0.98),
        ("Training step of the film", "The step of training whose model", 0.1),
        ("Noise level", "The noise level √(1−ᾱ) of the schedule", 0.9),
    ];
    for (rail, words, share) in rails {
        let rect = scene.harness.get_by_label_contains(rail).rect();
        rest_at(&mut scene, rect.lerp_inside(vec2(share, 0.5)));
        let tip = scene.harness.get_by_label_contains(words).rect();
        above(tip, &format!("{rail} at {share}"));
        assert!(tip.height() < 48.0, "{rail} at {share}: {tip}");
    }
}

#[test]
fn the_tip_of_the_film_ends_with_the_press_and_comes_again_with_the_pointer() {
    let mut scene = scene();
    let tips = |scene: &Scene| scene.harness.query_all_by_label_contains("Drag to a timestep").count();
    let at = scene.harness.get_by_label("Timestep of the film").rect().center();
    rest_at(&mut scene, at);
    assert_eq!(tips(&scene), 1);
    scene.harness.drag_at(at);
    scene.harness.run_steps(2);
    assert_eq!(tips(&scene), 0, "pressed");
    scene.harness.hover_at(at + vec2(80.0, 0.0));
    scene.harness.run_steps(60);
    assert_eq!(tips(&scene), 0, "held");
    scene.harness.drop_at(at + vec2(80.0, 0.0));
    scene.harness.run_steps(120);
    assert_eq!(tips(&scene), 0, "let go");
    scene.harness.hover_at(egui::pos2(700.0, 300.0));
    scene.harness.run_steps(10);
    rest_at(&mut scene, at);
    assert_eq!(tips(&scene), 1, "it came anew");
}

#[test]
fn over_the_loss_plot_are_the_values_alone_and_its_title_says_what_can_be_done() {
    let mut scene = scene();
    let moves = |scene: &Scene| scene.harness.query_all_by_label_contains("Ctrl and the wheel").count();
    let plot = scene.harness.get_by_label_contains("Loss plot, ").rect();
    rest_at(&mut scene, plot.center());
    assert!(scene.harness.query_all_by_label_contains("held out 0.").count() >= 1, "the values are told");
    assert_eq!(moves(&scene), 0);
    let title = scene.harness.query_all_by_label("Loss").next().unwrap().rect().center();
    rest_at(&mut scene, title);
    assert_eq!(moves(&scene), 1);
}

#[test]
fn what_lies_behind_the_list_of_actions_neither_tells_nor_is_pressed() {
    let mut scene = scene();
    let button = scene.harness.get_by_label("Stop and keep").rect().center();
    scene.act(Action::Palette(true));
    rest_at(&mut scene, button);
    let tips = scene.harness.query_all_by_label("Stop and keep").count();
    assert_eq!(tips, 1, "the button, and no tip");
    scene.harness.drag_at(button);
    scene.harness.drop_at(button);
    scene.harness.run_steps(4);
    assert!(scene.command().is_none(), "the press was for the list");
    assert!(!scene.state().palette, "which it closed");
    rest_at(&mut scene, button);
    assert_eq!(scene.harness.query_all_by_label("Stop and keep").count(), 2, "now the tip is told");
    scene.key(Key::Escape);
}
