//! Ten small switches: which digits are learned from.

use egui::{Align2, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::palette::Palette;
use super::setting_row::{ChoiceRow, problem_text};
use super::theme::{RADIUS, regular, semibold};
use crate::app::AppState;
use crate::config::{CLASS_COUNT, Digits, Setting, Settings};

const HEIGHT: f32 = 26.0;

/// Draws the row.
pub fn digit_row(ui: &mut Ui, state: &AppState, preset: &Settings, next: &mut Settings) {
    let row = ChoiceRow {
        name: "Digits",
        about: "Which digits are learned from. The subset is taken of them; others are neither trained on nor drawn.",
        value: &mut next.data.digits,
        preset: preset.data.digits,
        preset_word: &preset.data.digits.to_string(),
    };
    row.show(ui, switches);
    problem_text(ui, state.problem(Setting::Digits));
}

fn switches(ui: &mut Ui, chosen: Digits) -> Option<Digits> {
    let p = Palette::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    ui.painter().rect(rect, RADIUS, p.raised, Stroke::new(1.0, p.line), StrokeKind::Inside);
    let inner = rect.shrink(2.0);
    let width = inner.width() / CLASS_COUNT as f32;
    let mut pressed = None;
    for digit in 0..CLASS_COUNT as u8 {
        let left = inner.left() + f32::from(digit) * width;
        let part = Rect::from_min_max(pos2(left, inner.top()), pos2(left + width, inner.bottom()));
        let response = ui.interact(part, ui.scope_id().with(("digit", digit)), Sense::click());
        let (on, enabled) = (chosen.contains(digit), ui.is_enabled());
        response.widget_info(|| WidgetInfo::selected(Role::CheckBox, enabled, on, format!("Learn the digit {digit}")));
        if on {
            ui.painter().rect_filled(part, RADIUS - 2, p.hover);
            // Not by its shade alone.
            let line = Rect::from_min_max(pos2(part.left() + 3.0, part.bottom() - 2.0), part.max - vec2(3.0, 0.0));
            ui.painter().rect_filled(line, 0, p.accent);
        }
        let ink = match (enabled, on || response.hovered()) {
            (false, _) => p.faint,
            (true, true) => p.text,
            (true, false) => p.muted,
        };
        let font = if on { semibold(12.0) } else { regular(12.0) };
        ui.painter().text(part.center(), Align2::CENTER_CENTER, digit.to_string(), font, ink);
        if response.clicked() {
            pressed = Some(chosen.toggled(digit));
        }
    }
    pressed
}
