//! What the window looks like, compared with the pictures in `tests/snapshots`.
//!
//! `UPDATE_SNAPSHOTS=true cargo test --release --test window_snapshots` draws them anew.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{Action, Look, RunName};
use diffuscope::config::Preset;
use diffuscope::engine::{DrawnFor, Event, Task};
use diffuscope::pictures::Pictures;
use diffuscope::sampling::origin::{OriginImage, OriginSource};
use diffuscope::window::Window;
use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use scene::{Scene, digits, drawn_by, drawn_for, found, in_the_middle, model_shipped, recording, run_read, runs};

fn scene(width: f32, height: f32, theme: egui::Theme) -> Scene {
    scaled_scene(width, height, 1.0, theme)
}

fn scaled_scene(width: f32, height: f32, scale: f32, theme: egui::Theme) -> Scene {
    // Renderers round differently by a hair: less than a letter or an icon that changes.
    let options = SnapshotOptions::new().threshold(1.2).max_failed_pixels(12);
    let builder = Harness::<Window>::builder().with_size([width, height]).with_pixels_per_point(scale);
    let builder = builder.with_theme(theme).with_options(options);
    let mut scene = Scene::new(builder.with_render_cursor(false).wgpu());
    if theme == egui::Theme::Light {
        scene.act(Action::Look(Look::Light));
    }
    scene
}

/// Compares the window with a picture, the pointer where it touches nothing.
fn look(scene: &mut Scene, name: &str) {
    scene.harness.hover_at(egui::pos2(1.0, 1.0));
    scene.harness.run_steps(4);
    scene.harness.snapshot(name);
}

/// A state that is none of the main ones, dark in a laptop's window and light in the smallest.
fn in_dark_and_small(state: &str, arrange: impl Fn(&mut Scene)) {
    let mut results = SnapshotResults::new();
    for (word, width, height, theme) in
        [("dark", 1440.0, 900.0, egui::Theme::Dark), ("small", 960.0, 600.0, egui::Theme::Light)]
    {
        let mut scene = scene(width, height, theme);
        arrange(&mut scene);
        look(&mut scene, &format!("{state}-{word}"));
        results.extend(scene.harness.take_snapshot_results());
    }
}

/// A window in points, and pixels a point.
type Size = (&'static str, f32, f32, f32);
/// The sizes of the main states: the smallest window, a laptop's, a large one.
const SIZES: [Size; 3] = [("small", 960.0, 600.0, 1.0), ("laptop", 1440.0, 900.0, 1.0), ("large", 1920.0, 1080.0, 1.0)];
const FOUR_K: Size = ("4k", 1920.0, 1080.0, 2.0);

/// A main state at each of the sizes in both themes.
fn at_all_sizes(state: &str, arrange: impl Fn(&mut Scene)) {
    at_sizes(&SIZES, state, arrange);
}

fn at_sizes(sizes: &[Size], state: &str, arrange: impl Fn(&mut Scene)) {
    let mut results = SnapshotResults::new();
    for &(size, width, height, scale) in sizes {
        for (word, theme) in [("dark", egui::Theme::Dark), ("light", egui::Theme::Light)] {
            let mut scene = scaled_scene(width, height, scale, theme);
            arrange(&mut scene);
            look(&mut scene, &format!("{state}-{size}-{word}"));
            results.extend(scene.harness.take_snapshot_results());
        }
    }
}

#[test]
fn in_the_middle_of_a_run() {
    at_sizes(&[SIZES[0], SIZES[1], SIZES[2], FOUR_K], "middle", |scene| {
        in_the_middle(scene);
        scene.click("Picture 28, asked for a 7");
        for _ in 0..44 {
            scene.harness.key_press(egui::Key::ArrowLeft);
        }
    });
}

#[test]
fn the_first_start() {
    at_all_sizes("first-start", |scene| {
        // As the window opens for somebody new: the model that ships draws at once.
        scene.play([model_shipped(Preset::Small.settings())]);
        scene.play(drawn_for(DrawnFor::FirstLook, recording(1, 64, 24)));
    });
}

#[test]
fn nothing_at_all_is_there() {
    let mut scene = scene(1440.0, 900.0, egui::Theme::Dark);
    look(&mut scene, "nothing-yet-dark");
}

#[test]
fn the_save_form() {
    at_all_sizes("save", |scene| {
        in_the_middle(scene);
        scene.click("Sample tab");
        scene.click("Save…");
        // The default name holds the time of day, and a caret that blinks is another picture each time.
        scene.type_into("path to save to", "/data/ada/seven.png");
        scene.harness.ctx.memory_mut(egui::Memory::stop_text_input);
        scene.harness.run_steps(3);
    });
}

#[test]
fn what_is_told_lies_over_the_panels_and_the_schedule_is_looked_at() {
    at_all_sizes("told", |scene| {
        in_the_middle(scene);
        scene.click("Schedule: Linear");
        scene.click("Curve: SNR");
        scene.harness.get_by_label("Timestep of the schedule").focus();
        let what = "cannot write /data/ada/runs/2026-11-24_153012-small/checkpoint.safetensors: no space left".into();
        let hint = "make room on the disk, then press Continue: nothing is lost".into();
        scene.play([Event::Failed { during: Task::KeepingRun, what, hint }]);
        let provenance = Some(Box::new(drawn_by(&Preset::Nano.settings())));
        scene.play([Event::ProvenanceRead { path: "/data/ada/seven.png".into(), provenance }]);
    });
}

#[test]
fn a_picture_of_ones_own_goes_into_noise_and_back() {
    let mut scene = scene(1440.0, 900.0, egui::Theme::Dark);
    in_the_middle(&mut scene);
    scene.click("Sample tab");
    scene.click("Choose a digit");
    let pixels = digits(10).0.get(7).iter().map(|pixel| 255 - pixel).collect();
    let image = OriginImage { picture: Pictures { width: 28, height: 28, pixels }, class: None, bright: true };
    let source = OriginSource::File("/data/ada/seven.png".into());
    scene.play([Event::OriginFound { source, image, of: None }]);
    scene.click("Reverse from here");
    scene.play(recording(2, 64, 20));
    scene.click("Picture 8, asked for a 7");
    look(&mut scene, "origin-dark");
}

#[test]
fn all_actions_and_a_schedule_that_needs_the_doctor() {
    in_dark_and_small("actions", |scene| {
        scene.click("Schedule: Linear");
        scene.set("β₁ last", "0.2");
        in_the_middle(scene);
        scene.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::K);
        scene.harness.hover_at(egui::pos2(1.0, 1.0));
        scene.harness.run_steps(4);
        // A caret that blinks is another picture each time.
        scene.harness.get_by_label("command").type_text("film");
        scene.harness.run_steps(4);
        scene.harness.ctx.memory_mut(egui::Memory::stop_text_input);
        scene.harness.run_steps(4);
    });
}

