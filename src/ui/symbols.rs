//! The paper's symbols. egui does not shape combining marks, so a hat is drawn over its letter here.

use egui::text::{LayoutJob, TextFormat};
use egui::{Align2, Color32, FontId, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

/// A symbol with its words, such as `x̂₀ · its guess`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol {
    /// The letter, which may get a hat.
    letter: &'static str,
    hat: bool,
    /// What follows the letter below the line.
    below: &'static str,
    /// How a screen reader should say it.
    spoken: &'static str,
}

/// x_t, the image at timestep t.
pub const X_T: Symbol = Symbol { letter: "x", hat: false, below: "t", spoken: "x t" };
/// ε̂, the noise that the network finds.
pub const EPS_HAT: Symbol = Symbol { letter: "ε", hat: true, below: "", spoken: "epsilon hat" };
/// x̂₀, the finished image that the network guesses.
pub const X0_HAT: Symbol = Symbol { letter: "x", hat: true, below: "0", spoken: "x hat zero" };
/// x₀, the finished image.
pub const X_0: Symbol = Symbol { letter: "x", hat: false, below: "0", spoken: "x zero" };

/// Draws `symbol · words`, centred in `width`.
pub fn caption(ui: &mut Ui, width: f32, symbol: Symbol, words: &str, font: &FontId, color: Color32) -> Response {
    let mut job = LayoutJob::default();
    let format = TextFormat { font_id: font.clone(), color, ..TextFormat::default() };
    let below = TextFormat {
        font_id: FontId::new(font.size * 0.75, font.family.clone()),
        valign: egui::Align::BOTTOM,
        ..format.clone()
    };
    job.append(symbol.letter, 0.0, format.clone());
    job.append(symbol.below, 0.0, below);
    job.append(&format!(" · {words}"), 0.0, format);
    let galley = ui.painter().layout_job(job);
    let letter = ui.painter().layout_no_wrap(symbol.letter.into(), font.clone(), color);
    let (rect, response) = ui.allocate_exact_size(vec2(width, galley.size().y), Sense::hover());
    let at = pos2(rect.center().x - galley.size().x / 2.0, rect.top());
    ui.painter().galley(at, galley, color);
    if symbol.hat {
        // The circumflex sits at cap height; small letters are lower, so it comes down a little.
        let over = pos2(at.x + letter.size().x / 2.0, at.y + letter.size().y / 2.0 + font.size * 0.02);
        ui.painter().text(over, Align2::CENTER_CENTER, "ˆ", font.clone(), color);
    }
    let name = format!("{}: {words}", symbol.spoken);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
    response
}
