//! `diffuscope classifier`: trains the classifier that `eval` judges digits with.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::compute::compute;
use super::progress::Progress;
use super::replace::{ReplaceArgs, may_take};
use super::{say, value};
use crate::data::mnist;
use crate::device::DeviceChoice;
use crate::error::{Error, Result};
use crate::eval::Judge;
use crate::eval::judge::write;
use crate::files::{check_writable, create_dir_all, folder_of};
use crate::train::folder::may_be_written;
use crate::train::{ClassifierTraining, train_classifier};

/// What was typed after `classifier`.
#[derive(Debug, Clone, Args)]
pub struct ClassifierArgs {
    /// The file to write, in the form of assets/classifier/digits.safetensors
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Passes over the 60,000 training digits
    #[arg(long, value_name = "N", default_value = "10", value_parser = value::times)]
    epochs: NonZeroUsize,

    /// Where the weights and the order come from: the same seed gives the same bytes
    #[arg(long, value_name = "S", default_value = "1", value_parser = value::whole)]
    seed: u64,

    /// Threads that compute; all cores if left out. The result is the same for any number
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = value::threads)]
    threads: Option<NonZeroUsize>,

    #[command(flatten)]
    replace: ReplaceArgs,
}

/// A classifier that can be trained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassifierPlan {
    pub out: PathBuf,
    pub epochs: u64,
    pub seed: u64,
    /// `None`: all cores.
    pub threads: Option<NonZeroUsize>,
    /// Whether a file that exists is replaced.
    pub force: bool,
}

impl ClassifierArgs {
    pub(super) fn plan(self) -> ClassifierPlan {
        let Self { out, epochs, seed, threads, replace } = self;
        ClassifierPlan { out, epochs: epochs.get() as u64, seed, threads, force: replace.force }
    }
}

impl fmt::Display for ClassifierPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "training a classifier for {} epochs to {}", self.epochs, self.out.display())
    }
}

/// Trains, writes, and says how many of the test digits are named rightly.
///
/// # Errors
/// When the file cannot be written.
pub fn run(plan: &ClassifierPlan) -> Result<()> {
    let folder = folder_of(&plan.out);
    create_dir_all(&folder)?;
    check_writable(&folder, &plan.out)?;
    may_be_written(&plan.out, &[])?;
    may_take(&plan.out, plan.force)?;
    let mut progress = Progress::new();
    let accuracy = compute(DeviceChoice::Cpu, plan.threads, &mut progress, |_, progress| {
        progress.note(&plan.to_string());
        let digits = mnist::load()?;
        let training = ClassifierTraining { epochs: plan.epochs, seed: plan.seed };
        let weights = train_classifier(training, &digits.train, &mut |step| {
            progress.advance(&format!("step {} · loss {:.4}", step.step, step.loss), step.step, step.steps);
            Ok(())
        })?;
        may_take(&plan.out, plan.force)?;
        write(&plan.out, weights, &digits.train, plan.seed)?;
        let bytes = std::fs::read(&plan.out).map_err(Error::read(&plan.out))?;
        Ok(Judge::read(&bytes, &plan.out)?.classifier.answers(&digits.test)?.accuracy(&digits.test))
    });
    progress.finish();
    say(&format!("{}: {:.2} % of the test digits are named rightly", plan.out.display(), 100.0 * accuracy?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Plan, plan_of};

    #[test]
    fn the_shipped_classifier_is_what_the_defaults_make() {
        let plan = ClassifierPlan { out: "c".into(), epochs: 10, seed: 1, threads: None, force: false };
        assert_eq!(plan.to_string(), "training a classifier for 10 epochs to c");
        assert_eq!(plan_of("classifier --out c").unwrap(), Plan::Classifier(plan));
    }

    #[test]
    fn every_flag_is_kept() {
        let threads = NonZeroUsize::new(1);
        let expected = ClassifierPlan { out: "c".into(), epochs: 2, seed: 9, threads, force: true };
        let plan = plan_of("classifier --out c --epochs 2 --seed 9 --threads 1 --force").unwrap();
        assert_eq!(plan, Plan::Classifier(expected));
        assert_eq!(plan_of("classifier --out c --epochs 0").unwrap_err().exit_code(), 2);
    }
}
