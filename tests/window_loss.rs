//! Journeys through the loss plot with pointer and wheel: values under the pointer, a closer look, along with the newest
//! step; both kinds of axis; and outliers of every curve on the screen.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::path::PathBuf;

use diffuscope::app::Smoothing;
use diffuscope::config::Preset;
use diffuscope::engine::{Activity, Event, RunRead};
use diffuscope::train::StepReport;
use diffuscope::train::history::History;
use diffuscope::ui::palette::Palette;
use diffuscope::window::Window;
use egui::{Key, Modifiers, Pos2, Rect, TouchPhase, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use scene::{Scene, held_out, painted, run_started, runs, steps};

/// Steps of a run in progress.
const STEPS: u64 = 700;

fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]).with_step_dt(1.0 / 60.0))
}

fn training() -> Scene {
    let mut scene = scene();
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    scene.play(steps(1, STEPS));
    scene.play(held_out((50..=STEPS).step_by(50)));
    scene
}

/// The loss of a step.
fn loss(step: u64, loss: f64) -> Event {
    Event::Step(StepReport {
        step,
        epoch: 0.0,
        images: 64 * step,
        loss,
        lr: 1e-3,
        grad_norm: 1.0,
        seconds: 0.02 * step as f64,
        progress: 0.1,
    })
}

/// Plays more events than wait for the window at a time.
fn play(scene: &mut Scene, events: impl IntoIterator<Item = Event>) {
    let events: Vec<Event> = events.into_iter().collect();
    events.chunks(500).for_each(|some| scene.play(some.to_vec()));
}

fn plot(scene: &Scene) -> Rect {
    scene.harness.get_by_label_contains("Loss plot, ").rect()
}

/// At shares of the width and of the height.
fn place(scene: &Scene, x: f32, y: f32) -> Pos2 {
    let plot = plot(scene);
    plot.min + vec2(x, y) * plot.size()
}

/// The lines under the pointer.
fn words_at(scene: &mut Scene, x: f32) -> Vec<String> {
    // Above the curves, which would draw the pointer to their points.
    let at = place(scene, x, 0.04);
    scene.harness.hover_at(at);
    scene.harness.run_steps(3);
    let node = scene.harness.get_by(|node| {
        node.value().or_else(|| node.label()).is_some_and(|text| text.starts_with("step ") && text.contains("\ntrain "))
            && node.role() == egui::accesskit::Role::Label
    });
    let node = node.accesskit_node();
    node.value().or_else(|| node.label()).unwrap().lines().map(str::to_owned).collect()
}

fn step_at(scene: &mut Scene, x: f32) -> u64 {
    let words = words_at(scene, x);
    words[0].strip_prefix("step ").unwrap().replace(',', "").parse().unwrap()
}

/// The steps near both ends of the plot.
fn range(scene: &mut Scene) -> (u64, u64) {
    (step_at(scene, 0.03), step_at(scene, 0.97))
}

fn wheel(scene: &mut Scene, x: f32, by: f32, modifiers: Modifiers) {
    let at = place(scene, x, 0.5);
    scene.harness.hover_at(at);
    scene.harness.run_steps(1);
    let (unit, source) = (egui::MouseWheelUnit::Point, egui::MouseWheelSource::Wheel);
    let (delta, phase) = (Vec2::new(0.0, by), TouchPhase::Move);
    scene.harness.event_modifiers(egui::Event::MouseWheel { unit, delta, phase, source, modifiers }, modifiers);
    scene.harness.run_steps(30);
}

fn drag(scene: &mut Scene, from: Pos2, to: Pos2) {
    scene.harness.hover_at(from);
    scene.harness.drag_at(from);
    scene.harness.run_steps(1);
    scene.harness.hover_at(from.lerp(to, 0.5));
    scene.harness.hover_at(to);
    scene.harness.run_steps(1);
    scene.harness.drop_at(to);
    scene.harness.run_steps(3);
}

fn double_click(scene: &mut Scene, at: Pos2) {
    // Until no click before counts as the first.
    scene.harness.run_steps(60);
    scene.harness.hover_at(at);
    for _ in 0..2 {
        scene.harness.drag_at(at);
        scene.harness.drop_at(at);
    }
    scene.harness.run_steps(3);
}

