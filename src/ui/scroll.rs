//! What scrolls up and down: its bar lies in the margin beside it, and takes neither place nor sight from it.

use egui::{ScrollArea, Sense, Ui, UiBuilder};

/// Draws a column in all the room there is, `beside` which so much is free.
pub fn column<R>(ui: &mut Ui, id: &str, beside: f32, content: impl FnOnce(&mut Ui) -> R) -> R {
    rows(ui, ScrollArea::vertical().id_salt(id).auto_shrink(false), beside, content)
}

/// The same in a scroll area of its own kind.
pub fn rows<R>(ui: &mut Ui, area: ScrollArea, beside: f32, content: impl FnOnce(&mut Ui) -> R) -> R {
    let room = ui.available_rect_before_wrap();
    let mut child = ui.new_child(UiBuilder::new().max_rect(room.with_max_x(room.right() + beside)));
    let output = area.show(&mut child, |ui| {
        ui.set_max_width(room.width());
        content(ui)
    });
    ui.allocate_rect(output.inner_rect.with_max_x(room.right()), Sense::hover());
    output.inner
}
