//! A window on a scripted engine: the test plays the engine's part.
#![allow(dead_code, clippy::unwrap_used, reason = "test code; each test binary uses its part")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossbeam_channel::Receiver;
use diffuscope::app::{Action, AppState, Folders, Recording, RunRecord, RunSummary, SaveWhat};
use diffuscope::config::{DataSettings, Preset, Settings, WeightsKind};
use diffuscope::data::contact_sheet::ContactSheet;
use diffuscope::data::mnist;
use diffuscope::engine::{Activity, Command, Event, Handle, ModelReady, Outbox, RunRead, RunStarted, Task};
use diffuscope::eval::copying::{Copying, Neighbour};
use diffuscope::pictures::Pictures;
use diffuscope::train::folder::RunFile;
use diffuscope::train::history::History;
use diffuscope::train::run_name::RunName;
use diffuscope::window::Window;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use egui_kittest::{Harness, HarnessBuilder};

mod drawing;
mod films;
pub mod painted;
mod training;

#[allow(unused_imports, reason = "each test binary uses its part")]
pub use drawing::{digits, drawn_by, drawn_for, noised, recording, recording_by};
#[allow(unused_imports, reason = "each test binary uses its part")]
pub use films::{film, films, preview};
pub use training::{by_timestep, evaluations, grid, held_out, steps, worked};

/// The window, and the engine's ends of its channels.
pub struct Scene {
    pub harness: Harness<'static, Window>,
    pub commands: Receiver<Command>,
    pub events: Outbox,
}

/// A file in the hand of the desktop.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

impl Scene {
    pub fn new(builder: HarnessBuilder<Window>) -> Self {
        let (handle, commands, events) = Handle::scripted();
        let folders = Folders { runs: "/data/ada/runs".into(), pictures: "/data/ada/pictures".into() };
        let harness = builder.build_eframe(move |cc| Window::new(cc, handle, folders));
        Self { harness, commands, events }
    }

    pub fn state(&self) -> &AppState {
        self.harness.state().state().expect("the window is open")
    }

    /// Queues events and lets the window take them.
    pub fn play(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.events.send(event).unwrap();
        }
        self.harness.run_steps(2);
    }

    /// Files are dropped onto the window.
    pub fn drop_files(&mut self, paths: &[&str]) {
        let handle = |path: &&str| -> egui::DroppedFileHandle { Arc::new(Dropped(path.into())) };
        self.harness.input_mut().dropped_files = paths.iter().map(handle).collect();
        self.wait_for_the_disk();
    }

    /// Files are held over the window, with the button down; none: they are taken away.
    pub fn hold_over(&mut self, paths: &[&str]) {
        let file = |path: &&str| egui::HoveredFile { path: Some(path.into()), ..Default::default() };
        self.harness.input_mut().hovered_files = paths.iter().map(file).collect();
        self.wait_for_the_disk();
    }

    /// Until it has said what was held or dropped.
    fn wait_for_the_disk(&mut self) {
        self.harness.run_steps(2);
        while self.state().is_looking() {
            self.harness.run_steps(1);
        }
        self.harness.run_steps(2);
    }

    /// The close button of the window is pressed.
    pub fn press_close(&mut self) {
        let root = self.harness.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default();
        root.events = vec![egui::ViewportEvent::Close];
        self.harness.run_steps(1);
        self.harness.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default().events.clear();
    }

    /// The file dialog's answer.
    pub fn answer(&mut self, what: SaveWhat, path: Option<PathBuf>) {
        self.harness.state_mut().apply(Action::Browsed(what, path));
        self.harness.run_steps(2);
    }

    /// Does what a panel would ask for.
    pub fn act(&mut self, action: Action) {
        self.harness.state_mut().apply(action);
        self.harness.run_steps(3);
    }

    /// The engine is gone: commands cannot be sent any more.
    pub fn hang_up(&mut self) {
        self.commands = crossbeam_channel::never();
    }

    /// The next command that the window sent, but for the names of digits, which it asks by itself.
    pub fn command(&mut self) -> Option<Command> {
        self.harness.run_steps(2);
        self.commands.try_iter().find(|command| !matches!(command, Command::NameDigits { .. }))
    }

    /// Answers what the Data tab asks until it asks no more.
    pub fn answer_about_data(&mut self) {
        while let Some(Command::LookAtData { data, seed, .. }) = self.command() {
            self.play([data_seen(&data, seed)]);
        }
    }

    /// The digits whose names the window wants to know.
    pub fn wants_names(&mut self) -> Option<Arc<Pictures>> {
        self.harness.run_steps(2);
        self.commands.try_iter().find_map(|command| match command {
            Command::NameDigits { pictures } => Some(pictures),
            _ => None,
        })
    }
}

