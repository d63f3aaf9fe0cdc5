//! Journeys: the film as an animated PNG, the losses as a table and as a plot, and a picture for the clipboard.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::SaveWhat;
use diffuscope::config::Preset;
use diffuscope::engine::{Command, Save};
use diffuscope::window::Window;
use egui::{Key, Modifiers, OutputCommand};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, drawn_by, in_the_middle};

const CTRL_SHIFT: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

/// What Save sends for a choice of the form.
fn saved(scene: &mut Scene, choice: &str) -> Save {
    scene.click(choice);
    scene.press("Save");
    let Some(Command::Save { what, .. }) = scene.command() else { panic!("{choice} is saved") };
    scene.play([diffuscope::engine::Event::Saved { what: "file", path: "/tmp/file".into() }]);
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

#[test]
fn the_pictures_are_copied_as_they_are_saved() {
    let mut scene = scene();
    let copy =
        egui::Event::Key { key: Key::G, physical_key: None, pressed: true, repeat: false, modifiers: CTRL_SHIFT };
    let copied = |scene: &mut Scene| {
        scene.harness.event(copy.clone());
        scene.harness.step();
        scene.harness.output().platform_output.commands.iter().find_map(|command| match command {
            OutputCommand::CopyImage(image) => Some(image.size),
            _ => None,
        })
    };
    assert_eq!(copied(&mut scene), None, "there is nothing to copy");
    in_the_middle(&mut scene);
    assert_eq!(copied(&mut scene), Some([8 * 30 + 2, 8 * 30 + 2]));
    scene.harness.run_steps(2);
    assert!(scene.harness.query_all_by_label_contains("Copied the pictures").count() >= 1);
}
