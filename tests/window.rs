//! Journeys through the window on a scripted engine: every control is found by the name that a screen reader says.

#[path = "window/scene.rs"]
mod scene;

use std::path::PathBuf;

use diffuscope::app::{Recording, SaveResult, Tab, Window};
use diffuscope::config::{Preset, ScheduleKind, Setting};
use diffuscope::engine::{Activity, Command, EndReason, Event, Save};
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use scene::{Scene, held_out, in_the_middle, model_ready, recording, run_started, steps};

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

impl Scene {
    fn click(&mut self, name: &str) {
        self.harness.get_by_label(name).click();
        self.harness.run_steps(3);
    }

    fn press(&mut self, button: &str) {
        self.harness.get_by_role_and_label(Role::Button, button).click();
        self.harness.run_steps(3);
    }

    fn type_into(&mut self, name: &str, text: &str) {
        self.harness.get_by_label(name).focus();
        self.harness.run_steps(1);
        self.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
        self.harness.get_by_label(name).type_text(text);
        self.harness.run_steps(2);
    }

    /// Types a number into the field of a setting.
    fn set(&mut self, name: &str, value: &str) {
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

    fn key(&mut self, key: egui::Key) {
        self.harness.key_press(key);
        self.harness.run_steps(2);
    }

    fn t(&self) -> usize {
        self.state().recording.as_ref().and_then(Recording::t).expect("something is recorded")
    }

    fn enabled(&self, name: &str) -> bool {
        !self.harness.get_by_label(name).accesskit_node().is_disabled()
    }
}

#[test]
fn train_pause_and_stop_as_a_person_does() {
    let mut scene = scene();
    scene.set("Timesteps T", "500");
    scene.set("Batch", "128");
    scene.click("Schedule: Linear");
    scene.set("β₁ last", "0.04");
    scene.click("Train");
    let Some(Command::Train { settings, out }) = scene.command() else { panic!("Train sends its command") };
    assert_eq!((settings.diffusion.timesteps, settings.training.batch_size), (500, 128));
    assert_eq!((settings.diffusion.schedule, settings.diffusion.beta_end), (ScheduleKind::Linear, 0.04));
    assert!(out.starts_with("/data/ada/runs") && out.to_string_lossy().ends_with("-small"), "{}", out.display());

    scene.play([run_started(*settings, 0), Event::Activity(Activity::Training)]);
    scene.play(steps(1, 700));
    scene.play(held_out([100, 200, 300]));
    assert_eq!((scene.state().loss.train.len(), scene.state().loss.held_out.len()), (700, 3));
    scene.harness.get_by_label("Loss plot, 700 points");

    scene.click("Pause");
    assert!(matches!(scene.command(), Some(Command::Pause)));
    scene.play([Event::Activity(Activity::Paused)]);
    scene.click("Train one step");
    assert!(matches!(scene.command(), Some(Command::Step)));
    scene.click("Continue");
    assert!(matches!(scene.command(), Some(Command::Continue)));
    scene.click("Stop and keep");
    assert!(matches!(scene.command(), Some(Command::Stop)));

    let run = PathBuf::from("/data/ada/runs/2026-11-24_153012-small");
    scene.play([Event::RunEnded { step: 700, reason: EndReason::Stopped, run: run.clone() }]);
    scene.click("Resume run");
    assert!(matches!(scene.command(), Some(Command::ResumeRun { run: resumed }) if resumed == run));
}

#[test]
fn a_completed_run_is_drawn_from_at_once() {
    let mut scene = scene();
    let settings = Preset::Small.settings();
    scene.play([run_started(settings.clone(), 0), Event::Activity(Activity::Training), model_ready(settings.clone())]);
    scene.play([Event::RunEnded { step: 9, reason: EndReason::Completed, run: "/data/ada/runs/x".into() }]);
    assert!(matches!(scene.command(), Some(Command::Sample { settings: wanted }) if wanted == settings.sampling));
}

#[test]
fn values_that_cannot_work_are_named_and_nothing_starts() {
    let mut scene = scene();
    scene.set("Timesteps T", "0");
    assert!(scene.state().problem(Setting::Timesteps).is_some());
    assert!(!scene.enabled("Train"));
    assert!(scene.harness.query_all_by_label_contains("T = 0 is out of range").count() >= 1);
    scene.click("Train");
    assert!(scene.command().is_none());

    scene.set("Timesteps T", "1000");
    scene.click("Schedule: Linear");
    scene.set("β₀ first", "0.3");
    assert!(!scene.enabled("Train"));
    assert!(scene.harness.query_all_by_label_contains("is larger than").count() >= 1);
    scene.harness.get_by_role_and_label(Role::SpinButton, "β₀ first").click_secondary();
    scene.harness.run_steps(3);
    assert_eq!(scene.state().settings.diffusion.beta_start, 1e-4, "a right-click takes the preset's value");
    assert!(scene.enabled("Train"));
}

#[test]
fn scrubbing_changes_the_frame_that_is_shown() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    assert_eq!(scene.t(), 0, "the playhead follows the newest frame");
    scene.key(egui::Key::Home);
    assert_eq!(scene.t(), 1000);
    scene.key(egui::Key::ArrowRight);
    assert_eq!(scene.t(), 990);
    scene.key(egui::Key::PageDown);
    assert_eq!(scene.t(), 890);
    scene.harness.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::ArrowLeft);
    scene.harness.run_steps(2);
    assert_eq!(scene.t(), 990);
    scene.key(egui::Key::ArrowLeft);
    assert_eq!(scene.t(), 1000);

    let film = scene.harness.get_by_label("Timestep of the film").rect();
    scene.harness.hover_at(film.center());
    scene.harness.drag_at(film.center());
    scene.harness.run_steps(2);
    assert!((480..=520).contains(&scene.t()), "the middle of the film is t = {}", scene.t());
    let quarter = film.left_center() + egui::vec2(film.width() / 4.0, 0.0);
    scene.harness.hover_at(quarter);
    scene.harness.run_steps(2);
    scene.harness.drop_at(quarter);
    scene.harness.run_steps(2);
    assert!((700..=800).contains(&scene.t()), "a quarter of the film is t = {}", scene.t());
    let expected = format!("t = {} of 1,000", scene.t());
    scene.harness.get_by_label(&expected);
    scene.key(egui::Key::End);
    assert_eq!(scene.t(), 0);
}

