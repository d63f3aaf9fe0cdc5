//! The row of tabs, and what the engine is doing now in words.

use egui::text::{LayoutJob, TextWrapping};
use egui::{Align, Align2, Color32, Layout, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::button::Button;
use super::grid_weights;
use super::icons;
use super::numbers;
use super::palette::Palette;
use super::theme::{regular, semibold};
use crate::app::{Action, Activity, AppState, EndReason, HowFar, ImagesRead, Part, Reading, SaveResult, Tab, Tone};

const HEIGHT: f32 = 40.0;
/// What the pill needs at least beside the choice of weights.
const LEAST_STATUS: f32 = 120.0;

/// Draws the row.
pub fn show(ui: &mut Ui, state: &AppState, charts_have_room: bool, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    ui.spacing_mut().item_spacing.y = 0.0;
    let width = ui.available_width();
    let row = ui.allocate_ui_with_layout(vec2(width, HEIGHT), Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_size(vec2(width, HEIGHT));
        ui.spacing_mut().item_spacing.x = 10.0;
        ui.add_space(0.0);
        let name = if state.settings_shown() { "Fold the settings" } else { "Show the settings" };
        if Button::icon(icons::SIDEBAR, name).quiet().show(ui).clicked() {
            actions.push(Action::ToggleLeft);
        }
        ui.spacing_mut().item_spacing.x = 22.0;
        let shown = if charts_have_room && state.tab == Tab::Charts { Tab::Train } else { state.tab };
        let tabs = [
            (Tab::Train, "Train"),
            (Tab::Sample, "Sample"),
            (Tab::Runs, "Runs"),
            (Tab::Data, "Data"),
            (Tab::Charts, "Charts"),
        ];
        for (tab, word) in tabs {
            if (tab != Tab::Charts || !charts_have_room) && one(ui, word, tab == shown) {
                actions.push(Action::ShowTab(tab));
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 10.0;
            ui.add_space(if charts_have_room { 0.0 } else { 6.0 });
            if charts_have_room {
                let name = if state.right_open { "Fold the charts" } else { "Show the charts" };
                if Button::icon(icons::SIDEBAR, name).quiet().show(ui).clicked() {
                    actions.push(Action::ToggleRight);
                }
            }
            let grid = matches!(shown, Tab::Train) && state.offers_grid_weights();
            if grid && ui.available_width() >= grid_weights::WIDTH + LEAST_STATUS {
                grid_weights::show(ui, state, actions);
            }
            status(ui, state);
        });
    });
    let bottom = row.response.rect.bottom();
    let line =
        Rect::from_min_max(pos2(row.response.rect.left(), bottom - 1.0), pos2(row.response.rect.right(), bottom));
    ui.painter().rect_filled(line, 0.0, p.line);
}

fn one(ui: &mut Ui, word: &str, chosen: bool) -> bool {
    let p = Palette::of(ui);
    let font = if chosen { semibold(13.0) } else { regular(13.0) };
    let width = ui.painter().layout_no_wrap(word.into(), semibold(13.0), p.text).size().x;
    let (rect, response) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, chosen, format!("{word} tab")));
    let ink = if chosen || response.hovered() || response.has_focus() { p.text } else { p.muted };
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, word, font, ink);
    if chosen {
        let line = Rect::from_min_max(pos2(rect.left(), rect.bottom() - 2.0), rect.max);
        ui.painter().rect_filled(line, 0.0, p.accent);
    }
    response.clicked() && !chosen
}

