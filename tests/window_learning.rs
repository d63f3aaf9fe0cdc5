//! Journeys through what the window says about how well a run learns.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{Action, HeatColors};
use diffuscope::config::Preset;
use diffuscope::engine::{Activity, Event, RunOpened};
use diffuscope::eval::QuickEval;
use diffuscope::train::evaluations::Evaluations;
use diffuscope::train::history::History;
use diffuscope::train::loss_by_timestep::LossMap;
use diffuscope::ui::palette::Palette;
use diffuscope::window::Window;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{
    Scene, by_timestep, digits, evaluations, in_the_middle, painted, recording, recording_by, run_started, steps,
    worked,
};

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

fn opened() -> Event {
    Event::RunOpened(RunOpened {
        run: "/data/ada/runs/old".into(),
        settings: Box::new(Preset::Small.settings()),
        step: 1240,
        share: 0.5,
        parameters: 460_516,
        images: 60_000,
    })
}

#[test]
fn how_good_the_digits_are_is_kept_over_the_run() {
    let mut scene = scene();
    assert!(scene.harness.query_all_by_label_contains("draws 200 digits every 15 s").count() == 1);
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play(evaluations([300, 600]));
    assert_eq!(scene.state().evaluations.iter().len(), 2);
    scene.harness.get_by_label_contains("Recognisable digits: 60 % at step 600; real digits: 8");
    scene.harness.get_by_label_contains("Fréchet distance to real digits: 236 at step 600; real digits: ");
    scene.harness.get_by_label_contains("Digits seen among 200: 0: 29, 1: ");

    scene.play([run_started(Preset::Small.settings(), 0)]);
    assert!(scene.state().evaluations.is_empty(), "another run begins with none");
}

#[test]
fn an_opened_run_shows_how_good_its_digits_became() {
    let mut scene = scene();
    let mut past = Evaluations::default();
    let eval = QuickEval { count: 50, classes: [5; 10], recognisable: 0.5, distance: 80.0 };
    past.push(700, eval);
    past.push(1200, QuickEval { recognisable: 0.75, ..eval });
    scene.play([opened(), Event::History(History { evaluations: past, ..History::default() })]);
    // Fifty digits do not compare with two hundred real ones.
    scene.harness.get_by_label("Recognisable digits: 75 % at step 1,200");
}

#[test]
fn the_health_stands_in_the_pill_and_is_read_from_disk_too() {
    let mut scene = scene();
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play(steps(1, 400));
    let said = scene.state().health.as_ref().unwrap().sentence.clone();
    assert!(said.starts_with("Learning: the loss fell"), "{said}");
    assert_eq!(scene.harness.query_all_by_label(&said).count(), 2, "in the pill and under the loss");

    let mut history = History::default();
    for event in steps(1, 1240) {
        let Event::Step(report) = event else { panic!("a step") };
        history.pulse.push(&report);
        history.last = Some(report);
    }
    scene.play([Event::Activity(Activity::Idle), opened()]);
    assert!(scene.state().health.is_none());
    scene.play([Event::History(history)]);
    let said = scene.state().health.as_ref().unwrap().sentence.clone();
    assert!(said.contains("The loss lay flat in the end") || said.contains("still fell"), "{said}");
    scene.harness.get_by_label(&format!("Stopped at step 1,240, kept. {said}"));
}

#[test]
fn the_smoothing_of_the_loss_is_a_slider() {
    let mut scene = scene();
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play(steps(1, 400));
    let shown = |scene: &Scene| scene.state().loss.train.newest_smoothed(scene.state().loss.smoothing).unwrap();
    let usual = shown(&scene);
    let rail = scene.harness.get_by_label("Smoothing of the loss").rect();
    for (at, steps) in [(rail.left_center(), 1.0), (rail.right_center(), 2000.0)] {
        scene.harness.hover_at(at);
        scene.harness.drag_at(at);
        scene.harness.run_steps(2);
        scene.harness.drop_at(at);
        scene.harness.run_steps(2);
        assert_eq!(scene.state().loss.smoothing.steps(), steps);
        let now = shown(&scene);
        assert!(now != usual);
        scene.harness.get_by_label(&format!("train {now:.4}"));
    }
    scene.harness.get_by_label("Smoothing of the loss").click_secondary();
    scene.harness.run_steps(3);
    assert_eq!((scene.state().loss.smoothing.steps(), shown(&scene)), (50.0, usual));
    scene.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::OpenBracket);
    scene.harness.run_steps(2);
    assert_eq!(scene.state().loss.smoothing.steps(), 25.0);
}

#[test]
fn the_schedule_doctor_says_what_is_wrong_and_mends_it() {
    let mut scene = scene();
    assert!(scene.harness.query_all_by_label_contains("Good range").count() == 1);
    scene.click("Schedule: Linear");
    scene.set("β₁ last", "0.2");
    scene.harness.get_by_label_contains("66 % of the timesteps are pure noise (from t = 336 on)");
    let advised = scene.state().schedule.as_ref().and_then(|view| view.diagnosis.advice.clone()).unwrap();
    scene.click(&advised.words);
    assert_eq!(scene.state().settings.diffusion, advised.settings);
    assert_eq!((scene.state().settings.diffusion.beta_end, advised.settings.timesteps), (0.2, 107));
    scene.harness.get_by_label_contains("Good range");
    assert!(scene.harness.query_by_label(&advised.words).is_none(), "there is nothing left to mend");

    scene.set("Timesteps T", "20");
    scene.harness.get_by_label_contains("which the network was never shown");
}

