//! The loss: every step's, smoothed, on held-out images, and of other runs; zoom, pan, and read values off it.

use egui::text::LayoutJob;
use egui::{Align, Color32, Layout, Popup, Rect, RichText, Sense, Ui, Vec2b, pos2, vec2};
use egui_plot::{AxisHints, HoverPosition, Plot};

use super::drop_down::drop_down;
use super::loss_axis;
use super::loss_curves;
use super::loss_hover;
use super::numbers;
use super::palette::Palette;
use super::section::title;
use super::segmented::segmented;
use super::setting_row::{reset_asked, with_reset};
use super::slider::{Scale, slider};
use super::theme::regular;
use crate::app::{Action, Activity, AppState, LossAxis, Places, Smoothing};

const TRAIN: &str = "The loss of each step on the images of its batch, and its moving average.";
const HELD_OUT: &str = "The loss of the same weights on test images, which are never learned from, always with the same noise. \
    Their class is always told, while training hides that of some, and no dropout is at work: the two are near each other, \
    but not quite the same measure.";

const MOVES: &str = "Ctrl and the wheel over the plot to zoom, drag to move: a view that shows the newest step goes along with it.\n\
    Right-drag a box to see it alone. Double-click, or Shift+F6: the whole run.";

/// Draws the title, the legend and the plot, `height` high.
pub fn show(ui: &mut Ui, state: &AppState, height: f32, actions: &mut Vec<Action>) {
    let linear = state.loss.linear;
    // Over the plot itself are the values at the pointer: what can be done there is told beside it.
    let word = Rect::from_min_size(ui.cursor().min, vec2(40.0, 26.0));
    ui.interact(word, ui.scope_id().with("what the plot does"), Sense::hover()).on_hover_text(MOVES);
    title(ui, "Loss", |ui| {
        let options = [
            (false, "log", "Logarithmic axis. Right-click, or Delete: this one"),
            (true, "lin", "Linear axis. Right-click, or Delete: the logarithmic one"),
        ];
        let (chosen, back) = with_reset(ui, |ui| segmented(ui, "Loss axis", linear, &options, None));
        actions.extend(back.then_some(false).or(chosen).map(Action::LinearLoss));
        let p = Palette::of(ui);
        legend(ui, "held out", p.second, HELD_OUT);
        legend(ui, "train", p.accent, TRAIN);
    });
    let compared = state.comparison.runs().iter().any(|run| run.read.is_some());
    if state.loss.train.is_empty() && !compared {
        let p = Palette::of(ui);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        let words = match state.activity {
            Activity::Idle if state.attached().is_none() => {
                "Press Train: the loss is drawn here from the first step on."
            }
            _ => "The loss is drawn here from the first step on.",
        };
        let mut job = LayoutJob::simple(words.into(), regular(11.5), p.muted, rect.width());
        job.halign = Align::Center;
        let galley = ui.painter().layout_job(job);
        ui.painter().galley(rect.center() - vec2(0.0, galley.size().y / 2.0), galley, p.muted);
        return;
    }
    plot(ui, state, height);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            against(ui, state.loss.axis, actions);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| readout(ui, state));
        });
    });
    smoothing(ui, state, actions);
    for run in state.comparison.runs() {
        ui.spacing_mut().interact_size.y = 18.0;
        ui.horizontal(|ui| {
            let p = Palette::of(ui);
            let (dash, _) = ui.allocate_exact_size(vec2(12.0, 2.0), Sense::hover());
            ui.painter().rect_filled(dash, 1.0, p.runs[run.color]);
            let loss = run.read.as_ref().and_then(|read| read.train.newest_smoothed(state.loss.smoothing));
            let loss = loss.map_or_else(String::new, |loss| format!(" · {loss:.4}"));
            let text = RichText::new(format!("{}{loss}", state.runs.name(&run.path))).size(11.5).color(p.text);
            ui.add(egui::Label::new(text).truncate());
        });
    }
}

