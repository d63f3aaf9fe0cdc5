//! Drawing the figures of the reference experiment.

use candle_core::{Device, Tensor};

use super::FiguresPlan;
use crate::cli::compute::compute;
use crate::cli::model::open_model;
use crate::cli::progress::Progress;
use crate::cli::replace::may_take;
use crate::cli::say;
use crate::config::{CLASS_COUNT, SamplerKind, SamplingSettings, Settings};
use crate::data::{Dataset, load, unit_images};
use crate::device::DeviceChoice;
use crate::diffusion::{Schedule, q_sample};
use crate::files::{check_writable, create_dir_all};
use crate::pictures::{GAP, Pictures, Provenance, write_png_of};
use crate::rng::Stream;
use crate::sampling::{Drawing, pictures};
use crate::train::folder::may_be_written;
use crate::trained::TrainedModel;
use crate::{Error, Result};

/// Parts that the timesteps are cut into for a row of pictures: every 100 of 1,000.
const PARTS: usize = 10;
const SEED: u64 = 0;
const NAMES: [&str; 3] = ["forward.png", "samples.png", "denoising.png"];

/// Writes `forward.png`, `samples.png` and `denoising.png`.
///
/// # Errors
/// When the model or its data cannot be read, or the folder not be written.
pub fn run(plan: &FiguresPlan) -> Result<()> {
    create_dir_all(&plan.out)?;
    check_writable(&plan.out, &plan.out)?;
    may_stand(plan)?;
    let mut progress = Progress::new();
    let drawn = compute(DeviceChoice::Auto, None, &mut progress, |device, progress| {
        let model = open_model(plan.checkpoint.as_deref(), device, progress)?;
        let timesteps = model.settings.diffusion.timesteps;
        if timesteps < PARTS {
            return Err(Error::usage(
                format!("T = {timesteps} is too short for the figure"),
                format!("use a model with at least {PARTS} timesteps"),
            ));
        }
        let test = load(&model.settings.data.source)?.test.resized(model.settings.data.image_size)?;
        let schedule = Schedule::from_settings(&model.settings.diffusion)?;
        let [drawn, ancestral] = [false, true].map(|ancestral| settings(&model.settings, ancestral));
        let (samples, denoising) = reverse(&model, &drawn, &ancestral, progress)?;
        let said = |sampling: &SamplingSettings| Provenance::new(&model.settings, sampling, model.name(), model.step);
        Ok([
            // Real digits, by the schedule of the model.
            (forward(&test, &schedule, device)?.grid(PARTS + 1, GAP, 0), said(&drawn)),
            (samples.grid(CLASS_COUNT, GAP, 0), said(&drawn)),
            (denoising.grid(PARTS + 1, GAP, 0), said(&ancestral)),
        ])
    });
    progress.finish();
    let drawn = drawn?;
    may_stand(plan)?;
    for (name, (picture, said)) in NAMES.into_iter().zip(drawn) {
        let path = plan.out.join(name);
        write_png_of(&path, &picture, Some(&said))?;
        say(&path.display().to_string())?;
    }
    Ok(())
}

fn may_stand(plan: &FiguresPlan) -> Result<()> {
    NAMES.iter().map(|name| plan.out.join(name)).try_for_each(|path| {
        may_be_written(&path, &[])?;
        may_take(&path, plan.force)
    })
}

/// One test image of each class, or the first ten, in rows: clean, then at t = T/10, 2T/10 … T.
fn forward(test: &Dataset, schedule: &Schedule, device: &Device) -> Result<Pictures> {
    let chosen: Vec<u32> = (0..CLASS_COUNT)
        .filter_map(|class| {
            let by_class = (0..test.len()).find(|&i| test.label(i) == Some(class as u8));
            by_class.or_else(|| (class < test.len()).then_some(class)).map(|i| i as u32)
        })
        .collect();
    let shape = (chosen.len(), 1, test.height, test.width);
    let x0 = Tensor::from_vec(unit_images(test, &chosen), shape, device)?;
    let mut eps = vec![0.0f32; x0.elem_count()];
    Stream::new(SEED, "figure", 0).fill_normal(&mut eps);
    let eps = Tensor::from_vec(eps, shape, device)?;
    let mut columns = vec![pictures(&x0)?];
    for part in 1..=PARTS {
        let t = (part * schedule.timesteps() / PARTS).saturating_sub(1);
        columns.push(pictures(&q_sample(schedule, &x0, &vec![t; chosen.len()], &eps)?)?);
    }
    Ok(transposed(&columns))
}

/// How the hundred samples are drawn, or the ten of ancestral sampling.
fn settings(model: &Settings, ancestral: bool) -> SamplingSettings {
    let recorded = SamplingSettings { seed: SEED, ..model.sampling.clone() };
    match ancestral {
        false => SamplingSettings { count: CLASS_COUNT * CLASS_COUNT, ..recorded },
        true => SamplingSettings { count: CLASS_COUNT, sampler: SamplerKind::Ddpm, ..recorded },
    }
}

/// A hundred samples, and ten of them every T/10 timesteps of ancestral sampling, from noise to image.
fn reverse(
    model: &TrainedModel,
    drawn: &SamplingSettings,
    ancestral: &SamplingSettings,
    progress: &mut Progress,
) -> Result<(Pictures, Pictures)> {
    let denoiser = model.denoiser(drawn.weights)?;
    let samples = pictures(&Drawing::new(&denoiser, drawn)?.run(&mut |_, _| Ok(()))?)?;
    let drawing = Drawing::new(&denoiser, ancestral)?;
    let timesteps = drawing.timesteps();
    let mut columns = Vec::new();
    let images = drawing.run(&mut |_, frame| {
        // The k-th column is the state with T − k·T/10 timesteps to go.
        if frame.step == columns.len() * timesteps / PARTS && columns.len() < PARTS {
            columns.push(pictures(frame.x_t)?);
        }
        progress.advance("denoising", frame.step as u64 + 1, frame.steps as u64);
        Ok(())
    })?;
    columns.push(pictures(&images)?);
    Ok((samples, transposed(&columns)))
}

/// From a batch for each column to rows of one image's history.
fn transposed(columns: &[Pictures]) -> Pictures {
    let Some(first) = columns.first() else { return Pictures::default() };
    let pixels = (0..first.count()).flat_map(|i| columns.iter().flat_map(move |column| column.get(i).iter().copied()));
    Pictures { width: first.width, height: first.height, pixels: pixels.collect() }
}
