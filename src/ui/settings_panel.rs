//! The left panel: what is learned from, how noise is added, how long and how fast is trained.

use egui::{RichText, Ui};

use super::advanced;
use super::button::Button;
use super::digit_row::digit_row;
use super::icons;
use super::numbers;
use super::palette::Palette;
use super::schedule_panel::schedule;
use super::scroll;
use super::section::{plain_title, separation, title};
use super::segmented::segmented;
use super::setting_row::{ChoiceRow, NumberRow, with_reset, word_of};
use super::slider::Scale;
use super::textures::Textures;
use crate::app::{Action, AppState};
use crate::config::{Budget, MAX_BATCH, MAX_TIMESTEPS, Prediction, ScheduleKind, Setting, Settings, Subset};

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    let mut next = state.settings.clone();
    let preset = state.settings.preset.settings();
    scroll::column(ui, "settings", 12.0, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.add_space(8.0);
        data(ui, state, &preset, &mut next);
        separation(ui);
        diffusion(ui, state, &preset, &mut next);
        if let Some(advised) = schedule(ui, state, textures, actions) {
            next.diffusion = advised;
        }
        separation(ui);
        training(ui, state, &preset, &mut next, actions);
        separation(ui);
        advanced::show(ui, state, &preset, &mut next, actions);
        ui.add_space(16.0);
    });
    if next != state.settings {
        actions.push(Action::Settings(Box::new(next)));
    }
}

fn data(ui: &mut Ui, state: &AppState, preset: &Settings, next: &mut Settings) {
    title(ui, "Data", |ui| {
        let differs = state.run.as_ref().is_some_and(|run| state.run_is_active() && *run.settings != state.settings);
        if differs {
            ui.label(RichText::new("for the next run").size(11.0).color(Palette::of(ui).muted));
        }
    });
    let available = state.available_images().unwrap_or(1_000_000);
    let now = match next.data.subset {
        Subset::All => available,
        Subset::First(n) | Subset::Shuffled(n) => n,
    };
    let part = |n: usize| if n == available { 1000 } else { n };
    let options = [
        (Subset::All, "All", "All training images."),
        (Subset::First(part(now)), "First", "The first N in the file's order, as the reference experiment does."),
        (Subset::Shuffled(part(now)), "Shuffled", "N drawn without replacement by the seed."),
    ];
    let usual = match preset.data.subset {
        Subset::All => "All".to_owned(),
        Subset::First(n) => format!("First {}", numbers::whole(n as f64)),
        Subset::Shuffled(n) => format!("Shuffled {}", numbers::whole(n as f64)),
    };
    let subset = ChoiceRow {
        name: "Subset",
        about: "Which of the training images are used.",
        value: &mut next.data.subset,
        preset: preset.data.subset,
        preset_word: &usual,
    };
    subset.segmented(ui, &options);
    if let Subset::First(n) | Subset::Shuffled(n) = &mut next.data.subset {
        let wanted = NumberRow {
            name: "Images",
            about: "How many training images are used.",
            unit: "images",
            value: *n as f64,
            preset: match preset.data.subset {
                Subset::All => available as f64,
                Subset::First(n) | Subset::Shuffled(n) => n as f64,
            },
            scale: Scale::logarithmic(10.0..=available as f64).whole(),
            problem: state.problem(Setting::Subset),
        };
        if let Some(value) = wanted.show(ui) {
            *n = value as usize;
            // All of them, chosen one way or the other: as the preset has it.
            if *n == available && preset.data.subset == Subset::All {
                next.data.subset = Subset::All;
            }
        }
    }
    digit_row(ui, state, preset, next);
    let held_out = NumberRow {
        name: "Held out",
        about: "Test images, never trained on, whose loss is measured from time to time.",
        unit: "images",
        value: next.data.held_out as f64,
        preset: preset.data.held_out as f64,
        scale: Scale::logarithmic(16.0..=10_000.0).whole(),
        problem: state.problem(Setting::HeldOut),
    };
    if let Some(value) = held_out.show(ui) {
        next.data.held_out = value as usize;
    }
}

