//! The bottom strip: a reverse diffusion as film, or the training at one of its timesteps, with a playhead on both axes.

use egui::{Align, Id, Label, Layout, Popup, Rect, RichText, Ui, UiBuilder, pos2, vec2};

use super::button::Button;
use super::drawn;
use super::drop_down::drop_down;
use super::film_axis::Axis;
use super::film_rail;
use super::icons;
use super::numbers;
use super::palette::Palette;
use super::save_popup;
use super::segmented::segmented;
use super::setting_row::with_reset;
use super::textures::Textures;
use super::theme::{regular, semibold};
use super::tip;
use crate::app::{Action, AppState, DrawnFor, FilmAxis, Player, SaveWhat};

/// Height of the strip.
pub const HEIGHT: f32 = 162.0;
/// Narrower strips say less.
const ROOMY: f32 = 1180.0;
/// The same while it says how far a drawing is.
const ROOMY_WHILE_DRAWING: f32 = 1360.0;
/// Narrower ones leave two buttons to their keys.
const TIGHT: f32 = 880.0;
const MARGIN: f32 = 16.0;
/// Width of the button that records, and of the one that cancels in its place.
const RECORD: f32 = 70.0;

/// Draws the strip; gives the film's widget, if there is a film.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) -> Option<Id> {
    let strip = ui.max_rect();
    let area = strip.shrink2(vec2(MARGIN, 0.0));
    let buttons = Rect::from_min_size(area.min + vec2(0.0, 10.0), vec2(area.width(), 28.0));
    let film = Rect::from_min_max(pos2(area.left(), buttons.bottom() + 6.0), area.max);
    ui.scope_builder(UiBuilder::new().max_rect(buttons).layout(Layout::left_to_right(Align::Center)), |ui| {
        transport(ui, state, actions);
    });
    ui.scope_builder(UiBuilder::new().max_rect(film), |ui| {
        let id = rails(ui, film, state, textures, actions);
        if id.is_none() {
            empty(ui, state);
        }
        id
    })
    .inner
}

fn transport(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    let width = ui.available_width();
    let (roomy, tight) = (width >= ROOMY, width < TIGHT);
    let crowded = state.sampling.is_some() && width < ROOMY_WHILE_DRAWING;
    let film = state.film().filter(|film| !film.moments().is_empty());
    let there = film.is_some();
    ui.spacing_mut().item_spacing.x = 6.0;
    let mut press = |ui: &mut Ui, icon, name, tip: &str, main, action| {
        if Button::icon(icon, name).tip(tip).main(main).enabled(there).show(ui).clicked() {
            actions.push(action);
        }
    };
    let axis = state.films_along();
    let (back, on, ends) = match axis {
        FilmAxis::Denoising => (
            "One frame back. Key: Left\n100 timesteps back: Shift+Left or Page Up",
            "One frame on. Key: Right\n100 timesteps on: Shift+Right or Page Down",
            ["To the noise. Key: Home", "To the finished digits. Key: End"],
        ),
        FilmAxis::Training => (
            "One film back in training. Key: Left",
            "One film on in training. Key: Right",
            ["To the first film. Key: Home", "To the last. Key: End"],
        ),
    };
    press(ui, icons::SKIP_BACK, "To the noise", ends[0], false, Axis::step(axis, -isize::MAX));
    press(ui, icons::CARET_LEFT, "One frame back", back, false, Axis::step(axis, -1));
    let (icon, name, tip) = if state.player.playing {
        (icons::PAUSE, "Hold", "Hold the film. Key: Space")
    } else {
        (icons::PLAY, "Play", "Play the film. Key: Space")
    };
    press(ui, icon, name, tip, true, Action::TogglePlay);
    press(ui, icons::CARET_RIGHT, "One frame on", on, false, Axis::step(axis, 1));
    press(ui, icons::SKIP_FORWARD, "To the end", ends[1], false, Axis::step(axis, isize::MAX));
    ui.add_space(4.0);
    speed(ui, state, actions);
    ui.add_space(8.0);
    if let Some((film, t)) = film.and_then(|film| Some((film, film.t()?))) {
        let of = if tight { String::new() } else { format!(" of {}", numbers::whole(film.timesteps as f64)) };
        clock(ui, "t = ", t as f64, &of, if tight { 84.0 } else { 150.0 });
        let place = if roomy { 128.0 } else { 116.0 };
        match state.film_step() {
            _ if tight => {}
            Some(step) => clock(ui, "step ", step as f64, "", place),
            None => clock_words(ui, film.drawn_for, place),
        }
        if let Some(alpha_bar) = state.film_alpha_bar().get(t).filter(|_| roomy && !crowded) {
            let text = format!("noise {:.2} · signal {:.2}", (1.0 - alpha_bar).sqrt(), alpha_bar.sqrt());
            let words = "What x_t is mixed of: noise √(1−ᾱ), signal √ᾱ. Their squares add up to 1";
            tip::say(ui.label(RichText::new(text).color(p.muted)), words);
        }
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let tip = "Write pictures, the film or the weights to disk";
        let save = Button::text("Save…").with_icon(icons::DOWNLOAD).main(true).tip(tip).show(ui);
        if save.clicked() {
            actions.push(Action::ToggleSave);
        }
        save_popup::show(&save, state, actions);
        let tip = "Save the film as it is shown: along the denoising, or along the training";
        if !tight && Button::text("GIF").enabled(there).tip(tip).show(ui).clicked() {
            actions.push(Action::SaveWhat(SaveWhat::Animation));
        }
        let drawing = state.sampling.is_some();
        if !tight || drawing {
            record(ui, state, roomy, actions);
        }
        if !tight || !drawing {
            which_axis(ui, state, roomy, actions);
        }
    });
}

