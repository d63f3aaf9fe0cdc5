//! Journeys: the film as an animated PNG, the losses as a table and as a plot, and a picture for the clipboard.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::SaveWhat;
use diffuscope::config::{Preset, WeightsKind};
use diffuscope::engine::{Activity, Command, Event, Save};
use diffuscope::window::Window;
use egui::{Key, Modifiers, OutputCommand};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, drawn_by, films, in_the_middle, run_started, steps};

const CTRL_SHIFT: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

/// The size of the picture that the key puts onto the clipboard.
fn copied(scene: &mut Scene) -> Option<[usize; 2]> {
    let copy =
        egui::Event::Key { key: Key::G, physical_key: None, pressed: true, repeat: false, modifiers: CTRL_SHIFT };
    scene.harness.event(copy);
    scene.harness.step();
    scene.harness.output().platform_output.commands.iter().find_map(|command| match command {
        OutputCommand::CopyImage(image) => Some(image.size),
        _ => None,
    })
}

#[test]
fn weights_are_saved_through_the_form() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    let weights = saved(&mut scene, "Weights of 2026-11-24_153012-small (.safetensors)");
    assert!(matches!(weights, Save::Weights { kind: WeightsKind::Ema }), "{weights:?}");
}

#[test]
fn how_much_of_a_long_film_is_written_is_told() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    scene.click("The film as it is shown (.gif)");
    scene.press("Save");
    scene.command().unwrap();
    scene.play([Event::Writing { share: 0.4 }]);
    assert_eq!(scene.harness.query_all_by_label_contains("Writing: 40 %").count(), 1);
    assert_eq!(scene.harness.query_all_by_label_contains("Writing what is saved: 40 %").count(), 1);
    std::thread::park_timeout(std::time::Duration::from_millis(1_100));
    scene.harness.run_steps(2);
    assert_eq!(scene.harness.query_all_by_label_contains("40 % · 0:01 · 0:02 left").count(), 2);
    scene.play([Event::Saved { what: "film", path: "/tmp/seven.gif".into() }]);
    assert_eq!(scene.harness.query_all_by_label_contains("40 %").count(), 0);
}

#[cfg(unix)]
#[test]
fn a_place_whose_name_is_no_text_is_not_taken_for_another() {
    use std::os::unix::ffi::OsStrExt;
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    scene.answer(SaveWhat::Grid, Some(std::ffi::OsStr::from_bytes(b"/data/M\xfcller/seven.png").into()));
    assert!(!scene.state().save.path.contains("ller"), "the field would name another place");
    assert_eq!(scene.harness.query_all_by_label_contains("choose a folder whose name is UTF-8").count(), 1);
}

/// What Save sends for a choice of the form.
fn saved(scene: &mut Scene, choice: &str) -> Save {
    scene.click(choice);
    scene.press("Save");
    let Some(Command::Save { what, .. }) = scene.command() else { panic!("{choice} is saved") };
    scene.play([Event::Saved { what: "file", path: "/tmp/file".into() }]);
    what
}

#[test]
fn the_film_keeps_its_greys_and_says_what_drew_it() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Sample tab");
    scene.click("Save…");
    let Save::AnimatedPng { frames, provenance, .. } = saved(&mut scene, "The film in all its greys (.apng)") else {
        panic!("an animated PNG")
    };
    assert_eq!(frames.len(), 101);
    assert_eq!(*provenance.unwrap(), drawn_by(&Preset::Small.settings()));
}

