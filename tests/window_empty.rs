//! Every place that has nothing to show yet says what to do next, and what it names is there to be pressed.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{Action, OriginAction, Tab};
use diffuscope::config::{DataSource, Preset, Setting};
use diffuscope::engine::{Activity, EndReason, Event, RunOpened};
use diffuscope::window::Window;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, model_opened, run_started};

/// What an empty place says, and the control that it names.
type Says = (&'static str, &'static str);

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 1400.0]))
}

/// Texts that are painted, as not all are nodes.
fn is_painted(scene: &Scene, words: &str) -> bool {
    fn holds(shape: &egui::Shape, words: &str) -> bool {
        match shape {
            egui::Shape::Vec(shapes) => shapes.iter().any(|shape| holds(shape, words)),
            egui::Shape::Text(text) => text.galley.text().contains(words),
            _ => false,
        }
    }
    scene.harness.output().shapes.iter().any(|shape| holds(&shape.shape, words))
}

#[track_caller]
fn says(scene: &mut Scene, all: &[Says]) {
    scene.harness.hover_at(egui::pos2(1.0, 1.0));
    scene.harness.run_steps(4);
    for (words, control) in all {
        assert!(is_painted(scene, words), "{words:?} is not said");
        let mut found = scene.harness.query_all_by_label_contains(control);
        assert!(found.next().is_some(), "{words:?} names {control:?}, which is not there");
    }
}

fn opened(settings: diffuscope::config::Settings, share: f64) -> Event {
    let (run, settings) = ("/data/ada/runs/old".into(), Box::new(settings));
    Event::RunOpened(RunOpened { run, settings, step: 1240, share, parameters: 460_516, images: 60_000 })
}

#[test]
fn before_the_first_run() {
    let mut scene = scene();
    says(
        &mut scene,
        &[
            ("Press Train: the first digits appear here", "Train now"),
            ("Press Train: the loss is drawn here", "Train"),
            ("drawn here while a run trains. Press Train.", "Train"),
            ("While a model trains, it draws 200 digits every 15 s", "Train"),
            ("No run yet: press Train.", "Train"),
            ("Nothing to tell so far, and nothing to do", "Train"),
            ("While a model trains, it is filmed again and again", "Train"),
            ("is shown here once a model has learned something", "Train"),
            ("Choose a drawn digit", "Train"),
        ],
    );
    scene.act(Action::ShowTab(Tab::Sample));
    let sample = [
        ("Train one on the Train tab, or open one that was trained before", "path of the model"),
        ("None yet: press Train, or open one by its path.", "path of the model"),
        ("Train or open a model first", "Train tab"),
        ("Slide a digit into noise", "Choose a digit"),
    ];
    says(&mut scene, &sample);
    scene.act(Action::Origin(OriginAction::Toggle));
    scene.act(Action::StopReading);
    scene.play([Event::ReadingStopped { during: diffuscope::engine::Task::FindingOrigin }]);
    says(&mut scene, &[("no picture yet: take a digit above, or use one below", "Any other test digit")]);
    scene.act(Action::ShowTab(Tab::Runs));
    let (folder, runs) = ("/data/ada/runs".into(), Vec::new());
    scene.play([Event::Runs { folder, runs }]);
    says(&mut scene, &[("Press Train: each run is kept in a folder of its own", "Train")]);
    let (what, hint) = ("it cannot be read".to_owned(), "look at the folder".to_owned());
    scene.play([Event::Failed { during: diffuscope::engine::Task::ListingRuns, what, hint }]);
    scene.act(Action::ShowTab(Tab::Data));
    for digit in 0..10 {
        scene.click(&format!("Learn the digit {digit}"));
    }
    says(&mut scene, &[("Choose at least one digit at the left", "Learn the digit 4")]);
    scene.act(Action::Palette(true));
    scene.harness.get_by_label("command").type_text("no such thing");
    says(&mut scene, &[("Nothing has this name: try fewer words", "command")]);
}

#[test]
fn a_list_of_runs_that_could_not_be_read() {
    let mut scene = scene();
    scene.act(Action::ShowTab(Tab::Runs));
    let (what, hint) = ("it cannot be read".to_owned(), "look at the folder".to_owned());
    scene.play([Event::Failed { during: diffuscope::engine::Task::ListingRuns, what, hint }]);
    says(&mut scene, &[("could not be read. The message says why; then press Read again.", "Read again")]);
}

#[test]
fn with_a_model_and_nothing_drawn() {
    let mut scene = scene();
    scene.play([model_opened(Preset::Small.settings())]);
    says(&mut scene, &[("press Record, then drag through its timesteps", "Record"), ("Press Record below", "Record")]);
    scene.act(Action::ShowTab(Tab::Sample));
    says(&mut scene, &[("Press Draw: the digits come out of the noise here", "Draw")]);
}

#[test]
fn as_a_run_begins_and_of_one_that_left_little() {
    let mut scene = scene();
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    says(
        &mut scene,
        &[
            ("The first drawing of the grid comes in a moment.", "Pause"),
            ("The loss is drawn here from the first step on.", "Pause"),
            ("Which noise levels are learnt by now: drawn here while a run trains.", "Pause"),
        ],
    );
    let run = "/data/ada/runs/2026-11-24_153012-small".into();
    scene.play([Event::RunEnded { step: 0, reason: EndReason::Stopped, run }]);
    let mut settings = Preset::Small.settings();
    settings.training.eval_seconds = 0.0;
    settings.training.film_megabytes = 0;
    scene.play([opened(settings.clone(), 0.5), Event::FilmsRead { run: "/data/ada/runs/old".into(), damaged: 0 }]);
    scene.play(scene::recording(1, 4, 20));
    says(
        &mut scene,
        &[
            ("This run left none: Resume or Train draws one.", "Resume run"),
            ("Afterwards, in a terminal: diffuscope eval.", "Train"),
            ("Give Films, under Advanced, some room", "Advanced"),
        ],
    );
    settings.training.film_megabytes = 64;
    settings.data.source = DataSource::Path("/data/ada/letters".into());
    scene.play([opened(settings, 0.5), Event::FilmsRead { run: "/data/ada/runs/old".into(), damaged: 0 }]);
    scene.play(scene::recording(2, 4, 20));
    says(
        &mut scene,
        &[
            ("Choose MNIST at the top to train on digits.", "Data: MNIST"),
            ("Resume it, or train another, to scrub through its training here.", "Resume run"),
        ],
    );
}

#[test]
fn a_schedule_that_cannot_be_drawn() {
    let mut scene = scene();
    scene.set("Timesteps T", "0");
    assert!(scene.state().problem(Setting::Timesteps).is_some());
    says(&mut scene, &[("The schedule is drawn here once T and β, above, can work", "T = 0 is out of range")]);
}
