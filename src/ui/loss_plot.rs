//! The loss: every step's, smoothed, and on held-out images; zoom, pan, and read values off it.

use egui::{Color32, RichText, Sense, Stroke, Ui, Vec2b, vec2};
use egui_plot::{AxisHints, GridInput, GridMark, HoverPosition, Line, LineStyle, Plot, PlotPoint, PlotPoints};

use super::numbers;
use super::palette::Palette;
use super::section::title;
use super::segmented::segmented;
use super::theme::regular;
use crate::app::loss_series::{Bucket, LossSeries};
use crate::app::{Action, AppState};

/// Buckets a curve; the raw one has two points each.
const MOST_BUCKETS: usize = 480;
/// Smaller losses are drawn here on a logarithmic axis.
const FLOOR: f64 = 1e-9;

/// Draws the title, the legend and the plot, `height` high.
pub fn show(ui: &mut Ui, state: &AppState, height: f32, actions: &mut Vec<Action>) {
    let linear = state.loss.linear;
    title(ui, "Loss", |ui| {
        let options = [(false, "log", "Logarithmic axis"), (true, "lin", "Linear axis")];
        let chosen = segmented(ui, "Loss axis", linear, &options, None);
        actions.extend(chosen.map(Action::LinearLoss));
        let p = Palette::of(ui);
        legend(ui, "held out", p.second);
        legend(ui, "train", p.accent);
    });
    if state.loss.train.is_empty() {
        let p = Palette::of(ui);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        let words = "The loss is drawn here from the first step on.";
        ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, words, regular(11.5), p.muted);
        return;
    }
    plot(ui, state, height);
    readout(ui, state);
}

fn legend(ui: &mut Ui, word: &str, color: Color32) {
    ui.label(RichText::new(word).size(11.5).color(Palette::of(ui).text));
    let (dash, _) = ui.allocate_exact_size(vec2(8.0, 2.0), Sense::hover());
    ui.painter().rect_filled(dash, 1.0, color);
}

fn plot(ui: &mut Ui, state: &AppState, height: f32) {
    let p = Palette::of(ui);
    let linear = state.loss.linear;
    let height_of = move |loss: f64| if linear { loss } else { loss.max(FLOOR).log10() };
    let loss_at = move |y: f64| if linear { y } else { 10f64.powf(y) };
    let axis = |hints: AxisHints<'static>| hints.tick_label_color(p.faint).tick_label_font(regular(11.0));
    let y_axis =
        axis(AxisHints::new_y().min_thickness(34.0)).formatter(move |mark, _| numbers::short(loss_at(mark.value)));
    let x_axis = axis(AxisHints::new_x()).formatter(|mark, _| numbers::whole(mark.value));
    let label = move |hover: &HoverPosition<'_>| {
        let at = match hover {
            HoverPosition::NearDataPoint { position, .. } => position,
            HoverPosition::Elsewhere { position } => position,
        };
        Some(format!("step {}\nloss {:.4}", numbers::whole(at.x.max(0.0)), loss_at(at.y)))
    };
    let plot = Plot::new(("loss", linear))
        .height(height)
        .custom_x_axes(vec![x_axis])
        .custom_y_axes(vec![y_axis])
        .show_background(false)
        .show_grid(Vec2b::new(false, true))
        .grid_color(p.line)
        .grid_fade(0.0)
        .set_margin_fraction(vec2(0.02, 0.08))
        .x_grid_spacer(few_steps)
        .label_formatter(label)
        .allow_boxed_zoom(true);
    let plot = if linear { plot } else { plot.y_grid_spacer(decades) };
    let response = plot.show(ui, |plot| {
        let bounds = plot.plot_bounds();
        let (first, last) = if plot.auto_bounds().x {
            (0, u64::MAX)
        } else {
            (bounds.min()[0].max(0.0) as u64, bounds.max()[0].max(0.0) as u64)
        };
        let seen = |series: &LossSeries| series.visible(first..=last.max(first), MOST_BUCKETS);
        let train = seen(&state.loss.train);
        let raw =
            Line::new("each step", envelope(&train, height_of)).stroke(Stroke::new(1.0, p.accent.gamma_multiply(0.45)));
        plot.line(raw);
        plot.line(Line::new("train", curve(&train, height_of, |b| b.smooth)).stroke(Stroke::new(2.0, p.accent)));
        let held_out = curve(&seen(&state.loss.held_out), height_of, |b| b.mean);
        let dashed = LineStyle::Dashed { length: 5.0 };
        plot.line(Line::new("held out", held_out).stroke(Stroke::new(1.5, p.second)).style(dashed));
    });
    let points = numbers::whole(state.loss.train.len() as f64);
    let name = format!("Loss plot, {points} points");
    response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    response.response.on_hover_text("Scroll to zoom, drag to move, double-click to follow the newest step again.");
}

/// From the smallest to the largest value of each bucket and on to the next: no outlier is lost.
fn envelope(buckets: &[Bucket], height_of: impl Fn(f64) -> f64) -> PlotPoints<'static> {
    let ends = buckets.iter().flat_map(|bucket| {
        let x = (bucket.first + bucket.last) as f64 / 2.0;
        let single = bucket.min == bucket.max;
        let low = PlotPoint::new(x, height_of(bucket.min));
        std::iter::once(low).chain((!single).then(|| PlotPoint::new(x, height_of(bucket.max))))
    });
    PlotPoints::Owned(ends.collect())
}

fn curve(buckets: &[Bucket], height_of: impl Fn(f64) -> f64, value: impl Fn(&Bucket) -> f64) -> PlotPoints<'static> {
    PlotPoints::Owned(buckets.iter().map(|b| PlotPoint::new(b.last as f64, height_of(value(b)))).collect())
}

/// Marks of a logarithmic axis at 1, 2 and 5 times powers of ten, or fewer where they would crowd.
#[allow(clippy::needless_pass_by_value, reason = "the plot hands it over by value")]
fn decades(input: GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let steps: &[f64] = match high - low {
        span if span > 4.0 => &[1.0],
        span if span > 1.2 => &[1.0, 3.0],
        _ => &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
    };
    let powers = low.floor() as i32..=high.ceil() as i32;
    let marks = powers.flat_map(|power| steps.iter().map(move |step| f64::from(power) + step.log10()));
    marks.filter(|value| (low..=high).contains(value)).map(|value| GridMark { value, step_size: 0.4 }).collect()
}

/// About five marks of the steps, at 1, 2 or 5 times a power of ten.
#[allow(clippy::needless_pass_by_value, reason = "the plot hands it over by value")]
fn few_steps(input: GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let rough = ((high - low) / 5.0).max(1.0);
    let power = 10f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough).unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    let marks = (first..).map(|i| i as f64 * step).take_while(|value| *value <= high);
    // The axis shows all labels of marks that are this far apart.
    marks.filter(|value| *value >= 0.0).map(|value| GridMark { value, step_size: step }).collect()
}

fn readout(ui: &mut Ui, state: &AppState) {
    let p = Palette::of(ui);
    let Some(newest) = state.loss.train.latest() else { return };
    let held_out = state.loss.held_out.latest().map_or_else(String::new, |b| format!(" · held out {:.4}", b.mean));
    let text = format!("train {:.4}{held_out} · step {}", newest.smooth, numbers::whole(newest.last as f64));
    ui.add(egui::Label::new(RichText::new(text).size(11.5).color(p.muted)).truncate());
}
