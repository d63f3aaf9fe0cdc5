//! Journey: the window panics as it is drawn, in the middle of a run. The program ends, a report is left, and the run is
//! kept: it opens, and goes on.

#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::Device;
use diffuscope::app::{Action, Folders};
use diffuscope::config::{Budget, Preset, Settings, Subset};
use diffuscope::data;
use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Handle, work};
use diffuscope::reports::Reports;
use diffuscope::train::folder::newest_checkpoint;
use diffuscope::train::{Control, Outcome, Run};
use diffuscope::trained::TrainedModel;
use diffuscope::window::Window;
use eframe::{App, Frame};
use egui::{Context, Ui, vec2};
use egui_kittest::{Harness, HarnessBuilder};

/// Longer than any of it takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Steps after which the window panics: none is at a checkpoint.
const PANICS_AT: u64 = 7;

/// The window, and a panel of it that breaks.
struct Broken {
    window: Window,
    /// The newest step that was shown.
    shown: u64,
}

impl App for Broken {
    fn logic(&mut self, ctx: &Context, frame: &mut Frame) {
        self.window.logic(ctx, frame);
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut Frame) {
        self.window.ui(ui, frame);
        self.shown = self.window.state().unwrap().progress.step;
        ui.label("a panel that breaks");
        assert!(self.shown < PANICS_AT, "no such digit");
    }
}

fn settings() -> Settings {
    let mut settings = Preset::Nano.settings();
    (settings.data.subset, settings.data.held_out) = (Subset::First(64), 16);
    (settings.training.batch_size, settings.training.checkpoint_every) = (8, 1_000);
    settings.training.budget = Budget::Steps(1_000_000);
    settings
}

/// Draws until it panics, as eframe would, which lets the window go on its way out.
fn draw_until_it_panics(folder: &Path) -> Duration {
    let handle = Handle::spawn(|| (), |commands, out| work(DeviceChoice::Cpu)(commands, out)).unwrap();
    let folders = Folders { runs: folder.join("runs"), pictures: folder.join("pictures") };
    let builder: HarnessBuilder<Broken> = Harness::builder().with_size(vec2(1440.0, 900.0));
    let mut harness = builder.build_eframe(|cc| Broken { window: Window::new(cc, handle, folders), shown: 0 });
    harness.state_mut().window.apply(Action::Settings(Box::new(settings())));
    harness.state_mut().window.apply(Action::Train);
    let begun = Instant::now();
    let mut last_frame = begun;
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let mut harness = harness;
        loop {
            assert!(begun.elapsed() < PATIENCE, "it does not come to that");
            last_frame = Instant::now();
            harness.run_steps(1);
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }));
    assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"no such digit"));
    last_frame.elapsed()
}

#[test]
fn the_run_is_kept_and_a_report_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let reports = Reports::in_folder(folder.path().join("crashes"));
    std::panic::set_hook(Box::new(|_| {}));
    reports.clone().write_on_panic();

    let took = draw_until_it_panics(folder.path());
    drop(std::panic::take_hook());
    println!("ended {took:?} after the frame began");
    assert!(took < Duration::from_secs(4), "{took:?}");

    let report = reports.newest().unwrap().text;
    assert!(report.contains("no such digit") && report.contains("panic_while_drawn.rs:"), "{report}");
    assert!(report.contains("\"batch_size\":8"), "{report}");

    let runs: Vec<_> = std::fs::read_dir(folder.path().join("runs")).unwrap().map(|run| run.unwrap().path()).collect();
    let [run] = &runs[..] else { panic!("{runs:?}") };
    let (checkpoint, _, damaged) = newest_checkpoint(run).unwrap();
    assert!(damaged.is_none() && checkpoint.step >= PANICS_AT, "step {}", checkpoint.step);
    let (model, notice) = TrainedModel::open(run, &Device::Cpu).unwrap();
    assert_eq!((model.step, notice), (checkpoint.step, None));

    // Nothing holds the folder any more, and three steps more are done.
    let more = |recorded: &Settings| {
        let mut settings = recorded.clone();
        settings.training.budget = Budget::Steps(checkpoint.step + 3);
        Ok(settings)
    };
    let load = |settings: &Settings| data::load(&settings.data.source);
    let (mut resumed, notice) = Run::resume(run, more, load, &Device::Cpu).unwrap();
    assert_eq!((resumed.trainer.step_count(), notice), (checkpoint.step, None));
    assert_eq!(resumed.train(&mut |_, _| Ok(Control::Continue)).unwrap(), Outcome::Completed);
    assert_eq!(resumed.trainer.step_count(), checkpoint.step + 3);
}
