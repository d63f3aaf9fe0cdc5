//! The lines of the loss plot: thick and smooth what it comes to; thin and faint behind it every value, from the smallest to
//! the largest where many share a pixel, so that no outlier is averaged away.

use std::ops::RangeInclusive;

use egui::{Color32, Stroke};
use egui_plot::{Line, LineStyle, PlotPoint, PlotPoints};

use super::loss_axis;
use super::palette::Palette;
use crate::app::loss_series::{Bucket, LossSeries};
use crate::app::{AppState, Places};

/// Buckets a curve; one of every value has two points each.
const MOST_BUCKETS: usize = 480;
/// How much of its colour is left of every value of the run that is shown.
const FAINT: f32 = 0.45;
/// And of those of the runs beside it, of which there are more.
const FAINTER: f32 = 0.3;

/// A line before it is drawn.
pub struct Curve {
    name: String,
    /// Tells apart those of one name.
    id: egui::Id,
    points: Vec<PlotPoint>,
    stroke: Stroke,
    dashed: bool,
}

impl Curve {
    fn new(name: &str, part: &str, points: Vec<PlotPoint>, width: f32, color: Color32) -> Self {
        let id = egui::Id::unique((name, part));
        Self { name: name.to_owned(), id, points, stroke: Stroke::new(width, color), dashed: false }
    }

    /// To be drawn.
    pub fn line(self) -> Line<'static> {
        let style = if self.dashed { LineStyle::Dashed { length: 5.0 } } else { LineStyle::Solid };
        Line::new(self.name, PlotPoints::Owned(self.points)).id(self.id).stroke(self.stroke).style(style)
    }
}

/// All lines between two places of the horizontal axis, or of the whole run, from the back to the front. `places` are those of
/// the run that is shown.
pub fn curves(state: &AppState, places: Places<'_>, p: &Palette, shown: Option<&RangeInclusive<f64>>) -> Vec<Curve> {
    let (loss, linear) = (&state.loss, state.loss.linear);
    let steps = |places: Places<'_>| shown.map_or(0..=u64::MAX, |range| places.steps(range.clone()));
    let seen = |series: &LossSeries, places: Places<'_>| series.visible(steps(places), MOST_BUCKETS);
    let point =
        |places: Places<'_>, step: f64, loss: f64| PlotPoint::new(places.of(step), loss_axis::height_of(linear, loss));
    let every = |series: &LossSeries, places: Places<'_>| {
        let buckets = seen(series, places);
        envelope(&buckets, |step, loss| point(places, step, loss))
    };
    let smooth = |series: &LossSeries, places: Places<'_>| {
        let points = series.smoothed(steps(places), MOST_BUCKETS, loss.smoothing);
        points.into_iter().map(|(step, loss)| point(places, step as f64, loss)).collect::<Vec<_>>()
    };
    let (mut back, mut front) = (Vec::new(), Vec::new());
    for run in state.comparison.runs() {
        let Some(read) = &run.read else { continue };
        let places = Places::new(loss.axis, &read.settings, &read.clock);
        let (name, color) = (state.runs.name(&run.path), p.runs[run.color]);
        let path = run.path.to_string_lossy();
        let values = every(&read.train, places);
        back.push(Curve::new(&name, &format!("{path}, every value"), values, 1.0, color.gamma_multiply(FAINTER)));
        front.push(Curve::new(&name, &path, smooth(&read.train, places), 1.5, color));
    }
    back.push(Curve::new("each step", "", every(&loss.train, places), 1.0, p.accent.gamma_multiply(FAINT)));
    front.push(Curve::new("train", "", smooth(&loss.train, places), 2.0, p.accent));
    let held_out = seen(&loss.held_out, places);
    if held_out.iter().any(|bucket| bucket.points() > 1) {
        let values = envelope(&held_out, |step, loss| point(places, step, loss));
        back.push(Curve::new("held out", "every value", values, 1.0, p.second.gamma_multiply(FAINT)));
    }
    let means = held_out.iter().map(|bucket| point(places, bucket.last as f64, bucket.mean)).collect();
    front.push(Curve { dashed: true, ..Curve::new("held out", "", means, 1.5, p.second) });
    back.append(&mut front);
    back
}

