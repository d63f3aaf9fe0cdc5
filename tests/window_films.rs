//! Journeys through the films of a training on a scripted engine: scrubbed along both axes, played, looked at closely.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{FilmAxis, SaveWhat};
use diffuscope::config::Preset;
use diffuscope::engine::{Activity, Command, Event, RunOpened, Save};
use diffuscope::train::StepReport;
use diffuscope::train::history::History;
use diffuscope::window::Window;
use egui::Key;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, digits, films, in_the_middle, preview, recording, run_started, steps};

const RUN: &str = "/data/ada/runs/2026-11-24_153012-small";

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

/// A run in progress with films after these steps.
fn filmed(at: impl IntoIterator<Item = u64>) -> Scene {
    let mut scene = scene();
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play(steps(1, 30));
    scene.play(films(at));
    scene
}

fn place(scene: &Scene) -> (Option<u64>, usize) {
    (scene.state().film_step(), scene.t())
}

fn opened(step: u64) -> Vec<Event> {
    let opened = RunOpened {
        run: RUN.into(),
        settings: Box::new(Preset::Small.settings()),
        step,
        share: 1.0,
        parameters: 460_516,
        images: 60_000,
    };
    let last = StepReport {
        step,
        epoch: 1.0,
        images: 64 * step,
        loss: 0.1,
        lr: 1e-3,
        grad_norm: 1.0,
        seconds: 0.02 * step as f64,
        progress: 1.0,
    };
    vec![Event::RunOpened(opened), Event::History(History { last: Some(last), ..History::default() })]
}

#[test]
fn go_to_step_800_of_the_training_and_t_300() {
    let mut scene = filmed([50, 200, 450, 800, 1250]);
    assert_eq!(place(&scene), (Some(1250), 0), "the newest, finished");
    scene.key(Key::ArrowDown);
    for _ in 0..6 {
        scene.key(Key::ArrowLeft);
    }
    assert_eq!(place(&scene), (Some(800), 300));
    scene.harness.get_by_label("The model of step 800");
    scene.harness.get_by_label("step 800");
    scene.harness.get_by_label("t = 300 of 1,000");
    assert_eq!(
        scene.harness.query_all_by_label("x t: what it sees").count(),
        2,
        "of all ten, and of the one that is followed"
    );
    assert!(scene.harness.query_all_by_label_contains("Noise level √(1−ᾱ): 0.").count() == 1);
    let noise = (1.0 - scene.state().film_alpha_bar()[300]).sqrt();
    scene.harness.get_by_label_contains(&format!("noise {noise:.2} · signal 0."));
    scene.harness.get_by_label_contains(&format!("Noise level √(1−ᾱ): {noise:.3}"));

    // Another digit of the ten, and on to the newest again.
    scene.click("Picture 4, asked for a 3");
    scene.harness.get_by_label("Following № 4, a 3");
    scene.play(films([1500]));
    assert_eq!(place(&scene), (Some(800), 300), "what is looked at stays");
    scene.click("To the newest");
    assert_eq!(place(&scene), (Some(1500), 300));
    scene.play(films([1800]));
    assert_eq!(place(&scene), (Some(1800), 300), "the newest is followed");
    assert!(scene.harness.query_by_label_contains("The model of step").is_none());
}

#[test]
fn both_rails_are_dragged() {
    let mut scene = filmed([100, 400, 900]);
    let rail = scene.harness.get_by_label("Training step of the film").rect();
    let drag = |scene: &mut Scene, at: egui::Pos2| {
        scene.harness.hover_at(at);
        scene.harness.drag_at(at);
        scene.harness.run_steps(2);
        scene.harness.drop_at(at);
        scene.harness.run_steps(2);
    };
    drag(&mut scene, rail.center());
    assert_eq!(place(&scene), (Some(400), 0), "the root of 400 is halfway between those of 100 and 900");
    drag(&mut scene, rail.left_center());
    assert_eq!(place(&scene), (Some(100), 0));
    let film = scene.harness.get_by_label("Timestep of the film").rect();
    drag(&mut scene, film.center());
    assert_eq!(place(&scene), (Some(100), 500));
}

#[test]
fn along_the_training_the_keys_and_play_go_through_the_models() {
    let mut scene = filmed([50, 200, 450, 800]);
    scene.key(Key::Home);
    assert_eq!(place(&scene), (Some(800), 1000));
    scene.key(Key::End);
    scene.key(Key::X);
    assert_eq!(scene.state().player.axis, FilmAxis::Training);
    scene.key(Key::Home);
    assert_eq!(place(&scene), (Some(50), 0));
    scene.key(Key::ArrowRight);
    assert_eq!(place(&scene), (Some(200), 0));
    scene.key(Key::ArrowDown);
    assert_eq!(place(&scene), (Some(200), 50));
    scene.key(Key::ArrowUp);
    scene.key(Key::End);
    scene.key(Key::Space);
    assert!(scene.state().player.playing && place(&scene).0 < Some(800), "from the beginning");
    scene.harness.run_steps(200);
    assert_eq!((place(&scene), scene.state().player.playing), ((Some(800), 0), false));

    scene.click("Film along: Denoising step");
    assert_eq!(scene.state().player.axis, FilmAxis::Denoising);
}

#[test]
fn the_training_is_saved_as_an_animation() {
    let mut scene = filmed([50, 200, 450, 800]);
    scene.key(Key::X);
    scene.click("GIF");
    assert_eq!(scene.state().save.what, SaveWhat::Animation);
    scene.type_into("path to save to", "/tmp/training.gif");
    scene.press("Save");
    let Some(Command::Save { what: Save::Animation { frames, columns }, .. }) = scene.command() else {
        panic!("the film is saved")
    };
    assert_eq!((frames.len(), columns, frames[0].count()), (4, 4, 10));
    assert_ne!(frames[0], frames[3], "the digits of step 50 and of step 800");
}

