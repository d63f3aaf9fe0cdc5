//! The loss: every step's, smoothed, on held-out images, and of other runs; zoom, pan, and read values off it.

use egui::text::LayoutJob;
use egui::{Align, Color32, Layout, Popup, Rect, RichText, Sense, Stroke, Ui, Vec2b, pos2, vec2};
use egui_plot::{AxisHints, GridInput, GridMark, HoverPosition, Line, LineStyle, Plot, PlotPoint, PlotPoints};

use super::drop_down::drop_down;
use super::loss_axis;
use super::numbers;
use super::palette::Palette;
use super::section::title;
use super::segmented::segmented;
use super::setting_row::{reset_asked, with_reset};
use super::slider::{Scale, slider};
use super::theme::regular;
use crate::app::loss_series::{Bucket, LossSeries};
use crate::app::{Action, Activity, AppState, LossAxis, Places, Smoothing};

/// Buckets a curve; the raw one has two points each.
const MOST_BUCKETS: usize = 480;
/// Smaller losses are drawn here on a logarithmic axis.
const FLOOR: f64 = 1e-9;

const TRAIN: &str = "The loss of each step on the images of its batch, and its moving average.";
const HELD_OUT: &str = "The loss of the same weights on test images, which are never learned from, always with the same noise. \
    Their class is always told, while training hides that of some, and no dropout is at work: the two are near each other, \
    but not quite the same measure.";

/// Draws the title, the legend and the plot, `height` high.
pub fn show(ui: &mut Ui, state: &AppState, height: f32, actions: &mut Vec<Action>) {
    let linear = state.loss.linear;
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

fn plot(ui: &mut Ui, state: &AppState, height: f32) {
    let p = Palette::of(ui);
    let (linear, axis) = (state.loss.linear, state.loss.axis);
    let settings = state.run.as_ref().map_or(&state.settings, |run| &run.settings);
    let places = Places::new(axis, settings, &state.loss.clock);
    let height_of = move |loss: f64| if linear { loss } else { loss.max(FLOOR).log10() };
    let loss_at = move |y: f64| if linear { y } else { 10f64.powf(y) };
    let hints = |hints: AxisHints<'static>| hints.tick_label_color(p.muted).tick_label_font(regular(11.0));
    let y_axis =
        hints(AxisHints::new_y().min_thickness(34.0)).formatter(move |mark, _| numbers::short(loss_at(mark.value)));
    // The marks are chosen to have room, so their labels need not fade.
    let x_axis = hints(AxisHints::new_x().label_spacing(egui::Rangef::new(1.0, 2.0)))
        .formatter(move |mark, _| loss_axis::word(axis, mark.value));
    let label = move |hover: &HoverPosition<'_>| {
        let at = match hover {
            HoverPosition::NearDataPoint { position, .. } => position,
            HoverPosition::Elsewhere { position } => position,
        };
        let step = numbers::whole(places.step(at.x.max(0.0)));
        let place = loss_axis::word(axis, at.x.max(0.0));
        let place = match axis {
            LossAxis::Steps => format!("step {step}"),
            LossAxis::Images => format!("{place} images, step {step}"),
            LossAxis::Time => format!("{place}, step {step}"),
        };
        Some(format!("{place}\nloss {:.4}", loss_at(at.y)))
    };
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
        .label_formatter(label)
        .allow_scroll(false)
        .allow_boxed_zoom(true);
    let plot = plot.y_grid_spacer(if linear { even_marks } else { decades });
    let newest = state.loss.train.latest().map(|newest| places.of(newest.last as f64));
    let remembered = ui.scope_id().with("newest loss");
    let before: Option<f64> = ui.data(|data| data.get_temp(remembered));
    let response = plot.show(ui, |plot| {
        let zoomed = !plot.auto_bounds().x;
        if let (true, Some(newest), Some(before)) = (zoomed, newest, before) {
            // A view that shows the newest step goes along with it; one that was moved away stays.
            let bounds = plot.plot_bounds();
            if newest > before && (bounds.min()[0]..=bounds.max()[0]).contains(&before) {
                let by = newest - before;
                plot.set_plot_bounds_x(bounds.min()[0] + by..=bounds.max()[0] + by);
            }
        }
        let bounds = plot.plot_bounds();
        let range = if zoomed { bounds.min()[0]..=bounds.max()[0] } else { 0.0..=f64::INFINITY };
        let steps = |places: Places<'_>| if zoomed { places.steps(range.clone()) } else { 0..=u64::MAX };
        let seen = |series: &LossSeries, places: Places<'_>| series.visible(steps(places), MOST_BUCKETS);
        let smooth = |series: &LossSeries, places: Places<'_>| {
            let points = series.smoothed(steps(places), MOST_BUCKETS, state.loss.smoothing);
            let point = |(step, loss): (u64, f64)| PlotPoint::new(places.of(step as f64), height_of(loss));
            PlotPoints::Owned(points.into_iter().map(point).collect())
        };
        let train = seen(&state.loss.train, places);
        let x = |step: f64| places.of(step);
        let raw = Line::new("each step", envelope(&train, x, height_of))
            .stroke(Stroke::new(1.0, p.accent.gamma_multiply(0.45)));
        plot.line(raw);
        for run in state.comparison.runs() {
            let Some(read) = &run.read else { continue };
            let places = Places::new(axis, &read.settings, &read.clock);
            let line = smooth(&read.train, places);
            let name = state.runs.name(&run.path);
            plot.line(spread(&seen(&read.train, places), |step| places.of(step), height_of, p.runs[run.color]));
            let line = Line::new(name, line).id(egui::Id::unique(&run.path));
            plot.line(line.stroke(Stroke::new(1.5, p.runs[run.color])));
        }
        plot.line(Line::new("train", smooth(&state.loss.train, places)).stroke(Stroke::new(2.0, p.accent)));
        let held_out = seen(&state.loss.held_out, places);
        plot.line(spread(&held_out, x, height_of, p.second));
        let held_out = means(&held_out, x, height_of);
        let dashed = LineStyle::Dashed { length: 5.0 };
        plot.line(Line::new("held out", held_out).stroke(Stroke::new(1.5, p.second)).style(dashed));
    });
    if let Some(newest) = newest {
        ui.data_mut(|data| data.insert_temp(remembered, newest));
    }
    let points = numbers::whole(state.loss.train.len() as f64);
    let name = format!("Loss plot, {points} points");
    let bounds = *response.transform.bounds();
    response.response.widget_info(|| {
        let [from, to] = [bounds.min(), bounds.max()].map(|[x, y]| (loss_axis::word(axis, x.max(0.0)), loss_at(y)));
        let shown = format!("{} to {}, loss {:.4} to {:.4}", from.0, to.0, from.1, to.1);
        egui::WidgetInfo {
            current_text_value: Some(shown),
            ..egui::WidgetInfo::labeled(egui::Role::Image, true, &name)
        }
    });
    response.response.on_hover_text(
        "Scroll with Ctrl held to zoom, drag to move: a view that shows the newest step goes along with it.\nDouble-click: the whole run.",
    );
}