/// From the smallest to the largest value of each bucket and on to the next: no outlier is lost.
fn envelope(buckets: &[Bucket], point: impl Fn(f64, f64) -> PlotPoint) -> Vec<PlotPoint> {
    let ends = buckets.iter().flat_map(|bucket| {
        let step = (bucket.first + bucket.last) as f64 / 2.0;
        let many = bucket.min != bucket.max;
        std::iter::once(point(step, bucket.min)).chain(many.then(|| point(step, bucket.max)))
    });
    ends.collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::app::{ReadRun, RunClock};
    use crate::config::Preset;

    /// A loss of a tenth, but once.
    fn spiked(values: u64, at: u64, spike: f64) -> LossSeries {
        let mut series = LossSeries::default();
        (1..=values).for_each(|step| series.push(step, if step == at { spike } else { 0.1 }));
        series
    }

    fn drawn(state: &AppState, shown: Option<&RangeInclusive<f64>>) -> Vec<Curve> {
        let places = Places::new(state.loss.axis, &state.settings, &state.loss.clock);
        curves(state, places, &Palette::of_theme(egui::Theme::Dark), shown)
    }

    fn highest(curve: &Curve) -> f64 {
        curve.points.iter().map(|point| point.y).fold(f64::MIN, f64::max)
    }

    fn reach(curves: &[Curve], name: &str) -> f64 {
        curves.iter().filter(|curve| curve.name == name).map(highest).fold(f64::MIN, f64::max)
    }

    #[test]
    fn of_each_bucket_both_ends_are_drawn_and_single_values_once() {
        let series = spiked(100_000, 77_777, 9.0);
        let buckets = series.visible(0..=u64::MAX, MOST_BUCKETS);
        assert!(buckets.len() < 480 && buckets.iter().filter(|bucket| bucket.max > 8.0).count() == 1);
        let points = envelope(&buckets, PlotPoint::new);
        let spikes: Vec<_> = points.iter().filter(|point| point.y == 9.0).collect();
        assert_eq!((spikes.len(), points.len()), (1, buckets.len() + 1));
        assert!((spikes[0].x - 77_777.0).abs() < 600.0, "{}", spikes[0].x);
        let few = series.visible(77_770..=77_780, MOST_BUCKETS);
        let few = envelope(&few, PlotPoint::new);
        assert_eq!(few.iter().filter(|point| point.y == 9.0).count(), 1);
    }

    #[test]
    fn one_spike_of_any_curve_is_in_the_lines_however_long_the_run() {
        let mut state = AppState::new(Preset::Small.settings());
        for linear in [true, false] {
            state.loss.linear = linear;
            let high = loss_axis::height_of(linear, 9.0);
            for (values, at) in [(300, 150), (5_000, 4_321), (1_000_000, 123_456)] {
                let spiked = || spiked(values, at, 9.0);
                state.loss.train = spiked();
                assert_eq!(reach(&drawn(&state, None), "each step"), high, "{values} losses");
                state.loss.train = LossSeries::default();
                state.loss.held_out = spiked();
                assert_eq!(reach(&drawn(&state, None), "held out"), high, "{values} held-out losses");
                state.loss.held_out = LossSeries::default();
                let path = PathBuf::from("/data/ada/runs/other");
                let (settings, clock) = (Box::new(Preset::Small.settings()), RunClock::default());
                let read = ReadRun { settings, train: spiked(), held_out: LossSeries::default(), clock, grid: None };
                state.comparison.show(path.clone(), read);
                let name = state.runs.name(&path);
                assert_eq!(reach(&drawn(&state, None), &name), high, "{values} losses of a run beside");
                let around = (at - 20) as f64..=(at + 20) as f64;
                assert_eq!(reach(&drawn(&state, Some(&around)), &name), high, "looked at closely");
                state.comparison = crate::app::Comparison::default();
            }
        }
    }

    #[test]
    fn every_value_is_fainter_and_behind_what_it_comes_to() {
        let mut state = AppState::new(Preset::Small.settings());
        (state.loss.train, state.loss.held_out) = (spiked(5_000, 9, 1.0), spiked(5_000, 9, 1.0));
        let lines = drawn(&state, None);
        let names: Vec<_> = lines.iter().map(|curve| (curve.name.as_str(), curve.stroke.width)).collect();
        assert_eq!(names, [("each step", 1.0), ("held out", 1.0), ("train", 2.0), ("held out", 1.5)]);
        assert!(highest(&lines[2]) < highest(&lines[0]));
        assert!(lines[..2].iter().all(|line| line.stroke.color.a() < 128));
        let ids: std::collections::HashSet<_> = lines.iter().map(|curve| curve.id).collect();
        assert_eq!(ids.len(), 4, "each has a name of its own for the plot");
        state.loss.held_out = spiked(300, 9, 1.0);
        assert_eq!(drawn(&state, None).len(), 3, "few values are the line itself");
    }
}
