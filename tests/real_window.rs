//! Journey: a real window on a real X server (Xvfb), started as a person would, pressed with a mouse, closed while
//! it trains, and started again. And: no display, which is said in two lines.
//!
//! Without Xvfb, xdotool and openbox the journey is left out, except on the project's server, which must have them.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;
#[path = "support/xwd.rs"]
mod xwd;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use xwd::Screen;

/// The accent colour of the dark theme: the main button and the training curve.
const ACCENT: [u8; 3] = [0x7C, 0x9B, 0xFF];
/// The panels of the light theme.
const LIGHT: [u8; 3] = [0xFF, 0xFF, 0xFF];
const WIDTH: usize = 1440;
const HEIGHT: usize = 940;
/// The first frames are drawn without a GPU, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// An X server with a window manager, and a person's folders.
struct Desk {
    server: Child,
    manager: Child,
    display: String,
    home: TempDir,
}

impl Desk {
    fn set_up() -> Option<Self> {
        let missing: Vec<_> = ["Xvfb", "xdotool", "openbox"].into_iter().filter(|name| !is_installed(name)).collect();
        if !missing.is_empty() {
            assert!(std::env::var_os("CI").is_none(), "missing on the server: {missing:?}");
            eprintln!("left out, because these are not installed: {missing:?}");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        let screen = format!("{WIDTH}x{HEIGHT}x24");
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &screen, "-fbdir"])
            .arg(home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        let display = format!(":{}", number.trim());
        let manager = quiet("openbox", &display, home.path()).spawn().unwrap();
        Some(Self { server, manager, display, home })
    }

    #[allow(clippy::zombie_processes, reason = "whoever asked for the program waits for it")]
    fn start(&self) -> Child {
        let mut program = quiet(env!("CARGO_BIN_EXE_diffuscope"), &self.display, self.home.path());
        let program = program.spawn().unwrap();
        self.wait_for("a window", |_| !self.windows().is_empty());
        program
    }

    fn windows(&self) -> String {
        let output = quiet("xdotool", &self.display, self.home.path())
            .args(["search", "--onlyvisible", "--name", "^Diffuscope$"])
            .stdout(Stdio::piped())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn hand(&self, words: &[&str]) {
        let status = quiet("xdotool", &self.display, self.home.path()).args(words).status().unwrap();
        assert!(status.success(), "xdotool {words:?}");
    }

    /// Presses a key, and once more if it was not heard.
    fn press_until(&self, key: &str, what: &str, heard: impl Fn() -> bool) {
        for _ in 0..3 {
            self.hand(&["key", "--clearmodifiers", key]);
            if heard() {
                return;
            }
        }
        self.screen().save(&kept("failed.png"));
        panic!("{key} brought not {what}; the screen is in {}", kept("failed.png").display());
    }

    fn click(&self, (x, y): (usize, usize)) {
        self.hand(&["mousemove", &x.to_string(), &y.to_string(), "sleep", "0.3", "click", "1"]);
    }

    fn screen(&self) -> Screen {
        Screen::read(&self.home.path().join("Xvfb_screen0"))
    }

    fn wait_for(&self, what: &str, ready: impl Fn(&Screen) -> bool) -> Screen {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if ready(&screen) {
                return screen;
            }
            if begun.elapsed() > PATIENCE {
                screen.save(&kept("failed.png"));
                panic!("no {what}; the screen is in {}", kept("failed.png").display());
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    fn runs(&self) -> Vec<PathBuf> {
        let folder = self.home.path().join("data/diffuscope/runs");
        fs::read_dir(folder).map(|runs| runs.map(|run| run.unwrap().path()).collect()).unwrap_or_default()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for child in [&mut self.manager, &mut self.server] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A command on the display, with the person's folders in `home`, that prints nothing.
fn quiet(name: &str, display: &str, home: &Path) -> Command {
    let mut command = Command::new(name);
    command.env("DISPLAY", display).env_remove("WAYLAND_DISPLAY").env("HOME", home);
    command.env("XDG_DATA_HOME", home.join("data")).env("XDG_CONFIG_HOME", home.join("config"));
    command.current_dir(home).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn is_installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Where pictures of the journey stay, to be looked at.
fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

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

#[test]
fn train_watch_close_and_come_back() {
    let Some(desk) = Desk::set_up() else { return };
    let mut program = desk.start();
    let screen = desk.wait_for("Train button", |screen| main_button(screen).is_some());
    screen.save(&kept("first-start.png"));
    assert!(screen.colours() > 100, "the window is blank");
    let before = curve_columns(&screen);

    desk.click(main_button(&screen).unwrap());
    desk.wait_for("loss curve", |screen| curve_columns(screen) > before + 60);
    let runs = desk.runs();
    let [run] = &runs[..] else { panic!("not one run: {runs:?}") };
    let steps = || fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines().count();
    desk.wait_for("ten steps", |_| steps() > 10).save(&kept("training.png"));

    // Held, nothing is learned; then it goes on. Keys are pressed until they are heard: see below.
    desk.press_until("ctrl+p", "a pause", || stands_still(&steps));
    let held = steps();
    desk.press_until("ctrl+p", "more steps", || {
        std::thread::park_timeout(Duration::from_secs(2));
        steps() > held
    });
    desk.wait_for("a film of the training", |_| fs::read_dir(run.join("films")).is_ok_and(|films| films.count() > 1));
    for key in ["Down", "Left", "Left"] {
        desk.hand(&["key", key]);
    }
    desk.wait_for("the strip", |screen| screen.colours() > 100).save(&kept("scrubbed.png"));
    desk.press_until("ctrl+shift+l", "the light theme", || {
        std::thread::park_timeout(Duration::from_secs(2));
        is_light(&desk.screen())
    });
    desk.screen().save(&kept("light.png"));
    desk.hand(&["search", "--onlyvisible", "--name", "^Diffuscope$", "windowsize", "960", "600"]);
    std::thread::park_timeout(Duration::from_secs(2));
    desk.wait_for("a small window", |screen| screen.colours() > 100).save(&kept("small.png"));

    // Twice, as the window manager loses a key now and then that comes while it grabs the keyboard.
    let mut status = None;
    let mut closed = Instant::now();
    for _ in 0..2 {
        closed = Instant::now();
        desk.hand(&["key", "--clearmodifiers", "alt+F4"]);
        while status.is_none() && closed.elapsed() < Duration::from_secs(5) {
            status = program.try_wait().unwrap();
            std::thread::park_timeout(Duration::from_millis(10));
        }
        if status.is_some() {
            break;
        }
    }
    if status.is_none() {
        program.kill().unwrap();
    }
    program.wait().unwrap();
    assert!(status.is_some_and(|status| status.success()), "the program did not end: {status:?}");
    assert!(run.join("checkpoint.safetensors").is_file(), "the run was not kept");
    println!("closed in {:?} after {} steps", closed.elapsed(), steps());
    assert!(closed.elapsed() < Duration::from_secs(4), "closing took {:?}", closed.elapsed());

    let mut program = desk.start();
    desk.wait_for("the theme that was chosen before", is_light).save(&kept("second-start.png"));
    program.kill().unwrap();
    program.wait().unwrap();
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
