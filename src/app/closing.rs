//! The end of the window: it stays until the last steps of a run, and what was asked to be saved, are on disk.

use std::time::{Duration, Instant};

use super::logic::App;
use super::state::{Activity, AppState};
use crate::engine::Task;

/// An end that takes less is not spoken of.
const WORTH_TELLING: Duration = Duration::from_millis(300);
/// Longest wait for what has nothing to save, such as a drawing.
const WITHIN: Duration = Duration::from_secs(2);
/// Longest wait for what has, where no window is left in which a person could decide.
const UNSEEN_WITHIN: Duration = Duration::from_secs(60);
/// What closes a window twice within this time meant to close it once: a double click, the signals of a session that ends.
const ONE_PRESS: Duration = Duration::from_secs(1);

/// The window was asked to close.
#[derive(Debug, Clone)]
pub struct Closing {
    begun: Instant,
    /// Asked again: without waiting.
    at_once: bool,
    /// The engine has ended, and all that it told is taken.
    ended: bool,
    /// What could not be saved, and what to do about it.
    lost: Vec<(String, String)>,
}

/// What the window says while it waits to close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    pub title: String,
    pub lines: Vec<String>,
    /// What closing at once would be.
    pub button: &'static str,
    pub tip: String,
}

impl App {
    /// The window is to be closed: nothing new is begun, and what goes on is kept. Asked again: at once, whatever is lost.
    pub fn close(&mut self) {
        match &mut self.state.closing {
            Some(closing) => closing.at_once |= closing.begun.elapsed() >= ONE_PRESS,
            None => {
                self.handle.close();
                self.state.closing =
                    Some(Closing { begun: Instant::now(), at_once: false, ended: false, lost: Vec::new() });
            }
        }
    }

    pub(super) fn close_at_once(&mut self) {
        if let Some(closing) = &mut self.state.closing {
            closing.at_once = true;
        }
    }

    /// Whether a window that was asked to close has nothing more to wait for.
    pub fn may_go(&self) -> bool {
        let state = &self.state;
        state.closing.as_ref().is_some_and(|closing| {
            let waits_for_nothing = !state.is_keeping() && closing.begun.elapsed() >= WITHIN;
            closing.at_once || (closing.lost.is_empty() && (closing.ended || waits_for_nothing))
        })
    }

    /// Ends the engine, where no window is left that could wait; true if it ended in time.
    pub fn shutdown(self) -> bool {
        let within = match &self.state.closing {
            Some(closing) if closing.at_once => Duration::ZERO,
            _ if self.state.is_keeping() => UNSEEN_WITHIN,
            _ => WITHIN,
        };
        self.handle.shutdown(within)
    }

    /// Whether the window is closing; the engine may have ended, and told all.
    pub(super) fn is_closing(&mut self, engine_ended: bool) -> bool {
        let Some(closing) = &mut self.state.closing else { return false };
        closing.ended |= engine_ended;
        true
    }
}

impl AppState {
    /// Whether the window was asked to close.
    pub fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Whether closing now would lose steps of a run, or what was asked to be saved.
    fn is_keeping(&self) -> bool {
        self.writes > 0 || matches!(self.activity, Activity::Training | Activity::Paused | Activity::Stopping)
    }

    /// A failure after the window was asked to close is told before it goes.
    pub(super) fn failed_while_closing(&mut self, during: Task, what: &str, hint: &str) {
        // A disk that does not take the run first says so, then ends its training.
        let loses = during.writes() || matches!(during, Task::Engine | Task::Training);
        if let Some(closing) = self.closing.as_mut().filter(|_| loses)
            && !closing.lost.iter().any(|(known, _)| known == what)
        {
            closing.lost.push((what.into(), hint.into()));
        }
    }

