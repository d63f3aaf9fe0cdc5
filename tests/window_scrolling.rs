//! Journey: the bars of what scrolls lie beside it.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{Action, Tab};
use diffuscope::window::Window;
use egui::accesskit::Role;
use egui::{Rect, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, in_the_middle, painted};

/// The bar that is there while the pointer is at a place, and as wide as it is while it is pointed at itself.
fn bar(scene: &mut Scene, at: egui::Pos2) -> Rect {
    scene.harness.hover_at(egui::pos2(1.0, 1.0));
    scene.harness.run_steps(30);
    let before = painted::rects(&scene.harness);
    let look = |scene: &mut Scene, at: egui::Pos2| {
        scene.harness.hover_at(at);
        scene.harness.run_steps(30);
        let bars = painted::rects(&scene.harness).into_iter().filter(|rect| {
            let beside = (rect.center().x - at.x).abs() < 420.0;
            rect.height() > 24.0 && rect.width() <= 8.0 && !before.contains(rect) && beside
        });
        bars.max_by(|a, b| (a.width(), a.height()).partial_cmp(&(b.width(), b.height())).unwrap())
    };
    let thin = look(scene, at).expect("what does not fit has a bar");
    let wide = look(scene, thin.center()).unwrap();
    assert!(wide.width() >= 6.0, "{wide} is pointed at");
    wide
}

#[test]
fn a_bar_lies_on_nothing_that_it_scrolls() {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 640.0]));
    in_the_middle(&mut scene);
    let field = scene.harness.get_by_role_and_label(Role::SpinButton, "Timesteps T").rect();
    let settings = bar(&mut scene, field.center() - vec2(140.0, 0.0));
    assert!(settings.left() >= field.right(), "{settings} on {field}");
    let plot = scene.harness.get_by_label_contains("Loss plot, ").rect();
    let map = scene.harness.get_by_label_contains("Loss by timestep: ").rect();
    let charts = bar(&mut scene, map.center());
    assert!(charts.left() >= plot.right().max(map.right()) && charts.right() <= 1440.0, "{charts} on {map}");
    scene.act(Action::ShowTab(Tab::Sample));
    let draw = scene.harness.get_by_label("Draw").rect();
    let controls = bar(&mut scene, draw.center() + vec2(0.0, 60.0));
    assert!(controls.left() >= draw.right(), "{controls} on {draw}");
}
