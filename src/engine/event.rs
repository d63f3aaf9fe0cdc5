//! What the engine tells the window: plain numbers and bytes, never tensors.

use std::path::PathBuf;
use std::sync::Arc;

use super::DrawnFor;
use crate::config::{DataSettings, Settings};
use crate::data::contact_sheet::ContactSheet;
use crate::data::reading::Reading;
use crate::eval::QuickEval;
use crate::eval::copying::Copying;
use crate::pictures::{Pictures, Provenance};
use crate::sampling::origin::{OriginImage, OriginSource};
use crate::train::film::Film;
use crate::train::gallery::RunSummary;
use crate::train::history::History;
use crate::train::loss_by_timestep::ByTimestep;
use crate::train::run_name::RunName;
use crate::train::{Estimate, Grid, StepReport, WorkedExample};

/// A message from the engine.
#[derive(Debug, Clone)]
pub enum Event {
    /// The engine began, or ended, a kind of work.
    Activity(Activity),
    /// A run began, or was resumed at `step`.
    RunStarted(RunStarted),
    /// A run folder was opened; its `History`, newest `Preview` and `ModelReady` follow.
    RunOpened(RunOpened),
    /// A run that another program trains is looked at; its `History` follows, and what it does from now on.
    Attached(RunOpened),
    /// It is looked at no longer: its writer has ended so, or none, as that was asked for.
    Detached { run: PathBuf, ended: Option<EndReason> },
    /// The losses of the run that was opened or resumed, up to its last step.
    History(History),
    /// One optimizer step was done. Never dropped.
    Step(StepReport),
    /// An image of a step's batch, a few a second. May be dropped when the window is slow.
    Worked(WorkedExample),
    /// The losses by timestep of the last steps, up to `step`. A few a second.
    LossByTimestep { step: u64, losses: Box<ByTimestep> },
    /// The loss on the held-out images after `step`.
    HeldOut { step: u64, loss: f64 },
    /// A grid drawn from the same noise. One that is not an answer may be dropped when the window is slow.
    Preview(Grid),
    /// A film of the run in a folder: recorded just now, or read, in no certain order.
    Film { run: PathBuf, film: Arc<Film> },
    /// All films of a run that was opened are read; so many were damaged.
    FilmsRead { run: PathBuf, damaged: usize },
    /// Some digits drawn after `step` were judged.
    Evaluated { step: u64, eval: QuickEval },
    /// A checkpoint was written.
    Checkpointed { step: u64, path: PathBuf },
    /// The run is over; unless it failed, a checkpoint of its last step is on disk and
    /// `ModelReady` follows.
    RunEnded { step: u64, reason: EndReason, run: PathBuf },
    /// So much of a model's file is read. May be dropped when the window is slow.
    Reading { done: u64, total: u64 },
    /// So much of what is saved is written, 0 to 1. May be dropped when the window is slow.
    Writing { share: f64 },
    /// So much is read of the images that a task needs. May be dropped when the window is slow.
    ReadingImages { during: Task, reading: Reading },
    /// The images that a task in the background needs are read no further, as that was asked for.
    ReadingStopped { during: Task },
    /// A model can be sampled from now.
    ModelReady(ModelReady),
    /// An image to begin with; of so many test images, where it is one of them.
    OriginFound { source: OriginSource, image: OriginImage, of: Option<usize> },
    /// `Redraw` was taken: what was drawn before has told all that it will tell.
    Redrawing { generation: u64 },
    /// Some images as few network calls make them, of `count` that are being drawn: those from `first` on.
    Rough { first: usize, count: usize, pictures: Pictures, classes: Vec<Option<u8>>, seconds: f64 },
    /// A reverse diffusion begins: `frames` frames will follow unless it is cancelled.
    SamplingStarted {
        id: u64,
        why: DrawnFor,
        frames: usize,
        count: usize,
        timesteps: usize,
        classes: Vec<Option<u8>>,
        /// The settings of the model that draws.
        model: Box<Settings>,
        /// What its finished images will be.
        provenance: Box<Provenance>,
    },
    /// One frame of the reverse diffusion `id`. Never dropped.
    Frame { id: u64, frame: Frame },
    /// The reverse diffusion `id` is over; `cancelled` if it was ended early.
    SamplingEnded { id: u64, cancelled: bool, seconds: f64 },
    /// The runs in a folder, newest first.
    Runs { folder: PathBuf, runs: Vec<RunSummary> },
    /// What a run left on disk, to compare.
    RunRead(Box<RunRead>),
    /// A run that was to be compared cannot be read.
    RunUnread { run: PathBuf, what: String, hint: String },
    /// What a run is called: it was named, or it is the one that was opened.
    RunNamed { run: PathBuf, name: RunName },
    /// A run's folder is in the trash.
    RunDeleted { run: PathBuf },
    /// So much of the training images is read to look for copies, 0 to 1.
    LookingForCopies { share: f64 },
    /// The training images that are nearest to a picture.
    CopiesFound { picture: Pictures, copying: Box<Copying> },
    /// The digit that the classifier sees in each picture, and its probability.
    DigitsNamed { pictures: Arc<Pictures>, digits: Vec<(u8, f32)> },
    /// What a run with these settings would learn from.
    DataSeen { data: Box<DataSettings>, seed: u64, sheet: Arc<ContactSheet> },
    /// What a PNG file says of how it was drawn; none if nothing.
    ProvenanceRead { path: PathBuf, provenance: Option<Box<Provenance>> },
    /// A file was written.
    Saved { what: &'static str, path: PathBuf },
    /// Nothing was written: there is a file of that name, and it was not said that it is to be replaced.
    FileExists { path: PathBuf },
    /// What the run computes on from now on, as in [`RunStarted`].
    Device(String),
    /// Something the user should know that is not a failure, such as a fallback to the CPU.
    Notice(String),
    /// Something failed. What runs beside it goes on.
    Failed { during: Task, what: String, hint: String },
}

/// What the engine was doing when something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Its own thread: it has ended.
    Engine,
    OpeningDevice,
    StartingRun,
    ResumingRun,
    Training,
    /// Training diverged, or lost its device, and went back: it goes on.
    GoingBack,
    /// The device was lost: the CPU goes on with what was asked.
    Computing,
    /// The disk did not take what the run has to write: it is held until Continue.
    KeepingRun,
    OpeningModel,
    Sampling,
    DrawingGrid,
    Saving,
    ReadingPicture,
    ListingRuns,
    ReadingRun,
    ReadingFilms,
    NamingRun,
    DeletingRun,
    LookingForCopies,
    FindingOrigin,
    NamingDigits,
    ReadingData,
    Attaching,
}

