//! Every text that is seen stands out from what it stands on: by what is painted, in every state and both themes.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;
#[path = "window/states.rs"]
mod states;

use std::collections::BTreeMap;

use diffuscope::app::{Action, Look};
use diffuscope::window::Window;
use egui::epaint::{ClippedShape, Shape, TextShape};
use egui::{Color32, Rect, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use scene::Scene;
use states::{through_all_states, through_further_states};

/// The least of WCAG 2.2, 1.4.3, for text of these sizes.
const LEAST: f32 = 4.5;

fn luminance(color: Color32) -> f32 {
    let color = egui::Rgba::from(color);
    0.2126 * color.r() + 0.7152 * color.g() + 0.0722 * color.b() + 0.05
}

fn contrast(a: Color32, b: Color32) -> f32 {
    let (a, b) = (luminance(a), luminance(b));
    a.max(b) / a.min(b)
}

/// Fills in the order in which they are painted, each with its place; and the texts among them.
#[derive(Default)]
struct Painted {
    fills: Vec<(Rect, Color32)>,
    texts: Vec<Text>,
}

struct Text {
    words: String,
    center: egui::Pos2,
    ink: Color32,
    ground: Color32,
}

impl Painted {
    fn take(&mut self, shape: &Shape, clip: Rect) {
        match shape {
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| self.take(shape, clip)),
            // A picture is no ground of text.
            Shape::Rect(rect) if rect.brush.is_none() && rect.blur_width == 0.0 => {
                self.fills.push((rect.rect.intersect(clip), rect.fill));
            }
            Shape::Text(text) => self.text(text, clip),
            _ => {}
        }
    }

    fn text(&mut self, text: &TextShape, clip: Rect) {
        let whole = text.galley.mesh_bounds.translate(text.pos.to_vec2());
        let seen = whole.intersect(clip);
        if !seen.is_positive() || text.galley.text().trim().is_empty() {
            return;
        }
        let center = seen.center();
        let ground = self.fills.iter().filter(|(rect, _)| rect.contains(center));
        let ground = ground.fold(Color32::BLACK, |below, (_, fill)| below.blend(*fill));
        for section in &text.galley.job.sections {
            let own = section.format.color;
            let own = if own == Color32::PLACEHOLDER { text.fallback_color } else { own };
            let ink = text.override_text_color.unwrap_or(own).gamma_multiply(text.opacity_factor);
            let (words, ink) = (text.galley.text().to_owned(), ground.blend(ink));
            self.texts.push(Text { words, center, ink, ground });
        }
    }
}

fn painted(shapes: &[ClippedShape]) -> Painted {
    let mut painted = Painted::default();
    shapes.iter().for_each(|shape| painted.take(&shape.shape, shape.clip_rect));
    painted
}

/// The texts that do not stand out. WCAG exempts what cannot be pressed now: there the ink is `faint`, and the tip says why.
fn faults(scene: &Scene, pairs: &mut BTreeMap<[[u8; 4]; 2], f32>) -> Vec<String> {
    let nodes = scene.harness.query_all_by(|node| node.bounding_box().is_some());
    let disabled = nodes.filter(|node| node.accesskit_node().is_disabled());
    let disabled: Vec<Rect> = disabled.map(|node| node.rect()).collect();
    let mut faults = Vec::new();
    for Text { words, center, ink, ground } in painted(&scene.harness.output().shapes).texts {
        if disabled.iter().any(|rect| rect.contains(center)) {
            continue;
        }
        let ratio = contrast(ink, ground);
        pairs.insert([ink.to_array(), ground.to_array()], ratio);
        if ratio < LEAST {
            faults.push(format!("{words:?}: {ratio:.2}, {ink:?} on {ground:?}"));
        }
    }
    faults
}

/// The same with the pointer over each control in turn, and with the keys on it.
fn with_each_pointed_at(scene: &mut Scene, note: &mut dyn FnMut(&mut Scene, &str)) {
    let places: Vec<(String, egui::Pos2)> = (scene.harness.query_all_by(|node| {
        matches!(node.role(), egui::Role::Button | egui::Role::RadioButton | egui::Role::ComboBox | egui::Role::Tab)
    }))
    .map(|node| (node.accesskit_node().label().unwrap_or_default(), node.rect().center()))
    .filter(|(name, _)| !name.starts_with("Picture "))
    .collect();
    assert!(places.len() > 20);
    for (name, at) in places {
        scene.harness.hover_at(at);
        scene.harness.run_steps(2);
        note(scene, &format!("pointer on {name:?}"));
    }
}

#[test]
fn every_text_stands_out_from_its_ground() {
    let (mut all, mut pairs) = (Vec::new(), BTreeMap::new());
    for (theme, look) in [(Theme::Dark, Look::Dark), (Theme::Light, Look::Light)] {
        let scene = |size: [f32; 2]| {
            let mut scene = Scene::new(Harness::<Window>::builder().with_size(size).with_theme(theme));
            scene.act(Action::Look(look));
            scene
        };
        let mut note = |scene: &mut Scene, name: &str| {
            all.extend(faults(scene, &mut pairs).into_iter().map(|fault| format!("{look:?}, {name}: {fault}")));
        };
        through_all_states(&mut scene([1440.0, 900.0]), &mut |scene, name, _| note(scene, name));
        through_all_states(&mut scene([960.0, 600.0]), &mut |scene, name, _| note(scene, name));
        let mut last = scene([1440.0, 900.0]);
        through_further_states(&mut last, &mut note);
        last.act(Action::ResetSettings);
        with_each_pointed_at(&mut last, &mut note);
    }
    assert!(pairs.len() >= 14, "only {} pairs of colours were seen", pairs.len());
    all.sort();
    all.dedup();
    assert!(all.is_empty(), "{} faults:\n{}", all.len(), all.join("\n"));
}
