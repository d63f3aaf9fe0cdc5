//! The bottom strip: the reverse diffusion as film, a playhead over it, the timestep in large figures.

use egui::{
    Align, Align2, Id, Layout, Popup, Rect, Response, RichText, Role, Sense, Stroke, Ui, UiBuilder, WidgetInfo, pos2,
    vec2,
};

use super::button::Button;
use super::drop_down::drop_down;
use super::icons;
use super::numbers;
use super::palette::Palette;
use super::save_popup;
use super::slider::keep_arrows;
use super::textures::{Part, Textures};
use super::theme::{regular, semibold};
use crate::app::{Action, AppState, Recording, SaveWhat};

/// Height of the strip.
pub const HEIGHT: f32 = 124.0;
const THUMBNAILS: usize = 11;
const THUMBNAIL: f32 = 44.0;
const MARGIN: f32 = 16.0;
const SPEEDS: [f32; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

/// Draws the strip; gives the film's widget, if there is a film.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) -> Option<Id> {
    let area = ui.max_rect().shrink2(vec2(MARGIN, 0.0));
    let buttons = Rect::from_min_size(area.min + vec2(0.0, 10.0), vec2(area.width(), 28.0));
    let film = Rect::from_min_max(pos2(area.left(), buttons.bottom() + 6.0), area.max);
    ui.scope_builder(UiBuilder::new().max_rect(buttons).layout(Layout::left_to_right(Align::Center)), |ui| {
        transport(ui, state, actions);
    });
    ui.scope_builder(UiBuilder::new().max_rect(film), |ui| match &state.recording {
        Some(recording) if recording.visited().is_some() => frames(ui, film, state, recording, textures, actions),
        _ => {
            empty(ui, state);
            None
        }
    })
    .inner
}

fn transport(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    let recording = state.recording.as_ref().filter(|recording| !recording.moments().is_empty());
    let there = recording.is_some();
    ui.spacing_mut().item_spacing.x = 6.0;
    let mut press = |ui: &mut Ui, icon, name, tip, main, action| {
        if Button::icon(icon, name).tip(tip).main(main).enabled(there).show(ui).clicked() {
            actions.push(action);
        }
    };
    let last = recording.map_or(0, |recording| recording.moments().len() - 1);
    press(ui, icons::SKIP_BACK, "To the noise", "To the noise. Key: Home", false, Action::Seek(0));
    let tip = "One frame back. Key: Left\n100 timesteps back: Shift+Left or Page Up";
    press(ui, icons::CARET_LEFT, "One frame back", tip, false, Action::StepFrames(-1));
    let (icon, name, tip) = if state.player.playing {
        (icons::PAUSE, "Hold", "Hold the film. Key: Space")
    } else {
        (icons::PLAY, "Play", "Play the film. Key: Space")
    };
    press(ui, icon, name, tip, true, Action::TogglePlay);
    let tip = "One frame on. Key: Right\n100 timesteps on: Shift+Right or Page Down";
    press(ui, icons::CARET_RIGHT, "One frame on", tip, false, Action::StepFrames(1));
    press(ui, icons::SKIP_FORWARD, "To the end", "To the finished digits. Key: End", false, Action::Seek(last));
    ui.add_space(4.0);
    speed(ui, state, actions);
    ui.add_space(8.0);
    if let Some((recording, t)) = recording.and_then(|recording| Some((recording, recording.t()?))) {
        clock(ui, recording.timesteps, t);
        if let Some(signal) = state.recording_alpha_bar.get(t) {
            let signal = 100.0 * signal;
            let text = format!("noise {:.0} % · signal {signal:.0} %", 100.0 - signal);
            ui.label(RichText::new(text).color(p.muted));
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
        let tip = "Save the denoising as a film";
        if Button::text("GIF").enabled(there).tip(tip).show(ui).clicked() {
            if !state.save.open {
                actions.push(Action::ToggleSave);
            }
            actions.push(Action::SaveWhat(SaveWhat::Animation));
        }
        record(ui, state, actions);
    });
}

fn record(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    if let Some(progress) = state.sampling {
        if Button::text("Cancel").tip("End the drawing").show(ui).clicked() {
            actions.push(Action::CancelSampling);
        }
        let text = format!("{} / {} frames", progress.frames_done, progress.frames);
        ui.label(RichText::new(text).size(11.5).color(p.muted));
        return;
    }
    let refusal = state.drawing_refusal();
    let tip = refusal.as_deref().unwrap_or("Draw the digits with the model as it is now and keep every step");
    if Button::text("Record").enabled(refusal.is_none()).tip(tip).show(ui).clicked() {
        actions.push(Action::Sample);
    }
}

fn speed(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let word = |speed: f32| format!("{speed}×");
    let response = drop_down(ui, "Play speed", &word(state.player.speed), 66.0);
    Popup::menu(&response).show(|ui| {
        for speed in SPEEDS {
            if ui.selectable_label(speed == state.player.speed, word(speed)).clicked() {
                actions.push(Action::Speed(speed));
            }
        }
    });
}