#[test]
fn a_digit_that_is_not_filmed_has_its_like_of_the_same_class() {
    let mut scene = filmed([50]);
    let (pictures, _) = digits(64);
    // As a model of the digits 0, 1 and 2 draws them.
    let classes = |count: usize| (0..count).map(|i| Some((i % 3) as u8)).collect::<Vec<_>>();
    scene.play([preview(20, pictures, classes(64))]);
    let mut film = scene::film(60, 5);
    film.classes = classes(10);
    scene.play([Event::Film { run: RUN.into(), film: film.into() }]);
    scene.click("Picture 9, asked for a 2");
    scene.harness.get_by_label("Following № 9, a 2");
    assert_eq!(scene.state().stands_in(), None);
    scene.click("Picture 28, asked for a 0");
    scene.harness.get_by_label("Following № 1, a 0");
    scene.harness.get_by_label_contains("№ 28 is not filmed: this is its like, of the same class");
    assert_eq!(scene.state().stands_in(), Some(0), "and not № 8, a 1");
}

#[test]
fn a_training_without_films_is_no_axis_though_it_was_chosen_before() {
    let mut scene = filmed([50, 200]);
    scene.key(Key::X);
    let mut settings = Preset::Small.settings();
    settings.training.film_megabytes = 0;
    scene.play([run_started(settings, 0)]);
    scene.play(recording(1, 4, 5));
    assert_eq!(scene.state().films_along(), FilmAxis::Denoising);
    scene.click("GIF");
    scene.press("Save");
    let Some(Command::Save { what: Save::Animation { frames, .. }, .. }) = scene.command() else {
        panic!("the drawing is saved")
    };
    assert_eq!(frames.len(), 6);
}

#[test]
fn what_was_drawn_stands_behind_the_films() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.play(films([1235]));
    assert_eq!((scene.state().film_step(), scene.state().training_stops()), (None, 12), "the drawing stays");
    scene.harness.get_by_label("your drawing");
    scene.click("Picture 28, asked for a 7");
    scene.harness.get_by_label("Drawn: № 28, a 7");
    scene.key(Key::ArrowDown);
    assert_eq!(place(&scene), (Some(1235), 0));
    scene.harness.get_by_label("Following № 8, a 7");
    scene.harness.get_by_label_contains("№ 28 is not filmed");
    scene.click("Sample tab");
    assert_eq!(scene.state().film_step(), None, "the tab shows the drawing, and so does the film");
    scene.click("Train tab");
    scene.key(Key::ArrowDown);
    scene.play(recording(2, 9, 5));
    assert_eq!(scene.state().film_step(), None, "a new drawing is looked at");
}

#[test]
fn the_loupe_shows_the_digit_large_and_follows_the_playhead() {
    let mut scene = filmed([50, 800]);
    scene.key(Key::ArrowDown);
    scene.click("Loupe");
    let picture = scene.harness.get_by_label("Loupe: what it sees").rect();
    assert!(picture.width() >= 8.0 * 28.0 && picture.width() % 28.0 == 0.0, "{picture}");
    scene.harness.get_by_label("Loupe: № 1 by the model of step 50");
    scene.key(Key::ArrowUp);
    scene.harness.get_by_label("Loupe: № 1 by the model of step 800");
    scene.harness.hover_at(picture.center());
    scene.harness.run_steps(60);
    assert!(scene.harness.query_all_by_label_contains("column 15, row 15: ").count() >= 1);
    scene.key(Key::Z);
    assert!(!scene.state().loupe);
    scene.key(Key::Z);
    assert!(scene.state().loupe);
    scene.key(Key::Escape);
    assert!(!scene.state().loupe);
}

#[test]
fn an_opened_run_is_scrubbed_too_and_damaged_films_are_told_of() {
    let mut scene = scene();
    scene.play(opened(900));
    assert!(scene.state().films.reading);
    scene.play(films([900, 100, 400]));
    scene.play([Event::FilmsRead { run: RUN.into(), damaged: 2 }]);
    assert_eq!((place(&scene), scene.state().films.reading), ((Some(900), 0), false));
    assert!(scene.harness.query_all_by_label_contains("2 of the films in").count() >= 1);
    scene.key(Key::ArrowDown);
    assert_eq!(place(&scene), (Some(400), 0));

    // Films of another run, which was left meanwhile, are not mixed in.
    let stray = Event::Film { run: "/data/ada/runs/other".into(), film: scene::film(500, 4).into() };
    scene.play([stray]);
    assert_eq!(scene.state().films.len(), 3);
}

#[test]
fn films_of_undone_steps_are_forgotten() {
    let mut scene = filmed([100, 400, 900]);
    let History { last, .. } = History::default();
    assert!(last.is_none());
    let back = opened(450).pop().unwrap();
    scene.play([back]);
    assert_eq!(scene.state().films.steps().collect::<Vec<_>>(), [100, 400]);
    assert_eq!(place(&scene), (Some(400), 0));
    scene.play([run_started(Preset::Small.settings(), 0)]);
    assert!(scene.state().films.is_empty(), "another run begins with none");
}

#[test]
fn without_films_the_strip_says_what_to_do() {
    let mut scene = scene();
    assert!(scene.harness.query_all_by_label_contains("While a model trains, it is filmed").count() == 1);
    assert!(!scene.enabled("Film along: Training step"));
    scene.play(recording(1, 4, 5));
    let mut settings = Preset::Small.settings();
    settings.training.film_megabytes = 0;
    scene.play([run_started(settings, 0)]);
    scene.play(recording(2, 4, 5));
    scene.harness.get_by_label_contains("Give Films, under Advanced, some room");
}
