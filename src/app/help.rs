//! What one press does about a failure.

use super::action::Action;
use super::notices::Help;
use super::origin::OriginAction;
use super::state::{AppState, Tab};
use crate::config::DataSource;
use crate::engine::Task;

impl AppState {
    /// What helps where a task has failed; nothing where no press does.
    pub(super) fn help(&self, during: Task) -> Option<Help> {
        let (word, action) = match during {
            // Its thread has ended, and only a new start of the program brings another: the message says so. What is left is
            // to read why, where a report was written.
            Task::Engine if self.crash.is_some() => ("Show the report", Action::ShowReport(true)),
            Task::Engine => return None,
            // The CPU takes the place of the device, by itself.
            Task::OpeningDevice | Task::Computing => return None,
            // It goes on from its checkpoint, by itself.
            Task::GoingBack => return None,
            Task::StartingRun if matches!(self.settings.data.source, DataSource::Path(_)) => {
                ("Open the Data tab", Action::ShowTab(Tab::Data))
            }
            Task::StartingRun => ("Try again", Action::Train),
            Task::Training if self.run.as_ref().is_some_and(|run| run.checkpoint.is_some()) => {
                ("Resume run", Action::Resume)
            }
            Task::Training => ("Train again", Action::Train),
            Task::KeepingRun => ("Continue", Action::Continue),
            Task::OpeningModel | Task::ResumingRun | Task::Attaching | Task::NamingRun | Task::DeletingRun => {
                ("Open the Runs tab", Action::ShowTab(Tab::Runs))
            }
            Task::Sampling => ("Draw again", Action::Sample),
            // While a run goes on, it draws the next one by itself.
            Task::DrawingGrid if self.run_goes_on() => return None,
            Task::DrawingGrid => ("Draw it again", Action::GridWeights(self.grid_weights())),
            Task::Saving => ("Choose another place", Action::SaveWhat(self.save.what)),
            // It was dropped onto the window: only a hand brings another there.
            Task::ReadingPicture => return None,
            Task::ListingRuns | Task::ReadingRun => ("Look again", Action::ListRuns),
            // A run that goes on records further films, which are shown as they come.
            Task::ReadingFilms if self.run_goes_on() => return None,
            Task::ReadingFilms => ("Open it again", Action::OpenRun(self.run.as_ref()?.folder.clone())),
            Task::LookingForCopies => ("Look again", Action::LookForCopies),
            Task::FindingOrigin => ("Take another digit", Action::Origin(OriginAction::Random)),
            // The next digits that are drawn are named again, by itself.
            Task::NamingDigits => return None,
            Task::ReadingData => ("Look again", Action::LookAtData),
        };
        Some(Help { word, action })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::app::Crash;
    use crate::app::state::{Activity, EndReason, RunFacts};
    use crate::config::Preset;
    use crate::reports::Report;

    /// The task after another, so that one that is new has to be put in its place.
    fn after(task: Task) -> Option<Task> {
        Some(match task {
            Task::Engine => Task::OpeningDevice,
            Task::OpeningDevice => Task::StartingRun,
            Task::StartingRun => Task::ResumingRun,
            Task::ResumingRun => Task::Training,
            Task::Training => Task::GoingBack,
            Task::GoingBack => Task::Computing,
            Task::Computing => Task::KeepingRun,
            Task::KeepingRun => Task::OpeningModel,
            Task::OpeningModel => Task::Sampling,
            Task::Sampling => Task::DrawingGrid,
            Task::DrawingGrid => Task::Saving,
            Task::Saving => Task::ReadingPicture,
            Task::ReadingPicture => Task::ListingRuns,
            Task::ListingRuns => Task::ReadingRun,
            Task::ReadingRun => Task::ReadingFilms,
            Task::ReadingFilms => Task::NamingRun,
            Task::NamingRun => Task::DeletingRun,
            Task::DeletingRun => Task::LookingForCopies,
            Task::LookingForCopies => Task::FindingOrigin,
            Task::FindingOrigin => Task::NamingDigits,
            Task::NamingDigits => Task::ReadingData,
            Task::ReadingData => Task::Attaching,
            Task::Attaching => return None,
        })
    }

    /// A run that goes on, or has ended, with a checkpoint or without.
    fn with_run(goes_on: bool, checkpoint: Option<u64>) -> AppState {
        let settings = Preset::Small.settings();
        let mut state = AppState::new(settings.clone());
        state.activity = if goes_on { Activity::Training } else { Activity::Idle };
        state.run = Some(RunFacts {
            folder: PathBuf::from("/data/ada/runs/a"),
            settings: Box::new(settings),
            parameters: 1,
            images: 1,
            device: None,
            checkpoint,
            ended: (!goes_on).then_some(EndReason::Failed),
            left: false,
        });
        state
    }

    #[test]
    fn every_failure_has_the_one_button_that_helps_or_none_can() {
        let tasks: Vec<Task> = std::iter::successors(Some(Task::Engine), |task| after(*task)).collect();
        let word = |state: &AppState, task| state.help(task).map(|help| help.word);
        for &task in &tasks {
            let (idle, running) = (with_run(false, None), with_run(true, Some(5)));
            let helpless = match task {
                // No press: the reasons stand beside them in `help`.
                Task::Engine | Task::OpeningDevice | Task::Computing | Task::GoingBack => true,
                Task::ReadingPicture | Task::NamingDigits => true,
                _ => false,
            };
            assert_eq!(word(&idle, task).is_none(), helpless, "{task:?}");
            let goes_on_itself = matches!(task, Task::ReadingFilms | Task::DrawingGrid);
            assert_eq!(word(&running, task).is_none(), helpless || goes_on_itself, "{task:?} during a run");
        }
        assert_eq!(tasks.len(), 23);
        assert_eq!(word(&with_run(false, Some(5)), Task::Training), Some("Resume run"));
        assert_eq!(word(&with_run(false, None), Task::Training), Some("Train again"));
        let mut crashed = with_run(false, None);
        let report = Report { path: PathBuf::from("/data/ada/crash.txt"), text: String::new() };
        crashed.crash = Some(Crash { report, open: false });
        assert_eq!(word(&crashed, Task::Engine), Some("Show the report"));
    }
}
