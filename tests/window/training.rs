//! What a run tells while it learns, made up.

use std::sync::Arc;

use diffuscope::config::WeightsKind;
use diffuscope::engine::Event;
use diffuscope::eval::QuickEval;
use diffuscope::pictures::Pictures;
use diffuscope::rng::Stream;
use diffuscope::train::loss_by_timestep::ByTimestep;
use diffuscope::train::{Grid, StepReport, WorkedExample};

use super::{digits, noised};

/// Steps of a run whose loss falls as a real one does, with noise.
pub fn steps(from: u64, to: u64) -> Vec<Event> {
    let mut noise = Stream::new(3, "loss", from);
    let report = |step: u64, noise: f64| StepReport {
        step,
        epoch: step as f64 * 64.0 / 60_000.0,
        images: step * 64,
        loss: (0.105 + 0.9 * (-(step as f64) / 90.0).exp() + 0.1 * (-(step as f64) / 900.0).exp())
            * (1.0 + 0.14 * noise),
        lr: 2e-3,
        grad_norm: 1.0,
        seconds: step as f64 * 0.0201,
        progress: (step as f64 / 2400.0).min(1.0),
    };
    (from..=to).map(|step| Event::Step(report(step, noise.normal()))).collect()
}

pub fn held_out(steps: impl IntoIterator<Item = u64>) -> Vec<Event> {
    let loss = |step: u64| 0.112 + 0.9 * (-(step as f64) / 90.0).exp() + 0.1 * (-(step as f64) / 900.0).exp();
    steps.into_iter().map(|step| Event::HeldOut { step, loss: loss(step) }).collect()
}

/// The loss by timestep of a run, a part every `every` steps: the clear images are learnt last.
pub fn by_timestep(steps: u64, every: u64) -> Vec<Event> {
    let mut noise = Stream::new(4, "by timestep", 0);
    let mut part = |step: u64| {
        let mut losses = ByTimestep::default();
        for i in 0..every as usize * 64 {
            let t = i * 1000 / (every as usize * 64);
            let hard = 0.02 + 0.9 * (-(t as f64) / 120.0).exp();
            let learnt = (-(step as f64) / (60.0 + 400.0 * hard)).exp();
            let loss = (hard * (0.55 + 0.45 * learnt) + learnt * 0.5) * (1.0 + 0.2 * noise.normal()).max(0.1);
            losses.add(t, 1000, loss as f32);
        }
        Event::LossByTimestep { step, losses: Box::new(losses) }
    };
    (every..=steps).step_by(every as usize).map(&mut part).collect()
}

/// Evaluations of a model that learns to draw digits.
pub fn evaluations(steps: impl IntoIterator<Item = u64>) -> Vec<Event> {
    let eval = |step: u64| {
        let learnt = 1.0 - (-(step as f64) / 500.0).exp();
        let classes = std::array::from_fn(|digit| if digit == 0 { 29 } else { 13 + 7 * digit % 9 });
        let count: usize = classes.iter().sum();
        assert!(count < 200, "the rest are ones");
        let mut classes: [usize; 10] = classes;
        classes[1] += 200 - count;
        QuickEval { count: 200, classes, recognisable: 0.86 * learnt, distance: 25.0 + 700.0 * (1.0 - learnt) }
    };
    steps.into_iter().map(|step| Event::Evaluated { step, eval: eval(step) }).collect()
}

/// A grid of 64 digits, drawn with these weights.
pub fn grid(step: u64, weights: WeightsKind) -> Event {
    let (pictures, classes) = digits(64);
    Event::Preview(Grid { step, pictures: Arc::new(pictures), classes, weights })
}

/// The first image of a step's batch: a 7 at t = 436, counted from 0.
pub fn worked(step: u64) -> Event {
    let seven = Pictures { pixels: digits(10).0.get(7).to_vec(), ..digits(0).0 };
    let (x_t, target) = noised(&seven, 0.3);
    let mut stream = Stream::new(7, "answer", 0);
    let answer = target.pixels.iter().map(|&pixel| (f64::from(pixel) + 9.0 * stream.normal()) as u8).collect();
    let answer = Pictures { pixels: answer, ..target.clone() };
    let [x0, x_t, answer, target] = [seven, x_t, answer, target].map(Arc::new);
    Event::Worked(WorkedExample { step, t: 436, class: Some(7), x0, x_t, answer, target, loss: 0.0214 })
}
