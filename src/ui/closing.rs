//! While the window waits to close: what it waits for, over everything else, and a way not to wait.

use egui::emath::GuiRounding;
use egui::{Area, Id, Label, Order, Rect, RichText, Stroke, StrokeKind, Ui, UiBuilder, vec2};

use super::button::Button;
use super::palette::Palette;
use super::theme::{ROW, semibold};
use crate::app::{Action, AppState};

const WIDTH: f32 = 420.0;
const MARGIN: f32 = 24.0;
const LINE: f32 = 18.0;

/// Draws it, if the window waits.
pub fn show(ui: &Ui, state: &AppState, actions: &mut Vec<Action>) {
    let Some(farewell) = state.farewell() else { return };
    let p = Palette::of(ui);
    let screen = ui.ctx().content_rect();
    Area::new(Id::unique("closing")).order(Order::Foreground).fixed_pos(screen.min).show(ui.ctx(), |ui| {
        ui.painter().rect_filled(screen, 0, p.bg.gamma_multiply(0.86));
        let width = WIDTH.min(screen.width() - 64.0);
        let words = |line: &String| RichText::new(line).size(13.0).color(p.muted);
        let height: f32 = (farewell.lines.iter())
            .map(|line| {
                let font = egui::FontId::proportional(13.0);
                let galley = ui.painter().layout(line.clone(), font, p.muted, width - 2.0 * MARGIN);
                galley.size().y.max(LINE) + 4.0
            })
            .sum();
        let size = vec2(width, 2.0 * MARGIN + 32.0 + height + 12.0 + ROW);
        let card = Rect::from_center_size(screen.center(), size).round_to_pixels(ui.pixels_per_point());
        ui.painter().rect(card, 8, p.panel, Stroke::new(1.0, p.line), StrokeKind::Inside);
        ui.scope_builder(UiBuilder::new().max_rect(card.shrink(MARGIN)), |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            ui.label(RichText::new(&farewell.title).font(semibold(16.0)).color(p.text));
            ui.add_space(8.0);
            farewell.lines.iter().for_each(|line| drop(ui.add(Label::new(words(line)).wrap())));
            ui.add_space(8.0);
            if Button::text(farewell.button).tip(&farewell.tip).show(ui).clicked() {
                actions.push(Action::CloseAtOnce);
            }
        });
    });
}
