//! The settings that rarely need a hand: folded until asked for.

use egui::{
    Align, CollapsingHeader, Grid, Label, Layout, Popup, Rect, Response, RichText, Role, Sense, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

use super::button::Button;
use super::drop_down::choose;
use super::icons;
use super::palette::Palette;
use super::setting_row::{ChoiceRow, NumberRow, problem_text, word_of};
use super::slider::Scale;
use super::theme::semibold;
use crate::app::{Action, AppState, Difference, changes};
use crate::config::{Architecture, CompactConfig, OptimizerKind, Setting, Settings, TimestepSampling};

/// The settings in the section that can have problems: fold it, and these are still told of.
const SETTINGS: [Setting; 17] = [
    Setting::ImageSize,
    Setting::Network,
    Setting::Classes,
    Setting::MuonLearningRate,
    Setting::MuonMomentum,
    Setting::TimestepMean,
    Setting::TimestepDeviation,
    Setting::TimestepUniform,
    Setting::Beta1,
    Setting::Beta2,
    Setting::WeightDecay,
    Setting::WarmupSteps,
    Setting::DecayFraction,
    Setting::ClipNorm,
    Setting::EmaDecay,
    Setting::ClassDropout,
    Setting::CheckpointEvery,
];

/// A number: its name, what it is, where it stands, the preset's, its range, and the problems that it can have.
type Row<'a> = (&'a str, &'a str, &'a mut f64, f64, Scale, Setting);

/// Draws the folded section.
pub fn show(ui: &mut Ui, state: &AppState, preset: &Settings, next: &mut Settings, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    let changes = changes(preset, &state.settings);
    let title = RichText::new("Advanced").font(semibold(12.5)).color(p.text);
    let section = CollapsingHeader::new(title).id_salt("advanced").show_unindented(ui, |ui| {
        network(ui, state, preset, next);
        optimizer(ui, state, preset, next);
        rhythm(ui, state, preset, next);
    });
    let problems = SETTINGS.iter().filter(|setting| state.problem(**setting).is_some()).count();
    let told = match (problems, changes.len()) {
        (0, 0) => None,
        (0, changed) => Some((format!("{changed} changed from preset"), p.accent)),
        (1, _) => Some((format!("{} 1 value cannot work", icons::WARNING), p.bad)),
        (problems, _) => Some((format!("{} {problems} values cannot work", icons::WARNING), p.bad)),
    };
    if let Some((text, color)) = told {
        let name = text.clone();
        let row = section.header_response.rect;
        let right = ui.max_rect().right() - 4.0;
        let place = Rect::from_min_max(pos2(row.left() + 100.0, row.top()), pos2(right, row.bottom()));
        let label = Label::new(RichText::new(text).size(11.5).color(color)).selectable(false).sense(Sense::click());
        let layout = Layout::right_to_left(Align::Center);
        // What follows stands below the section, not below its first line.
        let label = ui.new_child(UiBuilder::new().max_rect(place).layout(layout)).add(label);
        if !changes.is_empty() {
            label.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
            changes_menu(&label.on_hover_text("What was changed"), &changes, actions);
        }
    }
}

/// What differs from the preset, with a way back.
fn changes_menu(response: &Response, changes: &[Difference], actions: &mut Vec<Action>) {
    Popup::menu(response).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        let p = Palette::of(ui);
        Grid::new("changes").num_columns(3).spacing(vec2(16.0, 4.0)).show(ui, |ui| {
            for heading in ["setting", "preset", "now"] {
                ui.label(RichText::new(heading).size(11.5).color(p.muted));
            }
            ui.end_row();
            for change in changes {
                ui.label(RichText::new(&change.name).size(12.0).color(p.muted));
                for value in &change.values {
                    ui.label(RichText::new(value).size(12.0).color(p.text));
                }
                ui.end_row();
            }
        });
        ui.add_space(6.0);
        if Button::text("All back to the preset")
            .tip("The images stay. Right-click a row to reset it alone")
            .show(ui)
            .clicked()
        {
            actions.push(Action::ResetSettings);
            ui.close();
        }
    });
}

