//! What the window asks of the engine.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{DataSettings, DataSource, SamplingSettings, Settings, WeightsKind};
use crate::pictures::{Pictures, Provenance};
use crate::sampling::origin::{Origin, OriginPick};
use crate::train::run_name::RunName;

/// A request to the engine. Each is answered by one or more [`Event`](super::Event)s.
#[derive(Debug, Clone)]
pub enum Command {
    /// Start a new run in the folder `out`, which is created; answered by `RunStarted`, then `Step`s, then `RunEnded`.
    Train { settings: Box<Settings>, out: PathBuf },
    /// Go on with the run in a folder from its last checkpoint.
    ResumeRun { run: PathBuf },
    /// Hold training after the current step.
    Pause,
    /// Go on after `Pause`.
    Continue,
    /// Train one step, then hold.
    Step,
    /// End the run, keeping a checkpoint; while its images are read, it does not begin.
    Stop,
    /// Look at a run that another program trains, read-only: `Attached`, then its news as of a run of one's own, until
    /// `Detached`. `Open` of such a run does the same.
    Attach { run: PathBuf },
    /// Look at it no longer.
    Detach,
    /// Load a trained model to sample from: a weights file, or a run folder, whose facts and losses come too.
    Open { path: PathBuf },
    /// Open what was shown the last time, as `Open` does; where it is gone, the model that ships with the program.
    Reopen { path: PathBuf },
    /// Load the model that ships with the program.
    OpenShipped,
    /// Draw images with the current model and record every frame of the reverse diffusion.
    /// During training it draws beside the steps, on a thread of its own. A newer request replaces the one in progress,
    /// but for that of a run's end, which then draws nothing.
    Sample { settings: SamplingSettings, why: DrawnFor },
    /// As `Sample`, for settings that change under a person's hand: a rough look comes before it, and `generation` tells
    /// which change it answers. `Redrawing` comes when the drawing before it has ended, then `Rough`s, then as `Sample`.
    Redraw { settings: SamplingSettings, generation: u64 },
    /// As `Sample`, but from an image that is noised to a timestep.
    Reverse { settings: SamplingSettings, origin: Origin },
    /// Find an image to begin with, brought to `size`×`size`, in the background; answered by `OriginFound`,
    /// `ReadingStopped` or `Failed`, after `ReadingImages` where a path is read.
    FindOrigin { pick: OriginPick, data: DataSource, size: usize },
    /// Draw the grid with these weights from now on. That of the run in progress, else of the one in the folder `run`, is
    /// drawn anew at once, in the background; answered by `Preview` or `Failed`, unless a newer one comes before that.
    DrawGrid { weights: WeightsKind, run: Option<PathBuf> },
    /// End the sampling in progress.
    CancelSampling,
    /// List the runs in a folder, in the background; answered by `Runs` or `Failed`.
    ListRuns { folder: PathBuf },
    /// Read a run's settings, losses and newest grid, in the background; answered by `RunRead` or `RunUnread`.
    ReadRun { run: PathBuf },
    /// Give a run a name, in the background; answered by `RunNamed` or `Failed`. One that another program trains is refused.
    NameRun { run: PathBuf, name: RunName },
    /// Move a run's folder to the desktop's trash, in the background; answered by `RunDeleted` or `Failed`. The run in
    /// progress is refused.
    DeleteRun { run: PathBuf },
    /// Find the images nearest to a picture among those that a model with these settings learned from, in the background;
    /// answered by `CopiesFound`, `ReadingStopped` or `Failed`, after `ReadingImages` and `LookingForCopies` where they have to
    /// be read first.
    LookForCopies { settings: Box<Settings>, picture: Pictures },
    /// Name the digit in each picture, in the background; answered by `DigitsNamed` or `Failed`.
    NameDigits { pictures: Arc<Pictures> },
    /// Look at what a run would learn from, in the background; answered by `DataSeen` or `Failed`. Files that were looked at
    /// last are only read once more when `again` is set.
    LookAtData { data: Box<DataSettings>, seed: u64, again: bool },
    /// Read no further: looks at the data or for copies, and searches for an image to begin with, that are in progress are
    /// answered by `ReadingStopped`.
    StopReading,
    /// What was looked at is shown no longer: its images need not be kept.
    ForgetData,
    /// Read what a PNG file says of how it was drawn, in the background; answered by `ProvenanceRead` or `Failed`.
    ReadProvenance { path: PathBuf },
    /// Write something to disk in the background; answered by `Saved` or `Failed`, or, where a file of that name is not
    /// to be replaced, by `FileExists`.
    Save { what: Save, path: PathBuf, replace: bool },
}

/// Why something was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DrawnFor {
    /// A person asked for it.
    #[default]
    Person,
    /// The model that ships with the program drew, so that there is something to see at the first start.
    FirstLook,
    /// A run or weights were opened.
    Opening,
    /// A run was complete.
    RunEnd,
}

/// What can be written to disk.
#[derive(Debug, Clone)]
pub enum Save {
    /// One PNG with all pictures in rows of `columns`.
    Grid { pictures: Pictures, columns: usize, provenance: Option<Box<Provenance>> },
    /// One PNG a picture, `0000.png` …, in the folder named by the path.
    Singles { pictures: Pictures, provenance: Option<Box<Provenance>> },
    /// An animated GIF of the frames, `columns` pictures a row.
    Animation { frames: Vec<Pictures>, columns: usize },
    /// An animated PNG of the frames, `columns` pictures a row.
    AnimatedPng { frames: Vec<Pictures>, columns: usize, provenance: Option<Box<Provenance>> },
    /// The losses of every step of a run as a table.
    Losses { run: PathBuf },
    /// The plot of the loss: a whole SVG file.
    LossPlot { svg: String },
    /// The same plot as a PNG, twice as large.
    LossPicture { svg: String, provenance: Option<Box<Provenance>> },
    /// The current model's weights as safetensors.
    Weights { kind: WeightsKind },
}
