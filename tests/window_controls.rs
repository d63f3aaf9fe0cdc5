//! Journeys: what has the keys is seen, rows go back by key, panels fold and come back, and what goes on is told.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{Action, OriginAction, Remembered, Tab};
use diffuscope::config::Preset;
use diffuscope::engine::{Event, Task};
use diffuscope::window::Window;
use egui::accesskit::Role;
use egui::epaint::{ClippedShape, Shape};
use egui::{Color32, Key, Modifiers, Pos2, Rect};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use scene::{Scene, in_the_middle, recording, run_started};

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

/// The accent colour of the dark theme.
const ACCENT: Color32 = Color32::from_rgb(0x7C, 0x9B, 0xFF);

/// Where lines of 2 points in the accent colour are drawn.
fn accent_lines(shapes: &[ClippedShape]) -> Vec<Rect> {
    fn collect(shape: &Shape, found: &mut Vec<Rect>) {
        match shape {
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| collect(shape, found)),
            Shape::Rect(rect) if (rect.stroke.width, rect.stroke.color) == (2.0, ACCENT) => found.push(rect.rect),
            Shape::Circle(circle) if (circle.stroke.width, circle.stroke.color) == (2.0, ACCENT) => {
                found.push(Rect::from_center_size(circle.center, egui::Vec2::splat(2.0 * circle.radius)));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    shapes.iter().for_each(|shape| collect(&shape.shape, &mut found));
    found
}

#[test]
fn every_control_that_has_the_keys_has_a_ring_and_names_never_have_them() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.act(Action::ShowTab(Tab::Sample));
    scene.act(Action::Origin(OriginAction::Toggle));
    let mut seen = Vec::new();
    for _ in 0..60 {
        scene.harness.key_press(Key::Tab);
        scene.harness.run_steps(3);
        let node = scene.harness.query_all_by(|node| node.is_focused() && node.role() != Role::Window).next();
        let Some(node) = node else { continue };
        let (role, name, rect) = (node.accesskit_node().role(), node.accesskit_node().label(), node.rect());
        assert_ne!(role, Role::Label, "{name:?}");
        let lines = accent_lines(&scene.harness.output().shapes);
        assert!(
            lines.iter().any(|line| rect.expand(10.0).contains_rect(*line) || line.contains_rect(rect.shrink(4.0))),
            "{role:?} {name:?} at {rect:?} has none of {lines:?}"
        );
        seen.push(role);
    }
    for role in [Role::Button, Role::Slider, Role::RadioButton, Role::ComboBox, Role::CheckBox] {
        assert!(seen.contains(&role), "{role:?} is not among {seen:?}");
    }
}

#[test]
fn a_focused_tab_does_not_look_chosen() {
    let mut scene = scene();
    scene.harness.get_by_label("Data tab").focus();
    scene.harness.run_steps(3);
    let rect = scene.harness.get_by_label("Data tab").rect();
    let fills = scene.harness.output().shapes.iter().filter(|shape| {
        matches!(&shape.shape, Shape::Rect(line) if line.fill == ACCENT && line.rect.height() <= 2.0 && rect.contains_rect(line.rect))
    });
    assert_eq!(fills.count(), 0);
}

#[test]
fn delete_takes_the_focused_row_back_to_the_preset() {
    let mut scene = scene();
    scene.set("Batch", "128");
    scene.click("Predicts: Noise ε");
    scene.harness.get_by_role_and_label(Role::Slider, "Batch").focus();
    scene.harness.run_steps(2);
    scene.key(Key::Delete);
    let preset = Preset::Small.settings();
    let settings = &scene.state().settings;
    assert_eq!(settings.training.batch_size, preset.training.batch_size);
    assert_ne!(settings.diffusion.prediction, preset.diffusion.prediction, "only that row");
    scene.harness.get_by_label("Predicts: v").focus();
    scene.harness.run_steps(2);
    scene.key(Key::Delete);
    assert_eq!(scene.state().settings, preset);

    scene.set("Batch", "128");
    scene.harness.get_by_role_and_label(Role::SpinButton, "Batch").click();
    scene.harness.run_steps(2);
    scene.key(Key::Delete);
    assert_eq!(scene.state().settings.training.batch_size, 128, "while it is typed, Delete is the field's own");
}

#[test]
fn a_window_that_was_narrow_for_a_while_changes_no_wish() {
    let mut scene = scene();
    let resize = |scene: &mut Scene, width: f32| {
        scene.harness.set_size(egui::vec2(width, 700.0));
        scene.harness.run_steps(4);
        scene.harness.query_all_by_label("Batch").next().is_some()
    };
    assert!(!resize(&mut scene, 900.0), "there is no room");
    let kept = Remembered::of(scene.state()).to_text().unwrap();
    assert!(Remembered::restore(Some(&kept)).settings_shown(), "the next start, in a wide window, has them open");
    scene.click("Show the settings");
    assert!(scene.harness.query_all_by_label("Batch").next().is_some());
    assert!(resize(&mut scene, 1440.0));
    scene.click("Fold the settings");
    assert!(!resize(&mut scene, 900.0) && !resize(&mut scene, 1440.0), "folded by hand stays folded");
    for key in [Key::Plus; 4].into_iter().chain([Key::Minus; 4]) {
        scene.harness.key_press_modifiers(Modifiers::COMMAND, key);
        scene.harness.run_steps(3);
    }
    assert!(scene.harness.query_all_by_label("Batch").next().is_none());
}

#[test]
fn the_time_of_a_run_is_told_beside_what_is_left() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    let progress = scene.state().progress;
    let taken = scene.state().loss.clock.seconds_at(progress.step as f64);
    let clock = |seconds: f64| format!("{}:{:02}", seconds.round() as u64 / 60, seconds.round() as u64 % 60);
    let wanted = format!("{} · {} left", clock(taken), clock(progress.seconds_left.unwrap()));
    scene.harness.get_by_label(&wanted);
}