/// What is going on and how it goes, as a pill with a coloured dot and words; what has no room is told on hover.
fn status(ui: &mut Ui, state: &AppState) {
    let p = Palette::of(ui);
    let (color, text) = going_on(state, &p);
    let (color, text) = match &state.health {
        Some(health) if state.activity == Activity::Training => (tone(&p, health.tone), health.sentence.clone()),
        Some(health) if state.activity == Activity::Idle => (color, format!("{text}. {}", health.sentence)),
        _ => (color, text),
    };
    let (color, text) = in_passing(state).map_or((color, text), |text| (p.warn, text));
    let room = (ui.available_width() - 48.0).max(60.0);
    let wide = |words: &str| ui.painter().layout_no_wrap(words.into(), regular(12.5), p.text).size().x;
    let ways = shorter(&text);
    let words = ways.iter().find(|words| wide(words) <= room).unwrap_or(&ways[ways.len() - 1]);
    let mut job = LayoutJob::simple_singleline(words.clone(), regular(12.5), p.text);
    job.wrap = TextWrapping::truncate_at_width(room);
    let galley = ui.painter().layout_job(job);
    let (rect, mut response) = ui.allocate_exact_size(galley.size() + vec2(38.0, 8.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
    if galley.elided || *words != text {
        response = response.on_hover_text(&text);
    }
    let rect = response.rect.intersect(rect);
    ui.painter().rect_filled(rect, 12, p.raised);
    ui.painter().circle_filled(rect.left_center() + vec2(14.0, 0.0), 4.0, color);
    ui.painter().galley(rect.left_center() + vec2(24.0, -galley.size().y / 2.0), galley, p.text);
}

/// A sentence, whole and with less and less of it: without what stands in brackets, and its beginning alone.
fn shorter(text: &str) -> Vec<String> {
    let mut plain = text.to_owned();
    while let Some((from, to)) = plain.find(" (").and_then(|from| Some((from, from + plain[from..].find(')')?))) {
        plain.replace_range(from..=to, "");
    }
    let mut ways = vec![text.to_owned(), plain.clone()];
    for end in [". ", ", ", ": "] {
        if let Some((beginning, _)) = plain.split_once(end) {
            plain = beginning.to_owned();
            ways.push(plain.clone());
        }
    }
    ways
}

/// The colour of a health.
pub fn tone(p: &Palette, tone: Tone) -> Color32 {
    match tone {
        Tone::Good => p.good,
        Tone::Neutral => p.muted,
        Tone::Warning => p.warn,
        Tone::Bad => p.bad,
    }
}

/// For how long something goes on and how long it will, behind the words for it; nothing in its first second.
pub fn times(how_far: &HowFar) -> String {
    let Some((elapsed, left)) = how_far.times() else { return String::new() };
    let left = left.map_or_else(String::new, |left| format!(" · {} left", numbers::clock(left.as_secs_f64())));
    format!(" · {}{left}", numbers::clock(elapsed.as_secs_f64()))
}

/// How far images are read.
pub fn reading(ImagesRead { reading: Reading { part, done, total }, how_far }: ImagesRead) -> String {
    let (done, total) = (done as f64, total as f64);
    let words = match part {
        Part::Sizes => format!("Measuring the images: {} of {}", numbers::whole(done), numbers::whole(total)),
        Part::Pictures => format!("Reading the images: {} of {}", numbers::whole(done), numbers::whole(total)),
        Part::Bytes => format!("Reading the images: {:.0} %", 100.0 * done / total.max(1.0)),
    };
    words + &times(&how_far)
}

/// The button that ends the reading of images; `tip`: what is shown then.
pub fn stop_reading(ui: &mut Ui, tip: &str, actions: &mut Vec<Action>) {
    if Button::text("Stop reading").tip(tip).show(ui).clicked() {
        actions.push(Action::StopReading);
    }
}

/// Which share is written, behind the words for it.
pub fn written(how_far: &HowFar) -> String {
    let share = how_far.share().map_or_else(String::new, |share| format!(": {:.0} %", 100.0 * share));
    share + &times(how_far)
}

/// What goes on beside it, and ends in a moment.
fn in_passing(state: &AppState) -> Option<String> {
    match &state.save.result {
        Some(SaveResult::Writing) => {
            Some(format!("Writing what is saved{}", state.writing.as_ref().map_or_else(String::new, written)))
        }
        _ if state.attaching => Some("Reading the run of another program".into()),
        _ => None,
    }
}

fn going_on(state: &AppState, p: &Palette) -> (Color32, String) {
    let step = numbers::whole(state.progress.step as f64);
    match (state.activity, state.run.as_ref().and_then(|run| run.ended)) {
        (Activity::Preparing, _) if state.reading.is_some() => {
            (p.warn, format!("Reading the weights{}", state.reading.as_ref().map_or_else(String::new, written)))
        }
        (Activity::Preparing, _) if state.reading_images.is_some() => {
            (p.warn, state.reading_images.map(reading).unwrap_or_default())
        }
        (Activity::Preparing, _) => (p.warn, "Preparing data and network".to_owned()),
        (Activity::Training, _) => (p.good, "Training".to_owned()),
        (Activity::Paused, _) => (p.warn, format!("Held after step {step}")),
        (Activity::Stopping, _) => (p.warn, "Writing the last checkpoint".to_owned()),
        (Activity::Idle, _) if state.attached().is_some() => {
            (p.good, format!("Another program trains it, read-only: step {step}"))
        }
        (Activity::Idle, Some(EndReason::Completed)) => (p.good, format!("Trained: {step} steps")),
        (Activity::Idle, Some(EndReason::Stopped)) => (p.muted, format!("Stopped at step {step}, kept")),
        (Activity::Idle, Some(EndReason::Failed)) => (p.bad, format!("Failed at step {step}")),
        (Activity::Idle, None) if state.run.as_ref().is_some_and(|run| run.left) => {
            (p.muted, format!("No longer looked at, since step {step}: its program may go on"))
        }
        (Activity::Idle, None) if state.model.is_some() => (p.good, "A trained model is open".to_owned()),
        (Activity::Idle, None) => (p.muted, "Ready".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_without_room_loses_its_brackets_first_and_no_beginning() {
        assert_eq!(
            shorter("Trained: 5 steps. Learning (a 7 → 6), flat (b)"),
            [
                "Trained: 5 steps. Learning (a 7 → 6), flat (b)",
                "Trained: 5 steps. Learning, flat",
                "Trained: 5 steps",
                "Trained"
            ]
        );
        assert_eq!(shorter("Ready (or not"), ["Ready (or not", "Ready (or not"]);
    }
}
