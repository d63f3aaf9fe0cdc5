//! Forward and back: an image, the same at t, and what the reverse from there makes of it.

use std::sync::Arc;

use egui::{Align, Layout, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::button::Button;
use super::drop_down::choose;
use super::icons;
use super::numbers;
use super::palette::Palette;
use super::path_field::path_field;
use super::section::{caption, title};
use super::setting_row::NumberRow;
use super::slider::Scale;
use super::tabs::{reading, stop_reading};
use super::textures::{Part, Textures};
use super::tick::tick;
use crate::app::{Action, AppState, OriginAction, OriginPick, OriginSource, shown_name};
use crate::pictures::Pictures;

const GAP: f32 = 8.0;
const LINE: f32 = 28.0;

/// One of some pictures.
type One<'a> = (&'a Arc<Pictures>, usize);

/// Draws the section, in a column of this width.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    let mut asked = Vec::new();
    let open = state.origin.open;
    title(ui, "Forward and back", |ui| {
        let name = if open { "Close forward and back" } else { "Choose a digit" };
        let tip = "Noise a digit, or a picture of your own, and reverse from there. Also: Ctrl+J";
        if Button::text(if open { "Close" } else { "Choose" }).named(name).quiet().tip(tip).show(ui).clicked() {
            asked.push(OriginAction::Toggle);
        }
    });
    if open {
        section(ui, state, textures, &mut asked, actions);
    } else {
        caption(ui, "Slide a digit into noise, and see what the model makes of it from there.");
    }
    actions.extend(asked.into_iter().map(Action::Origin));
}

fn section(
    ui: &mut Ui,
    state: &AppState,
    textures: &mut Textures,
    asked: &mut Vec<OriginAction>,
    actions: &mut Vec<Action>,
) {
    let origin = &state.origin;
    test_images(ui, state, asked);
    if origin.how_far().is_some() {
        ui.add_space(4.0);
        stop_reading(ui, "Read no further, and keep the picture that is there", actions);
    }
    ui.add_space(6.0);
    own_picture(ui, state, asked);
    ui.add_space(8.0);
    pictures(ui, state, textures);
    let t = NumberRow {
        name: "Noised to t",
        about: "How far the image goes into noise, by equation 4 of the paper; the reverse begins there.",
        unit: "",
        value: origin.t as f64,
        preset: (state.origin_timesteps() * 2 / 5) as f64,
        scale: Scale::linear(1.0..=state.origin_timesteps() as f64).whole(),
        problem: None,
    };
    if let Some(value) = t.show(ui) {
        asked.push(OriginAction::T(value as usize));
    }
    ui.add_space(6.0);
    let refusal = state.drawing_refusal();
    let tip = refusal.as_deref().unwrap_or("Denoise it from there, by the sampler above. Also: Ctrl+Shift+J");
    let enabled = refusal.is_none() && origin.shown().is_some() && !state.is_drawing();
    if Button::text("Reverse from here").enabled(enabled).tip(tip).width(ui.available_width()).show(ui).clicked() {
        asked.push(OriginAction::Reverse);
    }
    ui.add_space(4.0);
    if let Some(alpha_bar) = state.origin_alpha_bar() {
        let (signal, noise) = (alpha_bar.sqrt(), (1.0 - alpha_bar).sqrt());
        caption(ui, format!("signal √ᾱ = {signal:.2}, noise √(1−ᾱ) = {noise:.2}"));
    }
    if matches!(origin.source, Some((OriginSource::File(_), _))) {
        let p = Palette::of(ui);
        let tip = "Exchange black and white: the model knows white digits on black";
        if tick(ui, "invert", "invert the picture", origin.inverted, true, p.accent).on_hover_text(tip).clicked() {
            asked.push(OriginAction::Invert);
        }
        if origin.is_bright() {
            caption(ui, "Its background is bright; digits are white on black.");
        }
    }
}

/// A picture that was dropped onto the window is taken while the section is open.
pub fn dropped(ui: &Ui, state: &AppState) -> Option<Action> {
    // What is none is left to be opened as what it is.
    let path = ui.input_mut(|input| {
        let files = &mut input.raw.dropped_files;
        let place = files.iter().position(|file| state.takes_to_reverse(file.path()))?;
        Some(files.remove(place).path().to_path_buf())
    })?;
    Some(Action::Origin(OriginAction::Pick(OriginPick::File(path))))
}

