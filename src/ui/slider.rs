//! A slider: a thin rail, the part up to the value in the accent colour, a ring as its handle.

use std::ops::RangeInclusive;

use egui::{Key, Rect, Response, Sense, Stroke, Ui, WidgetInfo, pos2};

use super::palette::Palette;

/// How positions on the rail become values.
#[derive(Debug, Clone)]
pub struct Scale {
    pub range: RangeInclusive<f64>,
    pub logarithmic: bool,
    pub whole: bool,
}

impl Scale {
    /// The value at a share of the rail, 0 to 1.
    pub fn value(&self, share: f64) -> f64 {
        let (low, high) = (*self.range.start(), *self.range.end());
        let share = share.clamp(0.0, 1.0);
        let value = if self.logarithmic { low * (high / low).powf(share) } else { low + (high - low) * share };
        if self.whole {
            return value.round();
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
        let nudge = ui.input(|input| {
            f64::from(input.num_presses(Key::ArrowRight) as u32) - f64::from(input.num_presses(Key::ArrowLeft) as u32)
        });
        if nudge != 0.0 {
            moved = Some(scale.value(scale.share(value) + nudge * 0.02));
        }
    }
    let shown = moved.unwrap_or(value);
    let x = egui::lerp(rail.left()..=rail.right(), scale.share(shown) as f32);
    let lively = if enabled { p.accent } else { p.faint };
    let painter = ui.painter();
    painter.rect_filled(rail, 2.0, p.hover);
    painter.rect_filled(Rect::from_min_max(rail.min, pos2(x, rail.max.y)), 2.0, lively);
    let center = pos2(x, rail.center().y);
    let radius = if response.hovered() || response.has_focus() || response.dragged() { 7.5 } else { 7.0 };
    painter.circle(center, radius, p.panel, Stroke::new(1.5, lively));
    painter.circle_filled(center, 3.5, if enabled { p.text } else { p.faint });
    (response, moved.filter(|moved| *moved != value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_shares_are_inverse() {
        let beta = Scale { range: 1e-5..=0.5, logarithmic: true, whole: false };
        for value in [1e-5, 1e-4, 0.02, 0.5] {
            assert!((beta.value(beta.share(value)) / value - 1.0).abs() < 1e-9);
        }
        let timesteps = Scale { range: 2.0..=4000.0, logarithmic: true, whole: true };
        assert_eq!(timesteps.value(timesteps.share(1000.0)), 1000.0);
        assert_eq!(timesteps.share(f64::NAN), 0.0);
    }
}
