//! What the settings of the schedule do, shown at once: the curves of ᾱ, SNR and β, a digit going into noise, and the
//! doctor's word.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::schedule_doctor::{Diagnosis, examine};
use super::state::AppState;
use crate::config::DiffusionSettings;
use crate::diffusion::Schedule;
use crate::pictures::Pictures;
use crate::rng::Stream;

/// A handwritten zero, 28×28 bytes (see `assets/icon/README.md`).
const DIGIT: &[u8; 784] = include_bytes!("../../assets/icon/zero-28x28.gray");
/// Pictures in the strip.
const STRIP: usize = 7;
/// The SNR of the first noised picture of the strip and of its last: hardly touched, and hardly left.
const STRIP_SNR: [f64; 2] = [10.0, 0.01];

/// Which curve of the schedule is drawn over t.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ScheduleCurve {
    /// The share of the signal's variance that is left.
    #[default]
    AlphaBar,
    /// ᾱ/(1−ᾱ), on a logarithmic axis.
    Snr,
    /// The variance of the noise that a timestep adds.
    Beta,
}

/// A schedule as the panel shows it. By t = 0 … T, where the clean image is t = 0 as in the papers.
#[derive(Debug, Clone)]
pub struct ScheduleView {
    /// ᾱ_t; ᾱ_0 = 1.
    pub alpha_bar: Arc<[f64]>,
    /// β_t; β_0 = 0.
    beta: Arc<[f64]>,
    /// ln of ᾱ_t/(1−ᾱ_t); infinite at t = 0.
    log_snr: Arc<[f64]>,
    /// The timesteps of the strip: the clean digit, then even steps of ln SNR.
    pub strip_t: [usize; STRIP],
    /// A digit at them.
    pub strip: Arc<Pictures>,
    pub diagnosis: Diagnosis,
}

impl ScheduleView {
    /// The view of a schedule; none where the settings have problems.
    pub fn new(settings: &DiffusionSettings) -> Option<Self> {
        let schedule = Schedule::from_settings(settings).ok()?;
        let over_t = |at_0: f64, at: &dyn Fn(usize) -> f64| -> Arc<[f64]> {
            std::iter::once(at_0).chain((0..schedule.timesteps()).map(at)).collect()
        };
        let alpha_bar = over_t(1.0, &|t| schedule.alpha_bar(t));
        let log_snr = over_t(f64::INFINITY, &|t| schedule.log_snr(t));
        let strip_t = even_in_log_snr(&log_snr);
        let strip: Vec<f32> = strip_t.iter().flat_map(|&t| noised(alpha_bar[t])).collect();
        Some(Self {
            beta: over_t(0.0, &|t| schedule.beta(t)),
            alpha_bar,
            log_snr,
            strip_t,
            strip: Arc::new(Pictures::from_unit(&strip, 28, 28)),
            diagnosis: examine(settings)?,
        })
    }

    /// T.
    pub fn timesteps(&self) -> usize {
        self.alpha_bar.len() - 1
    }

    /// What a curve shows at t.
    pub fn value(&self, curve: ScheduleCurve, t: usize) -> f64 {
        match curve {
            ScheduleCurve::AlphaBar => self.alpha_bar[t],
            ScheduleCurve::Snr => self.log_snr[t].exp(),
            ScheduleCurve::Beta => self.beta[t],
        }
    }

    /// The largest β: of the last timesteps, as it grows throughout.
    pub fn most_beta(&self) -> f64 {
        self.beta[self.timesteps()]
    }

    /// The decimal logarithm of the SNR at t: what its axis is even in.
    pub fn log10_snr(&self, t: usize) -> f64 {
        self.log_snr[t] / std::f64::consts::LN_10
    }

    /// The digit at t.
    fn digit(&self, t: usize) -> Pictures {
        Pictures::from_unit(&noised(self.alpha_bar[t]).collect::<Vec<f32>>(), 28, 28)
    }
}

