//! The Sample tab: how digits are drawn, and the digits that were drawn.

use egui::{Align, Layout, Rect, RichText, ScrollArea, TextEdit, Ui, UiBuilder, pos2, vec2};

use super::button::Button;
use super::drop_down::choose;
use super::numbers;
use super::palette::Palette;
use super::picture_grid::{Empty, grid};
use super::section::{caption, name_field, plain_title, separation, title};
use super::segmented::segmented;
use super::setting_row::{NumberRow, problem_text, row};
use super::slider::Scale;
use super::textures::Textures;
use crate::app::{Action, AppState};
use crate::config::{ClassChoice, SamplerKind, Setting, Settings, WeightsKind};

const CONTROLS: f32 = 248.0;
/// More pictures than a window can show at once are drawn from the command line.
const MOST_PICTURES: f64 = 1024.0;

/// Draws the tab.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    let area = ui.available_rect_before_wrap().shrink2(vec2(20.0, 12.0));
    let split = area.right() - CONTROLS;
    let left = Rect::from_min_max(area.min, pos2(split - 20.0, area.bottom()));
    let right = Rect::from_min_max(pos2(split, area.top()), area.max);
    ui.scope_builder(UiBuilder::new().max_rect(left), |ui| results(ui, state, textures, actions));
    ui.scope_builder(UiBuilder::new().max_rect(right), |ui| {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            controls(ui, state, actions);
        });
    });
}

fn results(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    ui.spacing_mut().item_spacing.y = 4.0;
    let shown = state.recording.as_ref().and_then(|recording| Some((recording, recording.shown()?)));
    title(ui, "Drawn digits", |ui| {
        let text = match (state.sampling, shown) {
            (Some(progress), _) => format!("drawing: {} of {} frames", progress.frames_done, progress.frames),
            (None, Some((_, moment))) if moment.t > 0 => format!("at t = {}", numbers::whole(moment.t as f64)),
            (None, Some(_)) => {
                state.sampled_in.map_or_else(String::new, |s| format!("drawn in {} s", numbers::short(s)))
            }
            (None, None) => String::new(),
        };
        ui.label(RichText::new(text).size(11.5).color(p.muted));
    });
    if let Some((recording, moment)) = shown {
        let pressed = grid(ui, textures, "samples", &moment.x_t, &recording.classes, Some(state.followed));
        actions.extend(pressed.map(Action::Follow));
    } else if state.can_sample() {
        let sentence = "Press Draw: the digits come out of the noise here, and the film below keeps every step.";
        Empty { headline: "Ready to draw", sentence }.show(ui, |_| ());
    } else {
        let sentence =
            "Train one on the Train tab, or open one that was trained before: a run folder or a weights file.";
        Empty { headline: "No model yet", sentence }.show(ui, |_| ());
    }
}

fn controls(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let mut next = state.settings.clone();
    let preset = state.settings.preset.settings();
    plain_title(ui, "Drawing");
    how(ui, state, &preset, &mut next);
    which(ui, state, &preset, &mut next);
    ui.add_space(12.0);
    if state.sampling.is_some() {
        if Button::text("Cancel drawing").width(ui.available_width()).show(ui).clicked() {
            actions.push(Action::CancelSampling);
        }
    } else {
        let tip = if state.can_sample() { "" } else { "Train or open a model first" };
        let draw = Button::text("Draw").main(true).enabled(state.can_sample()).tip(tip).width(ui.available_width());
        if draw.show(ui).clicked() {
            actions.push(Action::Sample);
        }
    }
    separation(ui);
    model(ui, state, actions);
    if next != state.settings {
        actions.push(Action::Settings(Box::new(next)));
    }
}

