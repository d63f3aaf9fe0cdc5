//! The Sample tab: how digits are drawn, and the digits that were drawn.

use egui::{Align, Layout, Rect, RichText, Ui, UiBuilder, pos2, vec2};

use super::button::Button;
use super::copies_section;
use super::drawing_more;
use super::drop_down::choose;
use super::numbers;
use super::origin;
use super::palette::Palette;
use super::path_field::path_field;
use super::picture_grid::{Empty, grid};
use super::scroll;
use super::section::{caption, plain_title, separation, title};
use super::setting_row::{ChoiceRow, NumberRow, problem_text, word_of};
use super::slider::Scale;
use super::textures::Textures;
use super::tick::tick;
use crate::app::{Action, AppState};
use crate::config::{ClassChoice, Digits, MAX_RECORDED, Problem, SamplerKind, Setting, Settings, WeightsKind};

const CONTROLS: f32 = 248.0;
/// Narrower than this beside the controls, the digits stand above them.
const LEAST_RESULTS: f32 = 300.0;
const TITLE: f32 = 30.0;

/// Draws the tab.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    let area = ui.available_rect_before_wrap().shrink2(vec2(20.0, 12.0));
    if area.width() < CONTROLS + LEAST_RESULTS {
        ui.scope_builder(UiBuilder::new().max_rect(area), |ui| {
            scroll::column(ui, "sample", 14.0, |ui| {
                let height = (ui.available_width() + TITLE).min(area.height() * 0.8);
                ui.allocate_ui(vec2(ui.available_width(), height), |ui| results(ui, state, textures, actions));
                separation(ui);
                ui.spacing_mut().item_spacing.y = 0.0;
                controls(ui, state, textures, actions);
            });
        });
        return;
    }
    let split = area.right() - CONTROLS;
    let left = Rect::from_min_max(area.min, pos2(split - 20.0, area.bottom()));
    let right = Rect::from_min_max(pos2(split, area.top()), area.max);
    ui.scope_builder(UiBuilder::new().max_rect(left), |ui| results(ui, state, textures, actions));
    ui.scope_builder(UiBuilder::new().max_rect(right), |ui| {
        scroll::column(ui, "drawing", 14.0, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            controls(ui, state, textures, actions);
        });
    });
}

