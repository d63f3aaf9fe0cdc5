//! The training step as a row: an image of the batch, noised, through the network, compared, and back to the weights
//! (Ho et al. 2020, algorithm 1).

use std::sync::Arc;

use egui::{Align2, Rect, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2};

use super::numbers;
use super::palette::Palette;
use super::symbols::{EPS_ERROR, EPS_HAT, Symbol, V_ERROR, V_HAT, X_T, symbol};
use super::textures::{Part, Slot, Textures};
use super::theme::{regular, semibold};
use crate::app::{AppState, RunFacts, WorkedExample};
use crate::config::Prediction;
use crate::pictures::Pictures;

/// Height of the row.
pub const HEIGHT: f32 = 72.0;
/// Space above it.
pub const GAP: f32 = 16.0;
/// Sides of the boxes with pictures, and widths of the two others.
const PICTURE: f32 = 64.0;
const NETWORK: f32 = 104.0;
const LOSS: f32 = 80.0;
/// Side of the small picture of what the answer should be: a digit's pixels.
const TARGET: f32 = 28.0;
/// Widths of the five passages between them.
const PASSAGE: std::ops::RangeInclusive<f32> = 46.0..=84.0;

/// Whether the row has its place in so much room.
pub fn fits(room: Vec2) -> bool {
    room.y >= HEIGHT + GAP && room.x >= boxes() + 5.0 * PASSAGE.start()
}

fn boxes() -> f32 {
    3.0 * PICTURE + NETWORK + LOSS
}

/// What a network that predicts so calls its answer.
struct Words {
    answer: Symbol,
    error: Symbol,
    about_answer: &'static str,
    about_target: &'static str,
}

const EPS: Words = Words {
    answer: EPS_HAT,
    error: EPS_ERROR,
    about_answer: "The noise that the network finds in x_t.",
    about_target: "The answer is compared with the noise ε that was mixed in.",
};
const V: Words = Words {
    answer: V_HAT,
    error: V_ERROR,
    about_answer: "What the network answers: v, which tells the noise and the image (Salimans & Ho 2022, section 4).",
    about_target: "The answer is compared with v = √ᾱ·ε − √(1−ᾱ)·x₀, of the noise ε that was mixed in.",
};

/// Draws the row as wide as there is room.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures) {
    let Some(run) = &state.run else { return };
    let area = ui.available_rect_before_wrap();
    let passage = ((area.width() - boxes()) / 5.0).clamp(*PASSAGE.start(), *PASSAGE.end());
    let example = state.worked.as_ref();
    let words = if run.settings.diffusion.prediction == Prediction::V { &V } else { &EPS };
    let mut row = Row { ui, left: area.left(), top: area.top() };

    let part = row.part(PICTURE, Role::Image, "x₀: an image of the batch at hand, each pixel between −1 and 1.");
    row.picture(textures, part, example.map(|example| &example.x0), Part::One(0), ("flow x_0", 0));
    let t = example.map(|example| numbers::whole(example.t as f64 + 1.0));
    let about = format!(
        "Noise is mixed in, as much as a timestep t says that is drawn anew for each image, 1 to {}.",
        numbers::whole(run.settings.diffusion.timesteps as f64)
    );
    let part = row.part(passage, Role::Label, &about);
    row.lines(part, &["+ noise", &t.map_or_else(|| "t".into(), |t| format!("t = {t}")), "→"]);

    let about = "x_t = √ᾱ·x₀ + √(1−ᾱ)·ε: the image and the noise, mixed (Ho et al. 2020, eq. 4).";
    let part = row.part(PICTURE, Role::Image, about);
    row.picture(textures, part, example.map(|example| &example.x_t), Part::One(0), ("flow x_t", 0));
    let class = example.and_then(|example| example.class);
    let told = class.map_or_else(|| "t".into(), |class| format!("t, and that it shows a {class}"));
    let part = row.part(passage, Role::Label, &format!("The network sees x_t, and is told {told}."));
    row.with_symbol(part, X_T, &class.map_or_else(|| ", t".into(), |class| format!(", t, {class}")));

    network(&mut row, state, run);
    let part = row.part(passage, Role::Label, words.about_answer);
    row.with_symbol(part, words.answer, "");
    let part = row.part(PICTURE, Role::Image, words.about_answer);
    row.picture(textures, part, example.map(|example| &example.answer), Part::Signed(0), ("flow answer", 0));

    let part = row.part(passage, Role::Label, words.about_target);
    row.lines(part, &["compare", "", "→"]);
    if let Some(example) = example {
        let target = Rect::from_center_size(part.center(), Vec2::splat(TARGET));
        textures.paint(row.ui, target, ("flow target", 0), &example.target, Part::Signed(0), 4);
    }
    loss(&mut row, example, words.error);
    let about = "The gradient of the batch's mean loss moves each weight a little (algorithm 1, line 5).";
    let part = row.part(passage, Role::Label, about);
    row.lines(part, &["adjust", "weights", "↺"]);
}

