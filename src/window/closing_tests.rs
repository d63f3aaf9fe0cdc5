//! The window is closed while something is being saved: it stays until that is on disk, says so, and can be told not to wait.

use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use egui::{Key, ViewportEvent, ViewportId};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::tests::{PATIENCE, frames_until, settings, state, window};
use super::*;
use crate::app::SaveWhat;
use crate::device::DeviceChoice;
use crate::engine::{Event, Task, work};
use crate::files::faults;
use crate::train::folder::newest_checkpoint;

/// Longer than a window waits without a word.
const LONG: Duration = Duration::from_millis(2_500);

/// What becomes of a frame in which the close button was pressed, or none was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Stays,
    Closes,
}

/// A frame, as eframe has it: the window closes where it was asked to, be it by itself, and does not cancel it.
pub(super) fn frame(harness: &mut Harness<'_, Window>, pressed: bool) -> Frame {
    let root = harness.input_mut().viewports.entry(ViewportId::ROOT).or_default();
    root.events = if pressed { vec![ViewportEvent::Close] } else { Vec::new() };
    harness.run_steps(1);
    let commands = &harness.output().viewport_output[&ViewportId::ROOT].commands;
    let cancels = commands.contains(&ViewportCommand::CancelClose);
    let asks = commands.contains(&ViewportCommand::Close);
    if pressed && !cancels || asks { Frame::Closes } else { Frame::Stays }
}

/// Frames until the window closes by itself; how long that took, and what was said meanwhile.
pub(super) fn until_it_closes(harness: &mut Harness<'_, Window>) -> (Duration, Vec<String>) {
    let (begun, mut said) = (Instant::now(), Vec::new());
    while frame(harness, false) == Frame::Stays {
        let lines =
            state(harness).farewell().into_iter().flat_map(|farewell| [vec![farewell.title], farewell.lines].concat());
        for line in lines {
            if !said.contains(&line) {
                said.push(line);
            }
        }
        std::thread::park_timeout(Duration::from_millis(5));
        assert!(begun.elapsed() < PATIENCE, "it does not close: {said:?}");
    }
    (begun.elapsed(), said)
}

fn real_engine() -> Handle {
    Handle::spawn(|| (), |commands, out| work(DeviceChoice::Cpu)(commands, out)).unwrap()
}

fn trains(folder: &Path) -> Harness<'static, Window> {
    let mut harness = window(folder, real_engine());
    let mut settings = settings(100_000);
    settings.training.checkpoint_every = 1_000;
    harness.state_mut().apply(Action::Settings(Box::new(settings)));
    harness.state_mut().apply(Action::Train);
    frames_until(&mut harness, |state| state.progress.step >= 3);
    harness
}

#[test]
fn a_window_that_trains_stays_until_a_slow_disk_has_the_last_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = trains(folder.path());
    faults::slow(folder.path(), LONG);
    assert_eq!(frame(&mut harness, true), Frame::Stays);
    harness.state_mut().apply(Action::Sample);
    let (took, said) = until_it_closes(&mut harness);
    assert!(took >= LONG, "it went after {took:?}");
    assert!(
        said[0] == "Saving the last steps…" && said.iter().any(|line| line.contains("closes by itself · 2 s")),
        "{said:?}"
    );
    let (run, step) = (state(&harness).run.as_ref().unwrap().folder.clone(), state(&harness).progress.step);
    assert_eq!(newest_checkpoint(&run).unwrap().0.step, step);
    let begun = Instant::now();
    drop(harness);
    assert!(begun.elapsed() < Duration::from_secs(1), "it waits once more");
}

#[test]
fn a_quick_end_is_not_spoken_of() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = trains(folder.path());
    frame(&mut harness, true);
    let (took, said) = until_it_closes(&mut harness);
    assert!(
        took < Duration::from_secs(2) && (said.is_empty() || took > Duration::from_millis(300)),
        "{took:?} {said:?}"
    );
}

#[test]
fn a_file_that_is_being_saved_is_there_when_the_window_has_closed() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = trains(folder.path());
    harness.state_mut().apply(Action::Stop);
    frames_until(&mut harness, |state| state.run.as_ref().is_some_and(|run| run.ended.is_some()));
    let pictures = folder.path().join("pictures");
    faults::slow(&pictures, LONG);
    let path = pictures.join("losses.csv");
    harness.state_mut().apply(Action::SaveWhat(SaveWhat::Losses));
    harness.state_mut().apply(Action::SavePath(path.display().to_string()));
    harness.state_mut().apply(Action::Save);
    assert_eq!(frame(&mut harness, true), Frame::Stays);
    let (took, said) = until_it_closes(&mut harness);
    assert!(took >= LONG && said[0] == "Saving a file…", "{took:?} {said:?}");
    drop(harness);
    let names: Vec<_> = std::fs::read_dir(&pictures).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["losses.csv"]);
}

#[test]
fn pressed_again_it_closes_at_once() {
    for button in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut harness = trains(folder.path());
        faults::slow(folder.path(), PATIENCE);
        assert_eq!(frame(&mut harness, true), Frame::Stays);
        // The same press, told of again, and a double click.
        assert_eq!(frame(&mut harness, true), Frame::Stays);
        frame(&mut harness, false);
        assert_eq!(frame(&mut harness, true), Frame::Stays);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(1_100) {
            assert_eq!(frame(&mut harness, false), Frame::Stays);
        }
        if button {
            harness.get_by_label("Close without them").click();
            frame(&mut harness, false);
            assert_eq!(frame(&mut harness, false), Frame::Closes);
        } else {
            assert_eq!(frame(&mut harness, true), Frame::Closes);
        }
        let begun = Instant::now();
        drop(harness);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}

#[test]
fn what_could_not_be_saved_keeps_the_window_open_and_nothing_else_can_be_done() {
    let folder = tempfile::tempdir().unwrap();
    let (fail, failing) = bounded::<()>(0);
    let handle = Handle::spawn(
        || (),
        move |commands, out| {
            while commands.recv().is_ok() {}
            let _ = failing.recv();
            let (what, hint) = ("no space left".into(), "make room".into());
            out.send(Event::Failed { during: Task::Training, what, hint }).unwrap();
        },
    );
    let mut harness = window(folder.path(), handle.unwrap());
    assert_eq!(frame(&mut harness, true), Frame::Stays);
    drop(fail);
    let begun = Instant::now();
    while harness.query_by_label_contains("no space left: make room").is_none() {
        assert_eq!(frame(&mut harness, false), Frame::Stays);
        assert!(begun.elapsed() < PATIENCE, "it is not told");
    }
    harness.get_by_label("Not everything could be saved");
    let settings = state(&harness).settings.clone();
    harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::Num2);
    harness.state_mut().apply(Action::RollSeed);
    assert_eq!(frame(&mut harness, false), Frame::Stays);
    assert!(state(&harness).settings == settings && state(&harness).tab == crate::app::Tab::Train);
    harness.get_by_label("Close").click();
    frame(&mut harness, false);
    assert_eq!(frame(&mut harness, false), Frame::Closes);
}

#[test]
fn a_signal_is_as_a_press_on_the_close_button() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = trains(folder.path());
    harness.state_mut().signals.raise();
    until_it_closes(&mut harness);
    let (run, step) = (state(&harness).run.as_ref().unwrap().folder.clone(), state(&harness).progress.step);
    assert_eq!(newest_checkpoint(&run).unwrap().0.step, step);
}
