//! Is it copying? The training images that are nearest to the followed digit, and how near real ones come to theirs.

use egui::{Align2, ProgressBar, Rect, RichText, Role, Sense, Ui, WidgetInfo, vec2};

use super::button::Button;
use super::numbers;
use super::palette::Palette;
use super::section::{caption, title};
use super::tabs::{reading, stop_reading};
use super::textures::{Part, Textures};
use super::theme::regular;
use crate::app::{Action, AppState, Nearness};

const GAP: f32 = 6.0;
/// Height of its title, with a button in it.
pub const TITLE: f32 = 28.0;
/// Height of the title, a question of two lines and the button below it.
const QUESTION: f32 = 96.0;
/// Height of the title and the images that are nearest.
const ANSWER: f32 = 106.0;

/// Draws the section, in a column of this width, with so much room below it: where there is little, its title holds the button.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, below: f32, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    let copies = &state.copies;
    let digit = state.followed_digit();
    let answered = digit.as_ref().is_some_and(|(_, picture)| copies.answers(picture));
    let found = copies.found().filter(|_| copies.wanted && digit.is_some());
    let ask = |ui: &mut Ui, actions: &mut Vec<Action>| {
        let tip = "Which training images are nearest to it? Compares the followed digit with every one. The first time, \
                   reading them takes about ten seconds.";
        if Button::text("Compare").tip(tip).show(ui).clicked() {
            actions.push(Action::LookForCopies);
        }
    };
    let tight = below < QUESTION;
    title(ui, "Is it copying?", |ui| {
        if tight && digit.is_some() && !copies.wanted {
            ask(ui, actions);
        }
        let Some(found) = found else { return };
        let (color, word) = match found.nearness() {
            Nearness::PerhapsCopy => (p.bad, "perhaps"),
            Nearness::Near => (p.warn, "look"),
            Nearness::AsReal | Nearness::Far => (p.good, "no"),
        };
        ui.label(RichText::new(if answered { word } else { "…" }).size(12.0).color(color));
    });
    let Some((number, _)) = digit else {
        return caption(ui, "Choose a drawn digit: it is compared with those that the model learned from.");
    };
    if !copies.wanted {
        if !tight {
            caption(ui, "Which training images are nearest to the digit that is followed?");
            ui.add_space(4.0);
            ask(ui, actions);
        }
        return;
    }
    if (TITLE..ANSWER).contains(&below) {
        // Wholly below what is seen, which the title is not.
        ui.add_space(below - TITLE);
    }
    if let Some(why) = copies.failed() {
        return caption(ui, why);
    }
    let (read, ready) = copies.how_far();
    let read = read.map(|read| (read.how_far.share().unwrap_or_default(), reading(read)));
    let ready = ready.map(|share| (share, format!("Reading training images: {:.0} %", 100.0 * share)));
    if let Some((share, words)) = read.or(ready) {
        ui.add(ProgressBar::new(share as f32).desired_width(ui.available_width()).desired_height(6.0));
        caption(ui, words);
        ui.add_space(4.0);
        return stop_reading(ui, "Read no further, and compare nothing", actions);
    }
    let Some(found) = found else { return caption(ui, "Comparing…") };
    let room = ui.available_width();
    let side = ((room + GAP) / found.neighbours.len() as f32 - GAP).clamp(24.0, 56.0);
    let (row, _) = ui.allocate_exact_size(vec2(room, side + 17.0), Sense::hover());
    for (i, neighbour) in found.neighbours.iter().enumerate() {
        let rect = Rect::from_min_size(row.min + vec2(i as f32 * (side + GAP), 0.0), vec2(side, side));
        textures.paint(ui, rect, ("copy", i), &found.pictures, Part::One(i), 4);
        let text = format!("{:.1}", neighbour.distance);
        let below = rect.center_bottom() + vec2(0.0, 3.0);
        ui.painter().text(below, Align2::CENTER_TOP, text, regular(11.0), p.muted);
        let response = ui.interact(rect, ui.scope_id().with(("neighbour", i)), Sense::hover());
        let label = neighbour.label.map_or_else(String::new, |label| format!(", a {label}"));
        let index = numbers::whole(f64::from(neighbour.index) + 1.0);
        let name = format!("Training image {index}{label}: distance {:.2} from № {}", neighbour.distance, number + 1);
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
        response.on_hover_text(name);
    }
    caption(ui, found.words());
}