/// From the smallest to the largest value of each bucket and on to the next: no outlier is lost.
fn envelope(buckets: &[Bucket], place_of: impl Fn(f64) -> f64, height_of: impl Fn(f64) -> f64) -> PlotPoints<'static> {
    let ends = buckets.iter().flat_map(|bucket| {
        let x = place_of((bucket.first + bucket.last) as f64 / 2.0);
        let single = bucket.min == bucket.max;
        let low = PlotPoint::new(x, height_of(bucket.min));
        std::iter::once(low).chain((!single).then(|| PlotPoint::new(x, height_of(bucket.max))))
    });
    PlotPoints::Owned(ends.collect())
}

/// The same, faint, of buckets of several values: what their mean or a smoothed curve does not show.
fn spread(
    buckets: &[Bucket],
    place_of: impl Fn(f64) -> f64,
    height_of: impl Fn(f64) -> f64,
    color: Color32,
) -> Line<'static> {
    let several = buckets.iter().any(|bucket| bucket.points() > 1);
    let points = if several { envelope(buckets, place_of, height_of) } else { PlotPoints::Owned(Vec::new()) };
    Line::new("from the smallest to the largest", points).stroke(Stroke::new(1.0, color.gamma_multiply(0.35)))
}

fn means(buckets: &[Bucket], place_of: impl Fn(f64) -> f64, height_of: impl Fn(f64) -> f64) -> PlotPoints<'static> {
    let point = |bucket: &Bucket| PlotPoint::new(place_of(bucket.last as f64), height_of(bucket.mean));
    PlotPoints::Owned(buckets.iter().map(point).collect())
}

/// Marks of a linear axis: four or so, a round number apart.
#[allow(clippy::needless_pass_by_value, reason = "the plot hands it over by value")]
fn even_marks(input: GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let rough = (high - low) / 5.0;
    let power = 10f64.powf(rough.max(f64::MIN_POSITIVE).log10().floor());
    let step_size = power * [1.0, 2.0, 5.0, 10.0].into_iter().find(|round| round * power >= rough).unwrap_or(10.0);
    let marks = (low / step_size).ceil() as i64..=(high / step_size).floor() as i64;
    // A range that is no range has no marks.
    marks.take(16).map(|mark| GridMark { value: mark as f64 * step_size, step_size }).collect()
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
