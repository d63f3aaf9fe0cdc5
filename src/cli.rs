//! The command line, in two stages: what was typed ([`Cli`], one file a subcommand), then what it means ([`Plan`]).
//!
//! A plan is valid: every value that can be judged without reading a file has been judged.

pub mod bench;
pub mod classifier;
mod compute;
pub mod eval;
pub mod export;
pub mod figures;
pub mod gui;
pub mod log;
mod model;
pub mod predict;
pub mod progress;
pub mod rename;
mod replace;
pub mod sample;
pub mod train;
mod usage;
mod value;

use std::ffi::OsString;
use std::fmt;
use std::io::{ErrorKind, Write};
use std::num::NonZeroUsize;
use std::panic::{self, UnwindSafe};

use clap::{Args, Parser, Subcommand};

use crate::device::DeviceChoice;
use crate::error::{Error, Result};
use crate::text::shown;

pub use bench::BenchPlan;
pub use classifier::ClassifierPlan;
pub use eval::EvalPlan;
pub use export::ExportPlan;
pub use figures::FiguresPlan;
pub use gui::GuiPlan;
pub use log::Log;
pub use predict::PredictPlan;
pub use rename::RenamePlan;
pub use sample::SamplePlan;
pub use train::TrainPlan;

/// Train a diffusion model on your own computer and watch it learn to draw.
///
/// Without a command it opens the window.
#[derive(Debug, Parser)]
#[command(name = "diffuscope", version, max_term_width = 110)]
pub struct Cli {
    /// Say what happens inside: on standard error (error, warn, info, debug, trace), or in this file and two older ones
    #[arg(long, global = true, value_name = "LEVEL|FILE", value_parser = log::log)]
    log: Option<Log>,

    #[command(subcommand)]
    command: Option<Typed>,
}

#[derive(Debug, Subcommand)]
enum Typed {
    /// Open the window (the same as no command)
    Gui(gui::GuiArgs),
    /// Train a model, without a window
    Train(Box<train::TrainArgs>),
    /// Give a run a name
    Rename(rename::RenameArgs),
    /// Draw images with a trained model
    Sample(sample::SampleArgs),
    /// Ask the network once: the answer to given images and timesteps
    Predict(predict::PredictArgs),
    /// Write trained weights for PyTorch, diffusers or any reader of safetensors
    Export(export::ExportArgs),
    /// Write the figures of the reference experiment: forward noising, samples, denoising
    Figures(figures::FiguresArgs),
    /// Time the training step and the drawing on this machine
    Bench(bench::BenchArgs),
    /// Say how good a model's digits are, or given images
    Eval(eval::EvalArgs),
    /// Train the classifier that eval judges digits with
    Classifier(classifier::ClassifierArgs),
}

/// Where and how wide the work is computed.
#[derive(Debug, Clone, Args)]
pub struct ComputeArgs {
    /// What computes: auto, cpu, cuda, cuda:N or metal
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = value::device)]
    device: DeviceChoice,

    /// Threads that compute; all cores if left out. The results are the same for any number
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = value::threads)]
    threads: Option<NonZeroUsize>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Print this: the help or the version.
    Tell(String),
    Gui(GuiPlan),
    Train(TrainPlan),
    Rename(RenamePlan),
    Sample(SamplePlan),
    Predict(PredictPlan),
    Export(ExportPlan),
    Figures(FiguresPlan),
    Bench(BenchPlan),
    Eval(EvalPlan),
    Classifier(ClassifierPlan),
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tell(text) => f.write_str(text),
            Self::Gui(plan) => plan.fmt(f),
            Self::Train(plan) => plan.fmt(f),
            Self::Rename(plan) => plan.fmt(f),
            Self::Sample(plan) => plan.fmt(f),
            Self::Predict(plan) => plan.fmt(f),
            Self::Export(plan) => plan.fmt(f),
            Self::Figures(plan) => plan.fmt(f),
            Self::Bench(plan) => plan.fmt(f),
            Self::Eval(plan) => plan.fmt(f),
            Self::Classifier(plan) => plan.fmt(f),
        }
    }
}

