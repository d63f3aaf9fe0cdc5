//! Journeys by keyboard: the list of all actions, undo and redo, and the way back to the preset.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{Action, LossAxis, Tab};
use diffuscope::config::{Preset, Thresholding};
use diffuscope::engine::Command;
use diffuscope::window::Window;
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
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

#[test]
fn a_slider_of_the_sample_tab_that_is_dragged_is_one_change() {
    let mut scene = scene();
    scene.set("Batch", "128");
    scene.click("Sample tab");
    let rail = scene.harness.get_by_role_and_label(Role::Slider, "Count").rect();
    scene.harness.hover_at(rail.left_center());
    scene.harness.drag_at(rail.left_center());
    for x in 0..300 {
        scene.harness.hover_at(rail.left_center() + egui::vec2(rail.width() * x as f32 / 300.0, 0.0));
        scene.harness.step();
    }
    scene.harness.drop_at(rail.right_center());
    scene.harness.run_steps(2);
    assert!(scene.state().settings.sampling.count > 100);
    press(&mut scene, Modifiers::COMMAND, Key::Z);
    assert_eq!(scene.state().settings.sampling.count, Preset::Small.settings().sampling.count);
    press(&mut scene, Modifiers::COMMAND, Key::Z);
    assert_eq!(scene.state().settings, Preset::Small.settings(), "what was changed before is still there");
}

#[test]
fn the_schedule_is_looked_at_as_it_changes() {
    let mut scene = scene();
    scene.click("Schedule: Linear");
    scene.harness.get_by_label_contains("A digit at t = 400, ᾱ 0.");
    scene.click("Curve: SNR");
    let curve = scene.harness.get_by_label("Timestep of the schedule").rect();
    let at = curve.left_center() + egui::vec2(curve.width() * 0.437, 0.0);
    scene.harness.hover_at(at);
    scene.harness.run_steps(2);
    scene.harness.drag_at(at);
    scene.harness.run_steps(2);
    scene.harness.drop_at(at);
    scene.harness.hover_at(egui::pos2(1.0, 1.0));
    scene.harness.run_steps(3);
    let looked_at = |scene: &Scene| {
        let (t, digit) = scene.state().schedule_look.digit().unwrap();
        (t, (**digit).clone())
    };
    let (t, before) = looked_at(&scene);
    assert!((430..=444).contains(&t), "t = {t}");
    scene.harness.get_by_label_contains(&format!("A digit at t = {t}, SNR 0.1"));

    scene.set("β₁ last", "0.2");
    let (same, noisier) = looked_at(&scene);
    assert!(same == t && noisier != before, "the digit at the chosen t goes along");
    let words = scene.harness.get_by_label_contains(&format!("A digit at t = {t}, SNR")).accesskit_node().label();
    assert!(words.is_some_and(|words| words.contains("e-9")), "hardly a billionth is left");
    scene.click("Curve: β");
    scene.harness.get_by_label_contains(&format!("A digit at t = {t}, β 0.08"));
    scene.harness.get_by_label("Timestep of the schedule").focus();
    press(&mut scene, Modifiers::NONE, Key::ArrowLeft);
    assert_eq!(looked_at(&scene).0, t - 20);
}

#[test]
fn values_below_zero_are_typed_where_a_setting_has_them() {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 1700.0]));
    scene.click("Advanced");
    scene.set("Center of t", "-1.5");
    assert_eq!(scene.state().settings.training.logit_normal.mean, -1.5);
    scene.set("Spread of t", "-1");
    assert_eq!(scene.state().settings.training.logit_normal.deviation, 0.0, "this one has none");
}

#[test]
fn thresholding_and_the_levels_of_guidance_have_rows_and_go_back() {
    let mut scene = scene();
    scene.click("Sample tab");
    let mut settings = scene.state().settings.clone();
    settings.sampling.thresholding = Thresholding::Dynamic;
    settings.sampling.guidance_interval = Some([0.2, 3.0]);
    scene.act(Action::Settings(Box::new(settings)));
    // In the panel of the settings, which counts all, and at the folded rows.
    assert_eq!(scene.harness.query_all_by_label("2 changed from preset").count(), 2);
    scene.click("More");
    scene.harness.run_steps(20);
    let place = |scene: &Scene, role, name| scene.harness.get_by_role_and_label(role, name).rect();
    assert!(
        place(&scene, Role::Button, "Choose a digit").top() >= place(&scene, Role::Slider, "σ to").bottom(),
        "what follows stands below all rows"
    );
    scene.set("σ to", "5");
    assert_eq!(scene.state().settings.sampling.guidance_interval, Some([0.2, 5.0]));
    scene.set("σ from", "7");
    assert!(scene.harness.query_all_by_label_contains("noise levels from 7 to 5").count() >= 1);
    scene.harness.get_by_label("Guided at").click_secondary();
    scene.harness.run_steps(3);
    assert_eq!(scene.state().settings.sampling.guidance_interval, None);
    scene.click("Threshold x̂₀: Free");
    assert_eq!(scene.state().settings.sampling.thresholding, Thresholding::None);
    scene.act(Action::ResetSettings);
    assert_eq!(scene.state().settings, Preset::Small.settings());
}

#[test]
fn what_can_be_done_comes_first_and_is_chosen() {
    let mut scene = scene();
    press(&mut scene, Modifiers::COMMAND, Key::K);
    let row = |scene: &Scene, name: &str| scene.harness.get_by_label(name).rect().top();
    assert!(!scene.enabled("Pause training (Ctrl+P)"));
    assert!(row(&scene, "Train (Ctrl+Enter)") < row(&scene, "Redraw as the settings change (Ctrl+R)"));
    assert!(row(&scene, "Film: to its end (End)") > row(&scene, "Search all actions (Ctrl+K)"), "it cannot be done");
    // The first row is of a run of another program, which there is not.
    press(&mut scene, Modifiers::NONE, Key::Enter);
    assert!(matches!(scene.command(), Some(Command::Train { .. })), "the first that can be done");

    let mut scene = self::scene();
    press(&mut scene, Modifiers::COMMAND, Key::K);
    scene.harness.get_by_label("command").type_text("run");
    scene.harness.run_steps(3);
    press(&mut scene, Modifiers::NONE, Key::Enter);
    assert!(!scene.state().palette, "what is chosen can be done, though greyed ones stand before it");
}
