//! `diffuscope gui`: opens the window.

use std::fmt;
use std::path::PathBuf;

use clap::Args;

use super::value::{self, Names};
use crate::device::DeviceChoice;
pub use crate::window::Renderer;
use crate::window::{self, WindowOptions};
use crate::{Result, engine};

const RENDERERS: Names<Renderer> = &[
    ("wgpu", "Vulkan, Metal or Direct3D", Renderer::Wgpu),
    ("glow", "OpenGL: for old or virtual machines", Renderer::Glow),
];

/// What was typed after `gui`.
#[derive(Debug, Clone, Args)]
pub struct GuiArgs {
    /// Open this run folder
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,

    /// What draws the window; the one that works here if left out
    #[arg(long, value_name = "NAME", value_parser = value::one_of(RENDERERS))]
    renderer: Option<Renderer>,
}

/// How the window opens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuiPlan {
    /// A run folder to show.
    pub run: Option<PathBuf>,
    /// `None`: the first that works.
    pub renderer: Option<Renderer>,
}

impl GuiArgs {
    pub(super) fn plan(self) -> GuiPlan {
        GuiPlan { run: self.run, renderer: self.renderer }
    }
}

impl fmt::Display for GuiPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opening the window")?;
        self.run.as_ref().map_or(Ok(()), |run| write!(f, " on the run {}", run.display()))
    }
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// [`Error::NoDisplay`](crate::Error::NoDisplay) when there is no screen to open it on.
pub fn run(plan: GuiPlan) -> Result<()> {
    window::run(WindowOptions {
        run: plan.run,
        renderer: plan.renderer,
        work: |commands, out| engine::work(DeviceChoice::Auto)(commands, out),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Plan, plan_of};

    #[test]
    fn flags_are_kept() {
        let expected = GuiPlan { run: Some("runs/a".into()), renderer: Some(Renderer::Glow) };
        assert_eq!(expected.to_string(), "opening the window on the run runs/a");
        assert_eq!(plan_of("gui --run runs/a --renderer glow").unwrap(), Plan::Gui(expected));
        let Plan::Gui(plan) = plan_of("gui --renderer wgpu").unwrap() else { panic!("not the window's plan") };
        assert_eq!(plan.renderer, Some(Renderer::Wgpu));
    }

    #[test]
    fn an_unknown_renderer_is_refused() {
        let error = plan_of("gui --renderer vulkan").unwrap_err();
        assert_eq!(error.to_string(), "--renderer: \"vulkan\" is not one of its values");
        assert_eq!((error.hint().as_str(), error.exit_code()), ("use wgpu, glow", 2));
    }
}
