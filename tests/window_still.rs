//! Nothing jumps as numbers change: buttons, labels and pictures stay where they are, whatever the numbers are.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::collections::BTreeMap;

use diffuscope::app::{Action, Tab};
use diffuscope::config::Preset;
use diffuscope::engine::{Activity, Event};
use diffuscope::train::StepReport;
use diffuscope::window::Window;
use egui::Rect;
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use scene::{Scene, by_timestep, evaluations, held_out, in_the_middle, recording, run_started};

/// A hair that roundings may move an edge by.
const HAIR: f32 = 0.6;

/// Where each node stands, by what egui knows it as: names hold the numbers.
type Places = BTreeMap<String, (Role, String, Rect)>;

fn places(scene: &Scene) -> Places {
    let nodes = scene.harness.query_all_by(|node| {
        // The lines of a text field or label are parts of it.
        let whole = !matches!(node.role(), Role::Window | Role::ScrollView | Role::TextRun);
        whole && node.bounding_box().is_some()
    });
    nodes
        .map(|node| {
            let (rect, node) = (node.rect(), node.accesskit_node());
            // A label says its text as its value.
            let name = node.label().or(node.value()).unwrap_or_default();
            (format!("{:?}", node.id()), (node.role(), name, rect))
        })
        .collect()
}

/// What moved. A label may grow towards the free end of its place, on either side.
fn moved(before: &Places, after: &Places) -> Vec<String> {
    let near = |a: f32, b: f32| (a - b).abs() <= HAIR;
    let mut moved = Vec::new();
    let mut compared = 0;
    for (id, (role, name, was)) in before {
        let Some((_, now_called, is)) = after.get(id) else { continue };
        compared += 1;
        let up_and_down = near(was.top(), is.top()) && near(was.bottom(), is.bottom());
        let (left, right) = (near(was.left(), is.left()), near(was.right(), is.right()));
        let stays = if *role == Role::Label { up_and_down && (left || right) } else { up_and_down && left && right };
        if !stays {
            moved.push(format!("{role:?} {name:?} at {was:?}, then {now_called:?} at {is:?}"));
        }
    }
    assert!(compared > 40, "only {compared} nodes were there before and after");
    moved
}

/// A step of a run that has taken so long, with its loss and what is left.
fn step(step: u64, images: u64, loss: f64, taken: f64, left: f64) -> Event {
    let (epoch, progress) = (images as f64 / 60_000.0, taken / (taken + left));
    Event::Step(StepReport { step, epoch, images, loss, lr: 2e-3, grad_norm: 1.0, seconds: taken, progress })
}

/// The step before it, too: between them so many images a second are seen.
fn steps_at(at: u64, loss: f64, speed: f64, taken: f64, left: f64) -> [Event; 2] {
    let images = (speed * taken) as u64;
    let before = (speed * (taken - 4.0)) as u64;
    [step(at - 1, before, loss, taken - 4.0, left), step(at, images, loss, taken, left)]
}

fn running(size: [f32; 2]) -> Scene {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size(size));
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play((1..=900).map(|i| step(i, i * 64, 0.2, i as f64 * 0.1, 120.0)));
    scene.play(held_out((50..=900).step_by(50)));
    scene.play(by_timestep(900, 12));
    scene.play(evaluations((150..=900).step_by(150)));
    scene.play([scene::grid(900, diffuscope::config::WeightsKind::Ema)]);
    scene.play(recording(1, 64, 100));
    scene.harness.hover_at(egui::pos2(1.0, 1.0));
    scene.harness.run_steps(30);
    scene
}

const SIZES: [[f32; 2]; 4] = [[960.0, 600.0], [1280.0, 800.0], [1440.0, 900.0], [1920.0, 1080.0]];

#[test]
fn nothing_jumps_as_a_run_counts() {
    let mut all = Vec::new();
    for size in SIZES {
        for tab in [Tab::Train, Tab::Charts, Tab::Sample] {
            let mut scene = running(size);
            scene.act(Action::ShowTab(tab));
            scene.harness.hover_at(egui::pos2(1.0, 1.0));
            scene.harness.run_steps(6);
            let before = places(&scene);
            // Steps and images a second get another digit, the time its hours, the losses all their places.
            let counts = [
                (999, 0.0999, 999.0, 99.9, 59.0, 0.0999),
                (1001, 0.1, 1000.0, 110.0, 60.0, 0.1),
                (10_000, 12.5, 9_999.0, 3_589.0, 3_599.0, 12.5),
                (10_002, 12.5, 10_000.0, 3_600.0, 3_600.0, 0.000_123),
                (100_000, 0.0123, 64_000.0, 35_000.0, 35_900.0, 0.0999),
            ];
            for (at, loss, speed, taken, left, held_out) in counts {
                scene.play(steps_at(at, loss, speed, taken, left));
                scene.play([Event::HeldOut { step: at, loss: held_out }]);
                scene.harness.run_steps(4);
                let seen = scene.state().progress.images_per_second.unwrap();
                assert!((seen / speed - 1.0).abs() < 0.02, "{seen} images a second, not {speed}");
                let now = places(&scene);
                let name = |fault| format!("{size:?}, {tab:?}, step {at}: {fault}");
                all.extend(moved(&before, &now).into_iter().map(name));
            }
        }
    }
    assert!(all.is_empty(), "{} jumps:\n{}", all.len(), all.join("\n"));
}

#[test]
fn nothing_jumps_as_the_film_is_scrubbed_or_a_drawing_counts() {
    let mut all = Vec::new();
    for size in SIZES {
        let mut scene = Scene::new(Harness::<Window>::builder().with_size(size));
        in_the_middle(&mut scene);
        scene.act(Action::Seek(99));
        scene.harness.hover_at(egui::pos2(1.0, 1.0));
        scene.harness.run_steps(6);
        assert_eq!(scene.t(), 10);
        let before = places(&scene);
        for place in [100, 91, 90, 1, 0] {
            scene.act(Action::Seek(place));
            let faults = moved(&before, &places(&scene));
            all.extend(faults.into_iter().map(|fault| format!("{size:?}, t = {}: {fault}", scene.t())));
        }
        // What one cannot press becomes what one can: places are compared from the first frame on.
        let mut frames = recording(2, 64, 1000).into_iter();
        scene.play(frames.by_ref().take(2));
        scene.harness.run_steps(2);
        let before = places(&scene);
        for frame in frames.by_ref().take(998) {
            scene.events.send(frame).unwrap();
        }
        scene.harness.run_steps(6);
        assert!(scene.state().sampling.is_some_and(|progress| progress.frames_done >= 990));
        let faults = moved(&before, &places(&scene));
        all.extend(faults.into_iter().map(|fault| format!("{size:?}, drawing: {fault}")));
    }
    assert!(all.is_empty(), "{} jumps:\n{}", all.len(), all.join("\n"));
}
