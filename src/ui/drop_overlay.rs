//! While files are held over the window: what dropping them would do, over everything else.

use egui::emath::GuiRounding;
use egui::{Align2, Area, Id, Label, Order, Rect, RichText, Sense, Stroke, StrokeKind, Ui, UiBuilder, vec2};

use super::icons;
use super::palette::Palette;
use super::theme::{regular, semibold};
use crate::app::{AppState, DropOffer};

/// Files that are named; the others are counted.
const NAMED: usize = 5;
const WIDTH: f32 = 520.0;
const ROW: f32 = 46.0;
const GAP: f32 = 4.0;
const MARGIN: f32 = 24.0;
const WHAT_CAN: &str = "What can be dropped: a run folder, weights (.safetensors, .pth, .pt), a folder of images, an IDX \
                        file, or a PNG that was saved here.";

/// Draws it, if something is held over the window.
pub fn show(ui: &Ui, state: &AppState) {
    let count = state.drop_offers().len();
    if count == 0 {
        return;
    }
    let usable = state.drop_offers().filter(|offer| offer.usable).count();
    let p = Palette::of(ui);
    let screen = ui.ctx().content_rect();
    let area = Area::new(Id::unique("drop overlay")).order(Order::Foreground).fixed_pos(screen.min).interactable(false);
    area.show(ui.ctx(), |ui| {
        let edge = if usable > 0 { p.accent } else { p.muted };
        ui.painter().rect_filled(screen, 0, p.bg.gamma_multiply(0.86));
        ui.painter().rect_stroke(screen.shrink(8.0), 8, Stroke::new(2.0, edge), StrokeKind::Inside);
        let width = WIDTH.min(screen.width() - 64.0);
        let named = count.min(NAMED) as f32;
        let more = if count > NAMED { 20.0 } else { 0.0 } + if usable < count { 40.0 } else { 0.0 };
        let height = 2.0 * MARGIN + 32.0 + named * (ROW + GAP) + more;
        let card = Rect::from_center_size(screen.center(), vec2(width, height)).round_to_pixels(ui.pixels_per_point());
        ui.painter().rect(card, 8, p.panel, Stroke::new(1.0, p.line), StrokeKind::Inside);
        ui.scope_builder(UiBuilder::new().max_rect(card.shrink(MARGIN)), |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            let title = match (usable, count) {
                (0, 1) => "This cannot be used here",
                (0, _) => "None of these can be used here",
                (1, 1) => "Drop it here",
                _ => "Drop them here",
            };
            ui.label(RichText::new(title).font(semibold(16.0)).color(p.text));
            ui.add_space(8.0);
            state.drop_offers().take(NAMED).for_each(|offer| row(ui, &offer));
            if count > NAMED {
                ui.label(RichText::new(format!("and {} more", count - NAMED)).size(12.0).color(p.muted));
            }
            if usable < count {
                ui.add_space(4.0);
                ui.label(RichText::new(WHAT_CAN).size(12.0).color(p.muted));
            }
        });
    });
}

/// One file: its name, and what would become of it.
fn row(ui: &mut Ui, offer: &DropOffer<'_>) {
    let p = Palette::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    ui.painter().rect_filled(rect, 6, p.raised);
    let (icon, ink) = if offer.usable { (icons::DOWNLOAD, p.accent) } else { (icons::CLOSE, p.muted) };
    ui.painter().text(rect.left_center() + vec2(20.0, 0.0), Align2::CENTER_CENTER, icon, regular(15.0), ink);
    let words = rect.shrink2(vec2(12.0, 6.0)).with_min_x(rect.left() + 40.0);
    let mut ui = ui.new_child(UiBuilder::new().max_rect(words));
    ui.spacing_mut().item_spacing.y = 1.0;
    ui.add(Label::new(RichText::new(offer.name).font(semibold(13.0)).color(p.text)).truncate());
    ui.add(Label::new(RichText::new(offer.says).size(12.0).color(p.muted)).truncate());
}
