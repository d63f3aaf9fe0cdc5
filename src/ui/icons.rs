//! The icons, as characters of the bundled Phosphor fonts (see `assets/fonts/subset.py`).

pub const PLAY: &str = "\u{E3D0}";
pub const PAUSE: &str = "\u{E39E}";
pub const STOP: &str = "\u{E46C}";
pub const SKIP_FORWARD: &str = "\u{E5A6}";
pub const SKIP_BACK: &str = "\u{E5A4}";
pub const MOON: &str = "\u{E330}";
pub const SUN: &str = "\u{E472}";
pub const CARET_LEFT: &str = "\u{E138}";
pub const CARET_RIGHT: &str = "\u{E13A}";
pub const CARET_DOWN: &str = "\u{E136}";
pub const DOWNLOAD: &str = "\u{E20C}";
pub const CLOSE: &str = "\u{E4F6}";
pub const WARNING: &str = "\u{E4E0}";
pub const CHECK: &str = "\u{E184}";
pub const INFO: &str = "\u{E2CE}";
pub const DICE: &str = "\u{E1EE}";
pub const SIDEBAR: &str = "\u{EC24}";
