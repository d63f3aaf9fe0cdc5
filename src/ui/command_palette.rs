//! The command palette: every action by name, found by typing, with its key beside it.

use egui::{
    Align2, Area, Frame, Id, Key, KeyboardShortcut, Modal, Modifiers, Order, Role, ScrollArea, Sense, TextEdit, Ui,
    WidgetInfo, pos2, vec2,
};

use super::commands::{Command, commands, matches};
use super::palette::{Palette, SHADOW};
use super::scroll;
use super::section::name_field;
use super::theme::{ROW, regular};
use crate::app::{Action, AppState};

const WIDTH: f32 = 520.0;
const ROWS: f32 = 12.0;

/// What was typed and which row is lit, counted among those that can be done; it is open while this exists.
#[derive(Default)]
pub struct CommandPalette {
    query: String,
    chosen: usize,
    /// It was just opened: the field wants the keys.
    fresh: bool,
}

impl CommandPalette {
    /// Opens it.
    pub fn open() -> Self {
        Self { fresh: true, ..Self::default() }
    }

    /// Draws it; false once it is closed.
    pub fn show(&mut self, ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) -> bool {
        let all = commands(state, ui.visuals().dark_mode);
        let mut found: Vec<Command> = all.into_iter().filter(|command| matches(command.name, &self.query)).collect();
        if self.query.trim().is_empty() {
            // What can be done comes first, each in the order of the list.
            found.sort_by_key(|command| command.action.is_none());
        }
        let able: Vec<usize> = (0..found.len()).filter(|&i| found[i].action.is_some()).collect();
        let (down, up, enter, escape) = ui.input_mut(|input| {
            let mut key = |key| input.consume_key(Modifiers::NONE, key);
            (key(Key::ArrowDown), key(Key::ArrowUp), key(Key::Enter), key(Key::Escape))
        });
        self.chosen = (self.chosen + usize::from(down)).saturating_sub(usize::from(up));
        self.chosen = self.chosen.min(able.len().saturating_sub(1));
        let chosen = able.get(self.chosen).copied();
        let mut open = !escape;
        let mut done = chosen.filter(|_| enter);

        let screen = ui.ctx().content_rect();
        let width = WIDTH.min(screen.width() - 32.0);
        let p = Palette::of(ui);
        let area = Area::new(Id::unique("command palette")).order(Order::Foreground).fixed_pos(pos2(
            screen.center().x - width / 2.0,
            (screen.top() + 72.0).min(screen.center().y - 120.0).max(screen.top() + 8.0),
        ));
        // What lies behind it neither is pressed nor says what it is.
        let modal = Modal::new(Id::unique("command palette")).area(area).backdrop_color(SHADOW).frame(Frame::NONE);
        let shown = modal.show(ui.ctx(), |ui| {
            Frame::popup(ui.style()).fill(p.panel).inner_margin(8).show(ui, |ui| {
                ui.set_width(width - 16.0);
                ui.spacing_mut().item_spacing.y = 4.0;
                let field = TextEdit::singleline(&mut self.query).hint_text("What to do").desired_width(f32::INFINITY);
                let field = ui.add(field);
                name_field(&field, "command", &self.query);
                if std::mem::take(&mut self.fresh) {
                    field.request_focus();
                }
                if field.changed() {
                    self.chosen = 0;
                }
                if found.is_empty() {
                    super::section::caption(ui, "Nothing has this name: try fewer words, such as film.");
                }
                let height = ROWS * ROW;
                let area = ScrollArea::vertical().max_height(height.min(screen.height() - 180.0));
                scroll::rows(ui, area, 7.0, |ui| {
                    ui.spacing_mut().item_spacing.y = 0.0;
                    for (i, command) in found.iter().enumerate() {
                        let lit = Some(i) == chosen;
                        if row(ui, command, lit, lit && (down || up)) {
                            done = Some(i);
                        }
                    }
                });
            });
        });
        if let Some(command) = done.and_then(|i| found.get(i)) {
            actions.extend(command.action.clone());
            open &= command.action.is_none();
        }
        open && !shown.backdrop_response.clicked()
    }
}

/// One command; true if it was pressed.
fn row(ui: &mut Ui, command: &Command, lit: bool, reveal: bool) -> bool {
    let p = Palette::of(ui);
    let able = command.action.is_some();
    let sense = if able { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), sense);
    let keys = command.keys.map_or_else(String::new, |keys| words(&keys));
    let name = format!("{} ({keys})", command.name);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, able, &name));
    if reveal {
        response.scroll_to_me(None);
    }
    if lit || response.hovered() {
        ui.painter().rect_filled(rect, 6, p.hover);
    }
    let ink = if able { p.text } else { p.faint };
    let painter = ui.painter();
    painter.text(rect.left_center() + vec2(10.0, 0.0), Align2::LEFT_CENTER, command.name, regular(13.0), ink);
    painter.text(rect.right_center() - vec2(10.0, 0.0), Align2::RIGHT_CENTER, keys, regular(12.0), p.muted);
    response.clicked()
}

/// `Ctrl+Shift+P`; arrows by the names on keyboards.
pub fn words(keys: &KeyboardShortcut) -> String {
    let mut text = String::new();
    if keys.modifiers.command || keys.modifiers.ctrl {
        text += if cfg!(target_os = "macos") { "⌘" } else { "Ctrl+" };
    }
    if keys.modifiers.shift {
        text += "Shift+";
    }
    text + match keys.logical_key {
        Key::ArrowLeft => "Left",
        Key::ArrowRight => "Right",
        Key::PageDown => "Page Down",
        Key::PageUp => "Page Up",
        Key::Period => ".",
        Key::Comma => ",",
        Key::OpenBracket => "[",
        Key::CloseBracket => "]",
        Key::Plus => "+",
        Key::Minus => "−",
        key => key.name(),
    }
}
