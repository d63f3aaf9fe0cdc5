//! Puts the places of a mutated header of safetensors right: with gaps or overlaps, a reader would look no further.

use serde_json::{Value, json};

/// Places beyond that stay as they are.
const MOST_BYTES: u64 = 1 << 20;

/// The header with every tensor right behind the one before it, in the order of their places; none where it is no header.
pub fn repaired(header: &[u8]) -> Option<Vec<u8>> {
    let mut parsed: Value = serde_json::from_slice(header).ok()?;
    let tensors = parsed.as_object_mut()?.iter_mut().filter(|(name, _)| *name != "__metadata__");
    let mut tensors: Vec<_> = tensors.map(|(_, tensor)| tensor).collect();
    tensors.sort_by_key(|tensor| tensor["data_offsets"][0].as_u64());
    let mut end = 0;
    for tensor in tensors {
        let start = end;
        let bytes = match tensor["dtype"].as_str()? {
            "F32" | "I32" | "U32" => 4,
            "F64" | "I64" | "U64" => 8,
            "F16" | "BF16" | "I16" | "U16" => 2,
            _ => 1,
        };
        let mut shape = tensor["shape"].as_array()?.iter();
        let bytes = shape.try_fold(bytes, |bytes: u64, side| bytes.checked_mul(side.as_u64()?));
        end += bytes.filter(|bytes| *bytes <= MOST_BYTES)?;
        *tensor.get_mut("data_offsets")? = json!([start, end]);
    }
    serde_json::to_vec(&parsed).ok()
}
