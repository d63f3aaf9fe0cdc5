//! Runs beside the one that is shown: their curves, the settings that differ, their grids.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::logic::App;
use super::loss_series::LossSeries;
use super::notices::Kind;
use super::settings_diff::{Difference, differences};
use crate::config::Settings;
use crate::engine::{Command, RunRead, Task};
use crate::pictures::Pictures;
use crate::train::run_clock::RunClock;

/// Runs that can be compared at once: as many as there are colours that are told apart.
pub const MOST: usize = 4;

/// A run that was chosen for comparison.
#[derive(Debug, Clone)]
pub struct Compared {
    pub path: PathBuf,
    /// Its place among the colours.
    pub color: usize,
    /// What it holds; none until it was read.
    pub read: Option<ReadRun>,
}

/// What is compared.
#[derive(Debug, Clone)]
pub struct ReadRun {
    pub settings: Box<Settings>,
    pub train: LossSeries,
    pub held_out: LossSeries,
    pub clock: RunClock,
    /// The newest grid and its step.
    pub grid: Option<(u64, Arc<Pictures>)>,
}

/// The chosen runs, in the order in which they were chosen.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    runs: Vec<Compared>,
}

impl Comparison {
    /// The chosen runs.
    pub fn runs(&self) -> &[Compared] {
        &self.runs
    }

    /// The chosen run in a folder.
    pub fn get(&self, path: &Path) -> Option<&Compared> {
        self.runs.iter().find(|run| run.path == path)
    }

    /// True if no more can be chosen.
    pub fn is_full(&self) -> bool {
        self.runs.len() >= MOST
    }

    /// The settings that differ among those that were read, with their names.
    pub fn differences(&self) -> (Vec<&Compared>, Vec<Difference>) {
        let read: Vec<(&Compared, &Settings)> =
            self.runs.iter().filter_map(|run| Some((run, &*run.read.as_ref()?.settings))).collect();
        let settings: Vec<&Settings> = read.iter().map(|(_, settings)| *settings).collect();
        (read.into_iter().map(|(run, _)| run).collect(), differences(&settings))
    }

    /// A run as if it had been chosen and read.
    #[cfg(test)]
    pub(crate) fn show(&mut self, path: PathBuf, read: ReadRun) {
        self.runs.push(Compared { path, color: self.runs.len(), read: Some(read) });
    }

    fn remove(&mut self, path: &Path) -> bool {
        let before = self.runs.len();
        self.runs.retain(|run| run.path != path);
        self.runs.len() < before
    }
}

impl App {
    /// Chooses a run for comparison, or leaves it out again.
    pub(super) fn toggle_compared(&mut self, path: &Path) {
        let comparison = &mut self.state.comparison;
        if comparison.remove(path) || comparison.is_full() {
            return;
        }
        let free = (0..MOST).find(|color| comparison.runs.iter().all(|run| run.color != *color));
        let Some(color) = free else { return };
        comparison.runs.push(Compared { path: path.to_path_buf(), color, read: None });
        if !self.command(Command::ReadRun { run: path.to_path_buf() }) {
            self.state.comparison.remove(path);
        }
    }

    pub(super) fn run_read(&mut self, read: RunRead) {
        let RunRead { run, settings, history, grid } = read;
        let Some(compared) = self.state.comparison.runs.iter_mut().find(|compared| compared.path == run) else {
            return;
        };
        let (train, held_out) = (LossSeries::of(&history.train), LossSeries::of(&history.held_out));
        compared.read = Some(ReadRun { settings, train, held_out, clock: history.clock, grid });
    }

    /// A run that cannot be read is not compared.
    pub(super) fn run_unread(&mut self, run: &Path, what: &str, hint: String) {
        self.state.comparison.remove(run);
        self.state.notices.add(Kind::Failed, format!("{}: {what}", Task::ReadingRun.words()), Some(hint));
    }

    /// Runs that are not read yet, and will not be, are not compared.
    pub(super) fn leave_out_unread(&mut self) {
        self.state.comparison.runs.retain(|run| run.read.is_some());
    }

    pub(super) fn leave_out(&mut self, path: &Path) {
        self.state.comparison.remove(path);
    }
}
