//! Over the grid of a run: with which weights it is drawn.

use egui::Ui;

use super::segmented::segmented;
use super::setting_row::with_reset;
use crate::app::{Action, AppState};
use crate::config::WeightsKind;

/// About what it takes in a row.
pub const WIDTH: f32 = 116.0;

/// The other kind of weights.
pub fn other(weights: WeightsKind) -> WeightsKind {
    match weights {
        WeightsKind::Ema => WeightsKind::Raw,
        WeightsKind::Raw => WeightsKind::Ema,
    }
}

/// How the weights are called where there is little room.
pub fn word(weights: WeightsKind) -> &'static str {
    match weights {
        WeightsKind::Ema => "EMA",
        WeightsKind::Raw => "Raw",
    }
}

/// Draws the choice.
pub fn show(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let tips = [
        "The grid is drawn with the moving average of the weights: steadier, and behind at first. Key: Ctrl+Shift+W",
        "The grid is drawn with the weights as the last step left them. Key: Ctrl+Shift+W",
    ];
    let kinds = [WeightsKind::Ema, WeightsKind::Raw];
    let options: [_; 2] = std::array::from_fn(|i| (kinds[i], word(kinds[i]), tips[i]));
    let refusal = state.grid_refusal();
    let (choice, back) = with_reset(ui, |ui| {
        ui.add_enabled_ui(refusal.is_none(), |ui| segmented(ui, "Grid weights", state.grid_weights(), &options, None))
    });
    let usual = (back && refusal.is_none()).then(WeightsKind::default);
    actions.extend(usual.or(choice.inner).map(Action::GridWeights));
    if let Some(refusal) = refusal {
        choice.response.on_disabled_hover_text(refusal);
    }
}
