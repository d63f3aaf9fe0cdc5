//! Carrying out an evaluation: progress on standard error, the table or the JSON on standard output.

use std::path::Path;

use candle_core::{Device, Tensor};
use serde::Serialize;

use super::{EvalPlan, Subject};
use crate::cli::compute::compute;
use crate::cli::model::open_model;
use crate::cli::progress::Progress;
use crate::cli::sample::SampleRequest;
use crate::cli::say;
use crate::config::{Digits, SamplingSettings};
use crate::data::{self, mnist};
use crate::eval::judge::eight_bit;
use crate::eval::{Judge, Report, bits_per_dim};
use crate::sampling::Drawing;
use crate::tensor_file;
use crate::{Error, Result};

/// Parts that a piece of work is told in.
const PARTS: f64 = 100.0;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Printed {
    /// Where the model or the images came from.
    source: String,
    /// Steps that the model was trained for, and how it drew.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sampling: Option<SamplingSettings>,
    #[serde(flatten)]
    report: Report,
}

/// Judges, and prints what was found.
///
/// # Errors
/// When the model or the images cannot be read, or the model does not suit the request.
pub fn run(plan: &EvalPlan) -> Result<()> {
    let mut progress = Progress::new();
    let printed = compute(plan.device, plan.threads, &mut progress, |device, progress| match &plan.subject {
        Subject::Images(path) => judge_images(path, progress),
        Subject::Model { checkpoint, request, bits_images } => {
            judge_model(checkpoint.as_deref(), request, *bits_images, device, progress)
        }
    });
    progress.finish();
    let printed = printed?;
    if plan.json {
        let json = serde_json::to_string(&printed).map_err(|error| Error::write("standard output")(error.into()))?;
        return say(&json);
    }
    say(&format!("{}\n{}", printed.source, printed.report))
}

fn judge_images(path: &Path, progress: &mut Progress) -> Result<Printed> {
    let images = tensor_file::read_images(path, "use a file that diffuscope sample --out x.safetensors writes")?;
    let images = Tensor::from_vec(images.values, images.shape, &Device::Cpu)?;
    let report = report(&images, &[], Digits::ALL, path, progress)?;
    Ok(Printed { source: path.display().to_string(), step: None, sampling: None, report })
}

fn judge_model(
    checkpoint: Option<&Path>,
    request: &SampleRequest,
    bits_images: usize,
    device: &Device,
    progress: &mut Progress,
) -> Result<Printed> {
    let model = open_model(checkpoint, device, progress)?;
    let settings = request.settings(&model.settings)?;
    let denoiser = model.denoiser(settings.weights)?;
    let drawing = Drawing::new(&denoiser, &settings)?;
    let (total, mut calls) = ((drawing.batches() * drawing.steps()) as u64, 0);
    let doing = format!("drawing {} images", settings.count);
    progress.begin();
    let images = drawing.run(&mut |_, _| {
        calls += 1;
        progress.advance(&doing, calls, total);
        Ok(())
    })?;
    let mut report = report(&images, &drawing.classes(), model.settings.data.digits, &model.source, progress)?;
    if bits_images > 0 {
        let test = data::load(&model.settings.data.source)?.test.showing(model.settings.data.digits)?;
        progress.begin();
        let mut told = |share: f64| progress.advance("measuring bits per dim", (share * PARTS) as u64, PARTS as u64);
        report.bits_per_dim = Some(bits_per_dim::of_denoiser(&denoiser, &test, bits_images, &mut told)?);
    }
    let source = format!("{} at step {}", model.source.display(), model.step);
    Ok(Printed { source, step: Some(model.step), sampling: Some(settings), report })
}

fn report(
    images: &Tensor,
    asked: &[Option<u8>],
    learned: Digits,
    origin: &Path,
    progress: &mut Progress,
) -> Result<Report> {
    let (judge, digits) = (Judge::shipped()?, mnist::load()?);
    let mut before = "";
    let mut told = |doing: &'static str, share: f64| {
        if doing != before {
            progress.begin();
            before = doing;
        }
        progress.advance(doing, (share * PARTS) as u64, PARTS as u64);
    };
    Report::new(&judge, &eight_bit(images, origin)?, asked, learned, &digits, &mut told)
}
