//! The Save form: what to write, where to, and how it went.

use egui::{Align, Key, Layout, Popup, PopupCloseBehavior, RectAlign, Response, RichText, Ui};

use super::button::Button;
use super::drawn;
use super::icons;
use super::numbers;
use super::palette::Palette;
use super::path_field::path_field;
use super::section::{caption, title};
use super::tabs::written;
use crate::app::{Action, AppState, SaveResult, SaveWhat, Subject, shown_name};
use crate::config::WeightsKind;

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
    of_what(ui, state);
    caption(ui, if state.save.what == SaveWhat::Singles { "Folder" } else { "File" });
    let typed = line(ui, 28.0, |ui| {
        let browse = Button::text("Browse…").enabled(!state.save.browsing).tip("Choose with the desktop's dialog");
        if browse.show(ui).clicked() {
            actions.push(Action::Browse);
        }
        let mut path = state.save.path.clone();
        let size = egui::vec2(ui.available_width(), 28.0);
        let field = |ui: &mut Ui| path_field(ui, "path to save to", &mut path, size, "");
        let field = ui.add_enabled_ui(!state.save.browsing, field).inner;
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
        let (word, action, tip) = match state.save.replaces() {
            Some(_) => ("Replace", Action::Replace, ""),
            None => ("Save", Action::Save, "Key: Enter"),
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

/// Which pictures or which film are saved: those that the form was opened for.
fn of_what(ui: &mut Ui, state: &AppState) {
    let words = state.save_subject(state.save.what).map(words_of).unwrap_or_default();
    let place = egui::vec2(ui.available_width(), 20.0);
    ui.allocate_ui_with_layout(place, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_size(place);
        if words.is_empty() {
            return;
        }
        let text = RichText::new(words).size(11.5).color(Palette::of(ui).muted);
        let tip = "What was on the screen as this was opened: it stays so until this is closed, or you look at something else";
        ui.add(egui::Label::new(text).truncate()).on_hover_text(tip);
    });
}

fn words_of(subject: Subject) -> String {
    let whole = |number: u64| numbers::whole(number as f64);
    match subject {
        Subject::Grid { step, weights: WeightsKind::Ema } => format!("The grid of step {}", whole(step)),
        Subject::Grid { step, weights: WeightsKind::Raw } => {
            format!("The grid of step {}, by raw weights", whole(step))
        }
        Subject::Film { step, t } => format!("The film of step {}, at t = {}", whole(step), whole(t as u64)),
        Subject::Drawing { why, t } => format!("{}, at t = {}", drawn::sentence(why), whole(t as u64)),
        Subject::Rough => "A first look at what is being drawn".into(),
        Subject::Denoising { step: Some(step), .. } => {
            format!("The film of step {}, from noise to digits", whole(step))
        }
        Subject::Denoising { step: None, why } => format!("{}, from noise to digits", drawn::sentence(why)),
        Subject::Training { t, from, to } => {
            format!("The films at t = {}, from step {} to {}", whole(t as u64), whole(from), whole(to))
        }
    }
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
        (None, None) => {
            let Some(path) = state.save.replaces() else { return };
            (p.warn, format!("{} {} is there already: Replace writes over it.", icons::WARNING, shown_name(path)))
        }
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
