//! The checkpoint file: all that an exact resume needs, in one safetensors file.
//!
//! Tensors `weights/NAME`, `ema/NAME` (where a moving average is kept), `adam_first/NAME`, `adam_second/NAME`, or
//! `momentum/NAME` of the matrices that Muon steps, f32, shapes as PyTorch keeps them.
//! The metadata holds the format, the program's version, the settings as JSON, the step, the nanoseconds spent, the CRC-32
//! of the tensors' bytes and the CRC-32 of the other fields; without the latter, which earlier versions did not write, a
//! file is read all the same. Names, shapes and places of the tensors need none: they have to fit the settings and one
//! another. The random numbers of a step follow from the seed and the step, so there is no further state.

mod fit;
mod header;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use candle_core::{Device, Tensor};

use super::folder::RunFile;
use super::metrics::MAX_STEPS;
use super::optim::{Moments, sum_of_squares};
use super::trainer::Trainer;
use crate::config::{Settings, WeightsKind};
use crate::files::{open_own, open_regular};
use crate::tensor_file::{self, Entry};
use crate::{Error, Result};

use header::Header;
pub(super) use header::step_of;

/// What the metadata's value of `format` begins with, whatever the version.
pub const FORMAT_NAME: &str = "diffuscope-checkpoint";
/// The metadata's value of `format`.
const FORMAT: &str = "diffuscope-checkpoint-1";
/// Bytes that are read at a time.
const BLOCK: usize = 1 << 14;
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
        Self::of_opened(open_regular(path)?, path, None)
    }

    /// Reads and verifies a checkpoint in a run's folder that is to be one of `run`, where that is known. A link is not read.
    ///
    /// # Errors
    /// As [`Checkpoint::read`], and when it does not fit the run.
    pub(super) fn read_of(path: &Path, run: Option<&RunFile>) -> Result<Self> {
        Self::of_opened(open_own(path)?, path, run)
    }

    fn of_opened(file: File, path: &Path, run: Option<&RunFile>) -> Result<Self> {
        let length = file.metadata().map_err(Error::read(path))?.len();
        Self::from_file(path, BufReader::with_capacity(BLOCK, file), length, run)
    }

    /// Reads one from a file of `length` bytes.
    fn from_file(path: &Path, mut file: impl Read, length: u64, run: Option<&RunFile>) -> Result<Self> {
        let header = Header::read(path, &mut file, length)?;
        header.check(path, run)?;
        let Header { settings, step, elapsed, checksum, tensors: named } = header;
        let (mut tensors, mut crc) = (HashMap::new(), flate2::Crc::new());
        for (name, shape) in &named {
            let values = read_values(&mut file, shape.iter().product(), &mut crc).map_err(Error::read(path))?;
            tensors.insert(name.clone(), (shape.clone(), values));
        }
        if checksum != tensor_file::checksum(&crc) {
            return Err(Error::format(path, "damaged: its checksum does not match", HINT));
        }
        let wrong = named.iter().find_map(|(name, _)| fit::wrong_value(name, &tensors.get(name)?.1));
        wrong.map_or(Ok(()), |what| Err(Error::format(path, what, HINT)))?;
        Ok(Self { settings, step, elapsed, tensors })
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

/// The next `count` numbers of a file, whose bytes are counted into `crc`.
fn read_values(file: &mut impl Read, count: usize, crc: &mut flate2::Crc) -> io::Result<Vec<f32>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count)?;
    let mut block = [0; BLOCK];
    while values.len() < count {
        let bytes = &mut block[..BLOCK.min(4 * (count - values.len()))];
        file.read_exact(bytes)?;
        crc.update(bytes);
        values.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
    }
    Ok(values)
}
