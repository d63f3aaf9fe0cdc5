//! `diffuscope train`: trains without a window.

mod flags;
mod run;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::{ComputeArgs, value};
use crate::config::{Budget, Preset, Settings};
use crate::device::DeviceChoice;
use crate::error::Result;
use crate::train::run_name::RunName;

pub use flags::TrainFlags;
pub use run::run;

/// What was typed after `train`.
#[derive(Debug, Clone, Args)]
pub struct TrainArgs {
    /// The run folder: a new one is created, --resume goes on in it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Go on from the folder's last checkpoint; its settings are kept, a longer budget may be given
    #[arg(long)]
    resume: bool,

    /// What the run is called in lists, in place of its folder
    #[arg(long, value_name = "NAME", value_parser = value::run_name)]
    name: Option<RunName>,

    #[command(flatten)]
    flags: TrainFlags,

    #[command(flatten)]
    compute: ComputeArgs,
}

/// A run that can start.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainPlan {
    /// The run folder.
    pub out: PathBuf,
    /// `None`: as it was called, or as its folder is.
    pub name: Option<RunName>,
    pub start: Start,
    pub device: DeviceChoice,
    /// `None`: all cores.
    pub threads: Option<NonZeroUsize>,
}

/// How a run begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// A new run with these settings.
    New(Box<Settings>),
    /// The run that is in the folder; [`TrainFlags::resumed`] joins its recorded settings with the flags.
    Resume(Box<TrainFlags>),
}

impl TrainArgs {
    /// What the flags mean.
    ///
    /// # Errors
    /// Usage errors and settings that cannot work. The flags of a resumed run are judged against the run, later.
    pub(super) fn plan(self) -> Result<TrainPlan> {
        let start = if self.resume {
            Start::Resume(Box::new(self.flags))
        } else {
            let preset = self.flags.preset.unwrap_or(Preset::Small);
            Start::New(Box::new(self.flags.applied_to(preset.settings())?))
        };
        Ok(TrainPlan {
            out: self.out,
            name: self.name,
            start,
            device: self.compute.device,
            threads: self.compute.threads,
        })
    }
}

impl fmt::Display for TrainPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let out = self.out.display();
        match &self.start {
            Start::New(settings) => {
                write!(f, "training {} for {} in {out}", settings.preset.name(), length(settings.training.budget))
            }
            Start::Resume(_) => write!(f, "resuming the run in {out}"),
        }
    }
}

/// A budget in words: `5 epochs`.
fn length(budget: Budget) -> String {
    let plural = |one: bool| if one { "" } else { "s" };
    match budget {
        Budget::Epochs(n) => format!("{n} epoch{}", plural(n == 1)),
        Budget::Steps(n) => format!("{n} step{}", plural(n == 1)),
        Budget::Minutes(m) => format!("{m} minute{}", plural(m == 1.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Plan, plan_of};

    fn train(flags: &str) -> TrainPlan {
        match plan_of(&format!("train --out runs/a {flags}")).unwrap() {
            Plan::Train(plan) => plan,
            other => panic!("not a training: {other:?}"),
        }
    }

    #[test]
    fn only_the_folder_is_needed() {
        let plan = train("");
        assert_eq!(plan.out, PathBuf::from("runs/a"));
        assert_eq!(plan.start, Start::New(Box::new(Preset::Small.settings())));
        assert_eq!((plan.device, plan.threads), (DeviceChoice::Auto, None));
        assert_eq!(plan.to_string(), "training small for 2 minutes in runs/a");
    }

    #[test]
    fn where_it_computes_is_kept() {
        let plan = train("--device cuda:1 --threads 3");
        assert_eq!((plan.device, plan.threads), (DeviceChoice::Cuda(1), NonZeroUsize::new(3)));
    }

    #[test]
    fn resume_keeps_the_flags_for_the_run_to_judge() {
        let plan = train("--resume --steps 80 --beta-start 7");
        assert_eq!(plan.to_string(), "resuming the run in runs/a");
        let Start::Resume(flags) = plan.start else { panic!("not resumed") };
        assert_eq!(flags.steps, Some(80));
    }

    #[test]
    fn a_budget_reads_as_a_sentence() {
        assert_eq!(train("--epochs 1").to_string(), "training small for 1 epoch in runs/a");
        assert_eq!(train("--steps 40 --preset nano").to_string(), "training nano for 40 steps in runs/a");
        assert_eq!(train("--minutes 0.5").to_string(), "training small for 0.5 minutes in runs/a");
    }
}
