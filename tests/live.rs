//! Journeys of drawing on the engine: redrawn as settings change, a rough look first, then in full, a newer change ending
//! the older; and from an image that is noised, back.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use diffuscope::config::{DataSource, Preset, SamplingSettings};
use diffuscope::device::DeviceChoice;
use diffuscope::engine::{Command, Event, Handle, Task, work};
use diffuscope::sampling::origin::{Origin, OriginPick, OriginSource, noised};

/// What the slowest of thirty first pictures may take on a machine that others use too.
const WORST: Duration = Duration::from_millis(200);
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

#[test]
fn a_test_digit_goes_into_noise_and_back() {
    let handle = engine();
    let find = |pick| handle.send(Command::FindOrigin { pick, data: DataSource::Mnist, size: 28 }).unwrap();
    find(OriginPick::Test { from: 1, forward: true, class: Some(7) });
    let found = wait(&handle, |event| matches!(event, Event::OriginFound { .. })).pop();
    let Some(Event::OriginFound { source, image, of }) = found else { panic!("it is found") };
    assert_eq!((source, image.class, of), (OriginSource::Test(17), Some(7), Some(10_000)));

    let settings = SamplingSettings { count: 2, steps: 8, seed: 5, ..small() };
    let origin = Origin { picture: image.picture.clone(), class: image.class, t: 250 };
    handle.send(Command::Reverse { settings: settings.clone(), origin: origin.clone() }).unwrap();
    let seen = wait(&handle, |event| matches!(event, Event::SamplingEnded { cancelled: false, .. }));
    let (mut frames, mut classes) = (Vec::new(), Vec::new());
    for event in seen {
        match event {
            Event::SamplingStarted { classes: asked, .. } => classes = asked,
            Event::Frame { frame, .. } => frames.push(frame),
            _ => {}
        }
    }
    assert_eq!((frames[0].t, frames[frames.len() - 1].t, classes), (250, 0, vec![Some(7); 2]));
    let schedule = diffuscope::diffusion::Schedule::from_settings(&Preset::Small.settings().diffusion).unwrap();
    let shown = noised(&image.picture, schedule.alpha_bar(249), 5);
    let off = shown.pixels.iter().zip(frames[0].x_t.get(0)).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(off <= Some(1), "the slider shows what the reverse begins with: {off:?}");

    let refused = Origin { t: 1001, ..origin };
    handle.send(Command::Reverse { settings, origin: refused }).unwrap();
    find(OriginPick::File("absent.png".into()));
    let mut failed = Vec::new();
    let begun = Instant::now();
    while failed.len() < 2 {
        if let Some(Event::Failed { during, .. }) = handle.poll() {
            failed.push(during);
        }
        assert!(begun.elapsed() < PATIENCE, "{failed:?}");
    }
    assert!(failed.contains(&Task::Sampling) && failed.contains(&Task::FindingOrigin), "{failed:?}");
    assert!(handle.shutdown(PATIENCE));
}

/// Prints how long a person waits: from the change to the first picture, while the drawing of the change before it is
/// under way, as when a slider is dragged.
#[test]
#[ignore = "measures time: cargo test --release --test live -- --ignored --nocapture"]
fn the_first_picture_comes_within_100_ms() {
    let handle = engine();
    for (name, settings) in [
        ("DDIM, 64 digits", small()),
        (
            "DDPM, 1,000 steps, 64 digits",
            SamplingSettings { sampler: diffuscope::config::SamplerKind::Ddpm, ..small() },
        ),
        ("DDIM, 256 digits", SamplingSettings { count: 256, ..small() }),
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
        assert!(first[29] < WORST, "the worst of 30: {:?}", first[29]);
    }
    assert!(handle.shutdown(PATIENCE));
}