/// t = 0, and timesteps whose ln SNR falls in even steps over what is seen of it, each as near as there is one.
fn even_in_log_snr(log_snr: &[f64]) -> [usize; STRIP] {
    let last = log_snr.len() - 1;
    let high = STRIP_SNR[0].ln().min(log_snr[1]);
    let low = STRIP_SNR[1].ln().max(log_snr[last]).min(high);
    std::array::from_fn(|i| {
        if i == 0 {
            return 0;
        }
        let wanted = high + (low - high) * (i - 1) as f64 / (STRIP - 2) as f64;
        let after = log_snr.partition_point(|here| *here > wanted).clamp(1, last);
        let before = after.saturating_sub(1).max(1);
        if log_snr[before] - wanted < wanted - log_snr[after] { before } else { after }
    })
}

/// What is looked at of the schedule.
#[derive(Debug, Clone)]
pub struct ScheduleLook {
    pub curve: ScheduleCurve,
    /// The chosen timestep as a share of T: it stays where it is on the curve as T changes.
    pub(super) chosen: f64,
    /// The timestep under the pointer.
    pub(super) pointed: Option<usize>,
    digit: Option<(usize, Arc<Pictures>)>,
}

/// Where the chosen timestep stands before a person has chosen one.
const USUAL: f64 = 0.4;

impl Default for ScheduleLook {
    fn default() -> Self {
        Self { curve: ScheduleCurve::default(), chosen: USUAL, pointed: None, digit: None }
    }
}

impl ScheduleLook {
    /// The timestep that is looked at, pointed at before chosen, and the digit at it.
    pub fn digit(&self) -> Option<(usize, &Arc<Pictures>)> {
        self.digit.as_ref().map(|(t, digit)| (*t, digit))
    }

    /// Whether the pointer is over a timestep.
    pub fn points(&self) -> bool {
        self.pointed.is_some()
    }

    /// Works out the digit anew, as the schedule or what is looked at has changed.
    pub(super) fn noise(&mut self, view: Option<&ScheduleView>) {
        self.digit = view.map(|view| {
            let last = view.timesteps();
            let chosen = (self.chosen.clamp(0.0, 1.0) * last as f64).round() as usize;
            let t = self.pointed.unwrap_or(chosen).min(last);
            (t, Arc::new(view.digit(t)))
        });
    }
}

/// What is done with the picture of the schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScheduleAction {
    Curve(ScheduleCurve),
    /// Look at this timestep.
    Choose(usize),
    /// The pointer is over this timestep; over none any more.
    Point(Option<usize>),
}

impl AppState {
    /// Looks at it as at the last start.
    pub(super) fn look_at_schedule(&mut self, curve: ScheduleCurve, chosen: Option<f64>) {
        let look = &mut self.schedule_look;
        (look.curve, look.chosen) = (curve, chosen.unwrap_or(look.chosen));
        look.noise(self.schedule.as_ref());
    }

    pub(super) fn do_with_schedule(&mut self, action: ScheduleAction) {
        let look = &mut self.schedule_look;
        match action {
            ScheduleAction::Curve(curve) => look.curve = curve,
            ScheduleAction::Choose(t) => {
                let last = self.schedule.as_ref().map_or(1, ScheduleView::timesteps);
                look.chosen = t as f64 / last as f64;
                look.pointed = look.pointed.map(|_| t);
            }
            ScheduleAction::Point(t) => look.pointed = t,
        }
        look.noise(self.schedule.as_ref());
    }
}

/// ᾱ_t for t = 0 … T; none where T or β make no schedule.
pub fn alpha_bars(settings: &DiffusionSettings) -> Option<Vec<f64>> {
    let schedule = Schedule::from_settings(settings).ok()?;
    Some(std::iter::once(1.0).chain((0..schedule.timesteps()).map(|t| schedule.alpha_bar(t))).collect())
}

