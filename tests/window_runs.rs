//! Journey through the Runs tab on a scripted engine: list, open, resume, duplicate, delete.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::path::PathBuf;

use diffuscope::app::{EndReason, Tab};
use diffuscope::config::{DataSource, Preset};
use diffuscope::engine::{Activity, Command, Event, RunOpened, Task};
use diffuscope::train::history::History;
use diffuscope::window::Window;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, model_opened, run_started, runs};
use serde_json::{Value, json};

const NEWEST: &str = "2026-11-24_153012-small";
const OLDER: &str = "2026-11-23_090807-nano";
const BROKEN: &str = "2026-11-20_111111-base";

fn path(name: &str) -> PathBuf {
    PathBuf::from("/data/ada/runs").join(name)
}

/// The Runs tab with three runs: half done, complete, unreadable.
fn scene() -> Scene {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]));
    scene.click("Runs tab");
    let Some(Command::ListRuns { folder }) = scene.command() else { panic!("the tab asks for the list") };
    assert_eq!(folder, PathBuf::from("/data/ada/runs"));
    scene.play([runs()]);
    scene
}

#[test]
fn runs_are_listed_with_what_they_are_and_what_is_wrong() {
    let scene = scene();
    for words in ["step 1,240 · loss 0.1123 · 50 % of its training done", "step 900 · loss 0.1534 · 100 %"] {
        assert_eq!(scene.harness.query_all_by_label_contains(words).count(), 1, "{words}");
    }
    scene.harness.get_by_label(&format!("Digits of {NEWEST}"));
    scene.harness.get_by_label(&format!("No digits of {OLDER}"));
    assert_eq!(scene.harness.query_all_by_label_contains("cannot read").count(), 1);
    assert!(scene.harness.query_by_label(&format!("Open {BROKEN}")).is_none());
    assert!(!scene.enabled(&format!("Resume {OLDER}")), "it is complete");
    assert!(scene.enabled(&format!("Delete {BROKEN}")));
}

#[test]
fn an_opened_run_shows_its_past_and_can_be_resumed() {
    let mut scene = scene();
    scene.click(&format!("Open {NEWEST}"));
    assert!(matches!(scene.command(), Some(Command::Open { path: opened }) if opened == path(NEWEST)));
    assert_eq!(scene.state().tab, Tab::Train);

    let settings = Preset::Small.settings();
    let train = (1..=1240).map(|step| (step, 1.0 / step as f64)).collect();
    scene.play([
        Event::Activity(Activity::Preparing),
        Event::RunOpened(RunOpened {
            run: path(NEWEST),
            settings: Box::new(settings.clone()),
            step: 1240,
            share: 0.5,
            parameters: 460_516,
            images: 60_000,
        }),
        Event::History(History { train, held_out: vec![(1000, 0.2)], ..History::default() }),
        model_opened(settings.clone()),
        Event::Activity(Activity::Idle),
    ]);
    scene.harness.get_by_label("Loss plot, 1,240 points");
    assert_eq!(scene.state().run.as_ref().and_then(|run| run.ended), Some(EndReason::Stopped));
    assert!(matches!(scene.command(), Some(Command::Sample { .. })), "an opened model is drawn from");

    scene.click("Resume run");
    assert!(matches!(scene.command(), Some(Command::ResumeRun { run }) if run == path(NEWEST)));
    scene.play([run_started(settings, 1240), Event::Activity(Activity::Training)]);
    scene.harness.get_by_label("Loss plot, 1,240 points");
}

#[test]
fn a_run_is_resumed_from_the_list_and_then_not_deleted() {
    let mut scene = scene();
    scene.click(&format!("Resume {NEWEST}"));
    assert!(matches!(scene.command(), Some(Command::ResumeRun { run }) if run == path(NEWEST)));
    scene.play([run_started(Preset::Small.settings(), 1240), Event::Activity(Activity::Training)]);
    scene.click("Runs tab");
    scene.play([runs()]);
    assert!(!scene.enabled(&format!("Delete {NEWEST}")), "it is in progress");
    for action in ["Open", "Resume"] {
        assert!(!scene.enabled(&format!("{action} {NEWEST}")), "{action}");
    }
    assert!(scene.enabled(&format!("Delete {OLDER}")));
}

#[test]
fn a_duplicate_brings_its_settings_to_the_left_panel() {
    let mut scene = scene();
    scene.click("Fold the settings");
    scene.click(&format!("Duplicate {OLDER}"));
    assert_eq!((scene.state().tab, scene.state().left_open), (Tab::Train, true));
    let settings = &scene.state().settings;
    assert_eq!((settings.preset, settings.training.batch_size), (Preset::Nano, 48));
    scene.set("Batch", "32");
    while scene.command().is_some() {}
    scene.click("Train");
    let Some(Command::Train { settings, out }) = scene.command() else { panic!("Train sends its command") };
    assert_eq!(settings.training.batch_size, 32);
    assert_ne!(out, path(OLDER));
}

