//! Everything the window shows, as plain data: the engine's news are copied in here, the panels read it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::closing::Closing;
use super::comparison::Comparison;
use super::copies::Copies;
use super::crash::Crash;
use super::data_view::DataView;
use super::edits::{Choices, Edits};
use super::films::Films;
use super::fold::Fold;
use super::grid::GridChoice;
use super::health::{Evidence, Health};
use super::heat_map::{HeatColors, HeatMap};
use super::held_over::HeldOver;
use super::how_far::{HowFar, ImagesRead};
use super::live::Live;
use super::loss_series::LossSeries;
use super::naming::Naming;
use super::notices::Notices;
use super::origin::OriginPanel;
use super::player::Player;
use super::recording::{Recording, SamplingProgress};
use super::returning::Returning;
use super::runs::Runs;
use super::save_form::SaveForm;
use super::schedule_view::{ScheduleLook, ScheduleView};
use super::smoothing::Smoothing;
use super::zoom::Zoom;
use crate::config::{DataSource, Preset, Problem, Setting, Settings};
use crate::train::Grid;
use crate::train::evaluations::Evaluations;
use crate::train::loss_by_timestep::LossMap;
use crate::train::pulse::Pulse;
use crate::train::run_clock::RunClock;

pub use crate::train::WorkedExample;

pub use crate::engine::{Activity, EndReason};

/// Points of the held-out curve that the health is read from.
const HELD_OUT_LOOKED_AT: usize = 256;

/// The tabs of the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Tab {
    #[default]
    Train,
    Sample,
    /// The earlier runs.
    Runs,
    /// What the next run learns from.
    Data,
    /// What the right panel holds, where the window is too narrow for it.
    Charts,
}

/// The look of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Look {
    #[default]
    System,
    Dark,
    Light,
}

/// The run that the window shows: the present one or the last.
#[derive(Debug, Clone)]
pub struct RunFacts {
    pub folder: PathBuf,
    pub settings: Box<Settings>,
    pub parameters: usize,
    pub images: usize,
    /// What it computes on; none if it was only opened.
    pub device: Option<String>,
    /// Step of the last checkpoint.
    pub checkpoint: Option<u64>,
    /// How it ended, once it has.
    pub ended: Option<EndReason>,
    /// Another program trains it, and it is looked at no longer: what is shown is as it was then.
    pub left: bool,
}

/// How far the run is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    pub step: u64,
    pub epoch: f64,
    /// Share of the budget that is spent, 0 to 1.
    pub share: f64,
    /// Measured over the last seconds.
    pub images_per_second: Option<f64>,
    pub seconds_left: Option<f64>,
}

/// The model that sampling uses.
#[derive(Debug, Clone)]
pub struct ModelFacts {
    pub settings: Box<Settings>,
    pub step: u64,
    pub parameters: usize,
    pub source: PathBuf,
    /// Whether it is the one that ships with the program.
    pub ships: bool,
}

/// The curves of the loss plot and how they are shown.
#[derive(Debug, Clone, Default)]
pub struct LossPlot {
    pub train: LossSeries,
    pub held_out: LossSeries,
    pub clock: RunClock,
    pub linear: bool,
    pub axis: LossAxis,
    pub smoothing: Smoothing,
    /// How often the whole run was asked for, after a look at a part.
    pub whole: u64,
}

/// What the loss is drawn against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum LossAxis {
    #[default]
    Steps,
    Images,
    /// Time of training.
    Time,
}

