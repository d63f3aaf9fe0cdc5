//! `diffuscope sample`: draws images with a trained model.

mod output;
mod request;
mod run;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::ComputeArgs;
use crate::device::DeviceChoice;
use crate::error::Result;

pub use output::SampleOutput;
pub use request::SampleRequest;
pub use run::run;

/// What was typed after `sample`.
#[derive(Debug, Clone, Args)]
pub struct SampleArgs {
    /// A run folder, a checkpoint, a .pth or .safetensors file, or a folder of diffusers; the model that ships with the program if left out
    #[arg(long, value_name = "FILE|DIR")]
    checkpoint: Option<PathBuf>,

    /// x.png: a grid; x.gif: the reverse diffusion; x.safetensors: a tensor; a name that ends in /: one PNG an image
    #[arg(long, value_name = "PATH")]
    out: PathBuf,

    #[command(flatten)]
    request: SampleRequest,

    #[command(flatten)]
    compute: ComputeArgs,
}

/// Images that can be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplePlan {
    /// `None`: the model that ships with the program.
    pub checkpoint: Option<PathBuf>,
    pub out: SampleOutput,
    /// What was asked for; [`SampleRequest::settings`] fits it to the model.
    pub request: SampleRequest,
    pub device: DeviceChoice,
    /// `None`: all cores.
    pub threads: Option<NonZeroUsize>,
}

impl SampleArgs {
    /// What the flags mean.
    ///
    /// # Errors
    /// Usage errors and values that no model can be sampled with.
    pub(super) fn plan(self) -> Result<SamplePlan> {
        self.request.check()?;
        Ok(SamplePlan {
            checkpoint: self.checkpoint,
            out: SampleOutput::of(&self.out)?,
            request: self.request,
            device: self.compute.device,
            threads: self.compute.threads,
        })
    }
}

impl fmt::Display for SamplePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "drawing {} to {}", self.out.kind(), self.out.path().display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Plan, plan_of};
    use crate::config::{ClassChoice, SamplerKind, Thresholding, WeightsKind};

    fn sample(flags: &str) -> SamplePlan {
        match plan_of(&format!("sample {flags}")).unwrap() {
            Plan::Sample(plan) => plan,
            other => panic!("not a sampling: {other:?}"),
        }
    }

    #[test]
    fn only_the_output_is_needed() {
        let plan = sample("--out grid.png");
        let expected = SamplePlan {
            checkpoint: None,
            out: SampleOutput::Grid("grid.png".into()),
            request: SampleRequest::default(),
            device: DeviceChoice::Auto,
            threads: None,
        };
        assert_eq!(plan, expected);
        assert_eq!(plan.to_string(), "drawing a grid to grid.png");
    }

    #[test]
    fn every_flag_is_kept() {
        let plan = sample(
            "--checkpoint runs/a --out x.safetensors --count 10 --sampler ddim --steps 50 --eta 0.5 --class 7 \
             --guidance 1.5 --guidance-interval 0.2,3 --threshold dynamic --weights raw --seed 3 --device cpu --threads 1",
        );
        let request = SampleRequest {
            count: Some(10),
            sampler: Some(SamplerKind::Ddim),
            steps: Some(50),
            eta: Some(0.5),
            class: Some(ClassChoice::Only(7)),
            guidance: Some(1.5),
            guidance_interval: Some(crate::cli::value::Interval([0.2, 3.0])),
            threshold: Some(Thresholding::Dynamic),
            weights: Some(WeightsKind::Raw),
            seed: Some(3),
        };
        let expected = SamplePlan {
            checkpoint: Some("runs/a".into()),
            out: SampleOutput::Tensor("x.safetensors".into()),
            request,
            device: DeviceChoice::Cpu,
            threads: NonZeroUsize::new(1),
        };
        assert_eq!(plan, expected);
    }
}
