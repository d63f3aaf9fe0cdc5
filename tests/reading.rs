//! Journey: a large folder of images is read for a run, to be looked at, and without a window. How far it is is told, and
//! it can be ended at any moment; nothing half-read stays.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use diffuscope::config::{DataSource, Preset, Settings, Subset};
use diffuscope::data::reading::{Part, Reading};
use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Activity, Command, Event, Handle, Task, work};
use diffuscope::pictures::{Pictures, png};
use diffuscope::sampling::origin::OriginPick;

#[path = "support/program.rs"]
mod program;

/// Longer than any of it takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// One picture by `count` names: it is read as often.
fn images(folder: &Path, side: usize, count: usize) -> PathBuf {
    let images = folder.join("images");
    fs::create_dir(&images).unwrap();
    let pixels = (0..side * side).map(|pixel| (pixel % 251) as u8).collect();
    let first = images.join("000000.png");
    fs::write(&first, png(&Pictures { width: side, height: side, pixels }, None).unwrap()).unwrap();
    (1..count).for_each(|i| fs::hard_link(&first, images.join(format!("{i:06}.png"))).unwrap());
    images
}

fn settings(images: &Path) -> Settings {
    let mut settings = Preset::Nano.settings();
    settings.data.source = DataSource::Path(images.into());
    settings.network.classes = false;
    settings
}

fn engine() -> Handle {
    Handle::spawn(|| (), work(DeviceChoice::Cpu)).unwrap()
}

/// All that is told until `wanted` accepts something.
fn until(engine: &Handle, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
    let (begun, mut told) = (Instant::now(), Vec::new());
    loop {
        while let Some(event) = engine.poll() {
            told.push(event);
            if told.last().is_some_and(&wanted) {
                return told;
            }
        }
        assert!(begun.elapsed() < PATIENCE, "it does not come to that: {told:?}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn reads(during: Task) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::ReadingImages { during: task, .. } if *task == during)
}

fn is_idle(event: &Event) -> bool {
    matches!(event, Event::Activity(Activity::Idle))
}

#[test]
fn a_run_can_be_stopped_while_its_images_are_read_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let images = images(folder.path(), 64, 20_000);
    let out = folder.path().join("run");
    let engine = engine();
    let train = || Command::Train { settings: Box::new(settings(&images)), out: out.clone() };
    engine.send(train()).unwrap();
    let told = until(&engine, reads(Task::StartingRun));
    let Some(Event::ReadingImages { reading, .. }) = told.last() else { panic!("{told:?}") };
    assert_eq!((reading.part, reading.total), (Part::Sizes, 20_000));
    // What comes before the stop waits, and is carried out after it.
    engine.send(Command::ListRuns { folder: folder.path().join("runs") }).unwrap();
    engine.send(Command::Stop).unwrap();
    let told = until(&engine, is_idle);
    let begun = told.iter().any(|event| matches!(event, Event::RunStarted(_) | Event::Failed { .. }));
    assert!(!begun && told.iter().any(|event| matches!(event, Event::Notice(_))), "{told:?}");
    until(&engine, |event| matches!(event, Event::Runs { runs, .. } if runs.is_empty()));
    assert!(!out.exists());

    // Let be, it begins, and told both of the sizes and of the pictures.
    engine.send(train()).unwrap();
    let told = until(&engine, |event| matches!(event, Event::RunStarted(_)));
    let parts: Vec<Part> = (told.iter())
        .filter_map(|event| match event {
            Event::ReadingImages { reading, .. } => Some(reading.part),
            _ => None,
        })
        .collect();
    assert!(parts.contains(&Part::Sizes) && parts.contains(&Part::Pictures), "{parts:?}");
    engine.send(Command::Stop).unwrap();
    until(&engine, is_idle);

    // So does one that is resumed; a window that closes does not wait for the images.
    engine.send(Command::ResumeRun { run: out.clone() }).unwrap();
    until(&engine, reads(Task::ResumingRun));
    engine.send(Command::Stop).unwrap();
    let told = until(&engine, is_idle);
    assert!(!told.iter().any(|event| matches!(event, Event::RunStarted(_) | Event::Failed { .. })), "{told:?}");
    engine.send(Command::ResumeRun { run: out }).unwrap();
    until(&engine, reads(Task::ResumingRun));
    assert!(engine.shutdown(Duration::from_secs(2)), "the engine did not end");
}

#[test]
fn a_look_at_images_can_be_stopped_and_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let images = images(folder.path(), 64, 20_000);
    let engine = engine();
    let look = || Command::LookAtData { data: Box::new(settings(&images).data), seed: 0, again: false };
    // With nothing being read it stops nothing, now or later.
    engine.send(Command::StopReading).unwrap();
    engine.send(look()).unwrap();
    until(&engine, reads(Task::ReadingData));
    engine.send(Command::StopReading).unwrap();
    let told = until(&engine, |event| matches!(event, Event::ReadingStopped { during: Task::ReadingData }));
    assert!(!told.iter().any(|event| matches!(event, Event::DataSeen { .. } | Event::Failed { .. })), "{told:?}");
    engine.send(look()).unwrap();
    let told = until(&engine, |event| matches!(event, Event::DataSeen { .. }));
    assert!(told.iter().any(reads(Task::ReadingData)), "nothing half-read was kept");
    let Some(Event::DataSeen { sheet, .. }) = told.last() else { panic!("{told:?}") };
    assert_eq!(sheet.train + sheet.test, 20_000);
    let share = |event: &Event| match event {
        Event::ReadingImages { reading: Reading { part, done, .. }, .. } => Some((*part == Part::Pictures, *done)),
        _ => None,
    };
    assert!(told.iter().filter_map(share).is_sorted(), "it goes on");
}

