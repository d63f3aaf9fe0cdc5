//! The Train tab while the training is looked back on: what the model of then made of the same noise.

use egui::{RichText, Ui, Vec2, vec2};

use super::button::Button;
use super::grid_weights::word;
use super::numbers;
use super::palette::Palette;
use super::picture_grid::{GridPlan, planned_grid};
use super::section::title;
use super::symbols::{X_T, X0_HAT, caption};
use super::textures::Textures;
use super::theme::regular;
use crate::app::{Action, AppState};
use crate::config::WeightsKind;
use crate::pictures::Pictures;

const COLUMNS: usize = 5;
/// Height of a caption and the space below it.
const CAPTION: f32 = 26.0;

/// The largest two grids below each other that fit into this room.
fn plan(pictures: &Pictures, room: Vec2, pixels_per_point: f32) -> GridPlan {
    let half = vec2(room.x, room.y / 2.0 - CAPTION);
    GridPlan::in_columns(pictures, COLUMNS, half, pixels_per_point)
}

/// The width of the grids in a room of this size.
pub fn width(state: &AppState, room: Vec2, pixels_per_point: f32) -> Option<f32> {
    let moment = state.film()?.shown()?;
    Some(plan(&moment.x_t, room, pixels_per_point).size.x)
}

/// Draws all digits of the film at the playhead: as they are, and as the network guesses they end.
pub fn show(ui: &mut Ui, state: &AppState, textures: &mut Textures, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    let Some((film, step)) = state.film().zip(state.film_step()) else { return };
    let Some(moment) = film.shown() else { return };
    let roomy = ui.available_width() >= 330.0;
    let step = numbers::whole(step as f64);
    let words = if roomy { format!("The model of step {step}") } else { format!("Step {step}") };
    title(ui, &words, |ui| {
        let tip = "Go on to the newest film. Key: Up, again and again";
        if Button::text("To the newest").tip(tip).show(ui).clicked() {
            actions.push(Action::SeekTraining(state.films.len().saturating_sub(1)));
        }
        if roomy {
            let t = format!("t = {}", numbers::whole(moment.t as f64));
            let averaged = state.grid_weights() == WeightsKind::Raw && state.grid_refusal().is_none();
            let text = if averaged { format!("{} · {t}", word(WeightsKind::Ema)) } else { t };
            ui.label(RichText::new(text).size(11.5).color(p.muted));
        }
    });
    let plan = plan(&moment.x_t, ui.available_size(), ui.ctx().pixels_per_point());
    let grids = [
        (("film x_t", "Picture"), &moment.x_t, X_T, "what it sees"),
        (("film x0_hat", "Guess"), &moment.x0_hat, X0_HAT, "its guess of the end"),
    ];
    for (slot, pictures, symbol, words) in grids {
        let followed = (Some(state.followed_in_film()), None);
        let pressed = planned_grid(ui, textures, slot, pictures, &film.classes, followed, plan);
        actions.extend(pressed.map(Action::Follow));
        caption(ui, plan.size.x, symbol, words, &regular(11.5), p.muted);
        ui.add_space(2.0);
    }
}
