//! What the window painted in its last frame: texts and lines, as shapes before they become pixels.

use diffuscope::window::Window;
use egui::epaint::{ColorMode, Shape};
use egui::{Color32, Pos2, Rect};
use egui_kittest::Harness;

/// A text on the screen.
#[derive(Debug, Clone)]
pub struct Text {
    pub text: String,
    pub rect: Rect,
    pub color: Color32,
}

/// A line through points, of one colour.
#[derive(Debug, Clone)]
pub struct Stroked {
    pub points: Vec<Pos2>,
    pub width: f32,
    pub color: Color32,
}

fn all<'a>(shape: &'a Shape, out: &mut Vec<&'a Shape>) {
    match shape {
        Shape::Vec(shapes) => shapes.iter().for_each(|shape| all(shape, out)),
        shape => out.push(shape),
    }
}

fn shapes<'a>(harness: &'a Harness<'_, Window>) -> Vec<&'a Shape> {
    let mut out = Vec::new();
    harness.output().shapes.iter().for_each(|clipped| all(&clipped.shape, &mut out));
    out
}

/// All rectangles whose ground is seen.
pub fn rects(harness: &Harness<'_, Window>) -> Vec<Rect> {
    let rects = shapes(harness).into_iter().filter_map(|shape| match shape {
        Shape::Rect(rect) if rect.fill.a() > 0 => Some(rect.rect),
        _ => None,
    });
    rects.collect()
}

/// All texts, in the colour of their last letters.
pub fn texts(harness: &Harness<'_, Window>) -> Vec<Text> {
    let texts = shapes(harness).into_iter().filter_map(|shape| match shape {
        Shape::Text(text) => Some(text),
        _ => None,
    });
    let painted = texts.map(|text| {
        let last = text.galley.job.sections.last().map(|section| section.format.color);
        let own = last.filter(|color| *color != Color32::PLACEHOLDER).unwrap_or(text.fallback_color);
        let rect = text.galley.rect.translate(text.pos.to_vec2());
        Text { text: text.galley.text().to_owned(), rect, color: text.override_text_color.unwrap_or(own) }
    });
    painted.collect()
}

/// All lines through more than two points.
pub fn lines(harness: &Harness<'_, Window>) -> Vec<Stroked> {
    let lines = shapes(harness).into_iter().filter_map(|shape| match shape {
        Shape::Path(path) if !path.closed => match path.stroke.color {
            ColorMode::Solid(color) => Some(Stroked { points: path.points.clone(), width: path.stroke.width, color }),
            ColorMode::UV(_) => None,
        },
        _ => None,
    });
    lines.collect()
}