#[test]
fn the_pointer_reads_the_values_of_each_curve() {
    let mut scene = training();
    let words = words_at(&mut scene, 0.5);
    let step: u64 = words[0].strip_prefix("step ").unwrap().parse().unwrap();
    assert!(step.abs_diff(STEPS / 2) < 10, "{words:?}");
    let Event::Step(report) = steps(1, STEPS).swap_remove(step as usize - 1) else { panic!("a step") };
    let loss = &scene.state().loss;
    let smooth = loss.train.smoothed(step..=step, 480, loss.smoothing).last().unwrap().1;
    let judged = step / 50 * 50;
    let Some(Event::HeldOut { loss: held_out, .. }) = held_out([judged]).pop() else { panic!("a loss") };
    let expected = [
        format!("step {step}"),
        format!("loss {:.4}", report.loss),
        format!("train {smooth:.4}"),
        format!("held out {held_out:.4} at {judged}"),
    ];
    assert_eq!(words, expected);
}

#[test]
fn ctrl_and_the_wheel_look_closer_and_the_wheel_alone_does_not() {
    let mut scene = training();
    let whole = range(&mut scene);
    assert!(whole.0 < 30 && whole.1 > 670, "{whole:?}");
    wheel(&mut scene, 0.25, 30.0, Modifiers::NONE);
    assert_eq!(range(&mut scene), whole);
    let under = step_at(&mut scene, 0.25);
    wheel(&mut scene, 0.25, 200.0, Modifiers::COMMAND);
    let close = range(&mut scene);
    assert!(close.1 - close.0 < (whole.1 - whole.0) * 3 / 4, "{close:?} of {whole:?}");
    assert!(close.0 > whole.0 && step_at(&mut scene, 0.25).abs_diff(under) <= 4, "around the pointer");
    wheel(&mut scene, 0.25, -80.0, Modifiers::COMMAND);
    let further = range(&mut scene);
    assert!(further.0 < close.0 && further.1 > close.1, "{further:?} after {close:?}");
}

#[test]
fn a_closer_look_is_dragged_along_and_left_by_a_double_click_or_a_key() {
    let mut scene = training();
    let whole = range(&mut scene);
    for by_key in [false, true] {
        wheel(&mut scene, 0.5, 300.0, Modifiers::COMMAND);
        let close = range(&mut scene);
        let (from, to) = (place(&scene, 0.3, 0.5), place(&scene, 0.7, 0.5));
        drag(&mut scene, from, to);
        let earlier = range(&mut scene);
        let (by, width) = (close.0 - earlier.0, close.1 - close.0);
        assert!((earlier.1 - earlier.0).abs_diff(width) <= 3, "as close as before: {earlier:?}, {close:?}");
        let share = by as f64 / width as f64;
        assert!((0.36..0.50).contains(&share), "0.4 of the width to the right: {share}");
        if by_key {
            scene.harness.key_press_modifiers(Modifiers::SHIFT, Key::F6);
            scene.harness.run_steps(3);
        } else {
            let at = place(&scene, 0.4, 0.5);
            double_click(&mut scene, at);
        }
        assert_eq!(range(&mut scene), whole);
    }
}

#[test]
fn a_closer_look_stays_as_losses_come_unless_it_is_of_the_newest() {
    let mut scene = training();
    wheel(&mut scene, 0.25, 300.0, Modifiers::COMMAND);
    let old = range(&mut scene);
    assert!(old.1 < STEPS);
    scene.play(steps(STEPS + 1, STEPS + 200));
    assert_eq!(range(&mut scene), old, "what is looked at stays");

    scene.harness.key_press_modifiers(Modifiers::SHIFT, Key::F6);
    scene.harness.run_steps(3);
    let (_, end) = range(&mut scene);
    assert!(end > STEPS + 150, "the whole run is: {end}");
    wheel(&mut scene, 0.98, 300.0, Modifiers::COMMAND);
    let newest = range(&mut scene);
    assert!(newest.0 > 300 && newest.1 >= STEPS + 190, "{newest:?}");
    scene.play(steps(STEPS + 201, STEPS + 500));
    let after = range(&mut scene);
    assert!(
        (after.0 - newest.0).abs_diff(300) <= 3 && (after.1 - newest.1).abs_diff(300) <= 3,
        "{newest:?}, {after:?}"
    );

    // Another run has none of these steps.
    scene.play([run_started(Preset::Small.settings(), 0)]);
    scene.play(steps(1, 100));
    let (first, last) = range(&mut scene);
    assert!(first < 10 && last > 90, "{first} to {last}");
}

