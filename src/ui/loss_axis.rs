//! The axes of the loss plot: steps, images, or time of training across; the loss up, linear or logarithmic.

use std::ops::RangeInclusive;

use egui_plot::{GridInput, GridMark};

use super::numbers;
use crate::app::LossAxis;

/// Smaller losses are drawn here on a logarithmic axis.
const FLOOR: f64 = 1e-9;

/// How high a loss stands.
pub fn height_of(linear: bool, loss: f64) -> f64 {
    if linear { loss } else { loss.max(FLOOR).log10() }
}

/// The loss that stands so high.
pub fn loss_at(linear: bool, height: f64) -> f64 {
    if linear { height } else { 10f64.powf(height) }
}

/// A loss that is marked, in as many figures as tell it from the next mark where the heights in `range` are seen.
pub fn word_of_loss(linear: bool, height: f64, range: &RangeInclusive<f64>) -> String {
    let loss = loss_at(linear, height);
    let seen = loss_at(linear, *range.end()) - loss_at(linear, *range.start());
    let fine = decimal(seen / 5.0) / 10.0;
    let short = numbers::short(loss);
    if numbers::parse(&short).is_some_and(|shown| (shown - loss).abs() < fine) {
        return short;
    }
    let decimals = (1.0 - fine.log10()).clamp(0.0, 12.0) as usize;
    format!("{loss:.decimals$}").trim_end_matches('0').to_owned()
}

/// A place in words: `1,240`, `0:58`.
pub fn word(axis: LossAxis, place: f64) -> String {
    match axis {
        LossAxis::Steps | LossAxis::Images => numbers::whole(place),
        LossAxis::Time => numbers::clock(place),
    }
}

/// About four marks: at 1, 2 or 5 times a power of ten, or of time at seconds, minutes and hours that one counts in.
#[allow(clippy::needless_pass_by_value, reason = "the plot hands it over by value")]
pub fn marks(axis: LossAxis, input: GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let rough = ((high - low) / 4.0).max(1.0);
    const TIMES: [f64; 14] =
        [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0];
    let step = match axis {
        LossAxis::Steps | LossAxis::Images => decimal(rough),
        LossAxis::Time => TIMES.into_iter().find(|step| *step >= rough).unwrap_or_else(|| decimal(rough)),
    };
    let first = (low / step).ceil() as i64;
    let marks = (first..).map(|i| i as f64 * step).take_while(|value| *value <= high);
    // The axis shows all labels of marks that are this far apart.
    marks.filter(|value| *value >= 0.0).map(|value| GridMark { value, step_size: step }).collect()
}

/// Marks of the loss, two to seven of them: at round losses; over more than half a power of ten of a logarithmic axis at 1, 2
/// and 5 times such, or fewer where they would crowd.
#[allow(clippy::needless_pass_by_value, reason = "the plot hands it over by value")]
pub fn marks_of_loss(linear: bool, input: GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    let span = high - low;
    if linear || span < 0.5 {
        let (low, high) = (loss_at(linear, low), loss_at(linear, high));
        let step = decimal((high - low) / 5.0);
        let marks = (0..=12).map(|i| ((low / step).ceil() + f64::from(i)) * step).take_while(|value| *value <= high);
        return marks.map(|value| GridMark { value: height_of(linear, value), step_size: span / 6.0 }).collect();
    }
    let stride = (span / 6.0).ceil() as usize;
    let (steps, step_size): (&[f64], _) = match span {
        span if span > 2.6 => (&[1.0], stride as f64),
        span if span > 1.0 => (&[1.0, 3.0], 0.4),
        _ => (&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0], 0.4),
    };
    let powers = (low.floor() as i32..=high.ceil() as i32).step_by(stride);
    let marks = powers.flat_map(|power| steps.iter().map(move |step| f64::from(power) + step.log10()));
    marks.filter(|value| (low..=high).contains(value)).map(|value| GridMark { value, step_size }).collect()
}

/// The smallest of 1, 2 and 5 times a power of ten that is no smaller.
fn decimal(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough).unwrap_or(rough)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_few_and_round() {
        let marks = |axis, high| {
            let input = GridInput { bounds: (0.0, high), base_step_size: 1.0 };
            super::marks(axis, input).into_iter().map(|mark| mark.value).collect::<Vec<_>>()
        };
        assert_eq!(marks(LossAxis::Steps, 1240.0), [0.0, 500.0, 1000.0]);
        assert_eq!(marks(LossAxis::Time, 120.0), [0.0, 30.0, 60.0, 90.0, 120.0]);
        assert_eq!(word(LossAxis::Time, 90.0), "1:30");
    }

    #[test]
    fn every_range_of_losses_has_marks_with_room_between_them() {
        // What the plot leaves for marks where the window is small, and what the height of a label takes of it.
        const HEIGHT: f64 = 110.0;
        const LABEL: f64 = 12.5;
        for linear in [false, true] {
            for low in [1e-6, 1e-3, 0.0973, 0.1, 0.85, 3.0] {
                for factor in [1.000_01, 1.0003, 1.01, 1.1, 1.4, 2.0, 3.3, 8.0, 14.0, 100.0, 600.0, 1e4, 1e7, 1e12] {
                    let bounds = (height_of(linear, low), height_of(linear, low * factor));
                    let marks = marks_of_loss(linear, GridInput { bounds, base_step_size: 1.0 });
                    let pixel = HEIGHT / (bounds.1 - bounds.0);
                    let what = format!("linear {linear}, {low} to {}: {} marks", low * factor, marks.len());
                    assert!((2..=7).contains(&marks.len()), "{what}");
                    let words = marks.iter().map(|mark| word_of_loss(linear, mark.value, &(bounds.0..=bounds.1)));
                    let words: std::collections::BTreeSet<String> = words.collect();
                    assert_eq!(words.len(), marks.len(), "{what}, one as the other: {words:?}");
                    for pair in marks.windows(2) {
                        assert!((pair[1].value - pair[0].value) * pixel > LABEL, "{what}, {}", pair[0].value);
                    }
                    assert!(
                        marks.iter().all(|mark| mark.step_size * pixel > LABEL),
                        "{what}, which the plot leaves out"
                    );
                }
            }
        }
    }
}
