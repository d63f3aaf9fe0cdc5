//! The Save form: what to write, where to, and how it went.

use egui::{Align, Key, Layout, Popup, PopupCloseBehavior, RectAlign, Response, RichText, TextEdit, Ui};

use super::button::Button;
use super::icons;
use super::palette::Palette;
use super::section::{caption, name_field, title};
use super::tabs::written;
use crate::app::{Action, AppState, SaveResult, SaveWhat, shown_name};

/// Draws the form above its button, if it is open.
pub fn show(button: &Response, state: &AppState, actions: &mut Vec<Action>) {
    let mut open = state.save.open;
    Popup::from_response(button)
        .id(egui::Id::unique("save form"))
        .align(RectAlign::TOP_END)
        .gap(8.0)
        .close_behavior(PopupCloseBehavior::IgnoreClicks)
        .accessible_name("Save")
        .open_bool(&mut open)
        .frame(egui::Frame::popup(button.ctx.global_style().as_ref()).inner_margin(16))
        .show(|ui| form(ui, state, actions));
    if state.save.open && !open {
        actions.push(Action::ToggleSave);
    }
}

fn form(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    ui.set_width(440.0);
    ui.spacing_mut().item_spacing.y = 6.0;
    title(ui, "Save", |ui| {
        if Button::icon(icons::CLOSE, "Close").quiet().show(ui).clicked() {
            actions.push(Action::ToggleSave);
        }
    });
    choices(ui, state, actions);
    ui.add_space(4.0);
    caption(ui, if state.save.what == SaveWhat::Singles { "Folder" } else { "File" });
    let typed = line(ui, 28.0, |ui| {
        let browse = Button::text("Browse…").enabled(!state.save.browsing).tip("Choose with the desktop's dialog");
        if browse.show(ui).clicked() {
            actions.push(Action::Browse);
        }
        let mut path = state.save.path.clone();
        let size = [ui.available_width(), 28.0];
        let field = TextEdit::singleline(&mut path);
        let field = ui.add_enabled_ui(!state.save.browsing, |ui| ui.add_sized(size, field)).inner;
        name_field(&field, "path to save to", &path);
        if field.changed() {
            actions.push(Action::SavePath(path));
        }
        field.lost_focus()
    });
    // Where a button or a choice has the focus, Enter presses that.
    let entered =
        (typed || ui.memory(|memory| memory.focused().is_none())) && ui.input(|input| input.key_pressed(Key::Enter));
    ui.add_space(4.0);
    line(ui, 34.0, |ui| {
        let missing = state.missing(state.save.what);
        let writing = state.save.result == Some(SaveResult::Writing);
        let ready = missing.is_none() && !state.save.path.trim().is_empty() && !writing && !state.save.browsing;
        let (word, action, tip) = match &state.save.result {
            Some(SaveResult::Exists(_)) => ("Replace", Action::Replace, ""),
            _ => ("Save", Action::Save, "Key: Enter"),
        };
        let pressed = Button::text(word).main(true).width(96.0).enabled(ready).tip(tip).show(ui).clicked();
        // What is there already is replaced by no key that may repeat itself.
        if pressed || (ready && entered && action == Action::Save) {
            actions.push(action);
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| outcome(ui, state, missing));
    });
}

/// What to save, one of all that there is.
fn choices(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    // A ring that is not filled is seen by its line alone.
    ui.scope(|ui| {
        let p = Palette::of(ui);
        let widgets = &mut ui.visuals_mut().widgets;
        (widgets.inactive.bg_stroke.color, widgets.hovered.bg_stroke.color) = (p.faint, p.muted);
        for what in SaveWhat::ALL {
            let missing = state.missing(what);
            ui.add_enabled_ui(missing.is_none() && !state.save.browsing, |ui| {
                let choice = ui.radio(state.save.what == what, title_of(state, what));
                if choice.clicked() {
                    actions.push(Action::SaveWhat(what));
                }
                choice.on_disabled_hover_text(missing.unwrap_or("The file dialog is open"));
            });
        }
    });
}

/// A line that is filled from its right end.
fn line<R>(ui: &mut Ui, height: f32, content: impl FnOnce(&mut Ui) -> R) -> R {
    let size = egui::vec2(ui.available_width(), height);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), content).inner
}

fn outcome(ui: &mut Ui, state: &AppState, missing: Option<&str>) {
    let p = Palette::of(ui);
    let (color, text) = match (&state.save.result, missing) {
        (_, Some(missing)) => (p.muted, missing.to_owned()),
        (Some(SaveResult::Writing), _) => (
            p.muted,
            state.writing.as_ref().map_or_else(|| "Writing…".into(), |how_far| format!("Writing{}", written(how_far))),
        ),
        (Some(SaveResult::Saved(path)), _) => (p.good, format!("{} Saved to {}", icons::CHECK, path.display())),
        (Some(SaveResult::Exists(path)), _) => {
            let name = shown_name(path);
            (p.warn, format!("{} {name} is there already. Nothing was written yet.", icons::WARNING))
        }
        (Some(SaveResult::Failed { what, hint }), _) => (p.bad, format!("{} {what}: {hint}", icons::WARNING)),
        (None, None) => return,
    };
    ui.add(egui::Label::new(RichText::new(text).size(12.0).color(color)).wrap());
}

/// The name of a choice: of weights it says whose, as they need not be those of the pictures on the screen.
fn title_of(state: &AppState, what: SaveWhat) -> String {
    match state.model_name().filter(|_| what == SaveWhat::Weights) {
        Some(name) => format!("Weights of {name} (.safetensors)"),
        None => what.title().to_owned(),
    }
}
