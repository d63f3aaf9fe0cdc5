//! Journeys of the panels at the sides: their edges are dragged, and the next start has the widths of this one.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::collections::HashMap;

use diffuscope::window::Window;
use eframe::{App, Storage};
use egui::accesskit::Role;
use egui::pos2;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, in_the_middle};

const WIDTH: f32 = 1440.0;
/// What the panels may be, in points.
const LEFT: (f32, f32) = (250.0, 420.0);
const RIGHT: (f32, f32) = (260.0, 640.0);

/// Where eframe keeps its things, in memory.
#[derive(Default)]
struct Kept(HashMap<String, String>);

impl Storage for Kept {
    fn get_string(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn set_string(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value);
    }

    fn remove_string(&mut self, key: &str) {
        self.0.remove(key);
    }

    fn flush(&mut self) {}
}

/// A window; of a later start, with what egui knew at the end of the one before.
fn started(kept: Option<&Kept>) -> Scene {
    let memory: Option<egui::Memory> = kept.and_then(|kept| eframe::get_value(kept, "egui"));
    let builder = Harness::<Window>::builder().with_size([WIDTH, 900.0]).with_context_setup(move |ctx| {
        if let Some(memory) = memory {
            ctx.memory_mut(|own| *own = memory);
        }
    });
    let mut scene = Scene::new(builder);
    in_the_middle(&mut scene);
    scene
}

/// The edges of both panels.
fn edges(scene: &Scene) -> [f32; 2] {
    let mut edges: Vec<f32> =
        scene.harness.get_all_by_role(Role::Splitter).map(|edge| edge.rect().center().x).collect();
    edges.sort_by(f32::total_cmp);
    edges.try_into().expect("two panels")
}

/// The widths of both panels.
fn widths(scene: &Scene) -> [f32; 2] {
    let [left, right] = edges(scene);
    [left, WIDTH - right]
}

/// Drags an edge to a place.
fn drag(scene: &mut Scene, edge: usize, to: f32) {
    let (from, y) = (edges(scene)[edge], 400.0);
    scene.harness.hover_at(pos2(from, y));
    scene.harness.drag_at(pos2(from, y));
    scene.harness.run_steps(1);
    scene.harness.hover_at(pos2((from + to) / 2.0, y));
    scene.harness.hover_at(pos2(to, y));
    scene.harness.run_steps(2);
    scene.harness.drop_at(pos2(to, y));
    scene.harness.run_steps(3);
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1.0
}

#[test]
fn the_panels_are_as_wide_as_their_edges_are_dragged_within_bounds() {
    let mut scene = started(None);
    let [left, right] = widths(&scene);
    for (to, expected) in [(320.0, 320.0), (900.0, LEFT.1), (100.0, LEFT.0), (300.0, 300.0)] {
        drag(&mut scene, 0, to);
        let now = widths(&scene);
        assert!(near(now[0], expected) && near(now[1], right), "to {to}: {now:?}");
    }
    assert!(!near(left, 300.0));
    for (to, expected) in [(WIDTH - 400.0, 400.0), (350.0, RIGHT.1), (WIDTH - 50.0, RIGHT.0), (WIDTH - 380.0, 380.0)] {
        drag(&mut scene, 1, to);
        let now = widths(&scene);
        assert!(near(now[0], 300.0) && near(now[1], expected), "to {to}: {now:?}");
    }
}

#[test]
fn the_next_start_has_the_widths_of_this_one() {
    let mut scene = started(None);
    let usual = widths(&scene);
    drag(&mut scene, 0, 333.0);
    drag(&mut scene, 1, WIDTH - 444.0);
    let set = widths(&scene);
    assert!(near(set[0], 333.0) && near(set[1], 444.0) && !near(usual[0], 333.0) && !near(usual[1], 444.0), "{set:?}");

    // As eframe does when a window is closed that wants it so.
    assert!(scene.harness.state().persist_egui_memory());
    let mut kept = Kept::default();
    scene.harness.ctx.memory(|memory| eframe::set_value(&mut kept, "egui", memory));
    drop(scene);
    let again = widths(&started(Some(&kept)));
    assert!(near(again[0], set[0]) && near(again[1], set[1]), "{again:?}, not {set:?}");
    assert_eq!(widths(&started(None)), usual, "which is what egui remembers, and nothing else");
}
