//! The bar at the top: what is learned from, with which preset, the run's buttons and its live numbers.

use std::f32::consts::TAU;

use egui::text::LayoutJob;
use egui::{Align, Layout, Popup, Pos2, Rect, RichText, Sense, Shape, Stroke, TextFormat, Theme, Ui, Vec2, pos2, vec2};

use super::button::Button;
use super::drop_down::drop_down;
use super::icons;
use super::numbers;
use super::palette::Palette;
use super::path_field::path_field;
use super::section::caption;
use super::theme::{regular, semibold};
use crate::app::{Action, Activity, AppState, EndReason, Look};
use crate::config::{Budget, DataSource, Preset};

/// Narrower bars have a lens for the command palette in place of words.
const ROOM_FOR_SEARCH: f32 = 1280.0;
/// Narrower ones leave it to its keys.
const ROOM_FOR_LENS: f32 = 720.0;
/// Narrower bars have the mark alone.
const ROOM_FOR_NAME: f32 = 1000.0;
/// Height of the bar.
pub const HEIGHT: f32 = 52.0;
/// Width for the step.
const STEP: f32 = 100.0;
/// Widths for `9:59:59 · 9:59:59 left`, and for both halves.
const BOTH_TIMES: f32 = 164.0;
const TIME_TAKEN: f32 = 64.0;
const TIME_LEFT: f32 = 92.0;
/// Between a number and the one after it.
const GAP: f32 = 16.0;

/// Draws the bar.
pub fn show(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let bar = ui.max_rect();
    ui.horizontal_centered(|ui| {
        ui.add_space(16.0);
        brand(ui, bar.width() >= ROOM_FOR_NAME);
        ui.add_space(8.0);
        data_menu(ui, state, actions);
        preset_menu(ui, state, actions);
        ui.add_space(12.0);
        run_buttons(ui, state, actions);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(16.0);
            corner(ui, bar.width(), state.look, actions);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| numbers_of_run(ui, state));
        });
    });
    progress_line(ui, bar, state);
}

fn brand(ui: &mut Ui, named: bool) {
    let p = Palette::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(22.0, 22.0), Sense::hover());
    ui.painter().circle_stroke(rect.center(), 9.5, Stroke::new(2.0, p.accent));
    ui.painter().text(rect.center() - vec2(0.0, 0.5), egui::Align2::CENTER_CENTER, "∂", semibold(12.0), p.text);
    if named {
        ui.label(RichText::new("Diffuscope").font(semibold(14.0)).color(p.text));
    }
}

fn data_menu(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let name = match &state.settings.data.source {
        DataSource::Mnist => "MNIST  60,000".to_owned(),
        DataSource::Path(path) => {
            path.file_name().map_or_else(|| "data".into(), |name| name.to_string_lossy().into_owned())
        }
    };
    let response = drop_down(ui, "Data", &name, 128.0);
    Popup::menu(&response).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        ui.set_width(280.0);
        let mut chosen = None;
        let mnist = state.settings.data.source == DataSource::Mnist;
        if ui.selectable_label(mnist, "MNIST, inside the program: 60,000 digits").clicked() {
            chosen = Some(DataSource::Mnist);
        }
        ui.add_space(4.0);
        caption(ui, "or a folder of images, or an IDX file:");
        ui.horizontal(|ui| {
            let mut path = state.data_path.clone();
            let field = path_field(ui, "path of the data", &mut path, vec2(220.0, 28.0), "path");
            if field.changed() {
                actions.push(Action::DataPath(path.clone()));
            }
            let usable = !path.trim().is_empty();
            if Button::text("Use").enabled(usable).show(ui).clicked() {
                chosen = Some(DataSource::Path(path.trim().into()));
            }
        });
        if let Some(source) = chosen {
            let mut settings = state.settings.clone();
            settings.data.source = source;
            actions.push(Action::Settings(Box::new(settings)));
            ui.close();
        }
    });
}