fn which_axis(ui: &mut Ui, state: &AppState, roomy: bool, actions: &mut Vec<Action>) {
    let words = if roomy { ["Denoising step", "Training step"] } else { ["Denoising", "Training"] };
    let options = [
        (FilmAxis::Denoising, words[0], "From the noise to the digits, by one model"),
        (FilmAxis::Training, words[1], "The same noise at one timestep, as each model along the training sees it"),
    ];
    let (chosen, back) = with_reset(ui, |ui| {
        let along = state.films_along();
        ui.add_enabled_ui(!state.films.is_empty(), |ui| segmented(ui, "Film along", along, &options, None)).inner
    });
    let usual = back.then(|| Player::default().axis);
    actions.extend(usual.or(chosen).map(Action::FilmAxis));
}

fn record(ui: &mut Ui, state: &AppState, roomy: bool, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    if let Some(progress) = state.sampling {
        let text = numbers::frames(&progress);
        let tip = format!("End the drawing: {text}");
        if Button::text("Cancel").width(RECORD).tip(&tip).show(ui).clicked() {
            actions.push(Action::CancelSampling);
        }
        if roomy {
            // As wide as it can become, so that nothing beside it moves.
            let most = numbers::most_of_frames(&progress);
            let most = ui.painter().layout_no_wrap(most, regular(11.5), p.muted).size().x;
            ui.allocate_ui_with_layout(vec2(most, 28.0), Layout::right_to_left(Align::Center), |ui| {
                ui.set_min_width(most);
                ui.label(RichText::new(text).size(11.5).color(p.muted));
            });
        }
        return;
    }
    let refusal = state.drawing_refusal();
    let by = state.model_name().unwrap_or_default();
    let tip =
        refusal.clone().unwrap_or_else(|| format!("Draw the digits with {by}, as it is now, and keep every step"));
    if Button::text("Record").width(RECORD).enabled(refusal.is_none()).tip(&tip).show(ui).clicked() {
        actions.push(Action::Sample);
    }
}

fn speed(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let word = |speed: f32| format!("{speed}×");
    let (response, back) = with_reset(ui, |ui| drop_down(ui, "Play speed", &word(state.player.speed), 66.0));
    Popup::menu(&response).show(|ui| {
        for speed in Player::SPEEDS {
            if ui.selectable_label(speed == state.player.speed, word(speed)).clicked() {
                actions.push(Action::Speed(speed));
            }
        }
    });
    if back {
        actions.push(Action::Speed(Player::default().speed));
    }
    tip::say(response, "How fast the film is played. Keys: [ and ]\nRight-click, or Delete: 1×.");
}

