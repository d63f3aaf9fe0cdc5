//! When a film is recorded in training, and what of: ten digits from the noise of the first ten of the grid, in
//! 24 calls of the network, at most 2 % of the time.

use std::sync::Arc;
use std::time::Duration;

use super::film::{Film, FilmMoment};
use super::pace::Pace;
use super::preview::fixed_noise;
use super::trainer::Trainer;
use crate::Result;
use crate::config::SamplingSettings;
use crate::diffusion::Frame;
use crate::sampling::{Drawing, EPS_RANGE, pictures, scaled_pictures};

/// Digits of a film: each class once.
const DIGITS: usize = 10;
/// Network calls for each.
const STEPS: usize = 24;
/// Time that passes before the next, as a multiple of what the last one took: under 2 %.
const REST: u32 = 50;
/// Shortest time between two films.
const INTERVAL: Duration = Duration::from_millis(500);

/// How a film of so many calls and digits is drawn.
pub fn film_settings(calls: usize, digits: usize) -> SamplingSettings {
    fixed_noise(calls, digits)
}

/// See the module.
#[derive(Debug)]
pub struct FilmRecorder {
    settings: SamplingSettings,
    /// Bytes that the films of a run may take.
    budget: u64,
    /// None: no films.
    pace: Option<Pace>,
    /// Step and bytes of the last film.
    last: Option<(u64, u64)>,
}

impl FilmRecorder {
    /// With the budget that the run's settings name.
    pub fn new(trainer: &Trainer) -> Self {
        let budget = trainer.settings().training.film_megabytes << 20;
        let pace = (budget > 0).then(|| Pace::new(INTERVAL, REST, INTERVAL));
        Self { settings: film_settings(STEPS, DIGITS), budget, pace, last: None }
    }

    /// Bytes that the films of the run may take.
    pub fn budget(&self) -> u64 {
        self.budget
    }

    /// Whether it is time, and another film would be far enough from the last one to be kept.
    pub fn is_due(&self, step: u64) -> bool {
        let far = self.last.is_none_or(|(last, bytes)| step >= next_step(last, self.budget / bytes.max(1)));
        far && self.pace.as_ref().is_some_and(Pace::is_due)
    }

    /// The last step is done: see [`Pace::once_more`]. However near the one before is, the end is worth its room.
    pub fn once_more(&mut self, step: u64) {
        if let Some(pace) = &mut self.pace {
            pace.once_more(step);
            self.last = self.last.filter(|_| !pace.is_due());
        }
    }

    /// Records one, if it is time to. `listen` is called before each network call; an error from it ends the recording.
    ///
    /// # Errors
    /// What `listen` returned, or when the device has no room.
    pub fn record_if_due(&mut self, trainer: &Trainer, listen: &mut dyn FnMut() -> Result<()>) -> Result<Option<Film>> {
        if !self.is_due(trainer.step_count()) {
            return Ok(None);
        }
        let Some(pace) = self.pace.as_mut() else { return Ok(None) };
        let film = pace.spend(trainer.step_count(), || record(trainer, &self.settings, listen))?;
        self.last = Some((film.step, film.bytes()));
        Ok(Some(film))
    }

    /// Counts the time that writing the film took.
    pub fn wrote(&mut self, took: Duration) {
        if let Some(pace) = &mut self.pace {
            pace.also_took(took);
        }
    }
}

/// The step from which on the next film is worth its room where `films` fit into the budget: √step a share 1/`films`
/// further, which is how [`films`](super::films) spreads them over the whole run.
fn next_step(last: u64, films: u64) -> u64 {
    let share = 1.0 - 1.0 / films.max(2) as f64;
    ((last as f64 / (share * share)).ceil() as u64).max(last + 1)
}

