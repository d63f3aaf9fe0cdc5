//! Journey: a real window on a real X server (Xvfb), started as a person would, pressed with a mouse, closed while
//! it trains, and started again. And: no display, which is said in two lines.
//!
//! Without Xvfb, xdotool and openbox the journey is left out, except on the project's server, which must have them.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "support/desk.rs"]
mod desk;
#[path = "support/program.rs"]
mod program;
#[path = "support/xdnd.rs"]
mod xdnd;
#[path = "support/xwd.rs"]
mod xwd;

use std::fs;
use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use desk::{Desk, WIDTH, kept};
use diffuscope::train::folder::{CHECKPOINT, newest_checkpoint};
use image::AnimationDecoder;
use xwd::Screen;

/// The accent colour of the dark theme: the main button and the training curve.
const ACCENT: [u8; 3] = [0x7C, 0x9B, 0xFF];
/// The same of the light theme.
const ACCENT_ON_LIGHT: [u8; 3] = [0x35, 0x58, 0xD6];
/// The panels of the light theme.
const LIGHT: [u8; 3] = [0xFF, 0xFF, 0xFF];

/// The middle of the wide accent-coloured button in the top bar.
fn main_button(screen: &Screen) -> Option<(usize, usize)> {
    let places = screen.find(ACCENT, 300, 0, 900, 90);
    let (left, right) = (places.iter().map(|p| p.0).min()?, places.iter().map(|p| p.0).max()?);
    let (top, bottom) = (places.iter().map(|p| p.1).min()?, places.iter().map(|p| p.1).max()?);
    (places.len() > 800 && right - left > 50).then_some(((left + right) / 2, (top + bottom) / 2))
}

/// Columns of the loss plot, at the top of the right panel, in which the training curve was drawn.
fn curve_columns(screen: &Screen) -> usize {
    let mut columns: Vec<_> = screen.find(ACCENT, 1130, 120, WIDTH, 360).into_iter().map(|place| place.0).collect();
    columns.sort_unstable();
    columns.dedup();
    columns.len()
}

/// The panels have the colour of the light theme; the place is on the window, however small it is.
fn is_light(screen: &Screen) -> bool {
    screen.find(LIGHT, 0, 300, 300, 500).len() > 30_000
}

/// Whether no further step comes within the time in which the metrics are surely written.
fn stands_still(steps: &dyn Fn() -> usize) -> bool {
    std::thread::park_timeout(Duration::from_secs(2));
    let before = steps();
    std::thread::park_timeout(Duration::from_secs(2));
    steps() == before
}

/// Whether the digits of the grid are there: white, on the black ground in the middle.
fn digits_are_drawn(screen: &Screen) -> bool {
    screen.find([255; 3], 310, 130, 790, 640).len() > 5_000
}

/// Where the film stands: its timestep and its step of training, as places along the two axes at the foot of the window.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Playhead {
    timestep: usize,
    step: usize,
}

/// The ball over the thumbnails, ten pixels wide, below buttons that are wider; and the end of the slider 96 rows below it.
fn playhead(screen: &Screen, [left, _, right, bottom]: [usize; 4], accent: [u8; 3]) -> Option<Playhead> {
    let row = |y: usize| screen.find(accent, left, y, right, y + 1);
    let balls = (bottom - 160..bottom - 80).map(row).filter(|places| places.len() <= 13);
    let ball = balls.max_by_key(Vec::len).filter(|ball| ball.len() >= 8)?;
    let timestep = ball.iter().map(|place| place.0).sum::<usize>() / ball.len();
    let slider = row(ball[0].1 + 96);
    Some(Playhead { timestep, step: slider.iter().map(|place| place.0).max()? })
}

/// Presses a key of the film until it stands elsewhere: from where, and where.
fn scrub(desk: &Desk, key: &str, window: [usize; 4]) -> (Playhead, Playhead) {
    let stands = || playhead(&desk.screen(), window, ACCENT);
    let before = stands().unwrap();
    desk.press_until(key, "another moment of the film", || {
        std::thread::park_timeout(Duration::from_secs(1));
        stands().is_some_and(|now| now != before)
    });
    (before, stands().unwrap())
}

/// The middle of the button that saves, in the form over the strip.
fn save_button(screen: &Screen, [_, _, right, bottom]: [usize; 4]) -> Option<(usize, usize)> {
    let places = screen.find(ACCENT, right - 460, bottom - 260, right, bottom - 165);
    let wide: Vec<_> = places
        .iter()
        .filter(|(x, y)| (1..60).all(|i| places.binary_search_by_key(&(*y, x + i), |p| (p.1, p.0)).is_ok()))
        .collect();
    // The first block of rows, as another button may stand below it.
    let first = wide.first()?;
    let mut rows: Vec<_> = wide.iter().map(|place| place.1).collect();
    rows.dedup();
    let height = rows.iter().zip(first.1..).take_while(|(row, expected)| *row == expected).count();
    Some((first.0 + 40, first.1 + height / 2))
}

