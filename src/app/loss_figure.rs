//! The loss plot as SVG, for papers and pages: light, and sharp at every size. The PNG is drawn of it.

use std::fmt::Write;

use super::loss_places::Places;
use super::loss_series::LossSeries;
use super::state::{AppState, LossAxis, LossPlot, RunFacts};

/// Size of the figure, CSS pixels.
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 450.0;
/// Edges of the plot inside it: left, right, top, bottom.
const EDGES: [f64; 4] = [72.0, 784.0, 44.0, 398.0];
/// Buckets of a curve: one for each pixel across, so that no outlier is lost.
const MOST_BUCKETS: usize = 712;
/// Marks along an axis, about.
const MARKS: f64 = 6.0;

/// Colours of the run that is shown and of those that are compared with it.
const TRAIN: &str = "#1f6feb";
const HELD_OUT: &str = "#bc4c00";
const COMPARED: [&str; super::comparison::MOST] = ["#0b758f", "#a03a93", "#666e00", "#b83e2c"];

/// A run beside the one that is shown.
struct Beside<'a> {
    name: String,
    color: &'static str,
    train: &'a LossSeries,
    places: Places<'a>,
}

impl AppState {
    /// The loss of the run that is shown and of those that are compared with it, on the axes that are chosen.
    pub(super) fn loss_figure(&self, run: &RunFacts) -> String {
        let axis = self.loss.axis;
        let beside = self.comparison.runs().iter().filter_map(|run| {
            let read = run.read.as_ref()?;
            let places = Places::new(axis, &read.settings, &read.clock);
            Some(Beside { name: self.runs.name(&run.path), color: COMPARED[run.color], train: &read.train, places })
        });
        let places = Places::new(axis, &run.settings, &self.loss.clock);
        figure(&self.loss, places, &beside.collect::<Vec<_>>(), &self.runs.name(&run.folder))
    }
}

