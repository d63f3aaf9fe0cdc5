//! Listing a safetensors file: its header alone, checked by the crate of the format.

use std::fs::File;
use std::io::Read;

use safetensors::tensor::Metadata;

use super::element::{Element, View};
use super::pickle::{Parsed, shown};
use super::{Listing, Storage, Stored};

/// The longest header that is read.
const MAX_HEADER: u64 = 16 << 20;

/// Lists the tensors. The crate refuses headers whose tensors overlap, leave gaps, or differ from their shapes.
pub fn list(file: &mut File, length: u64) -> Parsed<Listing> {
    let mut size = [0; 8];
    file.read_exact(&mut size).map_err(|_| "neither a safetensors file nor one of torch.save: it is too short")?;
    let size = u64::from_le_bytes(size);
    let start = size.checked_add(8).filter(|start| *start <= length);
    let start = start.ok_or("neither a safetensors file nor one of torch.save, or cut short")?;
    if size > MAX_HEADER {
        return Err(format!("its header says that it takes {size} bytes"));
    }
    let mut header = Vec::new();
    file.take(size).read_to_end(&mut header).map_err(|error| error.to_string())?;
    let header: Metadata = serde_json::from_slice(&header).map_err(|error| format!("its header is wrong: {error}"))?;
    if start + header.data_len() as u64 != length {
        return Err(format!(
            "cut short or damaged: it has {} bytes of tensors, its header says {}",
            length - start,
            header.data_len()
        ));
    }
    let mut listing = Listing::default();
    let mut tensors: Vec<_> = header.tensors().into_iter().collect();
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    for (name, info) in tensors {
        let element = Element::of_safetensors(info.dtype)
            .ok_or_else(|| format!("{} has numbers of type {:?}", shown(&name), info.dtype))?;
        let (from, to) = info.data_offsets;
        let bytes = start + from as u64..start + to as u64;
        listing.tensors.push(Stored {
            name,
            view: View::row_major(info.shape.clone()),
            storage: listing.storages.len(),
        });
        listing.storages.push(Storage { element, bytes, crc32: None });
    }
    listing.metadata.extend(header.metadata().clone().unwrap_or_default());
    Ok(listing)
}
