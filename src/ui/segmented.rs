//! A choice of a few: all words beside each other in one frame, the chosen one lit.

use egui::{Align2, Color32, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::palette::Palette;
use super::theme::{RADIUS, regular, semibold};

const HEIGHT: f32 = 26.0;
const PADDING: f32 = 10.0;

/// Draws the choice `width` wide (or as wide as its words); gives what was pressed, if it is another than `chosen`.
pub fn segmented<T: Copy + PartialEq>(
    ui: &mut Ui,
    name: &str,
    chosen: T,
    options: &[(T, &str, &str)],
    width: Option<f32>,
) -> Option<T> {
    let p = Palette::of(ui);
    let size = 12.5;
    let words: Vec<f32> = options
        .iter()
        .map(|(_, word, _)| ui.painter().layout_no_wrap((*word).into(), semibold(size), Color32::PLACEHOLDER).size().x)
        .collect();
    let natural: f32 = words.iter().map(|word| word + 2.0 * PADDING).sum::<f32>() + 4.0;
    let width = width.unwrap_or(natural);
    let spare = (width - natural) / options.len() as f32;
    let (rect, _) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::hover());
    ui.painter().rect(rect, RADIUS, p.raised, Stroke::new(1.0, p.line), StrokeKind::Inside);

    let mut pressed = None;
    let mut left = rect.left() + 2.0;
    for (i, (value, word, tip)) in options.iter().enumerate() {
        let part_width = words[i] + 2.0 * PADDING + spare;
        let part = Rect::from_min_size(egui::pos2(left, rect.top() + 2.0), vec2(part_width, HEIGHT - 4.0));
        left += part_width;
        let id = ui.scope_id().with((name, i));
        let response = ui.interact(part, id, Sense::click());
        let selected = *value == chosen;
        let enabled = ui.is_enabled();
        let label = format!("{name}: {word}");
        response.widget_info(|| WidgetInfo::selected(Role::RadioButton, enabled, selected, &label));
        if selected {
            ui.painter().rect_filled(part, RADIUS - 2, p.hover);
        }
        let ink = match (enabled, selected || response.hovered()) {
            (false, _) => p.faint,
            (true, true) => p.text,
            (true, false) => p.muted,
        };
        let font = if selected { semibold(size) } else { regular(size) };
        ui.painter().text(part.center(), Align2::CENTER_CENTER, word, font, ink);
        if response.clicked() && !selected {
            pressed = Some(*value);
        }
        if !tip.is_empty() {
            super::tip::say(response, tip);
        }
    }
    pressed
}