#[test]
fn the_losses_are_saved_as_a_table_and_as_a_plot() {
    let mut scene = scene();
    scene.click("Save…");
    assert!(!scene.enabled("Losses of every step as a table (.csv)"), "there are no losses yet");
    assert!(!scene.enabled("The loss as a plot (.svg)"));
    in_the_middle(&mut scene);
    let Save::Losses { run } = saved(&mut scene, "Losses of every step as a table (.csv)") else { panic!("a table") };
    assert_eq!(run, scene.state().run.as_ref().unwrap().folder);
    let Save::LossPlot { svg } = saved(&mut scene, "The loss as a plot (.svg)") else { panic!("a plot") };
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && svg.contains("2026-11-24_153012-small"));
    let Save::LossPicture { svg: same, provenance } = saved(&mut scene, "The loss as a picture (.png)") else {
        panic!("a picture")
    };
    assert_eq!(same, svg);
    let (run, provenance) = (scene.state().run.as_ref().unwrap(), provenance.unwrap());
    assert_eq!(provenance.settings.training, run.settings.training);
    assert_eq!(provenance.step, scene.state().progress.step);
}

#[test]
fn a_key_opens_the_form_with_its_choice_made() {
    for (modifiers, key, what) in [
        (Modifiers::COMMAND, Key::G, SaveWhat::Animation),
        (CTRL_SHIFT, Key::A, SaveWhat::AnimatedPng),
        (CTRL_SHIFT, Key::T, SaveWhat::Losses),
        (CTRL_SHIFT, Key::Y, SaveWhat::LossPlot),
        (CTRL_SHIFT, Key::I, SaveWhat::LossPicture),
    ] {
        let mut scene = scene();
        in_the_middle(&mut scene);
        scene.harness.key_press_modifiers(modifiers, key);
        scene.harness.run_steps(2);
        let form = &scene.state().save;
        assert_eq!((form.open, form.what), (true, what));
        assert!(form.path.ends_with(what.extension()), "{}", form.path);
    }
}

/// Where Save writes to, and whether in place of what is there.
fn written(scene: &mut Scene) -> (String, bool) {
    let Some(Command::Save { path, replace, .. }) = scene.command() else { panic!("something is saved") };
    (path.display().to_string(), replace)
}

#[test]
fn a_file_that_is_there_is_replaced_when_that_was_said_once_more() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    scene.click("The film as it is shown (.gif)");
    scene.type_into("path to save to", "/tmp/run-0.5");
    scene.press("Save");
    assert_eq!(written(&mut scene), ("/tmp/run-0.5.gif".into(), false), "not run-0.gif, which nobody named");
    scene.play([Event::FileExists { path: "/tmp/run-0.5.gif".into() }]);
    scene.harness.get_by_label_contains("run-0.5.gif is there already");
    scene.press("Replace");
    assert_eq!(written(&mut scene), ("/tmp/run-0.5.gif".into(), true));
    scene.play([Event::Saved { what: "animation", path: "/tmp/run-0.5.gif".into() }]);
    scene.press("Save");
    assert_eq!(written(&mut scene), ("/tmp/run-0.5.gif".into(), false), "it is asked each time");

    scene.play([Event::FileExists { path: "/tmp/run-0.5.gif".into() }]);
    scene.type_into("path to save to", "/tmp/other.gif");
    scene.press("Save");
    assert_eq!(written(&mut scene), ("/tmp/other.gif".into(), false), "another file was not spoken of");
    scene.click("Close");
    scene.play([Event::FileExists { path: "/tmp/other.gif".into() }]);
    assert!(scene.harness.query_all_by_label_contains("Nothing was saved").count() >= 1);
}

#[test]
fn the_file_dialog_has_asked_already() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    scene.answer(SaveWhat::Grid, Some("/tmp/chosen.png".into()));
    scene.press("Save");
    assert_eq!(written(&mut scene), ("/tmp/chosen.png".into(), true));
    scene.play([Event::Saved { what: "grid", path: "/tmp/chosen.png".into() }]);
    scene.press("Save");
    assert_eq!(written(&mut scene), ("/tmp/chosen.png".into(), false), "once");
    scene.play([Event::Saved { what: "grid", path: "/tmp/chosen.png".into() }]);
    scene.answer(SaveWhat::Grid, Some("/tmp/chosen".into()));
    scene.press("Save");
    assert_eq!(written(&mut scene), ("/tmp/chosen.png".into(), false), "it has asked about another name");
}