#[test]
fn the_film_plays_to_its_end_and_rests() {
    let mut scene = scene();
    scene.play([model_ready(Preset::Small.settings())]);
    scene.play(recording(1, 4, 20));
    scene.key(egui::Key::Space);
    assert!(scene.state().player.playing);
    let early = scene.t();
    scene.harness.run_steps(60);
    assert!(early > 0 && scene.t() == 0 && !scene.state().player.playing, "from {early} to {}", scene.t());
}

#[test]
fn keys_rest_while_text_is_typed() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    scene.type_into("path to save to", "/tmp/a file.png");
    scene.key(egui::Key::Home);
    scene.key(egui::Key::Space);
    assert_eq!(scene.t(), 0);
    assert!(!scene.state().player.playing);
}

#[test]
fn save_writes_where_the_field_says_and_tells_how_it_went() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    let suggested = PathBuf::from(&scene.state().save.path);
    assert!(suggested.starts_with("/data/ada/pictures") && suggested.extension().is_some_and(|e| e == "png"));
    scene.type_into("path to save to", "/tmp/seven.png");
    scene.press("Save");
    let Some(Command::Save { what: Save::Grid { pictures, columns }, path }) = scene.command() else {
        panic!("Save sends its command")
    };
    assert_eq!((pictures.count(), columns, path), (64, 8, PathBuf::from("/tmp/seven.png")));
    assert_eq!(scene.state().save.result, Some(SaveResult::Writing));

    let (what, hint) = ("cannot write /tmp/seven.png: no space left".to_owned(), "free some space".to_owned());
    scene.play([Event::Failed { during: "saving", what, hint }]);
    assert!(scene.harness.query_all_by_label_contains("no space left").count() >= 1);

    scene.click("The denoising as film (.gif)");
    assert_eq!(scene.state().save.path, "/tmp/seven.gif", "the user's name is kept");
    scene.press("Save");
    let Some(Command::Save { what: Save::Animation { frames, .. }, .. }) = scene.command() else {
        panic!("Save sends the film")
    };
    assert_eq!(frames.len(), 101);
    scene.play([Event::Saved { what: "film", path: "/tmp/seven.gif".into() }]);
    assert!(scene.harness.query_all_by_label_contains("Saved to /tmp/seven.gif").count() >= 1);
}