fn preset_menu(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let now = (state.settings.preset, state.settings.training.budget);
    let response = drop_down(ui, "Preset", &offer_title(now), 148.0);
    Popup::menu(&response).show(|ui| {
        ui.set_width(330.0);
        for offer in Preset::offers() {
            let text = format!("{}: {}", offer_title(offer), purpose(offer));
            if ui.selectable_label(offer == now, text).clicked() {
                actions.push(Action::Preset(offer.0, offer.1));
            }
        }
    });
}

fn offer_title((preset, budget): (Preset, Budget)) -> String {
    let mut name = preset.name().to_owned();
    name[..1].make_ascii_uppercase();
    format!("{name} · {}", length(budget))
}

fn length(budget: Budget) -> String {
    match budget {
        Budget::Epochs(n) => format!("{n} epochs"),
        Budget::Steps(n) => format!("{} steps", numbers::whole(n as f64)),
        Budget::Minutes(m) if m < 1.0 => format!("{:.0} seconds", m * 60.0),
        Budget::Minutes(m) if m >= 120.0 => format!("{} hours", numbers::short(m / 60.0)),
        Budget::Minutes(m) => format!("{} minutes", numbers::short(m)),
    }
}

fn purpose((preset, budget): (Preset, Budget)) -> &'static str {
    match preset {
        Preset::Nano => "a first look",
        Preset::Small if budget == preset.settings().training.budget => "all ten digits, clearly",
        Preset::Small => "smoother strokes",
        Preset::Base => "best pictures, overnight",
        Preset::Seed => "the original experiment",
    }
}

fn run_buttons(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    if state.attached().is_some() {
        let tip = "Another program trains this run: it is shown as it grows, and steered there. Detach to train here";
        if Button::text("Detach").main(true).width(104.0).tip(tip).show(ui).clicked() {
            actions.push(Action::Detach);
        }
        let p = Palette::of(ui);
        ui.label(RichText::new("read-only").color(p.muted)).on_hover_text(tip);
        return;
    }
    let activity = state.activity;
    let width = 104.0;
    let (icon, text, action, tip) = match activity {
        Activity::Training => (icons::PAUSE, "Pause", Some(Action::Pause), "Hold training after the current step"),
        Activity::Paused => (icons::PLAY, "Continue", Some(Action::Continue), "Go on training"),
        Activity::Preparing => (icons::PLAY, "Preparing", None, "Reading data and building the network"),
        Activity::Stopping => (icons::PLAY, "Stopping", None, "Writing the last checkpoint"),
        Activity::Idle => (icons::PLAY, "Train", Some(Action::Train), "Start a new run with these settings"),
    };
    let blocked = state.problems.first().filter(|_| activity == Activity::Idle);
    let reason = blocked.map(|problem| format!("{}: {}", problem.what, problem.hint));
    let enabled = action.is_some() && blocked.is_none();
    let tip = reason.as_deref().unwrap_or(tip);
    let main = Button::text(text).with_icon(icon).main(true).width(width).enabled(enabled).tip(tip).show(ui);
    if let Some(action) = action.filter(|_| main.clicked()) {
        actions.push(action);
    }
    let running = matches!(activity, Activity::Training | Activity::Paused);
    if Button::icon(icons::SKIP_FORWARD, "Train one step").enabled(running).show(ui).clicked() {
        actions.push(Action::Step);
    }
    let reads = state.reads_for_run();
    let (name, stop) = match reads {
        true => ("Stop reading the images", Action::StopReading),
        false => ("Stop and keep", Action::Stop),
    };
    if Button::icon(icons::STOP, name).enabled(running || reads).show(ui).clicked() {
        actions.push(stop);
    }
    let stopped =
        state.run.as_ref().is_some_and(|run| matches!(run.ended, Some(EndReason::Stopped | EndReason::Failed)));
    if activity == Activity::Idle && stopped {
        let tip = "Go on with the last run from its checkpoint";
        if Button::text("Resume run").tip(tip).show(ui).clicked() {
            actions.push(Action::Resume);
        }
    }
}

