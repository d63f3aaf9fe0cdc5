//! Journey: a film is played at each speed that the menu offers.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::config::Preset;
use diffuscope::window::Window;
use egui::Key;
use egui_kittest::Harness;
use scene::{Scene, model_opened, recording};

#[test]
fn a_film_plays_at_the_speed_that_is_chosen() {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]));
    scene.play([model_opened(Preset::Small.settings())]);
    scene.play(recording(1, 4, 500));
    let mut shown = "1×".to_owned();
    let mut moved = Vec::new();
    for speed in ["0.25×", "0.5×", "1×", "2×", "4×", "8×"] {
        if shown != speed {
            scene.click(&format!("Play speed: {shown}"));
            scene.click(speed);
            shown = speed.into();
        }
        scene.click("To the noise");
        let from = scene.t();
        scene.key(Key::Space);
        scene.harness.run_steps(4);
        moved.push((from - scene.t()) as f64);
        scene.key(Key::Space);
    }
    for pair in moved.windows(2) {
        let ratio = pair[1] / pair[0];
        assert!((1.6..=2.4).contains(&ratio), "each speed is twice the one before: {moved:?}");
    }
}
