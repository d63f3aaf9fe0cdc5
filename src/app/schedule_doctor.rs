//! The schedule doctor: what is wrong with a noise schedule, in words with its numbers, and what would mend it.
//!
//! The rules, the first that applies:
//!
//! | finding | when |
//! |---|---|
//! | the end is too clear | √ᾱ_T over [`SEEN`]: x_T still shows the image, but drawing starts from pure noise (Lin et al. 2024, arXiv 2305.08891) |
//! | most is wasted | over [`MUCH_WASTE`] of the timesteps have SNR < [`PURE_NOISE_SNR`]: they teach nothing |
//! | too coarse | fewer than [`FEW`] timesteps lie between a clear image (ᾱ ≥ [`CLEAR`]) and pure noise |
//! | good | none of these |

use crate::config::{DiffusionSettings, MAX_TIMESTEPS, ScheduleKind};
use crate::diffusion::Schedule;
use crate::diffusion::schedule::PURE_NOISE_SNR;

/// √ᾱ_T over which the end is not yet noise. Stable Diffusion's 6.8 % is a known flaw; the usual range leaves 0.6 %.
const SEEN: f64 = 0.05;
/// Share of timesteps on pure noise that is too much.
const MUCH_WASTE: f64 = 0.25;
/// Timesteps between clear and noise that are too few.
const FEW: usize = 20;
/// ᾱ of an image that noise has hardly touched.
const CLEAR: f64 = 0.99;
/// ᾱ_T of the usual range (Ho et al. 2020: T = 1000, β to 0.02), which advice aims at.
const USUAL_END: f64 = 4.04e-5;
/// The largest β₁ that is advised: it is the end of the slider.
const LARGEST_BETA: f64 = 0.5;
/// Timesteps that advice goes up to where there are too few.
const ENOUGH: usize = 200;

/// Whether a schedule is a good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Doubtful,
}

/// What the doctor says.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    pub verdict: Verdict,
    /// The finding in words.
    pub sentence: String,
    pub advice: Option<Advice>,
}

/// Settings that mend it.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    /// What changes, for a button: `Use T = 110`.
    pub words: String,
    pub settings: DiffusionSettings,
}

/// What the rules look at.
struct Measured {
    timesteps: usize,
    /// √ᾱ_T: how strongly the image still shows at the end.
    seen: f64,
    /// Timesteps of pure noise, at the end.
    pure: usize,
    /// Timesteps between a clear image and pure noise.
    useful: usize,
}

#[derive(PartialEq)]
enum Finding {
    TooClear,
    Wasteful,
    Coarse,
    Good,
}

impl Measured {
    fn of(schedule: &Schedule) -> Self {
        let timesteps = schedule.timesteps();
        let pure = schedule.pure_noise_from().map_or(0, |from| timesteps - from);
        let clear = (0..timesteps).take_while(|&t| schedule.alpha_bar(t) >= CLEAR).count();
        let useful = timesteps - pure - clear;
        Self { timesteps, seen: schedule.sqrt_alpha_bar(timesteps - 1), pure, useful }
    }

    fn wasted(&self) -> f64 {
        self.pure as f64 / self.timesteps as f64
    }

    fn finding(&self) -> Finding {
        match self {
            _ if self.seen > SEEN => Finding::TooClear,
            _ if self.wasted() > MUCH_WASTE => Finding::Wasteful,
            _ if self.useful < FEW => Finding::Coarse,
            _ => Finding::Good,
        }
    }

    /// The first timestep of pure noise, counted from 1 as in the papers.
    fn pure_from(&self) -> usize {
        self.timesteps - self.pure + 1
    }
}

/// Examines the schedule of these settings; none where they make none.
pub fn examine(settings: &DiffusionSettings) -> Option<Diagnosis> {
    let measured = Measured::of(&Schedule::from_settings(settings).ok()?);
    let wasted = percent(measured.wasted());
    Some(match measured.finding() {
        Finding::TooClear => {
            let sentence = format!(
                "Too little noise: at t = T the digit still shows with {} of its strength, but drawing starts from pure \
                 noise, which the network was never shown. It cannot come out right.",
                percent(measured.seen)
            );
            doubtful(sentence, more_noise(settings))
        }
        Finding::Wasteful => {
            let advice = shorter(settings);
            let same = advice.as_ref().map_or_else(String::new, |advice| {
                format!(" The same range of β gets there with T = {}.", advice.settings.timesteps)
            });
            let begin = measured.pure_from();
            let sentence =
                format!("{wasted} of the timesteps are pure noise (from t = {begin} on) and teach nothing.{same}");
            doubtful(sentence, advice)
        }
        Finding::Coarse => {
            let (useful, timesteps) = (measured.useful, measured.timesteps);
            let sentence = format!(
                "Too coarse: only {useful} of {timesteps} timesteps lie between a clear digit and pure noise, so each \
                 has to undo much at once."
            );
            doubtful(sentence, finer(settings))
        }
        Finding::Good => {
            let sentence = match measured.pure {
                0 => format!("Good range: the digit fades to {} of its strength at t = T.", percent(measured.seen)),
                _ => {
                    let begin = measured.pure_from();
                    format!("Good range: noise is pure from t = {begin} on; {wasted} of the timesteps teach nothing.")
                }
            };
            Diagnosis { verdict: Verdict::Good, sentence, advice: None }
        }
    })
}

