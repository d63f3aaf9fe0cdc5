//! The window on the real engine, where something goes wrong that no test from outside can ask for.

use std::time::{Duration, Instant};

use egui::vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::*;
use crate::app::EndReason;
use crate::config::{Budget, Preset, Settings, Subset};
use crate::device::{DeviceChoice, faults};
use crate::engine::work;

/// Longer than any of it takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn settings(steps: u64) -> Settings {
    let mut settings = Preset::Nano.settings();
    (settings.data.subset, settings.data.held_out) = (Subset::First(64), 16);
    let training = &mut settings.training;
    (training.batch_size, training.checkpoint_every) = (4, 3);
    training.budget = Budget::Steps(steps);
    settings
}

fn window(folder: &std::path::Path, handle: Handle) -> Harness<'static, Window> {
    let folders = Folders { runs: folder.join("runs"), pictures: folder.join("pictures") };
    Harness::builder().with_size(vec2(1440.0, 900.0)).build_eframe(move |cc| Window::new(cc, handle, folders))
}

fn state<'a>(harness: &'a Harness<'_, Window>) -> &'a AppState {
    harness.state().state().unwrap()
}

fn frames_until(harness: &mut Harness<'_, Window>, wanted: impl Fn(&AppState) -> bool) {
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