#[test]
fn a_long_drawing_says_what_is_left_and_short_work_is_told_in_the_pill() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    let mut frames = recording(2, 4, 500).into_iter();
    scene.play(frames.by_ref().take(2));
    std::thread::park_timeout(std::time::Duration::from_millis(20));
    scene.play(frames.by_ref().take(2));
    let left = scene.state().sampling.unwrap().seconds_left.unwrap();
    assert!(left > 1.0, "{left}");
    assert!(scene.harness.query_all_by_label_contains("3 / 501 frames · ").count() >= 1);

    scene.click("Save…");
    scene.type_into("path to save to", "/tmp/seven.png");
    scene.press("Save");
    scene.harness.get_by_label("Writing what is saved");
    scene.play([Event::Saved { what: "grid", path: "/tmp/seven.png".into() }]);
    assert!(scene.harness.query_by_label("Writing what is saved").is_none());
}

#[test]
fn attaching_is_told_until_the_run_is_there_or_cannot_be() {
    let mut scene = scene();
    scene.act(Action::Attach("/mnt/runs/a".into()));
    scene.harness.get_by_label("Reading the run of another program");
    let (what, hint) = ("there is no run".to_owned(), "look at the path".to_owned());
    scene.play([Event::Failed { during: Task::Attaching, what, hint }]);
    assert!(scene.harness.query_by_label("Reading the run of another program").is_none());
}

#[test]
fn thumbnails_stand_evenly_after_a_drawing_in_few_steps() {
    let mut scene = scene();
    scene.play([run_started(Preset::Small.settings(), 0)]);
    scene.play(recording(1, 4, 24));
    scene.harness.hover_at(Pos2::new(1.0, 1.0));
    scene.harness.run_steps(3);
    let film = scene.harness.get_by_label("Timestep of the film").rect();
    // Their timesteps stand below them, in the order of the rail.
    let mut centers: Vec<f32> = Vec::new();
    for clipped in &scene.harness.output().shapes {
        if let Shape::Text(text) = &clipped.shape {
            let at = text.galley.mesh_bounds.translate(text.pos.to_vec2());
            if film.contains(at.center()) {
                centers.push(at.center().x);
            }
        }
    }
    centers.sort_by(f32::total_cmp);
    assert_eq!(centers.len(), 11, "{centers:?}");
    let gaps: Vec<f32> = centers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (gap - gaps[0]).abs() <= 2.0), "{gaps:?}");
}
