//! A run that another program trains, shown as it grows: read-only.

use std::path::{Path, PathBuf};

use super::logic::App;
use super::notices::Kind;
use super::state::{AppState, EndReason, Tab};
use crate::engine::{Command, RunOpened};

impl AppState {
    /// The run of another program that is looked at.
    pub fn attached(&self) -> Option<&Path> {
        self.attached.as_deref()
    }

    /// Whether a run goes on, here or in another program.
    pub fn run_goes_on(&self) -> bool {
        self.run_is_active() || self.attached.is_some()
    }
}

impl App {
    pub(super) fn attach(&mut self, run: PathBuf) {
        if !self.state.run_is_active() && !run.as_os_str().is_empty() && self.command(Command::Attach { run }) {
            self.state.attaching = true;
            self.state.tab = Tab::Train;
        }
    }

    pub(super) fn attached(&mut self, opened: RunOpened) {
        let run = opened.run.clone();
        self.run_opened(opened);
        let state = &mut self.state;
        // Films come as they are found; none are awaited.
        state.films.reading = false;
        if let Some(facts) = &mut state.run {
            (facts.ended, facts.checkpoint) = (None, None);
        }
        state.attached = Some(run);
        state.attaching = false;
        self.measure = Default::default();
    }

    pub(super) fn detached(&mut self, run: &Path, ended: Option<EndReason>) {
        let state = &mut self.state;
        if state.attached.as_deref() != Some(run) {
            return;
        }
        state.attached = None;
        state.progress.seconds_left = None;
        let step = state.progress.step;
        if let Some(facts) = state.run.as_mut().filter(|facts| facts.folder == run) {
            // Where it could not be read any more, its program may go on all the same.
            facts.ended = ended.filter(|reason| *reason != EndReason::Failed);
            facts.left = facts.ended.is_none();
        }
        let run = run.display();
        let text = match ended {
            Some(EndReason::Completed) => format!("The other program has completed the run at step {step}: {run}"),
            Some(EndReason::Stopped) => format!("The other program has ended, at step {step} of its run: {run}"),
            Some(EndReason::Failed) => format!("The run can be looked at no longer: {run}"),
            None => format!("The run is looked at no longer; its program goes on: {run}"),
        };
        state.notices.add(Kind::Info, text, None);
        state.examine();
        self.runs_changed();
    }
}
