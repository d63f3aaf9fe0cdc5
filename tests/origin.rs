//! Journey: an image is noised to a timestep and denoised from there, on the command line.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::path::Path;

use image::{GrayImage, Luma};
use program::{done, failed, run};
use safetensors::SafeTensors;

/// Draws with the model that ships; gives the images, 784 values in [-1, 1] each.
fn drawn(folder: &Path, more: &[&str]) -> Vec<f32> {
    let words = ["sample", "--force", "--out", "x.safetensors", "--count", "3", "--device", "cpu"];
    done(folder, &[&words[..], more].concat());
    let bytes = fs::read(folder.join("x.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let images = file.tensor("images").unwrap();
    assert_eq!(images.shape(), [3, 1, 28, 28]);
    images.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Mean square distance of each of three images to the first test digit, a seven.
fn from_seven(images: &[f32]) -> Vec<f32> {
    let seven = diffuscope::data::mnist::load().unwrap().test;
    let seven: Vec<f32> = seven.image(0).iter().map(|&pixel| f32::from(pixel) / 127.5 - 1.0).collect();
    let distance = |image: &[f32]| image.iter().zip(&seven).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / 784.0;
    images.chunks(784).map(distance).collect()
}

#[test]
fn the_less_noise_the_more_of_the_digit_comes_back_by_every_sampler() {
    let folder = tempfile::tempdir().unwrap();
    for sampler in [
        &["--sampler", "ddim", "--steps", "8"][..],
        &["--sampler", "dpmpp", "--steps", "8", "--guidance", "1"],
        &["--sampler", "heun", "--steps", "8"],
        &["--sampler", "ddpm", "--weights", "raw"],
    ] {
        let from = |t| from_seven(&drawn(folder.path(), &[&["--from", "test:0", "--from-t", t][..], sampler].concat()));
        let (near, far) = (from("60"), from("700"));
        assert!(near.iter().all(|distance| *distance < 0.05), "{sampler:?}: {near:?}");
        assert!(far.iter().sum::<f32>() > 3.0 * near.iter().sum::<f32>(), "{sampler:?}: {far:?} {near:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_and_an_animation_begins_at_that_timestep() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--from", "test:0", "--from-t", "300", "--steps", "4"];
    assert_eq!(drawn(folder.path(), &flags), drawn(folder.path(), &flags));
    done(folder.path(), &[&["sample", "--out", "x.gif", "--count", "2"][..], &flags].concat());
    assert_eq!(&fs::read(folder.path().join("x.gif")).unwrap()[..6], b"GIF89a");
}

#[test]
fn a_drawing_on_paper_is_exchanged_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let seven = diffuscope::data::mnist::load().unwrap().test;
    let draw = |paper: bool| {
        let pixel = |x, y| seven.image(0)[(y * 28 + x) as usize];
        let ink = |x, y| Luma([if paper { 255 - pixel(x, y) } else { pixel(x, y) }]);
        GrayImage::from_fn(28, 28, ink).save(folder.path().join("seven.png")).unwrap();
    };
    let flags = ["--from", "seven.png", "--from-t", "40", "--class", "7", "--steps", "8"];
    draw(false);
    let black = drawn(folder.path(), &flags);
    draw(true);
    assert_eq!(drawn(folder.path(), &flags), black);
    assert!(from_seven(&black).iter().all(|distance| *distance < 0.05));
    let words = ["sample", "--out", "y.png", "--from", "seven.png", "--from-t", "40"];
    let told = String::from_utf8(run(folder.path(), &words).stderr).unwrap();
    assert!(told.contains("black and white are exchanged"), "{told}");
}

#[test]
fn what_cannot_be_begun_with_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |from: &str, t: &str, code| {
        failed(folder.path(), &["sample", "--out", "x.png", "--from", from, "--from-t", t], code)
    };
    assert_eq!(
        refused("test:10000", "9", 2),
        ("test:10000: there are 10000 test images".into(), "use test:0 to test:9999".into())
    );
    let (what, hint) = refused("test:0", "1001", 2);
    assert_eq!((what.as_str(), hint.as_str()), ("--from-t: t = 1001, the model has 1000 timesteps", "use 1 to 1000"));
    assert!(refused("test:0", "0", 2).0.starts_with("--from-t: t = 0"));
    assert!(refused("absent.png", "9", 1).0.contains("absent.png"));
    let (what, hint) = failed(folder.path(), &["sample", "--out", "x.png", "--from", "test:0"], 2);
    assert!(what.contains("--from-t") && !hint.is_empty(), "{what}: {hint}");
}
