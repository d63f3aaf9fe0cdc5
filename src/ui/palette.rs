//! The colours of the window, one set a theme. No other file names a colour.

use egui::{Color32, Theme, Ui};

use crate::app::HeatColors;

/// Colours by what they are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// The window, panels on it, controls on them, and what is hovered or chosen.
    pub bg: Color32,
    pub panel: Color32,
    pub raised: Color32,
    pub hover: Color32,
    /// Separations, 1 px.
    pub line: Color32,
    /// Values.
    pub text: Color32,
    /// Labels.
    pub muted: Color32,
    /// What cannot be pressed now, and lines that are not text; never the only carrier of a meaning.
    pub faint: Color32,
    /// The one main action, the train curve, what is selected, and the text on it.
    pub accent: Color32,
    pub on_accent: Color32,
    /// The held-out curve.
    pub second: Color32,
    /// Runs beside the one that is shown; their names stand in the same colour.
    pub runs: [Color32; 4],
    /// Always with a word beside the colour.
    pub good: Color32,
    pub warn: Color32,
    pub bad: Color32,
}

/// Under a menu that lies over the panels, and over what lies behind the list of all actions.
pub const SHADOW: Color32 = Color32::from_black_alpha(60);

const DARK: Palette = Palette {
    bg: Color32::from_rgb(0x12, 0x14, 0x17),
    panel: Color32::from_rgb(0x18, 0x1B, 0x20),
    raised: Color32::from_rgb(0x20, 0x24, 0x2B),
    hover: Color32::from_rgb(0x28, 0x2D, 0x36),
    line: Color32::from_rgb(0x2B, 0x30, 0x38),
    text: Color32::from_rgb(0xE7, 0xEA, 0xEE),
    muted: Color32::from_rgb(0x97, 0xA0, 0xAC),
    faint: Color32::from_rgb(0x5E, 0x67, 0x73),
    accent: Color32::from_rgb(0x7C, 0x9B, 0xFF),
    on_accent: Color32::from_rgb(0x0E, 0x11, 0x16),
    second: Color32::from_rgb(0xF2, 0xA6, 0x5A),
    runs: [
        Color32::from_rgb(0x4F, 0xC6, 0xE0),
        Color32::from_rgb(0xE5, 0x8F, 0xD8),
        Color32::from_rgb(0xC9, 0xD1, 0x5B),
        Color32::from_rgb(0xF0, 0x8A, 0x7A),
    ],
    good: Color32::from_rgb(0x4C, 0xC3, 0x8A),
    warn: Color32::from_rgb(0xF5, 0xB8, 0x4B),
    bad: Color32::from_rgb(0xF0, 0x73, 0x6A),
};

const LIGHT: Palette = Palette {
    bg: Color32::from_rgb(0xF3, 0xF4, 0xF6),
    panel: Color32::from_rgb(0xFF, 0xFF, 0xFF),
    raised: Color32::from_rgb(0xF3, 0xF5, 0xF8),
    hover: Color32::from_rgb(0xE9, 0xEC, 0xF1),
    line: Color32::from_rgb(0xDD, 0xE1, 0xE7),
    text: Color32::from_rgb(0x17, 0x1A, 0x1F),
    muted: Color32::from_rgb(0x5B, 0x64, 0x70),
    faint: Color32::from_rgb(0x9A, 0xA2, 0xAE),
    accent: Color32::from_rgb(0x35, 0x58, 0xD6),
    on_accent: Color32::from_rgb(0xFF, 0xFF, 0xFF),
    second: Color32::from_rgb(0xB0, 0x4D, 0x00),
    runs: [
        Color32::from_rgb(0x0A, 0x6F, 0x88),
        Color32::from_rgb(0xA0, 0x3A, 0x93),
        Color32::from_rgb(0x66, 0x6E, 0x00),
        Color32::from_rgb(0xB8, 0x3E, 0x2C),
    ],
    good: Color32::from_rgb(0x15, 0x76, 0x48),
    warn: Color32::from_rgb(0x8F, 0x62, 0x00),
    bad: Color32::from_rgb(0xBE, 0x37, 0x30),
};

