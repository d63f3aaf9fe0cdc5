//! Drawings as the engine tells of them.

use std::io::Read;
use std::sync::Arc;

use diffuscope::config::{Preset, Settings};
use diffuscope::engine::{DrawnFor, Event, Frame};
use diffuscope::pictures::{Pictures, Provenance};
use diffuscope::rng::Stream;

/// Real test digits, 0, 1, … 9 in turn.
pub fn digits(count: usize) -> (Pictures, Vec<Option<u8>>) {
    let unpack = |bytes: &[u8], most: u64| {
        let mut all = Vec::new();
        flate2::read::GzDecoder::new(bytes).take(most).read_to_end(&mut all).unwrap();
        all
    };
    let images = unpack(include_bytes!("../../assets/mnist/t10k-images-idx3-ubyte.gz"), 16 + 784 * 2000);
    let labels = unpack(include_bytes!("../../assets/mnist/t10k-labels-idx1-ubyte.gz"), 8 + 2000);
    let mut next = 0;
    let mut pixels = Vec::new();
    for i in 0..count {
        let wanted = (i % 10) as u8;
        next += labels[8 + next..].iter().position(|label| *label == wanted).unwrap() + 1;
        pixels.extend(&images[16 + 784 * (next - 1)..16 + 784 * next]);
    }
    let classes = (0..count).map(|i| Some((i % 10) as u8)).collect();
    (Pictures { width: 28, height: 28, pixels }, classes)
}

/// The digits at ᾱ, with the same noise in every call, and that noise.
pub fn noised(clean: &Pictures, alpha_bar: f64) -> (Pictures, Pictures) {
    let mut stream = Stream::new(5, "eps", 0);
    let eps: Vec<f64> = clean.pixels.iter().map(|_| stream.normal()).collect();
    let mix = |(pixel, eps): (&u8, &f64)| {
        (alpha_bar.sqrt() * (f64::from(*pixel) / 127.5 - 1.0) + (1.0 - alpha_bar).sqrt() * eps) as f32
    };
    let x_t: Vec<f32> = clean.pixels.iter().zip(&eps).map(mix).collect();
    let eps: Vec<f32> = eps.iter().map(|eps| (eps / 3.0) as f32).collect();
    (Pictures::from_unit(&x_t, 28, 28), Pictures::from_unit(&eps, 28, 28))
}

/// What says that a picture was drawn with these settings by the model of a run.
pub fn drawn_by(settings: &Settings) -> Provenance {
    Provenance::new(settings, &settings.sampling, "2026-11-24_153012-small".into(), 1240)
}

/// A recorded reverse diffusion of `count` digits in `frames` calls.
pub fn recording(id: u64, count: usize, frames: usize) -> Vec<Event> {
    recording_by(&Preset::Small.settings(), id, count, frames)
}

/// The same, by a model with these settings.
pub fn recording_by(model: &Settings, id: u64, count: usize, frames: usize) -> Vec<Event> {
    let (clean, classes) = digits(count);
    let guess = Arc::new(clean.clone());
    let (provenance, model) = (Box::new(drawn_by(model)), Box::new(model.clone()));
    let frames_in_all = frames + 1;
    let why = DrawnFor::Person;
    let mut events = vec![Event::SamplingStarted {
        id,
        why,
        frames: frames_in_all,
        count,
        timesteps: 1000,
        classes,
        model,
        provenance,
    }];
    for step in 0..=frames {
        let t = 1000 * (frames - step) / frames;
        let alpha_bar = (-(0.1 * t as f64 / 1000.0 + 9.95 * (t as f64 / 1000.0).powi(2))).exp();
        let (x_t, eps_hat) = noised(&clean, alpha_bar);
        let frame = Frame { step, t, x_t: Arc::new(x_t), x0_hat: Arc::clone(&guess), eps_hat: Arc::new(eps_hat) };
        events.push(Event::Frame { id, frame });
    }
    events.push(Event::SamplingEnded { id, cancelled: false, seconds: 1.3 });
    events
}

/// The same events, as a drawing that was made for another reason than that a person asked for it.
pub fn drawn_for(reason: DrawnFor, mut events: Vec<Event>) -> Vec<Event> {
    for event in &mut events {
        if let Event::SamplingStarted { why, .. } = event {
            *why = reason;
        }
    }
    events
}
