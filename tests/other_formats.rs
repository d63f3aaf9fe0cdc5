//! Journey: a person gives a JPEG or a WebP, which this program does not decode, by its own name or by another one.
//! Whatever reads it says so in two lines, with what to do, and leaves nothing behind.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::path::Path;

/// A white diagonal of eight pixels on black, in hexadecimal digits: JPEG, WebP, and WebP without loss.
const PICTURES: [(&str, &str); 3] = [
    (
        "jpg",
        "ffd8ffe000104a46494600010100000100010000ffdb004300281c1e231e19282321232d2b28303c64413c37373c7b585d4964918099968f\
         808c8aa0b4e6c3a0aadaad8a8cc8ffcbdaeef5ffffff9bc1fffffffaffe6fdfff8ffc0000b080008000801011100ffc4001f000001050101\
         0101010100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000017d010203000411051221314106\
         13516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455\
         565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9ba\
         c2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda0008010100003f00ccff008f9ffaedff\
         00a1ff00f65fcfebd7ffd9",
    ),
    (
        "webp",
        "524946463a00000057454250565038202e0000009001009d012a0800080007409625a400029a651de000fe9fa9b85ed6396ff9c05948db1e\
         f84b772585ce00000000",
    ),
    (
        "webp",
        "524946462e000000574542505650384c220000002f07c001000f30fff33ffff31f7850d4460a9cdd5dce271290823422fa1f94f7ec3d",
    ),
];

fn bytes(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Gives the words to the program, which must fail with two lines, the second of them a hint, and write nothing.
fn refused(folder: &Path, words: &[&str]) -> String {
    let files = || fs::read_dir(folder).unwrap().count();
    let before = files();
    let output = program::run(folder, words);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(matches!(output.status.code(), Some(1 | 2)) && output.stdout.is_empty(), "{words:?}: {text}");
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("error: "), "{words:?}: {text}");
    assert!(lines[1].strip_prefix("hint: ").is_some_and(|hint| !hint.is_empty()), "{words:?}: {text}");
    assert_eq!(files(), before, "{words:?} left something behind");
    lines[0].into()
}

#[test]
fn a_jpeg_or_a_webp_is_refused_with_a_hint_by_whatever_reads_it() {
    for (own, digits) in PICTURES {
        for ending in [own, "png", "gif", "safetensors", "pth", "gz"] {
            let folder = tempfile::tempdir().unwrap();
            let name = format!("picture.{ending}");
            fs::write(folder.path().join(&name), bytes(digits)).unwrap();
            fs::create_dir(folder.path().join("pictures")).unwrap();
            fs::copy(folder.path().join(&name), folder.path().join("pictures").join(&name)).unwrap();
            let train = ["train", "--preset", "nano", "--steps", "1", "--out", "run", "--data"];
            let error = refused(folder.path(), &[&train[..], &["pictures"]].concat());
            let decoded = ["png", "gif"].contains(&ending);
            assert!(error.contains(if decoded { &name } else { "no images in this folder" }), "{error}");
            for words in [
                &[&train[..], &[&name]].concat()[..],
                &["sample", "--out", "x.png", "--device", "cpu", "--from-t", "10", "--from", &name],
                &["sample", "--out", "x.png", "--like", &name],
                &["sample", "--out", "x.png", "--checkpoint", &name],
                &["predict", "--checkpoint", "none", "--out", "x.safetensors", "--input", &name],
                &["eval", "--images", &name],
            ] {
                let error = refused(folder.path(), words);
                assert!(error.contains(&name), "{words:?}: {error}");
            }
        }
    }
}
