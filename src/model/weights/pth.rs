//! Listing a `.pth` of PyTorch 1.6 and later: a zip archive of a pickle and one stored entry a storage.
//!
//! ```text
//! NAME/data.pkl     the pickle: names, shapes, and which storage each tensor lies in
//! NAME/data/0 …     the storages' bytes
//! NAME/byteorder    "little"
//! ```
//!
//! `torch.save` compresses nothing, so a compressed entry is refused, and with it every zip bomb.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

use zip::{CompressionMethod, ZipArchive};

use super::pickle::{Parsed, shown};
use super::{Listing, Storage, Stored, pickle, state_dict};

/// The longest pickle that is read.
pub const MAX_PICKLE: u64 = 8 << 20;
/// The entry in which this program keeps the settings; PyTorch passes over it.
pub const SETTINGS_ENTRY: &str = "diffuscope.json";
/// The longest of the small entries.
const MAX_NOTE: u64 = 1 << 16;

/// Lists the tensors.
pub fn list(file: &mut File) -> Parsed<Listing> {
    let mut archive = ZipArchive::new(&mut *file).map_err(|error| format!("cut short, or no zip archive: {error}"))?;
    let mut pickles = archive.file_names_raw().filter_map(|name| name.strip_suffix(b"/data.pkl"));
    let folder = pickles.next().ok_or("it is a zip archive, but not one of torch.save: it has no data.pkl")?;
    let folder = String::from_utf8(folder.to_vec()).map_err(|_| "the name of its data.pkl is not UTF-8")?;
    if pickles.next().is_some() {
        return Err("it has more than one data.pkl".into());
    }
    drop(pickles);
    let entry = |name: &str| format!("{folder}/{name}");
    if let Some(order) = note(&mut archive, &entry("byteorder"))?
        && order != "little"
    {
        return Err(format!("its numbers are in the byte order {}", shown(&order)));
    }
    let program = read(&mut archive, &entry("data.pkl"), MAX_PICKLE)?;
    let pickle = pickle::read(&program)?;
    let (tensors, averaged) = state_dict::find(&pickle)?;

    let mut listing = Listing::default();
    let mut numbers = HashMap::<&str, (usize, usize)>::new();
    let mut number_of = Vec::with_capacity(pickle.arena.storages.len());
    for (record, storage) in pickle.arena.storages.iter().enumerate() {
        let key = shown(storage.key);
        if let Some(&(first, number)) = numbers.get(storage.key) {
            if pickle.arena.storages[first] != *storage {
                return Err(format!("its pickle contradicts itself about the storage {key}"));
            }
            number_of.push(number);
            continue;
        }
        let bytes = storage.count.checked_mul(storage.element.size());
        let (start, size, crc32) = place(&mut archive, &entry(&format!("data/{}", storage.key)))?;
        if bytes.is_none_or(|bytes| bytes as u64 != size) {
            return Err(format!("the storage {key} of {} numbers has {size} bytes", storage.count));
        }
        let end = start.checked_add(size).ok_or_else(|| format!("the storage {key} lies beyond the file"))?;
        number_of.push(listing.storages.len());
        numbers.insert(storage.key, (record, listing.storages.len()));
        listing.storages.push(Storage { element: storage.element, bytes: start..end, crc32: Some(crc32) });
    }
    let stored = |named: state_dict::Named| {
        let stored = named.into_iter().map(|(name, tensor)| {
            let tensor = &pickle.arena.tensors[tensor];
            Stored { name, view: tensor.view.clone(), storage: number_of[tensor.storage] }
        });
        stored.collect()
    };
    (listing.tensors, listing.averaged) = (stored(tensors), stored(averaged));
    if let Some(settings) = note(&mut archive, &entry(SETTINGS_ENTRY))? {
        listing.metadata = serde_json::from_str(&settings).map_err(|error| format!("its {SETTINGS_ENTRY}: {error}"))?;
    }
    Ok(listing)
}

type Archive<'a> = ZipArchive<&'a mut File>;

/// Where the bytes of an entry begin, how many there are, and their checksum.
fn place(archive: &mut Archive, name: &str) -> Parsed<(u64, u64, u32)> {
    let entry = archive.by_name(name).map_err(|error| format!("its entry {}: {error}", shown(name)))?;
    if entry.compression() != CompressionMethod::Stored || entry.encrypted() || entry.size() != entry.compressed_size()
    {
        return Err(format!("its entry {} is compressed or encrypted, which torch.save never does", shown(name)));
    }
    let start = entry.data_start().ok_or_else(|| format!("its entry {} has no place in the file", shown(name)))?;
    Ok((start, entry.size(), entry.crc32()))
}

fn read(archive: &mut Archive, name: &str, limit: u64) -> Parsed<Vec<u8>> {
    let (_, size, _) = place(archive, name)?;
    if size > limit {
        return Err(format!("its entry {} takes {size} bytes, more than the {limit} that are read", shown(name)));
    }
    let damaged = |error: &dyn std::fmt::Display| format!("damaged: its entry {}: {error}", shown(name));
    let entry = archive.by_name(name).map_err(|error| damaged(&error))?;
    let mut bytes = Vec::new();
    entry.take(limit).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
    Ok(bytes)
}

/// The text of a small entry that need not be there.
fn note(archive: &mut Archive, name: &str) -> Parsed<Option<String>> {
    if archive.index_for_name(name).is_none() {
        return Ok(None);
    }
    let bytes = read(archive, name, MAX_NOTE)?;
    String::from_utf8(bytes).map(Some).map_err(|_| format!("its entry {} is not text", shown(name)))
}
