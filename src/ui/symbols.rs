//! The paper's symbols. egui does not shape combining marks, so a hat is drawn over its letter here.

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat};
use egui::{Align2, Color32, FontId, Galley, Pos2, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

/// A symbol with its words, such as `x̂₀ · its guess`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol {
    before: &'static str,
    /// The letter, which may get a hat.
    letter: &'static str,
    hat: bool,
    /// What follows the letter below the line.
    below: &'static str,
    after: &'static str,
    /// How a screen reader should say it.
    spoken: &'static str,
}

/// x_t, the image at timestep t.
pub const X_T: Symbol = letter("x", false, "t", "x t");
/// ε̂, the noise that the network finds.
pub const EPS_HAT: Symbol = letter("ε", true, "", "epsilon hat");
/// x̂₀, the finished image that the network guesses.
pub const X0_HAT: Symbol = letter("x", true, "0", "x hat zero");
/// x₀, the finished image.
pub const X_0: Symbol = letter("x", false, "0", "x zero");
/// v̂, the network's answer where it predicts v.
pub const V_HAT: Symbol = letter("v", true, "", "v hat");
/// The square of the distance between ε and ε̂.
pub const EPS_ERROR: Symbol = Symbol { before: "‖ε − ", after: "‖²", ..EPS_HAT };
/// The square of the distance between v and v̂.
pub const V_ERROR: Symbol = Symbol { before: "‖v − ", after: "‖²", ..V_HAT };

const fn letter(letter: &'static str, hat: bool, below: &'static str, spoken: &'static str) -> Symbol {
    Symbol { before: "", letter, hat, below, after: "", spoken }
}

/// Draws a symbol, and words right after it, around a point.
pub fn symbol(ui: &Ui, center: Pos2, symbol: Symbol, words: &str, font: &FontId, color: Color32) {
    let galley = galley(ui, symbol, words, font, color);
    paint(ui, center - galley.size() / 2.0, galley, symbol, font, color);
}

/// Draws `symbol · words`, centred in `width`.
pub fn caption(ui: &mut Ui, width: f32, symbol: Symbol, words: &str, font: &FontId, color: Color32) -> Response {
    let galley = galley(ui, symbol, &format!(" · {words}"), font, color);
    let (rect, response) = ui.allocate_exact_size(vec2(width, galley.size().y), Sense::hover());
    let at = pos2(rect.center().x - galley.size().x / 2.0, rect.top());
    paint(ui, at, galley, symbol, font, color);
    let name = format!("{}: {words}", symbol.spoken);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
    response
}

/// The symbol, without its hat, and what follows it.
fn galley(ui: &Ui, symbol: Symbol, words: &str, font: &FontId, color: Color32) -> Arc<Galley> {
    let mut job = LayoutJob::default();
    let format = TextFormat { font_id: font.clone(), color, ..TextFormat::default() };
    let below = TextFormat {
        font_id: FontId::new(font.size * 0.75, font.family.clone()),
        valign: egui::Align::BOTTOM,
        ..format.clone()
    };
    job.append(symbol.before, 0.0, format.clone());
    job.append(symbol.letter, 0.0, format.clone());
    job.append(symbol.below, 0.0, below);
    job.append(symbol.after, 0.0, format.clone());
    job.append(words, 0.0, format);
    ui.painter().layout_job(job)
}

fn paint(ui: &Ui, at: Pos2, galley: Arc<Galley>, symbol: Symbol, font: &FontId, color: Color32) {
    ui.painter().galley(at, galley, color);
    if symbol.hat {
        // The circumflex sits at cap height; small letters are lower, so it comes down a little.
        let size = |text: &str| ui.painter().layout_no_wrap(text.into(), font.clone(), color).size();
        let (before, letter) = (size(symbol.before), size(symbol.letter));
        let over = pos2(at.x + before.x + letter.x / 2.0, at.y + letter.y / 2.0 + font.size * 0.02);
        ui.painter().text(over, Align2::CENTER_CENTER, "ˆ", font.clone(), color);
    }
}