#[test]
fn what_is_compared_with_or_begun_with_can_be_stopped_and_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&images(folder.path(), 64, 20_000));
    let engine = engine();
    let look = || {
        let mut settings = Box::new(settings.clone());
        settings.data.subset = Subset::First(100);
        let picture = Pictures { width: 28, height: 28, pixels: vec![7; 784] };
        engine.send(Command::LookForCopies { settings, picture }).unwrap();
    };
    let find = || {
        let pick = OriginPick::Test { from: 1_234, forward: true, class: None };
        engine.send(Command::FindOrigin { pick, data: settings.data.source.clone(), size: 28 }).unwrap();
    };
    let answers = |event: &Event| matches!(event, Event::CopiesFound { .. } | Event::OriginFound { .. });
    for (during, ask) in [(Task::LookingForCopies, &look as &dyn Fn()), (Task::FindingOrigin, &find)] {
        ask();
        until(&engine, reads(during));
        engine.send(Command::StopReading).unwrap();
        let told = until(&engine, |event| matches!(event, Event::ReadingStopped { during: task } if *task == during));
        assert!(!told.iter().any(|event| answers(event) || matches!(event, Event::Failed { .. })), "{told:?}");
        ask();
        let told = until(&engine, answers);
        assert!(told.iter().any(reads(during)), "nothing half-read was kept");
    }
}

/// Seconds of large pictures.
#[cfg(unix)]
#[test]
fn without_a_window_reading_is_told_and_ctrl_c_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let images = images(folder.path(), 2000, 2_000);
    let words = ["train", "--preset", "nano", "--data", images.to_str().unwrap(), "--out", "run", "--classes", "off"];
    let mut child = program::program(folder.path(), &words).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    let told = lines.find_map(|line| line.ok().filter(|line| line.contains("reading the images"))).unwrap();
    assert!(told.contains(" % · reading the images"), "{told}");
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let begun = Instant::now();
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest:?}");
    assert!(
        begun.elapsed() < Duration::from_secs(10) && rest.iter().any(|line| line == "error: cancelled"),
        "{rest:?}"
    );
    assert!(!folder.path().join("run").exists());
}
