//! The report of a crash, of this start or an earlier one: offered once, shown, deleted.

use std::path::PathBuf;

use super::aside::soon;
use super::logic::App;
use super::notices::Kind;
use crate::Result;
use crate::reports::{Report, Reports, written};

/// A report that is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    pub report: Report,
    /// It is read now, in place of the tab.
    pub open: bool,
}

impl App {
    /// Offers the newest report in the folder that was not offered yet.
    pub fn offer_report(&mut self, reports: Reports) {
        let looked = reports.clone();
        let newest = soon(move || looked.newest()).flatten();
        self.state.crash = newest.map(|report| Crash { report, open: false });
        self.reports = Some(reports);
    }

    /// Offers the report of a crash that happened just now.
    pub(super) fn offer_new_report(&mut self) {
        let known = self.state.crash.as_ref().map(|crash| &crash.report.path);
        if written().is_some_and(|path| Some(&path) != known)
            && let Some(reports) = self.reports.clone()
        {
            self.offer_report(reports);
        }
    }

    /// What a file dialog was answered with; its panic is told.
    pub(super) fn chosen(&mut self, answer: Result<Option<PathBuf>>) -> Option<PathBuf> {
        answer.unwrap_or_else(|error| {
            self.state.notices.add(Kind::Failed, format!("The file dialog: {error}"), Some(error.hint()));
            self.offer_new_report();
            None
        })
    }

    pub(super) fn show_report(&mut self, open: bool) {
        if let Some(crash) = &mut self.state.crash {
            crash.open = open;
        }
    }

    /// It stays on disk and is not offered again.
    pub(super) fn set_report_aside(&mut self) {
        self.state.crash = None;
        if let Some(reports) = &self.reports {
            reports.set_aside();
        }
    }

    pub(super) fn delete_reports(&mut self) {
        let Some(reports) = &self.reports else { return };
        match reports.delete() {
            Ok(()) => self.state.crash = None,
            Err(error) => self.state.notices.add(Kind::Failed, error.to_string(), Some(error.hint())),
        }
    }
}
