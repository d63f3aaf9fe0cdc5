//! The name of a run at the head of its card, and the field in its place while it is typed.

use egui::text::{CCursor, CCursorRange};
use egui::{Align, Key, Label, Layout, Margin, RichText, TextEdit, Ui, vec2};

use super::palette::Palette;
use super::section::name_field;
use super::theme::{ROW, semibold};
use crate::app::{Action, AppState, NameAction, RunNaming, RunSummary};

/// Height of the name, typed or not.
const HEIGHT: f32 = ROW;
/// Width of the field, for as long a name as there may be.
const WIDTH: f32 = 380.0;

/// Draws the name, and `right` at the end of its line.
pub fn show(
    ui: &mut Ui,
    state: &AppState,
    (run, name): (&RunSummary, &str),
    actions: &mut Vec<Action>,
    right: impl FnOnce(&mut Ui, &mut Vec<Action>),
) {
    let p = Palette::of(ui);
    let naming = state.runs.naming.as_ref().filter(|naming| naming.run == run.path);
    let line = Layout::left_to_right(Align::Center);
    ui.allocate_ui_with_layout(vec2(ui.available_width(), HEIGHT), line, |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            right(ui, actions);
            ui.with_layout(line, |ui| match naming {
                Some(naming) => field(ui, naming, actions),
                None => {
                    ui.add(Label::new(RichText::new(name).font(semibold(13.0)).color(p.text)).truncate());
                }
            });
        });
    });
    if let Some(problem) = naming.and_then(|naming| naming.problem.as_ref()) {
        ui.add(Label::new(RichText::new(problem).size(11.5).color(p.bad)).wrap());
    }
}

/// Enter keeps what was typed, and so does a click elsewhere; Escape leaves the name as it was.
fn field(ui: &mut Ui, naming: &RunNaming, actions: &mut Vec<Action>) {
    let id = ui.make_persistent_id(("name of the run", naming.turn));
    let fresh = TextEdit::load_state(ui.ctx(), id).is_none();
    let mut text = naming.text.clone();
    let edit = TextEdit::singleline(&mut text).id(id).font(semibold(13.0)).margin(Margin::symmetric(6, 5));
    let output = edit.desired_width(WIDTH.min(ui.available_width() - 8.0)).show(ui);
    let field = output.response.response;
    name_field(&field, "name of the run", &text);
    if fresh {
        field.request_focus();
        field.scroll_to_me(Some(Align::Center));
        let mut state = output.state;
        let all = CCursorRange::two(CCursor::new(0), CCursor::new(text.chars().count()));
        state.cursor.set_char_range(Some(all));
        state.store(ui.ctx(), id);
    }
    let mut act = |action| actions.push(Action::Name(action));
    if field.changed() {
        act(NameAction::Text(text));
    }
    if field.lost_focus() {
        let (escape, enter) = ui.input(|input| (input.key_pressed(Key::Escape), input.key_pressed(Key::Enter)));
        match (&naming.problem, enter) {
            _ if escape => act(NameAction::Leave),
            (None, _) => act(NameAction::Keep),
            (Some(_), true) => field.request_focus(),
            (Some(_), false) => act(NameAction::Leave),
        }
    }
}
