//! What a checkpoint says of itself before its tensors. It is read and judged first, so that a file of another length than
//! its settings give is refused before its tensors take memory.

use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use safetensors::Dtype;

use super::{FORMAT, HINT, MAX_STEPS};
use crate::config::Settings;
use crate::files::open_own;
use crate::tensor_file::{CHECKSUM, MAX_FILE};
use crate::{Error, Result, tensor_file};

/// Longer headers are not what this program wrote: ours take 100 bytes a tensor.
const MAX_HEADER: u64 = 4 << 20;
/// A century: a run that goes on from it still has a number of them.
const MAX_NANOSECONDS: u64 = 3_155_760_000_000_000_000;
/// The bytes of a file before its header, which tell how long that is.
const LENGTH_BYTES: u64 = 8;

/// The header of a file that has as many bytes as it says, all of f32.
#[derive(Debug)]
pub(super) struct Header {
    pub settings: Settings,
    pub step: u64,
    pub elapsed: Duration,
    /// CRC-32 of the tensors' bytes, as it stands in the metadata.
    pub checksum: String,
    /// Names and shapes in the order of the file.
    pub tensors: Vec<(String, Vec<usize>)>,
}

impl Header {
    /// Reads the beginning of a file of `length` bytes, up to its tensors.
    pub fn read(path: &Path, file: &mut impl Read, length: u64) -> Result<Self> {
        let wrong = |what: &str| Error::format(path, what, HINT);
        if length > MAX_FILE {
            return Err(wrong("it is longer than any checkpoint"));
        }
        let text = text_of(file).map_err(Error::read(path))?.ok_or_else(|| wrong("not a safetensors file"))?;
        let header: safetensors::tensor::Metadata =
            serde_json::from_slice(&text).map_err(|error| wrong(&format!("not a safetensors file: {error}")))?;
        let (said, found) = (header.data_len() as u64, length.saturating_sub(LENGTH_BYTES + text.len() as u64));
        if said != found {
            return Err(wrong(&format!("damaged: {found} bytes of tensors, and its header says {said}")));
        }
        let metadata = header.metadata().as_ref().ok_or_else(|| wrong("not a checkpoint: it has no metadata"))?;
        let field = |name: &str| metadata.get(name).ok_or_else(|| wrong(&format!("not a checkpoint: no {name}")));
        if field("format")? != FORMAT {
            return Err(wrong("written by another version of the program"));
        }
        tensor_file::check_metadata(metadata).map_err(wrong)?;
        let settings =
            serde_json::from_str(field("settings")?).map_err(|error| wrong(&format!("its settings: {error}")))?;
        let number =
            |name: &str| field(name)?.parse::<u64>().map_err(|_| wrong(&format!("its {name} is not a number")));
        let (step, nanoseconds) = (number("step")?, number("nanoseconds")?);
        if nanoseconds > MAX_NANOSECONDS {
            return Err(wrong(&format!("no run takes {nanoseconds} nanoseconds")));
        }
        let mut tensors = Vec::new();
        for name in header.offset_keys() {
            let Some(info) = header.info(&name) else { continue };
            if info.dtype != Dtype::F32 {
                return Err(wrong(&format!("{name} is not f32")));
            }
            tensors.push((name, info.shape.clone()));
        }
        let checksum = field(CHECKSUM)?.clone();
        Ok(Self { settings, step, elapsed: Duration::from_nanos(nanoseconds), checksum, tensors })
    }
}

/// The header's text; none where there is none, or one that is too long.
fn text_of(file: &mut impl Read) -> std::io::Result<Option<Vec<u8>>> {
    let mut length = [0; LENGTH_BYTES as usize];
    match file.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER {
        return Ok(None);
    }
    let mut text = Vec::new();
    file.take(length).read_to_end(&mut text)?;
    Ok((text.len() as u64 == length).then_some(text))
}

/// The step of a checkpoint by its header alone; none where it has none to tell.
pub(in crate::train) fn step_of(path: &Path) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Described {
        #[serde(rename = "__metadata__")]
        metadata: HashMap<String, String>,
    }
    let text = text_of(&mut open_own(path).ok()?).ok()??;
    let Described { metadata } = serde_json::from_slice(&text).ok()?;
    tensor_file::check_metadata(&metadata).ok()?;
    metadata.get("step")?.parse().ok().filter(|step| *step <= MAX_STEPS)
}
