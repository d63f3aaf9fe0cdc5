//! Journey: the panels at both sides are made wider by their edges, within bounds, and are as wide at the next start.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::window::Window;
use egui::{Memory, Pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::Scene;

const SETTINGS: &str = "Width of the settings";
const CHARTS: &str = "Width of the charts";

fn scene() -> Scene {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1600.0, 900.0]));
    scene.harness.run_steps(3);
    scene
}

fn edge(scene: &Scene, name: &str) -> Pos2 {
    scene.harness.get_by_label(name).rect().center()
}

fn drag(scene: &mut Scene, name: &str, by: f32) {
    let from = edge(scene, name);
    let to = from + vec2(by, 0.0);
    scene.harness.hover_at(from);
    scene.harness.run_steps(2);
    scene.harness.drag_at(from);
    scene.harness.run_steps(2);
    scene.harness.hover_at(to);
    scene.harness.run_steps(2);
    scene.harness.drop_at(to);
    scene.harness.run_steps(3);
}

#[test]
fn panels_are_dragged_within_bounds_and_as_wide_at_the_next_start() {
    let mut scene = scene();
    let before = (edge(&scene, SETTINGS).x, 1600.0 - edge(&scene, CHARTS).x);
    drag(&mut scene, SETTINGS, 60.0);
    drag(&mut scene, CHARTS, -80.0);
    let wide = (edge(&scene, SETTINGS).x, 1600.0 - edge(&scene, CHARTS).x);
    assert!((wide.0 - before.0 - 60.0).abs() < 8.0 && (wide.1 - before.1 - 80.0).abs() < 8.0, "{before:?}, {wide:?}");

    // As eframe keeps it where a window wants it so: all of egui's memory that is worth it.
    assert!(eframe::App::persist_egui_memory(scene.harness.state()));
    let kept = scene.harness.ctx.memory(|memory| ron::to_string(memory).unwrap());
    drag(&mut scene, SETTINGS, 900.0);
    let widest = edge(&scene, SETTINGS).x;
    assert!((widest - 420.0).abs() < 1.0, "{widest}");
    drag(&mut scene, SETTINGS, -900.0);
    let narrowest = edge(&scene, SETTINGS).x;
    assert!((narrowest - 250.0).abs() < 1.0, "{narrowest}");
    for (by, expected) in [(-900.0, 640.0), (900.0, 260.0)] {
        drag(&mut scene, CHARTS, by);
        let charts = 1600.0 - edge(&scene, CHARTS).x;
        assert!((charts - expected).abs() < 1.0, "{charts}");
    }

    let mut next = self::scene();
    let memory: Memory = ron::from_str(&kept).unwrap();
    next.harness.ctx.memory_mut(|now| *now = memory);
    next.harness.run_steps(3);
    let again = (edge(&next, SETTINGS).x, 1600.0 - edge(&next, CHARTS).x);
    assert!((again.0 - wide.0).abs() < 1.0 && (again.1 - wide.1).abs() < 1.0, "{wide:?}, {again:?}");
}