/// How high each marked value stands, by the labels of the axis.
fn marks(scene: &Scene) -> Vec<(f64, f64)> {
    let plot = plot(scene);
    let beside = |text: &painted::Text| {
        text.rect.right() <= plot.left() + 2.0
            && text.rect.right() > plot.left() - 60.0
            && plot.y_range().contains(text.rect.center().y)
    };
    let labels = painted::texts(&scene.harness).into_iter().filter(beside);
    labels.filter_map(|label| Some((label.text.parse().ok()?, f64::from(label.rect.center().y)))).collect()
}

/// The largest distance in points between the marks and a straight line from the first to the last.
fn bend(marks: &[(f64, f64)]) -> f64 {
    let mut marks = marks.to_vec();
    marks.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ((from, low), (to, high)) = (marks[0], marks[marks.len() - 1]);
    let line = |value: f64| low + (high - low) * (value - from) / (to - from);
    marks.iter().map(|(value, y)| (y - line(*value)).abs()).fold(0.0, f64::max)
}

#[test]
fn losses_stand_at_their_marks_on_both_axes() {
    let mut scene = scene();
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    let plateau = |step: u64| [0.8, 0.3, 0.12][(step as usize - 1) / 300];
    play(&mut scene, (1..=900).map(|step| loss(step, plateau(step))));
    scene.act(diffuscope::app::Action::LossSmoothing(Smoothing::over(1.0)));
    let accent = Palette::of_theme(scene.harness.ctx.theme()).accent;
    for linear in [false, true] {
        if linear {
            scene.click("Loss axis: lin");
            scene.harness.run_steps(10);
        }
        let marks = marks(&scene);
        let logarithms: Vec<_> = marks.iter().filter(|mark| mark.0 > 0.0).map(|(value, y)| (value.ln(), *y)).collect();
        assert!(marks.len() >= 3, "{marks:?}");
        let (straight, bent) = if linear { (&marks, &logarithms) } else { (&logarithms, &marks) };
        assert!(bend(straight) < 1.5 && bend(bent) > 8.0, "linear: {linear}, {marks:?}");

        // The thick line, at the middle of each plateau, stands where the marks say.
        let lines = painted::lines(&scene.harness);
        let thick = lines.iter().find(|line| line.width == 2.0 && line.color == accent && line.points.len() > 100);
        let thick = &thick.expect("the smoothed loss").points;
        let (left, right) = (thick[0].x, thick[thick.len() - 1].x);
        let ((from, low), (to, high)) = (straight[0], straight[straight.len() - 1]);
        for (share, value) in [(1.0 / 6.0, 0.8f64), (0.5, 0.3), (5.0 / 6.0, 0.12)] {
            let at = left + share * (right - left);
            let seen = thick.iter().min_by(|a, b| (a.x - at).abs().total_cmp(&(b.x - at).abs())).unwrap().y;
            let place = if linear { value } else { value.ln() };
            let expected = low + (high - low) * (place - from) / (to - from);
            assert!((f64::from(seen) - expected).abs() < 1.5, "linear: {linear}, {value}: {seen}, not {expected}");
        }
    }
}

#[test]
fn a_spike_that_comes_while_one_looks_closely_is_in_the_plot() {
    let mut scene = training();
    wheel(&mut scene, 0.98, 300.0, Modifiers::COMMAND);
    scene.play([loss(STEPS + 1, 60.0)]);
    scene.play(steps(STEPS + 2, STEPS + 20));
    scene.harness.run_steps(3);
    let accent = Palette::of_theme(scene.harness.ctx.theme()).accent.gamma_multiply(0.45);
    let lines = painted::lines(&scene.harness);
    let every = lines.iter().find(|line| line.width == 1.0 && line.color == accent).expect("each step");
    let highest = every.points.iter().map(|point| point.y).fold(f32::MAX, f32::min);
    let plot = plot(&scene);
    assert!((plot.top()..plot.top() + 0.3 * plot.height()).contains(&highest), "{highest} in {plot}");
    assert!(marks(&scene).iter().any(|(value, _)| *value >= 10.0), "its height can be read");
}

