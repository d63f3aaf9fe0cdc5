//! Journeys: a picture that was saved here gives back the settings that it was drawn with.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::notices::Kind;
use diffuscope::config::{DataSource, Preset, SamplerKind};
use diffuscope::engine::{Command, Event, Save, Task};
use diffuscope::pictures::Provenance;
use diffuscope::window::Window;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, drawn_by, in_the_middle, model_opened};

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

/// What a stranger's picture says: his own settings, and data that are not here.
fn strangers() -> Provenance {
    let mut settings = Preset::Nano.settings();
    settings.data.source = DataSource::Path("letters".into());
    settings.training.batch_size = 17;
    (settings.sampling.sampler, settings.sampling.seed) = (SamplerKind::Ddim, 4711);
    drawn_by(&settings)
}

#[test]
fn a_dropped_picture_gives_its_settings_and_undo_takes_them_back() {
    let mut scene = scene();
    scene.play([model_opened(Preset::Small.settings())]);
    while scene.command().is_some() {}
    let before = scene.state().settings.clone();
    scene.drop_files(&["/data/ada/grid.PNG"]);
    let Some(Command::ReadProvenance { path }) = scene.command() else { panic!("the picture is read") };
    scene.play([Event::ProvenanceRead { path, provenance: Some(Box::new(strangers())) }]);

    let settings = &scene.state().settings;
    assert_eq!((settings.training.batch_size, settings.sampling.seed), (17, 4711));
    assert_eq!(settings.data.source, DataSource::Mnist, "the data stay");
    let told = "Took the settings of grid.PNG: nano, T = 1000, DDIM in";
    assert!(scene.harness.query_all_by_label_contains(told).count() >= 1);
    for part in ["seed 4711", "The data stay", "Undo brings back"] {
        assert!(scene.harness.query_all_by_label_contains(part).count() >= 1, "{part}");
    }
    scene.harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    scene.harness.run_steps(2);
    assert_eq!(scene.state().settings, before);

    scene.play([Event::ProvenanceRead { path: "/data/ada/grid.png".into(), provenance: Some(Box::new(strangers())) }]);
    scene.harness.run_steps(2);
    scene.click("Undo");
    assert_eq!(scene.state().settings, before, "the button does the same");
    scene.play([Event::ProvenanceRead { path: "/data/ada/grid.png".into(), provenance: Some(Box::new(strangers())) }]);
    scene.set("Batch", "18");
    assert!(scene.harness.query_by_label("Undo").is_none(), "it would take back something else");
}

#[test]
fn a_picture_can_be_opened_by_its_path() {
    let mut scene = scene();
    scene.click("Sample tab");
    scene.type_into("path of the model", "/data/ada/grid.png");
    scene.click("Open");
    assert!(matches!(scene.command(), Some(Command::ReadProvenance { path }) if path.ends_with("grid.png")));
    scene.drop_files(&["/data/ada/weights.safetensors"]);
    assert!(matches!(scene.command(), Some(Command::Open { path }) if path.ends_with("weights.safetensors")));
}

#[test]
fn a_picture_of_another_program_changes_nothing_and_a_damaged_one_has_a_hint() {
    let mut scene = scene();
    let before = scene.state().settings.clone();
    scene.play([Event::ProvenanceRead { path: "/data/ada/holiday.png".into(), provenance: None }]);
    assert!(scene.harness.query_all_by_label_contains("holiday.png does not say how it was drawn").count() >= 1);
    assert!(scene.state().notices.iter().all(|notice| notice.kind == Kind::Info), "that is no failure");
    let (what, hint) = ("a.png: the settings in it are damaged".to_owned(), "use a PNG as saved".to_owned());
    scene.play([Event::Failed { during: Task::ReadingPicture, what, hint }]);
    assert!(scene.harness.query_all_by_label_contains("use a PNG as saved").count() >= 1);
    assert_eq!(scene.state().settings, before);
}

#[test]
fn what_is_saved_says_what_drew_it() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    scene.press("Save");
    let Some(Command::Save { what: Save::Grid { provenance: Some(grid), .. }, .. }) = scene.command() else {
        panic!("the grid of the training says what drew it")
    };
    assert_eq!((grid.model.as_str(), grid.step, grid.t), ("2026-11-24_153012-small", 1200, 0));

    scene.click("Sample tab");
    scene.click("One picture a file (folder of .png)");
    scene.play([Event::Saved { what: "grid", path: "/tmp/a.png".into() }]);
    scene.press("Save");
    let Some(Command::Save { what: Save::Singles { provenance: Some(singles), .. }, .. }) = scene.command() else {
        panic!("pictures of the drawing say what drew them")
    };
    assert_eq!((*singles).clone(), drawn_by(&Preset::Small.settings()));
}
