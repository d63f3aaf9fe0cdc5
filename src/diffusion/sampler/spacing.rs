//! Which timesteps a sampler with fewer than T steps visits.

use super::super::Schedule;

/// ρ of Karras et al. 2022.
const RHO: f64 = 7.0;

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
    /// Equal steps of σ^(1/7), σ = √(1−ᾱ)/√ᾱ, from the same timestep to 0 (Karras et al. 2022, eq. 5): long steps
    /// where there is most noise, short ones at the image.
    Karras,
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
            Self::Angle => {
                let top = last_visible(schedule, n);
                let part = schedule.angle(top) / n as f64;
                nearest(top, |t| schedule.angle(t), (1..=n).rev().map(|left| part * left as f64), n)
            }
            Self::Karras => {
                let top = last_visible(schedule, n);
                let rooted = |t: usize| (-schedule.log_snr(t) / (2.0 * RHO)).exp();
                let part = (rooted(top) - rooted(0)) / (n - 1).max(1) as f64;
                nearest(top, rooted, (0..n).map(|i| rooted(top) - part * i as f64), n)
            }
        }
    }
}

/// `t` rounded (halves to even, as NumPy does), lowered to be under `above`, which it becomes.
fn strictly_below(above: &mut usize, t: f64) -> Option<usize> {
    *above = (t.round_ties_even() as usize).min(above.saturating_sub(1));
    Some(*above)
}

/// The last timestep at which any image is left; with as many steps as timesteps every one is visited, the noise too.
fn last_visible(schedule: &Schedule, n: usize) -> usize {
    schedule.pure_noise_from().unwrap_or(schedule.timesteps()).saturating_sub(1).max(n - 1)
}

/// For each of `n` wanted values, which fall, the timestep up to `top` whose own `value`, which rises, is nearest.
fn nearest(top: usize, value: impl Fn(usize) -> f64, wanted: impl Iterator<Item = f64>, n: usize) -> Vec<usize> {
    let values: Vec<f64> = (0..=top).map(value).collect();
    let mut above = top + 1;
    let mut timesteps = Vec::with_capacity(n);
    for (wanted, left) in wanted.zip((1..=n).rev()) {
        let next = values.partition_point(|&value| value < wanted).min(top);
        let nearest = if next > 0 && wanted - values[next - 1] < values[next] - wanted { next - 1 } else { next };
        // Between those still to come and the one before: timesteps fall strictly, and 0 is passed by none.
        above = nearest.clamp(left - 1, above - 1);
        timesteps.push(above);
    }
    timesteps
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Spacing; 5] = [Spacing::Leading, Spacing::Linspace, Spacing::Trailing, Spacing::Angle, Spacing::Karras];

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
            for spacing in ALL {
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
        for spacing in ALL {
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

    /// The paper's own example, σ from 80 to 0.002 in 18 steps, has half of its σ under 2.5.
    #[test]
    fn steps_of_karras_are_equal_in_the_seventh_root_and_end_at_0() {
        for schedule in [Schedule::cosine(4000), Schedule::linear(4000, 1e-6, 0.05)] {
            let schedule = schedule.unwrap();
            let timesteps = Spacing::Karras.timesteps(&schedule, 12);
            assert_eq!(timesteps[11], 0);
            let sigma = |t: usize| (-0.5 * schedule.log_snr(t)).exp();
            let (first, last) = (sigma(timesteps[0]).powf(1.0 / 7.0), sigma(0).powf(1.0 / 7.0));
            for (i, &t) in timesteps.iter().enumerate() {
                let wanted = (first + i as f64 / 11.0 * (last - first)).powi(7);
                assert!((sigma(t) / wanted).ln().abs() < 0.2, "{i}: {} {wanted}", sigma(t));
            }
        }
    }
}
