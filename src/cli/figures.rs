//! `diffuscope figures`: writes the figures of the reference experiment.

mod run;

use std::fmt;
use std::path::PathBuf;

use clap::Args;

use super::replace::ReplaceArgs;

pub use run::run;

/// What was typed after `figures`.
#[derive(Debug, Clone, Args)]
pub struct FiguresArgs {
    /// A run folder, a checkpoint, a .pth or .safetensors file, or a folder of diffusers; the model that ships with the program if left out
    #[arg(long, value_name = "FILE|DIR")]
    checkpoint: Option<PathBuf>,

    /// The folder to write to; it is created
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    #[command(flatten)]
    replace: ReplaceArgs,
}

/// Which model's figures are written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiguresPlan {
    /// `None`: the model that ships with the program.
    pub checkpoint: Option<PathBuf>,
    pub out: PathBuf,
    /// Whether files of these names are replaced.
    pub force: bool,
}

impl FiguresArgs {
    pub(super) fn plan(self) -> FiguresPlan {
        FiguresPlan { checkpoint: self.checkpoint, out: self.out, force: self.replace.force }
    }
}

impl fmt::Display for FiguresPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "drawing the figures to {}", self.out.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Plan, plan_of};

    #[test]
    fn flags_are_kept() {
        let plan = |checkpoint: Option<&str>| {
            let checkpoint = checkpoint.map(PathBuf::from);
            Plan::Figures(FiguresPlan { force: checkpoint.is_some(), checkpoint, out: "f".into() })
        };
        assert_eq!(plan_of("figures --out f").unwrap(), plan(None));
        assert_eq!(plan_of("figures --checkpoint runs/a --out f --force").unwrap(), plan(Some("runs/a")));
        assert_eq!(plan(None).to_string(), "drawing the figures to f");
    }

    #[test]
    fn the_folder_is_needed() {
        let error = plan_of("figures").unwrap_err();
        assert_eq!((error.to_string().as_str(), error.exit_code()), ("--out is missing", 2));
    }
}
