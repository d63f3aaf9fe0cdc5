//! Buttons: an icon, a word, or both, of one height; the main action in the accent colour.

use egui::{Align2, Color32, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::palette::Palette;
use super::theme::{RADIUS, ROW, regular, semibold};
use super::tip;

/// A button that is about to be drawn.
#[must_use = "it is drawn by `show`"]
pub struct Button<'a> {
    name: &'a str,
    icon: Option<&'a str>,
    text: Option<&'a str>,
    main: bool,
    quiet: bool,
    enabled: bool,
    width: Option<f32>,
    tip: &'a str,
}

impl<'a> Button<'a> {
    /// A button with a word on it, which is also its accessible name.
    pub fn text(text: &'a str) -> Self {
        Self {
            name: text,
            icon: None,
            text: Some(text),
            main: false,
            quiet: false,
            enabled: true,
            width: None,
            tip: "",
        }
    }

    /// A square button with an icon and an accessible name, which is also its tooltip.
    pub fn icon(icon: &'a str, name: &'a str) -> Self {
        Self {
            name,
            icon: Some(icon),
            text: None,
            main: false,
            quiet: false,
            enabled: true,
            width: Some(ROW),
            tip: name,
        }
    }

    /// Another accessible name than the word: one that tells it from its like.
    pub fn named(self, name: &'a str) -> Self {
        Self { name, ..self }
    }

    /// Puts an icon before the word.
    pub fn with_icon(self, icon: &'a str) -> Self {
        Self { icon: Some(icon), ..self }
    }

    /// Draws it in the accent colour, if `main`.
    pub fn main(self, main: bool) -> Self {
        Self { main, ..self }
    }

    /// Draws it without ground and line until it is hovered.
    pub fn quiet(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// Lets it be pressed only if `enabled`.
    pub fn enabled(self, enabled: bool) -> Self {
        Self { enabled, ..self }
    }

    /// A fixed width, so that nothing moves when the word changes.
    pub fn width(self, width: f32) -> Self {
        Self { width: Some(width), ..self }
    }

    /// What hovering says.
    pub fn tip(self, tip: &'a str) -> Self {
        Self { tip, ..self }
    }

    /// How wide it is where no width is set.
    pub fn natural_width(&self, ui: &Ui) -> f32 {
        let font = if self.main { semibold(13.0) } else { regular(13.0) };
        let word = |text: &str| ui.painter().layout_no_wrap(text.into(), font, Color32::PLACEHOLDER).size().x;
        let icon = if self.icon.is_some() { 16.0 } else { 0.0 };
        let gap = if self.icon.is_some() && self.text.is_some() { 7.0 } else { 0.0 };
        icon + gap + self.text.map_or(0.0, word) + 24.0
    }

    /// Draws the button.
    pub fn show(self, ui: &mut Ui) -> Response {
        let p = Palette::of(ui);
        let font = if self.main { semibold(13.0) } else { regular(13.0) };
        let galley = self.text.map(|text| ui.painter().layout_no_wrap(text.into(), font, Color32::PLACEHOLDER));
        let icon_width = if self.icon.is_some() { 16.0 } else { 0.0 };
        let gap = if self.icon.is_some() && self.text.is_some() { 7.0 } else { 0.0 };
        let content = icon_width + gap + galley.as_ref().map_or(0.0, |galley| galley.size().x);
        let size = vec2(self.width.unwrap_or(content + 24.0), ROW);
        let sense = if self.enabled { Sense::click() } else { Sense::hover() };
        let (rect, mut response) = ui.allocate_exact_size(size, sense);
        let enabled = self.enabled && ui.is_enabled();
        response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, self.name));
        if !self.tip.is_empty() {
            response = tip::say(response, self.tip);
        }
        let lit = enabled && (response.hovered() || response.has_focus());
        let (fill, ink) = match (self.main, lit) {
            (true, false) => (p.accent, p.on_accent),
            (true, true) => (p.main_lit(), p.on_accent),
            (false, false) => (p.raised, if self.quiet { p.muted } else { p.text }),
            (false, true) => (p.hover, p.text),
        };
        let (fill, ink) = match (enabled, self.main) {
            (true, _) => (fill, ink),
            (false, true) => (p.hover, p.muted),
            (false, false) => (p.raised, p.faint),
        };
        let line = if self.main && enabled { Stroke::NONE } else { Stroke::new(1.0, p.line) };
        let painter = ui.painter();
        if lit || !self.quiet {
            painter.rect(rect, RADIUS, fill, line, StrokeKind::Inside);
        }
        let left = rect.center().x - content / 2.0;
        if let Some(icon) = self.icon {
            let center = pos2(left + icon_width / 2.0, rect.center().y);
            painter.text(center, Align2::CENTER_CENTER, icon, regular(15.0), ink);
        }
        if let Some(galley) = galley {
            let at = pos2(left + icon_width + gap, rect.center().y - galley.size().y / 2.0);
            painter.galley_with_override_text_color(at, galley, ink);
        }
        response
    }
}
