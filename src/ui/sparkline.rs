//! A small curve of a number over the steps of a run, with the level that it should reach as a dashed line.

use egui::{Align2, Color32, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::numbers;
use super::palette::Palette;
use super::theme::regular;

/// A curve that is about to be drawn.
pub struct Sparkline<'a> {
    /// What it shows; the accessible name begins with it.
    pub name: &'a str,
    /// Step and value, steps growing; at least one.
    pub points: &'a [(u64, f64)],
    /// The level to reach.
    pub goal: Option<f64>,
    /// Equal heights are equal ratios: values must be above 0.
    pub logarithmic: bool,
    /// The lowest and the highest value that the curve can take, where that is known.
    pub range: Option<(f64, f64)>,
    pub format: fn(f64) -> String,
}

impl Sparkline<'_> {
    /// Draws it as wide as there is room.
    pub fn show(self, ui: &mut Ui, height: f32) {
        let p = Palette::of(ui);
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        let Some((&(first, _), &(last, newest))) = self.points.first().zip(self.points.last()) else { return };
        let plot = Rect::from_min_max(rect.min + vec2(0.0, 4.0), rect.max - vec2(4.0, 4.0));
        let y_of = self.heights(plot);
        let x_of = |step: u64| {
            let share = (step - first) as f32 / (last - first).max(1) as f32;
            egui::lerp(plot.left()..=plot.right(), if last == first { 1.0 } else { share })
        };
        let painter = ui.painter();
        if let Some(goal) = self.goal {
            let y = y_of(goal);
            let line = [pos2(rect.left(), y), pos2(rect.right(), y)];
            painter.extend(Shape::dashed_line(&line, Stroke::new(1.0, p.good), 4.0, 3.0));
        }
        let curve: Vec<_> = self.points.iter().map(|&(step, value)| pos2(x_of(step), y_of(value))).collect();
        painter.line(curve, Stroke::new(1.5, p.accent));
        painter.circle_filled(pos2(x_of(last), y_of(newest)), 3.5, p.accent);

        let words = |step: u64, value: f64| format!("{} at step {}", (self.format)(value), numbers::whole(step as f64));
        let goal = self.goal.map_or_else(String::new, |goal| format!("; real digits: {}", (self.format)(goal)));
        let name = format!("{}: {}{goal}", self.name, words(last, newest));
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
        if let Some(pointer) = response.hover_pos() {
            let distance = |step: u64| (x_of(step) - pointer.x).abs();
            let nearest = self.points.iter().min_by(|a, b| distance(a.0).total_cmp(&distance(b.0)));
            if let Some(&(step, value)) = nearest {
                mark(ui, plot, pos2(x_of(step), y_of(value)), p.muted);
                response.on_hover_text_at_pointer(format!("{}{goal}", words(step, value)));
            }
        }
    }

    /// Where a value stands.
    fn heights(&self, plot: Rect) -> impl Fn(f64) -> f32 + use<> {
        let logarithmic = self.logarithmic;
        let scale = move |value: f64| if logarithmic { value.max(1e-9).ln() } else { value };
        let values = self.points.iter().map(|&(_, value)| value).chain(self.goal);
        let (low, high) = self.range.unwrap_or_else(|| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
        });
        let (low, high) = (scale(low), scale(high));
        let span = if high > low { high - low } else { 1.0 };
        move |value| egui::lerp(plot.bottom()..=plot.top(), ((scale(value) - low) / span) as f32)
    }
}

fn mark(ui: &Ui, plot: Rect, at: egui::Pos2, color: Color32) {
    ui.painter().line_segment([pos2(at.x, plot.top()), pos2(at.x, plot.bottom())], Stroke::new(1.0, color));
    ui.painter().circle_filled(at, 2.5, color);
}

/// Draws `name` at the left and, at the right, the newest value with what real digits reach in a muted colour.
pub fn heading(ui: &mut Ui, name: &str, value: &str, real: Option<String>) {
    let p = Palette::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
    let painter = ui.painter();
    painter.text(rect.left_center(), Align2::LEFT_CENTER, name, regular(11.5), p.muted);
    let real = real.map_or_else(String::new, |real| format!(" · real {real}"));
    let real = painter.text(rect.right_center(), Align2::RIGHT_CENTER, real, regular(11.0), p.muted);
    painter.text(real.left_center(), Align2::RIGHT_CENTER, value, super::theme::semibold(12.0), p.text);
}
