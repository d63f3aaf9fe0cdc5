//! `diffuscope sample`: draws images with a trained model.

mod origin;
mod output;
mod request;
mod run;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::ComputeArgs;
use super::replace::ReplaceArgs;
use crate::device::DeviceChoice;
use crate::error::Result;

use origin::OriginArgs;
pub use origin::OriginRequest;
pub use output::SampleOutput;
pub use request::SampleRequest;
pub use run::run;

/// What was typed after `sample`.
#[derive(Debug, Clone, Args)]
pub struct SampleArgs {
    /// A run folder, a checkpoint, a .pth or .safetensors file, or a folder of diffusers; the model that ships with the program if left out
    #[arg(long, value_name = "FILE|DIR")]
    checkpoint: Option<PathBuf>,

    /// x.png: a grid; x.gif or x.apng: the reverse diffusion; x.safetensors: a tensor; a name that ends in /: one PNG an image
    #[arg(long, value_name = "PATH")]
    out: PathBuf,

    /// A PNG that was saved here: its sampler, steps, seed … are the ones that are not typed
    #[arg(long, value_name = "FILE.png")]
    like: Option<PathBuf>,

    #[command(flatten)]
    request: SampleRequest,

    #[command(flatten)]
    origin: OriginArgs,

    #[command(flatten)]
    compute: ComputeArgs,

    #[command(flatten)]
    replace: ReplaceArgs,
}

/// Images that can be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplePlan {
    /// `None`: the model that ships with the program.
    pub checkpoint: Option<PathBuf>,
    pub out: SampleOutput,
    /// The picture to take the settings of; none: the model's own.
    pub like: Option<PathBuf>,
    /// What was asked for; [`SampleRequest::settings`] fits it to the model.
    pub request: SampleRequest,
    /// The image to begin with; none: noise.
    pub origin: Option<OriginRequest>,
    pub device: DeviceChoice,
    /// `None`: all cores.
    pub threads: Option<NonZeroUsize>,
    /// Whether a file that exists is replaced.
    pub force: bool,
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
            like: self.like,
            request: self.request,
            origin: self.origin.request()?,
            device: self.compute.device,
            threads: self.compute.threads,
            force: self.replace.force,
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
    use crate::sampling::origin::OriginSource;

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
            like: None,
            request: SampleRequest::default(),
            origin: None,
            device: DeviceChoice::Auto,
            threads: None,
            force: false,
        };
        assert_eq!(plan, expected);
        assert_eq!(plan.to_string(), "drawing a grid to grid.png");
    }

    #[test]
    fn every_flag_is_kept() {
        let plan = sample(
            "--checkpoint runs/a --out x.safetensors --like y.png --count 10 --sampler ddim --steps 50 --eta 0.5 --class 7 \
             --guidance 1.5 --guidance-interval 0.2,3 --threshold dynamic --weights raw --seed 3 --device cpu --threads 1 --force",
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
            like: Some("y.png".into()),
            request,
            origin: None,
            device: DeviceChoice::Cpu,
            threads: NonZeroUsize::new(1),
            force: true,
        };
        assert_eq!(plan, expected);
    }

    #[test]
    fn an_image_to_begin_with_is_a_file_or_a_test_image() {
        let from = |flags: &str| sample(&format!("--out x.png {flags}")).origin;
        assert_eq!(from("--from test:7 --from-t 300"), Some(OriginRequest { source: OriginSource::Test(7), t: 300 }));
        let file = OriginSource::File("seven.png".into());
        assert_eq!(from("--from seven.png --from-t 1"), Some(OriginRequest { source: file, t: 1 }));
        for flags in ["--from test:7", "--from-t 7", "--from test:seven --from-t 7", "--from a.png --from-t -3"] {
            let error = plan_of(&format!("sample --out x.png {flags}")).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{flags}: {error}");
        }
    }
}
