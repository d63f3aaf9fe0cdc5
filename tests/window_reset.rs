//! Every row and choice goes back to what it was at first: by a right-click, and by Delete.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use diffuscope::app::{Action, FilmAxis, HeatColors, LossAxis, ScheduleCurve, Tab, changes};
use diffuscope::config::{
    Architecture, Budget, ClassChoice, CompactConfig, Digits, OptimizerKind, Prediction, Preset, SamplerKind,
    ScheduleKind, Settings, Subset, Thresholding, TimestepSampling, WeightsKind,
};
use diffuscope::window::Window;
use egui::Key;
use egui::accesskit::{Action as Asked, Role};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use scene::{Scene, in_the_middle};

/// Width of the name of a row.
const NAME: f32 = 88.0;

/// Room for all rows at once.
fn scene() -> Scene {
    Scene::new(Harness::<Window>::builder().with_size([1600.0, 2600.0]))
}

/// Settings of which every one that has a row is another than the preset's, and every row is there.
fn all_changed() -> Settings {
    let mut s = Preset::Small.settings();
    s.data.subset = Subset::First(777);
    s.data.digits = Digits::ALL.toggled(4);
    s.data.held_out = 333;
    s.data.image_size = 32;
    let d = &mut s.diffusion;
    (d.timesteps, d.schedule, d.beta_start, d.beta_end) = (500, ScheduleKind::Linear, 2e-4, 0.03);
    d.prediction = if d.prediction == Prediction::V { Prediction::Eps } else { Prediction::V };
    s.network.architecture = Architecture::Compact(CompactConfig { channels: 48 });
    let t = &mut s.training;
    (t.budget, t.batch_size, t.learning_rate, t.seed) = (Budget::Minutes(7.0), 96, 3e-3, 77);
    t.timestep_sampling = TimestepSampling::LogitNormal;
    (t.logit_normal.mean, t.logit_normal.deviation, t.logit_normal.uniform_share) = (0.7, 0.6, 0.35);
    t.optimizer = if t.optimizer == OptimizerKind::Muon { OptimizerKind::AdamW } else { OptimizerKind::Muon };
    (t.muon_learning_rate, t.muon_momentum) = (0.033, 0.77);
    (t.beta1, t.beta2, t.weight_decay, t.decay_fraction) = (0.77, 0.93, 0.033, 0.66);
    (t.clip_norm, t.ema_decay, t.class_dropout) = (7.0, 0.77, 0.33);
    (t.warmup_steps, t.checkpoint_every, t.preview_seconds, t.film_megabytes) = (77, 777, 7.0, 80);
    let p = &mut s.sampling;
    (p.sampler, p.steps, p.eta, p.weights) = (SamplerKind::Ddim, 77, 0.77, WeightsKind::Raw);
    (p.classes, p.guidance, p.count, p.seed) = (ClassChoice::Only(3), 2.2, 33, 33);
    (p.thresholding, p.guidance_interval) = (Thresholding::Dynamic, Some([0.5, 5.0]));
    s
}

/// The same, with another value of a row that has to be as it is there for others to be seen.
fn changed_for(row: &str) -> Settings {
    let mut s = all_changed();
    match row {
        "Digit class" => s.network.classes = false,
        "Draw t" => s.training.timestep_sampling = TimestepSampling::Uniform,
        "Sampler" => s.sampling.sampler = SamplerKind::Ddpm,
        _ => {}
    }
    s
}

/// Has these settings shown.
fn with(scene: &mut Scene, settings: &Settings) {
    scene.act(Action::Settings(Box::new(settings.clone())));
}

/// The names of the rows that are there, by what takes a right-click.
fn rows(scene: &Scene) -> Vec<String> {
    let rows = scene.harness.query_all_by(|node| {
        node.role() == Role::Label && node.data().supports_action(Asked::Click) && node.value().is_some()
    });
    // Other labels, whose text can be marked, are as wide as that.
    let rows = rows.filter(|node| (node.rect().width() - NAME).abs() < 0.1);
    rows.map(|node| node.accesskit_node().value().unwrap()).collect()
}

fn labels<'a>(scene: &'a Scene, row: &'a str) -> Vec<egui_kittest::Node<'a>> {
    let named = move |node: &egui_kittest::kittest::AccessKitNode<'_>| {
        node.role() == Role::Label && node.value().is_some_and(|value| value == row)
    };
    scene.harness.query_all_by(named).filter(|node| (node.rect().width() - NAME).abs() < 0.1).collect()
}

/// Gives the keys to the first control of a row, as Tab would.
fn focus_row(scene: &Scene, row: &str, nth: usize) {
    let line = labels(scene, row)[nth].rect();
    let controls = [Role::Slider, Role::RadioButton, Role::ComboBox, Role::CheckBox, Role::Button];
    let mut in_row = scene.harness.query_all_by(|node| controls.contains(&node.role())).filter(|node| {
        let center = node.rect().center();
        line.y_range().contains(center.y) && center.x > line.right() && center.x < line.right() + 330.0
    });
    in_row.next().unwrap_or_else(|| panic!("{row} has nothing that takes the keys")).focus();
}