fn network(ui: &mut Ui, state: &AppState, preset: &Settings, next: &mut Settings) {
    let sizes = [(28, "28", "MNIST as it is."), (32, "32", "With a border of 2 pixels, as the reference has it.")];
    let size = ChoiceRow {
        name: "Image size",
        about: "Height and width of the images: 28 or 32 pixels.",
        value: &mut next.data.image_size,
        preset: preset.data.image_size,
        preset_word: &format!("{} pixels", preset.data.image_size),
    };
    size.segmented(ui, &sizes);
    problem_text(ui, state.problem(Setting::ImageSize));

    if let Architecture::Compact(CompactConfig { channels }) = &mut next.network.architecture {
        let usual = match &preset.network.architecture {
            Architecture::Compact(config) => config.channels,
            _ => 32,
        };
        let row = NumberRow {
            name: "Channels",
            about: "Width of the network: more draws better and trains slower.",
            unit: "channels",
            value: *channels as f64,
            preset: usual as f64,
            scale: Scale::linear(16.0..=128.0).in_steps(16.0),
            problem: state.problem(Setting::Network),
        };
        if let Some(value) = row.show(ui) {
            *channels = value as usize;
        }
    } else {
        problem_text(ui, state.problem(Setting::Network));
    }
    let classes = [
        (true, "Told", "The network is told which digit it draws, so that a digit can be asked for."),
        (false, "Not told", "The network draws whatever digit comes."),
    ];
    let class = ChoiceRow {
        name: "Digit class",
        about: "Whether the network knows the ten classes.",
        value: &mut next.network.classes,
        preset: preset.network.classes,
        preset_word: word_of(&classes, &preset.network.classes),
    };
    class.segmented(ui, &classes);
    problem_text(ui, state.problem(Setting::Classes));
}

fn optimizer(ui: &mut Ui, state: &AppState, preset: &Settings, next: &mut Settings) {
    let names = |sampling| match sampling {
        TimestepSampling::Uniform => "Uniform",
        TimestepSampling::Stratified => "Stratified",
        TimestepSampling::LogitNormal => "Some more often",
    };
    let t = &mut next.training;
    let draw_t = ChoiceRow {
        name: "Draw t",
        about: "How the timesteps of a batch are drawn: each by chance, spread evenly, or spread with some noise levels \
                more often.",
        value: &mut t.timestep_sampling,
        preset: preset.training.timestep_sampling,
        preset_word: names(preset.training.timestep_sampling),
    };
    draw_t.show(ui, |ui, now| {
        let all = [TimestepSampling::Uniform, TimestepSampling::Stratified, TimestepSampling::LogitNormal];
        choose(ui, "Draw t", now, all, |sampling| names(sampling).to_owned())
    });
    if t.timestep_sampling == TimestepSampling::LogitNormal {
        let (usual, t) = (preset.training.logit_normal, &mut t.logit_normal);
        let rows: [Row<'_>; 3] = [
            (
                "Center of t",
                "The noise level that is learnt most: 0 is the middle timestep, 1 is t = 0.73 T, -1 is t = 0.27 T.",
                &mut t.mean,
                usual.mean,
                Scale::linear(-3.0..=3.0),
                Setting::TimestepMean,
            ),
            (
                "Spread of t",
                "How far around it timesteps are drawn: the standard deviation of ln(t/(T − t)).",
                &mut t.deviation,
                usual.deviation,
                Scale::linear(0.1..=2.0),
                Setting::TimestepDeviation,
            ),
            (
                "Any t",
                "Share of the images whose timestep is drawn from all alike, so that no noise level is left unlearned.",
                &mut t.uniform_share,
                usual.uniform_share,
                Scale::linear(0.0..=1.0),
                Setting::TimestepUniform,
            ),
        ];
        number_rows(ui, state, rows);
    }

    let kinds = [
        (OptimizerKind::AdamW, "AdamW", "Every weight at its own pace (Loshchilov & Hutter 2019)."),
        (
            OptimizerKind::Muon,
            "Muon",
            "Matrices learn rare directions as fast as common ones (Jordan et al. 2024); the rest by AdamW.",
        ),
    ];
    let optimizer = ChoiceRow {
        name: "Optimizer",
        about: "How the gradient becomes a step.",
        value: &mut t.optimizer,
        preset: preset.training.optimizer,
        preset_word: word_of(&kinds, &preset.training.optimizer),
    };
    optimizer.segmented(ui, &kinds);
    if t.optimizer == OptimizerKind::Muon {
        let rate = NumberRow {
            name: "Muon rate",
            about: "How far the matrices move a step; the learning rate above is for the other weights.",
            unit: "",
            value: t.muon_learning_rate,
            preset: preset.training.muon_learning_rate,
            scale: Scale::logarithmic(1e-3..=0.2),
            problem: state.problem(Setting::MuonLearningRate),
        };
        t.muon_learning_rate = rate.show(ui).unwrap_or(t.muon_learning_rate);
        let momentum = NumberRow {
            name: "Momentum",
            about: "Memory of the mean of the gradient that Muon steps by: less reacts sooner, which helps short runs.",
            unit: "",
            value: t.muon_momentum,
            preset: preset.training.muon_momentum,
            scale: Scale::linear(0.0..=0.99),
            problem: state.problem(Setting::MuonMomentum),
        };
        t.muon_momentum = momentum.show(ui).unwrap_or(t.muon_momentum);
    }

    let share = Scale::linear;
    let preset = &preset.training;
    let rows: [Row<'_>; 7] = [
        ("Adam β₁", "Memory of the gradient's mean.", &mut t.beta1, preset.beta1, share(0.0..=0.999), Setting::Beta1),
        (
            "Adam β₂",
            "Memory of the gradient's square.",
            &mut t.beta2,
            preset.beta2,
            share(0.9..=0.9999),
            Setting::Beta2,
        ),
        (
            "Weight decay",
            "Pull of the weights towards zero; 0 is plain Adam.",
            &mut t.weight_decay,
            preset.weight_decay,
            share(0.0..=0.1),
            Setting::WeightDecay,
        ),
        (
            "Rate falls",
            "Share of the run, at its end, over which the learning rate falls to 0.",
            &mut t.decay_fraction,
            preset.decay_fraction,
            share(0.0..=1.0),
            Setting::DecayFraction,
        ),
        (
            "Clip gradient",
            "Largest norm of the gradient; 0 is no clipping.",
            &mut t.clip_norm,
            preset.clip_norm,
            share(0.0..=10.0),
            Setting::ClipNorm,
        ),
        (
            "EMA decay",
            "Memory of the averaged weights that pictures are drawn with.",
            &mut t.ema_decay,
            preset.ema_decay,
            share(0.0..=0.9999),
            Setting::EmaDecay,
        ),
        (
            "Hide class",
            "Probability that a training image's class is hidden; guidance needs some.",
            &mut t.class_dropout,
            preset.class_dropout,
            share(0.0..=0.5),
            Setting::ClassDropout,
        ),
    ];
    number_rows(ui, state, rows);
}

