//! How costs grow: of a training step with batch, pixels, channels and T; of drawing with calls and images; of what a run
//! keeps with its steps.

use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};
use serde::Serialize;

use super::{SMALL_BATCH, random_images, repeat, rounded, small};
use crate::app::loss_series::LossSeries;
use crate::config::{Architecture, CompactConfig, SamplerKind, SamplingSettings, Settings, WeightsKind};
use crate::model::Network;
use crate::model::ops::{self, Tape};
use crate::model::params::Params;
use crate::rng::Stream;
use crate::sampling::Drawing;
use crate::train::folder::METRICS;
use crate::train::{Run, Trainer};
use crate::{Error, Result};

/// One measurement: `value` of `what`, where `against` is `at`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Growth {
    pub what: &'static str,
    pub against: &'static str,
    pub at: usize,
    pub value: f64,
    pub unit: &'static str,
}

/// Measures all of it on the CPU with the threads of the present pool, on the networks of the compact U-Net; `tell` gets
/// each result. Of `repeats` the median counts.
///
/// # Errors
/// What `tell` returns, or when memory or the disk have no room.
pub fn grow(repeats: usize, tell: &mut dyn FnMut(&Growth) -> Result<()>) -> Result<()> {
    let mut step = |against, at, value| tell(&Growth { what: "training step", against, at, value, unit: "ms" });
    for batch in [1, 2, 4, 8, 16, 32, 64, 128, 256] {
        step("batch", batch, step_ms(repeats, |settings| settings.training.batch_size = batch)?)?;
    }
    for side in [16, 28, 32, 48, 64] {
        step("pixels", side * side, gradient_ms(repeats, side)?)?;
    }
    for channels in [16, 32, 48, 64, 96, 128] {
        let architecture = Architecture::Compact(CompactConfig { channels });
        step("channels", channels, step_ms(repeats, |settings| settings.network.architecture = architecture.clone())?)?;
    }
    for timesteps in [10, 100, 1_000, 4_000] {
        step("T", timesteps, step_ms(repeats, |settings| settings.diffusion.timesteps = timesteps)?)?;
    }
    let trainer = Trainer::new(&small(), &random_images(28)?, &Device::Cpu)?;
    let mut draw = |against, at, value| tell(&Growth { what: "drawing", against, at, value, unit: "ms" });
    for steps in [1, 2, 4, 8, 16, 32] {
        draw("calls", steps, drawing_ms(&trainer, repeats, steps, 16)?)?;
    }
    for count in [1, 4, 16, 32, 64, 128, 256] {
        draw("images", count, drawing_ms(&trainer, repeats, 4, count)?)?;
    }
    kept(&[10, 100, 1_000], tell)
}

/// Milliseconds of a training step of the compact U-Net with changed settings.
fn step_ms(repeats: usize, change: impl FnOnce(&mut Settings)) -> Result<f64> {
    let mut settings = small();
    change(&mut settings);
    let mut trainer = Trainer::new(&settings, &random_images(28)?, &Device::Cpu)?;
    median_ms(repeats, || trainer.step().map(drop))
}

/// Milliseconds of the loss and its gradient on images of a side that no run may have: all of a step that knows it.
fn gradient_ms(repeats: usize, side: usize) -> Result<f64> {
    let (network, _weights) = Params::fresh(0, &Device::Cpu, |vb| Network::new(&small().network, &vb))?;
    let shape = (SMALL_BATCH, 1, side, side);
    let mut noise = vec![0.0; SMALL_BATCH * side * side];
    Stream::new(0, "bench", 0).fill_normal(&mut noise);
    let images = Tensor::from_vec(noise, shape, &Device::Cpu)?;
    let t = Tensor::full(500f32, SMALL_BATCH, &Device::Cpu)?;
    let classes = Tensor::full(3u32, SMALL_BATCH, &Device::Cpu)?;
    median_ms(repeats, || {
        let (loss, tape) = Tape::record(|| {
            let prediction = network.forward(&images, &t, Some(&classes), None)?;
            ops::mean_square(&prediction, &images)
        })?;
        tape.backward(&loss)?;
        Ok(())
    })
}

