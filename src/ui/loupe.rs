//! The loupe: the followed digit at the playhead in whole multiples of its pixels, as large as the window allows, with
//! the value of the pixel under the pointer.

use std::sync::Arc;

use egui::emath::GuiRounding;
use egui::{Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo, vec2};

use super::button::Button;
use super::numbers;
use super::palette::Palette;
use super::section::title;
use super::symbols::{EPS_HAT, Symbol, X_0, X_T, X0_HAT, caption};
use super::textures::{Part, Textures};
use super::theme::regular;
use crate::app::{Action, AppState, Moment};
use crate::pictures::Pictures;

const GAP: f32 = 20.0;
/// Height of the title, and of a caption with its space.
const TITLE: f32 = 34.0;
const CAPTION: f32 = 26.0;

/// How many pictures stand beside each other, and the points that a pixel takes: a whole number of screen pixels.
fn plan(room: Vec2, pixels: f32, pixels_per_point: f32) -> (usize, f32) {
    let scale = |columns: usize| {
        let rows = 4 / columns;
        let width = (room.x - GAP * (columns - 1) as f32) / columns as f32;
        let height = (room.y - (CAPTION + 8.0) * rows as f32) / rows as f32;
        ((width.min(height) / pixels) * pixels_per_point).floor().max(1.0) / pixels_per_point
    };
    if scale(4) >= scale(2) { (4, scale(4)) } else { (2, scale(2)) }
}

/// Draws it in place of the tab.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    let area = ui.available_rect_before_wrap().shrink2(vec2(24.0, 12.0));
    ui.scope_builder(UiBuilder::new().max_rect(area), |ui| {
        let p = Palette::of(ui);
        let i = state.followed_in_film();
        let moment = state.film().and_then(|film| film.shown());
        let end = state.film().and_then(|film| film.last()).map(|moment| &moment.x_t);
        let words = match state.film_step() {
            Some(step) => format!("Loupe: № {} by the model of step {}", i + 1, numbers::whole(step as f64)),
            None => format!("Loupe: № {}", i + 1),
        };
        title(ui, &words, |ui| {
            if Button::text("Close the loupe").tip("Key: Z or Escape").show(ui).clicked() {
                actions.push(Action::Loupe(false));
            }
            if let Some(moment) = moment {
                let text = format!("t = {}", numbers::whole(moment.t as f64));
                ui.label(RichText::new(text).size(11.5).color(p.muted));
            }
        });
        if ui.input(|input| input.key_pressed(egui::Key::Escape)) {
            actions.push(Action::Loupe(false));
        }
        let (Some(moment), Some(end)) = (moment.filter(|moment| i < moment.x_t.count()), end) else {
            ui.label(RichText::new("Nothing is filmed yet: press Record below, or train a model.").color(p.muted));
            return;
        };
        pictures(ui, textures, moment, end, i);
    });
}

fn pictures(ui: &mut Ui, textures: &mut Textures, moment: &Moment, end: &Arc<Pictures>, i: usize) {
    let room = vec2(ui.available_width(), ui.available_height() - TITLE + 26.0);
    let pixels = vec2(moment.x_t.width as f32, moment.x_t.height as f32);
    let (columns, scale) = plan(room, pixels.max_elem(), ui.ctx().pixels_per_point());
    let all: [(Symbol, &'static str, &Arc<Pictures>, Part); 4] = [
        (X_T, "what it sees", &moment.x_t, Part::One(i)),
        (EPS_HAT, "noise it finds", &moment.eps_hat, Part::Signed(i)),
        (X0_HAT, "its guess", &moment.x0_hat, Part::One(i)),
        (X_0, "the end", end, Part::One(i)),
    ];
    let width = columns as f32 * pixels.x * scale + (columns - 1) as f32 * GAP;
    // Between two screen pixels, what is drawn and what is pointed at would differ by one.
    let edge = ui.cursor().left();
    let indent = ((ui.available_width() - width) / 2.0).max(0.0);
    let indent = (edge + indent).round_to_pixels(ui.ctx().pixels_per_point()) - edge;
    for (row, part) in all.chunks(columns).enumerate() {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.add_space(indent);
            ui.spacing_mut().item_spacing.x = GAP;
            for (column, (symbol, words, source, part)) in part.iter().enumerate() {
                ui.vertical(|ui| {
                    ui.set_width(pixels.x * scale);
                    let (rect, response) = ui.allocate_exact_size(pixels * scale, Sense::hover());
                    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("Loupe: {words}")));
                    let slot = ("loupe", columns * row + column);
                    if i < source.count() {
                        textures.paint(ui, rect, slot, source, *part, 0);
                    }
                    let p = Palette::of(ui);
                    ui.painter().rect_stroke(rect, 0, Stroke::new(1.0, p.line), StrokeKind::Outside);
                    let signed = matches!(part, Part::Signed(_));
                    if let Some(text) = response.hover_pos().and_then(|at| value(rect, at, source, i, signed)) {
                        response.on_hover_text_at_pointer(text);
                    }
                    caption(ui, pixels.x * scale, *symbol, words, &regular(12.5), p.muted);
                });
            }
        });
        ui.add_space(8.0);
    }
}

/// The pixel under the pointer, in words.
fn value(rect: Rect, at: egui::Pos2, source: &Pictures, i: usize, signed: bool) -> Option<String> {
    let share = (at - rect.min) / rect.size();
    let (x, y) = ((share.x * source.width as f32) as usize, (share.y * source.height as f32) as usize);
    let byte = (x < source.width && i < source.count()).then(|| source.get(i).get(y * source.width + x)).flatten()?;
    let unit = f32::from(*byte) / 127.5 - 1.0;
    let value = if signed { format!("{:+.2} σ", 3.0 * unit) } else { format!("{unit:+.2}") };
    Some(format!("column {}, row {}: {value}", x + 1, y + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_whole_and_the_four_fit() {
        for (room, screen) in [(vec2(760.0, 580.0), 1.0), (vec2(1900.0, 500.0), 1.0), (vec2(500.0, 330.0), 2.0)] {
            let (columns, scale) = plan(room, 28.0, screen);
            let rows = 4 / columns;
            assert_eq!((scale * screen).fract(), 0.0);
            assert!(columns as f32 * 28.0 * scale + GAP * (columns - 1) as f32 <= room.x, "{room}");
            assert!(rows as f32 * (28.0 * scale + CAPTION) <= room.y, "{room}");
        }
        assert_eq!((plan(vec2(760.0, 580.0), 28.0, 1.0).0, plan(vec2(1900.0, 500.0), 28.0, 1.0).0), (2, 4));
    }

    #[test]
    fn a_pixel_is_told_by_its_place_and_value() {
        let source = Pictures { width: 2, height: 2, pixels: vec![0, 0, 0, 0, 0, 128, 255, 0] };
        let rect = Rect::from_min_size(egui::pos2(10.0, 10.0), vec2(20.0, 20.0));
        let at = |x, y, signed| value(rect, egui::pos2(x, y), &source, 1, signed);
        assert_eq!(at(25.0, 15.0, false).as_deref(), Some("column 2, row 1: +0.00"));
        assert_eq!(at(12.0, 28.0, true).as_deref(), Some("column 1, row 2: +3.00 σ"));
        assert_eq!(at(30.0, 30.0, false), None);
    }
}
