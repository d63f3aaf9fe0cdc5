//! Journey: the engine redraws as settings change: a rough look first, then in full; a newer change ends the older.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use diffuscope::config::{Preset, SamplingSettings};
use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Command, Event, Handle, work};

const PATIENCE: Duration = Duration::from_secs(60);

/// The engine on the model that ships with the program.
fn engine() -> Handle {
    let handle = Handle::spawn(|| (), work(DeviceChoice::Cpu)).unwrap();
    handle.send(Command::OpenShipped).unwrap();
    wait(&handle, |event| matches!(event, Event::ModelReady(_)));
    handle
}

/// All events up to the first that is `wanted`.
fn wait(handle: &Handle, mut wanted: impl FnMut(&Event) -> bool) -> Vec<Event> {
    let begun = Instant::now();
    let mut seen = Vec::new();
    loop {
        while let Some(event) = handle.poll() {
            assert!(!matches!(event, Event::Failed { .. }), "{event:?}");
            let found = wanted(&event);
            seen.push(event);
            if found {
                return seen;
            }
        }
        assert!(begun.elapsed() < PATIENCE, "the last events: {:?}", seen.iter().rev().take(3));
        std::thread::park_timeout(Duration::from_micros(200));
    }
}

fn redraw(handle: &Handle, generation: u64, settings: SamplingSettings) {
    handle.send(Command::Redraw { settings, generation }).unwrap();
}

fn small() -> SamplingSettings {
    Preset::Small.settings().sampling
}

#[test]
fn a_rough_look_at_every_image_comes_before_the_full_drawing() {
    let handle = engine();
    let settings = SamplingSettings { count: 9, steps: 6, ..small() };
    redraw(&handle, 1, settings);
    let seen = wait(&handle, |event| matches!(event, Event::SamplingEnded { cancelled: false, .. }));
    let mut order = Vec::new();
    let (mut rough, mut last) = (Vec::new(), None);
    for event in &seen {
        match event {
            Event::Redrawing { generation: 1 } => order.push("taken"),
            Event::Rough { first, count: 9, pictures, .. } => {
                order.push("rough");
                assert_eq!(*first * 784, rough.len());
                rough.extend(&pictures.pixels);
            }
            Event::SamplingStarted { count: 9, frames: 7, .. } => order.push("full"),
            Event::Frame { frame, .. } => last = Some(frame.x_t.pixels.clone()),
            _ => {}
        }
    }
    assert_eq!(order, ["taken", "rough", "rough", "full"]);
    let last = last.unwrap();
    assert_eq!(rough.len(), last.len());
    // The same digits: nearer to those that they become than those are to their neighbours.
    let distance = |a: &[u8], b: &[u8]| -> u64 { a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum() };
    let nearer = rough.chunks(784).zip(last.chunks(784)).filter(|(rough, own)| {
        last.chunks(784).filter(|other| other != own).all(|other| distance(rough, own) < distance(rough, other))
    });
    assert!(nearer.count() >= 6, "a rough look that shows other digits");
    assert!(handle.shutdown(PATIENCE));
}

#[test]
fn a_newer_change_ends_the_older_at_once_and_nothing_of_it_comes_after() {
    let handle = engine();
    redraw(&handle, 1, SamplingSettings { count: 256, steps: 1000, ..small() });
    wait(&handle, |event| matches!(event, Event::SamplingStarted { .. }));
    let settings = SamplingSettings { count: 2, steps: 2, ..small() };
    redraw(&handle, 2, settings);
    wait(&handle, |event| matches!(event, Event::Redrawing { generation: 2 }));
    let seen = wait(&handle, |event| matches!(event, Event::SamplingEnded { .. }));
    assert!(matches!(seen.last(), Some(Event::SamplingEnded { cancelled: false, .. })));
    for event in &seen {
        match event {
            Event::Frame { frame, .. } => assert_eq!(frame.x_t.count(), 2),
            Event::Rough { count, .. } => assert_eq!(*count, 2),
            _ => {}
        }
    }
    assert!(handle.shutdown(PATIENCE));
}

/// Prints how long a person waits: from the change to the first picture, while the drawing of the change before it is
/// under way, as when a slider is dragged.
#[test]
#[ignore = "measures time: cargo test --release --test live -- --ignored --nocapture"]
fn the_first_picture_comes_within_100_ms() {
    let handle = engine();
    for (name, settings) in [
        ("DDIM, 16 steps, 64 digits", small()),
        (
            "DDPM, 1,000 steps, 64 digits",
            SamplingSettings { sampler: diffuscope::config::SamplerKind::Ddpm, ..small() },
        ),
        ("DDIM, 16 steps, 256 digits", SamplingSettings { count: 256, ..small() }),
    ] {
        let (mut first, mut all) = (Vec::new(), Vec::new());
        for generation in 1..=30 {
            let begun = Instant::now();
            redraw(&handle, generation, SamplingSettings { seed: generation, ..settings.clone() });
            wait(&handle, |event| matches!(event, Event::Redrawing { generation: taken } if *taken == generation));
            wait(&handle, |event| matches!(event, Event::Rough { .. }));
            first.push(begun.elapsed());
            wait(&handle, |event| matches!(event, Event::SamplingStarted { .. }));
            all.push(begun.elapsed());
            wait(&handle, |event| matches!(event, Event::Frame { frame, .. } if frame.step == 2));
        }
        first.sort();
        all.sort();
        println!("{name}: first picture {:.0?} (worst {:.0?}), all roughly {:.0?}", first[15], first[29], all[15]);
        assert!(first[15] < Duration::from_millis(100), "{:?}", first[15]);
    }
    assert!(handle.shutdown(PATIENCE));
}