/// What the words of a command line, the program's name first, ask for, and where the log of it goes.
///
/// # Errors
/// [`Error::Usage`] or [`Error::Setting`], both of exit code 2.
pub fn parse<I, T>(words: I) -> Result<(Plan, Option<Log>)>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(asked) if !asked.use_stderr() => {
            return Ok((Plan::Tell(asked.render().to_string().trim_end().into()), None));
        }
        Err(wrong) => return Err(usage::from_clap(&wrong)),
    };
    let plan = match cli.command {
        None => Plan::Gui(GuiPlan::default()),
        Some(Typed::Gui(args)) => Plan::Gui(args.plan()),
        Some(Typed::Train(args)) => Plan::Train(args.plan()?),
        Some(Typed::Rename(args)) => Plan::Rename(args.plan()),
        Some(Typed::Sample(args)) => Plan::Sample(args.plan()?),
        Some(Typed::Predict(args)) => Plan::Predict(args.plan()),
        Some(Typed::Export(args)) => Plan::Export(args.plan()),
        Some(Typed::Figures(args)) => Plan::Figures(args.plan()),
        Some(Typed::Bench(args)) => Plan::Bench(args.plan()),
        Some(Typed::Eval(args)) => Plan::Eval(args.plan()?),
        Some(Typed::Classifier(args)) => Plan::Classifier(args.plan()),
    };
    Ok((plan, cli.log))
}

/// Writes one result to standard output. A reader that has gone away, as `head` does, is not a failure.
///
/// # Errors
/// [`Error::Write`] if the output cannot be written, such as on a full disk.
pub fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::write("standard output")(error)),
        _ => Ok(()),
    }
}

/// An error as the two lines that are printed for it, whatever stood in a file or its name.
pub fn two_lines(error: &Error) -> String {
    let one_line = |text: &str| shown(&text.lines().map(str::trim).collect::<Vec<_>>().join(" ")).into_owned();
    format!("error: {}\nhint: {}", one_line(&error.to_string()), one_line(&error.hint()))
}

/// Runs `work` and turns a panic into [`Error::Panicked`]. Rust's own report of it is shown with `RUST_BACKTRACE` set.
pub fn guarded(work: impl FnOnce() -> Result<()> + UnwindSafe) -> Result<()> {
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        panic::set_hook(Box::new(|_| {}));
    }
    panic::catch_unwind(work).unwrap_or_else(|panic| Err(Error::from_panic(&*panic)))
}

/// What `words` after the program's name mean.
#[cfg(test)]
fn plan_of(words: &str) -> Result<Plan> {
    let words = std::iter::once("diffuscope").chain(words.split_whitespace());
    parse(words).map(|(plan, _)| plan)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_declaration_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_opens_the_window() {
        assert_eq!(plan_of("").unwrap(), plan_of("gui").unwrap());
    }

    #[test]
    fn help_and_version_are_told() {
        let told = |words| match plan_of(words).unwrap() {
            Plan::Tell(text) => text,
            plan => panic!("{words} does {plan:?}"),
        };
        assert_eq!(told("--version"), concat!("diffuscope ", env!("CARGO_PKG_VERSION")));
        let commands =
            ["gui", "train", "rename", "sample", "predict", "export", "figures", "bench", "eval", "classifier"];
        assert!(commands.iter().all(|command| told("--help").contains(&format!("\n  {command} "))));
        assert!(told("train -h").contains("--lr <X>"));
    }

    #[test]
    fn the_log_may_be_asked_for_before_and_after_the_command() {
        for words in ["diffuscope --log a.txt bench", "diffuscope bench --log a.txt"] {
            let (_, log) = parse(words.split(' ')).unwrap();
            assert_eq!(log, Some(Log::File("a.txt".into())));
        }
        assert_eq!(parse(["diffuscope", "--log", "debug"]).unwrap().1, Some(Log::Level("debug".into())));
    }

    #[test]
    fn what_writes_files_can_be_told_to_replace_them() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands() {
            let has = |flag: &str| command.get_arguments().any(|argument| argument.get_long() == Some(flag));
            // A run is gone on with, and never replaced.
            assert_eq!(has("force"), has("out") && command.get_name() != "train", "{}", command.get_name());
        }
    }

    #[test]
    fn every_flag_is_explained_in_the_help() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands() {
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
        }
    }

    #[test]
    fn an_error_of_many_lines_is_printed_in_two() {
        let error = Error::usage("first\n  second", "do\nthis");
        assert_eq!(two_lines(&error), "error: first second\nhint: do this");
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let error = guarded(|| panic!("index {} of {}", 3, 2)).unwrap_err();
        assert_eq!(error.to_string(), "internal error: index 3 of 2");
        assert_eq!(error.exit_code(), 1);
    }
}
