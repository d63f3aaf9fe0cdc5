//! The loss plot as SVG, for papers and pages: light, and sharp at every size. The PNG is drawn of it.

use std::fmt::Write;

use super::loss_series::LossSeries;
use super::state::{AppState, LossPlot};

/// Size of the figure, CSS pixels.
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 450.0;
/// Edges of the plot inside it: left, right, top, bottom.
const EDGES: [f64; 4] = [72.0, 784.0, 44.0, 398.0];
/// Buckets of a curve: one for each pixel across, so that no outlier is lost.
const MOST_BUCKETS: usize = 712;
/// Marks along an axis, about.
const MARKS: f64 = 6.0;

impl AppState {
    /// The loss of the run that is shown, against its steps, on the axis that is chosen; none before its first step.
    pub(super) fn loss_figure(&self) -> Option<String> {
        let run = self.run.as_ref()?;
        figure(&self.loss, &self.runs.name(&run.folder))
    }
}

/// The plot of the loss as SVG, with `title` above it; none without losses.
pub fn figure(plot: &LossPlot, title: &str) -> Option<String> {
    let frame = Frame::of(plot)?;
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
    for step in marks(0.0, frame.last_step) {
        let x = frame.x(step);
        line(&mut svg, &format!(r#"<text x="{x:.1}" y="{}" text-anchor="middle">{step}</text>"#, bottom + 18.0));
    }
    let (middle, axis) = ((left + right) / 2.0, if plot.linear { "loss" } else { "loss (logarithmic)" });
    line(&mut svg, &format!(r#"<text x="{middle}" y="{}" text-anchor="middle">step</text>"#, bottom + 38.0));
    let (x, y) = (18.0, (top + bottom) / 2.0);
    line(
        &mut svg,
        &format!(r#"<text x="{x}" y="{y}" text-anchor="middle" transform="rotate(-90 {x} {y})">{axis}</text>"#),
    );
    line(&mut svg, &frame.band(&plot.train));
    let smoothed = plot.train.smoothed(0..=u64::MAX, MOST_BUCKETS, plot.smoothing);
    line(&mut svg, &frame.curve(&smoothed, "#1f6feb", "training, smoothed"));
    let held_out: Vec<_> =
        plot.held_out.visible(0..=u64::MAX, MOST_BUCKETS).iter().map(|bucket| (bucket.last, bucket.mean)).collect();
    line(&mut svg, &frame.curve(&held_out, "#bc4c00", "held out"));
    let mut x = right;
    for (name, color, drawn) in [("held out", "#bc4c00", !held_out.is_empty()), ("training", "#1f6feb", true)] {
        if drawn {
            line(&mut svg, &format!(r#"<text x="{x}" y="26" text-anchor="end" fill="{color}">{name}</text>"#));
            x -= 72.0;
        }
    }
    svg += "</svg>\n";
    Some(svg)
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
    last_step: f64,
    low: f64,
    high: f64,
    linear: bool,
}

impl Frame {
    fn of(plot: &LossPlot) -> Option<Self> {
        let last_step = plot.train.latest()?.last.max(1) as f64;
        let buckets = [&plot.train, &plot.held_out].map(|series| series.visible(0..=u64::MAX, MOST_BUCKETS));
        let shown = |value: &f64| value.is_finite() && (plot.linear || *value > 0.0);
        let values = buckets.iter().flatten().flat_map(|bucket| [bucket.min, bucket.max]).filter(shown);
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let frame = |low, high| Self { last_step, low, high, linear: plot.linear };
        match (low <= high, plot.linear) {
            (false, _) => None,
            (true, true) => Some(frame(low.min(0.0), if high > low.min(0.0) { 1.05 * high } else { 1.0 })),
            (true, false) => Some(frame(low / 1.1, high * 1.1)),
        }
    }

    fn x(&self, step: f64) -> f64 {
        EDGES[0] + (EDGES[1] - EDGES[0]) * step / self.last_step
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
    fn band(&self, series: &LossSeries) -> String {
        let buckets = series.visible(0..=u64::MAX, MOST_BUCKETS);
        let mut path = String::new();
        for bucket in &buckets {
            let x = self.x((bucket.first + bucket.last) as f64 / 2.0);
            let (low, high) = (self.y(bucket.min), self.y(bucket.max));
            let to = if path.is_empty() { 'M' } else { 'L' };
            // A single value has no height: half a pixel each way shows it.
            let _ = write!(path, "{to}{x:.1} {:.1}V{:.1}", low + 0.5, high - 0.5);
        }
        format!(
            r##"<path d="{path}" stroke="#a5c8ff" fill="none" stroke-linejoin="round"><title>training, every step</title></path>"##
        )
    }

    fn curve(&self, points: &[(u64, f64)], color: &str, name: &str) -> String {
        let points: Vec<String> =
            points.iter().map(|&(step, loss)| format!("{:.1},{:.1}", self.x(step as f64), self.y(loss))).collect();
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

    fn plot(losses: impl IntoIterator<Item = f64>, linear: bool) -> LossPlot {
        let mut plot = LossPlot { linear, ..LossPlot::default() };
        losses.into_iter().enumerate().for_each(|(i, loss)| plot.train.push(i as u64 + 1, loss));
        plot
    }

    #[test]
    fn the_curves_stand_between_the_marks_that_name_their_values() {
        let mut plot = plot((1..=1000).map(|step| 1.0 / f64::from(step)), false);
        plot.held_out.push(500, 0.01);
        let frame = Frame::of(&plot).unwrap();
        assert_eq!(frame.marks_of_loss().first().copied(), Some(0.001));
        assert_eq!(frame.marks_of_loss().last().copied(), Some(1.0));
        let decade = frame.y(0.01) - frame.y(0.1);
        assert!((frame.y(0.1) - frame.y(1.0) - decade).abs() < 1e-9, "decades are equally far apart");
        assert!(frame.y(1.0) > EDGES[2] && frame.y(0.001) < EDGES[3]);
        let svg = figure(&plot, "a <run> & more").unwrap();
        for part in ["a &lt;run&gt; &amp; more", ">0.001</text>", ">1000</text>", "held out", "loss (logarithmic)"] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
    }

    #[test]
    fn marks_are_round() {
        assert_eq!(marks(0.0, 1.05), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(marks(0.0, 1200.0), [0.0, 200.0, 400.0, 600.0, 800.0, 1000.0, 1200.0]);
    }

    #[test]
    fn losses_that_no_axis_holds_leave_sound_numbers() {
        for linear in [false, true] {
            let svg = figure(&plot([0.5, f64::INFINITY, f64::NAN, 0.0, 0.25], linear), "run").unwrap();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert!(figure(&plot([0.5], linear), "run").is_some());
            assert!(figure(&plot([], linear), "run").is_none());
        }
    }

    #[test]
    fn each_loss_of_a_few_is_joined_to_the_next() {
        let svg = figure(&plot([1.0, 0.5, 0.25], true), "run").unwrap();
        let path = svg.split_once(r##"" stroke="#a5c8ff""##).unwrap().0.rsplit_once("d=\"").unwrap().1;
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (1, 2), "{path}");
    }

    #[test]
    fn the_png_has_the_colours_of_the_curves_where_the_frame_puts_them() {
        let mut plot = plot((1..=1000).map(|_| 0.5), true);
        [1, 500, 1000].into_iter().for_each(|step| plot.held_out.push(step, 0.2));
        let (frame, folder) = (Frame::of(&plot).unwrap(), tempfile::tempdir().unwrap());
        let path = folder.path().join("loss.png");
        crate::pictures::write_figure(&path, &figure(&plot, "run").unwrap(), None).unwrap();
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
