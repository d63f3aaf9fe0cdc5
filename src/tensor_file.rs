//! Named f32 tensors in safetensors files: writing them from borrowed values, with two checksums in the metadata, of the
//! tensors and of the rest of the metadata; and reading a few by their names.

mod read;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde_json::json;

use crate::files::write_atomically;
use crate::{Error, Result};

pub use read::{Question, read_images};

/// The metadata's name of the CRC-32 of all tensors' bytes, eight hexadecimal digits.
pub const CHECKSUM: &str = "crc32";
/// The metadata's name of the CRC-32 of its other fields, eight hexadecimal digits: see [`metadata_checksum`]. Files of
/// earlier versions have none.
pub const METADATA_CHECKSUM: &str = "metadata_crc32";
/// Longer files of tensors are not read whole: a checkpoint of the largest network that is trained here takes half of it.
pub const MAX_FILE: u64 = 8 << 30;

/// One tensor to write: row-major values of a shape.
#[derive(Debug)]
pub struct Entry<'a> {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Cow<'a, [f32]>,
}

/// Writes the tensors in their order, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, mut metadata: BTreeMap<&str, String>, entries: &[Entry]) -> Result<()> {
    let mut crc = flate2::Crc::new();
    for entry in entries {
        for_each_block(&entry.values, |bytes| {
            crc.update(bytes);
            Ok(())
        })
        .map_err(Error::write(path))?;
    }
    metadata.insert(CHECKSUM, checksum(&crc));
    metadata.insert(METADATA_CHECKSUM, metadata_checksum(&metadata));
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".into(), json!(metadata));
    let mut offset = 0;
    for entry in entries {
        let end = offset + 4 * entry.values.len();
        let description = json!({ "dtype": "F32", "shape": entry.shape, "data_offsets": [offset, end] });
        header.insert(entry.name.clone(), description);
        offset = end;
    }
    let mut header = serde_json::Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    write_atomically(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        entries.iter().try_for_each(|entry| for_each_block(&entry.values, |bytes| file.write_all(bytes)))
    })
}

/// A finished CRC as it stands in the metadata.
pub fn checksum(crc: &flate2::Crc) -> String {
    format!("{:08x}", crc.sum())
}

/// The CRC-32 of all fields of a metadata but the two checksums: of one JSON object of them in UTF-8, sorted by the bytes
/// of their names, without white space, in which only `"`, `\\` and control characters are escaped, as briefly as JSON can.
/// In Python: `json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)`.
pub fn metadata_checksum<N: AsRef<str>, V: AsRef<str>>(metadata: impl IntoIterator<Item = (N, V)>) -> String {
    let fields = metadata.into_iter().map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned()));
    let fields: BTreeMap<_, _> =
        fields.filter(|(name, _)| ![CHECKSUM, METADATA_CHECKSUM].contains(&name.as_str())).collect();
    let mut crc = flate2::Crc::new();
    crc.update(json!(fields).to_string().as_bytes());
    checksum(&crc)
}

/// Says whether a metadata is as it was written, where that can be told: it names its checksum.
///
/// # Errors
/// What is wrong, in words.
pub fn check_metadata<'a, M>(metadata: M) -> std::result::Result<(), &'static str>
where
    M: IntoIterator<Item = (&'a String, &'a String)> + Copy,
{
    let known = metadata.into_iter().find(|(name, _)| *name == METADATA_CHECKSUM);
    match known {
        Some((_, known)) if *known != metadata_checksum(metadata) => {
            Err("damaged: the checksum of its metadata does not match")
        }
        _ => Ok(()),
    }
}

/// The values as little-endian bytes, a block at a time.
pub fn for_each_block(values: &[f32], mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut bytes = [0u8; 1 << 14];
    for block in values.chunks(bytes.len() / 4) {
        for (bytes, value) in bytes.chunks_exact_mut(4).zip(block) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        take(&bytes[..4 * block.len()])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_tensors_are_read_back_by_the_safetensors_crate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let values: Vec<f32> = (0..5000).map(|i| i as f32 * 0.5).collect();
        let entries = [
            Entry { name: "b".into(), shape: vec![50, 100], values: Cow::Borrowed(&values) },
            Entry { name: "a".into(), shape: vec![], values: Cow::Owned(vec![7.0]) },
        ];
        write(&path, BTreeMap::from([("format", "test".into())]), &entries).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.tensor("b").unwrap().shape(), [50, 100]);
        assert_eq!(file.tensor("b").unwrap().data()[4..8], 0.5f32.to_le_bytes());
        assert_eq!(file.tensor("a").unwrap().data(), 7.0f32.to_le_bytes());
    }

    /// Its number is that of Python, `zlib.crc32(json.dumps(…).encode())`: the order of bytes is the stated one.
    #[test]
    fn the_checksum_of_the_metadata_is_of_all_other_fields_in_a_stated_order() {
        let fields = [("b", "2"), ("é", "\"\\\u{1}\n\u{7f}é"), ("a", "1"), ("B", "")];
        let owned = |fields: &[(&str, &str)]| -> BTreeMap<String, String> {
            fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        assert_eq!(metadata_checksum(fields), "6f7c6814");
        assert_eq!(metadata_checksum(fields.into_iter().rev().chain([(CHECKSUM, "0")])), "6f7c6814");
        let mut whole = owned(&fields);
        assert_eq!(check_metadata(&whole), Ok(()), "written by an earlier version");
        whole.insert(METADATA_CHECKSUM.into(), "6f7c6814".into());
        assert_eq!(check_metadata(&whole), Ok(()));
        for (name, value) in [("b", "3"), ("c", "2"), ("a1", ""), (METADATA_CHECKSUM, "")] {
            let mut other = whole.clone();
            other.insert(name.into(), value.into());
            assert!(check_metadata(&other).is_err(), "{name}");
        }
        // Without lengths or quotes, these would be one text.
        assert_ne!(metadata_checksum([("ab", "c")]), metadata_checksum([("a", "bc")]));
    }
}