fn how(ui: &mut Ui, state: &AppState, preset: &Settings, next: &mut Settings) {
    let s = &mut next.sampling;
    let names = |sampler| match sampler {
        SamplerKind::Ddpm => "DDPM",
        SamplerKind::Ddim => "DDIM",
        SamplerKind::DpmPp => "DPM-Solver++",
        SamplerKind::Heun => "Heun (EDM)",
    };
    let (label, chosen) = row(ui, "Sampler", s.sampler != preset.sampling.sampler, |ui| {
        let all = [SamplerKind::Ddpm, SamplerKind::Ddim, SamplerKind::DpmPp, SamplerKind::Heun];
        choose(ui, "Sampler", s.sampler, all, |sampler| names(sampler).to_owned())
    });
    s.sampler = chosen.unwrap_or(s.sampler);
    label.on_hover_text("How noise is taken away: DDPM takes all T timesteps, the others reach the end in few.");
    let timesteps = state.model_settings().unwrap_or(&state.settings).diffusion.timesteps;
    if s.sampler != SamplerKind::Ddpm {
        let steps = NumberRow {
            name: "Steps",
            about: "Calls of the network a picture: more is finer and slower.",
            unit: "calls",
            value: s.steps as f64,
            preset: preset.sampling.steps as f64,
            scale: Scale { range: 1.0..=timesteps as f64, logarithmic: true, whole: true },
            problem: state.problem(Setting::SampleSteps),
        };
        if let Some(value) = steps.show(ui) {
            s.steps = value as usize;
        }
    }
    if s.sampler == SamplerKind::Ddim {
        let eta = NumberRow {
            name: "η",
            about: "Fresh noise at each step: 0 none, the same seed gives the same path; 1 as much as DDPM.",
            unit: "",
            value: s.eta,
            preset: preset.sampling.eta,
            scale: Scale { range: 0.0..=1.0, logarithmic: false, whole: false },
            problem: state.problem(Setting::Eta),
        };
        s.eta = eta.show(ui).unwrap_or(s.eta);
    }
    let weights = [
        (WeightsKind::Ema, "EMA", "The moving average of the weights: draws better."),
        (WeightsKind::Raw, "Raw", "The weights as they were after the last step."),
    ];
    let (_, chosen) = row(ui, "Weights", s.weights != preset.sampling.weights, |ui| {
        let width = ui.available_width();
        segmented(ui, "Weights", s.weights, &weights, Some(width))
    });
    s.weights = chosen.unwrap_or(s.weights);
}

fn which(ui: &mut Ui, state: &AppState, preset: &Settings, next: &mut Settings) {
    let knows_classes = state.model_settings().unwrap_or(&state.settings).network.classes;
    let s = &mut next.sampling;
    if knows_classes {
        let name = |choice| match choice {
            ClassChoice::Each => "0 to 9 in turn".to_owned(),
            ClassChoice::Only(class) => format!("only {class}"),
        };
        let (label, chosen) = row(ui, "Digit", s.classes != preset.sampling.classes, |ui| {
            let all = std::iter::once(ClassChoice::Each).chain((0..10).map(ClassChoice::Only));
            choose(ui, "Digit", s.classes, all, name)
        });
        s.classes = chosen.unwrap_or(s.classes);
        label.on_hover_text("Which digits are asked for.");
        problem_text(ui, state.problem(Setting::Class));
        let guidance = NumberRow {
            name: "Guidance",
            about: "How strongly the class pulls: 0 not more than it learned; more is clearer and less varied.",
            unit: "",
            value: s.guidance,
            preset: preset.sampling.guidance,
            scale: Scale { range: 0.0..=4.0, logarithmic: false, whole: false },
            problem: state.problem(Setting::Guidance),
        };
        s.guidance = guidance.show(ui).unwrap_or(s.guidance);
    }
    let count = NumberRow {
        name: "Count",
        about: "How many pictures are drawn at once.",
        unit: "pictures",
        value: s.count as f64,
        preset: preset.sampling.count as f64,
        scale: Scale { range: 1.0..=256.0, logarithmic: true, whole: true },
        problem: state.problem(Setting::SampleCount),
    };
    if let Some(value) = count.show(ui) {
        s.count = value.min(MOST_PICTURES) as usize;
    }
    let seed = NumberRow {
        name: "Seed",
        about: "The noise that drawing begins with: the same seed gives the same pictures.",
        unit: "",
        value: s.seed as f64,
        preset: preset.sampling.seed as f64,
        scale: Scale { range: 0.0..=100.0, logarithmic: false, whole: true },
        problem: None,
    };
    if let Some(value) = seed.show(ui) {
        s.seed = value as u64;
    }
}

fn model(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    plain_title(ui, "Model");
    match &state.model {
        Some(model) => {
            let steps = numbers::whole(model.step as f64);
            let weights = numbers::whole(model.parameters as f64);
            caption(ui, format!("{steps} steps, {weights} weights"));
            caption(ui, model.source.display().to_string());
        }
        None if state.can_sample() => caption(ui, "The one that is being trained."),
        None => caption(ui, "None yet."),
    }
    ui.add_space(8.0);
    let line = vec2(ui.available_width(), 28.0);
    ui.allocate_ui_with_layout(line, Layout::right_to_left(Align::Center), |ui| {
        let usable = !state.open_path.trim().is_empty() && !state.run_is_active();
        let tip = if state.run_is_active() { "Stop the run first" } else { "Open the model at this path" };
        if Button::text("Open").enabled(usable).tip(tip).show(ui).clicked() {
            actions.push(Action::Open);
        }
        let mut path = state.open_path.clone();
        let field = TextEdit::singleline(&mut path).hint_text("run folder or weights file");
        let field = ui.add_sized([ui.available_width(), 28.0], field);
        name_field(&field, "path of the model", &path);
        if field.changed() {
            actions.push(Action::OpenPath(path));
        }
    });
}