/// The numbers of the run, the step before all, as many as there is room for, each in a place of fixed width.
fn numbers_of_run(ui: &mut Ui, state: &AppState) {
    if !state.problems.is_empty() && !state.run_goes_on() {
        let p = Palette::of(ui);
        let text = format!("{} {}", icons::WARNING, state.problems[0].what);
        ui.add(egui::Label::new(RichText::new(text).color(p.bad)).truncate());
        return;
    }
    let Some(run) = &state.run else { return };
    let progress = &state.progress;
    let (epoch, epoch_width) = match run.settings.training.budget {
        Budget::Epochs(n) => (format!("{} / {n}", (progress.epoch.floor() + 1.0).min(n as f64)), 116.0),
        _ if progress.epoch < 999.95 => (format!("{:.1}", progress.epoch), 96.0),
        _ => (numbers::whole(progress.epoch), 96.0),
    };
    let speed = progress.images_per_second.map_or_else(|| "–".into(), numbers::whole);
    let mut room = ui.available_width() - 12.0;
    // Hours have their room from the start, so that nothing moves when one is full; where there is little, what is left
    // is told alone.
    let alone = progress.seconds_left.is_none();
    let both = room >= STEP + BOTH_TIMES;
    let one = if alone { TIME_TAKEN } else { TIME_LEFT };
    let time = if both { BOTH_TIMES } else { one };
    let places = [
        (numbers::whole(progress.step as f64), "step ", STEP, false),
        (String::new(), "", time, true),
        (epoch, "epoch ", epoch_width, false),
        (speed, " images/s", 124.0, true),
    ];
    let mut shown = 0;
    for (_, _, width, _) in &places {
        if room < *width {
            break;
        }
        room -= width;
        shown += 1;
    }
    ui.spacing_mut().item_spacing.x = 0.0;
    ui.add_space(12.0);
    for (value, unit, width, after) in [2, 0, 3].into_iter().filter(|i| *i < shown).map(|i| &places[i]) {
        number(ui, value, unit, *width, *after);
    }
    if shown > 1 {
        in_place(ui, time, time_of_run(ui, state, both));
    }
}

/// The number, and its unit before or after it; one that stands before its unit ends where the unit begins.
fn number(ui: &mut Ui, value: &str, unit: &str, width: f32, unit_after: bool) {
    let p = Palette::of(ui);
    let font = |strong: bool| if strong { semibold(13.0) } else { regular(13.0) };
    let wide = |text: &str, strong| ui.painter().layout_no_wrap(text.into(), font(strong), p.text).size().x;
    let indent = if unit_after { (width - GAP - wide(value, true) - wide(unit, false)).max(0.0) } else { 0.0 };
    let value = (value, TextFormat::simple(font(true), p.text));
    let unit = (unit, TextFormat::simple(font(false), p.muted));
    let mut job = LayoutJob::default();
    for (i, (text, format)) in if unit_after { [value, unit] } else { [unit, value] }.into_iter().enumerate() {
        job.append(text, if i == 0 { indent } else { 0.0 }, format);
    }
    in_place(ui, width, job);
}

fn in_place(ui: &mut Ui, width: f32, text: LayoutJob) {
    let layout = Layout::left_to_right(Align::Center);
    ui.allocate_ui_with_layout(vec2(width, 28.0), layout, |ui| {
        ui.set_min_width(width);
        ui.label(text);
    });
}

