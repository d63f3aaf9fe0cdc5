//! The states that the window can be in, one after the other.
#![allow(dead_code, clippy::unwrap_used, reason = "test code; each test binary uses its part")]

use diffuscope::app::{Action, OriginAction, Tab};
use diffuscope::config::Preset;
use diffuscope::engine::{DrawnFor, Event, Task};
use diffuscope::pictures::Pictures;
use diffuscope::reports::Reports;
use diffuscope::sampling::origin::{OriginImage, OriginSource};
use egui::Key;
use egui_kittest::kittest::Queryable;

use crate::scene::{
    Scene, digits, drawn_for, found, in_the_middle, model_shipped, not_kept, recording, run_read, runs,
};

/// Calls `look` with the name of each state, and whether nothing lies over it.
pub fn through_all_states(scene: &mut Scene, look: &mut dyn FnMut(&mut Scene, &str, bool)) {
    let pause = |scene: &mut Scene| {
        scene.harness.hover_at(egui::pos2(1.0, 1.0));
        scene.harness.run_steps(4);
    };
    let mut next = |scene: &mut Scene, name: &str, flat: bool| {
        pause(scene);
        look(scene, name, flat);
    };
    next(scene, "first start", true);
    in_the_middle(scene);
    next(scene, "training", true);
    let (_, picture) = scene.state().followed_digit().unwrap();
    scene.play([found(picture, 0.55)]);
    scene.act(Action::LookForCopies);
    next(scene, "copies", true);
    scene.play(recording(2, 64, 20).into_iter().take(9));
    next(scene, "drawing", true);
    scene.play(recording(2, 64, 20).into_iter().skip(9));
    scene.act(Action::Loupe(true));
    next(scene, "loupe", true);
    scene.act(Action::Loupe(false));
    for (tab, name) in [(Tab::Charts, "charts"), (Tab::Sample, "sample")] {
        scene.act(Action::ShowTab(tab));
        next(scene, name, true);
    }
    scene.act(Action::Origin(OriginAction::Toggle));
    let pixels = digits(10).0.get(7).to_vec();
    let image = OriginImage { picture: Pictures { width: 28, height: 28, pixels }, class: None, bright: true };
    let source = OriginSource::File("/data/ada/pictures/scanned/seven.png".into());
    scene.play([Event::OriginFound { source, image, of: None }]);
    scene.play(recording(3, 64, 20));
    next(scene, "forward and back", true);
    scene.act(Action::ToggleSave);
    next(scene, "save", false);
    scene.act(Action::ToggleSave);
    scene.act(Action::ShowTab(Tab::Runs));
    scene.play([runs()]);
    next(scene, "runs", true);
    for (name, batch) in [("2026-11-24_153012-small", 64), ("2026-11-23_090807-nano", 32)] {
        scene.act(Action::Compare(format!("/data/ada/runs/{name}").into()));
        scene.play([run_read(name, batch)]);
    }
    next(scene, "compare", true);
    scene.act(Action::ShowTab(Tab::Data));
    scene.answer_about_data();
    next(scene, "data", true);
    scene.hold_over(&["/data/ada/train-images-idx3-ubyte.gz", "/data/ada/seven.png", "/data/ada/notes.txt"]);
    next(scene, "held over", false);
    scene.hold_over(&[]);
    scene.act(Action::Palette(true));
    next(scene, "all actions", false);
    scene.act(Action::Palette(false));
    let what = "cannot write /data/ada/runs/2026-11-24_153012-small/checkpoint.safetensors: no space left".into();
    let hint = "make room on the disk, then press Continue: nothing is lost".into();
    scene.play([Event::Failed { during: Task::KeepingRun, what, hint }]);
    scene.act(Action::ShowTab(Tab::Train));
    next(scene, "failure", false);
    scene.play([Event::Saved { what: "film", path: "/data/ada/pictures/2026-11-24_153012-film.gif".into() }]);
    next(scene, "done", false);
    scene.press_close();
    scene.play([not_kept()]);
    next(scene, "closing", false);
}

/// Calls `look` with the name of each of some more states, which lie over others or are seen once in a while.
pub fn through_further_states(scene: &mut Scene, look: &mut dyn FnMut(&mut Scene, &str)) {
    let mut next = |scene: &mut Scene, name: &str| {
        scene.harness.hover_at(egui::pos2(1.0, 1.0));
        scene.harness.run_steps(4);
        look(scene, name);
    };
    scene.play([model_shipped(Preset::Nano.settings())]);
    scene.play(drawn_for(DrawnFor::FirstLook, recording(7, 64, 20)));
    next(scene, "first start with the model that ships");
    for menu in ["Data: ", "Preset: ", "Play speed: "] {
        let button = scene.harness.query_all_by_label_contains(menu).next().unwrap().rect().center();
        press_at(scene, button);
        next(scene, &format!("menu of {menu}"));
        scene.key(Key::Escape);
    }
    let folder = tempfile::tempdir().unwrap();
    let reports = Reports::in_folder(folder.path().into());
    std::fs::write(folder.path().join("crash-1795534212.txt"), "Diffuscope 0.1.0\nno ink").unwrap();
    scene.harness.state_mut().offer_report(reports);
    next(scene, "a report is offered");
    if scene.state().crash.is_some() {
        scene.act(Action::ShowReport(true));
        next(scene, "a report is read");
        scene.act(Action::KeepReport);
    }
    scene.harness.event(egui::Event::Text("?".into()));
    next(scene, "the list under a question mark");
    scene.key(Key::Escape);
    in_the_middle(scene);
    scene.key(Key::ArrowDown);
    next(scene, "films looked back on");
    scene.key(Key::X);
    next(scene, "films along the training");
    scene.key(Key::X);
    scene.act(Action::ShowTab(Tab::Runs));
    scene.play([runs()]);
    scene.key(Key::F2);
    next(scene, "a run is named");
    scene.key(Key::Escape);
    scene.act(Action::ToggleLeft);
    scene.act(Action::ToggleRight);
    next(scene, "both sides folded");
    scene.act(Action::ToggleLeft);
    scene.act(Action::ToggleRight);
    let mut settings = scene.state().settings.clone();
    settings.diffusion.timesteps = 0;
    settings.training.batch_size = 0;
    settings.training.optimizer = diffuscope::config::OptimizerKind::Muon;
    settings.sampling.sampler = diffuscope::config::SamplerKind::Ddim;
    settings.sampling.count = 0;
    scene.act(Action::Settings(Box::new(settings)));
    scene.act(Action::ShowTab(Tab::Sample));
    scene.click("Advanced");
    scene.harness.run_steps(20);
    next(scene, "settings that cannot work");
}

/// Presses and lets go where a name alone does not lead.
pub fn press_at(scene: &mut Scene, at: egui::Pos2) {
    scene.harness.hover_at(at);
    scene.harness.drag_at(at);
    scene.harness.drop_at(at);
    scene.harness.run_steps(4);
}
