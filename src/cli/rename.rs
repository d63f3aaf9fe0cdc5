//! `diffuscope rename`: gives a run a name.

use std::fmt;
use std::path::PathBuf;

use clap::Args;

use super::value;
use crate::train::folder::name_run;
use crate::train::run_name::RunName;
use crate::{Result, cli};

/// What was typed after `rename`.
#[derive(Debug, Clone, Args)]
pub struct RenameArgs {
    /// The run folder, which stays where it is
    #[arg(value_name = "DIR")]
    run: PathBuf,

    /// What the run is called from now on; "" for the name of its folder
    #[arg(value_name = "NAME", value_parser = value::run_name, allow_hyphen_values = true)]
    name: RunName,
}

/// A run and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenamePlan {
    pub run: PathBuf,
    pub name: RunName,
}

impl RenameArgs {
    pub(super) fn plan(self) -> RenamePlan {
        RenamePlan { run: self.run, name: self.name }
    }
}

impl fmt::Display for RenamePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "calling the run in {} {}", self.run.display(), self.name.of(&self.run))
    }
}

/// Names the run, and says what it is called.
///
/// # Errors
/// When there is no run, another program trains it, or its folder takes no changes.
pub fn run(plan: &RenamePlan) -> Result<()> {
    name_run(&plan.run, &plan.name)?;
    cli::say(&plan.name.of(&plan.run))
}

#[cfg(test)]
mod tests {
    use crate::cli::{Plan, parse};

    #[test]
    fn a_run_and_a_name_are_taken_and_bad_names_are_not() {
        let plan = |name: &str| parse(["diffuscope", "rename", "runs/a", name]).map(|(plan, _)| plan);
        let Plan::Rename(named) = plan("cosine, T = 400").unwrap() else { panic!("not a rename") };
        assert_eq!(named.to_string(), "calling the run in runs/a cosine, T = 400");
        let Plan::Rename(named) = plan("").unwrap() else { panic!("not a rename") };
        assert_eq!(named.to_string(), "calling the run in runs/a a");
        let error = plan("two\nlines").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("cannot be seen"), "{error}");
    }
}
