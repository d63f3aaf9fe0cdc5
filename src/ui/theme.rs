//! Fonts and egui's style: how every ordinary widget looks.

use std::sync::Arc;

use egui::style::{HandleShape, Selection, WidgetVisuals, Widgets};
use egui::{
    Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow, Stroke, Style,
    TextStyle, Theme, Visuals, vec2,
};

use super::palette::{Palette, SHADOW};
use crate::fonts;

/// Radius of controls.
pub const RADIUS: u8 = 6;
/// Height of controls and of rows.
pub const ROW: f32 = 28.0;

/// Sets fonts and both themes' styles.
pub fn install(ctx: &Context) {
    ctx.set_fonts(definitions());
    for theme in [Theme::Dark, Theme::Light] {
        ctx.set_style_of(theme, style(theme));
    }
}

/// Semi-bold text of a size.
pub fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("semibold".into()))
}

/// Regular text of a size.
pub fn regular(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

fn definitions() -> FontDefinitions {
    let mut definitions = FontDefinitions::empty();
    let files: [(&str, &'static [u8]); 4] = [
        ("inter", fonts::TEXT),
        ("inter semibold", fonts::STRONG),
        ("icons fill", fonts::ICONS_FILLED),
        ("icons bold", fonts::ICONS),
    ];
    for (name, bytes) in files {
        definitions.font_data.insert(name.into(), Arc::new(FontData::from_static(bytes)));
    }
    let chain = |first: &str| vec![first.to_owned(), "icons fill".into(), "icons bold".into()];
    definitions.families.insert(FontFamily::Proportional, chain("inter"));
    definitions.families.insert(FontFamily::Monospace, chain("inter"));
    definitions.families.insert(FontFamily::Name("semibold".into()), chain("inter semibold"));
    definitions
}

fn style(theme: Theme) -> Style {
    let mut style = Style { visuals: visuals(theme), ..Style::default() };
    style.text_styles = [
        (TextStyle::Body, regular(13.0)),
        (TextStyle::Button, regular(13.0)),
        (TextStyle::Monospace, regular(13.0)),
        (TextStyle::Heading, semibold(12.0)),
        (TextStyle::Small, regular(11.0)),
    ]
    .into();
    style.drag_value_text_style = TextStyle::Button;
    style.animation_time = 0.1;
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(8.0, 8.0);
    spacing.button_padding = vec2(10.0, 4.0);
    spacing.interact_size = vec2(40.0, ROW);
    spacing.menu_margin = Margin::same(8);
    spacing.window_margin = Margin::same(16);
    spacing.icon_width = 16.0;
    spacing.icon_spacing = 8.0;
    spacing.tooltip_width = 320.0;
    spacing.combo_width = 40.0;
    spacing.scroll.bar_width = 6.0;
    style
}

fn visuals(theme: Theme) -> Visuals {
    let p = Palette::of_theme(theme);
    let base = match theme {
        Theme::Dark => Visuals::dark(),
        Theme::Light => Visuals::light(),
    };
    Visuals {
        widgets: widgets(&p),
        selection: Selection { bg_fill: p.selected(), stroke: Stroke::new(2.0, p.accent) },
        weak_text_color: Some(p.muted),
        hyperlink_color: p.accent,
        faint_bg_color: p.raised,
        extreme_bg_color: p.raised,
        text_edit_bg_color: Some(p.raised),
        code_bg_color: p.raised,
        warn_fg_color: p.warn,
        error_fg_color: p.bad,
        window_fill: p.panel,
        panel_fill: p.panel,
        window_stroke: Stroke::new(1.0, p.line),
        window_corner_radius: CornerRadius::same(8),
        menu_corner_radius: CornerRadius::same(8),
        window_shadow: Shadow::NONE,
        popup_shadow: Shadow { offset: [0, 4], blur: 16, spread: 0, color: SHADOW },
        handle_shape: HandleShape::Circle,
        ..base
    }
}

fn widgets(p: &Palette) -> Widgets {
    let corner_radius = CornerRadius::same(RADIUS);
    let state = |fill: Color32, line: Color32, ink: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, line),
        corner_radius,
        fg_stroke: Stroke::new(1.0, ink),
        expansion: 0.0,
    };
    Widgets {
        noninteractive: state(p.panel, p.line, p.text),
        inactive: state(p.raised, p.line, p.text),
        hovered: state(p.hover, p.line, p.text),
        active: state(p.hover, p.accent, p.text),
        open: state(p.hover, p.line, p.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_digits_are_of_one_width_in_every_size_that_is_used() {
        let ctx = Context::default();
        install(&ctx);
        // The fonts are there from the first frame on.
        let _ = ctx.run_ui(egui::RawInput::default(), |_| ());
        for size in [10.0, 11.0, 11.5, 12.0, 12.5, 13.0, 14.0, 15.0, 16.0] {
            for font in [regular(size), semibold(size)] {
                let widths = "0123456789".chars().map(|digit| ctx.fonts_mut(|fonts| fonts.glyph_width(&font, digit)));
                let widths: Vec<f32> = widths.collect();
                // The semi-bold 4 is a thousandth of the size narrower: of ten of them no pixel's tenth is seen.
                let alike = widths.iter().all(|width| (width - widths[0]).abs() < 0.002 * size);
                assert!(widths[0] > 0.4 * size && alike, "{font:?}: {widths:?}");
            }
        }
    }
}