impl Task {
    /// Whether files of a person are changed in the background: the window that closes waits for it.
    pub fn writes(self) -> bool {
        matches!(self, Self::Saving | Self::NamingRun | Self::DeletingRun)
    }

    /// In words that begin a message.
    pub fn words(self) -> &'static str {
        match self {
            Self::Engine => "The engine",
            Self::OpeningDevice => "Opening the device",
            Self::StartingRun => "Starting the run",
            Self::ResumingRun => "Resuming the run",
            Self::Training => "Training",
            Self::GoingBack => "Training",
            Self::Computing => "Computing",
            Self::KeepingRun => "Keeping the run",
            Self::OpeningModel => "Opening the model",
            Self::Sampling => "Drawing",
            Self::DrawingGrid => "Drawing the grid",
            Self::Saving => "Saving",
            Self::ReadingPicture => "Reading the picture",
            Self::ListingRuns => "Listing the runs",
            Self::ReadingRun => "Reading the run",
            Self::ReadingFilms => "Reading the films",
            Self::NamingRun => "Naming the run",
            Self::DeletingRun => "Deleting the run",
            Self::LookingForCopies => "Looking for copies",
            Self::Attaching => "Looking at the run",
            Self::FindingOrigin => "Finding the picture",
            Self::NamingDigits => "Naming the digits",
            Self::ReadingData => "Reading the images",
        }
    }
}

/// What the engine is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Activity {
    #[default]
    Idle,
    /// Reading data or building a network.
    Preparing,
    Training,
    /// A run is held between two steps.
    Paused,
    /// Writing the last checkpoint of a run.
    Stopping,
}

/// Facts about a run that begins.
#[derive(Debug, Clone)]
pub struct RunStarted {
    pub run: PathBuf,
    pub settings: Box<Settings>,
    /// Steps already done, when resumed.
    pub step: u64,
    /// Count of trainable weights.
    pub parameters: usize,
    /// Training images after the subset is taken.
    pub images: usize,
    /// Device the run computes on, such as `CPU, 2 threads`.
    pub device: String,
    /// The time that it will take, where its budget does not say it.
    pub estimate: Option<Estimate>,
}

/// Facts about a run folder that was opened.
#[derive(Debug, Clone)]
pub struct RunOpened {
    pub run: PathBuf,
    pub settings: Box<Settings>,
    /// Step of its newest checkpoint.
    pub step: u64,
    /// Share of the budget that was spent, 0 to 1.
    pub share: f64,
    pub parameters: usize,
    pub images: usize,
}

/// What a run left on disk.
#[derive(Debug, Clone)]
pub struct RunRead {
    pub run: PathBuf,
    pub settings: Box<Settings>,
    pub history: History,
    /// The newest grid and its step.
    pub grid: Option<(u64, Arc<Pictures>)>,
}

/// Facts about the model that sampling would use.
#[derive(Debug, Clone)]
pub struct ModelReady {
    pub settings: Box<Settings>,
    /// Steps it was trained for.
    pub step: u64,
    pub parameters: usize,
    /// Where it came from.
    pub source: PathBuf,
    /// Whether it is the one that ships with the program.
    pub ships: bool,
    /// `Open` asked for it; else it is what a run that has ended learned.
    pub opened: bool,
}

/// Why a run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its budget is spent.
    Completed,
    /// The user stopped it.
    Stopped,
    /// It failed; the last checkpoint is kept.
    Failed,
}

/// One recorded moment of a reverse diffusion.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Count of network calls so far; 0 is the noise that the drawing begins with, before the first call.
    pub step: usize,
    /// The timestep of `x_t`, 0 for the finished images. The first is T, or less where the sampler leaves out
    /// timesteps of pure noise.
    pub t: usize,
    /// The images as they are, brought to the range of pictures.
    pub x_t: Arc<Pictures>,
    /// The network's guess of the finished images.
    pub x0_hat: Arc<Pictures>,
    /// The network's guess of the noise: 128 is none, ±3 standard deviations at the ends.
    pub eps_hat: Arc<Pictures>,
}
