//! At every size and scale: no text is cut, none lies over another, and no control leaves the window.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;
#[path = "window/states.rs"]
mod states;

use diffuscope::window::Window;
use egui::epaint::{ClippedShape, Shape, TextShape};
use egui::{Rect, Role, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use scene::Scene;
use states::through_all_states;

/// Pixels of a screen or of a window on it, and its pixels a point: the smallest window, 960×600, common screens, 4K.
const SIZES: [(f32, f32, f32); 12] = [
    (640.0, 480.0, 1.0),
    (960.0, 600.0, 1.0),
    (1440.0, 900.0, 1.5),
    (1920.0, 1200.0, 2.0),
    (1100.0, 700.0, 1.0),
    (1280.0, 800.0, 1.0),
    (1440.0, 900.0, 1.0),
    (1920.0, 1080.0, 1.0),
    (3840.0, 2160.0, 3.0),
    (3840.0, 2160.0, 2.0),
    (3840.0, 2160.0, 1.5),
    (3840.0, 2160.0, 1.0),
];
/// What is pressed, dragged or typed into.
const CONTROLS: [Role; 6] =
    [Role::Button, Role::CheckBox, Role::ComboBox, Role::Slider, Role::SpinButton, Role::TextInput];
/// A hat is drawn over its letter.
const HAT_OR_NOTHING: [&str; 2] = ["ˆ", ""];
/// A hair that roundings may move an edge by.
const HAIR: f32 = 1.0;

/// A text as it is seen.
struct Seen {
    text: String,
    whole: Rect,
    /// What is within its clip rectangle and the window.
    visible: Rect,
    elided: bool,
}

fn seen(shapes: &[ClippedShape], window: Rect) -> Vec<Seen> {
    fn collect(shape: &Shape, clip: Rect, found: &mut Vec<Seen>) {
        match shape {
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| collect(shape, clip, found)),
            Shape::Text(TextShape { pos, galley, angle, .. })
                if *angle == 0.0 && !HAT_OR_NOTHING.contains(&galley.text().trim()) =>
            {
                let whole = galley.mesh_bounds.translate(pos.to_vec2());
                let visible = whole.intersect(clip);
                if visible.is_positive() {
                    found.push(Seen { text: galley.text().into(), whole, visible, elided: galley.elided });
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    shapes.iter().for_each(|shape| collect(&shape.shape, shape.clip_rect.intersect(window), &mut found));
    found
}

/// What is wrong with the frame that is shown; `flat` if nothing may lie over anything, as where no popup is open.
fn faults(scene: &Scene, flat: bool) -> Vec<String> {
    let window = scene.harness.ctx.content_rect();
    let texts = seen(&scene.harness.output().shapes, window);
    assert!(texts.len() > 10, "only {} texts are seen", texts.len());
    let mut faults = Vec::new();
    for Seen { text, whole, visible, elided } in &texts {
        if whole.left() < visible.left() - HAIR || whole.right() > visible.right() + HAIR {
            faults.push(format!("{text:?} is cut: {whole:?} to {visible:?}"));
        }
        if *elided && window.width() >= 1440.0 {
            faults.push(format!("{text:?} has no room"));
        }
    }
    if flat {
        for (i, one) in texts.iter().enumerate() {
            for other in &texts[i + 1..] {
                let both = one.visible.intersect(other.visible);
                if both.width() > HAIR && both.height() > HAIR {
                    faults.push(format!("{:?} and {:?} lie over each other at {both:?}", one.text, other.text));
                }
            }
        }
    }
    for node in scene.harness.query_all_by(|node| CONTROLS.contains(&node.role())) {
        let rect = node.rect();
        if rect.left() < window.left() - HAIR || rect.right() > window.right() + HAIR {
            let name = node.accesskit_node().label();
            faults.push(format!("{name:?} leaves the window: {rect:?}"));
        }
    }
    faults
}

#[test]
fn nothing_is_cut_or_covered_at_any_size_and_scale() {
    let mut all = Vec::new();
    for (width, height, scale) in SIZES {
        for theme in [Theme::Dark, Theme::Light] {
            let builder = Harness::<Window>::builder().with_size([width / scale, height / scale]);
            let mut scene = Scene::new(builder.with_pixels_per_point(scale).with_theme(theme));
            scene.harness.run_steps(2);
            let mut states = 0;
            through_all_states(&mut scene, &mut |scene, name, flat| {
                states += 1;
                let place = format!("{width}×{height} at {scale}, {theme:?}, {name}");
                all.extend(faults(scene, flat).into_iter().map(|fault| format!("{place}: {fault}")));
            });
            assert_eq!(states, 17);
        }
    }
    assert!(all.is_empty(), "{} faults:\n{}", all.len(), all.join("\n"));
}
