//! Journeys in a window of 960×600: everything has its place, and nothing is seen by half.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{Action, Tab};
use diffuscope::config::Preset;
use diffuscope::engine::{Activity, EndReason, Event};
use diffuscope::window::Window;
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::{Scene, found, in_the_middle, painted, recording};

fn scene() -> Scene {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([960.0, 600.0]));
    in_the_middle(&mut scene);
    scene
}

/// Where the strip of the film begins.
fn floor(scene: &Scene) -> f32 {
    scene.harness.get_by_label("To the noise").rect().top() - 10.0
}

#[test]
fn the_list_of_all_actions_has_a_button() {
    let mut scene = scene();
    let button = scene.harness.get_by_label("Search actions").rect();
    assert!(button.right() <= 960.0 && button.width() == 28.0, "{button}");
    scene.click("Search actions");
    assert!(scene.state().palette);
}

#[test]
fn draw_is_wholly_seen_and_above_what_it_draws_with() {
    let mut scene = scene();
    scene.act(Action::ShowTab(Tab::Sample));
    let sampler = scene.harness.get_by_label_contains("Sampler: ").rect();
    let draw = scene.harness.get_by_label("Draw").rect();
    assert!(draw.bottom() <= sampler.top() && sampler.bottom() < floor(&scene), "{draw}, {sampler}");
    scene.play(recording(2, 64, 20).into_iter().take(3));
    let cancel = scene.harness.get_by_label("Cancel drawing").rect();
    assert_eq!(cancel, draw, "nothing moves");
}

#[test]
fn of_is_it_copying_a_whole_line_is_seen_or_nothing() {
    let mut scene = scene();
    let compare = scene.harness.get_by_role_and_label(Role::Button, "Compare").rect();
    let title = scene.harness.get_by_label("Is it copying?").rect();
    assert!(compare.bottom() <= floor(&scene) && compare.y_range().contains(title.center().y), "{compare}, {title}");
    assert_eq!(scene.harness.query_all_by_label_contains("Which training images").count(), 0);

    scene.click("Compare");
    let (_, picture) = scene.state().followed_digit().unwrap();
    scene.play([found(picture, 0.55)]);
    let (seen, first) = (floor(&scene) - 8.0, scene.harness.query_all_by_label_contains("Training image").next());
    let (title, first) = (scene.harness.get_by_label("Is it copying?").rect(), first.unwrap().rect());
    assert!(title.bottom() <= seen && first.top() >= seen - 1.0, "{title}, {first}, {seen}");
}

#[test]
fn the_step_is_told_before_the_time() {
    let mut scene = scene();
    let run = scene.state().run.as_ref().unwrap().folder.clone();
    scene.play([Event::RunEnded { step: 1240, reason: EndReason::Stopped, run }, Event::Activity(Activity::Idle)]);
    scene.harness.get_by_label("Resume run");
    let header: Vec<_> = painted::texts(&scene.harness).into_iter().filter(|text| text.rect.bottom() < 52.0).collect();
    for words in ["step 1,240", "0:25"] {
        assert!(header.iter().any(|text| text.text == words), "{words} in {header:?}");
    }
    assert_eq!(scene.state().run.as_ref().unwrap().settings.preset, Preset::Small);
}

#[test]
fn the_pill_says_less_rather_than_half_of_it() {
    for width in [960.0, 1280.0, 1440.0, 1920.0] {
        let mut scene = Scene::new(Harness::<Window>::builder().with_size([width, 900.0]));
        in_the_middle(&mut scene);
        let pill = scene.harness.query_all_by_label_contains("Learning: digits improve").next().unwrap().rect();
        let texts = painted::texts(&scene.harness);
        let words = texts.iter().find(|text| pill.contains_rect(text.rect) && text.text.starts_with("Learning"));
        let words = &words.unwrap_or_else(|| panic!("{width}: nothing in {pill}")).text;
        assert!(!words.ends_with('…') && !words.ends_with('('), "{width}: {words}");
    }
}
