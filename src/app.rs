//! The window's state and rules: actions in, commands out, events in.
//!
//! | file | what it holds |
//! |---|---|
//! | `state` | everything the panels show, as plain data |
//! | `action` | everything a person can do |
//! | `logic` | an action's effect on state and engine |
//! | `news` | an event's effect on the state |
//! | `runs` | the earlier runs: what is listed, opened, taken over |
//! | `recording` | the recorded reverse diffusion and its playhead |
//! | `loss_series` | a loss curve of any length in bounded memory |
//! | `schedule_view` | what the schedule does, as a curve, a strip and a verdict |
//! | `save_form`, `file_dialog` | what is saved where, and the desktop's dialog that asks |
//! | `run_names` | default names of runs and files, and dates as text |
//! | `notices` | what there was to tell |
//! | `throughput` | images a second |
//! | `remembered` | what is kept from one start to the next |

mod action;
mod file_dialog;
mod logic;
pub mod loss_series;
mod news;
pub mod notices;
mod recording;
mod remembered;
mod run_names;
mod runs;
mod save_form;
mod schedule_view;
mod state;
mod throughput;

pub use action::Action;
pub use logic::App;
pub use recording::{Moment, Recording};
pub use remembered::Remembered;
pub use run_names::{Folders, date};
pub use runs::{RunRecord, RunSummary, Runs};
pub use save_form::{SaveForm, SaveResult, SaveWhat};
pub use schedule_view::{ScheduleView, Verdict};
pub use state::{
    Activity, AppState, EndReason, Look, LossPlot, ModelFacts, Player, Preview, Progress, RunFacts, SamplingProgress,
    Tab,
};
