//! `diffuscope predict`: one call of the network on images from a file, to compare it with another implementation.

mod input;
mod patches;
mod run;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::replace::ReplaceArgs;
use super::{ComputeArgs, value};
use crate::device::DeviceChoice;
use crate::model::TimeKind;

pub use run::run;

/// What was typed after `predict`.
#[derive(Debug, Clone, Args)]
pub struct PredictArgs {
    /// A run folder, a checkpoint, a .pth or .safetensors file, or a folder of diffusers
    #[arg(long, value_name = "FILE|DIR")]
    checkpoint: PathBuf,

    /// A safetensors file with input f32 [B, C, H, W], t f32 [B], and class_labels f32 [B] for a model with classes
    #[arg(long, value_name = "FILE")]
    input: PathBuf,

    /// The safetensors file to write: output f32, shaped as the input
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// What t means
    #[arg(long, value_name = "NAME", value_parser = value::one_of(value::TIME_KINDS))]
    kind: Option<TimeKind>,

    #[command(flatten)]
    compute: ComputeArgs,

    #[command(flatten)]
    replace: ReplaceArgs,
}

/// A question that can be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredictPlan {
    pub checkpoint: PathBuf,
    pub input: PathBuf,
    pub out: PathBuf,
    pub kind: TimeKind,
    pub device: DeviceChoice,
    /// `None`: all cores.
    pub threads: Option<NonZeroUsize>,
    /// Whether a file that exists is replaced.
    pub force: bool,
}

impl PredictArgs {
    pub(super) fn plan(self) -> PredictPlan {
        PredictPlan {
            checkpoint: self.checkpoint,
            input: self.input,
            out: self.out,
            kind: self.kind.unwrap_or(TimeKind::Timestep),
            device: self.compute.device,
            threads: self.compute.threads,
            force: self.replace.force,
        }
    }
}

impl fmt::Display for PredictPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "predicting {} to {}", self.input.display(), self.out.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Plan, plan_of};

    #[test]
    fn every_flag_is_kept() {
        let words = "predict --checkpoint runs/a --input in.safetensors --out out.safetensors";
        let plain = PredictPlan {
            checkpoint: "runs/a".into(),
            input: "in.safetensors".into(),
            out: "out.safetensors".into(),
            kind: TimeKind::Timestep,
            device: DeviceChoice::Auto,
            threads: None,
            force: false,
        };
        assert_eq!(plain.to_string(), "predicting in.safetensors to out.safetensors");
        assert_eq!(plan_of(words).unwrap(), Plan::Predict(plain.clone()));
        let plan = plan_of(&format!("{words} --kind noise_level --device cpu --threads 2 --force")).unwrap();
        let (kind, device, threads) = (TimeKind::NoiseLevel, DeviceChoice::Cpu, NonZeroUsize::new(2));
        assert_eq!(plan, Plan::Predict(PredictPlan { kind, device, threads, force: true, ..plain }));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let error = |words: &str| plan_of(words).unwrap_err().to_string();
        assert_eq!(error("predict --input a --out b"), "--checkpoint is missing");
        assert_eq!(error("predict --checkpoint a --out b"), "--input is missing");
        let sigma = error("predict --checkpoint a --input a --out b --kind sigma");
        assert_eq!(sigma, "--kind: \"sigma\" is not one of its values");
    }
}
