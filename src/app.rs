//! The window's state and rules: actions in, commands out, events in.
//!
//! | file | what it holds |
//! |---|---|
//! | `state` | everything the panels show, as plain data |
//! | `action` | everything a person can do |
//! | `logic` | an action's effect on state and engine |
//! | `news` | an event's effect on the state |
//! | `runs` | the earlier runs: what is listed, opened, taken over |
//! | `run_naming` | a name for a run |
//! | `aside` | looks at the disk that the window does not wait for |
//! | `attached` | a run that another program trains |
//! | `recording` | the recorded reverse diffusion and its playhead |
//! | `films`, `player` | such recordings by the models of the training, and how the strip moves along both axes |
//! | `loss_series`, `smoothing` | a loss curve of any length in bounded memory, and its moving average |
//! | `comparison`, `settings_diff` | runs beside the one that is shown, and which settings differ |
//! | `copies` | the training images that are nearest to the followed digit |
//! | `crash` | the report of a crash, which is offered once |
//! | `data_view` | what the next run would learn from |
//! | `dropped`, `held_over` | what is dropped onto the window, and what dropping it would do |
//! | `grid` | with which weights the grid of a run is drawn |
//! | `closing` | the window that waits until everything is saved |
//! | `live` | the drawing redrawn as its settings change |
//! | `origin` | a digit slid into noise, and the reverse from there |
//! | `edits` | changes of the settings, to take back and to do again |
//! | `fold` | the panel of settings in a narrow window |
//! | `health` | how the run goes, in one line |
//! | `heat_map` | the loss by timestep as a picture |
//! | `judged` | the evaluations of the run as the panel shows them |
//! | `schedule_view` | what the schedule does, as curves, a strip, and a digit at the chosen timestep |
//! | `schedule_doctor` | what is wrong with a schedule, and what would mend it |
//! | `save_form`, `file_dialog` | what is saved where, and the desktop's dialog that asks |
//! | `save_look` | whether there is a file already where the form would write to |
//! | `save_subject` | the pictures and the film that the Save form was opened for |
//! | `loss_figure` | the loss plot as SVG, of which the PNG is drawn |
//! | `loss_places` | where the steps of a run stand on the horizontal axis of the plot |
//! | `presets` | taking a preset's values, and going back to them |
//! | `provenance` | the settings inside pictures that were saved here: noted, and taken back |
//! | `run_names` | default names of runs and files, and dates as text |
//! | `naming` | which digit was asked for, and which is seen |
//! | `notices`, `help` | what there was to tell, and what one press does about it |
//! | `zoom` | how large everything is drawn |
//! | `remembered`, `memory` | what is kept from one start to the next, and the file of it |
//! | `returning` | the way back to what was looked at the last time |

mod action;
mod aside;
mod attached;
mod closing;
mod comparison;
mod copies;
mod crash;
mod data_view;
mod drawing_model;
mod dropped;
mod edits;
mod file_dialog;
mod films;
mod fold;
mod grid;
mod health;
mod heat_map;
mod held_over;
mod help;
mod how_far;
mod judged;
mod live;
mod logic;
mod loss_figure;
mod loss_places;
pub mod loss_series;
mod memory;
mod naming;
mod news;
pub mod notices;
mod on_screen;
mod origin;
mod player;
mod presets;
mod provenance;
mod recording;
mod remembered;
mod returning;
mod run_names;
mod run_naming;
mod runs;
mod save_form;
mod save_look;
mod save_subject;
mod schedule_doctor;
mod schedule_view;
mod settings_diff;
#[cfg(test)]
mod slept_tests;
mod smoothing;
mod state;
mod zoom;

pub use action::Action;
pub use closing::{Closing, Farewell};
pub use comparison::{Compared, Comparison, ReadRun};
pub use copies::{Copies, Nearness};
pub use crash::Crash;
pub use data_view::{ACROSS, ClassCount, ContactSheet, DataView, Part, Reading};
pub use films::{FilmAxis, Films};
pub use health::{Health, Tone};
pub use heat_map::{HeatColors, HeatMap};
pub use held_over::{DropOffer, HeldOver};
pub use how_far::{HowFar, ImagesRead};
pub use judged::Judged;
pub use live::{Live, Rough};
pub use logic::App;
pub use loss_places::Places;
pub use memory::Memory;
pub use naming::SeenDigit;
pub use origin::{OriginAction, OriginPanel, OriginPick, OriginSource};
pub use player::Player;
pub use recording::{Moment, Recording, SamplingProgress};
pub use remembered::Remembered;
pub use run_names::{Folders, date};
pub use run_naming::{NameAction, RunNaming};
pub use runs::{RunRecord, RunSummary, Runs};
pub use save_form::{SaveForm, SaveResult, SaveWhat};
pub use save_subject::Subject;
pub use schedule_doctor::{Advice, Diagnosis, Verdict};
pub use schedule_view::{ScheduleAction, ScheduleCurve, ScheduleLook, ScheduleView};
pub use settings_diff::{Difference, changes, differences};
pub use smoothing::Smoothing;
pub use state::{
    Activity, AppState, EndReason, Look, LossAxis, LossPlot, ModelFacts, Progress, RunFacts, Tab, WorkedExample,
};
pub use zoom::Zoom;

pub use crate::engine::DrawnFor;
pub use crate::files::shown_name;
pub use crate::train::run_clock::RunClock;
pub use crate::train::run_name::RunName;