/// Columns of the plot's middle that something upright goes through.
fn upright(scene: &mut Scene) -> Vec<u32> {
    scene.harness.hover_at(egui::pos2(1.0, 1.0));
    scene.harness.run_steps(10);
    let (plot, screen) = (plot(scene), scene.harness.render().unwrap());
    let rows = (plot.top() + 0.3 * plot.height()) as u32..(plot.top() + 0.7 * plot.height()) as u32;
    // There nothing is but marks of the axis.
    let empty = plot.right() as u32 - 3;
    let ink = |x: u32, y: u32| {
        let (a, b) = (screen.get_pixel(x, y).0, screen.get_pixel(empty, y).0);
        a.iter().zip(b).any(|(a, b)| a.abs_diff(b) > 20)
    };
    (plot.left() as u32 + 1..empty).filter(|x| rows.clone().all(|y| ink(*x, y))).collect()
}

#[test]
fn one_spike_of_a_long_run_is_on_the_screen_whichever_curve_it_is_of() {
    const LONG: u64 = 5_000;
    let spiked = |step: u64| if step == 2_500 { 0.8 } else { 0.1 };
    for (of, theme) in [("train", egui::Theme::Dark), ("held out", egui::Theme::Light), ("beside", egui::Theme::Dark)] {
        let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]).with_theme(theme).wgpu());
        let settings = Preset::Small.settings();
        scene.play([run_started(settings.clone(), 0), Event::Activity(Activity::Training)]);
        play(&mut scene, (1..=LONG).map(|step| loss(step, if of == "train" { spiked(step) } else { 0.1 })));
        scene.act(diffuscope::app::Action::LinearLoss(true));
        match of {
            "held out" => play(&mut scene, (1..=LONG).map(|step| Event::HeldOut { step, loss: spiked(step) })),
            "beside" => {
                let name = "2026-11-23_090807-nano";
                scene.click("Runs tab");
                scene.play([runs()]);
                scene.click(&format!("Compare {name}"));
                let train = (1..=LONG).map(|step| (step, spiked(step))).collect();
                let history = History { train, ..History::default() };
                let run = PathBuf::from("/data/ada/runs").join(name);
                let settings = Box::new(settings);
                scene.play([Event::RunRead(Box::new(RunRead { run, settings, history, grid: None }))]);
            }
            _ => {}
        }
        let (columns, plot) = (upright(&mut scene), plot(&scene));
        assert!((1..=8).contains(&columns.len()), "{of}: {} columns", columns.len());
        let highest = marks(&scene).iter().map(|(value, _)| *value).fold(0.0, f64::max);
        assert!((0.6..=0.8).contains(&highest), "{of}: as high as {highest}, and not the mean of those around it");
        let middle = columns[0] as f32 - plot.left();
        assert!((middle / plot.width() - 0.5).abs() < 0.05, "{of}: at {middle} of {}", plot.width());
    }
}

#[test]
fn without_a_spike_nothing_stands_upright() {
    let mut scene = Scene::new(Harness::<Window>::builder().with_size([1440.0, 900.0]).wgpu());
    scene.play([run_started(Preset::Small.settings(), 0), Event::Activity(Activity::Training)]);
    play(&mut scene, (1..=5_000).map(|step| loss(step, 0.1)));
    scene.act(diffuscope::app::Action::LinearLoss(true));
    assert_eq!(upright(&mut scene), [0; 0]);
}

#[test]
fn looked_at_very_closely_the_losses_are_still_told_apart() {
    let mut scene = training();
    let mut spans = Vec::new();
    for _ in 0..3 {
        let (from, to) = (place(&scene, 0.4, 0.45), place(&scene, 0.6, 0.55));
        scene.harness.hover_at(from);
        box_drag(&mut scene, from, to);
        let marks = marks(&scene);
        let mut values: Vec<f64> = marks.iter().map(|mark| mark.0).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        assert!(values.len() >= 2 && values.len() == marks.len(), "{marks:?}");
        spans.push(values[values.len() - 1] - values[0]);
    }
    assert!(spans[2] < 0.02 * spans[0], "it was a closer look each time: {spans:?}");
}

/// A box drawn with the right button.
fn box_drag(scene: &mut Scene, from: Pos2, to: Pos2) {
    let button = |pos, pressed| egui::Event::PointerButton {
        pos,
        button: egui::PointerButton::Secondary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    scene.harness.hover_at(from);
    scene.harness.event(button(from, true));
    scene.harness.run_steps(1);
    scene.harness.hover_at(from.lerp(to, 0.5));
    scene.harness.run_steps(1);
    scene.harness.hover_at(to);
    scene.harness.run_steps(1);
    scene.harness.event(button(to, false));
    scene.harness.run_steps(6);
}
