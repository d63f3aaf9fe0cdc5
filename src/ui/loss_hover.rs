//! What the losses are at the pointer: of the step itself, smoothed, on held-out images, and of the runs beside.

use super::loss_axis;
use super::numbers;
use crate::app::loss_series::{Bucket, LossSeries};
use crate::app::{AppState, LossAxis, Places, Smoothing};

/// Letters of a run's name.
const LONGEST: usize = 28;

/// A line each: the place, and what each curve has there. `places` are those of the run that is shown.
pub fn words(state: &AppState, places: Places<'_>, place: f64) -> String {
    let (loss, place) = (&state.loss, place.max(0.0));
    let step = places.step(place).round();
    let across = loss_axis::word(loss.axis, place);
    let mut lines = vec![match loss.axis {
        LossAxis::Steps => format!("step {}", numbers::whole(step)),
        LossAxis::Images => format!("{across} images, step {}", numbers::whole(step)),
        LossAxis::Time => format!("{across}, step {}", numbers::whole(step)),
    }];
    let step = step as u64;
    if let Some((single, smooth)) = at(&loss.train, step, loss.smoothing) {
        let word = if single.points() > 1 { "losses near" } else { "loss" };
        lines.push(format!("{word} {}", values(&single)));
        lines.push(format!("train {smooth:.4}"));
        lines.extend(loss.held_out.before(step).map(|held_out| {
            let at = if held_out.points() > 1 {
                String::new()
            } else {
                format!(" at {}", numbers::whole(held_out.last as f64))
            };
            format!("held out {}{at}", values(&held_out))
        }));
    }
    for run in state.comparison.runs() {
        let Some(read) = &run.read else { continue };
        let places = Places::new(loss.axis, &read.settings, &read.clock);
        let Some((_, smooth)) = at(&read.train, places.step(place).round() as u64, loss.smoothing) else { continue };
        let name = state.runs.name(&run.path);
        let cut =
            name.char_indices().nth(LONGEST).map_or_else(|| name.clone(), |(end, _)| format!("{}…", &name[..end]));
        lines.push(format!("{cut} {smooth:.4}"));
    }
    lines.join("\n")
}

/// What a curve has at a step between its ends: the value, or those that are summed up there, and the average.
fn at(series: &LossSeries, step: u64, smoothing: Smoothing) -> Option<(Bucket, f64)> {
    let single = series.before(step).filter(|_| series.latest().is_some_and(|latest| step <= latest.last))?;
    let (_, smooth) = *series.smoothed(single.first..=single.last, 480, smoothing).last()?;
    Some((single, smooth))
}

fn values(bucket: &Bucket) -> String {
    if bucket.min == bucket.max {
        format!("{:.4}", bucket.mean)
    } else {
        format!("{:.4} to {:.4}", bucket.min, bucket.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    fn said(state: &AppState, place: f64) -> Vec<String> {
        let places = Places::new(state.loss.axis, &state.settings, &state.loss.clock);
        words(state, places, place).lines().map(str::to_owned).collect()
    }

    #[test]
    fn each_curve_tells_its_value_at_the_place() {
        let mut state = AppState::new(Preset::Small.settings());
        assert_eq!(said(&state, 7.0), ["step 7"]);
        for step in 1..=1000 {
            state.loss.train.push(step, step as f64);
            state.loss.clock.push(step, 0.5 * step as f64);
        }
        [(100, 4.0), (200, 3.0), (300, 2.5)].into_iter().for_each(|(step, loss)| state.loss.held_out.push(step, loss));
        state.loss.smoothing = Smoothing::over(1.0);
        assert_eq!(said(&state, 250.4), ["step 250", "loss 250.0000", "train 250.0000", "held out 3.0000 at 200"]);
        assert_eq!(said(&state, 50.0), ["step 50", "loss 50.0000", "train 50.0000"], "not judged yet");
        assert_eq!(said(&state, 1200.0), ["step 1,200"], "the run is not there yet");
        assert_eq!(said(&state, -3.0), ["step 0"]);
        state.loss.axis = LossAxis::Images;
        assert_eq!(said(&state, 64.0 * 300.0)[0], "19,200 images, step 300");
        state.loss.axis = LossAxis::Time;
        assert_eq!(said(&state, 150.0)[..2], ["2:30, step 300", "loss 300.0000"]);
    }

    #[test]
    fn old_steps_of_a_long_run_tell_between_which_losses_they_lie() {
        let mut state = AppState::new(Preset::Small.settings());
        (1..=100_000).for_each(|step| state.loss.train.push(step, (step % 4) as f64));
        assert_eq!(said(&state, 4_000.0)[1], "losses near 0.0000 to 3.0000");
        assert_eq!(said(&state, 99_999.0)[1], "loss 3.0000");
    }
}