/// `0:37 · 0:23 left`: the time of training so far, where there is room for `both`, and what is left while it goes on.
fn time_of_run(ui: &Ui, state: &AppState, both: bool) -> LayoutJob {
    let p = Palette::of(ui);
    let progress = &state.progress;
    let taken = state.loss.clock.seconds_at(progress.step as f64);
    let regular = |color| TextFormat::simple(regular(13.0), color);
    let strong = TextFormat::simple(semibold(13.0), p.text);
    let mut job = LayoutJob::default();
    // Before the first step nothing was taken; a run whose time nobody noted has none.
    let alone = progress.seconds_left.is_none();
    if taken > 0.0 && (both || alone) {
        job.append(&numbers::clock(taken), 0.0, if alone { strong.clone() } else { regular(p.text) });
        job.append(if alone { "" } else { " · " }, 0.0, regular(p.muted));
    }
    if let Some(left) = progress.seconds_left {
        job.append(&numbers::clock(left), 0.0, strong);
        job.append(" left", 0.0, regular(p.muted));
    }
    job
}

fn corner(ui: &mut Ui, bar: f32, look: Look, actions: &mut Vec<Action>) {
    theme_button(ui, look, actions);
    let tip = "Everything that can be done, with its key: Ctrl+K, Ctrl+Shift+P, or a question mark";
    let button = match bar {
        ROOM_FOR_SEARCH.. => Button::text("Search actions  Ctrl+K").named("Search actions"),
        ROOM_FOR_LENS.. => Button::icon("", "Search actions"),
        _ => return,
    };
    let button = button.tip(tip).show(ui);
    if bar < ROOM_FOR_SEARCH {
        lens(ui, button.rect.center());
    }
    if button.clicked() {
        actions.push(Action::Palette(true));
    }
}

/// A magnifying glass: the bundled icons have none.
fn lens(ui: &Ui, center: Pos2) {
    let line = Stroke::new(1.75, Palette::of(ui).text);
    let glass = center - vec2(1.5, 1.5);
    ui.painter().circle_stroke(glass, 4.5, line);
    ui.painter().line_segment([glass + vec2(3.4, 3.4), glass + vec2(7.5, 7.5)], line);
}

/// The theme, from the system's own to the other one, to the same whatever the system says, and back.
fn theme_button(ui: &mut Ui, look: Look, actions: &mut Vec<Action>) {
    let system = ui.ctx().system_theme().unwrap_or(ui.ctx().options(|options| options.fallback_theme));
    let (other, same) = match system {
        Theme::Dark => (Look::Light, Look::Dark),
        Theme::Light => (Look::Dark, Look::Light),
    };
    let next = match look {
        Look::System => other,
        look if look == other => same,
        _ => Look::System,
    };
    let words = |look| match look {
        Look::System => "as the system has it",
        Look::Dark => "dark",
        Look::Light => "light",
    };
    let icon = match look {
        Look::System => "",
        Look::Dark => icons::MOON,
        Look::Light => icons::SUN,
    };
    let name = format!("Theme: {}", words(look));
    let tip = format!("{name}. Press for: {}. Dark or light at once: Ctrl+Shift+L", words(next));
    let button = Button::icon(icon, &name).tip(&tip).show(ui);
    if look == Look::System {
        half_disc(ui, button.rect.center());
    }
    if button.clicked() {
        actions.push(Action::Look(next));
    }
}

/// Half dark, half light: the bundled icons have none for it.
fn half_disc(ui: &Ui, center: Pos2) {
    let ink = Palette::of(ui).text;
    let at = |i: u8| center + 5.5 * Vec2::angled(TAU * (0.25 + f32::from(i) / 48.0));
    let left = (0..=24).map(at).collect();
    ui.painter().add(Shape::convex_polygon(left, ink, Stroke::NONE));
    ui.painter().circle_stroke(center, 5.5, Stroke::new(1.5, ink));
}

fn progress_line(ui: &Ui, bar: Rect, state: &AppState) {
    let p = Palette::of(ui);
    let share = if state.run_goes_on() { state.progress.share as f32 } else { 0.0 };
    let end = egui::lerp(bar.left()..=bar.right(), share);
    let line = Rect::from_min_max(pos2(bar.left(), bar.bottom() - 2.0), pos2(end, bar.bottom()));
    ui.painter().rect_filled(line, 0.0, p.accent);
}