#[test]
fn every_row_goes_back_by_a_right_click_and_by_delete() {
    let preset = Preset::Small.settings();
    let changed = all_changed();
    let mut scene = scene();
    scene.act(Action::ShowTab(Tab::Sample));
    with(&mut scene, &changed);
    for folded in ["Advanced", "More"] {
        if scene.harness.query_by_label(if folded == "More" { "Threshold x̂₀" } else { "Adam β₂" }).is_none() {
            scene.click(folded);
            scene.harness.run_steps(20);
        }
    }
    let rows = rows(&scene);
    assert!(rows.len() >= 38, "{} rows: {rows:?}", rows.len());
    let differ = |settings: &Settings| changes(&preset, settings).len();
    let mut left: Vec<String> = Vec::new();
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for row in &rows {
        // Two rows are called Seed: of the training, and of the drawing.
        let nth = *seen.entry(row.clone()).and_modify(|nth| *nth += 1).or_insert(0);
        for by_key in [false, true] {
            let changed = changed_for(row);
            with(&mut scene, &changed);
            // A tip would lie over the rows below.
            scene.harness.hover_at(egui::pos2(1.0, 1.0));
            scene.harness.run_steps(4);
            let before = scene.state().settings.clone();
            assert!(labels(&scene, row).len() > nth, "{row} is gone: {:?}", labels(&scene, row).len());
            if by_key {
                focus_row(&scene, row, nth);
                scene.harness.run_steps(2);
                scene.key(Key::Delete);
            } else {
                labels(&scene, row)[nth].click_secondary();
                scene.harness.run_steps(3);
            }
            let after = &scene.state().settings;
            let how = if by_key { "Delete" } else { "a right-click" };
            // Some settings are told of in two words; the ends of an interval that the preset has not go to its usual ones.
            let told_in = differ(&before) as isize - differ(after) as isize;
            let back = told_in == 1
                || (told_in == 2 && ["Digit", "Subset", "Images"].contains(&row.as_str()))
                || (told_in == 0 && row.starts_with('σ'));
            if *after == before || !(back || row == "Guided at") {
                left.push(format!("{row} by {how}: {:?} of {:?}", changes(&before, after), differ(&before)));
            }
        }
    }
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn choices_outside_of_rows_go_back_too() {
    let mut scene = scene();
    in_the_middle(&mut scene);
    type Is = fn(&Scene) -> bool;
    let choices: [(&str, Action, Is); 8] = [
        ("Curve: SNR", Action::Schedule(diffuscope::app::ScheduleAction::Curve(ScheduleCurve::Snr)), |scene| {
            scene.state().schedule_look.curve == ScheduleCurve::AlphaBar
        }),
        ("Loss axis: lin", Action::LinearLoss(true), |scene| !scene.state().loss.linear),
        ("Loss against: time", Action::LossAxis(LossAxis::Time), |scene| scene.state().loss.axis == LossAxis::Steps),
        ("Smoothing of the loss", Action::LossSmoothing(diffuscope::app::Smoothing::over(7.0)), |scene| {
            scene.state().loss.smoothing.steps() == 50.0
        }),
        ("Colours: magma", Action::HeatColors(HeatColors::Magma), |scene| {
            scene.state().heat_colors == HeatColors::Viridis
        }),
        ("Play speed: 4×", Action::Speed(4.0), |scene| scene.state().player.speed == 1.0),
        ("Film along: Training step", Action::FilmAxis(FilmAxis::Training), |scene| {
            scene.state().player.axis == FilmAxis::Denoising
        }),
        ("Grid weights: Raw", Action::GridWeights(WeightsKind::Raw), |scene| {
            scene.state().grid_weights() == WeightsKind::Ema
        }),
    ];
    for (name, change, back) in choices {
        for by_key in [false, true] {
            scene.act(change.clone());
            assert!(!back(&scene), "{name}");
            if by_key {
                scene.harness.get_by_label(name).focus();
                scene.harness.run_steps(2);
                scene.key(Key::Delete);
            } else {
                scene.harness.get_by_label(name).click_secondary();
                scene.harness.run_steps(3);
            }
            assert!(back(&scene), "{name} by {}", if by_key { "Delete" } else { "a right-click" });
        }
    }
}

#[test]
fn how_long_is_trained_goes_back_to_the_preset_in_kind_and_number() {
    let mut scene = scene();
    let preset = Preset::Small.settings().training.budget;
    for by_key in [false, true] {
        scene.click("Train for: Epochs");
        scene.set("Epochs", "9");
        assert_eq!(scene.state().settings.training.budget, Budget::Epochs(9));
        if by_key {
            scene.harness.get_by_label("Train for: Epochs").focus();
            scene.harness.run_steps(2);
            scene.key(Key::Delete);
        } else {
            scene.harness.get_by_label("Train for: Steps").click_secondary();
            scene.harness.run_steps(3);
        }
        assert_eq!(scene.state().settings.training.budget, preset);
    }
}