fn test_images(ui: &mut Ui, state: &AppState, asked: &mut Vec<OriginAction>) {
    let p = Palette::of(ui);
    let origin = &state.origin;
    let class = origin.class;
    ui.allocate_ui_with_layout(vec2(ui.available_width(), LINE), Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let ready = !origin.reading;
        if Button::icon(icons::CARET_LEFT, "Test digit before").enabled(ready).show(ui).clicked() {
            asked.extend(origin.beside(-1));
        }
        if Button::icon(icons::CARET_RIGHT, "Next test digit").enabled(ready).show(ui).clicked() {
            asked.extend(origin.beside(1));
        }
        if Button::icon(icons::DICE, "Any other test digit").enabled(ready).show(ui).clicked() {
            asked.push(OriginAction::Random);
        }
        let all = std::iter::once(None).chain((0..10).map(Some));
        let word = |class: Option<u8>| class.map_or_else(|| "any digit".to_owned(), |class| format!("only {class}"));
        if let Some(chosen) = choose(ui, "Test digits", class, all, word) {
            asked.push(OriginAction::Class(chosen));
        }
    });
    let text = match (&origin.source, origin.class_of_image()) {
        _ if let Some(how_far) = origin.how_far() => reading(how_far),
        (Some((OriginSource::Test(index), Some(of))), class) => {
            let class = class.map_or_else(String::new, |class| format!(", a {class}"));
            format!("test digit {} of {}{class}", numbers::whole(*index as f64 + 1.0), numbers::whole(*of as f64))
        }
        (Some((OriginSource::File(path), _)), _) => shown_name(path),
        _ if origin.reading => "reading…".to_owned(),
        _ => "no picture yet: take a digit above, or use one below".to_owned(),
    };
    ui.add(egui::Label::new(RichText::new(text).size(11.5).color(p.muted)).truncate());
}

fn own_picture(ui: &mut Ui, state: &AppState, asked: &mut Vec<OriginAction>) {
    let origin = &state.origin;
    let line = vec2(ui.available_width(), LINE);
    ui.allocate_ui_with_layout(line, Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let usable = !origin.path.trim().is_empty() && !origin.reading;
        let tip = "Take the picture at this path";
        if Button::text("Use").named("Use the picture").enabled(usable).tip(tip).show(ui).clicked() {
            asked.push(OriginAction::Pick(OriginPick::File(origin.path.trim().into())));
        }
        let tip = "Choose a PNG or GIF with the desktop's dialog; or drop one onto the window";
        let browse = Button::text("…").named("Browse for a picture").enabled(!origin.browsing).tip(tip);
        if browse.show(ui).clicked() {
            asked.push(OriginAction::Browse);
        }
        let mut path = origin.path.clone();
        let size = vec2(ui.available_width(), LINE);
        let field = path_field(ui, "path of a picture", &mut path, size, "or a picture of yours");
        if field.changed() {
            asked.push(OriginAction::Path(path));
        }
    });
    if origin.unanswered {
        caption(ui, "No picture was chosen. If no dialog opened, type its path here, then press Use.");
    }
}

/// The image, x_t, and the result, beside each other.
fn pictures(ui: &mut Ui, state: &AppState, textures: &mut Textures) {
    let p = Palette::of(ui);
    let shown = state.origin.shown();
    let result = state.origin_result();
    let places: [(&str, Option<One<'_>>); 3] = [
        ("clean", shown.map(|(clean, _)| (clean, 0))),
        ("noised to t", shown.map(|(_, x_t)| (x_t, 0))),
        ("reversed", result.map(|x_t| (x_t, 0))),
    ];
    let side = ((ui.available_width() - 2.0 * GAP) / 3.0).clamp(40.0, 112.0);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        for (slot, (word, picture)) in places.into_iter().enumerate() {
            ui.vertical(|ui| {
                ui.set_width(side);
                let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
                let words =
                    if picture.is_some() { format!("{word} picture") } else { format!("no {word} picture yet") };
                response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
                paint(ui, rect, slot, picture, textures);
                ui.label(RichText::new(word).size(11.5).color(p.muted));
            });
        }
    });
}

fn paint(ui: &Ui, rect: Rect, slot: usize, picture: Option<One<'_>>, textures: &mut Textures) {
    let p = Palette::of(ui);
    let Some((pictures, i)) = picture.filter(|(pictures, i)| *i < pictures.count()) else {
        ui.painter().rect(rect, 4, p.raised, Stroke::new(1.0, p.line), StrokeKind::Inside);
        return;
    };
    textures.paint(ui, rect, ("origin", slot), pictures, Part::One(i), 4);
}