/// Everything the window shows.
#[derive(Debug, Clone)]
pub struct AppState {
    /// Settings of the next run and the next drawing.
    pub settings: Settings,
    /// What keeps the next run from starting.
    pub problems: Vec<Problem>,
    pub schedule: Option<ScheduleView>,
    pub schedule_look: ScheduleLook,
    /// What was changed in the settings.
    pub edits: Edits,
    pub look: Look,
    pub zoom: Zoom,
    /// The list of all actions is open.
    pub palette: bool,
    pub tab: Tab,
    /// The person went to a tab while the run was prepared, and is not taken away from it.
    pub(super) tab_is_own: bool,
    /// Where there is room for it.
    pub left_open: bool,
    pub(super) fold: Fold,
    pub right_open: bool,
    pub activity: Activity,
    /// How far a model's file is read, while one is opened.
    pub reading: Option<HowFar>,
    /// How far the images of the run are read that is being prepared.
    pub reading_images: Option<ImagesRead>,
    /// How far what is saved is written, while it is.
    pub writing: Option<HowFar>,
    pub run: Option<RunFacts>,
    /// The run of another program that is looked at: the one that is shown.
    pub(super) attached: Option<PathBuf>,
    /// Such a run is being read.
    pub attaching: bool,
    pub runs: Runs,
    pub comparison: Comparison,
    pub progress: Progress,
    pub loss: LossPlot,
    pub preview: Option<Grid>,
    /// With which weights it is drawn.
    pub(super) grid: GridChoice,
    /// An image of the batch at hand, on its way through the training step.
    pub worked: Option<WorkedExample>,
    /// How good the digits of the run were, over its training.
    pub evaluations: Evaluations,
    /// The loss by timestep, over the run's training.
    pub by_timestep: LossMap,
    /// The same as a picture.
    pub heat: Option<HeatMap>,
    pub heat_colors: HeatColors,
    /// What the health is read from.
    pub(super) pulse: Pulse,
    /// How the run goes, or went; none before its first step.
    pub health: Option<Health>,
    pub model: Option<ModelFacts>,
    pub sampling: Option<SamplingProgress>,
    /// The drawing redrawn as its settings change.
    pub live: Live,
    /// A digit slid into noise, and the reverse from there.
    pub origin: OriginPanel,
    /// How long the last drawing took, seconds.
    pub sampled_in: Option<f64>,
    pub recording: Option<Recording>,
    /// ᾱ_t of the model that made the recording, t = 0 … T.
    pub recording_alpha_bar: Arc<[f64]>,
    /// What the models of its training made of the same noise.
    pub films: Films,
    /// Whether the followed digit is a copy of a training image.
    pub copies: Copies,
    pub(super) naming: Naming,
    /// The followed digit is looked at as large as the window allows.
    pub loupe: bool,
    /// The followed digit: its place in the grid.
    pub followed: usize,
    pub player: Player,
    pub save: SaveForm,
    /// The path of a model to open, as typed.
    pub open_path: String,
    /// What the next run would learn from.
    pub data: DataView,
    /// The path of a data set, as typed.
    pub data_path: String,
    pub notices: Notices,
    /// The files that are held over the window.
    pub(super) held_over: HeldOver,
    /// The disk is asked what these are.
    pub(super) looked_for: HashSet<PathBuf>,
    /// Of those, the ones that were dropped.
    pub(super) dropped: HashSet<PathBuf>,
    /// What was asked to be written or thrown away, and is not yet.
    pub(super) writes: usize,
    /// The way back to what was looked at the last time.
    pub(super) returning: Option<Returning>,
    /// The window was asked to close.
    pub(super) closing: Option<Closing>,
    /// The report of a crash that is offered.
    pub crash: Option<Crash>,
}

