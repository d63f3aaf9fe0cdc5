//! Journey: with which weights the grid of a run is drawn, chosen in the Train tab, on a scripted engine.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::path::PathBuf;

use WeightsKind::{Ema, Raw};
use diffuscope::config::{Preset, WeightsKind};
use diffuscope::engine::{Activity, Command, EndReason, Event, RunOpened, Task};
use diffuscope::train::history::History;
use diffuscope::window::Window;
use egui::accesskit::Toggled;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use scene::{Scene, films, grid, in_the_middle, model_learned, run_started, steps};

const EMA: &str = "Grid weights: EMA";
const RAW: &str = "Grid weights: Raw";

fn run() -> PathBuf {
    "/data/ada/runs/2026-11-24_153012-small".into()
}

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

fn training() -> Scene {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene
}

/// What the engine is told to draw with, and whose grid anew.
fn asked(scene: &mut Scene) -> Option<(WeightsKind, Option<PathBuf>)> {
    scene.harness.run_steps(2);
    let asked: Vec<_> = scene
        .commands
        .try_iter()
        .filter_map(|command| match command {
            Command::DrawGrid { weights, run } => Some((weights, run)),
            _ => None,
        })
        .collect();
    assert!(asked.len() <= 1, "{asked:?}");
    asked.into_iter().next()
}

fn chosen(scene: &Scene) -> WeightsKind {
    let is_chosen = |name| scene.harness.get_by_label(name).accesskit_node().toggled() == Some(Toggled::True);
    assert!(is_chosen(EMA) != is_chosen(RAW));
    if is_chosen(EMA) { Ema } else { Raw }
}

fn shown(scene: &Scene) -> (u64, WeightsKind) {
    scene.state().preview.as_ref().map(|grid| (grid.step, grid.weights)).unwrap()
}

#[test]
fn while_it_trains_the_grid_is_drawn_anew_with_what_is_chosen_and_says_so() {
    let mut scene = training();
    assert_eq!((chosen(&scene), asked(&mut scene)), (Ema, None));
    scene.click(RAW);
    assert_eq!((chosen(&scene), asked(&mut scene)), (Raw, Some((Raw, Some(run())))));
    // Until then, what is shown is named.
    scene.harness.get_by_label("EMA · step 1,200");
    scene.play([grid(1240, Ema)]);
    assert_eq!(shown(&scene), (1200, Ema), "one that was on its way by what is no longer wanted");
    scene.play([grid(1240, Raw)]);
    assert_eq!(shown(&scene), (1240, Raw));
    scene.harness.get_by_label("Raw · step 1,240");
    scene.play(steps(1241, 1300));
    scene.play([grid(1300, Raw)]);
    scene.harness.get_by_label("Raw · step 1,300");
    assert_eq!(asked(&mut scene), None, "it is told once");

    scene.click(EMA);
    assert_eq!(asked(&mut scene), Some((Ema, Some(run()))));
    scene.harness.get_by_label("Raw · step 1,300");
    scene.play([grid(1300, Ema)]);
    assert_eq!(shown(&scene), (1300, Ema));
    assert!(scene.harness.query_by_label_contains(" · step 1,300").is_none());
}

#[test]
fn it_is_chosen_while_the_run_is_held_after_its_end_and_of_a_run_that_is_opened() {
    let mut scene = training();
    scene.play([Event::Activity(Activity::Paused)]);
    scene.click(RAW);
    assert_eq!(asked(&mut scene), Some((Raw, Some(run()))));
    scene.play([grid(1240, Raw), Event::Activity(Activity::Stopping)]);
    scene.click(EMA);
    assert_eq!(asked(&mut scene), Some((Ema, None)), "it ends in a moment");
    let ended = Event::RunEnded { step: 1240, reason: EndReason::Stopped, run: run() };
    scene.play([ended, model_learned(Preset::Small.settings()), Event::Activity(Activity::Idle)]);
    assert_eq!(asked(&mut scene), Some((Ema, Some(run()))));
    scene.play([grid(1240, Ema)]);
    scene.click(RAW);
    assert_eq!(asked(&mut scene), Some((Raw, Some(run()))));
    scene.play([grid(1240, Raw)]);

    // What lies on disk is shown until it is drawn anew.
    let (settings, other) = (Box::new(Preset::Small.settings()), PathBuf::from("/data/ada/runs/other"));
    let opened = RunOpened { run: other.clone(), settings, step: 900, share: 1.0, parameters: 460_516, images: 60_000 };
    scene.play([Event::RunOpened(opened), Event::History(History::default()), grid(880, Ema)]);
    assert_eq!(asked(&mut scene), Some((Raw, Some(other))));
    scene.harness.get_by_label("EMA · step 880");
    let (what, hint) = ("no checkpoint".to_owned(), "train on".to_owned());
    scene.play([Event::Failed { during: Task::DrawingGrid, what, hint }]);
    assert_eq!(asked(&mut scene), None, "it is not asked again and again");
    assert!(scene.harness.query_all_by_label_contains("Drawing the grid: no checkpoint").count() > 0);
}