/// A run that the disk did not take.
pub fn not_kept() -> Event {
    let what = "cannot write /data/ada/runs/2026-11-24_153012-small/checkpoint.safetensors: no space left".into();
    let hint = "make room on the disk, or choose another folder".into();
    Event::Failed { during: Task::Training, what, hint }
}

impl Scene {
    pub fn click(&mut self, name: &str) {
        self.harness.get_by_label(name).click();
        self.harness.run_steps(3);
    }

    pub fn press(&mut self, button: &str) {
        self.harness.get_by_role_and_label(Role::Button, button).click();
        self.harness.run_steps(3);
    }

    pub fn type_into(&mut self, name: &str, text: &str) {
        self.harness.get_by_label(name).focus();
        self.harness.run_steps(1);
        self.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
        self.harness.get_by_label(name).type_text(text);
        self.harness.run_steps(2);
    }

    /// Types a number into the field of a setting.
    pub fn set(&mut self, name: &str, value: &str) {
        let field = |scene: &Scene| scene.harness.get_by_role_and_label(Role::SpinButton, name).rect().center();
        let at = field(self);
        self.harness.hover_at(at);
        self.harness.get_by_role_and_label(Role::SpinButton, name).click();
        self.harness.run_steps(2);
        self.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
        self.harness.event(egui::Event::Text(value.into()));
        self.harness.run_steps(1);
        self.harness.key_press(egui::Key::Enter);
        self.harness.run_steps(2);
    }

    pub fn key(&mut self, key: egui::Key) {
        self.harness.key_press(key);
        self.harness.run_steps(2);
    }

    pub fn t(&self) -> usize {
        self.state().film().and_then(Recording::t).expect("something is recorded")
    }

    pub fn enabled(&self, name: &str) -> bool {
        !self.harness.get_by_label(name).accesskit_node().is_disabled()
    }
}

pub fn run_started(settings: Settings, step: u64) -> Event {
    Event::RunStarted(RunStarted {
        run: PathBuf::from("/data/ada/runs/2026-11-24_153012-small"),
        settings: Box::new(settings),
        step,
        parameters: 460_516,
        images: 60_000,
        device: "CPU, 2 threads".into(),
        estimate: None,
    })
}

/// The model of a run that has ended.
pub fn model_learned(settings: Settings) -> Event {
    model(settings, false)
}

/// The model that was opened.
pub fn model_opened(settings: Settings) -> Event {
    model(settings, true)
}

/// The model that ships with the program, as the first start opens it.
pub fn model_shipped(settings: Settings) -> Event {
    let (settings, source) = (Box::new(settings), "the model that ships with Diffuscope".into());
    Event::ModelReady(ModelReady { settings, step: 9000, parameters: 460_516, source, ships: true, opened: true })
}

fn model(settings: Settings, opened: bool) -> Event {
    let source = "/data/ada/runs/2026-11-24_153012-small".into();
    let (settings, ships) = (Box::new(settings), false);
    Event::ModelReady(ModelReady { settings, step: 1240, parameters: 460_516, source, ships, opened })
}

