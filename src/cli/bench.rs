//! `diffuscope bench`: times the works by which speed is compared.

mod run;

use std::fmt;
use std::num::NonZeroUsize;

use clap::Args;

use super::value;
use crate::bench::Work;

pub use run::run;

/// What was typed after `bench`.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// What to time; everything if left out
    #[arg(value_name = "WORK", value_parser = value::one_of(value::WORKS))]
    works: Vec<Work>,

    /// How often each work is timed; the median counts
    #[arg(long, value_name = "N", default_value = "8", value_parser = value::times)]
    repeats: NonZeroUsize,

    /// Threads that compute; all cores if left out
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = value::threads)]
    threads: Option<NonZeroUsize>,

    /// Print where the time of each work goes, operation by operation
    #[arg(long, conflicts_with = "growth")]
    profile: bool,

    /// Print instead how costs grow with batch, pixels, channels, T, calls, images and steps
    #[arg(long, conflicts_with = "works")]
    growth: bool,

    /// Print instead what the window costs the training beside it, from N pairs of turns with and without it
    #[arg(long, conflicts_with_all = ["works", "growth", "profile"])]
    window: bool,

    /// Print one line of JSON for each result
    #[arg(long)]
    json: bool,
}

/// What is asked about the works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// How long they take.
    Time,
    /// Where their time goes.
    Profile,
    /// How costs grow; of no work in particular.
    Growth,
    /// What the window costs the training beside it; of no work in particular.
    Window,
}

/// Works that can be timed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BenchPlan {
    pub question: Question,
    pub works: Vec<Work>,
    pub repeats: NonZeroUsize,
    /// `None`: all cores.
    pub threads: Option<NonZeroUsize>,
    pub json: bool,
}

impl BenchArgs {
    pub(super) fn plan(self) -> BenchPlan {
        let question = match self {
            Self { growth: true, .. } => Question::Growth,
            Self { window: true, .. } => Question::Window,
            Self { profile: true, .. } => Question::Profile,
            _ => Question::Time,
        };
        let works = if self.works.is_empty() { Work::ALL.to_vec() } else { self.works };
        BenchPlan { question, works, repeats: self.repeats, threads: self.threads, json: self.json }
    }
}

impl fmt::Display for BenchPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.works.iter().map(|work| work.name()).collect();
        match self.question {
            Question::Time => write!(f, "timing {}", names.join(", ")),
            Question::Profile => write!(f, "profiling {}", names.join(", ")),
            Question::Growth => f.write_str("measuring how costs grow"),
            Question::Window => f.write_str("measuring what the window costs the training"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Plan, plan_of};

    fn bench(words: &str) -> BenchPlan {
        match plan_of(&format!("bench {words}")).unwrap() {
            Plan::Bench(plan) => plan,
            other => panic!("not a timing: {other:?}"),
        }
    }

    #[test]
    fn everything_is_timed_unless_works_are_named() {
        assert_eq!(bench("").works, Work::ALL);
        let plan = bench("small-sample small-train --repeats 3 --threads 2 --json");
        assert_eq!(plan.works, [Work::SmallSample, Work::SmallTrain]);
        assert_eq!((plan.repeats.get(), plan.threads.map(NonZeroUsize::get), plan.json), (3, Some(2), true));
        assert_eq!(plan.to_string(), "timing small-sample, small-train");
    }

    #[test]
    fn one_question_at_a_time() {
        assert_eq!(bench("small-train").question, Question::Time);
        assert_eq!(bench("small-train --profile").to_string(), "profiling small-train");
        assert_eq!(bench("--growth").question, Question::Growth);
        assert_eq!(bench("--window --repeats 3").question, Question::Window);
        assert_eq!(plan_of("bench small-train --window").unwrap_err().exit_code(), 2);
        assert_eq!(plan_of("bench --growth --window").unwrap_err().exit_code(), 2);
        assert_eq!(plan_of("bench --growth --profile").unwrap_err().exit_code(), 2);
        assert_eq!(plan_of("bench small-train --growth").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn unknown_works_and_no_repeats_are_refused() {
        assert_eq!(plan_of("bench big-train").unwrap_err().exit_code(), 2);
        assert_eq!(plan_of("bench --repeats 0").unwrap_err().exit_code(), 2);
    }
}
