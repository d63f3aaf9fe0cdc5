//! The fonts that are compiled in: see `assets/fonts/README.md`.

/// Inter, regular: the text of the window and of figures.
pub const TEXT: &[u8] = include_bytes!("../assets/fonts/Inter-Regular-subset.otf");
/// Inter, semi-bold.
pub const STRONG: &[u8] = include_bytes!("../assets/fonts/Inter-SemiBold-subset.otf");
/// Phosphor icons, filled.
pub const ICONS_FILLED: &[u8] = include_bytes!("../assets/fonts/Phosphor-Fill-subset.ttf");
/// Phosphor icons, drawn with lines.
pub const ICONS: &[u8] = include_bytes!("../assets/fonts/Phosphor-Bold-subset.ttf");
