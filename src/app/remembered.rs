//! What the window keeps from one start to the next.

use serde::{Deserialize, Serialize};

use super::heat_map::HeatColors;
use super::returning::LookedAt;
use super::schedule_view::ScheduleCurve;
use super::smoothing::Smoothing;
use super::state::{AppState, Look, LossAxis};
use super::zoom::Zoom;
use crate::config::{DataSource, Preset, Settings, WeightsKind};

/// Raised when the fields below change their meaning.
const VERSION: u32 = 1;

/// The remembered part of the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    version: u32,
    settings: Settings,
    look: Look,
    #[serde(default)]
    zoom: Zoom,
    linear_loss: bool,
    #[serde(default)]
    loss_axis: LossAxis,
    #[serde(default)]
    loss_smoothing: Smoothing,
    #[serde(default)]
    heat_colors: HeatColors,
    #[serde(default)]
    redraw_on_change: bool,
    #[serde(default)]
    grid_weights: WeightsKind,
    #[serde(default)]
    schedule_curve: ScheduleCurve,
    #[serde(default)]
    schedule_at: Option<f64>,
    left_open: bool,
    right_open: bool,
    #[serde(default)]
    looked_at: LookedAt,
}

impl Remembered {
    /// What is worth keeping of a state.
    pub fn of(state: &AppState) -> Self {
        let mut settings = state.settings.clone();
        if matches!(&settings.data.source, DataSource::Path(path) if path.to_str().is_none()) {
            // JSON has no such names: all else is kept.
            settings.data.source = DataSource::Mnist;
        }
        Self {
            version: VERSION,
            settings,
            look: state.look,
            zoom: state.zoom,
            linear_loss: state.loss.linear,
            loss_axis: state.loss.axis,
            loss_smoothing: state.loss.smoothing,
            heat_colors: state.heat_colors,
            redraw_on_change: state.live.on,
            grid_weights: state.grid.weights,
            schedule_curve: state.schedule_look.curve,
            schedule_at: Some(state.schedule_look.chosen),
            left_open: state.left_open,
            right_open: state.right_open,
            looked_at: LookedAt::of(state),
        }
    }

    /// The state to begin with. Text of another version, or that cannot be read, means the defaults.
    pub fn restore(text: Option<&str>) -> AppState {
        let kept: Option<Self> = text.and_then(|text| serde_json::from_str(text).ok());
        let Some(kept) = kept.filter(|kept| kept.version == VERSION) else {
            return AppState::new(Preset::Small.settings());
        };
        let mut state = AppState::new(kept.settings);
        state.look = kept.look;
        state.zoom = kept.zoom;
        state.loss.linear = kept.linear_loss;
        state.loss.axis = kept.loss_axis;
        state.loss.smoothing = kept.loss_smoothing;
        state.heat_colors = kept.heat_colors;
        state.live.on = kept.redraw_on_change;
        state.grid.weights = kept.grid_weights;
        state.look_at_schedule(kept.schedule_curve, kept.schedule_at);
        state.left_open = kept.left_open;
        state.right_open = kept.right_open;
        kept.looked_at.restore(&mut state);
        state
    }

    /// As text for the window's storage.
    pub fn to_text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::schedule_view::ScheduleAction;
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let mut state = AppState::new(Preset::Nano.settings());
        state.settings.training.batch_size = 17;
        state.look = Look::Light;
        state.zoom = state.zoom.larger().unwrap();
        state.left_open = false;
        state.live.on = true;
        state.heat_colors = HeatColors::Magma;
        state.grid.weights = WeightsKind::Raw;
        state.loss.smoothing = Smoothing::over(7.0);
        state.do_with_schedule(ScheduleAction::Curve(ScheduleCurve::Snr));
        state.do_with_schedule(ScheduleAction::Choose(50));
        let text = Remembered::of(&state).to_text().unwrap();
        let again = Remembered::restore(Some(&text));
        assert_eq!(again.heat_colors, HeatColors::Magma);
        assert!(again.live.on && !again.left_open && again.grid.weights == WeightsKind::Raw);
        assert_eq!(again.schedule_look.digit().map(|(t, _)| t), Some(50));
        assert_eq!(Remembered::of(&again), Remembered::of(&state));
    }

    #[cfg(unix)]
    #[test]
    fn beside_a_path_that_is_no_text_all_else_is_kept() {
        use std::os::unix::ffi::OsStrExt;
        let mut state = AppState::new(Preset::Nano.settings());
        state.settings.data.source = DataSource::Path(std::ffi::OsStr::from_bytes(b"/data/M\xfcller").into());
        state.settings.training.batch_size = 17;
        let again = Remembered::restore(Remembered::of(&state).to_text().as_deref());
        assert_eq!((again.settings.training.batch_size, again.settings.data.source), (17, DataSource::Mnist));
    }

    #[test]
    fn unknown_text_means_the_defaults() {
        for text in [None, Some("{"), Some("{\"version\":0}")] {
            assert_eq!(Remembered::restore(text).settings, Preset::Small.settings());
        }
        let whole = Remembered::of(&AppState::new(Preset::Nano.settings())).to_text().unwrap();
        for end in 0..whole.len() {
            assert_eq!(Remembered::restore(Some(&whole[..end])).settings, Preset::Small.settings(), "torn at {end}");
        }
    }
}
