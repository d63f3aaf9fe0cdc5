//! The checkpoint file: all that an exact resume needs, in one safetensors file.
//!
//! Tensors `weights/NAME`, `ema/NAME` (where a moving average is kept), `adam_first/NAME`, `adam_second/NAME`, or
//! `momentum/NAME` of the matrices that Muon steps, f32, shapes as PyTorch keeps them.
//! The metadata holds the settings, the step, the seconds spent and a CRC-32 of the tensors' bytes. The random
//! numbers of a step follow from the seed and the step, so there is no further state.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use candle_core::{Device, Tensor};
use safetensors::{Dtype, SafeTensors};

use super::metrics::MAX_STEPS;
use super::optim::{Moments, sum_of_squares};
use super::trainer::Trainer;
use crate::config::{Settings, WeightsKind};
use crate::files::{open_regular, read_up_to};
use crate::tensor_file::{self, CHECKSUM, Entry, MAX_FILE};
use crate::{Error, Result};

/// What the metadata's value of `format` begins with, whatever the version.
pub const FORMAT_NAME: &str = "diffuscope-checkpoint";
/// The metadata's value of `format`.
const FORMAT: &str = "diffuscope-checkpoint-1";
/// Longer headers are not what this program wrote: ours take 100 bytes a tensor.
const MAX_HEADER: u64 = 4 << 20;
/// A century: a run that goes on from it still has a number of them.
const MAX_NANOSECONDS: u64 = 3_155_760_000_000_000_000;
/// Names of the moments: of AdamW, and of Muon.
const ADAM_FIRST: &str = "adam_first";
const ADAM_SECOND: &str = "adam_second";
const MOMENTUM: &str = "momentum";
const HINT: &str =
    "use a checkpoint.safetensors that diffuscope wrote, or the one before it, checkpoint.previous.safetensors";

/// A checkpoint as read from a file.
#[derive(Debug)]
pub struct Checkpoint {
    pub settings: Settings,
    /// Steps done.
    pub step: u64,
    pub elapsed: Duration,
    tensors: HashMap<String, (Vec<usize>, Vec<f32>)>,
}

/// Writes a checkpoint, whole or not at all.
///
/// # Errors
/// [`Error::Diverged`] when some number in it is not finite: no such file is ever written. When the file cannot be
/// written.
pub fn write(trainer: &Trainer, path: &Path) -> Result<()> {
    let settings = serde_json::to_string(trainer.settings()).map_err(|error| Error::write(path)(error.into()))?;
    let metadata = BTreeMap::from([
        ("format", FORMAT.to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("settings", settings),
        ("step", trainer.step_count().to_string()),
        ("nanoseconds", trainer.elapsed.as_nanos().to_string()),
    ]);
    let entries = entries(trainer)?;
    if entries.iter().any(|entry| !sum_of_squares(&entry.values).is_finite()) {
        return Err(Error::Diverged { step: trainer.step_count(), quantity: "the state of the training" });
    }
    tensor_file::write(path, metadata, &entries)
}

/// The step of a checkpoint by its header alone; none where it has none to tell.
pub(super) fn step_of(path: &Path) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Header {
        #[serde(rename = "__metadata__")]
        metadata: HashMap<String, String>,
    }
    let mut file = open_regular(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    let mut text = Vec::new();
    file.take(length.min(MAX_HEADER)).read_to_end(&mut text).ok()?;
    let header: Header = serde_json::from_slice(&text).ok()?;
    header.metadata.get("step")?.parse().ok().filter(|step| *step <= MAX_STEPS)
}

fn entries(trainer: &Trainer) -> Result<Vec<Entry<'_>>> {
    let mut entries = Vec::new();
    for ((name, weight), moments) in trainer.optimizer.weights.iter().zip(&trainer.optimizer.moments) {
        let values = |tensor: &Tensor| -> Result<_> { Ok(Cow::Owned(tensor.flatten_all()?.to_vec1::<f32>()?)) };
        let (first, second, average) = match moments {
            Moments::Host { first, second, average } => {
                let [second, average] = [second, average].map(|values| values.as_deref().map(Cow::Borrowed));
                (Cow::Borrowed(&first[..]), second, average)
            }
            Moments::Device { first, second, average } => {
                let read = |tensor: &Option<Tensor>| tensor.as_ref().map(values).transpose();
                (values(first)?, read(second)?, read(average)?)
            }
        };
        let first_name = if second.is_some() { ADAM_FIRST } else { MOMENTUM };
        let parts = [
            Some(("weights", values(weight)?)),
            average.map(|average| ("ema", average)),
            Some((first_name, first)),
            second.map(|second| (ADAM_SECOND, second)),
        ];
        entries.extend(parts.into_iter().flatten().map(|(part, values)| Entry {
            name: format!("{part}/{name}"),
            shape: weight.dims().to_vec(),
            values,
        }));
    }
    Ok(entries)
}