#[test]
fn its_key_undo_and_redo_work_and_it_is_there_where_it_has_a_meaning() {
    let mut scene = scene();
    let ctrl_shift = Modifiers::COMMAND | Modifiers::SHIFT;
    let press = |scene: &mut Scene, modifiers, key| {
        scene.harness.key_press_modifiers(modifiers, key);
        asked(scene).map(|(weights, _)| weights)
    };
    assert!(scene.harness.query_by_label(RAW).is_none(), "there is no run");
    assert_eq!(press(&mut scene, ctrl_shift, Key::W), None);
    in_the_middle(&mut scene);
    assert_eq!(press(&mut scene, ctrl_shift, Key::W), Some(Raw));
    assert_eq!(press(&mut scene, Modifiers::COMMAND, Key::Z), Some(Ema));
    assert_eq!(press(&mut scene, ctrl_shift, Key::Z), Some(Raw));
    assert_eq!(chosen(&scene), Raw);
    press(&mut scene, Modifiers::COMMAND, Key::K);
    scene.harness.get_by_label("command").type_text("grid raw");
    scene.harness.run_steps(3);
    scene.click("Grid drawn with the moving average or the raw weights (Ctrl+Shift+W)");
    assert_eq!(asked(&mut scene).map(|(weights, _)| weights), Some(Ema));
    scene.click("Sample tab");
    assert!(scene.harness.query_by_label(RAW).is_none());
}

#[test]
fn where_there_is_no_choice_it_shows_what_draws() {
    let mut scene = scene();
    scene.play([run_started(Preset::Seed.settings(), 0), Event::Activity(Activity::Training), grid(10, Raw)]);
    assert!(!scene.enabled(EMA) && !scene.enabled(RAW), "this preset keeps no moving average");
    assert_eq!(chosen(&scene), Raw);

    let mut scene = training();
    scene.click(RAW);
    scene.play([Event::Activity(Activity::Idle)]);
    let settings = Box::new(Preset::Small.settings());
    let opened = RunOpened { run: run(), settings, step: 100, share: 0.04, parameters: 460_516, images: 60_000 };
    while scene.command().is_some() {}
    scene.play([Event::Attached(opened), Event::History(History::default()), grid(100, Ema), grid(140, Ema)]);
    assert!(!scene.enabled(RAW), "another program draws it");
    assert_eq!((chosen(&scene), shown(&scene), asked(&mut scene)), (Ema, (140, Ema), None));
}

#[test]
fn the_newest_grid_is_looked_at_when_it_is_chosen_and_films_name_their_weights() {
    let mut scene = training();
    scene.play(films([1230]));
    scene.key(Key::ArrowDown);
    scene.key(Key::ArrowDown);
    assert!(scene.state().looks_back());
    scene.click(RAW);
    assert!(!scene.state().looks_back());
    scene.key(Key::ArrowDown);
    assert!(scene.state().looks_back());
    assert_eq!(scene.harness.query_all_by_label_contains("EMA · t = ").count(), 1);
}

#[test]
fn while_the_average_is_cold_the_health_does_not_say_that_it_draws_the_grid() {
    let mut scene = scene();
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play(steps(1, 1));
    scene.play([grid(1, Ema)]);
    let says = |scene: &Scene, text: &str| scene.harness.query_all_by_label_contains(text).count() > 0;
    assert!(says(&scene, "the moving average, which draws the grid, still holds"));
    scene.click(RAW);
    scene.play([grid(1, Raw)]);
    assert!(says(&scene, "of the untrained weights; the grid shows the raw ones"));
    assert!(!says(&scene, "which draws the grid"));
}