fn diffusion(ui: &mut Ui, state: &AppState, preset: &Settings, next: &mut Settings) {
    plain_title(ui, "Diffusion");
    let d = &mut next.diffusion;
    let timesteps = NumberRow {
        name: "Timesteps T",
        about: "In how many steps a picture is turned into pure noise, and back.",
        unit: "timesteps",
        value: d.timesteps as f64,
        preset: preset.diffusion.timesteps as f64,
        scale: Scale::logarithmic(2.0..=MAX_TIMESTEPS as f64).whole(),
        problem: state.problem(Setting::Timesteps),
    };
    if let Some(value) = timesteps.show(ui) {
        d.timesteps = value as usize;
    }
    let kinds = [
        (ScheduleKind::Linear, "Linear", "β grows in equal steps from β₀ to β₁ (Ho et al. 2020)."),
        (
            ScheduleKind::Cosine,
            "Cosine",
            "ᾱ, the signal squared, follows a squared cosine (Nichol & Dhariwal 2021); β follows from it.",
        ),
    ];
    let schedule = ChoiceRow {
        name: "Schedule",
        about: "How fast noise is added.",
        value: &mut d.schedule,
        preset: preset.diffusion.schedule,
        preset_word: word_of(&kinds, &preset.diffusion.schedule),
    };
    schedule.segmented(ui, &kinds);
    if d.schedule == ScheduleKind::Linear {
        let beta = |name, about, value, preset, setting| NumberRow {
            name,
            about,
            unit: "(variance)",
            value,
            preset,
            scale: Scale::logarithmic(1e-5..=0.5),
            problem: state.problem(setting),
        };
        let first = "The share of noise added at the first timestep.";
        let (from, to) = (preset.diffusion.beta_start, preset.diffusion.beta_end);
        d.beta_start = beta("β₀ first", first, d.beta_start, from, Setting::BetaStart).show(ui).unwrap_or(d.beta_start);
        let last = "The share of noise added at the last timestep.";
        d.beta_end = beta("β₁ last", last, d.beta_end, to, Setting::BetaEnd).show(ui).unwrap_or(d.beta_end);
    }
    let predictions = [
        (Prediction::Eps, "Noise ε", "The network's output is the noise in the picture (Ho et al. 2020)."),
        (
            Prediction::V,
            "v",
            "The network's output is v = √ᾱ·ε − √(1−ᾱ)·x₀, a mix of noise and picture (Salimans & Ho 2022).",
        ),
    ];
    let prediction = ChoiceRow {
        name: "Predicts",
        about: "What the network is asked for.",
        value: &mut d.prediction,
        preset: preset.diffusion.prediction,
        preset_word: word_of(&predictions, &preset.diffusion.prediction),
    };
    prediction.segmented(ui, &predictions);
}