fn results(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    ui.spacing_mut().item_spacing.y = 4.0;
    let shown = state.recording.as_ref().and_then(|recording| Some((recording, recording.shown()?)));
    title(ui, "Drawn digits", |ui| {
        let text = match (state.sampling, shown) {
            _ if let Some(rough) = state.live.rough() => format!("a first look, after {:.0} ms", 1e3 * rough.seconds),
            (Some(progress), _) => format!("drawing: {}", numbers::frames(&progress)),
            (None, Some((_, moment))) if moment.t > 0 => format!("at t = {}", numbers::whole(moment.t as f64)),
            (None, Some(_)) => state.sampled_in.map_or_else(String::new, |s| format!("drawn in {s:.1} s")),
            (None, None) => String::new(),
        };
        ui.label(RichText::new(text).size(11.5).color(p.muted));
    });
    if let Some(rough) = state.live.rough() {
        let pressed = grid(ui, textures, "samples", &rough.pictures, &rough.classes, (Some(state.followed), None));
        actions.extend(pressed.map(Action::Follow));
    } else if let Some((recording, moment)) = shown {
        let pressed = grid(ui, textures, "samples", &moment.x_t, &recording.classes, (Some(state.followed), None));
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

fn controls(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    let mut next = state.settings.clone();
    let preset = state.settings.preset.settings();
    title(ui, "Drawing", |ui| {
        let tip = "Draws anew with each change of a setting: roughly at once, then in full. Also: Ctrl+R";
        let accent = Palette::of(ui).accent;
        let live = tick(ui, "as I change", "as I change", state.live.on, true, accent).on_hover_text(tip);
        if live.clicked() {
            actions.push(Action::RedrawOnChange);
        }
    });
    draw(ui, state, actions);
    ui.add_space(8.0);
    let problems = state.drawing_problems();
    let problem = |setting: Setting| problems.iter().find(|problem| problem.setting == setting);
    how(ui, state, &preset, &mut next, problem);
    which(ui, state, &preset, &mut next, problem);
    let guided = state.model_settings().unwrap_or(&state.settings).network.classes;
    let interval = problem(Setting::GuidanceInterval);
    drawing_more::show(ui, &preset.sampling, &mut next.sampling, guided, interval);
    separation(ui);
    origin::show(ui, state, textures, actions);
    separation(ui);
    copies_section::show(ui, state, textures, f32::INFINITY, actions);
    separation(ui);
    model(ui, state, actions);
    if next != state.settings {
        actions.push(Action::Settings(Box::new(next)));
    }
}

/// What draws, above the settings, so that it is seen in the smallest window, too.
fn draw(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    ui.add_space(2.0);
    if state.is_drawing() {
        if Button::text("Cancel drawing").width(ui.available_width()).show(ui).clicked() {
            actions.push(Action::CancelSampling);
        }
        return;
    }
    let refusal = state.drawing_refusal();
    let (enabled, tip) = (refusal.is_none(), refusal.as_deref().unwrap_or_default());
    let draw = Button::text("Draw").main(true).enabled(enabled).tip(tip).width(ui.available_width());
    if draw.show(ui).clicked() {
        actions.push(Action::Sample);
    }
    if let Some(refusal) = refusal {
        ui.add_space(4.0);
        caption(ui, refusal);
    }
}

fn how<'a>(
    ui: &mut Ui,
    state: &AppState,
    preset: &Settings,
    next: &mut Settings,
    problem: impl Fn(Setting) -> Option<&'a Problem>,
) {
    let s = &mut next.sampling;
    let names = |sampler| match sampler {
        SamplerKind::Ddpm => "DDPM",
        SamplerKind::Ddim => "DDIM",
        SamplerKind::DpmPp => "DPM-Solver++",
        SamplerKind::Heun => "Heun (EDM)",
    };
    let sampler = ChoiceRow {
        name: "Sampler",
        about: "How noise is taken away: DDPM takes all T timesteps, the others reach the end in few.",
        value: &mut s.sampler,
        preset: preset.sampling.sampler,
        preset_word: names(preset.sampling.sampler),
    };
    sampler.show(ui, |ui, now| {
        let all = [SamplerKind::Ddpm, SamplerKind::Ddim, SamplerKind::DpmPp, SamplerKind::Heun];
        choose(ui, "Sampler", now, all, |sampler| names(sampler).to_owned())
    });
    let timesteps = state.model_settings().unwrap_or(&state.settings).diffusion.timesteps;
    if s.sampler != SamplerKind::Ddpm {
        let steps = NumberRow {
            name: "Steps",
            about: "Calls of the network a picture: more is finer and slower.",
            unit: "calls",
            value: s.steps as f64,
            preset: preset.sampling.steps as f64,
            scale: Scale::logarithmic(1.0..=timesteps as f64).whole(),
            problem: problem(Setting::SampleSteps),
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
            scale: Scale::linear(0.0..=1.0),
            problem: problem(Setting::Eta),
        };
        s.eta = eta.show(ui).unwrap_or(s.eta);
    }
    let weights = [
        (WeightsKind::Ema, "EMA", "The moving average of the weights: draws better."),
        (WeightsKind::Raw, "Raw", "The weights as they were after the last step."),
    ];
    let row = ChoiceRow {
        name: "Weights",
        about: "Which weights draw: their moving average over the last steps, or as the last step left them.",
        value: &mut s.weights,
        preset: preset.sampling.weights,
        preset_word: word_of(&weights, &preset.sampling.weights),
    };
    row.segmented(ui, &weights);
}

fn which<'a>(
    ui: &mut Ui,
    state: &AppState,
    preset: &Settings,
    next: &mut Settings,
    problem: impl Fn(Setting) -> Option<&'a Problem>,
) {
    let model = state.model_settings().unwrap_or(&state.settings);
    let (knows_classes, learned) = (model.network.classes, model.data.digits);
    let s = &mut next.sampling;
    if knows_classes {
        let name = |choice| match choice {
            ClassChoice::Each if learned == Digits::ALL => "0 to 9 in turn".to_owned(),
            ClassChoice::Each => format!("{learned} in turn"),
            ClassChoice::Only(class) => format!("only {class}"),
        };
        let digit = ChoiceRow {
            name: "Digit",
            about: "Which digits are asked for: all that it learned in turn, or one of them.",
            value: &mut s.classes,
            preset: preset.sampling.classes,
            preset_word: &name(preset.sampling.classes),
        };
        digit.show(ui, |ui, now| {
            let all = std::iter::once(ClassChoice::Each).chain(learned.iter().map(ClassChoice::Only));
            choose(ui, "Digit", now, all, name)
        });
        problem_text(ui, problem(Setting::Class));
        let guidance = NumberRow {
            name: "Guidance",
            about: "How strongly the class pulls: 0 not more than it learned; more is clearer and less varied.",
            unit: "",
            value: s.guidance,
            preset: preset.sampling.guidance,
            scale: Scale::linear(0.0..=4.0),
            problem: problem(Setting::Guidance),
        };
        s.guidance = guidance.show(ui).unwrap_or(s.guidance);
    }
    let count = NumberRow {
        name: "Count",
        about: "How many pictures are drawn at once.",
        unit: "pictures",
        value: s.count as f64,
        preset: preset.sampling.count as f64,
        scale: Scale::logarithmic(1.0..=MAX_RECORDED as f64).whole(),
        problem: problem(Setting::SampleCount),
    };
    if let Some(value) = count.show(ui) {
        s.count = value as usize;
    }
    let seed = NumberRow {
        name: "Seed",
        about: "The noise that drawing begins with: the same seed gives the same pictures.",
        unit: "",
        value: s.seed as f64,
        preset: preset.sampling.seed as f64,
        scale: Scale::linear(0.0..=100.0).whole(),
        problem: None,
    };
    if let Some(value) = seed.show(ui) {
        s.seed = value as u64;
    }
}

fn model(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    plain_title(ui, "Model");
    match &state.model {
        _ if state.run_draws() => {
            caption(ui, "The one that is being trained:");
            caption(ui, state.model_name().unwrap_or_default());
        }
        Some(model) => {
            let steps = numbers::whole(model.step as f64);
            let weights = numbers::whole(model.parameters as f64);
            caption(ui, format!("{steps} steps, {weights} weights"));
            caption(ui, model.source.display().to_string());
        }
        None => caption(ui, "None yet: press Train, or open one by its path."),
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
        let size = vec2(ui.available_width(), 28.0);
        let field = path_field(ui, "path of the model", &mut path, size, "run folder or weights file");
        if field.changed() {
            actions.push(Action::OpenPath(path));
        }
    });
}
