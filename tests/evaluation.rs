//! The evaluation's own sanity: noise, a blank, one digit, blurred digits and training images each get the verdict
//! that they should.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use diffuscope::config::Subset;
use diffuscope::data::idx::Images;
use diffuscope::data::{Dataset, mnist};
use diffuscope::eval::{Judge, Report, Verdict};
use diffuscope::rng::Stream;

const COUNT: usize = 400;
const SIDE: usize = 28;

fn of_pixels(pixels: Vec<u8>) -> Dataset {
    let images = Images { count: pixels.len() / (SIDE * SIDE), height: SIDE, width: SIDE, pixels };
    Dataset::from_idx("test", images, None, Path::new("test")).unwrap()
}

fn pixels(dataset: &Dataset) -> Vec<u8> {
    (0..dataset.len()).flat_map(|i| dataset.image(i)).copied().collect()
}

fn test_digits() -> Dataset {
    mnist::load().unwrap().test.subset(Subset::Shuffled(COUNT), 77).unwrap()
}

fn report(name: &str, images: &Dataset) -> Report {
    let (judge, digits) = (Judge::shipped().unwrap(), mnist::load().unwrap());
    let report = Report::new(&judge, images, &[], diffuscope::config::Digits::ALL, &digits, &mut |_, _| ()).unwrap();
    println!("{name}\n{report}\n");
    report
}

/// Each pixel the mean of the square around it, `reach` to every side.
fn blurred(dataset: &Dataset, reach: usize) -> Dataset {
    let mut blurred = Vec::new();
    for image in 0..dataset.len() {
        let from = dataset.image(image);
        for (y, x) in (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (y, x))) {
            let rows = y.saturating_sub(reach)..(y + reach + 1).min(SIDE);
            let sum: usize = rows
                .flat_map(|y| (x.saturating_sub(reach)..(x + reach + 1).min(SIDE)).map(move |x| y * SIDE + x))
                .map(|i| usize::from(from[i]))
                .sum();
            blurred.push((sum / (2 * reach + 1).pow(2)) as u8);
        }
    }
    of_pixels(blurred)
}

#[test]
fn test_digits_are_as_good_as_real_ones() {
    let report = report("test digits", &test_digits());
    assert_eq!(report.verdict, Verdict::LikeReal);
    let Report { recognisable, precision, recall, .. } = report;
    for measured in [recognisable, precision, recall, report.frechet_distance, report.nearest_median] {
        assert!(measured.interval.low <= measured.value && measured.value <= measured.interval.high);
        assert!((measured.value - measured.real).abs() < 0.3 * measured.real, "{measured:?}");
    }
}

#[test]
fn noise_and_a_blank_are_not_digits() {
    let mut stream = Stream::new(1, "test", 0);
    let uniform = (0..COUNT * SIDE * SIDE).map(|_| stream.below(256) as u8).collect();
    let mut stream = Stream::new(1, "test", 1);
    let dots = (0..COUNT * SIDE * SIDE).map(|_| if stream.uniform() < 0.13 { 255 } else { 0 }).collect();
    let normals = (0..COUNT * SIDE * SIDE).map(|_| (127.5 + 127.5 * stream.normal()).clamp(0.0, 255.0) as u8);
    let noises = [("uniform noise", uniform), ("dots", dots), ("normal noise", normals.collect())];
    let flat = [0, 64, 128, 255].map(|level| ("a blank", vec![level; COUNT * SIDE * SIDE]));
    for (name, pixels) in noises.into_iter().chain(flat) {
        let report = report(name, &of_pixels(pixels));
        assert_eq!(report.verdict, Verdict::NotDigits, "{name}");
        assert!(report.recognisable.value < 0.005, "{name}: {}", report.recognisable.value);
        assert!(report.frechet_distance.value > 10.0 * report.frechet_distance.real, "{name}");
    }
}

#[test]
fn training_images_are_copies() {
    let training = mnist::load().unwrap().train.subset(Subset::Shuffled(COUNT), 5).unwrap();
    let report = report("training digits", &training);
    assert_eq!(report.verdict, Verdict::Copies);
    assert_eq!((report.nearest_median.value, report.nearest_smallest), (0.0, 0.0));
}

#[test]
fn blurred_digits_are_told_from_real_ones() {
    let mut recognisable = f64::INFINITY;
    for (reach, expected) in [(1, Verdict::Digits), (2, Verdict::HardlyDigits)] {
        let report = report("blurred", &blurred(&test_digits(), reach));
        assert_eq!(report.verdict, expected, "{reach}");
        assert!(
            report.recognisable.value < recognisable
                && report.frechet_distance.value > 2.0 * report.frechet_distance.real
        );
        recognisable = report.recognisable.value;
    }
}

#[test]
fn one_digit_is_not_all_ten() {
    let digits = mnist::load().unwrap().test;
    let ones = (0..digits.len()).filter(|&i| digits.label(i) == Some(1)).take(COUNT);
    let report = report("ones", &of_pixels(ones.flat_map(|i| digits.image(i)).copied().collect()));
    assert_eq!(report.verdict, Verdict::SomeDigits);
    assert!(report.class_entropy.value < 0.2 && report.recall.value < 0.3, "{report:?}");
}

#[test]
fn digits_upside_down_are_further_away() {
    let mut turned = pixels(&test_digits());
    turned.chunks_exact_mut(SIDE * SIDE).for_each(<[u8]>::reverse);
    let report = report("upside down", &of_pixels(turned));
    assert!(report.frechet_distance.value > 3.0 * report.frechet_distance.real);
    assert_ne!(report.verdict, Verdict::LikeReal);
}

/// 32×32 pictures are judged through the same resizing as the real digits beside them.
#[test]
fn larger_pictures_of_real_digits_are_as_good_as_real_ones() {
    let report = report("32×32", &test_digits().resized(32).unwrap());
    assert_eq!(report.verdict, Verdict::LikeReal);
}