fn training(ui: &mut Ui, state: &AppState, preset: &Settings, next: &mut Settings, actions: &mut Vec<Action>) {
    plain_title(ui, "Training");
    budget(ui, state, preset, next);
    let t = &mut next.training;
    let batch = NumberRow {
        name: "Batch",
        about: "Images that the network sees before its weights change once.",
        unit: "images",
        value: t.batch_size as f64,
        preset: preset.training.batch_size as f64,
        scale: Scale::logarithmic(1.0..=MAX_BATCH as f64).whole(),
        problem: state.problem(Setting::BatchSize),
    };
    if let Some(value) = batch.show(ui) {
        t.batch_size = value as usize;
    }
    let rate = NumberRow {
        name: "Learning rate",
        about: "How far the weights move a step: too high and the loss jumps, too low and nothing happens.",
        unit: "",
        value: t.learning_rate,
        preset: preset.training.learning_rate,
        scale: Scale::logarithmic(1e-5..=1e-2),
        problem: state.problem(Setting::LearningRate),
    };
    t.learning_rate = rate.show(ui).unwrap_or(t.learning_rate);
    let seed = ChoiceRow {
        name: "Seed",
        about: "All chance of a run comes from this number: the same seed gives the same run.\nAny whole number from 0.",
        value: &mut t.seed,
        preset: preset.training.seed,
        preset_word: &preset.training.seed.to_string(),
    };
    seed.show(ui, |ui, mut seed| {
        let field = egui::DragValue::new(&mut seed).speed(0.2).custom_formatter(|value, _| format!("{value:.0}"));
        let width = ui.available_width() - 36.0;
        ui.spacing_mut().interact_size.y = 24.0;
        ui.spacing_mut().button_padding.y = 2.0;
        let field = ui.add_sized([width, 24.0], field.clip_text(true));
        field.widget_info(|| egui::WidgetInfo::labeled(egui::Role::SpinButton, true, "Seed of the training"));
        ui.add_space(8.0);
        if Button::icon(icons::DICE, "Another seed").show(ui).clicked() {
            actions.push(Action::RollSeed);
        }
        field.changed().then_some(seed)
    });
}

fn budget(ui: &mut Ui, state: &AppState, preset: &Settings, next: &mut Settings) {
    let mut budget = next.training.budget;
    let usual = |wanted: Budget| match (wanted, preset.training.budget) {
        (Budget::Epochs(_), preset @ Budget::Epochs(_))
        | (Budget::Steps(_), preset @ Budget::Steps(_))
        | (Budget::Minutes(_), preset @ Budget::Minutes(_)) => preset,
        (Budget::Epochs(_), _) => Budget::Epochs(5),
        (Budget::Steps(_), _) => Budget::Steps(2000),
        (Budget::Minutes(_), _) => Budget::Minutes(2.0),
    };
    let option = |other: Budget, word, tip| {
        let same = std::mem::discriminant(&other) == std::mem::discriminant(&budget);
        (if same { budget } else { usual(other) }, word, tip)
    };
    let options = [
        option(Budget::Epochs(0), "Epochs", "Passes over all images.\nRight-click, or Delete: back to the preset."),
        option(Budget::Steps(0), "Steps", "Changes of the weights.\nRight-click, or Delete: back to the preset."),
        option(
            Budget::Minutes(0.0),
            "Minutes",
            "Time, pauses not counted.\nRight-click, or Delete: back to the preset.",
        ),
    ];
    let width = ui.available_width();
    let (chosen, back) = with_reset(ui, |ui| segmented(ui, "Train for", budget, &options, Some(width)));
    budget = if back { preset.training.budget } else { chosen.unwrap_or(budget) };
    ui.add_space(2.0);
    let (name, about, unit, value, scale, setting) = match budget {
        Budget::Epochs(n) => {
            let scale = Scale::logarithmic(1.0..=200.0).whole();
            ("Epochs", "Passes over all images.", "epochs", n as f64, scale, Setting::Epochs)
        }
        Budget::Steps(n) => {
            let scale = Scale::logarithmic(10.0..=100_000.0).whole();
            ("Train steps", "Changes of the weights.", "steps", n as f64, scale, Setting::Steps)
        }
        Budget::Minutes(m) => {
            let scale = Scale::logarithmic(0.1..=600.0);
            ("Minutes", "Time of training, pauses not counted.", "minutes", m, scale, Setting::Minutes)
        }
    };
    let preset_value = match usual(budget) {
        Budget::Epochs(n) | Budget::Steps(n) => n as f64,
        Budget::Minutes(m) => m,
    };
    let problem = state.problem(setting);
    let row = NumberRow { name, about, unit, value, preset: preset_value, scale, problem };
    if let Some(value) = row.show(ui) {
        budget = match budget {
            Budget::Epochs(_) => Budget::Epochs(value as u64),
            Budget::Steps(_) => Budget::Steps(value as u64),
            Budget::Minutes(_) => Budget::Minutes(value),
        };
    }
    next.training.budget = budget;
}