impl Checkpoint {
    /// Reads and verifies a checkpoint.
    ///
    /// # Errors
    /// When the file cannot be read, is not a checkpoint of this program, or is damaged.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |what: &str| Error::format(path, what, HINT);
        let bytes = read_up_to(path, MAX_FILE)?.ok_or_else(|| wrong("it is longer than any checkpoint"))?;
        let (header_len, header) =
            SafeTensors::read_metadata(&bytes).map_err(|error| wrong(&format!("not a safetensors file: {error}")))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| wrong(&format!("damaged: {error}")))?;
        let metadata = header.metadata().as_ref().ok_or_else(|| wrong("not a checkpoint: it has no metadata"))?;
        let field = |name: &str| metadata.get(name).ok_or_else(|| wrong(&format!("not a checkpoint: no {name}")));
        if field("format")? != FORMAT {
            return Err(wrong("written by another version of the program"));
        }
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[8 + header_len..]);
        if *field(CHECKSUM)? != tensor_file::checksum(&crc) {
            return Err(wrong("damaged: its checksum does not match"));
        }
        let settings =
            serde_json::from_str(field("settings")?).map_err(|error| wrong(&format!("its settings: {error}")))?;
        let number =
            |name: &str| field(name)?.parse::<u64>().map_err(|_| wrong(&format!("its {name} is not a number")));
        let step = number("step")?;
        if step > MAX_STEPS {
            return Err(wrong(&format!("no run takes {step} steps")));
        }
        let nanoseconds = number("nanoseconds")?;
        if nanoseconds > MAX_NANOSECONDS {
            return Err(wrong(&format!("no run takes {nanoseconds} nanoseconds")));
        }
        let mut tensors = HashMap::new();
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(wrong(&format!("{name} is not f32")));
            }
            let values: Vec<_> =
                view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            if !values.iter().all(|value| value.is_finite()) {
                return Err(wrong(&format!("{name} holds a value that is no number")));
            }
            tensors.insert(name.to_owned(), (view.shape().to_vec(), values));
        }
        Ok(Self { settings, step, elapsed: Duration::from_nanos(nanoseconds), tensors })
    }

    /// Puts the state into a trainer that was made from the same settings.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when a tensor is missing or has another shape; the trainer is then as it was.
    pub fn restore(mut self, trainer: &mut Trainer, path: &Path) -> Result<()> {
        let optimizer = &mut trainer.optimizer;
        let averaged = self.settings.training.ema_decay > 0.0;
        let moments = optimizer.moments.iter().map(Moments::has_second);
        let weights = optimizer.weights.iter().map(|(name, weight)| (name, weight.dims()));
        self.check(weights.zip(moments), averaged, path)?;
        for ((name, weight), moments) in optimizer.weights.iter().zip(&mut optimizer.moments) {
            let mut take = |part: &str| self.tensors.remove(&format!("{part}/{name}")).unwrap_or_default().1;
            let tensor = |values| Tensor::from_vec(values, weight.shape(), weight.device());
            weight.set(&tensor(take("weights"))?)?;
            let by_adam = moments.has_second();
            let new_first = take(if by_adam { ADAM_FIRST } else { MOMENTUM });
            let new_second = by_adam.then(|| take(ADAM_SECOND));
            let new_average = averaged.then(|| take("ema"));
            match moments {
                Moments::Host { first, second, average } => {
                    (*first, *second, *average) = (new_first, new_second, new_average);
                }
                Moments::Device { first, second, average } => {
                    (*first, *second) = (tensor(new_first)?, new_second.map(tensor).transpose()?);
                    *average = new_average.map(tensor).transpose()?;
                }
            }
        }
        optimizer.step = self.step;
        trainer.elapsed = self.elapsed;
        Ok(())
    }

    fn check<'a>(
        &self,
        weights: impl Iterator<Item = ((&'a String, &'a [usize]), bool)>,
        averaged: bool,
        path: &Path,
    ) -> Result<()> {
        let mut wrong = Vec::new();
        let mut known = 0;
        for ((name, shape), by_adam) in weights {
            let moments: &[&str] = if by_adam { &[ADAM_FIRST, ADAM_SECOND] } else { &[MOMENTUM] };
            for part in ["weights"].iter().chain(averaged.then_some(&"ema")).chain(moments) {
                let name = format!("{part}/{name}");
                known += 1;
                match self.tensors.get(&name) {
                    None => wrong.push(format!("{name} is missing")),
                    Some((found, _)) if found != shape => wrong.push(format!("{name} is {found:?}, not {shape:?}")),
                    Some(_) => {}
                }
            }
        }
        if wrong.is_empty() && known != self.tensors.len() {
            wrong.push(format!("{} tensors instead of {known}", self.tensors.len()));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        wrong.truncate(3);
        Err(Error::Mismatch { path: path.to_path_buf(), what: wrong.join("; ") })
    }

    /// The weights, or their moving average, for drawing.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn weights(&self, kind: WeightsKind, device: &Device) -> Result<HashMap<String, Tensor>> {
        let averaged = kind == WeightsKind::Ema && self.settings.training.ema_decay > 0.0;
        let prefix = if averaged { "ema/" } else { "weights/" };
        self.tensors
            .iter()
            .filter_map(|(name, (shape, values))| name.strip_prefix(prefix).map(|name| (name, shape, values)))
            .map(|(name, shape, values)| Ok((name.to_owned(), Tensor::from_slice(values, shape.as_slice(), device)?)))
            .collect()
    }

    /// Count of trainable values.
    pub fn parameters(&self) -> usize {
        self.tensors.iter().filter(|(name, _)| name.starts_with("weights/")).map(|(_, (_, v))| v.len()).sum()
    }
}