/// The plot of the loss as SVG, with `title` above it.
fn figure(plot: &LossPlot, places: Places<'_>, beside: &[Beside<'_>], title: &str) -> String {
    let smooth = |series: &LossSeries| series.smoothed(0..=u64::MAX, MOST_BUCKETS, plot.smoothing);
    let beside: Vec<_> = beside.iter().map(|run| (run, placed(&smooth(run.train), run.places))).collect();
    let ends = beside.iter().flat_map(|(run, _)| {
        let buckets = run.train.visible(0..=u64::MAX, MOST_BUCKETS);
        buckets
            .into_iter()
            .flat_map(|bucket| [bucket.min, bucket.max].map(|loss| (run.places.of(bucket.last as f64), loss)))
    });
    let frame = Frame::of(plot, places, ends.collect::<Vec<_>>().into_iter());
    let [left, right, top, bottom] = EDGES;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12" fill="#3d444d">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="{left}" y="26" font-size="15" fill="#1f2328">{}</text>
"##,
        escaped(title)
    );
    for value in frame.marks_of_loss() {
        let y = frame.y(value);
        line(&mut svg, &format!(r##"<path d="M{left} {y:.1}H{right}" stroke="#e4e7eb"/>"##));
        line(&mut svg, &format!(r#"<text x="{}" y="{:.1}" text-anchor="end">{value}</text>"#, left - 8.0, y + 4.0));
    }
    let (unit, across) = unit(plot.axis, frame.last);
    for mark in marks(0.0, frame.last / unit) {
        let x = frame.x(mark * unit);
        line(&mut svg, &format!(r#"<text x="{x:.1}" y="{}" text-anchor="middle">{mark}</text>"#, bottom + 18.0));
    }
    let (middle, up) = ((left + right) / 2.0, if plot.linear { "loss" } else { "loss (logarithmic)" });
    line(&mut svg, &format!(r#"<text x="{middle}" y="{}" text-anchor="middle">{across}</text>"#, bottom + 38.0));
    let (x, y) = (18.0, (top + bottom) / 2.0);
    line(
        &mut svg,
        &format!(r#"<text x="{x}" y="{y}" text-anchor="middle" transform="rotate(-90 {x} {y})">{up}</text>"#),
    );
    line(&mut svg, &frame.band(&plot.train, places));
    for (run, points) in &beside {
        line(&mut svg, &frame.spread(run.train, run.places, run.color));
        line(&mut svg, &frame.curve(points, run.color, &run.name));
    }
    line(&mut svg, &frame.curve(&placed(&smooth(&plot.train), places), TRAIN, "training, smoothed"));
    line(&mut svg, &frame.spread(&plot.held_out, places, HELD_OUT));
    let held_out = plot.held_out.visible(0..=u64::MAX, MOST_BUCKETS);
    let held_out: Vec<_> = held_out.iter().map(|bucket| (bucket.last, bucket.mean)).collect();
    line(&mut svg, &frame.curve(&placed(&held_out, places), HELD_OUT, "held out"));
    let mut x = right;
    for (name, color, drawn) in [("held out", HELD_OUT, !held_out.is_empty()), ("training", TRAIN, true)] {
        if drawn {
            line(&mut svg, &format!(r#"<text x="{x}" y="26" text-anchor="end" fill="{color}">{name}</text>"#));
            x -= 72.0;
        }
    }
    for (i, (run, _)) in beside.iter().enumerate() {
        let (y, name) = (top + 14.0 + 16.0 * i as f64, escaped(&run.name));
        let (x, color) = (right - 6.0, run.color);
        line(&mut svg, &format!(r#"<text x="{x}" y="{y}" text-anchor="end" fill="{color}">{name}</text>"#));
    }
    svg += "</svg>\n";
    svg
}

/// What one unit of the marks is on the horizontal axis, and what it says.
fn unit(axis: LossAxis, last: f64) -> (f64, &'static str) {
    match axis {
        LossAxis::Steps => (1.0, "step"),
        LossAxis::Images => (1.0, "images"),
        LossAxis::Time if last <= 300.0 => (1.0, "seconds of training"),
        LossAxis::Time if last <= 5.0 * 3600.0 => (60.0, "minutes of training"),
        LossAxis::Time => (3600.0, "hours of training"),
    }
}

/// Steps and losses as places on the horizontal axis and losses.
fn placed(points: &[(u64, f64)], places: Places<'_>) -> Vec<(f64, f64)> {
    points.iter().map(|&(step, loss)| (places.of(step as f64), loss)).collect()
}

fn line(svg: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "{text}");
}

/// The text with what XML would take for markup written otherwise, and without what it forbids.
fn escaped(text: &str) -> String {
    let sound = text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    sound.collect::<String>().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What part of the numbers is drawn where.
struct Frame {
    /// The last place on the horizontal axis.
    last: f64,
    low: f64,
    high: f64,
    linear: bool,
}

impl Frame {
    fn of(plot: &LossPlot, places: Places<'_>, beside: impl Iterator<Item = (f64, f64)> + Clone) -> Self {
        let own = plot.train.latest().map_or(0.0, |latest| places.of(latest.last as f64));
        let last = beside.clone().map(|(place, _)| place).fold(own, f64::max);
        let last = if last > 0.0 { last } else { 1.0 };
        let buckets = [&plot.train, &plot.held_out].map(|series| series.visible(0..=u64::MAX, MOST_BUCKETS));
        let shown = |value: &f64| value.is_finite() && (plot.linear || *value > 0.0);
        let values = buckets.iter().flatten().flat_map(|bucket| [bucket.min, bucket.max]);
        let values = values.chain(beside.map(|(_, loss)| loss)).filter(shown);
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let frame = |low, high| Self { last, low, high, linear: plot.linear };
        match (low <= high, plot.linear) {
            // Nothing that the axis holds.
            (false, _) => frame(0.1, 1.0),
            (true, true) => frame(low.min(0.0), if high > low.min(0.0) { 1.05 * high } else { 1.0 }),
            (true, false) => frame(low / 1.1, high * 1.1),
        }
    }

    fn x(&self, place: f64) -> f64 {
        EDGES[0] + (EDGES[1] - EDGES[0]) * place / self.last
    }

    /// Values that the axis does not hold, as infinity and zeros of a logarithmic one, are drawn at its end.
    fn y(&self, loss: f64) -> f64 {
        let loss = if loss.is_nan() { self.high } else { loss.clamp(self.low, self.high) };
        let share = if self.linear {
            (loss - self.low) / (self.high - self.low)
        } else {
            (loss / self.low).ln() / (self.high / self.low).ln()
        };
        EDGES[3] - (EDGES[3] - EDGES[2]) * share
    }

    /// From the lowest to the highest loss of each bucket, and on to the next: of few steps it is a line, of many a band.
    fn band(&self, series: &LossSeries, places: Places<'_>) -> String {
        let buckets = series.visible(0..=u64::MAX, MOST_BUCKETS);
        let mut path = String::new();
        for bucket in &buckets {
            let x = self.x(places.of((bucket.first + bucket.last) as f64 / 2.0));
            let (low, high) = (self.y(bucket.min), self.y(bucket.max));
            let to = if path.is_empty() { 'M' } else { 'L' };
            // A single value has no height: half a pixel each way shows it.
            let _ = write!(path, "{to}{x:.1} {:.1}V{:.1}", low + 0.5, high - 0.5);
        }
        format!(
            r##"<path d="{path}" stroke="#a5c8ff" fill="none" stroke-linejoin="round"><title>training, every step</title></path>"##
        )
    }

    /// The same of buckets of several losses, faint: what their mean or a smoothed curve does not show.
    fn spread(&self, series: &LossSeries, places: Places<'_>, color: &str) -> String {
        let mut path = String::new();
        for bucket in series.visible(0..=u64::MAX, MOST_BUCKETS).iter().filter(|bucket| bucket.points() > 1) {
            let x = self.x(places.of((bucket.first + bucket.last) as f64 / 2.0));
            let _ = write!(path, "M{x:.1} {:.1}V{:.1}", self.y(bucket.min), self.y(bucket.max));
        }
        format!(r#"<path d="{path}" stroke="{color}" stroke-opacity="0.35" fill="none"/>"#)
    }

    fn curve(&self, points: &[(f64, f64)], color: &str, name: &str) -> String {
        let points: Vec<String> =
            points.iter().map(|&(place, loss)| format!("{:.1},{:.1}", self.x(place), self.y(loss))).collect();
        let name = escaped(name);
        let style = r#"fill="none" stroke-width="1.5" stroke-linejoin="round""#;
        format!(r#"<polyline points="{}" stroke="{color}" {style}><title>{name}</title></polyline>"#, points.join(" "))
    }

    fn marks_of_loss(&self) -> Vec<f64> {
        if self.linear {
            return marks(self.low, self.high);
        }
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let values = decades.flat_map(|decade| [1, 2, 5].map(|digit| format!("{digit}e{decade}")));
        let values = values.filter_map(|text| text.parse::<f64>().ok());
        values.filter(|value| (self.low..=self.high).contains(value)).collect()
    }
}

/// Round values from `low` to `high`.
fn marks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / MARKS;
    let decade = rough.log10().floor() as i32;
    let steps = [1, 2, 5, 10].into_iter().filter_map(|digit| format!("{digit}e{decade}").parse::<f64>().ok());
    let step = steps.into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    // Through text, so that 3 · 0.1 is 0.3.
    (first..=last).filter_map(|i| format!("{:.12}", i as f64 * step).parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    fn plot(losses: impl IntoIterator<Item = f64>, linear: bool) -> LossPlot {
        let mut plot = LossPlot { linear, ..LossPlot::default() };
        losses.into_iter().enumerate().for_each(|(i, loss)| plot.train.push(i as u64 + 1, loss));
        plot
    }

    /// Of a run of batches of 64, alone.
    fn alone(plot: &LossPlot, title: &str) -> String {
        figure(plot, Places::new(plot.axis, &Preset::Small.settings(), &plot.clock), &[], title)
    }

    fn frame(plot: &LossPlot) -> Frame {
        Frame::of(plot, Places::new(plot.axis, &Preset::Small.settings(), &plot.clock), std::iter::empty())
    }

    #[test]
    fn it_has_the_axis_and_the_runs_that_the_window_shows() {
        let mut plot = plot((1..=100).map(|_| 0.5), true);
        (1..=100).for_each(|step| plot.clock.push(step, 12.0 * step as f64));
        let marks_of = |plot: &LossPlot| alone(plot, "run");
        plot.axis = LossAxis::Images;
        assert!(marks_of(&plot).contains(">6000</text>") && marks_of(&plot).contains(">images</text>"));
        plot.axis = LossAxis::Time;
        assert!(marks_of(&plot).contains(">20</text>") && marks_of(&plot).contains(">minutes of training</text>"));

        plot.axis = LossAxis::Images;
        let mut settings = Preset::Small.settings();
        let places = Places::new(plot.axis, &settings, &plot.clock);
        settings.training.batch_size = 256;
        let other = LossSeries::of(&[(1, 2.0), (100, 1.0)]);
        let wide = Places::new(plot.axis, &settings, &plot.clock);
        let beside = Beside { name: "a < b".into(), color: COMPARED[1], train: &other, places: wide };
        let both = figure(&plot, places, &[beside], "run");
        assert!(both.contains(">a &lt; b</text>") && both.contains(r##"stroke="#a03a93""##), "{both}");
        assert!(both.contains(">25000</text>"), "its 25,600 images are on the axis too: {both}");
        assert!(both.contains(">2</text>"), "and its loss");
    }

    #[test]
    fn the_curves_stand_between_the_marks_that_name_their_values() {
        let mut plot = plot((1..=1000).map(|step| 1.0 / f64::from(step)), false);
        plot.held_out.push(500, 0.01);
        let frame = frame(&plot);
        assert_eq!(frame.marks_of_loss().first().copied(), Some(0.001));
        assert_eq!(frame.marks_of_loss().last().copied(), Some(1.0));
        let decade = frame.y(0.01) - frame.y(0.1);
        assert!((frame.y(0.1) - frame.y(1.0) - decade).abs() < 1e-9, "decades are equally far apart");
        assert!(frame.y(1.0) > EDGES[2] && frame.y(0.001) < EDGES[3]);
        let svg = alone(&plot, "a <run> & more");
        for part in ["a &lt;run&gt; &amp; more", ">0.001</text>", ">1000</text>", "held out", "loss (logarithmic)"] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
    }

    #[test]
    fn an_outlier_among_many_is_drawn_held_out_and_of_compared_runs_too() {
        let spike = |step: u64| if step == 40_000 { 9.0 } else { 0.5 };
        let mut plot = plot((1..=100_000).map(|_| 0.5), true);
        (1..=100_000).for_each(|step| plot.held_out.push(step, spike(step)));
        let of_frame = frame(&plot);
        let top = format!("V{:.1}", of_frame.y(9.0));
        assert!(alone(&plot, "run").contains(&top), "the held-out loss");

        let losses: Vec<_> = (1..=100_000).map(|step| (step, spike(step))).collect();
        let (other, settings) = (LossSeries::of(&losses), Preset::Small.settings());
        let places = Places::new(plot.axis, &settings, &plot.clock);
        plot.held_out = LossSeries::default();
        let beside = Beside { name: "b".into(), color: COMPARED[1], train: &other, places };
        let both = figure(&plot, places, &[beside], "run");
        assert!(both.contains(&top) && both.contains(">8</text>"), "of a compared run, on the axis too");
    }

    #[test]
    fn marks_are_round() {
        assert_eq!(marks(0.0, 1.05), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(marks(0.0, 1200.0), [0.0, 200.0, 400.0, 600.0, 800.0, 1000.0, 1200.0]);
    }

    #[test]
    fn losses_that_no_axis_holds_leave_sound_numbers() {
        for linear in [false, true] {
            let svg = alone(&plot([0.5, f64::INFINITY, f64::NAN, 0.0, 0.25], linear), "run");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            let svg = alone(&plot([0.0], linear), "run");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn each_loss_of_a_few_is_joined_to_the_next() {
        let svg = alone(&plot([1.0, 0.5, 0.25], true), "run");
        let path = svg.split_once(r##"" stroke="#a5c8ff""##).unwrap().0.rsplit_once("d=\"").unwrap().1;
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (1, 2), "{path}");
    }

    #[test]
    fn the_png_has_the_colours_of_the_curves_where_the_frame_puts_them() {
        let mut plot = plot((1..=1000).map(|_| 0.5), true);
        [1, 500, 1000].into_iter().for_each(|step| plot.held_out.push(step, 0.2));
        let (frame, folder) = (frame(&plot), tempfile::tempdir().unwrap());
        let path = folder.path().join("loss.png");
        crate::pictures::write_figure(&path, &alone(&plot, "run"), None).unwrap();
        let read = image::open(&path).unwrap().into_rgb8();
        assert_eq!(read.dimensions(), (1600, 900));
        // The colour that is nearest to a curve's middle: a line between two rows of pixels blends with the white.
        let drawn = |step, loss| {
            let (x, y) = (2.0 * frame.x(step), 2.0 * frame.y(loss));
            let column = (y as u32 - 2..y as u32 + 2).map(|y| read.get_pixel(x as u32, y).0);
            column.min_by_key(|rgb| rgb.iter().map(|&part| u32::from(part)).sum::<u32>()).unwrap()
        };
        assert_eq!(drawn(300.0, 0.5), [0x1f, 0x6f, 0xeb]);
        assert_eq!(drawn(700.0, 0.2), [0xbc, 0x4c, 0x00]);
        assert_eq!(drawn(700.0, 0.35), [255; 3]);
    }
}