fn drawing_ms(trainer: &Trainer, repeats: usize, steps: usize, count: usize) -> Result<f64> {
    let denoiser = trainer.denoiser(WeightsKind::Raw)?;
    let sampler = SamplerKind::Ddim;
    let settings = SamplingSettings { sampler, steps, count, guidance: 0.0, ..trainer.settings().sampling.clone() };
    let drawing = Drawing::new(&denoiser, &settings)?;
    median_ms(repeats, || drawing.run(&mut |_, _| Ok(())).map(drop))
}

/// Bytes of the metrics and of the checkpoint after so many steps, and what the window's curve of the losses holds.
fn kept(marks: &[u64], tell: &mut dyn FnMut(&Growth) -> Result<()>) -> Result<()> {
    let mut settings = small();
    settings.training.batch_size = 1;
    settings.network.architecture = Architecture::Compact(CompactConfig { channels: 16 });
    let folder = tempfile::tempdir().map_err(Error::write(std::env::temp_dir()))?;
    let mut run = Run::create(&settings, &random_images(28)?, &folder.path().join("run"), &Device::Cpu)?;
    let size = |path: &Path| Ok::<_, Error>(fs::metadata(path).map_err(Error::read(path))?.len() as f64);
    for &mark in marks {
        while run.trainer.step_count() < mark {
            let report = run.trainer.step()?;
            run.folder.add_step(&report)?;
        }
        let checkpoint = size(&run.folder.checkpoint(&run.trainer)?)?;
        let metrics = size(&run.folder.path().join(METRICS))?;
        for (what, value) in [("metrics file", metrics), ("checkpoint", checkpoint)] {
            tell(&Growth { what, against: "steps", at: mark as usize, value, unit: "bytes" })?;
        }
    }
    for points in [100, 1_000, 10_000, 100_000, 1_000_000] {
        let mut series = LossSeries::default();
        (1..=points).for_each(|step| series.push(step, 1.0 / step as f64));
        let value = series.buckets() as f64;
        tell(&Growth { what: "loss curve", against: "steps", at: points as usize, value, unit: "buckets" })?;
    }
    Ok(())
}

/// The median of the milliseconds of `work`.
fn median_ms(repeats: usize, work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut times = repeat(repeats, work)?;
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2);
    median
        .map(|seconds| rounded(1e3 * seconds, 1000.0))
        .ok_or_else(|| Error::usage("nothing was timed", "use --repeats 1 or more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of a line varies with its digits; a checkpoint holds the same numbers at any step.
    #[test]
    fn metrics_grow_by_bounded_lines_checkpoints_and_loss_curves_do_not_grow() {
        let mut results = Vec::new();
        kept(&[2, 4, 40], &mut |growth| {
            results.push(growth.clone());
            Ok(())
        })
        .unwrap();
        let of = |what: &str| -> Vec<_> {
            results.iter().filter(|growth| growth.what == what).map(|growth| (growth.at as f64, growth.value)).collect()
        };
        assert!(
            of("metrics file").iter().all(|(steps, bytes)| (50.0..300.0).contains(&(bytes / steps))),
            "{results:?}"
        );
        let sizes: Vec<_> = of("checkpoint").iter().map(|(_, bytes)| *bytes).collect();
        assert!(sizes.iter().all(|bytes| (bytes - sizes[0]).abs() < 64.0) && sizes[0] > 1e5, "{sizes:?}");
        let curve = of("loss curve");
        let (million, tenth) = (curve[curve.len() - 1].1, curve[curve.len() - 2].1);
        assert!(million < 2.0 * tenth && million < 50_000.0, "{curve:?}");
    }

    #[test]
    fn nothing_is_measured_without_repeats() {
        assert!(median_ms(0, || Ok(())).is_err());
        assert!(median_ms(3, || Ok(())).unwrap() >= 0.0);
    }
}
