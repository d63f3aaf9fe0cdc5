//! A grid of pictures as one texture, whole multiples of their pixels, each of them a button.

use std::sync::Arc;

use egui::emath::GuiRounding;
use egui::{Align, Layout, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2};

use super::palette::Palette;
use super::textures::{Part, Textures};
use super::theme::semibold;
use crate::pictures::Pictures;

/// How a grid of pictures is laid out in the room that it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridPlan {
    columns: usize,
    /// Pixels between two pictures: one, unless the grid is a size larger without.
    gap: usize,
    /// Points a pixel: a whole number of screen pixels.
    scale: f32,
    /// The whole grid in points.
    pub size: Vec2,
}

impl GridPlan {
    /// The largest grid of `pictures` that fits in `room` on a screen of so many pixels a point.
    pub fn new(pictures: &Pictures, room: Vec2, pixels_per_point: f32) -> Self {
        Self::in_columns(pictures, (pictures.count() as f64).sqrt().ceil() as usize, room, pixels_per_point)
    }

    /// As [`new`](Self::new), with so many pictures a row.
    pub fn in_columns(pictures: &Pictures, columns: usize, room: Vec2, pixels_per_point: f32) -> Self {
        let columns = columns.max(1);
        let rows = pictures.count().div_ceil(columns).max(1);
        let with_gap = |gap: usize| {
            let pixels =
                vec2((columns * (pictures.width + gap) + gap) as f32, (rows * (pictures.height + gap) + gap) as f32);
            let scale = ((room / pixels).min_elem() * pixels_per_point).floor().max(1.0) / pixels_per_point;
            Self { columns, gap, scale, size: pixels * scale }
        };
        let (spaced, dense) = (with_gap(1), with_gap(0));
        if dense.scale > spaced.scale { dense } else { spaced }
    }
}

/// Draws the grid, with the followed picture and the one that stands in for it; gives the place of the picture that was pressed.
pub fn grid(
    ui: &mut Ui,
    textures: &mut Textures,
    slot: &'static str,
    pictures: &Arc<Pictures>,
    classes: &[Option<u8>],
    followed: (Option<usize>, Option<usize>),
) -> Option<usize> {
    let plan = GridPlan::new(pictures, ui.available_size(), ui.ctx().pixels_per_point());
    planned_grid(ui, textures, (slot, "Picture"), pictures, classes, followed, plan)
}

/// Draws the grid as it was planned, its pictures named by a word; gives the place of the picture that was pressed.
pub fn planned_grid(
    ui: &mut Ui,
    textures: &mut Textures,
    (slot, word): (&'static str, &str),
    pictures: &Arc<Pictures>,
    classes: &[Option<u8>],
    (followed, like): (Option<usize>, Option<usize>),
    plan: GridPlan,
) -> Option<usize> {
    let p = Palette::of(ui);
    let GridPlan { columns, gap, scale, size } = plan;
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let rect = rect.round_to_pixels(ui.pixels_per_point());
    textures.paint(ui, rect, (slot, 0), pictures, Part::Grid { columns, gap }, 8);

    let between = vec2(gap as f32, gap as f32);
    let cell = vec2(pictures.width as f32, pictures.height as f32) + between;
    let mut pressed = None;
    for i in 0..pictures.count() {
        let corner = vec2((i % columns) as f32, (i / columns) as f32) * cell * scale;
        let place = Rect::from_min_size(rect.min + corner, (cell + between) * scale);
        if !ui.is_rect_visible(place) {
            continue;
        }
        let response = ui.interact(place, ui.scope_id().with((slot, i)), Sense::click());
        let class =
            classes.get(i).copied().flatten().map_or_else(String::new, |class| format!(", asked for a {class}"));
        let name = format!("{word} {}{class}", i + 1);
        let chosen = followed == Some(i);
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &name));
        let line = match (chosen, response.hovered()) {
            (true, _) => Some(Stroke::new(2.0, p.accent)),
            _ if like == Some(i) => Some(Stroke::new(1.0, p.accent)),
            (false, true) => Some(Stroke::new(1.0, p.muted)),
            (false, false) => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_whole_multiples_and_as_large_as_fits() {
        let digits = Pictures { width: 28, height: 28, pixels: vec![0; 64 * 784] };
        let plan = |side: f32, screen: f32| GridPlan::new(&digits, vec2(side, side), screen);
        assert_eq!(plan(500.0, 1.0).size, vec2(466.0, 466.0));
        assert_eq!(plan(450.0, 1.0).size, vec2(448.0, 448.0), "without gaps it is a size larger");
        assert_eq!(plan(100.0, 1.0).scale, 1.0, "never smaller than its pixels");
        assert_eq!(plan(400.0, 2.0).scale, 1.5, "three screen pixels on a fine screen");
    }
}