#[test]
fn drawing_with_other_settings() {
    let mut scene = scene();
    scene.click("Sample tab");
    assert!(!scene.enabled("Draw"), "there is no model yet");
    scene.type_into("path of the model", "/data/ada/runs/old");
    scene.click("Open");
    assert!(matches!(scene.command(), Some(Command::Open { path }) if path.ends_with("old")));
    scene.play([model_ready(Preset::Small.settings())]);
    assert!(matches!(scene.command(), Some(Command::Sample { .. })), "an opened model is drawn from at once");

    scene.click("Sampler: DPM-Solver++");
    scene.click("DDIM");
    scene.set("Steps", "50");
    scene.set("Count", "9");
    scene.click("Weights: Raw");
    scene.click("Draw");
    let Some(Command::Sample { settings }) = scene.command() else { panic!("Draw sends its command") };
    assert_eq!((settings.steps, settings.count), (50, 9));
    scene.play(recording(2, 9, 5).into_iter().take(3));
    scene.click("Cancel drawing");
    assert!(matches!(scene.command(), Some(Command::CancelSampling)));
    scene.play([Event::SamplingEnded { id: 2, cancelled: true, seconds: 0.2 }]);
    scene.harness.get_by_label("Picture 9, asked for a 8");
}

#[test]
fn a_failure_is_shown_with_its_hint_until_it_is_dismissed() {
    let mut scene = scene();
    let (what, hint) = ("training diverged at step 12".to_owned(), "lower the learning rate".to_owned());
    scene.play([Event::Failed { during: "training", what, hint }, Event::Activity(Activity::Idle)]);
    assert_eq!(scene.harness.query_all_by_label_contains("diverged at step 12").count(), 2, "in the bar and the list");
    scene.harness.get_all_by_label("Dismiss").next().expect("a way to dismiss it").click();
    scene.harness.run_steps(3);
    assert_eq!(scene.harness.query_all_by_label_contains("diverged").count(), 0);
    assert!(scene.enabled("Train"), "the next run can start");
}

#[test]
fn a_narrow_window_shows_everything_in_tabs() {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([900.0, 600.0]));
    in_the_middle(&mut scene);
    assert!(scene.harness.query_by_label("Batch").is_none(), "the settings are folded");
    scene.click("Charts tab");
    assert_eq!(scene.state().tab, Tab::Charts);
    scene.harness.get_by_label("Loss plot, 1,240 points");
    scene.click("Show the settings");
    assert!(scene.harness.query_all_by_label("Batch").count() >= 1);
    scene.harness.set_size(egui::vec2(1440.0, 900.0));
    scene.harness.run_steps(4);
    scene.harness.get_by_label("Following № 1");
}

#[test]
fn the_theme_is_switched_with_a_button() {
    let mut scene = scene();
    scene.click("Light theme");
    assert_eq!(scene.harness.ctx.theme(), egui::Theme::Light);
    scene.click("Dark theme");
    assert_eq!(scene.harness.ctx.theme(), egui::Theme::Dark);
}
