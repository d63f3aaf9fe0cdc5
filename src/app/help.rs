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
            Task::KeepingRun => ("Continue", Action::Continue),
            Task::Training if self.run.as_ref().is_some_and(|run| run.checkpoint.is_some()) => {
                ("Resume run", Action::Resume)
            }
            Task::StartingRun if matches!(self.settings.data.source, DataSource::Path(_)) => {
                ("Open the Data tab", Action::ShowTab(Tab::Data))
            }
            Task::StartingRun => ("Try again", Action::Train),
            Task::Saving => ("Choose another place", Action::SaveWhat(self.save.what)),
            Task::Sampling => ("Draw again", Action::Sample),
            Task::ReadingData => ("Look again", Action::LookAtData),
            Task::ListingRuns | Task::ReadingRun => ("Look again", Action::ListRuns),
            Task::LookingForCopies => ("Look again", Action::LookForCopies),
            Task::FindingOrigin => ("Take another digit", Action::Origin(OriginAction::Random)),
            Task::OpeningModel | Task::ResumingRun | Task::Attaching | Task::NamingRun | Task::DeletingRun => {
                ("Open the Runs tab", Action::ShowTab(Tab::Runs))
            }
            Task::ReadingFilms if !self.run_goes_on() => {
                ("Open it again", Action::OpenRun(self.run.as_ref()?.folder.clone()))
            }
            Task::Engine
            | Task::Training
            | Task::OpeningDevice
            | Task::Computing
            | Task::ReadingPicture
            | Task::ReadingFilms
            | Task::NamingDigits
            | Task::DrawingGrid => return None,
        };
        Some(Help { word, action })
    }
}