/// What the loss is drawn against.
fn against(ui: &mut Ui, axis: LossAxis, actions: &mut Vec<Action>) {
    let word = |axis: LossAxis| match axis {
        LossAxis::Steps => "steps",
        LossAxis::Images => "images",
        LossAxis::Time => "time",
    };
    let (response, back) = with_reset(ui, |ui| drop_down(ui, "Loss against", word(axis), 78.0));
    if back {
        actions.push(Action::LossAxis(LossAxis::default()));
    }
    Popup::menu(&response).show(|ui| {
        for other in [LossAxis::Steps, LossAxis::Images, LossAxis::Time] {
            if ui.selectable_label(other == axis, word(other)).clicked() {
                actions.push(Action::LossAxis(other));
            }
        }
    });
    response.on_hover_text("What the loss is drawn against. Key: Ctrl+T\nRight-click, or Delete: steps.");
}

/// Over how many steps the loss is smoothed.
fn smoothing(ui: &mut Ui, state: &AppState, actions: &mut Vec<Action>) {
    let p = Palette::of(ui);
    let now = state.loss.smoothing.steps();
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
    let words = if now == 1.0 { "not smoothed".into() } else { format!("over {} steps", numbers::whole(now)) };
    ui.painter().text(row.left_center(), egui::Align2::LEFT_CENTER, "Smoothing", regular(11.5), p.muted);
    ui.painter().text(row.right_center(), egui::Align2::RIGHT_CENTER, words, regular(11.5), p.muted);
    let rail = Rect::from_min_max(pos2(row.left() + 66.0, row.top()), pos2(row.right() - 104.0, row.bottom()));
    let (response, moved) =
        slider(ui, "Smoothing of the loss", rail, now, &Scale::logarithmic(1.0..=Smoothing::MOST).whole());
    actions.extend(moved.map(|steps| Action::LossSmoothing(Smoothing::over(steps))));
    if reset_asked(ui, row) {
        actions.push(Action::LossSmoothing(Smoothing::default()));
    }
    response.on_hover_text("How many steps the thick line is averaged over.\nRight-click, or Delete: 50 steps.");
}

fn legend(ui: &mut Ui, word: &str, color: Color32, tip: &str) {
    ui.label(RichText::new(word).size(11.5).color(Palette::of(ui).text)).on_hover_text(tip);
    let (dash, _) = ui.allocate_exact_size(vec2(8.0, 2.0), Sense::hover());
    ui.painter().rect_filled(dash, 1.0, color);
}

/// What is remembered of the view between two frames.
#[derive(Clone, Copy, Default)]
struct Looked {
    newest: Option<f64>,
    /// The heights are a person's, not those of what is seen.
    own_heights: bool,
    /// How often all was asked for.
    whole: u64,
}

