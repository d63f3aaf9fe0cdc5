//! Journey: a picture is drawn again from the PNG file alone, on the command line.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::fs;

use diffuscope::pictures::Provenance;
use program::{done, failed, run};

#[test]
fn a_png_is_drawn_again_from_what_it_says_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let flags = ["--count", "3", "--sampler", "ddim", "--steps", "3", "--eta", "0.5", "--class", "4", "--seed", "77"];
    done(folder.path(), &[&["sample", "--out", "a.png"][..], &flags].concat());
    done(folder.path(), &["sample", "--out", "b.png", "--like", "a.png"]);
    assert_eq!(fs::read(at("a.png")).unwrap(), fs::read(at("b.png")).unwrap());

    done(folder.path(), &["sample", "--out", "each/", "--like", "a.png", "--seed", "78"]);
    let said = Provenance::read(&at("each/0002.png")).unwrap().unwrap();
    assert_eq!((said.image, said.settings.sampling.seed, said.settings.sampling.count), (Some(2), 78, 3));
    assert_eq!(said.model, "the model that ships with Diffuscope");

    image::GrayImage::new(4, 4).save(at("other.png")).unwrap();
    let (what, hint) = failed(folder.path(), &["sample", "--out", "c.png", "--like", "other.png"], 1);
    assert!(what.contains("other.png: does not say how it was drawn") && !hint.is_empty(), "{what}: {hint}");
    assert!(!at("c.png").exists());
}

#[test]
fn what_will_differ_from_the_picture_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["sample", "--out", "a.png", "--count", "1", "--steps", "2", "--from", "test:0", "--from-t", "300"];
    done(folder.path(), &words);
    let told = run(folder.path(), &["sample", "--out", "b.png", "--like", "a.png"]);
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("began with an image at t = 300"), "{told}");
    assert!(!told.contains("was drawn by"), "it is the same model: {told}");
}
