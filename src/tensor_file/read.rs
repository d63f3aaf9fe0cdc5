//! Reading named f32 tensors from a safetensors file of anybody.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use super::MAX_FILE;
use crate::files::read_up_to;
use crate::{Error, Result};

/// A tensor that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    pub shape: Vec<usize>,
    /// In row-major order.
    pub values: Vec<f32>,
}

/// Finds the tensors of these names; none for a name that the file does not have. `hint` says what file would do.
///
/// # Errors
/// When the file cannot be read, is longer than any, is no safetensors file, or one of the tensors is not f32.
fn find<const N: usize>(path: &Path, names: [&str; N], hint: &str) -> Result<[Option<Numbers>; N]> {
    let wrong = |what: String| Error::format(path, what, hint);
    let bytes = read_up_to(path, MAX_FILE)?.ok_or_else(|| wrong("it is too long".into()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| wrong(format!("not a safetensors file: {error}")))?;
    let mut found = [const { None }; N];
    for (name, place) in names.into_iter().zip(&mut found) {
        let Ok(view) = file.tensor(name) else { continue };
        if view.dtype() != Dtype::F32 {
            return Err(wrong(format!("{name} is {}, not F32", view.dtype())));
        }
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        *place = Some(Numbers { shape: view.shape().to_vec(), values });
    }
    Ok(found)
}

/// The question in a file: images, and beside each of them a number, and a class where there are some.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// `[B, C, H, W]`, at least one value.
    pub images: Numbers,
    /// `[B]`, as the classes.
    pub t: Vec<f32>,
    pub class_labels: Option<Vec<f32>>,
}

impl Question {
    /// Reads a file whose tensors fit together.
    ///
    /// # Errors
    /// As [`find`], and when a tensor is missing or has another shape.
    pub fn read(path: &Path, hint: &str) -> Result<Self> {
        let wrong = |what: String| Error::format(path, what, hint);
        let [images, t, labels] = find(path, ["input", "t", "class_labels"], hint)?;
        let images = images.ok_or_else(|| wrong("it has no tensor input".into()))?;
        if images.shape.len() != 4 || images.values.is_empty() {
            return Err(wrong(format!("input is {:?}, not [B, C, H, W]", images.shape)));
        }
        let beside = |name: &str, found: Numbers| {
            if found.shape == images.shape[..1] {
                return Ok(found.values);
            }
            let count = images.shape[0];
            Err(wrong(format!("{name} is {:?}, not [{count}] as input has images", found.shape)))
        };
        let t = beside("t", t.ok_or_else(|| wrong("it has no tensor t".into()))?)?;
        let class_labels = labels.map(|labels| beside("class_labels", labels)).transpose()?;
        Ok(Self { images, t, class_labels })
    }
}

/// The tensor `images` of a file, square and grey, `[N, 1, H, H]`.
///
/// # Errors
/// As [`find`], and when it is missing or has another shape.
pub fn read_images(path: &Path, hint: &str) -> Result<Numbers> {
    let [images] = find(path, ["images"], hint)?;
    let images = images.ok_or_else(|| Error::format(path, "has no tensor images", hint))?;
    match images.shape[..] {
        [_, 1, height, width] if height == width && height > 0 => Ok(images),
        _ => Err(Error::format(path, format!("images are {:?}, not [N, 1, H, H]", images.shape), hint)),
    }
}
