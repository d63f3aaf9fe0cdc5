//! The settings of a drawing that rarely need a hand: folded until asked for, or until they differ from the preset.

use egui::{Align, CollapsingHeader, Label, Layout, Rect, RichText, Ui, UiBuilder, pos2};

use super::icons;
use super::palette::Palette;
use super::setting_row::{ChoiceRow, NumberRow, problem_text, word_of};
use super::slider::Scale;
use super::theme::semibold;
use crate::config::{Problem, SamplingSettings, Thresholding};

/// The noise levels that guidance begins with once it is limited: the middle of the way, as for images in the paper.
const USUAL_INTERVAL: [f64; 2] = [0.2, 3.0];
const INTERVAL: &str = "Guidance pulls at these noise levels only, σ = √(1−ᾱ)/√ᾱ: at the highest it takes variety away, at \
                        the lowest it does nothing (Kynkäänniemi et al. 2024).";

/// Draws the folded section. `guided` if the model knows classes, which guidance needs.
pub fn show(
    ui: &mut Ui,
    preset: &SamplingSettings,
    next: &mut SamplingSettings,
    guided: bool,
    problem: Option<&Problem>,
) {
    let p = Palette::of(ui);
    let interval = guided && next.guidance_interval != preset.guidance_interval;
    let changed = usize::from(next.thresholding != preset.thresholding) + usize::from(interval);
    let title = RichText::new("More").font(semibold(12.5)).color(p.text);
    let section = CollapsingHeader::new(title)
        .id_salt("more of the drawing")
        .default_open(changed > 0)
        .show_unindented(ui, |ui| {
            thresholding(ui, preset, next);
            if guided {
                guidance_interval(ui, preset, next);
                problem_text(ui, problem);
            }
        });
    let told = match (problem, changed) {
        (Some(_), _) => Some((format!("{} 1 value cannot work", icons::WARNING), p.bad)),
        (None, 0) => None,
        (None, changed) => Some((format!("{changed} changed from preset"), p.accent)),
    };
    if let Some((text, ink)) = told {
        let row = section.header_response.rect;
        let place = Rect::from_min_max(pos2(row.left() + 60.0, row.top()), pos2(ui.max_rect().right(), row.bottom()));
        let layout = Layout::right_to_left(Align::Center);
        // What follows stands below the section, not below its first line.
        let mut beside = ui.new_child(UiBuilder::new().max_rect(place).layout(layout));
        beside.add(Label::new(RichText::new(text).size(11.5).color(ink)).selectable(false));
    }
}

fn thresholding(ui: &mut Ui, preset: &SamplingSettings, next: &mut SamplingSettings) {
    let kinds = [
        (Thresholding::None, "Free", "The guess of the image is taken as it comes."),
        (Thresholding::Static, "Clip", "Values outside of the range of images are clipped."),
        (
            Thresholding::Dynamic,
            "Scale",
            "An image that leaves the range is scaled into it: strong guidance loses contrast instead of detail \
             (Saharia et al. 2022).",
        ),
    ];
    let row = ChoiceRow {
        name: "Threshold x̂₀",
        about: "How the guess of the image is brought into the range of images at each step.",
        value: &mut next.thresholding,
        preset: preset.thresholding,
        preset_word: word_of(&kinds, &preset.thresholding),
    };
    row.segmented(ui, &kinds);
}

fn guidance_interval(ui: &mut Ui, preset: &SamplingSettings, next: &mut SamplingSettings) {
    let words = |interval: Option<[f64; 2]>| {
        interval.map_or_else(|| "at all noise levels".to_owned(), |[low, high]| format!("σ from {low} to {high}"))
    };
    let usual = preset.guidance_interval.unwrap_or(USUAL_INTERVAL);
    let limited = next.guidance_interval.or(preset.guidance_interval).unwrap_or(USUAL_INTERVAL);
    let options = [(None, "All noise", "Guidance pulls at all noise levels."), (Some(limited), "Some", INTERVAL)];
    let row = ChoiceRow {
        name: "Guided at",
        about: INTERVAL,
        value: &mut next.guidance_interval,
        preset: preset.guidance_interval,
        preset_word: &words(preset.guidance_interval),
    };
    row.segmented(ui, &options);
    let Some([low, high]) = &mut next.guidance_interval else { return };
    let level = |name, about, value: f64, preset| NumberRow {
        name,
        about,
        unit: "",
        value,
        preset,
        scale: Scale::logarithmic(0.01..=100.0),
        problem: None,
    };
    let lowest = level("σ from", "The lowest noise level with guidance.", *low, usual[0]);
    *low = lowest.show(ui).unwrap_or(*low);
    let highest = level("σ to", "The highest noise level with guidance.", *high, usual[1]);
    *high = highest.show(ui).unwrap_or(*high);
}