/// Draws numbers without a unit, a row each, and takes what they are changed to.
fn number_rows<'a>(ui: &mut Ui, state: &AppState, rows: impl IntoIterator<Item = Row<'a>>) {
    for (name, about, value, preset, scale, setting) in rows {
        let problem = state.problem(setting);
        let row = NumberRow { name, about, unit: "", value: *value, preset, scale, problem };
        *value = row.show(ui).unwrap_or(*value);
    }
}

fn rhythm(ui: &mut Ui, state: &AppState, preset: &Settings, next: &mut Settings) {
    let (t, preset) = (&mut next.training, &preset.training);
    let rows: [(&str, &str, &mut u64, u64, Scale, Setting); 2] = [
        (
            "Warm-up",
            "Steps over which the learning rate rises from 0.",
            &mut t.warmup_steps,
            preset.warmup_steps,
            Scale::linear(0.0..=2000.0).whole(),
            Setting::WarmupSteps,
        ),
        (
            "Checkpoint",
            "Steps between two checkpoints: what a crash can lose.",
            &mut t.checkpoint_every,
            preset.checkpoint_every,
            Scale::logarithmic(10.0..=10_000.0).whole(),
            Setting::CheckpointEvery,
        ),
    ];
    for (name, about, value, preset, scale, setting) in rows {
        let problem = state.problem(setting);
        let row = NumberRow { name, about, unit: "steps", value: *value as f64, preset: preset as f64, scale, problem };
        if let Some(changed) = row.show(ui) {
            *value = changed as u64;
        }
    }
    let preview = NumberRow {
        name: "Preview",
        about: "Seconds between two drawings of the grid; 0 is never.",
        unit: "s",
        value: t.preview_seconds,
        preset: preset.preview_seconds,
        scale: Scale::linear(0.0..=60.0),
        problem: state.problem(Setting::Preview),
    };
    t.preview_seconds = preview.show(ui).unwrap_or(t.preview_seconds);
    let films = NumberRow {
        name: "Films",
        about: "Room on disk for films of the denoising along the run, to scrub through below; 0 is none.",
        unit: "MB",
        value: t.film_megabytes as f64,
        preset: preset.film_megabytes as f64,
        scale: Scale::linear(0.0..=512.0).in_steps(16.0),
        problem: state.problem(Setting::Films),
    };
    t.film_megabytes = films.show(ui).map_or(t.film_megabytes, |megabytes| megabytes as u64);
}