fn doubtful(sentence: String, advice: Option<Advice>) -> Diagnosis {
    Diagnosis { verdict: Verdict::Doubtful, sentence, advice }
}

/// The largest T at which the same range of β ends just before pure noise.
fn shorter(settings: &DiffusionSettings) -> Option<Advice> {
    let with = |timesteps| DiffusionSettings { timesteps, ..settings.clone() };
    let noise_at_end = |timesteps: usize| {
        let schedule = Schedule::from_settings(&with(timesteps)).ok()?;
        Some(schedule.log_snr(timesteps - 1) < PURE_NOISE_SNR.ln())
    };
    let (mut short, mut long) = (2, settings.timesteps);
    if noise_at_end(short)? || !noise_at_end(long)? {
        return None;
    }
    while long - short > 1 {
        let middle = usize::midpoint(short, long);
        if noise_at_end(middle)? { long = middle } else { short = middle }
    }
    usable(with(short), format!("Use T = {short}"))
}

/// A larger β₁, or where none is large enough more timesteps, or the usual range.
fn more_noise(settings: &DiffusionSettings) -> Option<Advice> {
    if settings.schedule == ScheduleKind::Cosine {
        return finer(settings);
    }
    larger_beta(settings).or_else(|| longer(settings)).or_else(|| finer(settings))
}

/// Whether the end is as noisy as in the usual range.
fn ends_in_noise(settings: &DiffusionSettings) -> bool {
    Schedule::from_settings(settings).is_ok_and(|it| it.alpha_bar(it.timesteps() - 1) <= USUAL_END)
}

/// The smallest β₁ that ends in noise, to two figures.
fn larger_beta(settings: &DiffusionSettings) -> Option<Advice> {
    let with = |beta_end: f64| DiffusionSettings { beta_end, ..settings.clone() };
    let (mut low, mut high) = (settings.beta_end, LARGEST_BETA);
    if !ends_in_noise(&with(high)) {
        return None;
    }
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if ends_in_noise(&with(middle)) { high = middle } else { low = middle }
    }
    let digit = 10f64.powf(high.log10().floor() - 1.0);
    let rounded = (high / digit).ceil() * digit;
    // Powers of ten are not exact: 21 hundredths of a tenth shall read as 0.021.
    let beta_end = format!("{rounded:.6}").parse().unwrap_or(rounded);
    usable(with(beta_end), format!("Use β₁ = {beta_end}"))
}

/// The fewest timesteps that end in noise, in hundreds.
fn longer(settings: &DiffusionSettings) -> Option<Advice> {
    let with = |timesteps| DiffusionSettings { timesteps, ..settings.clone() };
    let hundreds = (100..=MAX_TIMESTEPS).step_by(100).filter(|t| *t > settings.timesteps);
    let timesteps = hundreds.into_iter().find(|&t| ends_in_noise(&with(t)))?;
    usable(with(timesteps), format!("Use T = {timesteps}"))
}

/// More timesteps, and the usual range of β brought to their number: β·T stays (Nichol & Dhariwal 2021's code).
fn finer(settings: &DiffusionSettings) -> Option<Advice> {
    let scale = 1000.0 / ENOUGH as f64;
    let finer = DiffusionSettings { timesteps: ENOUGH, ..settings.clone() };
    match settings.schedule {
        ScheduleKind::Cosine => usable(finer, format!("Use T = {ENOUGH}")),
        ScheduleKind::Linear => {
            let (beta_start, beta_end) = (1e-4 * scale, 0.02 * scale);
            let finer = DiffusionSettings { beta_start, beta_end, ..finer };
            usable(finer, format!("Use T = {ENOUGH}, β to {beta_end}"))
        }
    }
}

