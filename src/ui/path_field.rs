//! A field for a path. While nobody types, it shows the end of a long one, where the name of the file is.

use egui::text::{CCursorRange, LayoutJob};
use egui::{Response, TextBuffer, TextEdit, Ui, Vec2};

use super::palette::Palette;
use super::section::name_field;
use super::theme::regular;

/// Draws the field.
pub fn path_field(ui: &mut Ui, name: &str, path: &mut String, size: Vec2, hint: &str) -> Response {
    let id = ui.scope_id().with(("path field", name));
    let typing = ui.memory(|memory| memory.has_focus(id));
    let ink = Palette::of(ui).text;
    let mut cut = 0;
    let mut lay_out = |ui: &Ui, text: &dyn TextBuffer, room: f32| {
        let text = text.as_str();
        cut = if typing { 0 } else { hidden(ui, text, room) };
        let shown = if cut == 0 { text.to_owned() } else { format!("…{}", &text[cut..]) };
        ui.painter().layout_job(LayoutJob::simple_singleline(shown, regular(13.0), ink))
    };
    let field = TextEdit::singleline(path).id(id).hint_text(hint).layouter(&mut lay_out);
    let mut field = ui.add_sized(size, field);
    if field.gained_focus() && cut > 0 {
        // Where it was pressed, now that all of it is laid out.
        let before = path[..cut].chars().count() - 1;
        if let Some(mut state) = TextEdit::load_state(ui.ctx(), id) {
            let range = state.cursor.char_range();
            let moved = |range: CCursorRange| CCursorRange {
                primary: range.primary + before,
                secondary: range.secondary + before,
                ..range
            };
            state.cursor.set_char_range(range.map(moved));
            state.store(ui.ctx(), id);
        }
    }
    name_field(&field, name, path);
    if cut > 0 {
        field = field.on_hover_text(path.as_str());
    }
    field
}

/// Bytes at the beginning of a text that have no room, if a sign for them has some; none of one that fits.
fn hidden(ui: &Ui, text: &str, room: f32) -> usize {
    let width = |text: String| ui.painter().layout_no_wrap(text, regular(13.0), Palette::of(ui).text).size().x;
    if width(text.to_owned()) <= room {
        return 0;
    }
    let begins: Vec<usize> = text.char_indices().map(|(at, _)| at).skip(1).collect();
    let first = begins.partition_point(|&at| width(format!("…{}", &text[at..])) > room);
    begins.get(first).copied().unwrap_or(0)
}
