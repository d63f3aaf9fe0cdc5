//! `diffuscope eval`: says how good a model's digits are, or given images.

mod run;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::sample::SampleRequest;
use super::{ComputeArgs, value};
use crate::device::DeviceChoice;
use crate::error::{Error, Result};

pub use run::run;

/// Images that are drawn and judged unless `--count` says otherwise.
const COUNT: usize = 2000;

/// What was typed after `eval`.
#[derive(Debug, Clone, Args)]
pub struct EvalArgs {
    /// A run folder, a checkpoint or a weights file; the model that ships with the program if left out
    #[arg(long, value_name = "FILE|DIR")]
    checkpoint: Option<PathBuf>,

    /// Judge these images instead of a model's: a safetensors file with `images`, f32 [N,1,H,W] in [-1,1]
    #[arg(long, value_name = "FILE")]
    images: Option<PathBuf>,

    /// Test images whose bits per dim are measured, with their classes told; 0: none
    #[arg(long, value_name = "N", default_value = "128", value_parser = value::count)]
    bits_images: usize,

    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    request: SampleRequest,

    #[command(flatten)]
    compute: ComputeArgs,
}

/// Images that can be judged.
#[derive(Debug, Clone, PartialEq)]
pub struct EvalPlan {
    pub subject: Subject,
    pub json: bool,
    pub device: DeviceChoice,
    /// `None`: all cores.
    pub threads: Option<NonZeroUsize>,
}

/// What is judged.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// What a model draws, and how well it predicts `bits_images` test images.
    Model {
        /// `None`: the model that ships with the program.
        checkpoint: Option<PathBuf>,
        request: SampleRequest,
        bits_images: usize,
    },
    /// The images of a file.
    Images(PathBuf),
}

impl EvalArgs {
    /// What the flags mean.
    ///
    /// # Errors
    /// Usage errors and values that no model can be sampled with.
    pub(super) fn plan(self) -> Result<EvalPlan> {
        self.request.check()?;
        let mut request = self.request;
        let subject = match self.images {
            Some(_) if self.checkpoint.is_some() || request != SampleRequest::default() => {
                return Err(Error::usage(
                    "--images are judged as they are, without a model",
                    "leave out --checkpoint and the flags that say how to draw",
                ));
            }
            Some(path) => Subject::Images(path),
            None => {
                request.count.get_or_insert(COUNT);
                Subject::Model { checkpoint: self.checkpoint, request, bits_images: self.bits_images }
            }
        };
        Ok(EvalPlan { subject, json: self.json, device: self.compute.device, threads: self.compute.threads })
    }
}

impl fmt::Display for EvalPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Model { request, .. } => write!(f, "judging {} drawn images", request.count.unwrap_or(COUNT)),
            Subject::Images(path) => write!(f, "judging the images of {}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Plan, plan_of};

    fn eval(flags: &str) -> EvalPlan {
        match plan_of(&format!("eval {flags}")).unwrap() {
            Plan::Eval(plan) => plan,
            other => panic!("not an evaluation: {other:?}"),
        }
    }

    #[test]
    fn nothing_is_needed() {
        let plan = eval("");
        let request = SampleRequest { count: Some(2000), ..SampleRequest::default() };
        let subject = Subject::Model { checkpoint: None, request, bits_images: 128 };
        assert_eq!(plan, EvalPlan { subject, json: false, device: DeviceChoice::Auto, threads: None });
        assert_eq!(plan.to_string(), "judging 2000 drawn images");
    }

    #[test]
    fn every_flag_is_kept() {
        let plan = eval("--checkpoint r --count 50 --steps 9 --seed 3 --bits-images 0 --json --device cpu --threads 1");
        let request = SampleRequest { count: Some(50), steps: Some(9), seed: Some(3), ..SampleRequest::default() };
        let subject = Subject::Model { checkpoint: Some("r".into()), request, bits_images: 0 };
        let threads = NonZeroUsize::new(1);
        assert_eq!(plan, EvalPlan { subject, json: true, device: DeviceChoice::Cpu, threads });
        assert_eq!(eval("--images x").subject, Subject::Images("x".into()));
    }

    #[test]
    fn given_images_are_not_drawn() {
        for flags in ["--checkpoint r", "--count 9", "--steps 3"] {
            let error = plan_of(&format!("eval --images x {flags}")).unwrap_err();
            assert_eq!(error.to_string(), "--images are judged as they are, without a model");
        }
    }
}