impl AppState {
    /// The state at the first start, with the settings of the last time.
    pub fn new(settings: Settings) -> Self {
        let mut state = Self {
            settings: Preset::Small.settings(),
            problems: Vec::new(),
            schedule: None,
            schedule_look: ScheduleLook::default(),
            edits: Edits::default(),
            look: Look::System,
            zoom: Zoom::default(),
            palette: false,
            tab: Tab::Train,
            tab_is_own: false,
            left_open: true,
            fold: Fold::default(),
            right_open: true,
            activity: Activity::Idle,
            reading: None,
            reading_images: None,
            writing: None,
            run: None,
            attached: None,
            attaching: false,
            runs: Runs::default(),
            comparison: Comparison::default(),
            progress: Progress::default(),
            loss: LossPlot::default(),
            preview: None,
            grid: GridChoice::default(),
            worked: None,
            evaluations: Evaluations::default(),
            by_timestep: LossMap::default(),
            heat: None,
            heat_colors: HeatColors::default(),
            pulse: Pulse::default(),
            health: None,
            model: None,
            sampling: None,
            live: Live::default(),
            origin: OriginPanel::default(),
            sampled_in: None,
            recording: None,
            recording_alpha_bar: Arc::new([]),
            followed: 0,
            films: Films::default(),
            copies: Copies::default(),
            naming: Naming::default(),
            loupe: false,
            player: Player::default(),
            save: SaveForm::default(),
            open_path: String::new(),
            data: DataView::default(),
            data_path: String::new(),
            notices: Notices::default(),
            held_over: HeldOver::default(),
            looked_for: HashSet::new(),
            dropped: HashSet::new(),
            writes: 0,
            returning: None,
            closing: None,
            crash: None,
        };
        state.set_settings(settings);
        state
    }

    /// Takes settings that a person chose; the change can be taken back.
    pub fn edit_settings(&mut self, settings: Settings) {
        let after = Choices { settings: settings.clone(), grid: self.grid.weights };
        self.edits.note(&self.choices(), &after, Instant::now());
        if settings.data.source != self.settings.data.source {
            self.data.former = Some(self.settings.data.source.clone());
        }
        self.set_settings(settings);
    }

    /// Takes new settings and works out what follows from them: problems, the schedule's picture.
    pub fn set_settings(&mut self, settings: Settings) {
        self.notices.undo_no_more();
        if self.schedule.is_none() || settings.diffusion != self.settings.diffusion {
            self.schedule = ScheduleView::new(&settings.diffusion);
            self.schedule_look.noise(self.schedule.as_ref());
        }
        let reseeded = settings.sampling.seed != self.settings.sampling.seed;
        self.settings = settings;
        if reseeded {
            if !self.live.on {
                self.origin.changed();
            }
            self.noise_origin();
        }
        self.problems = self.settings.problems(self.available_images());
    }

    /// Forgets what the run that was shown left: curves, map, grid, films.
    pub(super) fn forget_run(&mut self) {
        let LossPlot { linear, axis, smoothing, whole, .. } = self.loss;
        self.loss = LossPlot { linear, axis, smoothing, whole: whole + 1, ..LossPlot::default() };
        self.evaluations = Evaluations::default();
        // An open Save form is about it no longer.
        self.save.held = Default::default();
        (self.by_timestep, self.heat) = (LossMap::default(), None);
        (self.pulse, self.health) = (Pulse::default(), None);
        self.preview = None;
        self.grid.forget_asked();
        self.worked = None;
        self.films = Films::default();
        self.loupe = false;
    }

    /// Reads the health of the run anew.
    pub(super) fn examine(&mut self) {
        let Some(run) = &self.run else { return };
        let training = &run.settings.training;
        let held_out = self.loss.held_out.visible(0..=u64::MAX, HELD_OUT_LOOKED_AT);
        let held_out: Vec<_> = held_out.iter().map(|bucket| (bucket.last, bucket.mean)).collect();
        self.health = Health::of(&Evidence {
            pulse: &self.pulse,
            evaluations: &self.evaluations,
            held_out: &held_out,
            warmup_steps: training.warmup_steps,
            ema_decay: training.ema_decay,
            grid: self.preview.as_ref().map_or(self.grid_weights(), |grid| grid.weights),
            learned: run.settings.data.digits,
            ended: run.ended.is_some(),
        });
    }

    /// Number of training images of the chosen digits, when it is known.
    pub fn available_images(&self) -> Option<usize> {
        let data = &self.settings.data;
        matches!(data.source, DataSource::Mnist).then(|| data.digits.in_mnist())
    }

    /// What is wrong with one setting of the next run, if anything.
    pub fn problem(&self, setting: Setting) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.setting == setting)
    }

    /// True from pressing Train until the run's last checkpoint is written.
    pub fn run_is_active(&self) -> bool {
        self.activity != Activity::Idle
    }
}
