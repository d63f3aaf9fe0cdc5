//! Listing a `.pth` from before PyTorch 1.6: five pickles, then the storages one after another.
//!
//! The pickles are a magic number, the version 1001, facts about the machine, the object, and the storages' keys in
//! their order. Each storage is its count of numbers (i64) and the numbers, little-endian.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::pickle::{Parsed, Pickle, Value, shown};
use super::pth::MAX_PICKLE;
use super::{Listing, Storage, Stored, pickle, state_dict};

/// 0x1950a86a20f9469cfc6c, which begins the file.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const VERSION: i64 = 1001;

/// Lists the tensors.
pub fn list(file: &mut File, length: u64) -> Parsed<Listing> {
    let mut start = Vec::new();
    file.take(MAX_PICKLE).read_to_end(&mut start).map_err(|error| error.to_string())?;
    let mut position = 0;
    let mut next = || -> Parsed<Pickle> {
        let pickle = pickle::read(&start[position..])?;
        position += pickle.length;
        Ok(pickle)
    };
    if next()?.root != Value::Long(&MAGIC) {
        return Err("it is a pickle, but not one of torch.save".into());
    }
    if next()?.root != Value::Int(VERSION) {
        return Err("it is of another version of the old format of torch.save".into());
    }
    check_machine(&next()?)?;
    let object = next()?;
    let keys = next()?;
    let Value::List(keys_list) = keys.root else { return Err("its list of storages is not a list".into()) };

    let mut known = HashMap::new();
    for storage in &object.arena.storages {
        if *known.entry(storage.key).or_insert(storage) != storage {
            return Err(format!("its pickle contradicts itself about the storage {}", shown(storage.key)));
        }
    }
    let mut listing = Listing::default();
    let mut numbers = HashMap::new();
    let mut at = position as u64;
    for key in &keys.arena.sequences[keys_list] {
        let Value::Text(key) = *key else { return Err("its list of storages holds something else".into()) };
        let storage = known.get(key).ok_or_else(|| format!("no tensor lies in its storage {}", shown(key)))?;
        let mut count = [0; 8];
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut count));
        read.map_err(|_| "cut short in its storages")?;
        let count = i64::from_le_bytes(count);
        if usize::try_from(count).ok() != Some(storage.count) {
            return Err(format!("its storage {} has {count} numbers, its pickle says {}", shown(key), storage.count));
        }
        let bytes = storage.count.checked_mul(storage.element.size());
        let end = bytes.and_then(|bytes| (at + 8).checked_add(bytes as u64)).filter(|end| *end <= length);
        let end = end.ok_or_else(|| format!("cut short in its storage {}", shown(key)))?;
        if numbers.insert(key, listing.storages.len()).is_some() {
            return Err(format!("it lists its storage {} twice", shown(key)));
        }
        listing.storages.push(Storage { element: storage.element, bytes: at + 8..end, crc32: None });
        at = end;
    }
    let (tensors, averaged) = state_dict::find(&object)?;
    let stored = |named: state_dict::Named| -> Parsed<Vec<Stored>> {
        let stored = named.into_iter().map(|(name, tensor)| {
            let tensor = &object.arena.tensors[tensor];
            let key = object.arena.storages[tensor.storage].key;
            let storage = *numbers.get(key).ok_or_else(|| format!("its storage {} is missing", shown(key)))?;
            Ok(Stored { name, view: tensor.view.clone(), storage })
        });
        stored.collect()
    };
    (listing.tensors, listing.averaged) = (stored(tensors)?, stored(averaged)?);
    Ok(listing)
}

/// The file must come from a little-endian machine.
fn check_machine(facts: &Pickle) -> Parsed<()> {
    let Value::Dict(dict) = facts.root else { return Err("its facts about the machine are not a dictionary".into()) };
    let little = facts.arena.sequences[dict].chunks_exact(2).find(|entry| entry[0] == Value::Text("little_endian"));
    match little {
        Some([_, Value::Bool(true)]) => Ok(()),
        _ => Err("its numbers are not little-endian".into()),
    }
}
