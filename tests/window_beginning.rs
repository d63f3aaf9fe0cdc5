//! Journey: a run begins, on a scripted engine: what draws from then on, and which tab is shown.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{Action, Tab};
use diffuscope::config::Preset;
use diffuscope::engine::{Activity, Command, DrawnFor, EndReason, Event};
use diffuscope::window::Window;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, drawn_for, in_the_middle, model_learned, model_opened, model_shipped, recording, run_started};

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

#[test]
fn the_run_in_training_draws_though_another_model_was_opened_before() {
    let mut scene = scene();
    scene.play([model_shipped(Preset::Nano.settings())]);
    scene.click("Sample tab");
    scene.harness.get_by_label_contains("the model that ships with Diffuscope");
    // While it is prepared, neither that model nor the run would be sure to draw.
    scene.click("Train");
    assert!(!scene.enabled("Draw"));
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.click("Sample tab");
    scene.harness.get_by_label("The one that is being trained:");
    assert!(scene.harness.query_all_by_label_contains("ships with").count() == 0);
    assert_eq!(scene.state().model_name().as_deref(), Some("2026-11-24_153012-small"));
    assert!(scene.enabled("Draw"));
}

#[test]
fn a_run_that_begins_takes_nobody_away_from_the_tab_that_was_chosen_meanwhile() {
    let mut scene = scene();
    scene.click("Sample tab");
    scene.click("Train");
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    assert_eq!(scene.state().tab, Tab::Train, "nobody went elsewhere");
    let run = "/data/ada/runs/2026-11-24_153012-small".into();
    scene.play([Event::RunEnded { step: 3, reason: EndReason::Stopped, run }, Event::Activity(Activity::Idle)]);
    scene.click("Train");
    scene.click("Data tab");
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    assert_eq!(scene.state().tab, Tab::Data);
}

/// The engine draws what it was asked to, for the reason that it was told.
fn draws(scene: &mut Scene) {
    let Some(Command::Sample { why, .. }) = scene.command() else { panic!("it is drawn") };
    scene.play(drawn_for(why, recording(1, 64, 24)));
}

#[test]
fn what_nobody_drew_is_called_what_it_is() {
    let mut scene = scene();
    scene.play([model_shipped(Preset::Small.settings())]);
    draws(&mut scene);
    let name = scene.harness.get_by_label("the shipped model").rect().center();
    scene.harness.hover_at(name);
    scene.harness.run_steps(60);
    scene.harness.get_by_label_contains("so that there is something to see before anything was trained");

    in_the_middle(&mut scene);
    scene.play(drawn_for(DrawnFor::Opening, recording(1, 64, 24)));
    completes(&mut scene);
    draws(&mut scene);
    scene.harness.get_by_label("drawn at the end");
    scene.harness.get_by_label("Drawn at the end of the run: other noise than the grid's.");

    scene.click("Record");
    draws(&mut scene);
    scene.harness.get_by_label("your drawing");
    scene.harness.get_by_label("Of your drawing: other noise than the grid's.");

    scene.play([model_opened(Preset::Small.settings())]);
    draws(&mut scene);
    scene.harness.get_by_label("drawn on opening");
}

/// Ends the run in the middle of which the window is, and has its model ready.
fn completes(scene: &mut Scene) {
    let run = scene.state().run.as_ref().unwrap().folder.clone();
    scene.play([Event::RunEnded { step: 1240, reason: EndReason::Completed, run }]);
    scene.play([Event::Activity(Activity::Idle), model_learned(Preset::Small.settings())]);
}

/// The middle of a run, in which nobody has drawn anything: the films of it, and what was drawn as it was opened.
fn nobody_drew() -> Scene {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.play(drawn_for(DrawnFor::Opening, recording(2, 64, 24)));
    scene
}

#[test]
fn the_drawing_at_the_end_takes_nobody_away_from_the_films_of_the_training() {
    let mut scene = nobody_drew();
    scene.act(Action::StepTraining(-1));
    scene.act(Action::Follow(28));
    let looked_at = scene.state().film_step();
    assert!(looked_at.is_some());
    scene.act(Action::TogglePlay);
    completes(&mut scene);
    let Some(Command::Sample { why, .. }) = scene.command() else { panic!("it is drawn") };
    scene.play(drawn_for(why, recording(3, 8, 24)));
    assert_eq!((scene.state().film_step(), scene.state().followed), (looked_at, 28));
    assert!(scene.state().player.playing);
    assert_eq!(scene.state().recording.as_ref().unwrap().drawn_for, DrawnFor::RunEnd, "it stands behind the films");

    let mut scene = nobody_drew();
    scene.act(Action::StepTraining(-1));
    scene.act(Action::ShowTab(Tab::Sample));
    completes(&mut scene);
    draws(&mut scene);
    assert_eq!(scene.state().film_step(), None, "the Sample tab is where one looks at it");
}

#[test]
fn what_a_person_drew_along_the_run_stays_when_it_ends() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Record");
    assert!(matches!(scene.command(), Some(Command::Sample { why: DrawnFor::Person, .. })));
    scene.play(recording(2, 64, 24));
    scene.act(Action::StepFrames(-3));
    let t = scene.state().film().unwrap().t();
    completes(&mut scene);
    assert!(scene.command().is_none(), "nothing takes its place");
    assert_eq!(scene.state().film().unwrap().t(), t);
    scene.harness.get_by_label("your drawing");
}

#[test]
fn a_drawing_by_another_model_ends_as_a_run_begins() {
    let mut scene = scene();
    scene.play([model_opened(Preset::Small.settings())]);
    assert!(matches!(scene.command(), Some(Command::Sample { .. })));
    scene.play(recording(1, 64, 24).into_iter().take(4));
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    assert!(matches!(scene.command(), Some(Command::CancelSampling)), "it would be shown nowhere");
    scene.play([Event::SamplingEnded { id: 1, cancelled: true, seconds: 0.1 }]);
    assert!(scene.state().sampling.is_none());
}