fn plot(ui: &mut Ui, state: &AppState, height: f32) {
    let p = Palette::of(ui);
    let (linear, axis) = (state.loss.linear, state.loss.axis);
    let settings = state.run.as_ref().map_or(&state.settings, |run| &run.settings);
    let places = Places::new(axis, settings, &state.loss.clock);
    let hints = |hints: AxisHints<'static>| hints.tick_label_color(p.muted).tick_label_font(regular(11.0));
    // The marks are chosen to have room, so their labels need not fade.
    let room = egui::Rangef::new(1.0, 2.0);
    let y_axis = hints(AxisHints::new_y().min_thickness(34.0).label_spacing(room))
        .formatter(move |mark, range| loss_axis::word_of_loss(linear, mark.value, range));
    let x_axis =
        hints(AxisHints::new_x().label_spacing(room)).formatter(move |mark, _| loss_axis::word(axis, mark.value));
    let label = |hover: &HoverPosition<'_>| {
        let at = match hover {
            HoverPosition::NearDataPoint { position, .. } => position,
            HoverPosition::Elsewhere { position } => position,
        };
        Some(loss_hover::words(state, places, at.x))
    };
    let remembered = ui.scope_id().with(("looked at", linear, axis as u8));
    let before: Looked = ui.data(|data| data.get_temp(remembered)).unwrap_or_default();
    let plot = Plot::new(("loss", linear, axis as u8))
        .height(height)
        .custom_x_axes(vec![x_axis])
        .custom_y_axes(vec![y_axis])
        .show_background(false)
        .show_grid(Vec2b::new(false, true))
        .grid_color(p.line)
        .grid_fade(0.0)
        .set_margin_fraction(vec2(0.02, 0.08))
        .x_grid_spacer(move |input| loss_axis::marks(axis, input))
        .y_grid_spacer(move |input| loss_axis::marks_of_loss(linear, input))
        .label_formatter(label)
        // The heights are those of what is seen, so that no outlier comes to stand outside, until a person chooses others
        // with a box. The wheel alone scrolls the panel.
        .allow_zoom([true, before.own_heights])
        .allow_drag([true, before.own_heights])
        .allow_scroll(false)
        .allow_boxed_zoom(true);
    let newest = state.loss.train.latest().map(|newest| places.of(newest.last as f64));
    let response = plot.show(ui, |plot| {
        let bounds = plot.plot_bounds();
        let mut shown = (!plot.auto_bounds().x).then(|| bounds.min()[0]..=bounds.max()[0]);
        if let (Some(range), Some(newest), Some(before)) = (&mut shown, newest, before.newest) {
            // A view that shows the newest step goes along with it; one that was moved away stays.
            if newest > before && range.contains(&before) {
                let by = newest - before;
                *range = range.start() + by..=range.end() + by;
                plot.set_plot_bounds_x(range.clone());
            }
        }
        // A run that went back: a view of steps that are no more has nothing to show.
        let nothing = shown.as_ref().zip(newest).is_some_and(|(range, newest)| newest < *range.start());
        if before.whole != state.loss.whole || nothing && newest < before.newest {
            plot.set_auto_bounds(true);
            shown = None;
        }
        for curve in loss_curves::curves(state, places, &p, shown.as_ref()) {
            plot.line(curve.line());
        }
        !plot.auto_bounds().y && shown.is_some()
    });
    let looked = Looked { newest, own_heights: response.inner, whole: state.loss.whole };
    ui.data_mut(|data| data.insert_temp(remembered, looked));
    let points = numbers::whole(state.loss.train.len() as f64);
    let name = format!("Loss plot, {points} points");
    let bounds = *response.transform.bounds();
    response.response.widget_info(|| {
        let word = |[x, y]: [f64; 2]| (loss_axis::word(axis, x.max(0.0)), loss_axis::loss_at(linear, y));
        let (from, to) = (word(bounds.min()), word(bounds.max()));
        let shown = format!("{} to {}, loss {:.4} to {:.4}", from.0, to.0, from.1, to.1);
        egui::WidgetInfo {
            current_text_value: Some(shown),
            ..egui::WidgetInfo::labeled(egui::Role::Image, true, &name)
        }
    });
}

fn readout(ui: &mut Ui, state: &AppState) {
    let p = Palette::of(ui);
    let Some(newest) = state.loss.train.newest_smoothed(state.loss.smoothing) else { return };
    let held_out = state.loss.held_out.latest().map(|bucket| format!("held out {:.4}", bucket.mean));
    let parts: Vec<String> = std::iter::once(format!("train {newest:.4}")).chain(held_out).collect();
    // Numbers are never cut: where large ones have no room beside each other, all stand below each other, in two lines from
    // the start, so that nothing moves as they change.
    let longest = "train 000.0000 · held out 000.0000".to_owned();
    let one_line = ui.painter().layout_no_wrap(longest, regular(11.5), p.muted).size();
    let lines = if one_line.x > ui.available_width() { 2.0 } else { 1.0 };
    ui.set_min_height(lines * one_line.y);
    ui.label(RichText::new(parts.join(if lines > 1.0 { "\n" } else { " · " })).size(11.5).color(p.muted));
}
