//! A box to tick, with a word beside it.

use egui::{Align2, Color32, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::icons;
use super::palette::Palette;
use super::theme::{ROW, regular};

/// Draws the box, filled with `color` when ticked; `name` is its accessible name.
pub fn tick(ui: &mut Ui, word: &str, name: &str, ticked: bool, enabled: bool, color: Color32) -> Response {
    let p = Palette::of(ui);
    let galley = ui.painter().layout_no_wrap(word.into(), regular(12.5), Color32::PLACEHOLDER);
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(24.0 + galley.size().x, ROW), sense);
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, enabled, ticked, name));
    let side = Rect::from_center_size(pos2(rect.left() + 8.0, rect.center().y), vec2(16.0, 16.0));
    let lit = enabled && (response.hovered() || response.has_focus());
    let line = if ticked { Stroke::NONE } else { Stroke::new(1.0, if lit { p.muted } else { p.faint }) };
    ui.painter().rect(side, 4, if ticked { color } else { p.panel }, line, StrokeKind::Inside);
    if ticked {
        ui.painter().text(side.center(), Align2::CENTER_CENTER, icons::CHECK, regular(12.0), p.panel);
    }
    let ink = if enabled { p.text } else { p.faint };
    let at = pos2(rect.left() + 24.0, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley_with_override_text_color(at, galley, ink);
    response
}
