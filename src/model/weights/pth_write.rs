//! Writing a `.pth` as `torch.save` does since PyTorch 1.6, for `torch.load(weights_only=True)` and
//! `load_state_dict(strict=True)`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use super::pth::SETTINGS_ENTRY;
use crate::Result;
use crate::files::write_atomically;
use crate::tensor_file::{Entry, for_each_block};

/// The folder inside the archive.
const FOLDER: &str = "archive";
/// PyTorch's version of the format.
const FORMAT_VERSION: &str = "3\n";
/// Where storages begin, so that they can be mapped into memory.
const ALIGNMENT: u16 = 64;

/// Writes an `OrderedDict` of the tensors, whole or not at all. `metadata` goes into an entry of its own, which
/// PyTorch passes over and [`WeightsFile`](super::WeightsFile) reads.
///
/// # Errors
/// When the file cannot be written.
pub fn write_pth(path: &Path, metadata: &BTreeMap<&str, String>, entries: &[Entry]) -> Result<()> {
    write_atomically(path, |file| {
        let mut archive = ZipWriter::new_stream(file);
        // A fixed date, so that the same weights make the same bytes.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default());
        let mut add = |name: &str, size: usize, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>| {
            let large = size as u64 >= u64::from(u32::MAX);
            let options = options.large_file(large).with_alignment(ALIGNMENT);
            archive.start_file(format!("{FOLDER}/{name}"), options)?;
            fill(&mut archive)
        };
        let mut text = |name: &str, text: &[u8]| add(name, text.len(), &mut |file| file.write_all(text));
        text("data.pkl", &pickle(entries))?;
        text("byteorder", b"little")?;
        text("version", FORMAT_VERSION.as_bytes())?;
        text(SETTINGS_ENTRY, &serde_json::to_vec(metadata)?)?;
        for (i, entry) in entries.iter().enumerate() {
            add(&format!("data/{i}"), 4 * entry.values.len(), &mut |file| {
                for_each_block(&entry.values, |bytes| file.write_all(bytes))
            })?;
        }
        archive.finish()?.into_inner().flush()
    })
}

/// `OrderedDict` of `torch._utils._rebuild_tensor_v2(storage i, 0, shape, strides, False, OrderedDict())`.
fn pickle(entries: &[Entry]) -> Vec<u8> {
    const EMPTY_DICT: &[u8] = b"ccollections\nOrderedDict\n)R";
    let mut out = b"\x80\x02".to_vec();
    out.extend(EMPTY_DICT);
    out.push(b'(');
    for (i, entry) in entries.iter().enumerate() {
        text(&mut out, &entry.name);
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut out, "storage");
        out.extend(b"ctorch\nFloatStorage\n");
        text(&mut out, &i.to_string());
        text(&mut out, "cpu");
        integer(&mut out, entry.values.len());
        out.extend(b"tQ");
        integer(&mut out, 0);
        let view = super::View::row_major(entry.shape.clone());
        for sizes in [&view.shape, &view.strides] {
            out.push(b'(');
            sizes.iter().for_each(|&size| integer(&mut out, size));
            out.push(b't');
        }
        out.push(0x89);
        out.extend(EMPTY_DICT);
        out.extend(b"tR");
    }
    out.extend(b"u.");
    out
}

/// BINUNICODE.
fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

/// LONG1 of eight bytes, positive.
fn integer(out: &mut Vec<u8>, value: usize) {
    out.extend([0x8a, 8]);
    out.extend((value as u64).to_le_bytes());
}