/// A run of somebody else names any path: it is told, and one on another machine is not taken.
#[test]
fn a_duplicate_tells_where_its_images_are() {
    let mut scene = scene();
    let Event::Runs { folder, runs: mut listed } = runs() else { panic!("a list of runs") };
    let older = listed.iter_mut().find(|run| run.path == path(OLDER)).unwrap();
    let letters = DataSource::Path("//machine/share/letters".into());
    older.record.as_mut().unwrap().file.settings.data.source = letters;
    scene.play([Event::Runs { folder, runs: listed }]);
    scene.click(&format!("Duplicate {OLDER}"));
    let told = if cfg!(windows) { "on another machine" } else { "with its images, from //machine/share/letters" };
    assert!(scene.harness.query_all_by_label_contains(told).count() >= 1);
    assert_eq!(scene.state().settings.data.source == DataSource::Mnist, cfg!(windows));
}

#[test]
fn a_deleted_run_is_gone_from_the_list_and_one_is_told_where_it_went() {
    let mut scene = scene();
    scene.click(&format!("Delete {OLDER}"));
    assert!(matches!(scene.command(), Some(Command::DeleteRun { run }) if run == path(OLDER)));
    scene.play([Event::RunDeleted { run: path(OLDER) }]);
    assert!(scene.harness.query_all_by_label_contains("to the desktop's trash").count() >= 1);
    assert!(matches!(scene.command(), Some(Command::ListRuns { .. })), "the list is read anew");

    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play(scene::steps(1, 9));
    let run = path(NEWEST);
    scene.play([Event::RunEnded { step: 9, reason: EndReason::Stopped, run: run.clone() }]);
    scene.play([Event::Activity(Activity::Idle), Event::RunDeleted { run }]);
    assert!(scene.state().run.is_none() && scene.state().loss.train.is_empty(), "nothing is left of it to resume");

    let (what, hint) = ("cannot move it to the trash".to_owned(), "use your file manager".to_owned());
    scene.play([Event::Failed { during: Task::DeletingRun, what, hint }]);
    assert!(scene.harness.query_all_by_label_contains("Deleting the run: cannot move it").count() >= 1);
}

#[test]
fn an_empty_folder_says_what_to_do() {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]));
    scene.click("Runs tab");
    scene.play([Event::Runs { folder: "/data/ada/runs".into(), runs: Vec::new() }]);
    scene.harness.get_by_label("No runs yet");
    assert!(scene.harness.query_all_by_label_contains("Press Train").count() >= 1);
    while scene.command().is_some() {}
    scene.click("Read again");
    assert!(matches!(scene.command(), Some(Command::ListRuns { .. })));
    let (what, hint) = ("cannot read the folder".to_owned(), "check it".to_owned());
    scene.play([Event::Failed { during: Task::ListingRuns, what, hint }]);
    assert!(scene.enabled("Read again"), "it does not stay reading");
}

#[test]
fn a_large_file_shows_how_far_it_is_read() {
    let mut scene = scene();
    scene.play([Event::Activity(Activity::Preparing), Event::Reading { done: 94, total: 374 }]);
    scene.harness.get_by_label("Reading the weights: 25 %");
    scene.play([model_opened(Preset::Small.settings()), Event::Activity(Activity::Idle)]);
    assert!(scene.harness.query_by_label_contains("Reading").is_none());
}

/// The places of all numbers below a value, as JSON pointers.
fn places(at: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(at.to_owned()),
        Value::Array(values) => (0..values.len()).for_each(|i| places(&format!("{at}/{i}"), &values[i], found)),
        Value::Object(map) => map.iter().for_each(|(name, value)| places(&format!("{at}/{name}"), value, found)),
        _ => {}
    }
}

/// Metrics of somebody else may say any number: what is read of them is drawn without a panic.
#[test]
fn any_number_in_the_metrics_of_an_opened_run_is_drawn() {
    let mut scene = scene();
    let settings = Preset::Small.settings();
    let opened = |step| RunOpened {
        run: path(NEWEST),
        settings: Box::new(settings.clone()),
        step,
        share: 0.5,
        parameters: 460_516,
        images: 60_000,
    };
    scene.click("Train tab");
    let step = |step: u64| {
        json!({"step": step, "epoch": 0.1, "images": 64 * step, "loss": 1.0 / step as f64, "lr": 0.1, "grad_norm": 1.0,
            "seconds": step as f64, "progress": 0.25})
    };
    let eval = json!({"count": 200, "classes": [20, 20, 20, 20, 20, 20, 20, 20, 20, 20], "recognisable": 0.5, "distance": 9.9});
    let strange = [step(60), json!({"step": 60, "held_out": 0.5}), json!({"step": 60, "eval": eval})];
    let folder = tempfile::tempdir().unwrap();
    let usual: String = (1..60).map(|i| format!("{}\n", step(i))).collect();
    let numbers = [
        json!(0),
        json!(-1),
        json!(1e19),
        json!(1e300),
        json!(-1e300),
        json!(5e-324),
        json!(u64::MAX),
        json!(1_u64 << 48),
    ];
    let mut drawn = 0;
    for line in &strange {
        let mut found = Vec::new();
        places("", line, &mut found);
        for (place, number) in found.iter().flat_map(|place| numbers.iter().map(move |number| (place, number))) {
            let mut line = line.clone();
            *line.pointer_mut(place).unwrap() = number.clone();
            std::fs::write(folder.path().join("metrics.jsonl"), format!("{usual}{line}\n{}\n", step(61))).unwrap();
            let history = History::read(folder.path()).unwrap();
            scene.play([Event::RunOpened(opened(61)), Event::History(history)]);
            drawn += 1;
        }
    }
    assert!(drawn > 150, "{drawn}");
}
