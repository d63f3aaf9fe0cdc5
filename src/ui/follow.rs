//! The digit that is followed, at the playhead: what the network sees, the noise it finds, its guess, and the end.

use std::sync::Arc;

use egui::{RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::button::Button;
use super::drawn;
use super::numbers;
use super::palette::Palette;
use super::section::{self, title};
use super::symbols::{EPS_HAT, Symbol, X_0, X_T, X0_HAT, caption};
use super::textures::{Part, Slot, Textures};
use super::theme::regular;
use crate::app::{Action, AppState, DrawnFor, SeenDigit};
use crate::pictures::Pictures;

const GAP: f32 = 16.0;
/// Height of a caption below a picture, of the title, and of the spaces between.
const WORDS: f32 = 90.0;
/// Height of a line of what is said above the pictures.
const LINE: f32 = 16.0;
/// Bounds of a picture's side in points.
const SMALLEST: f32 = 84.0;
const LARGEST: f32 = 168.0;

/// Side of one of the four pictures in a column of this size, in points: a digit's 28 pixels, each of whole screen pixels.
pub fn side(room: egui::Vec2, pixels_per_point: f32) -> f32 {
    let fits = ((room.x - GAP) / 2.0).min((room.y - WORDS) / 2.0).clamp(SMALLEST, LARGEST);
    // On a screen of 1.25 pixels a point the smallest would have 3.75 of them: the next larger is taken.
    let pixels =
        (fits * pixels_per_point / 28.0 + 1e-3).floor().max((SMALLEST * pixels_per_point / 28.0 - 1e-3).ceil());
    pixels * 28.0 / pixels_per_point
}

/// Width of the column with pictures of this size.
pub fn width(side: f32) -> f32 {
    2.0 * side + GAP
}

/// What is said above the pictures where they are not of the grid's noise, and the lines that it takes where the column
/// is at its narrowest.
fn note(state: &AppState) -> Option<(String, f32)> {
    if let Some(followed) = state.stands_in().map(|_| state.followed + 1) {
        let like = if state.followed_class().is_some() { "its like, of the same class but " } else { "" };
        return Some((format!("№ {followed} is not filmed: this is {like}from other noise."), 3.0));
    }
    of_drawing(state).map(|why| (drawn::beside_grid(why).into(), 2.0))
}

/// Height of what is said above the pictures, for which they leave room.
pub fn note_height(state: &AppState) -> f32 {
    note(state).map_or(0.0, |(_, lines)| lines * LINE)
}

/// What was drawn begins with other noise than the grid of the training beside it: why it was, where that is shown.
fn of_drawing(state: &AppState) -> Option<DrawnFor> {
    let film = state.film().filter(|film| film.shown().is_some())?;
    (state.film_step().is_none() && state.preview.is_some()).then_some(film.drawn_for)
}

/// Draws the column.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, side: f32, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    let moment = state.film().and_then(|film| film.shown());
    let i = state.followed_in_film();
    let asked = state.followed_class().map_or_else(String::new, |class| format!(", a {class}"));
    let number = i + 1;
    let words = if of_drawing(state).is_some() {
        format!("Drawn: № {number}{asked}")
    } else {
        format!("Following № {number}{asked}")
    };
    title(ui, &words, |ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let tip = "Look at it as large as the window allows. Key: Z";
        let loupe = Button::text("Loupe").quiet().enabled(moment.is_some()).tip(tip);
        if loupe.show(ui).clicked() {
            actions.push(Action::Loupe(true));
        }
        // The strip tells it too.
        if let Some(moment) = moment.filter(|_| side >= 100.0) {
            let text = format!("t = {}", numbers::whole(moment.t as f64));
            ui.label(RichText::new(text).size(11.5).color(p.muted));
        }
    });
    if let Some((words, _)) = note(state) {
        section::caption(ui, words);
    }
    let end = state.film().and_then(|film| film.last()).map(|moment| &moment.x_t);
    let seen = state.seen_digit();
    let last = seen.map_or_else(|| "the end".into(), |digit| format!("seen as {}", digit.seen));
    type Place<'a> = (Symbol, &'a str, Option<&'a Arc<Pictures>>, Part, Slot);
    let pictures: [Place<'_>; 4] = [
        (X_T, "what it sees", moment.map(|m| &m.x_t), Part::One(i), ("x_t", 0)),
        (EPS_HAT, "noise it finds", moment.map(|m| &m.eps_hat), Part::Signed(i), ("eps_hat", 0)),
        (X0_HAT, "its guess", moment.map(|m| &m.x0_hat), Part::One(i), ("x0_hat", 0)),
        (X_0, &last, end, Part::One(i), ("x_0", 0)),
    ];
    for pair in pictures.chunks(2) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            for (symbol, words, source, part, slot) in pair {
                ui.vertical(|ui| {
                    ui.set_width(side);
                    picture(ui, textures, side, *source, *part, *slot, words);
                    let seen = seen.filter(|_| *symbol == X_0);
                    let mistaken = seen.is_some_and(|digit| digit.asked.is_some_and(|asked| asked != digit.seen));
                    let color = if mistaken { p.warn } else { p.muted };
                    let words = caption(ui, side, *symbol, words, &regular(11.5), color);
                    if let Some(SeenDigit { asked, seen, probability }) = seen {
                        let asked = asked.map_or_else(String::new, |asked| format!("Asked for: {asked}. "));
                        let sure = numbers::whole((100.0 * f64::from(probability)).round());
                        words.on_hover_text(format!("{asked}The classifier sees a {seen}, and is {sure} % sure."));
                    }
                });
            }
        });
        ui.add_space(8.0);
    }
    if moment.is_none() {
        let what = if state.can_sample() {
            "Press Record below: a digit's way out of the noise is kept timestep by timestep, to look at here."
        } else {
            "A digit's way out of the noise is shown here once a model has learned something."
        };
        ui.label(RichText::new(what).size(11.5).color(p.muted));
    }
}

fn picture(
    ui: &mut Ui,
    textures: &mut Textures,
    side: f32,
    source: Option<&Arc<Pictures>>,
    part: Part,
    slot: Slot,
    words: &str,
) {
    let p = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
    let i = match part {
        Part::One(i) | Part::Signed(i) => i,
        Part::Grid { .. } | Part::Column | Part::Heat(_) => 0,
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, words));
    let Some(source) = source.filter(|source| i < source.count()) else {
        ui.painter().rect(rect, 4, p.raised, Stroke::new(1.0, p.line), StrokeKind::Inside);
        return;
    };
    textures.paint(ui, rect, slot, source, part, 4);
}
