//! The checkpoint file: all that an exact resume needs, in one safetensors file.
//!
//! Tensors `weights/NAME`, `ema/NAME` (where a moving average is kept), `adam_first/NAME`, `adam_second/NAME`, or
//! `momentum/NAME` of the matrices that Muon steps, f32, shapes as PyTorch keeps them.
//! The metadata holds the settings, the step, the seconds spent and a CRC-32 of the tensors' bytes. The random
//! numbers of a step follow from the seed and the step, so there is no further state.

mod fit;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use candle_core::{Device, Tensor};
use safetensors::{Dtype, SafeTensors};

use super::folder::RunFile;
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
/// What the tensors of the weights, and of their moving average, are named under.
const WEIGHTS: &str = "weights";
const EMA: &str = "ema";
/// The moments: of AdamW, and of Muon.
const ADAM_FIRST: &str = "adam_first";
const ADAM_SECOND: &str = "adam_second";
const MOMENTUM: &str = "momentum";
const HINT: &str =
    "use a checkpoint.safetensors that diffuscope wrote, or the one before it, checkpoint.previous.safetensors";

/// A checkpoint as read from a file: whole, and a state that training with its settings can have come to.
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
            Some((WEIGHTS, values(weight)?)),
            average.map(|average| (EMA, average)),
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
    /// When the file cannot be read, is not a checkpoint of this program, is damaged, or does not fit its own settings.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_of(path, None)
    }

    /// Reads and verifies a checkpoint that is to be one of `run`, where there is one.
    ///
    /// # Errors
    /// As [`Checkpoint::read`], and when it does not fit the run.
    pub(super) fn read_of(path: &Path, run: Option<&RunFile>) -> Result<Self> {
        let checkpoint = Self::unchecked(path)?;
        checkpoint.check(path, run)?;
        Ok(checkpoint)
    }

    /// What a whole file holds, whatever it may be.
    fn unchecked(path: &Path) -> Result<Self> {
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
        let (step, nanoseconds) = (number("step")?, number("nanoseconds")?);
        if nanoseconds > MAX_NANOSECONDS {
            return Err(wrong(&format!("no run takes {nanoseconds} nanoseconds")));
        }
        let mut tensors = HashMap::new();
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(wrong(&format!("{name} is not f32")));
            }
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            tensors.insert(name.to_owned(), (view.shape().to_vec(), values));
        }
        Ok(Self { settings, step, elapsed: Duration::from_nanos(nanoseconds), tensors })
    }

    /// Puts the state into a trainer of the run that it was read for.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn restore(mut self, trainer: &mut Trainer) -> Result<()> {
        let optimizer = &mut trainer.optimizer;
        let averaged = self.settings.training.ema_decay > 0.0;
        for ((name, weight), moments) in optimizer.weights.iter().zip(&mut optimizer.moments) {
            let mut take = |part: &str| self.tensors.remove(&format!("{part}/{name}")).unwrap_or_default().1;
            let tensor = |values| Tensor::from_vec(values, weight.shape(), weight.device());
            weight.set(&tensor(take(WEIGHTS))?)?;
            let by_adam = moments.has_second();
            let new_first = take(if by_adam { ADAM_FIRST } else { MOMENTUM });
            let new_second = by_adam.then(|| take(ADAM_SECOND));
            let new_average = averaged.then(|| take(EMA));
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

    /// The weights, or their moving average, for drawing.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn weights(&self, kind: WeightsKind, device: &Device) -> Result<HashMap<String, Tensor>> {
        let averaged = kind == WeightsKind::Ema && self.settings.training.ema_decay > 0.0;
        let part = if averaged { EMA } else { WEIGHTS };
        self.of_part(part)
            .map(|(name, shape, values)| Ok((name.to_owned(), Tensor::from_slice(values, shape.as_slice(), device)?)))
            .collect()
    }

    /// Count of trainable values.
    pub fn parameters(&self) -> usize {
        self.of_part(WEIGHTS).map(|(_, _, values)| values.len()).sum()
    }

    fn of_part(&self, part: &'static str) -> impl Iterator<Item = (&str, &Vec<usize>, &Vec<f32>)> {
        self.tensors.iter().filter_map(move |(name, (shape, values))| {
            let name = name.strip_prefix(part)?.strip_prefix('/')?;
            Some((name, shape, values))
        })
    }
}
