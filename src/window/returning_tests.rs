//! The window is closed and opened again: it shows what it showed.

use std::path::Path;

use egui::vec2;
use egui_kittest::Harness;

use super::tests::{frames_until, settings, state};
use super::*;
use crate::app::{FilmAxis, Recording, Tab};
use crate::device::DeviceChoice;
use crate::engine::work;

fn started(folder: &Path) -> Harness<'static, Window> {
    let handle = Handle::spawn(|| (), |commands, out| work(DeviceChoice::Cpu)(commands, out)).unwrap();
    let folders = Folders { runs: folder.join("runs"), pictures: folder.join("pictures") };
    let memory = Memory::at(folder.join("window.json"));
    let builder = Harness::builder().with_size(vec2(1440.0, 900.0));
    let mut harness = builder.build_eframe(move |cc| Window::with_memory(cc, handle, folders, memory));
    harness.state_mut().open_last();
    harness
}

fn close(mut harness: Harness<'_, Window>) {
    harness.state_mut().remember();
}

/// What a person sees of where they are.
fn place(state: &AppState) -> (String, Tab, usize, FilmAxis, f32, Option<u64>, Option<usize>) {
    let t = state.film().and_then(Recording::t);
    let player = &state.player;
    (state.title(), state.tab, state.followed, player.axis, player.speed, state.film_step(), t)
}

fn is_drawn(state: &AppState) -> bool {
    state.sampled_in.is_some() && state.sampling.is_none() && !state.films.reading
}

#[test]
fn the_run_the_tab_the_digit_and_the_playhead_are_where_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = started(folder.path());
    frames_until(&mut harness, is_drawn);
    assert!(state(&harness).model.as_ref().unwrap().ships, "at the first start the model that ships is shown");
    let mut asked = settings(100_000);
    (asked.sampling.count, asked.sampling.steps) = (12, 6);
    asked.training.preview_seconds = 0.01;
    harness.state_mut().apply(Action::Settings(Box::new(asked)));
    harness.state_mut().apply(Action::Train);
    frames_until(&mut harness, |state| state.films.len() >= 3);
    harness.state_mut().apply(Action::Stop);
    frames_until(&mut harness, |state| state.run.as_ref().is_some_and(|run| run.ended.is_some()));
    let run = state(&harness).run.as_ref().unwrap().folder.clone();

    // On a film of the training.
    let speed = Action::Speed(2.0);
    let typed = Action::DataPath("/data/ada/kanji".into());
    for action in [Action::Follow(7), Action::SeekTraining(1), Action::Seek(3), speed, typed] {
        harness.state_mut().apply(action);
    }
    harness.state_mut().apply(Action::FilmAxis(FilmAxis::Training));
    // Drawn with other settings than the run's own.
    let mut other = state(&harness).settings.clone();
    other.sampling.seed = 4_711;
    harness.state_mut().apply(Action::Settings(Box::new(other.clone())));
    harness.state_mut().apply(Action::ShowTab(Tab::Data));
    let before = place(state(&harness));
    assert!(before.5.is_some() && before.6 != Some(0), "{before:?}");
    close(harness);

    let mut harness = started(folder.path());
    frames_until(&mut harness, |state| is_drawn(state) && state.run.is_some());
    assert_eq!(place(state(&harness)), before);
    assert_eq!((&state(&harness).settings, state(&harness).data_path.as_str()), (&other, "/data/ada/kanji"));
    assert!(state(&harness).films.len() >= 3);

    // On the drawing, in the middle of its denoising.
    harness.state_mut().apply(Action::ShowTab(Tab::Sample));
    harness.state_mut().apply(Action::Seek(2));
    let before = place(state(&harness));
    assert!(before.5.is_none() && before.6 != Some(0), "{before:?}");
    close(harness);
    let mut harness = started(folder.path());
    frames_until(&mut harness, |state| is_drawn(state) && state.run.is_some());
    assert_eq!(place(state(&harness)), before);
    harness.state_mut().apply(Action::ShowTab(Tab::Runs));
    close(harness);

    // The run is gone: no error, and the model that ships.
    std::fs::remove_dir_all(&run).unwrap();
    let mut harness = started(folder.path());
    frames_until(&mut harness, |state| is_drawn(state) && state.runs.list.is_some());
    assert!(state(&harness).model.as_ref().unwrap().ships && state(&harness).run.is_none());
    assert_eq!((state(&harness).tab, state(&harness).notices.iter().count()), (Tab::Runs, 0));
    assert_eq!(state(&harness).settings, other);
}
