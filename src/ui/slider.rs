//! A slider: a thin rail, the part up to the value in the accent colour, a ring as its handle.

use std::ops::RangeInclusive;

use egui::{Key, Rect, Response, Sense, Stroke, Ui, WidgetInfo, pos2};

use super::focus;
use super::palette::Palette;

/// How positions on the rail become values.
#[derive(Debug, Clone)]
pub struct Scale {
    pub range: RangeInclusive<f64>,
    pub logarithmic: bool,
    /// Values are multiples of this; 0 where they are not.
    pub step: f64,
}

impl Scale {
    /// Equal lengths of the rail are equal differences.
    pub fn linear(range: RangeInclusive<f64>) -> Self {
        Self { range, logarithmic: false, step: 0.0 }
    }

    /// Equal lengths of the rail are equal ratios.
    pub fn logarithmic(range: RangeInclusive<f64>) -> Self {
        Self { range, logarithmic: true, step: 0.0 }
    }

    /// Whole numbers only.
    pub fn whole(self) -> Self {
        self.in_steps(1.0)
    }

    /// Multiples of `step` only.
    pub fn in_steps(self, step: f64) -> Self {
        Self { step, ..self }
    }

    /// The multiple of the step that is nearest.
    pub fn snap(&self, value: f64) -> f64 {
        if self.step > 0.0 { (value / self.step).round() * self.step } else { value }
    }

    /// The value that so many presses of an arrow key lead to: a fiftieth of the rail each, but at least one step.
    pub fn nudged(&self, value: f64, presses: f64) -> f64 {
        let moved = self.value(self.share(value) + presses * 0.02);
        if moved == self.snap(value) && self.step > 0.0 {
            return self.snap(value + presses * self.step).clamp(*self.range.start(), *self.range.end());
        }
        moved
    }

    /// The value at a share of the rail, 0 to 1.
    pub fn value(&self, share: f64) -> f64 {
        let (low, high) = (*self.range.start(), *self.range.end());
        let share = share.clamp(0.0, 1.0);
        let value = if self.logarithmic { low * (high / low).powf(share) } else { low + (high - low) * share };
        if self.step > 0.0 {
            return self.snap(value);
        }
        // Two digits are what a hand can set; more are typed.
        let digit = 10f64.powf(value.abs().max(1e-12).log10().floor() - 1.0);
        ((value / digit).round() * digit).clamp(low, high)
    }

    /// The share of the rail that a value stands at; values off the rail stand at its ends.
    pub fn share(&self, value: f64) -> f64 {
        let (low, high) = (*self.range.start(), *self.range.end());
        let share =
            if self.logarithmic { (value / low).ln() / (high / low).ln() } else { (value - low) / (high - low) };
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// Draws a slider; gives the value that it was moved to, if it was.
pub fn slider(ui: &mut Ui, name: &str, rect: Rect, value: f64, scale: &Scale) -> (Response, Option<f64>) {
    let p = Palette::of(ui);
    let response = ui.interact(rect, ui.scope_id().with(("slider", name)), Sense::click_and_drag());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::slider(enabled, value, name));
    let rail = Rect::from_min_max(
        pos2(rect.left() + 7.0, rect.center().y - 2.0),
        pos2(rect.right() - 7.0, rect.center().y + 2.0),
    );

    let mut moved = None;
    if let Some(pointer) =
        response.interact_pointer_pos().filter(|_| response.is_pointer_button_down_on() || response.clicked())
    {
        moved = Some(scale.value(f64::from((pointer.x - rail.left()) / rail.width())));
    }
    if response.has_focus() {
        keep_arrows(ui, response.id);
        let nudge = ui.input(|input| {
            f64::from(input.num_presses(Key::ArrowRight) as u32) - f64::from(input.num_presses(Key::ArrowLeft) as u32)
        });
        if nudge != 0.0 {
            moved = Some(scale.nudged(value, nudge));
        }
    }
    let shown = moved.unwrap_or(value);
    let x = egui::lerp(rail.left()..=rail.right(), scale.share(shown) as f32);
    let lively = if enabled { p.accent } else { p.faint };
    let painter = ui.painter();
    painter.rect_filled(rail, 2.0, p.hover);
    painter.rect_filled(Rect::from_min_max(rail.min, pos2(x, rail.max.y)), 2.0, lively);
    let center = pos2(x, rail.center().y);
    let radius = if response.hovered() || response.dragged() { 7.5 } else { 7.0 };
    painter.circle(center, radius, p.panel, Stroke::new(1.5, lively));
    painter.circle_filled(center, 3.5, if enabled { p.text } else { p.faint });
    focus::around_handle(ui, &response, center, radius);
    (response, moved.filter(|moved| *moved != value))
}

/// Has a focused widget use the arrow keys to the sides, which else would move the focus away.
pub fn keep_arrows(ui: &Ui, id: egui::Id) {
    let filter = egui::EventFilter { horizontal_arrows: true, ..egui::EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_shares_are_inverse() {
        let beta = Scale::logarithmic(1e-5..=0.5);
        for value in [1e-5, 1e-4, 0.02, 0.5] {
            assert!((beta.value(beta.share(value)) / value - 1.0).abs() < 1e-9);
        }
        let timesteps = Scale::logarithmic(2.0..=4000.0).whole();
        assert_eq!(timesteps.value(timesteps.share(1000.0)), 1000.0);
        assert_eq!(timesteps.share(f64::NAN), 0.0);
    }

    #[test]
    fn channels_move_in_steps_that_work_and_arrow_keys_never_stick() {
        let channels = Scale::linear(16.0..=128.0).in_steps(16.0);
        let values: Vec<f64> = (0..=100).map(|share| channels.value(f64::from(share) / 100.0)).collect();
        assert!(values.iter().all(|value| value % 16.0 == 0.0), "{values:?}");
        assert_eq!((values[0], values[100]), (16.0, 128.0));
        assert_eq!([1.0, -1.0].map(|presses| channels.nudged(32.0, presses)), [48.0, 16.0]);
        assert_eq!(channels.nudged(128.0, 1.0), 128.0);
        let epochs = Scale::logarithmic(1.0..=200.0).whole();
        assert_eq!(epochs.nudged(1.0, 1.0), 2.0);
    }
}
