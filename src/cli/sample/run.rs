//! Carrying out a drawing: progress on standard error, what was written on standard output.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Tensor;

use super::{OriginRequest, SampleOutput, SamplePlan};
use crate::cli::compute::compute;
use crate::cli::model::open_model;
use crate::cli::progress::Progress;
use crate::cli::replace::may_take;
use crate::cli::say;
use crate::config::{CLASS_COUNT, Settings};
use crate::pictures::{
    GAP, Pictures, Provenance, check_new_folder, write_animated_png, write_film, write_png_of, write_singles,
};
use crate::sampling::{Drawing, pictures};
use crate::tensor_file::{self, Entry};
use crate::train::folder::may_be_written;
use crate::trained::TrainedModel;
use crate::{Error, Result};

/// Most frames of an animation; a longer reverse diffusion is thinned evenly.
const MAX_FRAMES: usize = 60;
/// Most images of an animation, which all go through the network together.
const MAX_ANIMATED: usize = 1024;

/// Draws, writes, and says where.
///
/// # Errors
/// When the model cannot be read, does not suit the request, or the output cannot be written.
pub fn run(plan: &SamplePlan) -> Result<()> {
    plan.out.check()?;
    let like = plan.like.as_deref().map(provenance_of).transpose()?;
    let mut progress = Progress::new();
    let drawn = compute(plan.device, plan.threads, &mut progress, |device, progress| {
        let model = open_model(plan.checkpoint.as_deref(), device, progress)?;
        let given = plan.origin.as_ref().and_then(OriginRequest::file);
        let sources: Vec<&Path> =
            [Some(model.source.as_path()), plan.like.as_deref(), given].into_iter().flatten().collect();
        may_be_written(plan.out.path(), &sources)?;
        may_stand(plan)?;
        let settings = match &like {
            Some(like) => {
                tell_of_differences(like, &model, plan, progress);
                let sampling = like.settings.sampling.clone();
                plan.request.settings(&Settings { sampling, ..model.settings.clone() })?
            }
            None => plan.request.settings(&model.settings)?,
        };
        let denoiser = model.denoiser(settings.weights)?;
        let animated = matches!(plan.out, SampleOutput::Animation(_) | SampleOutput::AnimatedPng(_));
        if animated && settings.count > MAX_ANIMATED {
            return Err(Error::usage(
                format!("--count: {} images in one animation", settings.count),
                format!("use at most {MAX_ANIMATED}, or write them as .png or .safetensors"),
            ));
        }
        let origin = plan.origin.as_ref().map(|origin| origin.find(&model.settings, progress)).transpose()?;
        let drawing = Drawing::new(&denoiser, &settings)?.from_origin(origin);
        let drawing = if animated { drawing.in_one_batch() } else { drawing };
        let total = (drawing.batches() * drawing.steps()) as u64;
        let stride = drawing.steps().div_ceil(MAX_FRAMES).max(1);
        let (mut frames, mut calls) = (Vec::new(), 0);
        let doing = format!("drawing {} images", settings.count);
        let images = drawing.run(&mut |_, frame| {
            if animated && frame.step % stride == 0 {
                frames.push(pictures(frame.x_t)?);
            }
            calls += 1;
            progress.advance(&doing, calls, total);
            Ok(())
        })?;
        let columns = columns(settings.count, &drawing.classes());
        let mut provenance = Provenance::new(&model.settings, &settings, model.name(), model.step);
        provenance.from_t = plan.origin.as_ref().map(|origin| origin.t);
        Ok(Drawn { images, frames, columns, provenance })
    });
    progress.finish();
    let drawn = drawn?;
    may_stand(plan)?;
    drawn.write(&plan.out)?;
    say(&plan.out.path().display().to_string())
}

/// Whether what stands there is replaced; a folder of single images is made, and never replaced.
fn may_stand(plan: &SamplePlan) -> Result<()> {
    match &plan.out {
        SampleOutput::Singles(folder) => check_new_folder(folder),
        file => may_take(file.path(), plan.force),
    }
}

/// Pictures in a row of the grid: about ten, and a digit a column where they come in turn; else about a square.
fn columns(count: usize, classes: &[Option<u8>]) -> usize {
    let first = classes.first().copied().flatten();
    let again = (1..classes.len()).find(|&i| first.is_some() && classes[i] == first);
    match again.unwrap_or(classes.len()) {
        _ if first.is_none() || count < CLASS_COUNT => (count as f64).sqrt().ceil() as usize,
        turn => (CLASS_COUNT / turn).max(1) * turn,
    }
}

/// What a picture says of how it was drawn.
fn provenance_of(path: &Path) -> Result<Provenance> {
    Provenance::read(path)?.ok_or_else(|| {
        let hint = "use a PNG that sample or the window saved; other programs may drop what it notes inside";
        Error::format(path, "does not say how it was drawn", hint)
    })
}

/// Says why the images will differ from the picture whose settings they are drawn with.
fn tell_of_differences(like: &Provenance, model: &TrainedModel, plan: &SamplePlan, progress: &mut Progress) {
    if (&like.model, like.step) != (&model.name(), model.step) {
        let (drew, draws) = ((&like.model, like.step), (model.name(), model.step));
        progress.note(&format!(
            "the picture was drawn by {} after {} steps, this is {} after {}",
            drew.0, drew.1, draws.0, draws.1
        ));
    }
    if let (Some(t), None) = (like.from_t, &plan.origin) {
        progress
            .note(&format!("the picture began with an image at t = {t}, which is not in it: add --from and --from-t"));
    }
}

struct Drawn {
    images: Tensor,
    frames: Vec<Pictures>,
    columns: usize,
    provenance: Provenance,
}

impl Drawn {
    fn write(mut self, out: &SampleOutput) -> Result<()> {
        match out {
            SampleOutput::Grid(path) => {
                write_png_of(path, &pictures(&self.images)?.grid(self.columns, GAP, 0), Some(&self.provenance))
            }
            SampleOutput::Singles(folder) => {
                write_singles(folder, &pictures(&self.images)?, Some(&self.provenance), &mut |_| ())
            }
            SampleOutput::Tensor(path) => write_tensor(path, &self.images),
            SampleOutput::Animation(path) => {
                self.frames.push(pictures(&self.images)?);
                write_film(path, &self.frames, self.columns, &mut |_| ())
            }
            SampleOutput::AnimatedPng(path) => {
                self.frames.push(pictures(&self.images)?);
                write_animated_png(path, &self.frames, self.columns, Some(&self.provenance), &mut |_| ())
            }
        }
    }
}

fn write_tensor(path: &Path, images: &Tensor) -> Result<()> {
    let values = images.clamp(-1f32, 1f32)?.flatten_all()?.to_vec1()?;
    let entry = Entry { name: "images".into(), shape: images.dims().to_vec(), values: Cow::Owned(values) };
    tensor_file::write(path, BTreeMap::new(), &[entry])
}