#[test]
fn both_axes_of_the_films_and_the_copies() {
    at_all_sizes("films", |scene| {
        look_back(scene);
        scene.key(egui::Key::X);
    });
}

#[test]
fn the_loupe() {
    let mut scene = scene(1440.0, 900.0, egui::Theme::Dark);
    look_back(&mut scene);
    scene.key(egui::Key::Z);
    look(&mut scene, "loupe-dark");
}

/// To the film of step 790, there to t = 300, and the images that are near its digit.
fn look_back(scene: &mut Scene) {
    in_the_middle(scene);
    scene.click("Picture 28, asked for a 7");
    for _ in 0..3 {
        scene.key(egui::Key::ArrowDown);
    }
    for _ in 0..6 {
        scene.key(egui::Key::ArrowLeft);
    }
    // Where it has no room, its button is not to be seen.
    scene.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::I);
    scene.harness.run_steps(2);
    let (_, picture) = scene.state().followed_digit().unwrap();
    scene.play([found(picture, 0.55)]);
}

#[test]
fn files_are_held_over_the_window() {
    in_dark_and_small("held-over", |scene| {
        in_the_middle(scene);
        scene.hold_over(&["/data/ada/train-images-idx3-ubyte.gz", "/data/ada/seven.png", "/data/ada/notes.txt"]);
    });
}

#[test]
fn a_window_that_could_not_save_everything() {
    let mut scene = scene(960.0, 600.0, egui::Theme::Dark);
    in_the_middle(&mut scene);
    scene.press_close();
    scene.play([scene::not_kept()]);
    look(&mut scene, "closing-dark");
}

#[test]
fn two_runs_are_compared() {
    let mut scene = scene(1440.0, 900.0, egui::Theme::Dark);
    in_the_middle(&mut scene);
    scene.harness.get_by_label("Runs tab").click();
    scene.harness.run_steps(3);
    scene.play([runs()]);
    for (name, batch) in [("2026-11-24_153012-small", 64), ("2026-11-23_090807-nano", 32)] {
        scene.click(&format!("Compare {name}"));
        scene.play([run_read(name, batch)]);
    }
    look(&mut scene, "compare-dark");
}

#[test]
fn the_list_of_runs() {
    at_all_sizes("runs", |scene| {
        scene.click("Runs tab");
        scene.play([runs()]);
        let (run, given) = ("/data/ada/runs/2026-11-24_153012-small".into(), RunName::new("cosine, T = 400").unwrap());
        scene.play([Event::RunNamed { run, name: given }]);
        scene.click("Rename 2026-11-23_090807-nano");
    });
}

#[test]
fn the_images_to_learn_from() {
    at_all_sizes("data", |scene| {
        scene.click("Data tab");
        scene.click("Learn the digit 4");
        scene.answer_about_data();
    });
}

#[test]
fn digits_that_are_drawn() {
    at_all_sizes("sample", |scene| {
        in_the_middle(scene);
        scene.click("Sample tab");
    });
}

#[test]
fn the_charts_have_a_tab_of_their_own() {
    // At the other sizes they stand beside the digits.
    at_sizes(&SIZES[..1], "charts", |scene| {
        in_the_middle(scene);
        scene.click("Charts tab");
    });
}