    /// What is said while the window waits to close; nothing where that is soon over.
    pub fn farewell(&self) -> Option<Farewell> {
        let closing = self.closing.as_ref()?;
        if !closing.lost.is_empty() {
            return Some(Farewell {
                title: "Not everything could be saved".into(),
                lines: closing.lost.iter().map(|(what, hint)| format!("{what}: {hint}")).collect(),
                button: "Close",
                tip: String::new(),
            });
        }
        let since = closing.begun.elapsed();
        if since < WORTH_TELLING {
            return None;
        }
        let run = self.run.as_ref().filter(|_| self.run_is_active());
        let title = match (run, self.writes) {
            (Some(_), _) => "Saving the last steps…".into(),
            (None, 0) => "Ending what goes on…".into(),
            (None, 1) => "Saving a file…".into(),
            (None, files) => format!("Saving {files} files…"),
        };
        let mut lines = Vec::new();
        if let Some(run) = run {
            lines.push(format!("{}, step {}", self.runs.name(&run.folder), self.progress.step));
            if self.writes > 0 {
                lines.push(if self.writes == 1 { "and a file".into() } else { format!("and {} files", self.writes) });
            }
        }
        lines.push(format!("The window closes by itself · {} s", since.as_secs()));
        let tip = match run.map(|run| run.checkpoint) {
            Some(Some(step)) => format!("The run is kept up to step {step} only, its last checkpoint"),
            Some(None) => "The run has no checkpoint yet: it begins again".into(),
            None if self.writes > 0 => "What is not yet saved is left out".into(),
            None => String::new(),
        };
        Some(Farewell { title, lines, button: "Close without them", tip })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::app::Folders;
    use crate::config::Preset;
    use crate::engine::{Event, Handle, Outbox};

    fn app(activity: Activity) -> (App, Outbox) {
        let (handle, _, outbox) = Handle::scripted();
        let folders = Folders { runs: "runs".into(), pictures: "pictures".into() };
        let mut app = App::new(handle, AppState::new(Preset::Nano.settings()), folders, || ());
        app.state.activity = activity;
        (app, outbox)
    }

    fn wait(app: &mut App, seconds: f64) {
        app.drain();
        let closing = app.state.closing.as_mut().unwrap();
        closing.begun = closing.begun.checked_sub(Duration::from_secs_f64(seconds)).unwrap();
    }

    #[test]
    fn it_waits_for_a_run_and_for_files_and_for_nothing_else_longer_than_two_seconds() {
        for activity in [Activity::Training, Activity::Paused, Activity::Stopping] {
            let (mut app, outbox) = app(activity);
            app.close();
            wait(&mut app, 100.0);
            assert!(!app.may_go() && app.state.farewell().is_some());
            outbox
                .send(Event::RunEnded { step: 9, reason: crate::app::EndReason::Stopped, run: PathBuf::new() })
                .unwrap();
            drop(outbox);
            app.drain();
            assert!(app.may_go());
        }
        for activity in [Activity::Idle, Activity::Preparing] {
            let (mut app, _outbox) = app(activity);
            app.close();
            assert!(!app.may_go() && app.state.farewell().is_none());
            wait(&mut app, 1.5);
            assert!(!app.may_go() && app.state.farewell().is_some());
            wait(&mut app, 0.6);
            assert!(app.may_go());
        }
        let (mut app, outbox) = app(Activity::Idle);
        app.state.writes = 2;
        app.close();
        wait(&mut app, 100.0);
        assert!(!app.may_go() && app.state.farewell().unwrap().title.contains("2 files"));
        (0..2).for_each(|_| outbox.send(Event::Saved { what: "losses", path: "a".into() }).unwrap());
        app.drain();
        assert!(app.may_go());
    }

    #[test]
    fn asked_twice_it_goes_at_once_but_not_by_a_double_click() {
        let (mut app, _outbox) = app(Activity::Training);
        app.close();
        app.close();
        assert!(!app.may_go());
        wait(&mut app, 1.1);
        app.close();
        assert!(app.may_go());
    }

    #[test]
    fn what_could_not_be_saved_is_told_before_it_goes() {
        let (mut app, outbox) = app(Activity::Training);
        app.close();
        let failed = |during, what: &str| Event::Failed { during, what: what.into(), hint: "make room".into() };
        outbox.send(failed(Task::ListingRuns, "no list")).unwrap();
        // The run goes on, and is kept.
        outbox.send(failed(Task::GoingBack, "it diverged")).unwrap();
        outbox.send(failed(Task::KeepingRun, "no space left")).unwrap();
        outbox.send(failed(Task::Training, "no space left")).unwrap();
        drop(outbox);
        app.drain();
        let farewell = app.state.farewell().unwrap();
        assert_eq!((farewell.lines, farewell.button), (vec!["no space left: make room".into()], "Close"));
        assert!(!app.may_go());
        app.close_at_once();
        assert!(app.may_go());
    }
}
