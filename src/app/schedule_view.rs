//! What the settings of the schedule do, shown at once: the curve of ᾱ, a digit going into noise, and the doctor's word.

use std::sync::Arc;

use super::schedule_doctor::{Diagnosis, examine};
use crate::config::DiffusionSettings;
use crate::diffusion::Schedule;
use crate::pictures::Pictures;
use crate::rng::Stream;

/// A handwritten zero, 28×28 bytes (see `assets/icon/README.md`).
const DIGIT: &[u8; 784] = include_bytes!("../../assets/icon/zero-28x28.gray");
/// Pictures in the strip.
const STRIP: usize = 7;

/// A schedule as the panel shows it.
#[derive(Debug, Clone)]
pub struct ScheduleView {
    /// ᾱ_t for t = 0 … T; ᾱ_0 = 1.
    pub alpha_bar: Arc<[f64]>,
    /// A digit at t = 0, T/6, … T.
    pub strip: Arc<Pictures>,
    pub diagnosis: Diagnosis,
}

impl ScheduleView {
    /// The view of a schedule; none where the settings have problems.
    pub fn new(settings: &DiffusionSettings) -> Option<Self> {
        let alpha_bar = alpha_bars(settings)?;
        let t = alpha_bar.len() - 1;
        let strip: Vec<f32> = (0..STRIP).flat_map(|i| noised(alpha_bar[i * t / (STRIP - 1)])).collect();
        Some(Self {
            alpha_bar: alpha_bar.into(),
            strip: Arc::new(Pictures::from_unit(&strip, 28, 28)),
            diagnosis: examine(settings)?,
        })
    }
}

/// ᾱ_t for t = 0 … T, where the clean image is t = 0 as in the papers; none where T or β make no schedule.
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
        assert_eq!(view.strip.get(0), DIGIT);
        let ends = |i| view.strip.get(i).iter().filter(|p| matches!(p, 0 | 255)).count();
        assert!(ends(6) < 784 / 2, "clipped pixels are a minority of the noise");
        assert_ne!(view.strip.get(6), view.strip.get(3));
    }

    #[test]
    fn settings_without_a_schedule_have_no_view() {
        assert!(ScheduleView::new(&linear(0, 1e-4, 0.02)).is_none());
        assert!(ScheduleView::new(&linear(1000, 0.3, 0.02)).is_none());
        assert!(ScheduleView::new(&linear(1000, 1e-4, f64::NAN)).is_none());
    }
}