/// Ends of the scale for signed noise; zero is the panel of the dark theme, in both themes.
const NEGATIVE: Color32 = Color32::from_rgb(0x3B, 0x6F, 0xE8);
const POSITIVE: Color32 = Color32::from_rgb(0xF5, 0x96, 0x3C);

/// Viridis (Smith & van der Walt 2015) at equal distances, dark to bright: even steps of lightness, also for eyes that
/// do not tell red from green.
const VIRIDIS: [Color32; 17] = [
    Color32::from_rgb(0x44, 0x01, 0x54),
    Color32::from_rgb(0x48, 0x18, 0x6A),
    Color32::from_rgb(0x47, 0x2D, 0x7B),
    Color32::from_rgb(0x42, 0x40, 0x86),
    Color32::from_rgb(0x3B, 0x52, 0x8B),
    Color32::from_rgb(0x33, 0x63, 0x8D),
    Color32::from_rgb(0x2C, 0x72, 0x8E),
    Color32::from_rgb(0x26, 0x82, 0x8E),
    Color32::from_rgb(0x21, 0x91, 0x8C),
    Color32::from_rgb(0x1F, 0xA0, 0x88),
    Color32::from_rgb(0x28, 0xAE, 0x80),
    Color32::from_rgb(0x3F, 0xBC, 0x73),
    Color32::from_rgb(0x5E, 0xC9, 0x62),
    Color32::from_rgb(0x84, 0xD4, 0x4B),
    Color32::from_rgb(0xAD, 0xDC, 0x30),
    Color32::from_rgb(0xD8, 0xE2, 0x19),
    Color32::from_rgb(0xFD, 0xE7, 0x25),
];

/// Magma, of the same authors, at the same distances: from black over violet and orange to a pale yellow.
const MAGMA: [Color32; 17] = [
    Color32::from_rgb(0x00, 0x00, 0x04),
    Color32::from_rgb(0x0A, 0x08, 0x22),
    Color32::from_rgb(0x1D, 0x11, 0x47),
    Color32::from_rgb(0x36, 0x10, 0x6A),
    Color32::from_rgb(0x51, 0x12, 0x7C),
    Color32::from_rgb(0x69, 0x1C, 0x81),
    Color32::from_rgb(0x82, 0x26, 0x81),
    Color32::from_rgb(0x9C, 0x2E, 0x7F),
    Color32::from_rgb(0xB6, 0x36, 0x79),
    Color32::from_rgb(0xCF, 0x41, 0x70),
    Color32::from_rgb(0xE6, 0x51, 0x64),
    Color32::from_rgb(0xF5, 0x69, 0x5C),
    Color32::from_rgb(0xFB, 0x88, 0x61),
    Color32::from_rgb(0xFE, 0xA5, 0x71),
    Color32::from_rgb(0xFE, 0xC2, 0x87),
    Color32::from_rgb(0xFD, 0xE0, 0xA2),
    Color32::from_rgb(0xFC, 0xFD, 0xBF),
];

impl Palette {
    /// The colours of a theme.
    pub const fn of_theme(theme: Theme) -> Self {
        match theme {
            Theme::Dark => DARK,
            Theme::Light => LIGHT,
        }
    }

    /// The ground of the main action while it is pointed at or has the keys.
    pub fn main_lit(&self) -> Color32 {
        self.accent.lerp_to_gamma(self.text, 0.15)
    }

    /// Laid over the ground of marked text and of what is chosen in a menu.
    pub fn selected(&self) -> Color32 {
        self.accent.gamma_multiply(0.16)
    }

    /// The colours of the theme that is shown.
    pub fn of(ui: &Ui) -> Self {
        Self::of_theme(if ui.visuals().dark_mode { Theme::Dark } else { Theme::Light })
    }
}

/// The colour of signed noise: 0 is the most negative (blue), 128 none, 255 the most positive (orange).
/// Half of the scale is one and a half standard deviations, so full colours show where the noise is strong.
pub fn signed(value: u8) -> Color32 {
    let strength = (f32::from(value) - 128.0) / 64.0;
    let end = if strength < 0.0 { NEGATIVE } else { POSITIVE };
    DARK.panel.lerp_to_gamma(end, strength.abs().min(1.0))
}

