//! The ring around what has the keys: 2 points of the accent colour, the same for every control.

use egui::{Id, Pos2, Response, Stroke, StrokeKind, Ui};

use super::palette::Palette;
use super::theme::RADIUS;

const WIDTH: f32 = 2.0;
/// Space between a control and its ring.
const GAP: f32 = 1.0;

/// Draws it around the widget that has the keys, after all widgets. A text field has a line of its own as thick.
pub fn ring(ui: &Ui) {
    let Some(focused) = ui.memory(egui::Memory::focused) else { return };
    let around_handle = ui.data_mut(|data| data.remove_temp::<Option<Id>>(around()));
    if around_handle == Some(Some(focused)) || ui.ctx().text_edit_focused() {
        return;
    }
    let Some(response) = ui.ctx().read_response(focused).filter(|response| response.interact_rect.is_positive()) else {
        return;
    };
    // What is scrolled out of view is cut, and so is its ring.
    let seen = response.interact_rect.expand(GAP + WIDTH);
    let painter = ui.ctx().layer_painter(response.layer_id).with_clip_rect(seen);
    let line = Stroke::new(WIDTH, Palette::of(ui).accent);
    painter.rect_stroke(response.rect.expand(GAP), RADIUS + 1, line, StrokeKind::Outside);
}

/// Draws it around the handle of a slider, instead of all of it, if it has the keys.
pub fn around_handle(ui: &Ui, slider: &Response, center: Pos2, radius: f32) {
    if slider.has_focus() {
        let line = Stroke::new(WIDTH, Palette::of(ui).accent);
        ui.painter().circle_stroke(center, radius + GAP + WIDTH / 2.0, line);
        ui.data_mut(|data| data.insert_temp(around(), Some(slider.id)));
    }
}

/// Where the slider is noted whose handle has the ring.
fn around() -> Id {
    Id::unique("ring around a handle")
}
