//! Journey: the engine says which training images are nearest to a picture, and stays at work meanwhile.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use diffuscope::config::{DataSource, Preset, Settings, Subset};
use diffuscope::data::mnist;
use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Command, Event, Handle, Task, work};
use diffuscope::eval::copying::{Copying, Nearness};
use diffuscope::pictures::Pictures;

/// Long enough for a loaded machine; no test waits that long unless it fails.
const PATIENCE: Duration = Duration::from_secs(120);

fn wait<R>(engine: &Handle, what: &str, mut wanted: impl FnMut(Event) -> Option<R>) -> R {
    let begun = Instant::now();
    loop {
        if let Some(found) = engine.poll().and_then(&mut wanted) {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "no {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// What is found, and how often it was told how far the reading is.
fn look(engine: &Handle, settings: &Settings, picture: &Pictures) -> (Copying, usize) {
    let settings = Box::new(settings.clone());
    engine.send(Command::LookForCopies { settings, picture: picture.clone() }).unwrap();
    let mut told = 0;
    let found = wait(engine, "answer", |event| match event {
        Event::LookingForCopies { .. } => {
            told += 1;
            None
        }
        Event::CopiesFound { picture: of, copying } => {
            assert_eq!(of, *picture);
            Some(*copying)
        }
        Event::Failed { what, .. } => panic!("{what}"),
        _ => None,
    });
    (found, told)
}

#[test]
fn copies_are_found_among_the_images_of_the_run_and_read_once() {
    let digits = mnist::load().unwrap();
    let picture = |i: usize| Pictures { width: 28, height: 28, pixels: digits.train.image(i).to_vec() };
    let engine = Handle::spawn(|| (), work(DeviceChoice::Cpu)).unwrap();
    let mut settings = Preset::Small.settings();
    settings.data.subset = Subset::First(300);

    let (copy, told) = look(&engine, &settings, &picture(250));
    assert_eq!((copy.neighbours[0].index, copy.neighbours[0].label), (250, digits.train.label(250)));
    assert_eq!((copy.nearness(), copy.pictures.count()), (Nearness::PerhapsCopy, 5));
    assert!(told > 15, "told {told} times");

    // A training digit of MNIST that this run did not learn from is as new to it as any.
    let (other, told) = look(&engine, &settings, &picture(5000));
    assert!(other.neighbours.iter().all(|near| near.index < 300) && other.neighbours[0].distance > 0.0);
    assert_eq!(told, 0, "the images are kept");

    settings.data.source = DataSource::Path("/nowhere/at/all".into());
    engine.send(Command::LookForCopies { settings: Box::new(settings), picture: picture(0) }).unwrap();
    let (what, hint) = wait(&engine, "failure", |event| match event {
        Event::Failed { during: Task::LookingForCopies, what, hint } => Some((what, hint)),
        _ => None,
    });
    assert!(what.contains("/nowhere/at/all") && !hint.is_empty(), "{what}");
}
