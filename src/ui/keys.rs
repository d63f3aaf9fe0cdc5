//! The keyboard. The film has the keys of a video player, which rest while another widget has the focus: a text field
//! needs them, and Space presses a focused button. Keys with Ctrl work always.

use egui::{Key, Modifiers, Ui};

use super::commands::commands;
use crate::app::{Action, AppState};

/// The actions of the keys that were pressed; those of the film unless a widget other than the film has the focus.
pub fn pressed(ui: &Ui, state: &AppState, film: Option<egui::Id>) -> Vec<Action> {
    let other = ui.memory(|memory| memory.focused().is_some_and(|focused| Some(focused) != film));
    let busy = other || egui::Popup::is_any_open(ui.ctx());
    // While text is typed, undo and redo are the field's own.
    let typing = ui.ctx().egui_wants_keyboard_input();
    let mut usable: Vec<_> =
        commands(state, ui.visuals().dark_mode).into_iter().filter(|command| !(command.film && busy)).collect();
    // Ctrl+Shift+Z is also Ctrl+Z to who does not look for Shift: the longer ones come first.
    usable.sort_by_key(|command| command.keys.is_none_or(|keys| !keys.modifiers.shift));
    ui.input_mut(|input| {
        let mut actions = Vec::new();
        for command in usable {
            // On many keyboards + is Shift and =.
            let plus = command.keys.is_some_and(|keys| keys.logical_key == Key::Plus);
            let own = typing && matches!(command.action, Some(Action::Undo | Action::Redo));
            if let (Some(keys), Some(action), false) = (command.keys, command.action, own)
                && (input.consume_key(keys.modifiers, keys.logical_key)
                    || (plus && input.consume_key(keys.modifiers, Key::Equals)))
            {
                actions.push(action);
            }
        }
        actions
    })
}

/// Whether the palette was asked for: Ctrl+Shift+P, Ctrl+K, or a question mark outside of text.
pub fn asks_for_palette(ui: &Ui) -> bool {
    let typing = ui.ctx().egui_wants_keyboard_input();
    ui.input_mut(|input| {
        let with_keys = input.consume_key(Modifiers::COMMAND | Modifiers::SHIFT, Key::P)
            || input.consume_key(Modifiers::COMMAND, Key::K);
        let question = !typing && input.events.iter().any(|event| *event == egui::Event::Text("?".into()));
        with_keys || question
    })
}
