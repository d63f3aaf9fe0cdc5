//! A name for a run, typed in its place in the list.

use std::path::{Path, PathBuf};

use super::logic::App;
use super::state::{AppState, Tab};
use crate::engine::Command;
use crate::files::shown_name;
use crate::train::run_name::RunName;

/// What is done with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameAction {
    /// Type a name for this run.
    Begin(PathBuf),
    Text(String),
    /// Take what was typed.
    Keep,
    /// Leave the name as it was.
    Leave,
}

/// The name that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunNaming {
    pub run: PathBuf,
    pub text: String,
    /// What is wrong with it, and what to do.
    pub problem: Option<String>,
    /// Tells one time of typing from the next.
    pub turn: u64,
}

impl AppState {
    /// Why a run cannot be named now.
    pub fn naming_refusal(&self, run: &Path) -> Option<&'static str> {
        (self.attached() == Some(run)).then_some("Another program trains it: it is read-only here")
    }

    /// The run that a key names: the one that is shown, if it is in the list; in the list, else the newest.
    pub fn run_to_name(&self) -> Option<PathBuf> {
        let shown = self.run.as_ref().map(|run| &run.folder);
        let listed = shown.filter(|folder| folder.parent() == Some(&self.runs.folder));
        let newest = || {
            let list = self.runs.list.as_ref().filter(|_| self.tab == Tab::Runs)?;
            list.iter().find(|run| run.record.is_ok()).map(|run| &run.path)
        };
        listed.or_else(newest).filter(|run| self.naming_refusal(run).is_none()).cloned()
    }

    /// What stands above the window: the run that is shown, by its name.
    pub fn title(&self) -> String {
        self.run
            .as_ref()
            .map_or_else(|| "Diffuscope".into(), |run| format!("{} – Diffuscope", self.runs.name(&run.folder)))
    }

    /// What a run is called by what is on disk.
    pub(super) fn run_named(&mut self, run: PathBuf, name: RunName) {
        self.runs.names.insert(run, name);
    }
}

impl App {
    pub(super) fn do_with_name(&mut self, action: NameAction) {
        let state = &mut self.state;
        match action {
            NameAction::Begin(run) => {
                if state.naming_refusal(&run).is_some() {
                    return;
                }
                state.runs.turns += 1;
                let (text, turn) = (state.runs.name(&run), state.runs.turns);
                state.runs.naming = Some(RunNaming { run, text, problem: None, turn });
                if state.tab != Tab::Runs {
                    state.tab = Tab::Runs;
                    state.loupe = false;
                    self.list_runs();
                }
            }
            NameAction::Text(text) => {
                if let Some(naming) = &mut state.runs.naming {
                    naming.problem = RunName::new(&text).err().map(|error| format!("{error}: {}", error.hint()));
                    naming.text = text;
                }
            }
            NameAction::Keep => self.keep_name(),
            NameAction::Leave => state.runs.naming = None,
        }
    }

    fn keep_name(&mut self) {
        let Some(naming) = self.state.runs.naming.take() else { return };
        let Ok(mut name) = RunName::new(&naming.text) else {
            self.state.runs.naming = Some(naming);
            return;
        };
        let run = naming.run;
        if name.to_string() == shown_name(&run) {
            name = RunName::default();
        }
        if name.of(&run) != self.state.runs.name(&run) {
            self.command(Command::NameRun { run, name });
        }
    }
}
