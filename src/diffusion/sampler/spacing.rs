//! Which timesteps a sampler with fewer than T steps visits.

use super::super::Schedule;

/// A way to choose the timesteps. The first three are named and defined as in Lin et al. 2023 (table 2) and in
/// diffusers, for pictures that must agree with it; [`Spacing::Angle`] is for drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Multiples of ⌊T/n⌋ from 0: never starts at T−1, so the first call is not told that it sees pure noise.
    Leading,
    /// n+1 equal parts of 0..T−1 without the end at 0: starts at T−1.
    Linspace,
    /// Steps of T/n back from T−1: starts at T−1.
    Trailing,
    /// Equal steps of the angle between image and noise ([`Schedule::angle`]), from the last timestep at which any
    /// image is left. The cosine schedule turns at a constant rate, so there this is `Linspace`; on others it
    /// spends no step on pure noise, and draws with as few steps as the cosine schedule does.
    Angle,
}

impl Spacing {
    /// The timesteps in falling order: `steps` of them, or T when that is less, and at least 1.
    pub fn timesteps(self, schedule: &Schedule, steps: usize) -> Vec<usize> {
        let last = schedule.timesteps() - 1;
        let n = steps.clamp(1, last + 1);
        match self {
            Self::Leading => (0..n).rev().map(|i| i * ((last + 1) / n)).collect(),
            Self::Linspace => {
                let part = last as f64 / n as f64;
                (1..=n).rev().map(|i| i as f64 * part).scan(last + 1, strictly_below).collect()
            }
            Self::Trailing => {
                let part = (last + 1) as f64 / n as f64;
                (1..=n)
                    .rev()
                    .map(|i| (i as f64 * part).round_ties_even() - 1.0)
                    .scan(last + 1, strictly_below)
                    .collect()
            }
            Self::Angle => equal_angles(schedule, n),
        }
    }
}

/// `t` rounded (halves to even, as NumPy does), lowered to be under `above`, which it becomes.
fn strictly_below(above: &mut usize, t: f64) -> Option<usize> {
    *above = (t.round_ties_even() as usize).min(above.saturating_sub(1));
    Some(*above)
}

/// For each of n equal steps from the angle of noise to 0, the timestep whose angle is nearest.
fn equal_angles(schedule: &Schedule, n: usize) -> Vec<usize> {
    let visible = schedule.pure_noise_from().unwrap_or(schedule.timesteps());
    // With as many steps as timesteps, every one of them is visited, the noise too.
    let top = visible.saturating_sub(1).max(n - 1);
    let step = schedule.angle(top) / n as f64;
    let angles: Vec<f64> = (0..=top).map(|t| schedule.angle(t)).collect();
    let mut above = top + 1;
    let mut timesteps = Vec::with_capacity(n);
    for left in (1..=n).rev() {
        let wanted = step * left as f64;
        let next = angles.partition_point(|&angle| angle < wanted).min(top);
        let nearest = if next > 0 && wanted - angles[next - 1] < angles[next] - wanted { next - 1 } else { next };
        // Between those still to come and the one before: timesteps fall strictly, and 0 is passed by none.
        above = nearest.clamp(left - 1, above - 1);
        timesteps.push(above);
    }
    timesteps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spacings_fall_strictly_and_have_the_steps_asked_for() {
        for schedule in [
            Schedule::linear(1000, 1e-4, 0.02),
            Schedule::linear(1000, 1e-4, 0.2),
            Schedule::linear(2, 0.5, 0.999_999_9),
            Schedule::linear(37, 1e-5, 0.5),
            Schedule::cosine(1000),
            Schedule::cosine(2),
        ] {
            let schedule = schedule.unwrap();
            let t_max = schedule.timesteps();
            for spacing in [Spacing::Leading, Spacing::Linspace, Spacing::Trailing, Spacing::Angle] {
                for steps in [0, 1, 2, 3, 16, 36, 37, 50, 333, 700, 999, 1000, 4000] {
                    let timesteps = spacing.timesteps(&schedule, steps);
                    assert_eq!(timesteps.len(), steps.clamp(1, t_max), "{spacing:?} {steps}");
                    assert!(timesteps.windows(2).all(|pair| pair[0] > pair[1]), "{spacing:?} {timesteps:?}");
                    assert!(timesteps[0] < t_max, "{spacing:?} {timesteps:?}");
                }
            }
        }
    }

    #[test]
    fn all_steps_visit_all_timesteps() {
        let schedule = Schedule::linear(100, 1e-4, 0.5).unwrap();
        for spacing in [Spacing::Leading, Spacing::Linspace, Spacing::Trailing, Spacing::Angle] {
            assert!(spacing.timesteps(&schedule, 100).into_iter().eq((0..100).rev()), "{spacing:?}");
        }
    }

    #[test]
    fn equal_angles_skip_pure_noise_and_are_equal() {
        let schedule = Schedule::linear(1000, 1e-4, 0.2).unwrap();
        let timesteps = Spacing::Angle.timesteps(&schedule, 20);
        assert_eq!(timesteps[0] + 1, schedule.pure_noise_from().unwrap());
        let angles: Vec<f64> = timesteps.iter().map(|&t| schedule.angle(t)).collect();
        let step = angles[0] / 20.0;
        assert!(angles.windows(2).all(|pair| (pair[0] - pair[1] - step).abs() < 0.3 * step), "{angles:?}");
    }
}
