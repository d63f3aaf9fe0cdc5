//! Weights that others wrote: `.safetensors`, and `.pth` in both forms that `torch.save` has had.
//!
//! A file is first listed ([`WeightsFile::open`]): names, shapes, and where the numbers lie, all checked against the
//! length of the file. Nothing is read beyond that until the caller has seen that the names and shapes suit it; then
//! [`WeightsFile::load`] reads one storage after another. Memory is bounded by the file's size, whatever it claims.

pub mod compact_as_unet;
pub mod diffusers;
mod element;
pub mod fit;
mod legacy;
mod pickle;
mod pth;
mod pth_write;
mod safetensors_file;
mod state_dict;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use element::{Element, View};
use pickle::{Parsed, shown};
pub use pth_write::write_pth;

use crate::files::open_regular;
use crate::{Error, Result};

const HINT: &str =
    "use a .safetensors or .pth file of weights alone, as torch.save(model.state_dict(), path) writes it";

/// Told of the bytes read so far, and of all that will be read.
pub type OnProgress<'a> = dyn FnMut(u64, u64) + 'a;

/// A tensor that a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub name: String,
    view: View,
    storage: usize,
}

impl Stored {
    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        &self.view.shape
    }
}

/// Consecutive numbers somewhere in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Storage {
    element: Element,
    bytes: Range<u64>,
    /// Where the format keeps one.
    crc32: Option<u32>,
}

/// What the reader of a format found.
#[derive(Debug, Default)]
struct Listing {
    storages: Vec<Storage>,
    tensors: Vec<Stored>,
    averaged: Vec<Stored>,
    metadata: BTreeMap<String, String>,
}

/// A file of weights, listed and checked but not read.
#[derive(Debug)]
pub struct WeightsFile {
    path: PathBuf,
    listing: Listing,
}

impl WeightsFile {
    /// Lists the file, whose first bytes tell its format.
    ///
    /// # Errors
    /// When it cannot be read, is of another format, holds anything but tensors, or lies about sizes or places.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = open_regular(path)?;
        let length = file.metadata().map_err(Error::read(path))?.len();
        let mut start = Vec::new();
        file.by_ref().take(4).read_to_end(&mut start).map_err(Error::read(path))?;
        file.rewind().map_err(Error::read(path))?;
        let listing = match start.as_slice() {
            b"PK\x03\x04" => pth::list(&mut file),
            [0x80, 0..=5, ..] => legacy::list(&mut file, length),
            _ => safetensors_file::list(&mut file, length),
        };
        let listing = listing.and_then(|listing| checked(listing, length));
        let listing = listing.map_err(|what| Error::format(path, what, HINT))?;
        Ok(Self { path: path.to_path_buf(), listing })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says about itself, such as the settings that this program writes.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.listing.metadata
    }

    /// The weights.
    pub fn tensors(&self) -> &[Stored] {
        &self.listing.tensors
    }

    /// Their moving average, where the file has one beside them.
    pub fn averaged(&self) -> &[Stored] {
        &self.listing.averaged
    }

    /// Reads `wanted` as f32, row-major; `on_progress` hears of each storage.
    ///
    /// # Errors
    /// When the file cannot be read, does not match its own checksum, or the device has no room.
    pub fn load(
        &self,
        wanted: &[Stored],
        device: &Device,
        on_progress: &mut OnProgress,
    ) -> Result<HashMap<String, Tensor>> {
        // In the order of the file; an empty storage may begin where another one does.
        let mut by_storage = BTreeMap::<(u64, usize), Vec<&Stored>>::new();
        for tensor in wanted {
            let start = self.listing.storages[tensor.storage].bytes.start;
            by_storage.entry((start, tensor.storage)).or_default().push(tensor);
        }
        let total = by_storage.keys().map(|(_, storage)| length(&self.listing.storages[*storage].bytes)).sum();
        let mut file = open_regular(&self.path)?;
        let (mut done, mut loaded) = (0, HashMap::new());
        for ((_, storage), tensors) in by_storage {
            let storage = &self.listing.storages[storage];
            let bytes = self.read(&mut file, storage)?;
            for tensor in tensors {
                let values = tensor.view.gather(storage.element, &bytes);
                loaded.insert(tensor.name.clone(), Tensor::from_vec(values, tensor.shape(), device)?);
            }
            done += bytes.len() as u64;
            on_progress(done, total);
        }
        Ok(loaded)
    }

    fn read(&self, file: &mut File, storage: &Storage) -> Result<Vec<u8>> {
        let count = length(&storage.bytes);
        let mut bytes = Vec::with_capacity(count as usize);
        file.seek(SeekFrom::Start(storage.bytes.start))
            .and_then(|_| file.take(count).read_to_end(&mut bytes))
            .map_err(Error::read(&self.path))?;
        let mut crc = flate2::Crc::new();
        crc.update(&bytes);
        if bytes.len() as u64 != count || storage.crc32.is_some_and(|known| known != crc.sum()) {
            return Err(Error::format(
                &self.path,
                "damaged: the bytes of a tensor are not those that were written",
                HINT,
            ));
        }
        Ok(bytes)
    }
}

fn length(bytes: &Range<u64>) -> u64 {
    bytes.end.saturating_sub(bytes.start)
}

/// What every format must keep to, so that no lie about sizes costs memory.
fn checked(listing: Listing, length: u64) -> Parsed<Listing> {
    let mut ranges: Vec<_> = listing.storages.iter().map(|storage| storage.bytes.clone()).collect();
    ranges.retain(|bytes| !bytes.is_empty());
    ranges.sort_by_key(|bytes| bytes.start);
    if ranges.iter().any(|bytes| bytes.end > length) {
        return Err("cut short: a tensor's numbers lie beyond the end of the file".into());
    }
    if ranges.windows(2).any(|pair| pair[0].end > pair[1].start) {
        return Err("two storages overlap".into());
    }
    let mut total = 0u64;
    for tensor in listing.tensors.iter().chain(&listing.averaged) {
        let storage = &listing.storages[tensor.storage];
        let needed = tensor.view.reach().and_then(|reach| reach.checked_mul(storage.element.size()));
        if needed.is_none_or(|needed| needed as u64 > self::length(&storage.bytes)) {
            return Err(format!("{} reaches beyond its storage", shown(&tensor.name)));
        }
        // No file of weights needs more numbers than it has bytes, unless its tensors are views of each other.
        total = total.saturating_add(tensor.view.count().unwrap_or(usize::MAX) as u64);
        if total > length {
            let shape = &tensor.view.shape;
            return Err(format!("{} of {shape:?} is larger than the file that holds it", shown(&tensor.name)));
        }
    }
    Ok(listing)
}

#[cfg(test)]
mod tests;
