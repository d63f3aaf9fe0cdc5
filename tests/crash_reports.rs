//! Journey: threads panic; each leaves a report without what is personal, and the next start offers the newest.

#![allow(clippy::unwrap_used)]

#[path = "window/scene.rs"]
mod scene;

use std::fs;

use diffuscope::config::{DataSource, Preset};
use diffuscope::engine::{Event, Handle};
use diffuscope::reports::{Reports, note_settings, written};
use directories::BaseDirs;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use scene::Scene;

/// One test: what is done on a panic is the same for all threads of a process.
#[test]
fn a_panic_leaves_a_report_that_is_offered_shown_kept_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let crashes = folder.path().join("crashes");
    let reports = Reports::in_folder(crashes.clone());
    std::panic::set_hook(Box::new(|_| {}));
    reports.clone().write_on_panic();

    let home = BaseDirs::new().unwrap().home_dir().to_path_buf();
    let mut settings = Preset::Nano.settings();
    settings.data.source = DataSource::Path(home.join("my diary"));
    note_settings(&settings);
    let told = home.join("my digits.png");
    let named = std::thread::Builder::new().name("painter".into());
    let text = format!("no ink for {}, nor for /mnt/nas/family/x.png", told.display());
    named.spawn(move || panic!("{text}")).unwrap().join().unwrap_err();
    let report = reports.newest().unwrap();
    assert_eq!(written().as_ref(), Some(&report.path));
    let text = &report.text;
    assert!(text.contains("no ink for <path>.png, nor for <path>.png"), "{text}");
    assert!(["my digits", "nas", "family"].iter().all(|word| !text.contains(word)), "{text}");
    assert!(text.contains("thread:   painter") && text.contains("crash_reports.rs:"), "{text}");
    assert!(text.contains(&format!("Diffuscope {}", env!("CARGO_PKG_VERSION"))), "{text}");
    assert!(text.contains("\"batch_size\":") && !text.contains("diary"), "{text}");
    assert!(home.as_os_str().len() < 2 || !text.contains(&home.display().to_string()), "{text}");

    // Whatever panics again and again does not fill the disk.
    for _ in 0..50 {
        let handle = Handle::spawn(|| (), |_, _| panic!("matrix of the wrong shape")).unwrap();
        handle.shutdown(std::time::Duration::from_secs(10));
    }
    assert!(fs::read_dir(&crashes).unwrap().count() <= 10);
    assert!(reports.newest().unwrap().text.contains("matrix of the wrong shape"));

    let mut scene = Scene::new(Harness::builder().with_size(egui::vec2(1440.0, 900.0)));
    scene.harness.state_mut().offer_report(reports.clone());
    scene.harness.run_steps(3);
    scene.click("Show the report");
    scene.harness.get_by_label("text of the report");
    assert!(scene.state().crash.as_ref().unwrap().open);
    scene.key(egui::Key::Escape);
    assert!(!scene.state().crash.as_ref().unwrap().open);
    scene.click("Keep the report");
    assert!(scene.state().crash.is_none() && scene.harness.query_by_label("Show the report").is_none());
    assert_eq!(reports.newest(), None);

    // One that happens now is offered with its failure, and can be deleted with those before it.
    let (what, hint) = ("internal error: a test".to_owned(), "report it".to_owned());
    fs::write(crashes.join("crash-99999999999999999999.txt"), "what: a test").unwrap();
    scene.play([Event::Failed { during: diffuscope::engine::Task::Training, what, hint }]);
    scene.click("Delete the reports");
    assert!(scene.state().crash.is_none());
    assert_eq!(fs::read_dir(&crashes).unwrap().count(), 0);
}
