//! Single bits of a checkpoint's header, turned: what is read then is what was written, or nothing is.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::*;
use crate::train::Trainer;
use crate::train::power_cuts::tiny;

/// A checkpoint of a network of four channels after two steps.
fn small() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let mut trainer = Trainer::new(&tiny(), &splits(), &Device::Cpu).unwrap();
        trainer.step().unwrap();
        trainer.step().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        write(&trainer, &path).unwrap();
        fs::read(path).unwrap()
    })
}

fn read(bytes: &[u8]) -> Result<Checkpoint> {
    Checkpoint::from_file(Path::new("checkpoint"), bytes, bytes.len() as u64, None)
}

fn assert_same(found: &Checkpoint, wanted: &Checkpoint, what: &str) {
    assert_eq!((found.step, found.elapsed), (wanted.step, wanted.elapsed), "{what}");
    assert!(found.settings == wanted.settings && found.tensors == wanted.tensors, "{what}: another state");
}

/// Turns each bit of the file's first `count` bytes; gives how many were of no consequence.
fn turned(file: &[u8], count: usize) -> usize {
    let (whole, taken) = (read(file).unwrap(), AtomicUsize::new(0));
    (0..count).into_par_iter().for_each_init(
        || file.to_vec(),
        |bytes, at| {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                if let Ok(checkpoint) = read(bytes) {
                    assert_same(&checkpoint, &whole, &format!("bit {bit} of byte {at}"));
                    taken.fetch_add(1, Ordering::Relaxed);
                }
                bytes[at] ^= 1 << bit;
            }
        },
    );
    taken.into_inner()
}

#[test]
fn every_bit_of_the_header_that_is_turned_is_noticed_or_of_no_consequence() {
    let file = small();
    let (header, _) = SafeTensors::read_metadata(file).unwrap();
    let taken = turned(file, 8 + header);
    // Those by which the second checksum has another name: it is as if there were none.
    let names = 8 * METADATA_CHECKSUM.len();
    println!("{} bits, {taken} of no consequence", 8 * (8 + header));
    assert!(taken > 0 && taken < names, "{taken}");
}

#[test]
fn a_file_of_an_earlier_version_is_read_and_tells_of_no_turned_bit_of_its_step() {
    let whole = read(small()).unwrap();
    let of = |change: fn(&mut Content)| {
        let mut content = Content::of(small());
        content.metadata.remove(METADATA_CHECKSUM);
        change(&mut content);
        content.bytes()
    };
    assert_same(&read(&of(|_| ())).unwrap(), &whole, "without the second checksum");
    assert_eq!(read(&of(|file| file.set("step", "3"))).unwrap().step, 3);

    let changes: [fn(&mut Content); 5] = [
        |file| file.set("step", "3"),
        |file| file.set("nanoseconds", "1"),
        |file| file.set("version", "0.0.1"),
        |file| file.setting("/training/seed", json!(43)),
        |file| file.set("more", ""),
    ];
    for change in changes {
        let mut content = Content::of(small());
        let known = content.metadata[METADATA_CHECKSUM].clone();
        change(&mut content);
        // The file's own checksum, put back in the place of the one that belongs to the change.
        let bytes = content.clone().bytes();
        let [wrong, known] = [&tensor_file::metadata_checksum(&content.metadata), &known]
            .map(|sum| format!("\"{METADATA_CHECKSUM}\":\"{sum}\"").into_bytes());
        let at = bytes.windows(wrong.len()).position(|window| window == wrong).unwrap();
        let bytes = [&bytes[..at], &known, &bytes[at + wrong.len()..]].concat();
        let error = read(&bytes).map(drop).unwrap_err();
        assert!(error.to_string().ends_with("the checksum of its metadata does not match"), "{error}");
    }
}
