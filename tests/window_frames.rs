//! How long a frame of the window takes with a million losses and digits that change ten times a second: taking the
//! events, laying out, and cutting the shapes into triangles. `docs/window.md` has what it printed.
//!
//! `cargo test --release --test window_frames -- --ignored --nocapture`

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::sync::Arc;
use std::time::{Duration, Instant};

use diffuscope::app::{App, Folders, Remembered};
use diffuscope::config::WeightsKind;
use diffuscope::diffusion::l_simple_each;
use diffuscope::engine::{Activity, Event, Handle};
use diffuscope::pictures::Pictures;
use diffuscope::train::Grid;
use diffuscope::ui::{View, theme};
use egui::{Context, RawInput, Rect, Vec2, pos2};
use scene::{by_timestep, digits, evaluations, held_out, recording, run_started, steps};

/// Losses that are there before the first frame that is measured.
const LOSSES: u64 = 1_000_000;
/// Frames that are measured: a minute of them.
const FRAMES: u64 = 1800;
/// Frames between two grids: ten a second of thirty.
const GRID_EVERY: u64 = 3;
/// Steps that a fast run makes in a frame.
const STEPS_A_FRAME: u64 = 4;
/// What the slowest frame in a hundred may take.
const BAR: Duration = Duration::from_millis(8);

#[test]
#[ignore = "a measurement, to be run alone on a quiet machine"]
fn a_frame_with_a_million_losses_is_quick() {
    let (handle, commands, events) = Handle::scripted();
    let folders = Folders { runs: "/data/ada/runs".into(), pictures: "/data/ada/pictures".into() };
    let mut app = App::new(handle, Remembered::restore(None), folders, || ());
    let mut view = View::default();
    let ctx = Context::default();
    theme::install(&ctx);
    let play = |app: &mut App, batch: Vec<Event>| {
        for event in batch {
            events.send(event).unwrap();
        }
        while app.drain() {}
        while commands.try_recv().is_ok() {}
    };
    play(&mut app, vec![run_started(diffuscope::config::Preset::Small.settings(), 0)]);
    play(&mut app, vec![Event::Activity(Activity::Training)]);
    for first in (1..=LOSSES).step_by(500) {
        play(&mut app, steps(first, (first + 499).min(LOSSES)));
    }
    play(&mut app, held_out((100..=LOSSES).step_by(1000 * 10)));
    play(&mut app, evaluations((150..=LOSSES).step_by(15_000)));
    play(&mut app, by_timestep(1240, 12));
    play(&mut app, recording(1, 64, 100));
    let (grid, classes) = digits(64);
    // Two grids in turn, so that each is sent to the graphics card anew.
    let other = Pictures { pixels: grid.pixels.iter().map(|pixel| pixel / 2).collect(), ..grid.clone() };
    let grids = [grid, other];

    let mut taken = Vec::new();
    for frame in 0..FRAMES + 30 {
        let step = LOSSES + frame * STEPS_A_FRAME;
        let mut batch = steps(step + 1, step + STEPS_A_FRAME);
        if frame.is_multiple_of(GRID_EVERY) {
            let pictures = Arc::new(grids[(frame / GRID_EVERY % 2) as usize].clone());
            batch.push(Event::Preview(Grid { step, pictures, classes: classes.clone(), weights: WeightsKind::Ema }));
        }
        for event in batch {
            events.send(event).unwrap();
        }
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), Vec2::new(1440.0, 900.0))),
            time: Some(frame as f64 / 30.0),
            ..RawInput::default()
        };
        let begun = Instant::now();
        while app.drain() {}
        let mut actions = Vec::new();
        let output = ctx.run_ui(input, |ui| actions = view.show(ui, &app.state));
        actions.into_iter().for_each(|action| app.apply(action));
        let triangles = ctx.tessellate(output.shapes, output.pixels_per_point);
        let took = begun.elapsed();
        assert!(!triangles.is_empty());
        // The first frames lay out every text for the first time.
        if frame >= 30 {
            taken.push(took);
        }
    }
    taken.sort();
    let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize];
    let (median, p99, worst) = (at(0.5), at(0.99), at(1.0));
    println!("{} losses: median {median:.2?}, p99 {p99:.2?}, worst {worst:.2?}", app.state.loss.train.len());
    assert!(app.state.loss.train.len() >= LOSSES);
    assert!(p99 < BAR, "p99 is {p99:?}");
}

/// The loss of each image is the only work that the heat map adds to a training step, which takes `small` about 20 ms.
#[test]
#[ignore = "a measurement, to be run alone on a quiet machine"]
fn the_losses_of_a_batch_cost_a_step_under_a_hundredth() {
    let device = candle_core::Device::Cpu;
    let images = |from: f32| candle_core::Tensor::full(from, (64, 1, 28, 28), &device).unwrap();
    let (prediction, target) = (images(0.5), images(0.25));
    let mut taken: Vec<Duration> = (0..1000)
        .map(|_| {
            let begun = Instant::now();
            let each = l_simple_each(&prediction, &target).unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(each.len(), 64);
            begun.elapsed()
        })
        .collect();
    taken.sort();
    println!("losses of 64 images: median {:.2?}", taken[500]);
    assert!(taken[500] < Duration::from_micros(200), "{:?}", taken[500]);
}
