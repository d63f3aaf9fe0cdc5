//! Titles and separations, the same everywhere.

use egui::{Align, Label, Layout, Response, RichText, Ui, WidgetInfo};

use super::palette::Palette;
use super::theme::semibold;

/// A semi-bold title with something small at the right end of its line.
pub fn title<R>(ui: &mut Ui, text: &str, right: impl FnOnce(&mut Ui) -> R) -> R {
    let p = Palette::of(ui);
    let width = ui.available_width();
    ui.allocate_ui_with_layout(egui::vec2(width, 26.0), Layout::left_to_right(Align::Center), |ui| {
        ui.add(Label::new(RichText::new(text).font(semibold(12.5)).color(p.text)).selectable(false));
        ui.with_layout(Layout::right_to_left(Align::Center), right).inner
    })
    .inner
}

/// A title alone.
pub fn plain_title(ui: &mut Ui, text: &str) {
    title(ui, text, |_| ());
}

/// A caption in small muted letters.
pub fn caption(ui: &mut Ui, text: impl Into<String>) {
    let p = Palette::of(ui);
    ui.label(RichText::new(text).size(11.5).color(p.muted));
}

/// The space and line between two sections.
pub fn separation(ui: &mut Ui) {
    let p = Palette::of(ui);
    ui.add_space(12.0);
    let (rect, _) = ui.allocate_exact_size(egui::vec2(ui.available_width(), 1.0), egui::Sense::hover());
    ui.painter().rect_filled(rect, 0.0, p.line);
    ui.add_space(12.0);
}

/// The accessible name of a text field.
pub fn name_field(field: &Response, name: &str, text: &str) {
    field.widget_info(|| WidgetInfo { label: Some(name.into()), ..WidgetInfo::text_edit(true, text, text, name) });
}
