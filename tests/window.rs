//! Journeys through the window on a scripted engine: every control is found by the name that a screen reader says.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::path::PathBuf;

use diffuscope::app::{SaveResult, SaveWhat, Tab};
use diffuscope::config::{Budget, DataSource, Preset, SamplerKind, ScheduleKind, Setting};
use diffuscope::engine::{Activity, Command, DrawnFor, EndReason, Event, RunStarted, Save, Task};
use diffuscope::train::estimate::{Basis, Estimate};
use diffuscope::window::Window;
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, held_out, in_the_middle, model_learned, model_opened, recording, run_started, steps};

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
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
fn the_time_is_told_before_the_first_step() {
    let mut scene = scene();
    let Event::RunStarted(started) = run_started(Preset::Seed.settings(), 0) else { panic!("it is a start") };
    let estimate = Some(Estimate { steps: 160, seconds_per_step: 5.25, basis: Basis::Trial });
    scene.play([Event::RunStarted(RunStarted { estimate, ..started })]);
    assert_eq!(scene.state().progress.seconds_left, Some(840.0));
    scene.harness.get_by_label_contains("14:00 left");
    let told = scene.state().notices.iter().next().unwrap().text.clone();
    assert_eq!(told, "Training will take about 14 minutes: 160 steps of 5.2 s, measured on one batch here");
}

#[test]
fn a_completed_run_is_drawn_from_at_once() {
    let mut scene = scene();
    let settings = Preset::Small.settings();
    // What the person changed on the Sample tab meanwhile, and a film of before, change nothing about it.
    scene.click("Sample tab");
    scene.set("Count", "9");
    for round in 1..=2 {
        scene.play([run_started(settings.clone(), 0), Event::Activity(Activity::Training)]);
        let run = PathBuf::from("/data/ada/runs/x");
        scene.play([Event::RunEnded { step: 9, reason: EndReason::Completed, run }]);
        assert!(scene.command().is_none(), "the engine has no model yet");
        scene.play([model_learned(settings.clone()), Event::Activity(Activity::Idle)]);
        let Some(Command::Sample { settings: wanted, .. }) = scene.command() else {
            panic!("round {round} is not drawn")
        };
        assert_eq!(wanted.count, 9, "the settings of the Sample tab are kept");
        assert!(scene.command().is_none(), "it is drawn once");
        scene.play(recording(round, 9, 5));
    }
    scene.play([run_started(settings.clone(), 0), Event::Activity(Activity::Training)]);
    scene.play([Event::RunEnded { step: 9, reason: EndReason::Stopped, run: "/data/ada/runs/x".into() }]);
    scene.play([model_learned(settings)]);
    assert!(scene.command().is_none(), "a run that was stopped is not drawn from by itself");
}

#[test]
fn a_failed_run_keeps_the_step_of_its_last_checkpoint() {
    let mut scene = scene();
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play([Event::Checkpointed { step: 500, path: "/data/ada/runs/x/checkpoint.safetensors".into() }]);
    scene.play([Event::RunEnded { step: 612, reason: EndReason::Failed, run: "/data/ada/runs/x".into() }]);
    assert_eq!(scene.state().run.as_ref().and_then(|run| run.checkpoint), Some(500));
    scene.harness.get_by_label("step 500");
}

#[test]
fn an_engine_that_has_ended_leaves_nothing_waiting() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    scene.type_into("path to save to", "/tmp/seven.png");
    scene.press("Save");
    assert_eq!(scene.state().save.result, Some(SaveResult::Writing));
    let (what, hint) = ("internal error: a panic".to_owned(), "please report this".to_owned());
    scene.play([Event::Failed { during: Task::Engine, what, hint }]);
    assert!(matches!(scene.state().save.result, Some(SaveResult::Failed { .. })));
    assert_eq!(scene.state().activity, Activity::Idle);

    // The other end of the channel is gone: commands cannot be sent.
    scene.hang_up();
    scene.press("Save");
    assert!(matches!(scene.state().save.result, Some(SaveResult::Failed { .. })), "not Writing for good");
    scene.click("Close");
    scene.click("Train");
    assert_eq!(scene.state().activity, Activity::Idle, "not Preparing for good");
    assert!(scene.harness.query_all_by_label_contains("the engine has ended").count() >= 1);
}

#[test]
fn a_preset_keeps_the_data_that_was_chosen() {
    let mut scene = scene();
    scene.click("Data: MNIST  60,000");
    scene.type_into("path of the data", "/data/ada/letters");
    scene.click("Use");
    scene.click("Preset: Small · 2 minutes");
    scene.click("Small · 10 minutes: smoother strokes");
    assert_eq!(scene.state().settings.training.budget, Budget::Minutes(10.0));
    scene.click("Preset: Small · 10 minutes");
    scene.click("Nano · 30 seconds: a first look");
    assert_eq!(scene.state().settings.preset, Preset::Nano);
    assert_eq!(scene.state().settings.data.source, DataSource::Path("/data/ada/letters".into()));
}

#[test]
fn a_drawing_that_cannot_work_is_refused_and_training_is_not() {
    let mut scene = scene();
    scene.play([model_opened(Preset::Small.settings())]);
    assert!(scene.command().is_some());
    scene.click("Sample tab");
    scene.set("Count", "0");
    assert!(!scene.enabled("Draw") && !scene.enabled("Record"));
    assert!(scene.harness.query_all_by_label_contains("0 images: use 1 to 256").count() >= 2, "beside it and at Draw");
    assert!(scene.enabled("Train"));
    scene.set("Count", "257");
    assert!(!scene.enabled("Draw"));
    scene.set("Count", "256");
    scene.set("Steps", "1001");
    assert!(scene.harness.query_all_by_label_contains("use 1 to T = 1000").count() >= 1);
    scene.set("Steps", "1000");
    assert!(scene.enabled("Draw"));
}

