//! The rails of the strip: a large one with thumbnails, a slim one for the other axis, and the noise level below the
//! one of the timesteps.

use egui::{
    Align2, EventFilter, Id, Mesh, Rect, Response, Role, Sense, Shape, Stroke, Ui, WidgetInfo, lerp, pos2, vec2,
};

use super::film_axis::Axis;
use super::focus;
use super::palette::Palette;
use super::textures::{Part, Textures};
use super::theme::regular;
use super::tip;
use crate::app::{Action, AppState, FilmAxis, Recording};

const THUMBNAILS: usize = 11;
const THUMBNAIL: f32 = 44.0;
/// Height of the large rail: playhead, thumbnails, labels.
pub const LARGE: f32 = 68.0;
/// Height of the slim rail.
pub const SLIM: f32 = 20.0;
/// Height of the noise level.
pub const NOISE: f32 = 13.0;
/// Width of the words beside the slim rail and the noise level.
const WORDS: f32 = 118.0;

/// Draws the axis as film; gives its widget.
pub fn large(
    ui: &mut Ui,
    film: Rect,
    state: &AppState,
    axis: &Axis,
    textures: &mut Textures,
    actions: &mut Vec<Action>,
) -> Id {
    let p = Palette::of(ui);
    let (left, right) = (film.left() + THUMBNAIL / 2.0, film.right() - THUMBNAIL / 2.0);
    let response = ui.interact(film, ui.scope_id().with("playhead"), Sense::click_and_drag());
    sought(&response, axis, left, right, actions);
    let top = film.top() + 6.0;
    // Where the rail is short, fewer stand beside each other.
    let most = THUMBNAILS.min(((right - left) / THUMBNAIL) as usize + 1);
    for (i, (share, stop)) in axis.spread(most).into_iter().enumerate() {
        let at = pos2(lerp(left..=right, share) - THUMBNAIL / 2.0, top);
        let rect = Rect::from_min_size(at, vec2(THUMBNAIL, THUMBNAIL));
        if let Some((source, digit)) = picture(state, axis.which, stop) {
            textures.paint(ui, rect, ("film", i), source, Part::One(digit), 4);
        }
        let label = ui.painter().layout_no_wrap(axis.stops[stop].label.clone(), regular(11.0), p.muted);
        let x = (rect.center().x - label.size().x / 2.0).min(film.right() - label.size().x).max(film.left());
        ui.painter().galley(pos2(x, rect.bottom() + 3.0), label, p.muted);
    }
    let x = lerp(left..=right, axis.stops[axis.at].share);
    let painter = ui.painter();
    painter.line_segment([pos2(x, film.top() - 2.0), pos2(x, top + THUMBNAIL + 2.0)], Stroke::new(2.0, p.accent));
    let radius = if response.hovered() || response.dragged() { 6.5 } else { 5.5 };
    painter.circle_filled(pos2(x, film.top()), radius, p.accent);
    focus::around_handle(ui, &response, pos2(x, film.top()), radius + 1.0);
    let words = match axis.which {
        FilmAxis::Denoising => {
            "Drag to a timestep. Left and Right: one frame; with Shift: 100 timesteps.\n\
             Up and Down: later and earlier in training."
        }
        FilmAxis::Training => {
            "Drag to a step of training. Left and Right: one film.\nUp and Down: further and less far in the denoising."
        }
    };
    tip::say_on_rail(&response, words);
    response.id
}

/// The picture of a stop: at it the timestep, or at the present timestep the model of it.
fn picture(
    state: &AppState,
    which: FilmAxis,
    stop: usize,
) -> Option<(&std::sync::Arc<crate::pictures::Pictures>, usize)> {
    let film = match which {
        FilmAxis::Denoising => state.film()?,
        FilmAxis::Training => state.films.get(stop).or(state.recording.as_ref())?,
    };
    let moment = match which {
        FilmAxis::Denoising => stop,
        FilmAxis::Training => film.nearest(state.film()?.t()?),
    };
    let digit = state.followed_of(film);
    let source = &film.moments().get(moment)?.x_t;
    (digit < source.count()).then_some((source, digit))
}

