//! Films of the run that is shown.

use std::path::PathBuf;
use std::sync::Arc;

use diffuscope::config::WeightsKind;
use diffuscope::engine::Event;
use diffuscope::pictures::Pictures;
use diffuscope::rng::Stream;
use diffuscope::train::Grid;
use diffuscope::train::film::{Film, FilmMoment};

use super::{digits, noised};

/// A film of ten digits in `calls` calls, by the model of a step of training: the later, the more it knows.
pub fn film(step: u64, calls: usize) -> Film {
    let (clean, classes) = digits(10);
    let learnt = 1.0 - (-(step as f64) / 500.0).exp();
    let mut noise = Stream::new(6, "unlearnt", step);
    let guess: Vec<f32> = clean
        .pixels
        .iter()
        .map(|&pixel| (learnt * (f64::from(pixel) / 127.5 - 1.0) + (1.0 - learnt) * 0.6 * noise.normal()) as f32)
        .collect();
    let guess = Pictures::from_unit(&guess, 28, 28);
    let moment = |call: usize| {
        let t = 1000 * (calls - call) / calls;
        let (x_t, eps_hat) = noised(&guess, (-(0.1 * t as f64 / 1000.0 + 9.95 * (t as f64 / 1000.0).powi(2))).exp());
        FilmMoment { t, x_t: Arc::new(x_t), x0_hat: Arc::new(guess.clone()), eps_hat: Arc::new(eps_hat) }
    };
    Film { step, timesteps: 1000, classes, moments: (0..=calls).map(moment).collect() }
}

/// A grid of the run that is shown.
pub fn preview(step: u64, pictures: Pictures, classes: Vec<Option<u8>>) -> Event {
    Event::Preview(Grid { step, pictures: Arc::new(pictures), classes, weights: WeightsKind::Ema })
}

/// Films of the run that is shown.
pub fn films(steps: impl IntoIterator<Item = u64>) -> Vec<Event> {
    let run = PathBuf::from("/data/ada/runs/2026-11-24_153012-small");
    steps.into_iter().map(|step| Event::Film { run: run.clone(), film: Arc::new(film(step, 20)) }).collect()
}