fn record(trainer: &Trainer, settings: &SamplingSettings, listen: &mut dyn FnMut() -> Result<()>) -> Result<Film> {
    let denoiser = trainer.denoiser(settings.weights)?;
    let drawing = Drawing::new(&denoiser, settings)?.in_one_batch();
    let mut moments: Vec<FilmMoment> = Vec::with_capacity(STEPS + 1);
    let images = drawing.run(&mut |_, frame: Frame| {
        listen()?;
        let (x_t, x0_hat) = (Arc::new(pictures(frame.x_t)?), Arc::new(pictures(frame.x0_hat)?));
        let eps_hat = Arc::new(scaled_pictures(frame.eps_hat, EPS_RANGE)?);
        moments.push(FilmMoment { t: frame.t + 1, x_t, x0_hat, eps_hat });
        Ok(())
    })?;
    let end = Arc::new(pictures(&images)?);
    let eps_hat = moments.last().map_or_else(|| Arc::clone(&end), |moment| Arc::clone(&moment.eps_hat));
    moments.push(FilmMoment { t: 0, x_t: Arc::clone(&end), x0_hat: end, eps_hat });
    Ok(Film { step: trainer.step_count(), timesteps: drawing.timesteps(), classes: drawing.classes(), moments })
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::config::{Preset, Subset};
    use crate::data::mnist;

    fn trainer(megabytes: u64) -> Trainer {
        let mut settings = Preset::Nano.settings();
        settings.data.subset = Subset::First(64);
        settings.training.film_megabytes = megabytes;
        Trainer::new(&settings, &mnist::load().unwrap(), &Device::Cpu).unwrap()
    }

    #[test]
    fn a_film_goes_from_noise_to_the_first_digits_of_the_grid() {
        let trainer = trainer(64);
        let film = record(&trainer, &film_settings(STEPS, DIGITS), &mut || Ok(())).unwrap();
        assert_eq!((film.step, film.moments.len(), film.timesteps), (0, STEPS + 1, 1000));
        assert_eq!(film.classes, (0..10).map(Some).collect::<Vec<_>>());
        assert!(film.moments.windows(2).all(|pair| pair[0].t > pair[1].t) && film.moments[STEPS].t == 0);
        assert_eq!(film.moments[0].x_t.count(), DIGITS);

        // The same noise as the grid's, and the same digits where as many calls draw them.
        let denoiser = trainer.denoiser(crate::config::WeightsKind::Ema).unwrap();
        let grid = Drawing::new(&denoiser, &fixed_noise(STEPS, 64)).unwrap().run(&mut |_, _| Ok(())).unwrap();
        let grid = pictures(&grid).unwrap();
        let differ = |i: usize| {
            let pairs = grid.get(i).iter().zip(film.moments[STEPS].x_t.get(i));
            pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap()
        };
        assert!((0..DIGITS).all(|i| differ(i) <= 1), "{:?}", (0..DIGITS).map(differ).collect::<Vec<_>>());
    }

    #[test]
    fn a_budget_of_nothing_means_none_and_an_asked_stop_ends_it() {
        let mut none = FilmRecorder::new(&trainer(0));
        std::thread::park_timeout(2 * INTERVAL);
        assert_eq!(none.record_if_due(&trainer(0), &mut || Ok(())).unwrap(), None);
        let trainer = trainer(64);
        let stopped = record(&trainer, &film_settings(STEPS, DIGITS), &mut || Err(crate::Error::Cancelled));
        assert!(matches!(stopped, Err(crate::Error::Cancelled)));
    }

    #[test]
    fn later_films_are_further_apart() {
        assert_eq!((next_step(0, 100), next_step(1, 100), next_step(10_000, 100)), (1, 2, 10_204));
        assert_eq!(next_step(100, 0), 400, "a budget of less than two films");
        // As many as fit four times over cover a million steps.
        let mut step = 1;
        let films = std::iter::from_fn(|| {
            step = next_step(step, 100);
            (step < 1_000_000).then_some(step)
        });
        assert!(films.count() < 600);
    }
}
