//! Carrying out a prediction.

use std::borrow::Cow;
use std::collections::BTreeMap;

use candle_core::Tensor;

use super::PredictPlan;
use super::input::Input;
use super::patches;
use crate::cli::compute::compute;
use crate::cli::model::open_model;
use crate::cli::progress::Progress;
use crate::cli::replace::may_take;
use crate::cli::say;
use crate::model::{Network, TimeKind};
use crate::tensor_file::{self, Entry};
use crate::train::folder::may_be_written;
use crate::{Error, Result};

/// Pixels that go through the network together: what it takes of memory for them follows from this, not from the file.
const PIXELS_AT_ONCE: usize = 1 << 18;

/// Asks the network once, writes its answer, and says where.
///
/// # Errors
/// When the model or the input cannot be read, do not suit each other, or the output cannot be written.
pub fn run(plan: &PredictPlan) -> Result<()> {
    let mut progress = Progress::new();
    let answer = compute(plan.device, plan.threads, &mut progress, |device, progress| {
        let input = Input::read(&plan.input, device)?;
        let model = open_model(Some(&plan.checkpoint), device, progress)?;
        may_be_written(&plan.out, &[&plan.input, &model.source])?;
        may_take(&plan.out, plan.force)?;
        let denoiser = model.denoiser(model.settings.sampling.weights)?;
        let network = denoiser.network();
        if plan.kind == TimeKind::NoiseLevel && !matches!(network, Network::DiffUNet(_)) {
            return Err(Error::usage(
                "--kind: the network of this checkpoint understands timesteps only",
                "leave --kind out, or use a checkpoint of DiffUNet",
            ));
        }
        let in_patches = network.inputs().in_patches && input.images.dim(1)? == 4;
        let input = if in_patches { input.with_images(patches::to_image)? } else { input };
        let classes = input.classes_for(&network.inputs(), plan.kind)?;
        if plan.kind == TimeKind::Timestep {
            input.check_timesteps(model.settings.diffusion.timesteps)?;
        }
        if classes.is_none() && input.has_class_labels() {
            progress.note("class_labels are left aside: the model does not know classes");
        }
        let (count, _, height, width) = input.images.dims4()?;
        let (at_once, mut answers) = ((PIXELS_AT_ONCE / (height * width)).max(1), Vec::new());
        for first in (0..count).step_by(at_once) {
            let part = |all: &Tensor| all.narrow(0, first, at_once.min(count - first));
            let (images, t) = (part(&input.images)?, part(&input.t)?);
            answers.push(match plan.kind {
                TimeKind::Timestep => {
                    network.forward(&images, &t, classes.as_ref().map(part).transpose()?.as_ref(), None)?
                }
                TimeKind::NoiseLevel => network.denoise(&images, &t)?,
            });
            let done = first + images.dim(0)?;
            progress.advance(&format!("asking of {count} images"), done as u64, count as u64);
        }
        let answer = Tensor::cat(&answers, 0)?;
        Ok(if in_patches { patches::of_image(&answer)? } else { answer })
    });
    progress.finish();
    let answer = answer?;
    may_take(&plan.out, plan.force)?;
    let values = Cow::Owned(answer.flatten_all()?.to_vec1()?);
    let entry = Entry { name: "output".into(), shape: answer.dims().to_vec(), values };
    tensor_file::write(&plan.out, BTreeMap::new(), &[entry])?;
    say(&plan.out.display().to_string())
}
