//! The window on the real engine, where something goes wrong that no test from outside can ask for.

use std::time::{Duration, Instant};

use egui::vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::*;
use crate::app::EndReason;
use crate::config::{Budget, Preset, Settings, Subset};
use crate::device::{DeviceChoice, faults};
use crate::engine::{Activity, DrawnFor, Event, ModelReady, work};
use crate::pictures::{Pictures, Provenance};

/// Longer than any of it takes on a loaded machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn settings(steps: u64) -> Settings {
    let mut settings = Preset::Nano.settings();
    (settings.data.subset, settings.data.held_out) = (Subset::First(64), 16);
    let training = &mut settings.training;
    (training.batch_size, training.checkpoint_every) = (4, 3);
    training.budget = Budget::Steps(steps);
    settings
}

pub(super) fn window(folder: &std::path::Path, handle: Handle) -> Harness<'static, Window> {
    let folders = Folders { runs: folder.join("runs"), pictures: folder.join("pictures") };
    Harness::builder().with_size(vec2(1440.0, 900.0)).build_eframe(move |cc| Window::new(cc, handle, folders))
}

pub(super) fn state<'a>(harness: &'a Harness<'_, Window>) -> &'a AppState {
    harness.state().state().unwrap()
}

pub(super) fn frames_until(harness: &mut Harness<'_, Window>, wanted: impl Fn(&AppState) -> bool) {
    let begun = Instant::now();
    while !wanted(state(harness)) {
        harness.run_steps(1);
        std::thread::park_timeout(Duration::from_millis(1));
        assert!(begun.elapsed() < PATIENCE, "it does not come to that");
    }
}

#[test]
fn a_lost_gpu_is_told_calmly_and_the_run_goes_on_on_the_cpu() {
    let folder = tempfile::tempdir().unwrap();
    let handle = Handle::spawn(
        || (),
        |commands, out| {
            // Two of them are tried for the estimate.
            faults::use_gpu(&[8]);
            work(DeviceChoice::Cpu)(commands, out);
        },
    );
    let mut harness = window(folder.path(), handle.unwrap());
    harness.state_mut().apply(Action::Settings(Box::new(settings(100_000))));
    harness.state_mut().apply(Action::Train);
    let told = |state: &AppState| state.notices.iter().any(|notice| notice.text.contains("the GPU was lost"));
    frames_until(&mut harness, told);
    harness.run_steps(3);
    let seen: Vec<_> = harness.get_all_by_label_contains("the GPU was lost").map(|label| label.rect()).collect();
    assert!(seen.iter().any(|rect| harness.ctx.content_rect().contains_rect(*rect)), "{seen:?} are not to be seen");
    let text = &state(&harness).notices.iter().next().unwrap().text;
    assert!(text.contains("it goes on from step 3 on the CPU"), "{text}");
    frames_until(&mut harness, |state| state.progress.step >= 12);
    harness.state_mut().apply(Action::Stop);
    frames_until(&mut harness, |state| state.run.as_ref().is_some_and(|run| run.ended.is_some()));
    let state = state(&harness);
    let run = state.run.as_ref().unwrap();
    assert_eq!(run.ended, Some(EndReason::Stopped));
    assert!(run.device.as_ref().unwrap().starts_with("CPU"));
    assert_eq!(state.loss.train.len(), state.progress.step, "each step is in the loss curve once");
}