/// The middle of a run: losses, a grid, films, a recording.
pub fn in_the_middle(scene: &mut Scene) {
    let settings = Preset::Small.settings();
    scene.play([run_started(settings, 0), Event::Activity(Activity::Training)]);
    scene.play(steps(1, 640));
    scene.play(steps(641, 1240));
    scene.play(held_out((50..=1240).step_by(50)));
    scene.play(evaluations((150..=1240).step_by(150)));
    scene.play(by_timestep(1240, 12));
    scene.play([worked(1240)]);
    scene.play([grid(1200, WeightsKind::Ema)]);
    scene.play([Event::Checkpointed { step: 1000, path: "/data/ada/runs/x/checkpoint.safetensors".into() }]);
    scene.play(films([25, 60, 110, 190, 300, 440, 600, 790, 1000, 1220]));
    scene.play(recording(1, 64, 100));
    scene.play([Event::Saved { what: "grid", path: "/data/ada/pictures/2026-11-24_153012-grid.png".into() }]);
    while let Some(pictures) = scene.wants_names() {
        let digits = (0..pictures.count()).map(|i| ((i % 10) as u8, 0.99)).collect();
        scene.play([Event::DigitsNamed { pictures, digits }]);
    }
    while scene.commands.try_recv().is_ok() {}
    // Until what was saved is told no more.
    scene.harness.run_steps(24);
}

/// What the engine might find near a picture: real digits, of whose like a share is nearer to the training images.
pub fn found(picture: Pictures, nearer: f64) -> Event {
    let neighbour = |i: u32| Neighbour { index: 1000 * i, distance: 4.6 + 0.15 * i as f32, label: Some(i as u8 % 10) };
    let copying = Copying {
        neighbours: (0..5).map(neighbour).collect(),
        pictures: digits(5).0.into(),
        class: Some(7),
        real_median: 4.4,
        nearer,
    };
    Event::CopiesFound { picture, copying: Box::new(copying) }
}

/// What a run left on disk, whose batch was so large.
pub fn run_read(name: &str, batch_size: usize) -> Event {
    let mut settings = Preset::Small.settings();
    settings.training.batch_size = batch_size;
    let speed = 20.0 * (batch_size as f64).sqrt();
    let train = (1..=900).map(|step| (step, 0.11 + (-(step as f64) / speed).exp())).collect();
    let mut history = History { train, ..History::default() };
    (1..=900).for_each(|step| history.clock.push(step, 0.02 * step as f64));
    let grid = Some((800, Arc::new(digits(64).0)));
    let run = PathBuf::from("/data/ada/runs").join(name);
    Event::RunRead(Box::new(RunRead { run, settings: Box::new(settings), history, grid }))
}

/// The list of runs: one half done, one complete, one that cannot be read.
pub fn runs() -> Event {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let record = |settings: Settings, step, share, loss, thumbnail: Option<Pictures>| {
        let version = "0.1.0".into();
        let file = RunFile {
            version,
            settings,
            dataset: "MNIST".into(),
            images: 60_000,
            images_crc32: String::new(),
            parameters: 460_516,
            rollbacks: Vec::new(),
            name: RunName::default(),
        };
        Ok(RunRecord { file, step, share, loss: Some(loss), checkpoint: true, thumbnail: thumbnail.map(Arc::new) })
    };
    let mut nano = Preset::Nano.settings();
    nano.training.batch_size = 48;
    let wrong = "cannot read /data/ada/runs/2026-11-20_111111-base/run.json: No such file or directory".to_owned();
    let runs = [
        ("2026-11-24_153012-small", record(Preset::Small.settings(), 1240, 0.5, 0.11234, Some(digits(16).0))),
        ("2026-11-23_090807-nano", record(nano, 900, 1.0, 0.1534, None)),
        ("2026-11-20_111111-base", Err(wrong)),
    ];
    let folder = PathBuf::from("/data/ada/runs");
    let summary = |(name, record): (&str, Result<RunRecord, String>)| RunSummary {
        path: folder.join(name),
        changed: at(1_795_534_212),
        record,
    };
    let runs = runs.into_iter().map(summary).collect();
    Event::Runs { folder, runs }
}

/// The engine's answer to what a run with these settings would learn from.
pub fn data_seen(data: &DataSettings, seed: u64) -> Event {
    let sheet = ContactSheet::new(&mnist::load().unwrap(), data, seed).unwrap();
    // What is held out is no part of the question.
    let data = DataSettings { held_out: 0, ..data.clone() };
    Event::DataSeen { data: Box::new(data), seed, sheet: Arc::new(sheet) }
}
