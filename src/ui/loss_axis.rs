//! The horizontal axis of the loss plot: steps, images, or time of training.

use egui_plot::{GridInput, GridMark};

use super::numbers;
use crate::app::LossAxis;

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
    let decimal = || {
        let power = 10f64.powf(rough.log10().floor());
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough).unwrap_or(rough)
    };
    const TIMES: [f64; 14] =
        [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0];
    let step = match axis {
        LossAxis::Steps | LossAxis::Images => decimal(),
        LossAxis::Time => TIMES.into_iter().find(|step| *step >= rough).unwrap_or_else(decimal),
    };
    let first = (low / step).ceil() as i64;
    let marks = (first..).map(|i| i as f64 * step).take_while(|value| *value <= high);
    // The axis shows all labels of marks that are this far apart.
    marks.filter(|value| *value >= 0.0).map(|value| GridMark { value, step_size: step }).collect()
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
}