#[test]
fn the_loss_by_timestep_is_mapped_live_and_from_disk() {
    let mut scene = scene();
    assert!(scene.harness.query_all_by_label_contains("Which noise levels are learnt by now").count() == 1);
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play(by_timestep(240, 12));
    let map = scene.harness.get_by_label_contains("near t = T, after step 240");
    let at = map.rect().center();
    scene.harness.hover_at(at);
    scene.harness.run_steps(60);
    assert!(
        scene.harness.query_all_by_label_contains("bright is not learnt yet").count() >= 1,
        "a cell tells its loss"
    );

    let mut past = LossMap::default();
    for event in by_timestep(600, 6) {
        let Event::LossByTimestep { step, losses } = event else { panic!("losses by timestep") };
        past.push(step, &losses);
    }
    scene.play([opened()]);
    assert!(scene.state().heat.is_none(), "the map of the run before is gone");
    scene.play([Event::History(History { by_timestep: past, ..History::default() })]);
    scene.harness.get_by_label_contains("near t = T, after step 600");
}

#[test]
fn the_training_step_is_shown_with_an_image_of_the_batch() {
    let mut scene = scene();
    let network = "The U-Net, whose 460,516 weights are learned.";
    assert!(scene.harness.query_by_label(network).is_none(), "before a run there is no step");
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    let place = scene.harness.get_by_label(network).rect();
    scene.play([worked(1)]);
    assert_eq!(scene.harness.get_by_label(network).rect(), place, "nothing moves when it fills");
    scene.harness.get_by_label("The network sees x_t, and is told t, and that it shows a 7.");
    scene.harness.get_by_label_contains("The answer is compared with v = ");
    scene.harness.get_by_label_contains("The gradient of the batch's mean loss").hover();
    scene.harness.run_steps(30);
    // The part itself and the words beside the pointer.
    assert_eq!(scene.harness.query_all_by_label_contains("The gradient of the batch's mean loss").count(), 2);

    let mut settings = Preset::Small.settings();
    settings.diffusion.prediction = diffuscope::config::Prediction::Eps;
    scene.play([run_started(settings, 0)]);
    assert!(scene.state().worked.is_none(), "another run begins with none");
    scene.harness.get_by_label("The answer is compared with the noise ε that was mixed in.");
}

#[test]
fn a_narrow_window_has_no_place_for_the_step() {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([960.0, 600.0]));
    in_the_middle(&mut scene);
    assert!(scene.harness.query_by_label_contains("The U-Net, whose").is_none());
}

#[test]
fn the_followed_digit_says_which_was_asked_for_and_which_is_seen() {
    let mut scene = scene();
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play(recording(1, 20, 5));
    scene.harness.get_by_label("x zero: the end");
    scene.harness.get_by_label("Following № 1, a 0");
    let pictures = scene.wants_names().expect("they are finished");
    assert_eq!(*pictures, digits(20).0);
    let mut named: Vec<(u8, f32)> = (0..20).map(|i| (i % 10, 0.98)).collect();
    named[1] = (7, 0.61);
    scene.play([Event::DigitsNamed { pictures, digits: named }]);
    scene.harness.get_by_label("x zero: seen as 0").hover();
    scene.harness.run_steps(30);
    scene.harness.get_by_label("Asked for: 0. The classifier sees a 0, and is 98 % sure.");
    let said = |scene: &Scene, words: &str| {
        let texts = painted::texts(&scene.harness);
        texts.into_iter().find(|text| text.text.contains(words)).map(|text| text.color)
    };
    let p = Palette::of_theme(scene.harness.ctx.theme());
    assert_eq!(said(&scene, "seen as 0"), Some(p.muted));
    scene.act(Action::Follow(1));
    scene.harness.get_by_label("x zero: seen as 7").hover();
    scene.harness.run_steps(30);
    scene.harness.get_by_label("Asked for: 1. The classifier sees a 7, and is 61 % sure.");
    assert_eq!(said(&scene, "seen as 7"), Some(p.warn), "it was to be a 1");
    scene.key(egui::Key::ArrowDown);
    assert!(scene.wants_names().is_none(), "it is known");
    scene.play(recording(2, 20, 5));
    scene.harness.get_by_label("x zero: the end");
    let (what, hint) = ("no memory".to_owned(), "close other programs".to_owned());
    let during = diffuscope::engine::Task::NamingDigits;
    scene.play([Event::Failed { during, what, hint }]);
    let _ = scene.wants_names();
    assert!(scene.wants_names().is_none(), "it is not asked again and again");

    let mut letters = Preset::Small.settings();
    letters.data.source = diffuscope::config::DataSource::Path("/data/ada/letters".into());
    scene.play([run_started(letters.clone(), 0), Event::Activity(Activity::Training)]);
    scene.play(recording_by(&letters, 3, 20, 5));
    assert!(scene.wants_names().is_none(), "they are no digits");
}

#[test]
fn the_loss_by_timestep_is_drawn_in_the_colours_that_are_chosen() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Colours: viridis");
    scene.click("magma");
    assert_eq!(scene.state().heat_colors, HeatColors::Magma);
    scene.harness.get_by_label("Colours: magma").click_secondary();
    scene.harness.run_steps(3);
    assert_eq!(scene.state().heat_colors, HeatColors::Viridis, "back to what it was at first");
    scene.harness.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::F7);
    scene.harness.run_steps(3);
    scene.harness.get_by_label("Colours: magma");
}
