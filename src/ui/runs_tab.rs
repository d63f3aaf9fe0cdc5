//! The Runs tab: the earlier runs, newest first, to open, go on with, take settings from, or throw away.

use egui::emath::GuiRounding;
use egui::{Frame, Label, Margin, RichText, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2};

use super::button::Button;
use super::comparison;
use super::icons;
use super::numbers;
use super::palette::Palette;
use super::path_field::path_field;
use super::picture_grid::Empty;
use super::run_name;
use super::scroll;
use super::section::{caption, title};
use super::textures::{Part, Textures};
use super::tick::tick;
use crate::app::{Action, AppState, NameAction, RunRecord, RunSummary, date, shown_name};

/// Digits beside each other in a thumbnail.
const COLUMNS: usize = 8;
/// Room of a thumbnail: two rows of digits of 28 pixels, one pixel apart.
const THUMBNAIL: Vec2 = vec2(233.0, 59.0);

/// Draws the tab.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    Frame::new().inner_margin(Margin { left: 20, right: 8, top: 12, bottom: 0 }).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        title(ui, "Runs on this computer", |ui| {
            ui.add_space(12.0);
            let again = Button::text("Read again").enabled(!state.runs.reading).tip("Look into the folder once more");
            if again.show(ui).clicked() {
                actions.push(Action::ListRuns);
            }
            attach(ui, state, actions);
        });
        let folder = state.runs.folder.display();
        match state.runs.list.as_deref() {
            Some(runs) if !runs.is_empty() => {
                caption(ui, format!("{} in {folder}", runs.len()));
                ui.add_space(6.0);
                scroll::column(ui, "runs", 6.0, |ui| {
                    comparison::show(ui, state, textures, actions);
                    ui.spacing_mut().item_spacing.y = 8.0;
                    for (i, run) in runs.iter().enumerate() {
                        ui.push_id(&run.path, |ui| card(ui, state, run, i, textures, actions));
                    }
                    ui.add_space(12.0);
                });
            }
            Some(_) => {
                caption(ui, format!("none in {folder}"));
                let sentence = "Press Train: each run is kept in a folder of its own and listed here, to open it, go on \
                                with it, or start another with its settings.";
                Empty { headline: "No runs yet", sentence }.show(ui, |_| ());
            }
            None if state.runs.reading => caption(ui, format!("Reading {folder}…")),
            None => caption(ui, format!("{folder} could not be read. The message says why; then press Read again.")),
        }
    });
}

/// The folder of a run elsewhere, such as on a network mount, to look at while it is trained there.
fn attach(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let usable = !state.open_path.trim().is_empty() && !state.run_is_active();
    let tip = "Show the run in this folder as it grows, read-only, while another program or machine trains it";
    if Button::text("Attach").named("Attach to the folder").enabled(usable).tip(tip).show(ui).clicked() {
        actions.push(Action::Attach(state.open_path.trim().into()));
    }
    let mut path = state.open_path.clone();
    let width = (ui.available_width() - 16.0).clamp(80.0, 240.0);
    let field = path_field(ui, "folder of a run", &mut path, vec2(width, 28.0), "a run trained elsewhere");
    if field.changed() {
        actions.push(Action::OpenPath(path));
    }
}

fn card(ui: &mut Ui, state: &AppState, run: &RunSummary, i: usize, textures: &mut Textures, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    let name = state.runs.name(&run.path);
    let frame = Frame::new()
        .fill(p.raised)
        .corner_radius(8)
        .inner_margin(12)
        .outer_margin(Margin { right: 12, ..Margin::ZERO });
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 16.0;
            if ui.available_width() > 2.0 * THUMBNAIL.x {
                thumbnail(ui, run, i, &name, textures);
            }
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                run_name::show(ui, state, (run, &name), actions, |ui, actions| compare(ui, state, run, &name, actions));
                words(ui, run, &name);
                ui.add_space(6.0);
                ui.horizontal_wrapped(|ui| {
                    ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
                    buttons(ui, state, run, &name, actions);
                });
            });
        });
    });
}