/// Saves what the form has chosen, under a path that is typed.
fn save_as(desk: &Desk, key: &str, window: [usize; 4], path: &Path) {
    let shown = |screen: &Screen| save_button(screen, window);
    desk.press_until(key, "the form", || {
        std::thread::park_timeout(Duration::from_secs(2));
        shown(&desk.screen()).is_some()
    });
    let (x, y) = shown(&desk.screen()).unwrap();
    desk.click((x - 240, y - 41));
    desk.hand(&["key", "--clearmodifiers", "ctrl+a"]);
    desk.hand(&["type", "--delay", "20", path.to_str().unwrap()]);
    std::thread::park_timeout(Duration::from_secs(1));
    desk.screen().save(&kept("save-form.png"));
    desk.click((x, y));
    desk.wait_for("the file", |_| path.is_file());
    desk.hand(&["key", "--clearmodifiers", "ctrl+s"]);
}

/// Ends the program as its window's button does; how long it took.
fn close(desk: &Desk, program: &mut Child) -> Duration {
    // Twice, as the window manager loses a key now and then that comes while it grabs the keyboard.
    for _ in 0..2 {
        let begun = Instant::now();
        desk.hand(&["key", "--clearmodifiers", "alt+F4"]);
        while begun.elapsed() < Duration::from_secs(5) {
            if let Some(status) = program.try_wait().unwrap() {
                assert!(status.success(), "the program ended with {status}");
                return begun.elapsed();
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
    program.kill().unwrap();
    program.wait().unwrap();
    panic!("the program did not end");
}

#[test]
fn train_watch_close_and_come_back() {
    let Some(desk) = Desk::set_up() else { return };
    let mut program = desk.start();
    let screen = desk.wait_for("Train button", |screen| main_button(screen).is_some());
    desk.wait_for("digits of the model that ships", digits_are_drawn).save(&kept("first-start.png"));
    let before = curve_columns(&screen);

    desk.click(main_button(&screen).unwrap());
    desk.wait_for("loss curve", |screen| curve_columns(screen) > before + 60);
    let runs = desk.runs();
    let [run] = &runs[..] else { panic!("not one run: {runs:?}") };
    let steps = || fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines().count();
    desk.wait_for("ten steps", |_| steps() > 10).save(&kept("training.png"));
    let films = || fs::read_dir(run.join("films")).map_or(0, Iterator::count);
    desk.wait_for("films of the training", |_| films() > 1);

    // Held, nothing is learned, and the strip moves by keys alone: along the denoising, and along the training.
    // Keys are pressed until they are heard: the window manager loses one now and then.
    desk.press_until("ctrl+p", "a pause", || stands_still(&steps));
    let held = steps();
    let window = desk.place();
    desk.screen().save(&kept("paused.png"));
    let (before, now) = scrub(&desk, "Left", window);
    assert!(now.timestep < before.timestep && now.step == before.step, "one timestep back: {before:?}, {now:?}");
    let (before, now) = scrub(&desk, "Page_Up", window);
    let hundred = (window[2] - window[0]) / 10;
    assert!(before.timestep - now.timestep > hundred / 2 && now.step == before.step, "100 back: {before:?}, {now:?}");
    desk.screen().save(&kept("scrubbed-timestep.png"));
    let (before, now) = scrub(&desk, "Down", window);
    assert!(now.timestep == before.timestep && now.step < before.step, "earlier in training: {before:?}, {now:?}");
    desk.screen().save(&kept("scrubbed-step.png"));

    let film = desk.home.path().join("film.gif");
    save_as(&desk, "ctrl+g", window, &film);
    let frames = image::codecs::gif::GifDecoder::new(BufReader::new(fs::File::open(&film).unwrap())).unwrap();
    let frames = frames.into_frames().collect_frames().unwrap();
    assert!(frames.len() > 5, "a GIF of {} frames", frames.len());
    desk.screen().save(&kept("saved.png"));

    // A picture that was drawn with another seed brings it along when it is dropped.
    let drawn = desk.home.path().join("drawn elsewhere.png");
    let words = ["sample", "--count", "4", "--steps", "4", "--seed", "777", "--out", drawn.to_str().unwrap()];
    program::done(desk.home.path(), &words);
    let (x, y) = ((window[0] + window[2]) / 2, (window[1] + window[3]) / 2);
    let drag = xdnd::Drag::over(&desk.display, desk.window(), (x as u32, y as u32), &drawn);
    let [left, top, ..] = window;
    let framed = |screen: &Screen| screen.find(ACCENT, left, top + 500, left + 14, top + 600).len() >= 100;
    desk.wait_for("the frame that says what dropping it would do", framed).save(&kept("held-over.png"));
    drag.drop_it();
    desk.wait_for("the frame to go", |screen| !framed(screen)).save(&kept("dropped.png"));

    desk.press_until("ctrl+p", "more steps", || {
        std::thread::park_timeout(Duration::from_secs(2));
        steps() > held
    });
    desk.press_until("ctrl+shift+l", "the light theme", || {
        std::thread::park_timeout(Duration::from_secs(2));
        is_light(&desk.screen())
    });
    desk.screen().save(&kept("light.png"));
    desk.hand(&["search", "--onlyvisible", "--name", "Diffuscope$", "windowsize", "960", "600"]);
    std::thread::park_timeout(Duration::from_secs(2));
    let small = desk.place();
    assert_eq!((small[2] - small[0], small[3] - small[1]), (960, 600));
    let stood = |screen: &Screen| playhead(screen, desk.place(), ACCENT_ON_LIGHT);
    let screen = desk.wait_for("the film in a small window", |screen| stood(screen).is_some());
    screen.save(&kept("small.png"));
    let before = stood(&screen).unwrap();

    let took = close(&desk, &mut program);
    assert!(run.join("checkpoint.safetensors").is_file(), "the run was not kept");
    println!("closed in {took:?} after {} steps", steps());
    assert!(took < Duration::from_secs(4), "closing took {took:?}");
    let kept_state = fs::read_to_string(desk.home.path().join("data/diffuscope/window.json")).unwrap();
    assert!(kept_state.contains("\"seed\":777"), "the settings of the dropped picture were not kept");
    let looked_at = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["looked_at"].clone();
    let looked_at_first = looked_at(&kept_state);

    let mut program = desk.start();
    desk.wait_for("the theme that was chosen before", is_light);
    let [left, top, right, bottom] = desk.place();
    assert_eq!((right - left, bottom - top), (960, 600), "the size of the window was not kept");
    // The title names the run that is shown.
    let name = run.file_name().unwrap().to_str().unwrap();
    desk.wait_for("the run that was shown before", |_| desk.title().starts_with(name));
    // The run had one more film or two when it was closed, beside which the step lies further to the left.
    let again = |now: Playhead| now.timestep.abs_diff(before.timestep) <= 2 && now.step <= before.step + 2;
    let back = desk.wait_for("the film where it stood", |screen| stood(screen).is_some_and(again));
    back.save(&kept("second-start.png"));
    close(&desk, &mut program);
    assert_eq!(desk.runs(), runs);
    let kept_again = fs::read_to_string(desk.home.path().join("data/diffuscope/window.json")).unwrap();
    assert_eq!(looked_at(&kept_again), looked_at_first, "tab, digit, film or place changed by a start alone");
    assert!(kept_again.contains("\"seed\":777"));
}

/// From the start of the process, for a person who never started it before, without a graphics card.
#[test]
#[ignore = "a time: on a machine that does nothing else"]
fn digits_are_on_the_screen_three_seconds_after_the_first_start() {
    for _ in 0..5 {
        let desk = Desk::set_up().expect("Xvfb, xdotool and openbox are installed");
        let begun = Instant::now();
        let mut program = desk.start();
        desk.wait_for("digits of the model that ships", digits_are_drawn);
        let took = begun.elapsed();
        println!("digits after {took:.2?}");
        assert!(took < Duration::from_secs(3), "{took:?}");
        close(&desk, &mut program);
    }
}

/// Sends a signal to the program.
fn send(signal: &str, program: &Child) {
    let id = program.id().to_string();
    assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
}

#[test]
fn a_window_that_is_told_to_end_keeps_the_last_step_of_its_run() {
    let Some(desk) = Desk::set_up() else { return };
    for signal in ["-TERM", "-HUP"] {
        let before = desk.runs();
        let mut program = desk.start();
        let screen = desk.wait_for("Train button", |screen| main_button(screen).is_some());
        desk.click(main_button(&screen).unwrap());
        desk.wait_for("a run", |_| desk.runs().len() > before.len());
        let run = desk.runs().into_iter().find(|run| !before.contains(run)).unwrap();
        let steps = || fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default().lines().count();
        desk.wait_for("steps", |_| steps() > 3);
        assert!(!run.join(CHECKPOINT).exists(), "the first checkpoint came too early for the test");
        send(signal, &program);
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = program.try_wait().unwrap() {
                break status;
            }
            std::thread::park_timeout(Duration::from_millis(10));
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not end");
        };
        println!("{signal}: ended in {:?}", begun.elapsed());
        assert!(status.success(), "it ended with {status}");
        let last = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let last = last.lines().rfind(|line| line.contains("\"loss\"")).unwrap().to_owned();
        let kept = newest_checkpoint(&run).unwrap().0.step;
        assert!(last.contains(&format!("\"step\":{kept},")), "step {kept} is kept, the last is {last}");
    }
}

#[test]
fn without_a_display_two_lines_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = program::program(folder.path(), &[]);
    let output = program.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("error: ") && lines[1].contains("diffuscope train"), "{text}");
}
