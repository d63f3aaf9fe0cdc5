//! Journeys by keyboard: the list of all actions, undo and redo, and the way back to the preset.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{LossAxis, Tab};
use diffuscope::config::Preset;
use diffuscope::engine::Command;
use diffuscope::window::Window;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, in_the_middle};

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

fn press(scene: &mut Scene, modifiers: Modifiers, key: Key) {
    scene.harness.key_press_modifiers(modifiers, key);
    scene.harness.run_steps(3);
}

const CTRL_SHIFT: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

#[test]
fn an_action_is_found_by_its_words_and_done_with_enter() {
    let mut scene = scene();
    press(&mut scene, CTRL_SHIFT, Key::P);
    assert!(scene.state().palette);
    scene.harness.get_by_label("command").type_text("tab runs");
    scene.harness.run_steps(3);
    scene.harness.get_by_label("Show the Runs tab (Ctrl+3)");
    assert!(scene.harness.query_by_label("Show the Sample tab (Ctrl+2)").is_none());
    press(&mut scene, Modifiers::NONE, Key::Enter);
    assert_eq!((scene.state().tab, scene.state().palette), (Tab::Runs, false));

    scene.click("Search actions");
    press(&mut scene, Modifiers::NONE, Key::ArrowDown);
    press(&mut scene, Modifiers::NONE, Key::Escape);
    assert!(!scene.state().palette);
}

#[test]
fn a_question_mark_lists_every_key() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.harness.event(egui::Event::Text("?".into()));
    scene.harness.run_steps(3);
    assert!(scene.state().palette);
    for name in ["Train (Ctrl+Enter)", "Film: play or hold (Space)", "Redo the change (Ctrl+Shift+Z)"] {
        scene.harness.get_by_label(name);
    }
    assert!(!scene.enabled("Train (Ctrl+Enter)"), "a run is in progress");
    scene.click("Pause training (Ctrl+P)");
    assert!(matches!(scene.command(), Some(Command::Pause)));
    assert!(!scene.state().palette);
}

#[test]
fn keys_do_what_the_list_says() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    press(&mut scene, Modifiers::COMMAND, Key::T);
    assert_eq!(scene.state().loss.axis, LossAxis::Images);
    press(&mut scene, CTRL_SHIFT, Key::B);
    assert!(!scene.state().right_open && scene.state().left_open);
    press(&mut scene, CTRL_SHIFT, Key::Enter);
    assert!(matches!(scene.command(), Some(Command::Stop)));
}

#[test]
fn changes_are_taken_back_and_made_again() {
    let mut scene = scene();
    let preset = Preset::Small.settings();
    scene.set("Batch", "128");
    scene.set("Timesteps T", "500");
    press(&mut scene, Modifiers::COMMAND, Key::Z);
    let settings = &scene.state().settings;
    assert_eq!((settings.diffusion.timesteps, settings.training.batch_size), (preset.diffusion.timesteps, 128));
    press(&mut scene, CTRL_SHIFT, Key::Z);
    assert_eq!(scene.state().settings.diffusion.timesteps, 500);
    press(&mut scene, Modifiers::COMMAND, Key::Z);
    press(&mut scene, Modifiers::COMMAND, Key::Z);
    assert_eq!(scene.state().settings, preset);
}

#[test]
fn what_was_changed_is_listed_and_goes_back_at_once() {
    let mut scene = scene();
    scene.set("Batch", "128");
    scene.set("Timesteps T", "500");
    scene.click("2 changed from preset");
    for text in ["batch size", "128", "timesteps", "500"] {
        assert!(scene.harness.query_all_by_label(text).count() >= 1, "{text}");
    }
    scene.click("All back to the preset");
    assert_eq!(scene.state().settings, Preset::Small.settings());
    press(&mut scene, Modifiers::COMMAND, Key::Z);
    assert_eq!(scene.state().settings.training.batch_size, 128, "and that can be taken back");
}

#[test]
fn everything_is_drawn_larger_and_smaller() {
    let mut scene = scene();
    let width = |scene: &Scene| scene.harness.ctx.content_rect().width();
    press(&mut scene, Modifiers::COMMAND, Key::Plus);
    press(&mut scene, Modifiers::COMMAND, Key::Equals);
    assert_eq!((scene.state().zoom.factor(), width(&scene)), (1.25, 1440.0 / 1.25));
    press(&mut scene, Modifiers::COMMAND, Key::Minus);
    assert_eq!(scene.state().zoom.factor(), 1.1);
    press(&mut scene, CTRL_SHIFT, Key::P);
    scene.harness.get_by_label("Draw everything larger (Ctrl++)");
    scene.harness.get_by_label("command").type_text("own size");
    scene.harness.run_steps(3);
    scene.click("Draw everything in its own size (Ctrl+0)");
    assert_eq!((scene.state().zoom.factor(), width(&scene)), (1.0, 1440.0));
}
