//! An X server (Xvfb) with a window manager, and the hands of a person before it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::xwd::Screen;

pub const WIDTH: usize = 1440;
pub const HEIGHT: usize = 940;
/// The first frames are drawn without a GPU, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// An X server with a window manager, and a person's folders.
pub struct Desk {
    server: Child,
    manager: Child,
    pub display: String,
    pub home: TempDir,
}

impl Desk {
    pub fn set_up() -> Option<Self> {
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
    pub fn start(&self) -> Child {
        let mut program = quiet(env!("CARGO_BIN_EXE_diffuscope"), &self.display, self.home.path());
        let program = program.spawn().unwrap();
        self.wait_for("a window", |_| !self.windows().is_empty());
        program
    }

    pub fn windows(&self) -> String {
        let output = quiet("xdotool", &self.display, self.home.path())
            .args(["search", "--onlyvisible", "--name", "Diffuscope$"])
            .stdout(Stdio::piped())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The window's number.
    pub fn window(&self) -> u32 {
        self.windows().lines().next_back().unwrap().parse().unwrap()
    }

    /// The window's title.
    pub fn title(&self) -> String {
        let output = quiet("xdotool", &self.display, self.home.path())
            .args(["getwindowname", &self.window().to_string()])
            .stdout(Stdio::piped())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Where the window is on the screen: left, top, right, bottom.
    pub fn place(&self) -> [usize; 4] {
        let output = quiet("xdotool", &self.display, self.home.path())
            .args(["getwindowgeometry", "--shell", &self.window().to_string()])
            .stdout(Stdio::piped())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let value = |name: &str| -> usize {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.unwrap().parse().unwrap()
        };
        let (left, top) = (value("X"), value("Y"));
        [left, top, (left + value("WIDTH")).min(WIDTH), (top + value("HEIGHT")).min(HEIGHT)]
    }

    pub fn hand(&self, words: &[&str]) {
        let status = quiet("xdotool", &self.display, self.home.path()).args(words).status().unwrap();
        assert!(status.success(), "xdotool {words:?}");
    }

    /// Presses a key, and once more if it was not heard.
    pub fn press_until(&self, key: &str, what: &str, heard: impl Fn() -> bool) {
        for _ in 0..3 {
            self.hand(&["key", "--clearmodifiers", key]);
            if heard() {
                return;
            }
        }
        self.screen().save(&kept("failed.png"));
        panic!("{key} brought not {what}; the screen is in {}", kept("failed.png").display());
    }

    pub fn click(&self, (x, y): (usize, usize)) {
        self.hand(&["mousemove", &x.to_string(), &y.to_string(), "sleep", "0.3", "click", "1"]);
    }

    pub fn screen(&self) -> Screen {
        Screen::read(&self.home.path().join("Xvfb_screen0"))
    }

    pub fn wait_for(&self, what: &str, ready: impl Fn(&Screen) -> bool) -> Screen {
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

    pub fn runs(&self) -> Vec<PathBuf> {
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
pub fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}