/// `t = 437 of 1,000`, in a place of fixed width.
fn clock(ui: &mut Ui, before: &str, value: f64, after: &str, width: f32) {
    let p = Palette::of(ui);
    let mut job = egui::text::LayoutJob::default();
    let large = egui::TextFormat::simple(semibold(16.0), p.text);
    job.append(&format!("{before}{}", numbers::whole(value)), 0.0, large);
    let small = egui::TextFormat { valign: Align::Center, ..egui::TextFormat::simple(regular(13.0), p.muted) };
    job.append(after, 0.0, small);
    in_place(ui, width, |ui| drop(ui.label(job)));
}

fn clock_words(ui: &mut Ui, why: DrawnFor, width: f32) {
    let text = RichText::new(drawn::name(why)).color(Palette::of(ui).muted);
    in_place(ui, width, |ui| drop(tip::say(ui.label(text), drawn::about(why))));
}

fn in_place(ui: &mut Ui, width: f32, content: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(vec2(width, 28.0), Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(width);
        content(ui);
    });
}

/// Both axes: the one that is played as film, the other as a slider below it.
fn rails(ui: &mut Ui, area: Rect, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) -> Option<Id> {
    let film = state.film()?;
    let denoising = Axis::denoising(film)?;
    let training = Axis::training(state);
    let (shown, other) = match (state.films_along(), training) {
        (FilmAxis::Training, Some(training)) => (training, Some(denoising)),
        (_, training) => (denoising, training),
    };
    let mut top = area.top();
    let mut place = |height: f32| {
        let rect = Rect::from_min_size(pos2(area.left(), top), vec2(area.width(), height));
        top = rect.bottom() + 3.0;
        rect
    };
    let alpha_bar = state.film_alpha_bar();
    let id = film_rail::large(ui, place(film_rail::LARGE), state, &shown, textures, actions);
    if shown.which == FilmAxis::Denoising {
        film_rail::noise_level(ui, place(film_rail::NOISE), film, alpha_bar, true);
    }
    let rect = place(film_rail::SLIM);
    match &other {
        Some(other) => film_rail::slim(ui, rect, other, actions),
        None => {
            let p = Palette::of(ui);
            let text = RichText::new(no_films(state)).size(11.5).color(p.muted);
            let line = UiBuilder::new().max_rect(rect).layout(Layout::left_to_right(Align::Center));
            ui.new_child(line).add(Label::new(text).truncate());
        }
    }
    if shown.which == FilmAxis::Training {
        film_rail::noise_level(ui, place(film_rail::NOISE), film, alpha_bar, false);
    }
    Some(id)
}

/// Why there is no axis of training steps, and how there would be one.
fn no_films(state: &AppState) -> String {
    match &state.run {
        _ if state.films.reading => "The films of its training are being read.".into(),
        Some(run) if run.settings.training.film_megabytes == 0 => {
            "Its training was not filmed. Give Films, under Advanced, some room, and train another.".into()
        }
        Some(run) if run.left => {
            "None of its films was there when it was looked at: open it again, in the Runs tab, to look once more."
                .into()
        }
        Some(run) if run.ended.is_some() => {
            "No films of its training were kept. Resume it, or train another, to scrub through its training here."
                .into()
        }
        Some(_) => "Its training is filmed: the first film comes in a moment.".into(),
        None => "Train a model, or open a run, to see here what it made of the same noise as it learned.".into(),
    }
}

fn empty(ui: &mut Ui, state: &AppState) {
    let p = Palette::of(ui);
    let text = if state.sampling.is_some() {
        "The first frame comes in a moment."
    } else if state.can_sample() {
        "Here the way from noise to digit becomes a film: press Record, then drag through its timesteps."
    } else {
        "Here the way from noise to digit becomes a film. While a model trains, it is filmed again and again: \
         then drag through the timesteps of the denoising, and through the steps of the training."
    };
    ui.add_space(22.0);
    ui.label(RichText::new(text).color(p.muted));
}
