//! Carrying out a prediction.

use std::borrow::Cow;
use std::collections::BTreeMap;

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
        let answer = match plan.kind {
            TimeKind::Timestep => network.forward(&input.images, &input.t, classes.as_ref(), None)?,
            TimeKind::NoiseLevel => network.denoise(&input.images, &input.t)?,
        };
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