/// Draws the axis as a slider with a mark at each stop.
pub fn slim(ui: &mut Ui, rect: Rect, axis: &Axis, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    let (words, value) = match axis.which {
        FilmAxis::Denoising => ("Timestep", &axis.stops[axis.at].label),
        FilmAxis::Training => ("Training step", &axis.stops[axis.at].label),
    };
    let y = rect.center().y;
    ui.painter().text(pos2(rect.left(), y), Align2::LEFT_CENTER, words, regular(11.5), p.muted);
    ui.painter().text(pos2(rect.right(), y), Align2::RIGHT_CENTER, value, regular(12.5), p.text);
    let (left, right) = ends(rect);
    let rail = Rect::from_min_max(pos2(left - 8.0, rect.top()), pos2(right + 8.0, rect.bottom()));
    let response = ui.interact(rail, ui.scope_id().with("slim"), Sense::click_and_drag());
    sought(&response, axis, left, right, actions);
    if response.has_focus() {
        let presses = |key| ui.input(|input| input.num_presses(key)) as isize;
        let by = presses(egui::Key::ArrowRight) - presses(egui::Key::ArrowLeft);
        if by != 0 {
            actions.push(Axis::step(axis.which, by));
        }
    }
    let painter = ui.painter();
    painter.line_segment([pos2(left, y), pos2(right, y)], Stroke::new(3.0, p.hover));
    let mut taken = f32::NEG_INFINITY;
    for stop in &axis.stops {
        let x = lerp(left..=right, stop.share);
        if x >= taken + 3.0 {
            painter.line_segment([pos2(x, y - 3.0), pos2(x, y + 3.0)], Stroke::new(1.0, p.faint));
            taken = x;
        }
    }
    let at = pos2(lerp(left..=right, axis.stops[axis.at].share), y);
    painter.line_segment([pos2(left, y), at], Stroke::new(3.0, p.accent));
    let radius = if response.hovered() || response.dragged() { 7.0 } else { 6.0 };
    painter.circle(at, radius, p.panel, Stroke::new(1.5, p.accent));
    painter.circle_filled(at, 3.0, p.text);
    focus::around_handle(ui, &response, at, radius);
    let words = match axis.which {
        FilmAxis::Denoising => "The timestep of the denoising. Up and Down move it.",
        FilmAxis::Training => "The step of training whose model made this of the noise. Up and Down move it.",
    };
    tip::say_on_rail(&response, words);
}

/// Where the slim rail and the noise level begin and end.
fn ends(rect: Rect) -> (f32, f32) {
    (rect.left() + WORDS, rect.right() - 96.0)
}

/// Draws the share of noise √(1−ᾱ) over the timesteps of a film, below its rail.
pub fn noise_level(ui: &mut Ui, rect: Rect, film: &Recording, alpha_bar: &[f64], below_large: bool) {
    let p = Palette::of(ui);
    let Some((first, _)) = film.visited().filter(|(first, _)| *first < alpha_bar.len()) else { return };
    let (left, right) =
        if below_large { (rect.left() + THUMBNAIL / 2.0, rect.right() - THUMBNAIL / 2.0) } else { ends(rect) };
    const PARTS: u32 = 64;
    let level = |share: f32| {
        let t = ((1.0 - share) * first as f32).round() as usize;
        (1.0 - alpha_bar[t.min(first)]).max(0.0).sqrt() as f32
    };
    let mut mesh = Mesh::default();
    let mut line = Vec::new();
    for i in 0..=PARTS {
        let share = i as f32 / PARTS as f32;
        let x = lerp(left..=right, share);
        let top = pos2(x, lerp(rect.bottom()..=rect.top() + 1.0, level(share)));
        mesh.colored_vertex(top, p.accent.gamma_multiply(0.28));
        mesh.colored_vertex(pos2(x, rect.bottom()), p.accent.gamma_multiply(0.28));
        line.push(top);
        if i > 0 {
            let corner = 2 * (i - 1);
            mesh.add_triangle(corner, corner + 1, corner + 2);
            mesh.add_triangle(corner + 1, corner + 2, corner + 3);
        }
    }
    ui.painter().add(mesh);
    ui.painter().add(Shape::line(line, Stroke::new(1.0, p.accent.gamma_multiply(0.8))));
    if let Some(t) = film.t() {
        let share = 1.0 - t as f32 / first.max(1) as f32;
        let at = pos2(lerp(left..=right, share), lerp(rect.bottom()..=rect.top() + 1.0, level(share)));
        ui.painter().circle_filled(at, 2.5, p.accent);
    }
    let area = Rect::from_min_max(pos2(left, rect.top()), pos2(right, rect.bottom()));
    let response = ui.interact(area, ui.scope_id().with("noise level"), Sense::hover());
    let now = film.t().and_then(|t| alpha_bar.get(t)).map_or(0.0, |alpha_bar| (1.0 - alpha_bar).max(0.0).sqrt());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("Noise level √(1−ᾱ): {now:.3} here")));
    let words = format!("The noise level √(1−ᾱ) of the schedule at each timestep: {now:.3} at the playhead.");
    tip::say_on_rail(&response, &words);
}

/// Where the pointer drags the playhead to; says what the widget is, and keeps the arrow keys in it.
fn sought(response: &Response, axis: &Axis, left: f32, right: f32, actions: &mut Vec<Action>) {
    response.widget_info(|| WidgetInfo {
        value: Some(axis.value).filter(|value| value.is_finite()),
        ..WidgetInfo::labeled(Role::Slider, true, axis.name)
    });
    let held = response.is_pointer_button_down_on() || response.clicked();
    if let Some(pointer) = response.interact_pointer_pos().filter(|_| held) {
        let stop = axis.nearest((pointer.x - left) / (right - left).max(1.0));
        if stop != axis.at {
            actions.push(axis.seek(stop));
        }
    }
    if response.has_focus() {
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        response.ctx.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    }
}
