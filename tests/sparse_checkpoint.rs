//! Checkpoints of several GiB that take no room on the disk: refused by their headers, at once, without memory for them.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "support/memory.rs"]
mod memory;
#[path = "support/tiny_run.rs"]
mod tiny_run;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::Device;
use diffuscope::Result;
use diffuscope::data::mnist;
use diffuscope::train::folder::newest_checkpoint;
use diffuscope::train::{Control, Run};
use diffuscope::trained::TrainedModel;
use memory::{memory_from_now, most_memory};
use serde_json::{Value, json};

const GIB: u64 = 1 << 30;
/// What the allocator takes at once.
const COARSE: usize = 64 << 20;
/// On a loaded machine; to read them would take longer.
const LONGEST: Duration = Duration::from_secs(1);

/// `content` and then zeros, `length` bytes in all.
fn write_sparse(path: &Path, content: &[&[u8]], length: u64) {
    let mut file = File::create(path).unwrap();
    content.iter().for_each(|part| file.write_all(part).unwrap());
    file.set_len(length).unwrap();
}

/// Fails where reading takes memory or time; gives what was said.
fn refused<T>(what: &str, read: impl FnOnce() -> Result<T>) -> String {
    let (before, begun) = (memory_from_now(), Instant::now());
    let error = read().map(drop).unwrap_err();
    let (took, more) = (begun.elapsed(), most_memory().saturating_sub(before));
    assert!(more < COARSE, "{what}: {more} bytes");
    assert!(took < LONGEST, "{what}: {took:?}");
    error.to_string()
}

#[test]
fn a_checkpoint_of_another_length_than_its_settings_give_is_refused_by_its_header() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let trained = Run::create(&tiny_run::settings(2, 1, 0.0), &mnist::load().unwrap(), &run, &Device::Cpu);
    trained.unwrap().train(&mut |_, _| Ok(Control::Continue)).unwrap();
    let path = run.join("checkpoint.safetensors");
    let whole = fs::read(&path).unwrap();
    fs::remove_file(run.join("checkpoint.previous.safetensors")).unwrap();
    let end = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&whole[8..end]).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut header = header.clone();
        change(&mut header);
        header.to_string().into_bytes()
    };
    let length = |header: &[u8]| (header.len() as u64).to_le_bytes();

    let surplus = with(&|header| {
        let end = whole.len() - end;
        header["more"] = json!({"dtype": "F32", "shape": [GIB], "data_offsets": [end, end + 4 * GIB as usize]});
    });
    let alone = with(&|header| {
        header.as_object_mut().unwrap().retain(|name, _| name == "__metadata__");
        header["weights/conv_in.weight"] = json!({"dtype": "F32", "shape": [GIB], "data_offsets": [0, 4 * GIB]});
    });
    let of_surplus = 8 + surplus.len() as u64 + (whole.len() - end) as u64 + 4 * GIB;
    let of_alone = 8 + alone.len() as u64 + 4 * GIB;
    let files: [(&str, &[&[u8]], u64, &str); 7] = [
        ("zeros behind a whole one", &[&whole], 7 * GIB, "bytes of tensors, and its header says"),
        ("a header and zeros", &[&whole[..end]], 5 * GIB, "bytes of tensors, and its header says"),
        ("a tensor too many", &[&length(&surplus), &surplus], of_surplus, "more is not part of it"),
        ("one large tensor", &[&length(&alone), &alone], of_alone, "do not fit its settings"),
        ("zeros alone", &[], 7 * GIB, "not a safetensors file"),
        ("a header of 4 GiB", &[&(4 * GIB).to_le_bytes()], 7 * GIB, "not a safetensors file"),
        ("longer than any", &[&whole], 9 * GIB, "longer than any checkpoint"),
    ];
    for (what, content, length, said) in files {
        write_sparse(&path, content, length);
        assert_eq!(fs::metadata(&path).unwrap().len(), length);
        let error = refused(what, || newest_checkpoint(&run));
        assert!(error.contains(said), "{what}: {error}");
        refused(what, || TrainedModel::open(&run, &Device::Cpu));
        refused(what, || TrainedModel::open(&path, &Device::Cpu));
        let images = |_: &_| mnist::load();
        refused(what, || Run::resume(&run, |recorded| Ok(recorded.clone()), images, &Device::Cpu));
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(newest_checkpoint(&run).unwrap().0.step, 2);
}