fn network(row: &mut Row<'_>, state: &AppState, run: &RunFacts) {
    let p = Palette::of(row.ui);
    let weights = numbers::whole(run.parameters as f64);
    let part = row.part(NETWORK, Role::Label, &format!("The U-Net, whose {weights} weights are learned."));
    row.boxed(part);
    let batch = run.settings.training.batch_size as f64;
    let speed = state.progress.images_per_second.filter(|speed| *speed > 0.0);
    let speed = speed.map(|speed| format!("{} ms a step", numbers::whole((1000.0 * batch / speed).round())));
    let painter = row.ui.painter();
    let line = |dy: f32, text: String, font, color| {
        painter.text(part.center() + vec2(0.0, dy), Align2::CENTER_CENTER, text, font, color);
    };
    line(-17.0, "U-Net".into(), semibold(13.0), p.text);
    line(2.0, format!("{weights} weights"), regular(11.0), p.muted);
    line(18.0, speed.unwrap_or_default(), regular(11.0), p.muted);
}

fn loss(row: &mut Row<'_>, example: Option<&WorkedExample>, error: Symbol) {
    let p = Palette::of(row.ui);
    let about = "The loss of this image: the mean of the squares over its pixels (Ho et al. 2020, eq. 14).";
    let part = row.part(LOSS, Role::Label, about);
    row.boxed(part);
    symbol(row.ui, part.center() - vec2(0.0, 13.0), error, "", &regular(11.5), p.muted);
    let value = example.map_or_else(String::new, |example| format!("{:.4}", example.loss));
    row.ui.painter().text(part.center() + vec2(0.0, 10.0), Align2::CENTER_CENTER, value, semibold(16.0), p.text);
}

/// The row as far as it is drawn.
struct Row<'a> {
    ui: &'a mut Ui,
    left: f32,
    top: f32,
}

impl Row<'_> {
    /// The next part: pointing at it says what it is.
    fn part(&mut self, width: f32, role: Role, about: &str) -> Rect {
        let rect = Rect::from_min_size(pos2(self.left, self.top), vec2(width, HEIGHT));
        let id = self.ui.scope_id().with(("flow", self.left.to_bits()));
        self.left += width;
        let response = self.ui.interact(rect, id, Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(role, true, about));
        response.on_hover_text(about);
        rect
    }

    fn boxed(&self, part: Rect) {
        let p = Palette::of(self.ui);
        self.ui.painter().rect(part, 6, p.raised, Stroke::new(1.0, p.line), StrokeKind::Inside);
    }

    /// A picture in a box, in whole screen pixels.
    fn picture(&self, textures: &mut Textures, part: Rect, source: Option<&Arc<Pictures>>, which: Part, slot: Slot) {
        self.boxed(part);
        let Some(source) = source else { return };
        let screen = self.ui.ctx().pixels_per_point();
        let size = vec2(source.width as f32, source.height as f32);
        let scale = ((part.size() / size).min_elem() * screen).floor().max(1.0) / screen;
        textures.paint(self.ui, Rect::from_center_size(part.center(), size * scale), slot, source, which, 4);
    }

    /// Three short lines in a passage.
    fn lines(&self, part: Rect, lines: &[&str; 3]) {
        let p = Palette::of(self.ui);
        for (text, dy) in lines.iter().zip([-23.0, -7.0, 23.0]) {
            let at = part.center() + vec2(0.0, dy);
            self.ui.painter().text(at, Align2::CENTER_CENTER, text, regular(11.0), p.muted);
        }
    }

    /// A symbol in a passage, words after it, and an arrow.
    fn with_symbol(&self, part: Rect, what: Symbol, after: &str) {
        let p = Palette::of(self.ui);
        symbol(self.ui, part.center() - vec2(0.0, 8.0), what, after, &regular(11.5), p.muted);
        let at = part.center() + vec2(0.0, 12.0);
        self.ui.painter().text(at, Align2::CENTER_CENTER, "→", regular(11.0), p.muted);
    }
}
