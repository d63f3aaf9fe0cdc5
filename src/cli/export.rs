//! `diffuscope export`: writes trained weights for other programs.

use std::fmt;
use std::path::PathBuf;

use clap::Args;

use super::model::open_model;
use super::progress::Progress;
use super::replace::{ReplaceArgs, may_take, may_take_folder};
use super::value::{self, Names};
use crate::config::WeightsKind;
use crate::device::DeviceChoice;
use crate::export::{ExportFormat, export, may_be_exported_to};
use crate::{Result, cli};

const FORMATS: Names<ExportFormat> = &[
    ("safetensors", "the weights under their names, with the settings beside them", ExportFormat::Safetensors),
    ("pth", "the same as torch.save writes it, for load_state_dict", ExportFormat::Pth),
    ("diffusers", "a folder for DDPMPipeline or UNet2DModel, with a README", ExportFormat::Diffusers),
];

/// What was typed after `export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// A run folder, a checkpoint, a .pth or .safetensors file, or a folder of diffusers; the model that ships with the program if left out
    #[arg(long, value_name = "FILE|DIR")]
    checkpoint: Option<PathBuf>,

    /// What to write
    #[arg(long, value_name = "NAME", value_parser = value::one_of(FORMATS))]
    format: ExportFormat,

    /// The file, or for diffusers the folder, to write
    #[arg(long, value_name = "PATH")]
    out: PathBuf,

    /// Which weights; those that the model draws with if left out
    #[arg(long, value_name = "NAME", value_parser = value::one_of(value::WEIGHTS))]
    weights: Option<WeightsKind>,

    #[command(flatten)]
    replace: ReplaceArgs,
}

/// Weights that can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportPlan {
    /// `None`: the model that ships with the program.
    pub checkpoint: Option<PathBuf>,
    pub format: ExportFormat,
    pub out: PathBuf,
    /// `None`: those that the model draws with.
    pub weights: Option<WeightsKind>,
    /// Whether what was exported there before is replaced.
    pub force: bool,
}

impl ExportArgs {
    pub(super) fn plan(self) -> ExportPlan {
        let Self { checkpoint, format, out, weights, replace } = self;
        ExportPlan { checkpoint, format, out, weights, force: replace.force }
    }
}

impl fmt::Display for ExportPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exporting to {}", self.out.display())
    }
}

/// Writes the weights and says where.
///
/// # Errors
/// When the model cannot be read, does not suit the format, or the disk does not take it.
pub fn run(plan: &ExportPlan) -> Result<()> {
    let mut progress = Progress::new();
    let opened = cli::compute::compute(DeviceChoice::Cpu, None, &mut progress, |device, progress| {
        let model = open_model(plan.checkpoint.as_deref(), device, progress)?;
        let kind = plan.weights.unwrap_or(model.settings.sampling.weights);
        may_be_exported_to(&model, plan.format, &plan.out)?;
        match plan.format {
            ExportFormat::Diffusers => may_take_folder(&plan.out, plan.force)?,
            ExportFormat::Safetensors | ExportFormat::Pth => may_take(&plan.out, plan.force)?,
        }
        export(&model, kind, plan.format, &plan.out)
    });
    progress.finish();
    opened?;
    cli::say(&plan.out.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Plan, plan_of};

    #[test]
    fn flags_are_kept() {
        let plain = ExportPlan {
            checkpoint: None,
            format: ExportFormat::Pth,
            out: "w.pth".into(),
            weights: None,
            force: false,
        };
        assert_eq!(plain.to_string(), "exporting to w.pth");
        assert_eq!(plan_of("export --format pth --out w.pth").unwrap(), Plan::Export(plain));
        let all = ExportPlan {
            checkpoint: Some("runs/a".into()),
            format: ExportFormat::Diffusers,
            out: "folder".into(),
            weights: Some(WeightsKind::Raw),
            force: true,
        };
        let words = "export --checkpoint runs/a --format diffusers --out folder --weights raw --force";
        assert_eq!(plan_of(words).unwrap(), Plan::Export(all));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let error = plan_of("export --out x").unwrap_err();
        assert_eq!((error.to_string().as_str(), error.exit_code()), ("--format is missing", 2));
        let error = plan_of("export --out x --format onnx").unwrap_err();
        assert_eq!(error.to_string(), "--format: \"onnx\" is not one of its values");
        assert_eq!(error.hint(), "use safetensors, pth, diffusers");
    }
}
