//! Every thing a person can do in the window.

use std::path::PathBuf;

use super::films::FilmAxis;
use super::heat_map::HeatColors;
use super::origin::OriginAction;
use super::run_naming::NameAction;
use super::save_form::SaveWhat;
use super::schedule_view::ScheduleAction;
use super::smoothing::Smoothing;
use super::state::{Look, LossAxis, Tab};
use super::zoom::Zoom;
use crate::config::{Budget, Preset, Settings, WeightsKind};

/// Something that was pressed, typed or dragged: drawn panels return these, [`App::apply`](super::App::apply) acts.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Start a new run with the settings as they are.
    Train,
    Pause,
    Continue,
    /// Train one step and hold.
    Step,
    /// End the run and keep it.
    Stop,
    /// Go on with the last run, which was stopped, from its checkpoint.
    Resume,

    /// Read the list of runs anew.
    ListRuns,
    /// Show an earlier run and draw with its model.
    OpenRun(PathBuf),
    /// Look at a run that another program trains, as it grows.
    Attach(PathBuf),
    /// Look at it no longer.
    Detach,
    /// Go on with an earlier run from its checkpoint.
    ResumeRun(PathBuf),
    /// Take an earlier run's settings for the next run.
    DuplicateRun(PathBuf),
    /// Compare an earlier run with others, or leave it out again.
    Compare(PathBuf),
    /// Give an earlier run a name.
    Name(NameAction),
    /// Move an earlier run to the trash.
    DeleteRun(PathBuf),

    /// Take the values of a preset; the images stay, and what was chosen of them.
    Preset(Preset, Budget),
    /// Settings were changed.
    Settings(Box<Settings>),
    /// Take back the last change of a setting, or make it again.
    Undo,
    Redo,
    /// All settings as the preset has them, those of the drawing too; where the images come from stays.
    ResetSettings,
    /// Another seed.
    RollSeed,
    /// The grid of the run is drawn with these weights.
    GridWeights(WeightsKind),
    /// Look at the schedule otherwise.
    Schedule(ScheduleAction),

    ShowTab(Tab),
    /// Open or fold the panel of settings.
    ToggleLeft,
    /// The window became too narrow for the settings beside the rest, or has room again.
    Narrow(bool),
    /// Open or fold the panel of charts.
    ToggleRight,
    Look(Look),
    /// How large everything is drawn.
    Zoom(Zoom),
    /// Open or close the list of all actions.
    Palette(bool),
    /// Linear loss axis, else logarithmic.
    LinearLoss(bool),
    /// What the loss is drawn against.
    LossAxis(LossAxis),
    /// Over how many steps the loss is smoothed.
    LossSmoothing(Smoothing),
    /// The loss plot shows the whole run again.
    WholeLoss,
    /// The colours of the loss by timestep.
    HeatColors(HeatColors),

    /// Draw images and record the reverse diffusion.
    Sample,
    CancelSampling,
    /// Slide a digit into noise, and reverse from there.
    Origin(OriginAction),
    /// Redraw as the settings of the drawing change, or no longer.
    RedrawOnChange,
    /// The path of a model to open was typed.
    OpenPath(String),
    /// Open the model at the typed path.
    Open,
    /// Read what the next run learns from once more.
    LookAtData,
    /// Read the images no further, be it to show them or for a run.
    StopReading,
    /// A file or a folder was dropped onto the window.
    Dropped(PathBuf),
    /// The path of a data set was typed.
    DataPath(String),
    /// Compare each digit that is followed with the training images.
    LookForCopies,
    /// Follow the digit at this place of the grid.
    Follow(usize),

    /// Put the playhead on a recorded moment.
    Seek(usize),
    /// Move by recorded moments; positive is towards the finished images.
    StepFrames(isize),
    /// Move by timesteps; positive is towards the finished images.
    JumpTimesteps(isize),
    /// Put the playhead on a film of the training, at the timestep where it stands; behind the last: on the drawing.
    SeekTraining(usize),
    /// Move by films of the training.
    StepTraining(isize),
    /// Show the film, and play it, along this axis.
    FilmAxis(FilmAxis),
    TogglePlay,
    Speed(f32),
    /// Look at the followed digit as large as the window allows.
    Loupe(bool),

    ToggleSave,
    SaveWhat(SaveWhat),
    /// Put the pictures that Save would write onto the clipboard, as one grid.
    CopyPicture,
    /// The path to save to was typed.
    SavePath(String),
    /// Ask for the path with the desktop's file dialog.
    Browse,
    Save,
    /// Save, in place of the file that is there.
    Replace,
    /// The file dialog for one kind of file ended; no path if it was cancelled or did not open.
    Browsed(SaveWhat, Option<PathBuf>),

    Dismiss(u64),
    /// The window is to close and waits: it closes now, whatever is lost.
    CloseAtOnce,
    /// Read the report of a crash, or close it.
    ShowReport(bool),
    /// Keep the report on disk and do not offer it again.
    KeepReport,
    DeleteReports,
}

impl Action {
    /// Whether the playhead goes elsewhere by it, or begins to.
    pub(super) fn moves_playhead(&self) -> bool {
        matches!(
            self,
            Self::Seek(_)
                | Self::StepFrames(_)
                | Self::JumpTimesteps(_)
                | Self::SeekTraining(_)
                | Self::StepTraining(_)
                | Self::TogglePlay
        )
    }
}
