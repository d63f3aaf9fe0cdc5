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

/// The grids of a run and the figures say what drew them, as pictures do that were saved by hand.
#[test]
fn every_picture_that_is_written_can_be_drawn_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Long enough for the first grid on any machine: it is due by the clock.
    let train =
        ["train", "--preset", "nano", "--subset", "64", "--batch-size", "8", "--minutes", "0.03", "--out", "run"];
    done(folder.path(), &train);
    let grids: Vec<_> = fs::read_dir(at("run/grids")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!grids.is_empty());
    for grid in &grids {
        let said = Provenance::read(grid).unwrap().unwrap();
        assert_eq!((said.model.as_str(), said.settings.sampling.count, said.t), ("run", 64, 0));
        assert!(grid.ends_with(format!("step-{:07}.png", said.step)), "{grid:?} says step {}", said.step);
    }
    let last = grids.iter().max().unwrap().to_str().unwrap();
    let like = ["sample", "--checkpoint", "run", "--out", "again.png", "--like", last];
    done(folder.path(), &like);
    assert_eq!(Provenance::read(&at("again.png")).unwrap().unwrap().settings.sampling.seed, 0);

    done(folder.path(), &["figures", "--checkpoint", "run", "--out", "figures"]);
    for (name, count) in [("forward", 100), ("samples", 100), ("denoising", 10)] {
        let said = Provenance::read(&at(&format!("figures/{name}.png"))).unwrap().unwrap();
        assert_eq!((said.model.as_str(), said.settings.sampling.count), ("run", count), "{name}");
        assert!(said.step > 0, "{name}");
    }
    done(folder.path(), &["sample", "--checkpoint", "run", "--out", "b.png", "--like", "figures/samples.png"]);
    let pixels = |name: &str| image::open(at(name)).unwrap().into_luma8().into_raw();
    assert_eq!(pixels("b.png"), pixels("figures/samples.png"));
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
