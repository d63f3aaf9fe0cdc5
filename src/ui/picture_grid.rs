//! A grid of pictures as one texture, whole multiples of their pixels, each of them a button.

use std::sync::Arc;

use egui::{Align, Layout, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::palette::Palette;
use super::textures::{Part, Textures};
use super::theme::semibold;
use crate::pictures::Pictures;

/// Columns of a grid that is about square.
pub fn columns(count: usize) -> usize {
    ((count as f64).sqrt().ceil() as usize).max(1)
}

/// Points a pixel of pictures that need `pixels` and have `room`: as large as fits in whole screen pixels.
pub fn whole_scale(ui: &Ui, pixels: egui::Vec2, room: egui::Vec2) -> f32 {
    let screen = ui.ctx().pixels_per_point();
    let fit = (room / pixels).min_elem() * screen;
    fit.floor().max(1.0) / screen
}

/// Draws the grid as large as it fits; gives the place of the picture that was pressed.
pub fn grid(
    ui: &mut Ui,
    textures: &mut Textures,
    slot: &'static str,
    pictures: &Arc<Pictures>,
    classes: &[Option<u8>],
    followed: Option<usize>,
) -> Option<usize> {
    let p = Palette::of(ui);
    let columns = columns(pictures.count());
    let rows = pictures.count().div_ceil(columns);
    let cell = vec2(pictures.width as f32 + 1.0, pictures.height as f32 + 1.0);
    let pixels = cell * vec2(columns as f32, rows as f32) + vec2(1.0, 1.0);
    let scale = whole_scale(ui, pixels, ui.available_size());
    let (rect, _) = ui.allocate_exact_size(pixels * scale, Sense::hover());
    let rect = egui::emath::GuiRounding::round_to_pixels(rect, ui.ctx().pixels_per_point());
    let texture = textures.get(ui.ctx(), (slot, 0), pictures, Part::Grid { columns });
    egui::Image::new((texture, rect.size())).corner_radius(8).paint_at(ui, rect);

    let mut pressed = None;
    for i in 0..pictures.count() {
        let corner = vec2((i % columns) as f32, (i / columns) as f32) * cell * scale;
        let place = Rect::from_min_size(rect.min + corner, (cell + vec2(1.0, 1.0)) * scale);
        if !ui.is_rect_visible(place) {
            continue;
        }
        let response = ui.interact(place, ui.scope_id().with((slot, i)), Sense::click());
        let class =
            classes.get(i).copied().flatten().map_or_else(String::new, |class| format!(", asked for a {class}"));
        let name = format!("Picture {}{class}", i + 1);
        let chosen = followed == Some(i);
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &name));
        let line = match (chosen, response.has_focus(), response.hovered()) {
            (true, _, _) => Some(Stroke::new(2.0, p.accent)),
            (_, true, _) => Some(Stroke::new(2.0, p.text)),
            (_, _, true) => Some(Stroke::new(1.0, p.muted)),
            _ => None,
        };
        if let Some(line) = line {
            ui.painter().rect_stroke(place, 4, line, StrokeKind::Middle);
        }
        if response.clicked() {
            pressed = Some(i);
        }
    }
    pressed
}

/// What stands in the place of pictures that are not there yet.
pub struct Empty {
    pub headline: &'static str,
    /// What to do, or what is going on.
    pub sentence: &'static str,
}

impl Empty {
    /// Draws the place with the words, and below them what `more` draws.
    pub fn show(self, ui: &mut Ui, more: impl FnOnce(&mut Ui)) {
        let p = Palette::of(ui);
        let side = ui.available_width().min(ui.available_height() - 4.0).max(120.0);
        let (rect, _) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
        ui.painter().rect(rect, 8, p.raised, Stroke::new(1.0, p.line), StrokeKind::Inside);
        let height = 112.0;
        let inner = Rect::from_center_size(rect.center(), vec2((side - 32.0).min(340.0), height));
        let inner = Rect::from_min_max(pos2(inner.left(), inner.top().max(rect.top() + 8.0)), inner.max);
        ui.scope_builder(egui::UiBuilder::new().max_rect(inner).layout(Layout::top_down(Align::Center)), |ui| {
            ui.spacing_mut().item_spacing.y = 8.0;
            ui.label(RichText::new(self.headline).font(semibold(15.0)).color(p.text));
            ui.label(RichText::new(self.sentence).color(p.muted));
            ui.add_space(4.0);
            more(ui);
        });
    }
}
