//! What a screen reader says of each control and picture: something, and something else of each.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;
#[path = "window/states.rs"]
mod states;

use std::collections::BTreeMap;

use diffuscope::window::Window;
use egui::accesskit::{Action, Role};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use scene::Scene;
use states::{through_all_states, through_further_states};

/// Two controls of one kind and name, and why nobody mistakes one for the other.
const ALIKE: [(&str, &str); 5] = [
    ("Continue", "in the bar at the top and in the message that the disk was full: both go on with the run"),
    ("Resume run", "in the bar at the top and in the message of what failed: both resume the last run"),
    ("Stop reading", "wherever images are read: all end the one reading that goes on"),
    ("Dismiss", "beside each message: the message is its description, which is read after the name"),
    ("Compare", "in the Train and the Sample tab: the one digit that is followed"),
];

/// What has no name of its own to say.
fn silent(role: Role) -> bool {
    // A label says its text: an empty one says nothing and is not reached by keys. A window is its contents, and a scroll bar
    // goes along with them: egui scrolls to whatever gets the keys.
    matches!(role, Role::Label | Role::Window | Role::ScrollView | Role::ScrollBar)
}

fn faults(scene: &Scene) -> Vec<String> {
    let mut faults = Vec::new();
    let mut names: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut seen = 0;
    for node in scene.harness.query_all_by(|node| node.bounding_box().is_some()) {
        let (rect, node) = (node.rect(), node.accesskit_node());
        let (role, name) = (node.role(), node.label().unwrap_or_default());
        let pressed = node.data().supports_action(Action::Click);
        let reached = node.data().supports_action(Action::Focus);
        if !(pressed || reached || role == Role::Image) || silent(role) {
            continue;
        }
        seen += 1;
        if name == "Dismiss" && node.data().description().is_none_or(str::is_empty) {
            faults.push(format!("{name} at {rect:?} does not say of what"));
        }
        if name.trim().is_empty() {
            faults.push(format!("{role:?} at {rect:?} has no name"));
        } else if !node.is_disabled() && role != Role::Image {
            *names.entry((format!("{role:?}"), name)).or_default() += 1;
        }
    }
    assert!(seen > 20, "only {seen} controls are seen");
    for ((role, name), count) in names {
        if count > 1 && !ALIKE.iter().any(|(alike, _)| name == *alike) {
            faults.push(format!("{count} of {role} are called {name:?}"));
        }
    }
    faults
}

#[test]
fn every_control_and_picture_has_a_name_of_its_own() {
    let mut all = Vec::new();
    for size in [[1440.0, 900.0], [960.0, 600.0]] {
        let mut note = |scene: &mut Scene, name: &str| {
            all.extend(faults(scene).into_iter().map(|fault| format!("{size:?}, {name}: {fault}")));
        };
        let scene = || Scene::new(Harness::<Window>::builder().with_size(size));
        through_all_states(&mut scene(), &mut |scene, name, _| note(scene, name));
        through_further_states(&mut scene(), &mut note);
    }
    assert!(all.is_empty(), "{} faults:\n{}", all.len(), all.join("\n"));
}