/// The advice, if the doctor finds these settings good.
fn usable(settings: DiffusionSettings, words: String) -> Option<Advice> {
    let schedule = Schedule::from_settings(&settings).ok()?;
    (Measured::of(&schedule).finding() == Finding::Good).then_some(Advice { words, settings })
}

fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        percent if percent < 1.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    fn linear(timesteps: usize, beta_start: f64, beta_end: f64) -> DiffusionSettings {
        DiffusionSettings { timesteps, beta_start, beta_end, ..Preset::Seed.settings().diffusion }
    }

    /// The advice is taken: what the doctor says then.
    fn cured(settings: &DiffusionSettings) -> DiffusionSettings {
        let diagnosis = examine(settings).unwrap();
        assert_eq!(diagnosis.verdict, Verdict::Doubtful, "{}", diagnosis.sentence);
        let advice = diagnosis.advice.unwrap_or_else(|| panic!("no advice: {}", diagnosis.sentence));
        let again = examine(&advice.settings).unwrap();
        assert_eq!(again, Diagnosis { verdict: Verdict::Good, advice: None, sentence: again.sentence.clone() });
        advice.settings
    }

    #[test]
    fn the_presets_are_good() {
        for preset in Preset::ALL {
            let diagnosis = examine(&preset.settings().diffusion).unwrap();
            assert_eq!((diagnosis.verdict, diagnosis.advice), (Verdict::Good, None), "{}", diagnosis.sentence);
        }
    }

    #[test]
    fn beta_up_to_a_fifth_wastes_two_thirds_and_needs_a_tenth_of_the_timesteps() {
        let settings = linear(1000, 1e-4, 0.2);
        let sentence = examine(&settings).unwrap().sentence;
        let from = Schedule::linear(1000, 1e-4, 0.2).unwrap().pure_noise_from().unwrap();
        let share =
            format!("{:.0} % of the timesteps are pure noise (from t = {} on)", 0.1 * (1000 - from) as f64, from + 1);
        assert!(sentence.starts_with(&share), "{sentence}");
        let better = cured(&settings);
        assert_eq!((better.beta_start, better.beta_end), (1e-4, 0.2));
        assert!((100..130).contains(&better.timesteps), "T = {}", better.timesteps);
        assert!(sentence.contains(&format!("T = {}", better.timesteps)));
        // One more, and its last timestep would be pure noise.
        let ends_pure = |t: usize| Schedule::linear(t, 1e-4, 0.2).unwrap().log_snr(t - 1) < PURE_NOISE_SNR.ln();
        assert!(!ends_pure(better.timesteps) && ends_pure(better.timesteps + 1));
    }

    #[test]
    fn an_end_that_shows_the_digit_is_told_with_its_strength_and_gets_a_larger_beta() {
        let settings = linear(100, 1e-4, 0.02);
        let sentence = examine(&settings).unwrap().sentence;
        let seen = Schedule::linear(100, 1e-4, 0.02).unwrap().sqrt_alpha_bar(99);
        assert!(sentence.contains(&format!("shows with {:.0} % of its strength", 100.0 * seen)), "{sentence}");
        let better = cured(&settings);
        assert_eq!(better.timesteps, 100);
        assert!(
            better.beta_end > 0.15 && better.beta_end < 0.25,
            "the usual range at a tenth of T: {}",
            better.beta_end
        );
    }

    #[test]
    fn where_no_beta_is_large_enough_more_timesteps_are_advised() {
        let better = cured(&linear(20, 1e-4, 0.02));
        assert_eq!((better.timesteps, better.beta_end), (1000, 0.02));
        let better = cured(&linear(20, 1e-4, 1e-3));
        assert_eq!((better.timesteps, better.beta_end), (ENOUGH, 0.1), "no T is enough: the usual range");
    }

    #[test]
    fn few_timesteps_are_too_coarse_in_either_schedule() {
        let coarse = linear(12, 0.01, 0.99);
        assert!(examine(&coarse).unwrap().sentence.starts_with("Too coarse: only "));
        assert_eq!(cured(&coarse).timesteps, ENOUGH);
        let cosine = DiffusionSettings { schedule: ScheduleKind::Cosine, ..linear(10, 1e-4, 0.02) };
        assert_eq!(cured(&cosine).timesteps, ENOUGH);
    }

    #[test]
    fn settings_without_a_schedule_are_not_examined() {
        assert_eq!(examine(&linear(1000, 0.3, 0.02)), None);
    }
}