#[test]
fn the_first_pictures_of_a_drawing_are_shown_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, _commands, out) = Handle::scripted();
    let mut harness = window(folder.path(), handle);
    let mut tell = |event: Event| {
        out.send(event).unwrap();
        harness.run_steps(2);
        harness.state().pace.pause()
    };
    let settings = Preset::Nano.settings();
    let provenance = Box::new(Provenance::new(&settings, &settings.sampling, "a".into(), 9));
    let (ships, opened) = (false, true);
    let ready = ModelReady { settings: Box::new(settings), step: 9, parameters: 1, source: "a".into(), ships, opened };
    assert_eq!(tell(Event::Activity(Activity::Idle)), FRAME_PAUSE);
    assert_eq!(tell(Event::ModelReady(ready)), Duration::ZERO, "an opened model is drawn from at once");
    let classes = vec![None];
    let model = Box::new(Preset::Small.settings());
    let why = DrawnFor::Opening;
    let begins =
        Event::SamplingStarted { id: 1, why, frames: 9, count: 1, timesteps: 1000, classes, model, provenance };
    assert_eq!(tell(begins), Duration::ZERO);
    let picture = || Arc::new(Pictures { width: 28, height: 28, pixels: vec![0; 784] });
    let frame = crate::engine::Frame { step: 0, t: 1000, x_t: picture(), x0_hat: picture(), eps_hat: picture() };
    assert_eq!(tell(Event::Frame { id: 1, frame }), FRAME_PAUSE);
}

/// The window drawn as eframe draws it: at the earliest moment that was asked for since the last frame.
#[test]
#[ignore = "measures time: cargo test --release --lib first_pictures_are_on_screen -- --ignored --nocapture"]
fn first_pictures_are_on_screen_within_100_ms() {
    let folder = tempfile::tempdir().unwrap();
    let (asked, asks) = crossbeam_channel::unbounded();
    let pace = Pace::new(FRAME_PAUSE);
    let paced = Arc::clone(&pace);
    let wake = move || asked.send(Instant::now() + paced.pause()).unwrap_or_default();
    let mut harness = window(folder.path(), Handle::spawn(wake, work(DeviceChoice::Cpu)).unwrap());
    harness.state_mut().pace = pace;
    let draw_until = |harness: &mut Harness<'_, Window>, wanted: &dyn Fn(&AppState) -> bool| {
        let begun = Instant::now();
        let mut next: Option<Instant> = Some(begun);
        while !wanted(state(harness)) {
            assert!(begun.elapsed() < PATIENCE, "it does not come to that");
            match asks.recv_deadline(next.unwrap_or(begun + PATIENCE)) {
                Ok(asked) => next = Some(next.map_or(asked, |next: Instant| next.min(asked))),
                Err(_) => {
                    next = None;
                    harness.step();
                }
            }
        }
        begun.elapsed()
    };
    harness.state_mut().open_last();
    draw_until(&mut harness, &|state| state.recording.is_some() && !state.is_drawing());
    harness.state_mut().apply(Action::ShowTab(crate::app::Tab::Sample));
    harness.state_mut().apply(Action::RedrawOnChange);
    draw_until(&mut harness, &|state| state.live.rough().is_some());
    let (mut first, mut film) = (Vec::new(), Vec::new());
    for seed in 1..=30 {
        // In the middle of the drawing before.
        draw_until(&mut harness, &|state| state.sampling.is_some_and(|progress| progress.frames_done > 1));
        let mut settings = state(&harness).settings.clone();
        settings.sampling.seed = seed;
        let shown = |state: &AppState| state.live.rough().map(|rough| Arc::as_ptr(&rough.pictures));
        let before = shown(state(&harness));
        let begun = Instant::now();
        harness.state_mut().apply(Action::Settings(Box::new(settings)));
        draw_until(&mut harness, &|state| shown(state).is_some() && shown(state) != before);
        first.push(begun.elapsed());
        draw_until(&mut harness, &|state| state.sampling.is_some_and(|progress| progress.frames_done > 0));
        film.push(begun.elapsed());
    }
    first.sort();
    film.sort();
    println!("first pictures on screen {:.0?} (worst {:.0?}), film begins {:.0?}", first[15], first[29], film[15]);
    assert!(first[15] < Duration::from_millis(100), "{:?}", first[15]);
    assert!(first[29] < Duration::from_millis(200), "the worst of 30: {:?}", first[29]);
}
