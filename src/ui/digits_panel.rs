//! How good the drawn digits are: which are seen how often, how many are digits at all, how far they are from real ones.

use egui::{Align2, Rect, RichText, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::numbers;
use super::palette::Palette;
use super::section::{caption, title};
use super::sparkline::{Sparkline, heading};
use super::theme::regular;
use crate::app::{AppState, Judged};

const BARS: f32 = 30.0;
const CURVE: f32 = 44.0;

/// Draws the section.
pub fn show(ui: &mut Ui, state: &AppState) {
    let judged = Judged::of(state);
    title(ui, "Digits drawn", |ui| {
        if let Some(judged) = &judged {
            let text = format!("step {}", numbers::whole(judged.newest.step as f64));
            ui.label(RichText::new(text).size(11.5).color(Palette::of(ui).muted));
        }
    });
    let Some(judged) = judged else { return caption(ui, state.not_judged()) };
    histogram(ui, state, &judged);
    ui.add_space(8.0);
    let side_by_side = ui.available_width() >= 290.0;
    if side_by_side {
        ui.spacing_mut().item_spacing.x = 20.0;
        ui.columns_const(|[left, right]| {
            recognisable(left, &judged);
            distance(right, &judged);
        });
    } else {
        recognisable(ui, &judged);
        ui.add_space(4.0);
        distance(ui, &judged);
    }
}

fn recognisable(ui: &mut Ui, judged: &Judged<'_>) {
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let real = judged.real.map(|real| real.recognisable);
    ui.spacing_mut().item_spacing.y = 2.0;
    heading(ui, "Readable", &percent(judged.newest.eval.recognisable), real.map(percent));
    let line = Sparkline {
        name: "Recognisable digits",
        points: &judged.recognisable(),
        goal: real,
        logarithmic: false,
        range: Some((0.0, 1.0)),
        format: percent,
    };
    line.show(ui, CURVE);
}

fn distance(ui: &mut Ui, judged: &Judged<'_>) {
    let real = judged.real.map(|real| real.distance);
    ui.spacing_mut().item_spacing.y = 2.0;
    heading(ui, "Distance", &figure(judged.newest.eval.distance), real.map(figure));
    let line = Sparkline {
        name: "Fréchet distance to real digits",
        points: &judged.distance(),
        goal: real,
        logarithmic: true,
        range: None,
        format: figure,
    };
    line.show(ui, CURVE);
}

/// A distance in three figures.
fn figure(distance: f64) -> String {
    if distance < 99.95 { format!("{distance:.1}") } else { numbers::whole(distance) }
}

/// How often each digit is seen; the followed one is lit, the even share is a line.
fn histogram(ui: &mut Ui, state: &AppState, judged: &Judged<'_>) {
    let p = Palette::of(ui);
    let eval = &judged.newest.eval;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), BARS + 18.0), Sense::hover());
    let counts = eval.classes;
    let even = eval.count as f32 / judged.learned.iter().count().max(1) as f32;
    let most = counts.iter().max().map_or(1.0, |most| *most as f32).max(1.5 * even);
    let width = rect.width() / counts.len() as f32;
    let height = |count: f32| BARS * count / most;
    let floor = rect.top() + BARS;
    let followed = state.preview.as_ref().and_then(|preview| preview.classes.get(state.followed).copied().flatten());
    let painter = ui.painter();
    for (digit, count) in counts.iter().enumerate() {
        let left = rect.left() + digit as f32 * width;
        let lit = followed == Some(digit as u8);
        // A digit that is never seen still has a line to stand on.
        let top = floor - height(*count as f32).max(1.0);
        let bar = Rect::from_min_max(pos2(left + 3.0, top), pos2(left + width - 3.0, floor));
        painter.rect_filled(bar, 2, if lit { p.accent } else { p.accent.gamma_multiply(0.55) });
        let (at, ink) = (
            pos2(bar.center().x, floor + 3.0),
            if *count == 0 && judged.learned.contains(digit as u8) { p.warn } else { p.muted },
        );
        painter.text(at, Align2::CENTER_TOP, digit.to_string(), regular(11.0), ink);
    }
    let y = floor - height(even);
    let line = [pos2(rect.left(), y), pos2(rect.right(), y)];
    painter.extend(Shape::dashed_line(&line, Stroke::new(1.0, p.muted.gamma_multiply(0.6)), 2.0, 3.0));
    let each: Vec<_> = counts.iter().enumerate().map(|(digit, count)| format!("{digit}: {count}")).collect();
    let name = format!("Digits seen among {}: {}", eval.count, each.join(", "));
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    response.on_hover_text(format!("{name}.\nThe dotted line is an even share."));
}
