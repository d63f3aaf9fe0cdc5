//! The Train tab: the grid that grows out of the same noise, and beside it the digit that is followed.

use std::sync::Arc;

use egui::{Rect, RichText, Ui, UiBuilder, pos2, vec2};

use super::button::Button;
use super::copies_section;
use super::film_hero;
use super::flow_row;
use super::follow;
use super::grid_weights;
use super::icons;
use super::numbers;
use super::palette::Palette;
use super::picture_grid::{Empty, GridPlan, grid};
use super::scroll;
use super::section::title;
use super::textures::Textures;
use crate::app::{Action, Activity, AppState, Recording};
use crate::config::WeightsKind;
use crate::pictures::Pictures;

const GAP: f32 = 24.0;
/// Under the first digits that a new user sees.
const SHIPPED: &str =
    "These were drawn by the model that ships with Diffuscope. Press Train to teach your own: about two minutes.";
/// Height of the title over the grid and the space below it.
const TITLE: f32 = 30.0;
/// What the place of the grid needs before there is one.
const SMALLEST_HERO: f32 = 240.0;

/// Draws the tab.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    let tight = ui.available_height() < 480.0 || ui.available_width() < 740.0;
    let margin = if tight { vec2(16.0, 8.0) } else { vec2(24.0, 16.0) };
    let area = ui.available_rect_before_wrap().shrink2(margin);
    let screen = ui.ctx().pixels_per_point();
    let smallest = follow::width(follow::side(vec2(0.0, 0.0), screen));
    let room = vec2(area.width() - GAP - smallest, area.height() - TITLE);
    let shown = state.preview.as_ref().map(|preview| &preview.pictures).or(opened(state).map(|(_, drawn)| drawn));
    let filmed = state.looks_back().then(|| film_hero::width(state, room, screen)).flatten();
    let grid = shown.map(|pictures| GridPlan::new(pictures, room, screen).size);
    let hero_width = filmed.unwrap_or_else(|| grid.map_or(room.min_elem(), |size| size.x));
    // Its place is kept from the start of a run on, so that nothing moves when the first image is shown.
    let learns = state.worked.is_some() || (state.run_is_active() && state.attached().is_none());
    let left_over = room.y - grid.map_or(SMALLEST_HERO, |size| size.y);
    let flow = learns && filmed.is_none() && flow_row::fits(vec2(area.width(), left_over));
    let flow = flow.then(|| Rect::from_min_max(pos2(area.left(), area.bottom() - flow_row::HEIGHT), area.max));
    let height = flow.map_or(area.height(), |flow| flow.top() - flow_row::GAP - area.top());
    let side = follow::side(vec2(area.width() - GAP - hero_width, height - follow::note_height(state)), screen);
    let spare = (area.width() - hero_width - GAP - follow::width(side)).max(0.0);
    // What is left over goes to both sides and, less, between the two.
    let (left_edge, gap) = (area.left() + (spare * 0.35).min(120.0), GAP + (spare * 0.2).min(40.0));
    let left = Rect::from_min_size(pos2(left_edge, area.top()), vec2(hero_width, height));
    let right = Rect::from_min_size(pos2(left.right() + gap, area.top()), vec2(follow::width(side), height));
    ui.scope_builder(UiBuilder::new().max_rect(left), |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        hero(ui, state, textures, actions);
    });
    ui.scope_builder(UiBuilder::new().max_rect(right), |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        // The whole section, its title with a button, or nothing of it is seen below the digits: no sliver.
        ui.spacing_mut().scroll.fade.strength = 0.0;
        scroll::column(ui, "follow", margin.x - 4.0, |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            let top = ui.cursor().top();
            follow::show(ui, state, textures, side, actions);
            ui.add_space(4.0);
            let left_over = height - (ui.cursor().top() - top);
            if left_over < copies_section::TITLE {
                ui.add_space(left_over.max(0.0));
            }
            copies_section::show(ui, state, textures, left_over, actions);
        });
    });
    if let Some(flow) = flow {
        // Below what it stands under, as far as that is wide enough.
        let ends = (left.left(), right.right().min(area.right()));
        let wide = flow_row::fits(vec2(ends.1 - ends.0, left_over));
        let flow = if wide { flow.with_min_x(ends.0).with_max_x(ends.1) } else { flow };
        ui.scope_builder(UiBuilder::new().max_rect(flow), |ui| flow_row::show(ui, state, textures));
    }
}

/// What a model that was opened has drawn, as long as nothing is being trained.
fn opened(state: &AppState) -> Option<(&Recording, &Arc<Pictures>)> {
    let recording = state.recording.as_ref().filter(|_| state.run.is_none() && state.model.is_some())?;
    Some((recording, &recording.shown()?.x_t))
}

fn hero(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    if let (None, Some((recording, drawn))) = (&state.preview, opened(state)) {
        title(ui, "Drawn by a trained model", |_| ());
        let pressed = grid(ui, textures, "preview", drawn, &recording.classes, (Some(state.followed), None));
        actions.extend(pressed.map(Action::Follow));
        ui.add_space(8.0);
        if state.model.as_ref().is_some_and(|model| model.ships) {
            let p = Palette::of(ui);
            ui.label(RichText::new(SHIPPED).color(p.text));
        }
        return;
    }
    if state.looks_back() {
        film_hero::show(ui, state, textures, actions);
        return;
    }
    let words = if ui.available_width() < 290.0 { "Drawn as it learns" } else { "Same noise, drawn as it learns" };
    title(ui, words, |ui| {
        let p = Palette::of(ui);
        if let Some(preview) = state.preview.as_ref().filter(|_| ui.available_width() >= 72.0) {
            let step = format!("step {}", numbers::whole(preview.step as f64));
            let usual = (preview.weights, state.grid_weights()) == (WeightsKind::Ema, WeightsKind::Ema);
            let roomy = ui.available_width() >= 110.0;
            let text =
                if usual || !roomy { step } else { format!("{} · {step}", grid_weights::word(preview.weights)) };
            ui.label(RichText::new(text).size(11.5).color(p.muted));
        }
    });
    if let Some(preview) = &state.preview {
        let followed = (Some(state.followed), state.stands_in());
        let pressed = grid(ui, textures, "preview", &preview.pictures, &preview.classes, followed);
        actions.extend(pressed.map(Action::Follow));
        return;
    }
    let empty = match state.activity {
        Activity::Idle if state.attached().is_some() => {
            Empty { headline: "Another program trains it", sentence: "Its first grid appears here once it is drawn." }
        }
        Activity::Idle => Empty {
            headline: "Nothing drawn yet",
            sentence: "Press Train: the first digits appear here after a few seconds, and get clearer as the network learns.",
        },
        Activity::Preparing => {
            Empty { headline: "Preparing", sentence: "Reading the images and building the network." }
        }
        _ => Empty { headline: "Training", sentence: "The first drawing of the grid comes in a moment." },
    };
    let ready = state.activity == Activity::Idle && state.attached().is_none() && state.problems.is_empty();
    empty.show(ui, |ui| {
        if ready && Button::text("Train now").with_icon(icons::PLAY).main(true).width(124.0).show(ui).clicked() {
            actions.push(Action::Train);
        }
    });
}