/// `t = 437 of 1,000`, in a place of fixed width.
fn clock(ui: &mut Ui, timesteps: usize, t: usize) {
    let p = Palette::of(ui);
    let mut job = egui::text::LayoutJob::default();
    let large = egui::TextFormat::simple(semibold(16.0), p.text);
    job.append(&format!("t = {}", numbers::whole(t as f64)), 0.0, large);
    let small = egui::TextFormat { valign: Align::Center, ..egui::TextFormat::simple(regular(13.0), p.muted) };
    job.append(&format!(" of {}", numbers::whole(timesteps as f64)), 0.0, small);
    ui.allocate_ui_with_layout(vec2(134.0, 28.0), Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(134.0);
        ui.label(job);
    });
}

fn frames(
    ui: &mut Ui,
    film: Rect,
    state: &AppState,
    recording: &Recording,
    textures: &mut Textures,
    actions: &mut Vec<Action>,
) -> Option<Id> {
    let p = Palette::of(ui);
    // Samplers with few steps leave out timesteps of pure noise: the film begins where the drawing did.
    let (first, newest) = recording.visited()?;
    let rail = film.left() + THUMBNAIL / 2.0..=film.right() - THUMBNAIL / 2.0;
    let x_of = |t: usize| egui::lerp(rail.clone(), 1.0 - t as f32 / first.max(1) as f32);
    let touch = Rect::from_min_max(film.min, pos2(film.right(), film.top() + THUMBNAIL + 18.0));
    let response = ui.interact(touch, ui.scope_id().with("playhead"), Sense::click_and_drag());
    announce(&response, recording);
    if let Some(pointer) =
        response.interact_pointer_pos().filter(|_| response.is_pointer_button_down_on() || response.clicked())
    {
        let share = ((pointer.x - rail.start()) / (rail.end() - rail.start())).clamp(0.0, 1.0);
        let t = ((1.0 - share) * first as f32).round() as usize;
        actions.push(Action::Seek(recording.nearest(t)));
    }
    if response.has_focus() {
        keep_arrows(ui, response.id);
    }
    let top = film.top() + 6.0;
    let mut right = f32::NEG_INFINITY;
    for i in 0..THUMBNAILS {
        let t = first * (THUMBNAILS - 1 - i) / (THUMBNAILS - 1);
        if t + first / (2 * (THUMBNAILS - 1)) < newest {
            // Not drawn yet.
            continue;
        }
        // Where few timesteps were visited the nearest one is elsewhere: it stands at its own place, once.
        let moment = &recording.moments()[recording.nearest(t)];
        let rect = Rect::from_min_size(pos2(x_of(moment.t) - THUMBNAIL / 2.0, top), vec2(THUMBNAIL, THUMBNAIL));
        if rect.left() < right {
            continue;
        }
        right = rect.right();
        if state.followed < moment.x_t.count() {
            let texture = textures.get(ui.ctx(), ("film", i), &moment.x_t, Part::One(state.followed));
            egui::Image::new((texture, rect.size())).corner_radius(4).paint_at(ui, rect);
        }
        let label = numbers::whole(moment.t as f64);
        ui.painter().text(rect.center_bottom() + vec2(0.0, 3.0), Align2::CENTER_TOP, label, regular(11.0), p.muted);
    }
    let t = recording.t()?;
    let x = x_of(t);
    let painter = ui.painter();
    painter.line_segment([pos2(x, film.top() - 2.0), pos2(x, top + THUMBNAIL + 2.0)], Stroke::new(2.0, p.accent));
    let radius = if response.hovered() || response.dragged() || response.has_focus() { 6.5 } else { 5.5 };
    painter.circle_filled(pos2(x, film.top()), radius, p.accent);
    let id = response.id;
    response.on_hover_text(
        "Drag to a timestep.\nLeft and Right: one frame. With Shift, or Page Up and Page Down: 100 timesteps.\n\
         Home and End: the noise and the finished digits. Space: play.",
    );
    Some(id)
}

fn announce(response: &Response, recording: &Recording) {
    let t = recording.t().unwrap_or(0);
    response.widget_info(|| WidgetInfo {
        value: Some(t as f64),
        ..WidgetInfo::labeled(Role::Slider, true, "Timestep of the film")
    });
}

fn empty(ui: &mut Ui, state: &AppState) {
    let p = Palette::of(ui);
    let text = if state.sampling.is_some() {
        "The first frame comes in a moment."
    } else if state.can_sample() {
        "Here the way from noise to digit becomes a film: press Record, then drag through its timesteps."
    } else {
        "Here the way from noise to digit becomes a film, once a model was trained or opened."
    };
    ui.add_space(22.0);
    ui.label(RichText::new(text).color(p.muted));
}