#[test]
fn a_value_in_the_folded_section_that_cannot_work_is_told_of() {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 1700.0]));
    scene.click("Advanced");
    scene.set("Adam β₂", "1");
    assert!(scene.state().problem(Setting::Beta2).is_some() && !scene.enabled("Train"));
    scene.click("Advanced");
    scene.harness.run_steps(20);
    assert!(scene.harness.query_by_label("Adam β₂").is_none(), "it is folded");
    assert_eq!(scene.harness.query_all_by_label_contains("1 value cannot work").count(), 1);
}

#[test]
fn rows_without_a_slider_go_back_to_the_preset_too() {
    let mut scene = scene();
    scene.click("Predicts: Noise ε");
    scene.click("Subset: First");
    let before = scene.state().settings.clone();
    for name in ["Predicts", "Subset"] {
        scene.harness.get_by_label(name).click_secondary();
        scene.harness.run_steps(3);
    }
    assert_ne!(before, Preset::Small.settings());
    assert_eq!(scene.state().settings, Preset::Small.settings());
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
    scene.harness.get_by_label("Timestep of the film").focus();
    scene.harness.run_steps(2);
    scene.key(egui::Key::PageDown);
    scene.key(egui::Key::ArrowRight);
    scene.key(egui::Key::ArrowRight);
    assert_eq!(scene.t(), 880, "the focused film has the same keys, and keeps the focus");

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
fn a_film_that_begins_below_pure_noise_spans_what_was_visited() {
    let mut scene = scene();
    scene.play([model_opened(Preset::Small.settings())]);
    let visited = |event: &Event| !matches!(event, Event::Frame { frame, .. } if frame.t > 400);
    scene.play(recording(1, 4, 100).into_iter().filter(visited));
    scene.key(egui::Key::Home);
    assert_eq!(scene.t(), 400);
    let film = scene.harness.get_by_label("Timestep of the film").rect();
    scene.harness.hover_at(film.center());
    scene.harness.drag_at(film.center());
    scene.harness.run_steps(2);
    assert!((190..=210).contains(&scene.t()), "the middle of the film is t = {}", scene.t());
}

#[test]
fn the_film_plays_to_its_end_and_rests() {
    let mut scene = scene();
    scene.play([model_opened(Preset::Small.settings())]);
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
    let Some(Command::Save { what: Save::Grid { pictures, columns, .. }, path, .. }) = scene.command() else {
        panic!("Save sends its command")
    };
    assert_eq!((pictures.count(), columns, path), (64, 8, PathBuf::from("/tmp/seven.png")));
    assert_eq!(scene.state().save.result, Some(SaveResult::Writing));

    let (what, hint) = ("cannot write /tmp/seven.png: no space left".to_owned(), "free some space".to_owned());
    scene.play([Event::Failed { during: Task::Saving, what, hint }]);
    assert_eq!(scene.harness.query_all_by_label_contains("no space left").count(), 1, "in the form alone");

    scene.click("The film as it is shown (.gif)");
    assert_eq!(scene.state().save.path, "/tmp/seven.gif", "the user's name is kept");
    scene.press("Save");
    let Some(Command::Save { what: Save::Animation { frames, .. }, .. }) = scene.command() else {
        panic!("Save sends the film")
    };
    assert_eq!(frames.len(), 101);
    scene.play([Event::Saved { what: "film", path: "/tmp/seven.gif".into() }]);
    assert_eq!(scene.harness.query_all_by_label_contains("/tmp/seven.gif").count(), 1);
}

#[test]
fn the_dialogs_answer_belongs_to_what_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    scene.answer(SaveWhat::Singles, Some(folder.path().into()));
    let path = PathBuf::from(&scene.state().save.path);
    assert!(path.parent() == Some(folder.path()) && !path.exists(), "a new folder in it: {}", path.display());
    assert_eq!(scene.state().save.what, SaveWhat::Singles);

    scene.click("Weights of 2026-11-24_153012-small (.safetensors)");
    scene.answer(SaveWhat::Grid, Some("/data/ada/seven".into()));
    let form = &scene.state().save;
    assert_eq!((form.what, form.path.as_str()), (SaveWhat::Grid, "/data/ada/seven.png"));
}

#[test]
fn drawing_with_other_settings() {
    let mut scene = scene();
    scene.click("Sample tab");
    assert!(!scene.enabled("Draw"), "there is no model yet");
    scene.type_into("path of the model", "/data/ada/runs/old");
    scene.click("Open");
    assert!(matches!(scene.command(), Some(Command::Open { path }) if path.ends_with("old")));
    scene.play([model_opened(Preset::Small.settings())]);
    assert!(matches!(scene.command(), Some(Command::Sample { .. })), "an opened model is drawn from at once");

    scene.click("Sampler: DDIM");
    scene.click("DPM-Solver++");
    scene.set("Steps", "50");
    scene.set("Count", "9");
    scene.click("Weights: Raw");
    scene.click("Draw");
    let Some(Command::Sample { settings, why: DrawnFor::Person }) = scene.command() else {
        panic!("Draw sends its command")
    };
    assert_eq!((settings.sampler, settings.steps, settings.count), (SamplerKind::DpmPp, 50, 9));
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
    scene.play([Event::Failed { during: Task::Training, what, hint }, Event::Activity(Activity::Idle)]);
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
    scene.harness.get_by_label("Drawn: № 1, a 0");
}
