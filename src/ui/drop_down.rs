//! A choice of many: the chosen one on a button, the others in a menu below it.

use egui::{Align2, Popup, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::icons;
use super::palette::Palette;
use super::theme::{RADIUS, regular};

/// Draws the button with a menu of all options; gives the one that was chosen.
pub fn choose<T: Copy + PartialEq>(
    ui: &mut Ui,
    name: &str,
    chosen: T,
    options: impl IntoIterator<Item = T>,
    word: impl Fn(T) -> String,
) -> Option<T> {
    let response = drop_down(ui, name, &word(chosen), ui.available_width());
    let mut pressed = None;
    Popup::menu(&response).width(response.rect.width()).show(|ui| {
        for option in options {
            if ui.selectable_label(option == chosen, word(option)).clicked() {
                pressed = Some(option);
            }
        }
    });
    pressed
}

/// A button that opens a menu below it.
pub fn drop_down(ui: &mut Ui, name: &str, text: &str, width: f32) -> Response {
    let p = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::click());
    let label = format!("{name}: {text}");
    response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, &label));
    let lit = response.hovered() || response.has_focus();
    let line = Stroke::new(1.0, p.line);
    let painter = ui.painter();
    painter.rect(rect, RADIUS, if lit { p.hover } else { p.raised }, line, StrokeKind::Inside);
    let clip = Rect::from_min_max(rect.min, pos2(rect.right() - 22.0, rect.bottom()));
    let at = rect.left_center() + vec2(10.0, 0.0);
    ui.painter_at(clip).text(at, Align2::LEFT_CENTER, text, regular(13.0), p.text);
    let caret = rect.right_center() - vec2(13.0, 0.0);
    painter.text(caret, Align2::CENTER_CENTER, icons::CARET_DOWN, regular(10.0), p.muted);
    response
}