#[test]
fn the_film_that_is_looked_back_on_is_what_is_saved_and_copied() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    for _ in 0..3 {
        scene.key(Key::ArrowDown);
    }
    for _ in 0..6 {
        scene.key(Key::ArrowLeft);
    }
    assert_eq!((scene.state().film_step(), scene.t()), (Some(790), 300));
    scene.click("Save…");
    let Save::Grid { pictures, columns, provenance } = saved(&mut scene, "Grid of pictures (.png)") else {
        panic!("a grid")
    };
    let film = scene::film(790, 20);
    let seen = &film.moments.iter().find(|moment| moment.t == 300).unwrap().x_t;
    assert_eq!((&pictures, columns), (&**seen, 4));
    let provenance = *provenance.unwrap();
    assert_eq!((provenance.step, provenance.t, provenance.settings.sampling.count), (790, 300, 10));
    assert_eq!(provenance.settings.sampling.steps, 20, "the calls of the film");
    scene.click("Close");
    assert_eq!(copied(&mut scene), Some([4 * 30 + 2, 3 * 30 + 2]), "ten digits of the film");
}

#[test]
fn without_grids_the_film_is_saved() {
    let mut scene = scene();
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play(steps(1, 30));
    scene.click("Save…");
    assert!(!scene.enabled("Grid of pictures (.png)"));
    scene.play(films([20]));
    let Save::Grid { pictures, provenance, .. } = saved(&mut scene, "Grid of pictures (.png)") else {
        panic!("a grid")
    };
    assert_eq!((pictures.count(), provenance.unwrap().step), (10, 20));
}

#[test]
fn enter_saves_what_a_key_has_opened_and_what_was_typed_but_presses_the_button_that_has_the_focus() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.harness.key_press_modifiers(CTRL_SHIFT, Key::Y);
    scene.harness.run_steps(2);
    scene.harness.key_press(Key::Enter);
    let Some(Command::Save { what: Save::LossPlot { .. }, path, .. }) = scene.command() else { panic!("Enter saves") };
    scene.play([diffuscope::engine::Event::Saved { what: "file", path }]);

    scene.type_into("path to save to", "/data/ada/loss.svg");
    scene.harness.key_press(Key::Enter);
    let Some(Command::Save { path, .. }) = scene.command() else { panic!("Enter in the field saves") };
    assert_eq!(path.to_str(), Some("/data/ada/loss.svg"));
    scene.play([diffuscope::engine::Event::Saved { what: "file", path }]);

    scene.harness.get_by_label("Losses of every step as a table (.csv)").focus();
    scene.harness.run_steps(2);
    scene.harness.key_press(Key::Enter);
    assert!(scene.command().is_none(), "the choice is made, and nothing saved");
    assert_eq!(scene.state().save.what, SaveWhat::Losses);
}

#[test]
fn the_pictures_are_copied_as_they_are_saved() {
    let mut scene = scene();
    assert_eq!(copied(&mut scene), None, "there is nothing to copy");
    in_the_middle(&mut scene);
    assert_eq!(copied(&mut scene), Some([8 * 30 + 2, 8 * 30 + 2]));
    scene.harness.run_steps(2);
    assert!(scene.harness.query_all_by_label_contains("Copied the pictures").count() >= 1);
}

#[test]
fn where_no_dialog_opens_the_path_is_typed_and_the_form_says_so() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    // What a desktop without a portal answers at once, and a dialog that was cancelled.
    scene.answer(SaveWhat::Grid, None);
    scene.harness.get_by_label_contains("if no dialog opened, type the path into the field");
    assert!(scene.enabled("Browse…"), "one may try again");
    scene.type_into("path to save to", "/tmp/eight.png");
    assert_eq!(scene.state().save.path, "/tmp/eight.png");
    assert!(scene.harness.query_by_label_contains("if no dialog opened").is_none(), "it was typed");
    scene.press("Save");
    let path = std::path::PathBuf::from("/tmp/eight.png");
    assert!(matches!(scene.command(), Some(Command::Save { path: to, .. }) if to == path));
}
