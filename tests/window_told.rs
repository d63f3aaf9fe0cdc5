//! Journeys: what there was to tell lies over the panels, helps, and goes; the theme that is shown.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{Action, Look, Tab};
use diffuscope::engine::{Activity, Command, Event, Task};
use diffuscope::window::Window;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use scene::{Scene, in_the_middle};

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]))
}

#[test]
fn a_failure_moves_nothing_and_has_a_button_that_helps() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    let grid = |scene: &Scene| scene.harness.get_by_label("Picture 28, asked for a 7").rect();
    let before = grid(&scene);
    let (what, hint) = ("no space left on the disk".to_owned(), "make room, then press Continue".to_owned());
    scene.play([Event::Failed { during: Task::KeepingRun, what, hint }, Event::Activity(Activity::Paused)]);
    scene.harness.run_steps(2);
    assert_eq!(grid(&scene), before);
    assert!(scene.harness.query_all_by_label("Continue").count() == 2, "in the bar at the top, and beside the words");
    scene.harness.get_all_by_label("Continue").last().unwrap().click();
    scene.harness.run_steps(3);
    assert!(matches!(scene.command(), Some(Command::Continue)));
    assert_eq!(scene.state().notices.newest_failure(), None);

    let failed = |during| Event::Failed { during, what: "it cannot be".into(), hint: "try otherwise".into() };
    for (during, word) in [
        (Task::Saving, "Choose another place"),
        (Task::ListingRuns, "Look again"),
        (Task::OpeningModel, "Open the Runs tab"),
        (Task::Sampling, "Draw again"),
    ] {
        scene.play([failed(during)]);
        scene.harness.run_steps(2);
        scene.click(word);
        assert_eq!(scene.state().notices.newest_failure(), None, "{word}");
    }
    assert_eq!(scene.state().tab, Tab::Runs);
    assert!(scene.state().save.open);
}

/// Training that went back to a checkpoint goes on; who was away reads of it hours later.
#[test]
fn what_went_wrong_and_goes_on_is_told_until_it_is_read() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    let what = "training diverged; it goes on from step 6 at half the learning rate".to_owned();
    scene.play([Event::Failed { during: Task::GoingBack, what, hint: "nothing to do now".into() }]);
    scene.harness.run_steps(2);
    let told = |scene: &Scene| scene.harness.query_all_by_label_contains("at half the learning rate").count();
    let shown = told(&scene);
    assert!(shown > 0);
    for word in 0..40 {
        scene.play([Event::Notice(format!("word {word} about something else"))]);
        scene.harness.run_steps(10);
    }
    assert_eq!(told(&scene), shown, "it went by itself");
    assert!(
        scene.harness.query_by_label("Resume run").is_none() && scene.harness.query_by_label("Train again").is_none()
    );
    let failure = scene.state().notices.newest_failure().unwrap();
    assert!(failure.help.is_none() && failure.text.contains("half the learning rate"), "{failure:?}");
}

#[test]
fn what_was_done_is_told_for_a_moment() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    scene.act(Action::ToggleRight);
    let told = |scene: &Scene| scene.harness.query_all_by_label_contains("Saved the film to").count();
    scene.play([Event::Saved { what: "film", path: "/tmp/seven.gif".into() }]);
    scene.harness.run_steps(2);
    assert_eq!(told(&scene), 1, "with the charts folded, too");
    let node = scene.harness.get_by_label_contains("Saved the film to");
    assert_eq!(node.accesskit_node().live(), egui::accesskit::Live::Polite);
    let window = scene.harness.ctx.content_rect();
    assert!(window.contains_rect(node.rect()), "{:?}", node.rect());
    assert_eq!(scene.harness.ctx.memory(egui::Memory::focused), None, "it takes no focus");
    scene.harness.run_steps(22);
    assert_eq!(told(&scene), 0);
}

#[test]
fn on_a_light_desktop_the_key_switches_to_dark_at_once_and_there_is_a_way_back() {
    let mut scene = scene();
    scene.harness.input_mut().system_theme = Some(egui::Theme::Light);
    scene.harness.run_steps(3);
    assert_eq!(scene.harness.ctx.theme(), egui::Theme::Light);
    let ctrl_shift = egui::Modifiers { shift: true, ..egui::Modifiers::COMMAND };
    scene.harness.key_press_modifiers(ctrl_shift, egui::Key::L);
    scene.harness.run_steps(3);
    assert_eq!(scene.harness.ctx.theme(), egui::Theme::Dark);
    scene.key(egui::Key::F9);
    assert_eq!((scene.state().look, scene.harness.ctx.theme()), (Look::System, egui::Theme::Light));
    scene.click("Theme: as the system has it");
    assert_eq!(scene.state().look, Look::Dark, "a press is seen to do something");
}

#[test]
fn the_theme_is_switched_with_a_button() {
    let mut scene = scene();
    for (now, look, theme) in [
        ("Theme: as the system has it", Look::Light, egui::Theme::Light),
        ("Theme: light", Look::Dark, egui::Theme::Dark),
        ("Theme: dark", Look::System, egui::Theme::Dark),
    ] {
        scene.click(now);
        assert_eq!((scene.state().look, scene.harness.ctx.theme()), (look, theme));
    }
}
