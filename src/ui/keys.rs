//! The keys of the film, as in a video player. They rest while another widget has the focus: a text field needs them,
//! and Space presses a focused button.

use egui::{Key, Modifiers, Ui};

use crate::app::{Action, AppState};

/// Timesteps of a jump.
const JUMP: isize = 100;

/// The actions of the keys that were pressed, unless a widget other than the film has the focus.
pub fn pressed(ui: &Ui, state: &AppState, film: Option<egui::Id>) -> Vec<Action> {
    let other = ui.memory(|memory| memory.focused().is_some_and(|focused| Some(focused) != film));
    let busy = other || egui::Popup::is_any_open(ui.ctx());
    let Some(recording) = state.recording.as_ref().filter(|_| !busy) else { return Vec::new() };
    let last = recording.moments().len().saturating_sub(1);
    let keys = [
        (Modifiers::SHIFT, Key::ArrowRight, Action::JumpTimesteps(JUMP)),
        (Modifiers::SHIFT, Key::ArrowLeft, Action::JumpTimesteps(-JUMP)),
        (Modifiers::NONE, Key::PageDown, Action::JumpTimesteps(JUMP)),
        (Modifiers::NONE, Key::PageUp, Action::JumpTimesteps(-JUMP)),
        (Modifiers::NONE, Key::ArrowRight, Action::StepFrames(1)),
        (Modifiers::NONE, Key::ArrowLeft, Action::StepFrames(-1)),
        (Modifiers::NONE, Key::Home, Action::Seek(0)),
        (Modifiers::NONE, Key::End, Action::Seek(last)),
        (Modifiers::NONE, Key::Space, Action::TogglePlay),
    ];
    ui.input_mut(|input| {
        let pressed = keys.into_iter().filter(|(modifiers, key, _)| input.consume_key(*modifiers, *key));
        pressed.map(|(_, _, action)| action).collect()
    })
}
