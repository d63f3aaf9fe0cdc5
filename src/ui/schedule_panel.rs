//! What the schedule does: one of its curves over t, a digit at the chosen t and on its way into noise, and the doctor's
//! words with a button that takes the advice.

use egui::emath::GuiRounding;
use egui::{
    Align2, Color32, Key, Label, Mesh, Pos2, Rect, Response, RichText, Role, Sense, Shape, Stroke, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

use super::button::Button;
use super::focus;
use super::numbers;
use super::palette::Palette;
use super::section::caption;
use super::segmented::segmented;
use super::setting_row::with_reset;
use super::slider::keep_arrows;
use super::textures::{Part, Textures};
use super::theme::regular;
use crate::app::{Action, AppState, ScheduleAction, ScheduleCurve, ScheduleView, Verdict};
use crate::config::DiffusionSettings;

/// Height of the curve with the choice over it, and of the digit with its words.
const HEIGHT: f32 = 82.0;
/// Side of the digit at the chosen timestep: twice its pixels.
const DIGIT: f32 = 56.0;
/// Width of the digit and its words.
const BESIDE: f32 = 68.0;
const GAP: f32 = 8.0;
/// The axis of the SNR in powers of ten: from an image that noise has not touched to pure noise.
const SNR_POWERS: [f64; 2] = [-5.0, 4.0];
const CURVES: [(ScheduleCurve, &str, &str); 3] = [
    (ScheduleCurve::AlphaBar, "ᾱ", "ᾱ: the share of the image's variance that is left at each timestep."),
    (ScheduleCurve::Snr, "SNR", "ᾱ/(1−ᾱ): signal over noise, on a logarithmic axis from 10⁴ to 10⁻⁵; the line is 1."),
    (ScheduleCurve::Beta, "β", "β: the variance of the noise that each timestep adds."),
];

/// Draws curve, digits and the doctor's words; a line in their place where the settings make no schedule. Gives the
/// settings that the doctor advises, if the button was pressed.
pub fn schedule(
    ui: &mut Ui,
    state: &AppState,
    textures: &mut Textures,
    actions: &mut Vec<Action>,
) -> Option<DiffusionSettings> {
    ui.add_space(4.0);
    let Some(view) = &state.schedule else {
        caption(ui, "The schedule is drawn here once T and β, above, can work: what is wrong stands below them.");
        return None;
    };
    let (area, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    let split = area.right() - BESIDE;
    let choice = Rect::from_min_max(area.min, pos2(split - GAP, area.top() + 26.0));
    let mut place = ui.new_child(UiBuilder::new().max_rect(choice));
    let now = state.schedule_look.curve;
    let (chosen, back) = with_reset(&mut place, |ui| segmented(ui, "Curve", now, &CURVES, Some(choice.width())));
    let mut asked = back.then(ScheduleCurve::default).or(chosen).map(ScheduleAction::Curve);
    let plot = Rect::from_min_max(pos2(area.left(), choice.bottom() + 4.0), pos2(split - GAP, area.bottom()));
    asked = curve(ui, plot, state, view).or(asked);
    digit(ui, Rect::from_min_max(pos2(split, area.top()), area.max), state, view, textures);
    ui.add_space(5.0);
    asked = strip(ui, view, textures).or(asked);
    actions.extend(asked.map(Action::Schedule));
    ui.add_space(6.0);
    doctor(ui, view)
}

/// How high a curve stands at t, 0 to 1.
fn height(view: &ScheduleView, curve: ScheduleCurve, t: usize) -> f32 {
    let share = match curve {
        ScheduleCurve::AlphaBar => view.value(curve, t),
        ScheduleCurve::Snr => (view.log10_snr(t) - SNR_POWERS[0]) / (SNR_POWERS[1] - SNR_POWERS[0]),
        ScheduleCurve::Beta => view.value(curve, t) / view.most_beta(),
    };
    share.clamp(0.0, 1.0) as f32
}

fn curve(ui: &mut Ui, rect: Rect, state: &AppState, view: &ScheduleView) -> Option<ScheduleAction> {
    let p = Palette::of(ui);
    let shown = state.schedule_look.curve;
    let response = ui.interact(rect, ui.scope_id().with("schedule"), Sense::click_and_drag());
    let (t, _) = state.schedule_look.digit()?;
    let last = view.timesteps();
    let x = |t: usize| rect.left() + rect.width() * t as f32 / last as f32;
    let y = |share: f32| rect.bottom() - (rect.height() - 2.0) * share;
    let count = last.min(rect.width() as usize).max(1);
    let points: Vec<Pos2> = (0..=count)
        .map(|i| i * last / count)
        // β adds its first noise at t = 1.
        .filter(|t| *t > 0 || shown != ScheduleCurve::Beta)
        .map(|t| pos2(x(t), y(height(view, shown, t))))
        .collect();
    let painter = ui.painter();
    painter.add(Shape::mesh(under(&points, rect.bottom(), p.accent.gamma_multiply(0.16))));
    if shown == ScheduleCurve::Snr {
        let one = y((-SNR_POWERS[0] / (SNR_POWERS[1] - SNR_POWERS[0])) as f32);
        painter.hline(rect.x_range(), one, Stroke::new(1.0, p.line));
        painter.text(pos2(rect.right(), one - 1.0), Align2::RIGHT_BOTTOM, "1", regular(10.0), p.muted);
    }
    painter.line(points, Stroke::new(1.5, p.accent));
    // Where the digits of the strip below stand.
    for t in view.strip_t {
        painter.vline(x(t), rect.bottom() - 4.0..=rect.bottom(), Stroke::new(1.0, p.muted));
    }
    let line = [pos2(x(t), rect.top()), pos2(x(t), rect.bottom())];
    painter.extend(Shape::dashed_line(&line, Stroke::new(1.0, p.muted), 2.0, 3.0));
    let lively = response.hovered() || response.dragged();
    let at = pos2(x(t), y(height(view, shown, t)));
    painter.circle_filled(at, if lively { 4.0 } else { 3.0 }, p.accent);
    focus::around_handle(ui, &response, at, 4.0);
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::slider(enabled, t as f64, "Timestep of the schedule"));
    // No tip: it would lie over the digits that one looks at.
    looked_at(ui, &response, rect, t, state.schedule_look.points(), last)
}

/// The timestep that the pointer or the keys look at.
fn looked_at(
    ui: &Ui,
    response: &Response,
    rect: Rect,
    now: usize,
    points: bool,
    last: usize,
) -> Option<ScheduleAction> {
    let at = |pointer: Pos2| {
        let share = ((pointer.x - rect.left()) / rect.width()).clamp(0.0, 1.0);
        (share * last as f32).round() as usize
    };
    if response.has_focus() {
        keep_arrows(ui, response.id);
        let presses = |key| ui.input(|input| input.num_presses(key)) as isize;
        let by = (presses(Key::ArrowRight) - presses(Key::ArrowLeft)) * (last / 50).max(1) as isize;
        if by != 0 {
            return Some(ScheduleAction::Choose(now.saturating_add_signed(by).min(last)));
        }
    }
    let held = response.is_pointer_button_down_on() || response.clicked();
    match (response.interact_pointer_pos().filter(|_| held), response.hover_pos()) {
        (Some(pointer), _) => Some(ScheduleAction::Choose(at(pointer))),
        (None, Some(pointer)) => (!points || at(pointer) != now).then(|| ScheduleAction::Point(Some(at(pointer)))),
        (None, None) => points.then_some(ScheduleAction::Point(None)),
    }
}

/// The digit at the timestep that is looked at, with t and the value of the curve there.
fn digit(ui: &Ui, area: Rect, state: &AppState, view: &ScheduleView, textures: &mut Textures) {
    let p = Palette::of(ui);
    let Some((t, picture)) = state.schedule_look.digit() else { return };
    let at = pos2(area.center().x - DIGIT / 2.0, area.top());
    let rect = Rect::from_min_size(at, vec2(DIGIT, DIGIT)).round_to_pixels(ui.pixels_per_point());
    textures.paint(ui, rect, ("schedule digit", 0), picture, Part::One(0), 4);
    let words = [format!("t = {}", numbers::whole(t as f64)), words_at(view, state.schedule_look.curve, t)];
    for (line, (text, ink)) in words.iter().zip([p.text, p.muted]).enumerate() {
        let top = pos2(area.center().x, rect.bottom() + 1.0 + 13.0 * line as f32);
        ui.painter().text(top, Align2::CENTER_TOP, text, regular(11.0), ink);
    }
    let response = ui.interact(area, ui.scope_id().with("schedule digit"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("A digit at {}, {}", words[0], words[1])));
    response.on_hover_text("A digit with the noise of this timestep. Point at the curve, or drag along it, to look at another; Left and Right move it.");
}

/// `SNR 0.8`.
fn words_at(view: &ScheduleView, curve: ScheduleCurve, t: usize) -> String {
    let word = CURVES.iter().find(|(of, ..)| *of == curve).map_or("", |(_, word, _)| word);
    format!("{word} {}", numbers::rough(view.value(curve, t)))
}

/// The area between a curve and the line at `bottom`.
fn under(points: &[Pos2], bottom: f32, fill: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    for point in points {
        mesh.colored_vertex(*point, fill);
        mesh.colored_vertex(pos2(point.x, bottom), fill);
    }
    for left in (0..2 * points.len() as u32).step_by(2).take(points.len().saturating_sub(1)) {
        mesh.add_triangle(left, left + 1, left + 2);
        mesh.add_triangle(left + 1, left + 2, left + 3);
    }
    mesh
}

fn strip(ui: &mut Ui, view: &ScheduleView, textures: &mut Textures) -> Option<ScheduleAction> {
    let count = view.strip.count();
    let id = textures.get(ui.ctx(), ("schedule", 0), &view.strip, Part::Column);
    let gap = 3.0;
    let side = ((ui.available_width() - gap * (count - 1) as f32) / count as f32).floor();
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), side), Sense::hover());
    let mut pressed = None;
    for (i, &t) in view.strip_t.iter().enumerate() {
        let at = Rect::from_min_size(rect.min + vec2(i as f32 * (side + gap), 0.0), vec2(side, side));
        let (from, to) = (i as f32 / count as f32, (i + 1) as f32 / count as f32);
        let uv = Rect::from_min_max(pos2(0.0, from), pos2(1.0, to));
        let image = egui::Image::new((id, vec2(side, side))).uv(uv).corner_radius(4);
        image.paint_at(ui, at);
        // The keys have the curve.
        let response = ui.interact(at, ui.scope_id().with(("schedule", i)), Sense::CLICK);
        let words = format!("t = {}, {}", numbers::whole(t as f64), words_at(view, ScheduleCurve::Snr, t));
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("The digit at {words}")));
        if response.clicked() {
            pressed = Some(ScheduleAction::Choose(t));
        }
        response.on_hover_text(format!("{words}\nThe seven stand at even steps of the logarithm of SNR."));
    }
    pressed
}

fn doctor(ui: &mut Ui, view: &ScheduleView) -> Option<DiffusionSettings> {
    let p = Palette::of(ui);
    let diagnosis = &view.diagnosis;
    let color: Color32 = match diagnosis.verdict {
        Verdict::Good => p.good,
        Verdict::Doubtful => p.warn,
    };
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let (dot, _) = ui.allocate_exact_size(vec2(10.0, 14.0), Sense::hover());
        ui.painter().circle_filled(dot.center(), 4.0, color);
        ui.add(Label::new(RichText::new(&diagnosis.sentence).size(11.5).color(p.muted)).wrap());
    });
    let advice = diagnosis.advice.as_ref()?;
    ui.add_space(8.0);
    let pressed = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(16.0);
        Button::text(&advice.words).tip("Set these values").show(ui).clicked()
    });
    pressed.inner.then(|| advice.settings.clone())
}
