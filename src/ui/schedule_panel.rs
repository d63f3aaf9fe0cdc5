//! What the schedule does: the signal that is left over t, a digit going into noise, and the doctor's words with a
//! button that takes the advice.

use egui::{
    Align2, Color32, Label, Mesh, Pos2, Rect, RichText, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2,
};

use super::button::Button;
use super::palette::Palette;
use super::section::caption;
use super::textures::{Part, Textures};
use super::theme::regular;
use crate::app::{AppState, ScheduleView, Verdict};
use crate::config::DiffusionSettings;

const HEIGHT: f32 = 72.0;

/// Draws curve, strip and the doctor's words; a line in their place where the settings make no schedule. Gives the
/// settings that the doctor advises, if the button was pressed.
pub fn schedule(ui: &mut Ui, state: &AppState, textures: &mut Textures) -> Option<DiffusionSettings> {
    ui.add_space(8.0);
    let Some(view) = &state.schedule else {
        caption(ui, "The schedule is drawn here once T and β can work.");
        return None;
    };
    curve(ui, view);
    ui.add_space(6.0);
    strip(ui, view, textures);
    ui.add_space(8.0);
    doctor(ui, view)
}

fn curve(ui: &mut Ui, view: &ScheduleView) {
    let p = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    let last = view.alpha_bar.len() - 1;
    let x = |t: usize| rect.left() + rect.width() * t as f32 / last as f32;
    let y = |alpha_bar: f64| rect.bottom() - (rect.height() - 4.0) * alpha_bar as f32;
    let count = last.min(rect.width() as usize).max(1);
    let points: Vec<Pos2> = (0..=count).map(|i| i * last / count).map(|t| pos2(x(t), y(view.alpha_bar[t]))).collect();
    let painter = ui.painter();
    painter.add(Shape::mesh(under(&points, rect.bottom(), p.accent.gamma_multiply(0.16))));
    painter.line(points, Stroke::new(1.5, p.accent));
    painter.text(rect.right_top() + vec2(-4.0, 2.0), Align2::RIGHT_TOP, "signal left ᾱ", regular(11.0), p.muted);

    let hovered = response.hover_pos().map(|pointer| {
        let share = ((pointer.x - rect.left()) / rect.width()).clamp(0.0, 1.0);
        (share * last as f32).round() as usize
    });
    let half = view.alpha_bar.iter().position(|alpha_bar| *alpha_bar < 0.5).unwrap_or(last);
    let t = hovered.unwrap_or(half);
    let line = [pos2(x(t), rect.top()), pos2(x(t), rect.bottom())];
    painter.extend(Shape::dashed_line(&line, Stroke::new(1.0, p.muted), 2.0, 3.0));
    let words = format!("Signal left: {:.1} % at t = {t}", 100.0 * view.alpha_bar[t]);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
    response.on_hover_text_at_pointer(words);
}

/// The area between a curve and the line at `bottom`.
fn under(points: &[Pos2], bottom: f32, fill: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    for point in points {
        mesh.colored_vertex(*point, fill);
        mesh.colored_vertex(pos2(point.x, bottom), fill);
    }
    for left in (0..2 * points.len() as u32).step_by(2).take(points.len().saturating_sub(1)) {
        mesh.add_triangle(left, left + 1, left + 2);
        mesh.add_triangle(left + 1, left + 2, left + 3);
    }
    mesh
}

fn strip(ui: &mut Ui, view: &ScheduleView, textures: &mut Textures) {
    let count = view.strip.count();
    let id = textures.get(ui.ctx(), ("schedule", 0), &view.strip, Part::Column);
    let gap = 3.0;
    let side = ((ui.available_width() - gap * (count - 1) as f32) / count as f32).floor();
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), side), Sense::hover());
    for i in 0..count {
        let at = Rect::from_min_size(rect.min + vec2(i as f32 * (side + gap), 0.0), vec2(side, side));
        let (from, to) = (i as f32 / count as f32, (i + 1) as f32 / count as f32);
        let uv = Rect::from_min_max(pos2(0.0, from), pos2(1.0, to));
        let image = egui::Image::new((id, vec2(side, side))).uv(uv).corner_radius(4);
        image.paint_at(ui, at);
    }
    let words = "A digit from t = 0 to t = T";
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, words));
    response.on_hover_text(words);
}

fn doctor(ui: &mut Ui, view: &ScheduleView) -> Option<DiffusionSettings> {
    let p = Palette::of(ui);
    let diagnosis = &view.diagnosis;
    let color: Color32 = match diagnosis.verdict {
        Verdict::Good => p.good,
        Verdict::Doubtful => p.warn,
    };
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let (dot, _) = ui.allocate_exact_size(vec2(10.0, 14.0), Sense::hover());
        ui.painter().circle_filled(dot.center(), 4.0, color);
        ui.add(Label::new(RichText::new(&diagnosis.sentence).size(11.5).color(p.muted)).wrap());
    });
    let advice = diagnosis.advice.as_ref()?;
    ui.add_space(8.0);
    let pressed = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(16.0);
        Button::text(&advice.words).tip("Set these values").show(ui).clicked()
    });
    pressed.inner.then(|| advice.settings.clone())
}