/// The digit as x_t = √ᾱ·x₀ + √(1−ᾱ)·ε with the same ε for every ᾱ (Ho et al. 2020, eq. 4).
fn noised(alpha_bar: f64) -> impl Iterator<Item = f32> {
    let mut eps = Stream::new(0, "schedule view", 0);
    DIGIT.iter().map(move |&pixel| {
        let x_0 = f64::from(pixel) / 127.5 - 1.0;
        (alpha_bar.sqrt() * x_0 + (1.0 - alpha_bar).sqrt() * eps.normal()) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    fn linear(timesteps: usize, beta_start: f64, beta_end: f64) -> DiffusionSettings {
        DiffusionSettings { timesteps, beta_start, beta_end, ..Preset::Seed.settings().diffusion }
    }

    #[test]
    fn alpha_bar_is_the_product_of_what_is_left() {
        let alpha_bar = alpha_bars(&linear(4, 0.1, 0.4)).unwrap();
        let product = [1.0, 0.9, 0.9 * 0.8, 0.9 * 0.8 * 0.7, 0.9 * 0.8 * 0.7 * 0.6];
        assert!(alpha_bar.iter().zip(product).all(|(a, b)| (a - b).abs() < 1e-12), "{alpha_bar:?}");
    }

    #[test]
    fn the_strip_begins_with_the_digit_and_ends_in_noise() {
        let view = ScheduleView::new(&linear(1000, 1e-4, 0.02)).unwrap();
        assert_eq!((view.strip_t[0], view.strip.get(0)), (0, DIGIT.as_slice()));
        let ends = |i| view.strip.get(i).iter().filter(|p| matches!(p, 0 | 255)).count();
        assert!(ends(6) < 784 / 2, "clipped pixels are a minority of the noise");
        assert_ne!(view.strip.get(6), view.strip.get(3));
    }

    #[test]
    fn the_strip_shows_the_digit_fading_however_long_the_noise_lasts() {
        for end in [0.02, 0.2] {
            let view = ScheduleView::new(&linear(1000, 1e-4, end)).unwrap();
            let snr = |i: usize| view.value(ScheduleCurve::Snr, view.strip_t[i]);
            for i in 2..STRIP {
                let ratio = snr(i - 1) / snr(i);
                assert!((3.5..4.5).contains(&ratio), "β to {end}: {:?}, {ratio}", view.strip_t);
            }
            assert!(snr(1) > 9.0 && snr(6) < 0.0105, "β to {end}: {:?}", view.strip_t);
        }
        let short = ScheduleView::new(&linear(2, 0.1, 0.2)).unwrap();
        assert_eq!((short.strip_t[0], short.strip_t[1], short.strip_t[6]), (0, 1, 2));
    }

    #[test]
    fn each_curve_has_its_values_and_extremes_are_numbers() {
        let view = ScheduleView::new(&linear(4, 0.1, 0.4)).unwrap();
        let at = |curve, t| view.value(curve, t);
        assert!((at(ScheduleCurve::Beta, 3) - 0.3).abs() < 1e-12 && at(ScheduleCurve::Beta, 0) == 0.0);
        assert!((at(ScheduleCurve::Snr, 1) - 9.0).abs() < 1e-9 && at(ScheduleCurve::Snr, 0).is_infinite());
        let long = ScheduleView::new(&linear(4000, 1e-4, 0.5)).unwrap();
        assert!(long.log10_snr(4000) < -100.0 && long.log10_snr(4000).is_finite());
    }

    #[test]
    fn the_digit_that_is_looked_at_is_that_of_t_and_follows_the_schedule() {
        let mut state = AppState::new(Preset::Seed.settings());
        state.do_with_schedule(ScheduleAction::Choose(437));
        let shown = |state: &AppState| {
            let (t, digit) = state.schedule_look.digit().unwrap();
            (t, (**digit).clone())
        };
        let (t, before) = shown(&state);
        assert_eq!(t, 437);
        let mut settings = state.settings.clone();
        settings.diffusion.beta_end = 0.1;
        state.set_settings(settings);
        let (t, noisier) = shown(&state);
        assert!(t == 437 && noisier != before);
        state.do_with_schedule(ScheduleAction::Point(Some(0)));
        assert_eq!((shown(&state).0, shown(&state).1.get(0)), (0, DIGIT.as_slice()));
        state.do_with_schedule(ScheduleAction::Point(None));
        assert_eq!(shown(&state), (437, noisier));
        let mut settings = state.settings.clone();
        settings.diffusion.timesteps = 500;
        state.set_settings(settings);
        assert!((218..=219).contains(&shown(&state).0), "{}", shown(&state).0);
    }

    #[test]
    fn settings_without_a_schedule_have_no_view() {
        assert!(ScheduleView::new(&linear(0, 1e-4, 0.02)).is_none());
        assert!(ScheduleView::new(&linear(1000, 0.3, 0.02)).is_none());
        assert!(ScheduleView::new(&linear(1000, 1e-4, f64::NAN)).is_none());
    }
}
