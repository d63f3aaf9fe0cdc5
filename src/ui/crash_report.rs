//! A report of a crash: a line that offers it, and its text in place of the tab.

use egui::{Align2, Frame, Key, Label, Rect, RichText, ScrollArea, TextEdit, Ui, UiBuilder, vec2};

use super::button::Button;
use super::icons;
use super::notice::over_panels;
use super::palette::Palette;
use super::section::{name_field, title};
use crate::app::{Action, AppState};

const OFFER: &str = "A piece of work ended by an internal error. A report of it is kept on this computer.";

/// The line that offers it, over the top of the centre, until it is shown, kept or deleted.
pub fn offer(ui: &Ui, state: &AppState, centre: Rect, actions: &mut Vec<Action>) {
    if state.crash.as_ref().is_none_or(|crash| crash.open) {
        return;
    }
    let p = Palette::of(ui);
    let place = (centre.center_top() + vec2(0.0, 8.0), Align2::CENTER_TOP);
    over_panels(ui, "offer of a report", place, centre.width(), p.line, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.label(RichText::new(icons::INFO).size(14.0).color(p.muted));
            let buttons = 220.0;
            let width = (ui.available_width() - buttons).max(80.0);
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.add(Label::new(RichText::new(OFFER).size(12.0).color(p.text)).wrap());
            });
            buttons_of(ui, false, actions);
        });
    });
}

fn buttons_of(ui: &mut Ui, open: bool, actions: &mut Vec<Action>) {
    if !open && Button::text("Show").named("Show the report").tip("What happened, and where").show(ui).clicked() {
        actions.push(Action::ShowReport(true));
    }
    if Button::text("Delete").named("Delete the reports").tip("Delete all reports of crashes").show(ui).clicked() {
        actions.push(Action::DeleteReports);
    }
    if Button::text("Keep").named("Keep the report").tip("Keep the file, and do not offer it again").show(ui).clicked()
    {
        actions.push(Action::KeepReport);
    }
}

/// The text, in place of the tab.
pub fn show(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let Some(crash) = &state.crash else { return };
    let p = Palette::of(ui);
    let area = ui.available_rect_before_wrap().shrink2(vec2(24.0, 12.0));
    ui.scope_builder(UiBuilder::new().max_rect(area), |ui| {
        title(ui, "Report of a crash", |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            if Button::text("Close the report").tip("Key: Escape").show(ui).clicked() {
                actions.push(Action::ShowReport(false));
            }
            buttons_of(ui, true, actions);
        });
        ui.add_space(8.0);
        let words =
            format!("It is in {}. Nothing was sent; it is yours to send or to delete.", crash.report.path.display());
        ui.add(Label::new(RichText::new(words).size(12.0).color(p.muted)).wrap());
        ui.add_space(8.0);
        ui.spacing_mut().scroll.floating_allocated_width = 10.0;
        ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            let mut text = crash.report.text.as_str();
            let field = TextEdit::multiline(&mut text).code_editor().frame(Frame::NONE).desired_width(f32::INFINITY);
            let field = ui.add(field);
            name_field(&field, "text of the report", &crash.report.text);
        });
        if ui.input(|input| input.key_pressed(Key::Escape)) {
            actions.push(Action::ShowReport(false));
        }
    });
}