/// The colour of a value of a heat map, 1 (dark) to 255 (bright); 0 is none.
pub fn heat(colors: HeatColors, value: u8) -> Color32 {
    if value == 0 { Color32::TRANSPARENT } else { along(colors, value) }
}

/// The colour at a place of a map, 0 (dark) to 255 (bright).
pub fn along(colors: HeatColors, value: u8) -> Color32 {
    let map = match colors {
        HeatColors::Viridis => &VIRIDIS,
        HeatColors::Magma => &MAGMA,
    };
    let place = f32::from(value) / 255.0 * (map.len() - 1) as f32;
    let below = (place as usize).min(map.len() - 2);
    map[below].lerp_to_gamma(map[below + 1], place - below as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast ratio of WCAG 2.2.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let luminance = |c: Color32| {
            let c = egui::Rgba::from(c);
            0.2126 * c.r() + 0.7152 * c.g() + 0.0722 * c.b() + 0.05
        };
        let (a, b) = (luminance(a), luminance(b));
        a.max(b) / a.min(b)
    }

    #[test]
    fn what_is_read_stands_out() {
        for p in [DARK, LIGHT] {
            // Every ink on every ground, used or not, so that a place may choose any of them. `faint` is left out: it is the
            // ink of what cannot be pressed, which WCAG 2.2 exempts (1.4.3), and of lines; `line` is none.
            let inks = [p.text, p.muted, p.accent, p.second, p.good, p.warn, p.bad].into_iter().chain(p.runs);
            for ink in inks {
                for ground in [p.bg, p.panel, p.raised, p.hover] {
                    assert!(contrast(ink, ground) >= 4.5, "{ink:?} on {ground:?}: {}", contrast(ink, ground));
                }
            }
            for ground in [p.accent, p.main_lit()] {
                assert!(contrast(p.on_accent, ground) >= 4.5, "on {ground:?}: {}", contrast(p.on_accent, ground));
            }
            let selected = p.panel.blend(p.selected());
            assert!(contrast(p.accent, selected) >= 4.5, "chosen in a menu: {}", contrast(p.accent, selected));
            assert!(contrast(p.text, selected) >= 4.5, "marked text: {}", contrast(p.text, selected));
            // What is no text but is looked at: 3 to 1 (1.4.11).
            for ground in [p.panel, p.raised] {
                assert!(contrast(p.accent, ground) >= 3.0 && contrast(p.second, ground) >= 3.0);
            }
        }
    }

    #[test]
    fn heat_grows_brighter_in_even_steps() {
        for (colors, map) in [(HeatColors::Viridis, VIRIDIS), (HeatColors::Magma, MAGMA)] {
            assert_eq!((along(colors, 0), along(colors, 255)), (map[0], map[16]));
            let luminance = |value: u8| {
                let c = egui::Rgba::from(along(colors, value));
                0.2126 * c.r() + 0.7152 * c.g() + 0.0722 * c.b()
            };
            // L* of CIELAB, 0 to 100: as bright as it looks.
            let lightness = |value: u8| match luminance(value) {
                y if y > 0.008_856 => 116.0 * y.cbrt() - 16.0,
                y => 903.3 * y,
            };
            assert!((0..255).all(|value| luminance(value) <= luminance(value + 1) + 1e-3), "{colors:?}");
            assert!(luminance(255) > 15.0 * luminance(0), "{colors:?}");
            let even = (lightness(255) - lightness(0)) / 15.0;
            for step in 0..15u8 {
                let rise = lightness(17 * (step + 1)) - lightness(17 * step);
                assert!((0.5 * even..1.5 * even).contains(&rise), "{colors:?}, step {step}: {rise}, even {even}");
            }
        }
    }

    #[test]
    fn noise_is_coloured_by_its_sign() {
        assert_eq!(signed(128), DARK.panel);
        assert_eq!((signed(0), signed(255)), (NEGATIVE, POSITIVE));
    }
}
