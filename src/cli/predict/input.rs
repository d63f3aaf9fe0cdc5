//! The question in a file: read, then judged against the network that is to answer it.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use crate::model::{Inputs, TimeKind};
use crate::tensor_file::Question;
use crate::{Error, Result};

const HINT: &str = "write a safetensors file with input f32 [B, C, H, W], t f32 [B], and class_labels f32 [B] if the model has classes";

/// Larger images take gigabytes in a network that looks at all of their pixels at once.
const MOST_SIDE: usize = 512;

/// Images, the number beside each, and the class of each.
#[derive(Debug)]
pub struct Input {
    path: PathBuf,
    /// `[B, C, H, W]`.
    pub images: Tensor,
    /// `[B]` f32.
    pub t: Tensor,
    times: Vec<f32>,
    class_labels: Option<Vec<f32>>,
}

impl Input {
    /// Reads a file whose tensors fit together.
    ///
    /// # Errors
    /// When it cannot be read, is no safetensors file, lacks a tensor, or one has another type or shape.
    pub fn read(path: &Path, device: &Device) -> Result<Self> {
        let Question { images, t, class_labels } = Question::read(path, HINT)?;
        Ok(Self {
            path: path.to_path_buf(),
            t: Tensor::from_slice(&t, t.len(), device)?,
            times: t,
            class_labels,
            images: Tensor::from_vec(images.values, images.shape, device)?,
        })
    }

    /// The same with the images changed.
    ///
    /// # Errors
    /// What `change` returns.
    pub fn with_images(mut self, change: impl FnOnce(&Tensor) -> candle_core::Result<Tensor>) -> Result<Self> {
        self.images = change(&self.images)?;
        Ok(self)
    }

    /// The classes `[B]` u32 for a network that takes `inputs`; none if it knows no classes.
    ///
    /// # Errors
    /// When the network cannot take the images, the times or the classes.
    pub fn classes_for(&self, inputs: &Inputs, kind: TimeKind) -> Result<Option<Tensor>> {
        let wrong = |what: String, hint: String| Err(Error::format(&self.path, what, hint));
        let (_, channels, height, width) = self.images.dims4()?;
        if channels != inputs.channels {
            let hint = format!("give images of {} channels, or use another checkpoint", inputs.channels);
            return wrong(format!("input has {channels} channels, the network takes {}", inputs.channels), hint);
        }
        if height.max(width) > MOST_SIDE {
            let hint = format!("use images of at most {MOST_SIDE}×{MOST_SIDE}");
            return wrong(format!("input has images of {height}×{width}"), hint);
        }
        let fits = |side: usize| side >= inputs.smallest_side && side.is_multiple_of(inputs.multiple);
        if !fits(height) || !fits(width) {
            let hint = match inputs.multiple {
                1 => format!("use images from {0}×{0} up", inputs.smallest_side),
                n => format!("use a height and a width that are multiples of {n}"),
            };
            return wrong(format!("the network cannot take images of {height}×{width}"), hint);
        }
        if let Some(t) = self.times.iter().find(|t| !t.is_finite()) {
            return wrong(format!("t holds {t}"), "use finite numbers".into());
        }
        if let Some(sigma) = self.times.iter().find(|t| **t < 0.0 && kind == TimeKind::NoiseLevel) {
            return wrong(format!("t holds a noise level of {sigma}"), "use standard deviations from 0 up".into());
        }
        let Some(count) = inputs.classes else { return Ok(None) };
        let Some(labels) = &self.class_labels else {
            return wrong("it has no tensor class_labels, and the model has classes".into(), HINT.into());
        };
        let last = count - 1;
        let label = |label: f32| (label.fract() == 0.0 && (0.0..count as f32).contains(&label)).then_some(label as u32);
        match labels.iter().find(|value| label(**value).is_none()) {
            Some(value) => wrong(
                format!("class_labels holds {value}"),
                format!("use whole numbers from 0 to {last}; {last} means that the class is not told"),
            ),
            None => Ok(Some(Tensor::from_iter(labels.iter().filter_map(|value| label(*value)), self.images.device())?)),
        }
    }

    /// Whether the file names classes.
    /// Judges `t` as timesteps of a model with `timesteps` of them.
    ///
    /// # Errors
    /// When one lies outside `0..timesteps`.
    pub fn check_timesteps(&self, timesteps: usize) -> Result<()> {
        let wrong = self.times.iter().find(|t| !(0.0..=(timesteps - 1) as f32).contains(*t));
        let what = |t: &f32| Error::format(&self.path, format!("t = {t} is no timestep of the model"), HINT);
        wrong.map_or(Ok(()), |t| Err(what(t)))
    }

    pub fn has_class_labels(&self) -> bool {
        self.class_labels.is_some()
    }
}