fn thumbnail(ui: &mut Ui, run: &RunSummary, i: usize, name: &str, textures: &mut Textures) {
    let p = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(THUMBNAIL, Sense::hover());
    let rect = rect.round_to_pixels(ui.ctx().pixels_per_point());
    let digits = run.record.as_ref().ok().and_then(|record| record.thumbnail.as_ref());
    let words = if digits.is_some() { format!("Digits of {name}") } else { format!("No digits of {name}") };
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
    match digits {
        Some(digits) => {
            let part = Part::Grid { columns: COLUMNS, gap: 1 };
            textures.paint(ui, rect, ("run", i), digits, part, 4);
        }
        None => {
            let font = super::theme::regular(11.5);
            ui.painter().rect(rect, 4, p.panel, Stroke::new(1.0, p.line), StrokeKind::Inside);
            ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, "no grid was drawn", font, p.muted);
        }
    }
}

fn words(ui: &mut Ui, run: &RunSummary, name: &str) {
    let p = Palette::of(ui);
    let changed = date(run.changed);
    match &run.record {
        Ok(record) => {
            let preset = record.file.settings.preset.name();
            let folder = shown_name(&run.path);
            let folder = if folder == name { String::new() } else { format!(" · {folder}") };
            let text = format!("{preset} · {} · {changed} UTC{folder}", record.file.dataset);
            ui.add(Label::new(RichText::new(text).size(11.5).color(p.muted)).truncate());
            let loss = record.loss.map_or_else(String::new, |loss| format!(" · loss {loss:.4}"));
            let steps = numbers::whole(record.step as f64);
            let share = (100.0 * record.share).floor();
            caption(ui, format!("step {steps}{loss} · {share} % of its training done"));
        }
        Err(what) => {
            let text = format!("{} {what}", icons::WARNING);
            ui.add(Label::new(RichText::new(text).size(11.5).color(p.bad)).wrap());
            caption(ui, format!("{changed} UTC"));
        }
    }
}

fn buttons(ui: &mut Ui, state: &AppState, run: &RunSummary, name: &str, actions: &mut Vec<Action>) {
    let active = state.run_is_active();
    let in_progress = active && state.run.as_ref().is_some_and(|shown| shown.folder == run.path);
    let path = || run.path.clone();
    let mut press = |ui: &mut Ui, word: &str, refusal: Option<&str>, tip: &str, action: Action| {
        let accessible = format!("{word} {name}");
        let button = Button::text(word).named(&accessible).enabled(refusal.is_none()).tip(refusal.unwrap_or(tip));
        if button.show(ui).clicked() {
            actions.push(action);
        }
    };
    if let Ok(record) = &run.record {
        let refusal = no_start(active, record);
        press(ui, "Open", refusal, "Show its losses and draw with its model", Action::OpenRun(path()));
        let tip = "Show it as it grows, read-only, while another program trains it";
        let refusal_to_attach = active.then_some("Stop the run in progress first");
        press(ui, "Attach", refusal_to_attach, tip, Action::Attach(path()));
        let complete = (record.share >= 1.0).then_some("It is complete: duplicate it to train another for longer");
        let tip = "Go on with it from its last checkpoint";
        press(ui, "Resume", refusal.or(complete), tip, Action::ResumeRun(path()));
        let tip = "Take its settings, change some, and train anew";
        press(ui, "Duplicate", None, tip, Action::DuplicateRun(path()));
        let tip = "Give it a name; its folder stays as it is. Also: F2, for the run that is shown";
        press(ui, "Rename", state.naming_refusal(&run.path), tip, Action::Name(NameAction::Begin(path())));
    }
    let refusal = in_progress.then_some("It is in progress: stop it first");
    press(ui, "Delete", refusal, "Move its folder to the desktop's trash", Action::DeleteRun(path()));
}

fn compare(ui: &mut Ui, state: &AppState, run: &RunSummary, name: &str, actions: &mut Vec<Action>) {
    if run.record.is_err() {
        return;
    }
    let compared = state.comparison.get(&run.path);
    let enabled = compared.is_some() || !state.comparison.is_full();
    let color = Palette::of(ui).runs[compared.map_or(0, |compared| compared.color)];
    let ticked = tick(ui, "Compare", &format!("Compare {name}"), compared.is_some(), enabled, color);
    if ticked.clicked() {
        actions.push(Action::Compare(run.path.clone()));
    }
    let tip = if enabled { "Its loss in the plot, its grid and settings beside others" } else { "Four is the most" };
    ticked.on_hover_text(tip);
}

/// Why a run can be neither opened nor resumed.
fn no_start(active: bool, record: &RunRecord) -> Option<&'static str> {
    match (active, record.checkpoint) {
        (true, _) => Some("Stop the run in progress first"),
        (false, false) => Some("It ended before its first checkpoint"),
        (false, true) => None,
    }
}
