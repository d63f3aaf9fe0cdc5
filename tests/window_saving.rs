//! Journeys: the film as an animated PNG, the losses as a table and as a plot, and a picture for the clipboard.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{Action, SaveWhat, Tab};
use diffuscope::config::{Preset, WeightsKind};
use diffuscope::engine::{Activity, Command, DrawnFor, EndReason, Event, Save};
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

/// Three films back in training, six frames back in denoising.
fn looking_back(drawn: DrawnFor) -> Scene {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.play(scene::drawn_for(drawn, scene::recording(1, 64, 20)));
    for _ in 0..3 {
        scene.key(Key::ArrowDown);
    }
    for _ in 0..6 {
        scene.key(Key::ArrowLeft);
    }
    scene
}

#[test]
fn the_film_that_is_looked_back_on_is_what_is_saved_and_copied() {
    let mut scene = looking_back(DrawnFor::Person);
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

#[test]
fn what_the_form_was_opened_for_stays_chosen_when_the_run_ends() {
    let mut scene = looking_back(DrawnFor::Opening);
    scene.click("Save…");
    scene.harness.get_by_label("The film of step 790, at t = 300");

    let run = scene.state().run.as_ref().unwrap().folder.clone();
    scene.play([Event::RunEnded { step: 1240, reason: EndReason::Completed, run }]);
    scene.play([Event::Activity(Activity::Idle), scene::model_learned(Preset::Small.settings())]);
    assert!(matches!(scene.command(), Some(Command::Sample { why: DrawnFor::RunEnd, .. })), "it draws by itself");
    scene.play(scene::drawn_for(DrawnFor::RunEnd, scene::recording(2, 64, 20)));
    assert_eq!(scene.state().film_step(), Some(790), "what is looked at stays");
    scene.harness.get_by_label("The film of step 790, at t = 300");

    scene.harness.get_by_label("The film of step 790, at t = 300");
    let Save::Grid { pictures, provenance, .. } = saved(&mut scene, "Grid of pictures (.png)") else {
        panic!("a grid")
    };
    let film = scene::film(790, 20);
    assert_eq!(pictures, *film.moments.iter().find(|moment| moment.t == 300).unwrap().x_t);
    assert_eq!((provenance.as_ref().unwrap().step, provenance.unwrap().t), (790, 300));
    let Save::Animation { frames, .. } = saved(&mut scene, "The film as it is shown (.gif)") else { panic!("a film") };
    scene.harness.get_by_label("The film of step 790, from noise to digits");
    assert_eq!(frames, film.moments.iter().map(|moment| (*moment.x_t).clone()).collect::<Vec<_>>());

    scene.click("Close");
    scene.act(Action::SeekTraining(usize::MAX));
    scene.click("Save…");
    scene.harness.get_by_label("The drawing at the end of the run, from noise to digits");
    let Save::Animation { frames, .. } = saved(&mut scene, "The film as it is shown (.gif)") else { panic!("a film") };
    assert_eq!((frames.len(), frames[0].count()), (21, 64), "opened anew, it is about what is on the screen then");
}

#[test]
fn the_form_goes_along_with_what_a_person_looks_at_and_draws() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    scene.harness.get_by_label("The grid of step 1,200");
    scene.play([scene::grid(1230, diffuscope::config::WeightsKind::Ema)]);
    scene.harness.get_by_label("The grid of step 1,200");
    scene.act(Action::StepTraining(-2));
    scene.harness.get_by_label("The film of step 1,000, at t = 0");
    scene.act(Action::ShowTab(Tab::Sample));
    scene.harness.get_by_label("Your drawing, at t = 0");
    scene.act(Action::Sample);
    assert!(matches!(scene.command(), Some(Command::Sample { .. })));
    scene.play(scene::recording(2, 9, 5).into_iter().take(3));
    scene.harness.get_by_label("Your drawing, at t = 800");
    scene.play(scene::recording(2, 9, 5).into_iter().skip(3));
    let Save::Grid { pictures, .. } = saved(&mut scene, "Grid of pictures (.png)") else { panic!("a grid") };
    assert_eq!(pictures.count(), 9, "the drawing that was asked for, once it is done");
}

/// Until the disk has said what is at the path.
fn until_the_button_is(scene: &mut Scene, word: &str) {
    for _ in 0..300 {
        if scene.harness.query_by_role_and_label(egui::accesskit::Role::Button, word).is_some() {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(10));
        scene.harness.run_steps(1);
    }
    panic!("the button never became {word}");
}

#[test]
fn the_button_says_replace_as_soon_as_the_path_names_a_file_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("seven.png"), "an old seven").unwrap();
    std::fs::create_dir(path("folder.png")).unwrap();
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    // The ending that is left out is counted in.
    scene.type_into("path to save to", &path("seven"));
    until_the_button_is(&mut scene, "Replace");
    scene.harness.get_by_label_contains("seven.png is there already: Replace writes over it.");
    scene.harness.key_press(Key::Enter);
    assert!(scene.command().is_none(), "Enter replaces nothing");
    scene.type_into("path to save to", &path("eight.png"));
    until_the_button_is(&mut scene, "Save");
    assert_eq!(scene.harness.query_all_by_label_contains("is there already").count(), 0);
    scene.type_into("path to save to", &path("folder.png"));
    until_the_button_is(&mut scene, "Save");
    scene.type_into("path to save to", &path("seven.png"));
    until_the_button_is(&mut scene, "Replace");
    scene.press("Replace");
    assert_eq!(written(&mut scene), (path("seven.png"), true), "it was said, and pressed");
    scene.play([Event::Saved { what: "grid", path: path("seven.png").into() }]);
    until_the_button_is(&mut scene, "Replace");
    scene.harness.get_by_label_contains("Saved to ");
}

#[test]
fn a_long_path_shows_its_end_until_one_types() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.click("Save…");
    let long = "/data/ada/pictures/of/a/training/that/went/on/for/a/long/time/2026-11-24_153012-sevens.png";
    scene.act(Action::SavePath(long.into()));
    let shown = |scene: &Scene| {
        let texts = scene::painted::texts(&scene.harness);
        let path = texts.into_iter().find(|text| text.text.ends_with("/2026-11-24_153012-sevens.png"));
        let field = scene.harness.get_by_label("path to save to").rect();
        let path = path.unwrap();
        (path.text, field.x_range().contains(path.rect.left()) && field.x_range().contains(path.rect.right()))
    };
    let (text, within) = shown(&scene);
    assert!(within && text.starts_with('…') && text.len() > 30, "{text}");
    scene.harness.get_by_label("path to save to").focus();
    scene.harness.run_steps(3);
    assert_eq!(shown(&scene).0, long, "all of it is there to be changed");
    assert_eq!(scene.state().save.path, long);
}
