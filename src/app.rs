//! The window's state and rules: actions in, commands out, events in.
//!
//! | file | what it holds |
//! |---|---|
//! | `state` | everything the panels show, as plain data |
//! | `action` | everything a person can do |
//! | `logic` | an action's effect on state and engine |
//! | `news` | an event's effect on the state |
//! | `window` | the real window: eframe, storage, start and end |

mod action;
mod file_dialog;
mod logic;
pub mod loss_series;
mod news;
pub mod notices;
mod recording;
mod remembered;
mod run_names;
mod save_form;
mod schedule_view;
mod state;
mod throughput;
mod window;

pub use action::Action;
pub use logic::App;
pub use recording::{Moment, Recording};
pub use run_names::Folders;
pub use save_form::{SaveForm, SaveResult, SaveWhat};
pub use schedule_view::{ScheduleView, Verdict};
pub use state::{
    Activity, AppState, EndReason, Look, LossPlot, ModelFacts, Player, Preview, Progress, RunFacts, SamplingProgress,
    Tab,
};
pub use window::{Renderer, Window, WindowOptions, run};
