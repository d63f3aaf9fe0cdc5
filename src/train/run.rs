//! A run from its first step, or its checkpoint, to the end of its budget: the training loop, top to bottom.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::Device;

use super::examination::Examination;
use super::film_recorder::FilmRecorder;
use super::folder::{
    Lock, RunFile, RunFolder, drop_damaged_checkpoint, has_checkpoint, name_own_run, newest_checkpoint_of,
    read_run_file, refuse_lost_checkpoint, write_run_file,
};
use super::pace::Pace;
use super::preview::Preview;
use super::run_event::{Control, Outcome, RunEvent};
use super::run_name::RunName;
use super::trainer::Trainer;
use crate::config::Settings;
use crate::data::Splits;
use crate::reports::note_settings;
use crate::{Error, Result};

/// Steps between two measurements of the held-out loss.
const HELD_OUT_EVERY: u64 = 100;
/// Time that passes between two checkpoints, as a multiple of what the last one took: under 4 %.
const REST: u32 = 25;
/// Longest time between two checkpoints, unless writing one takes long.
pub(super) const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);
/// How often the loss by timestep is told.
const BY_TIMESTEP_EVERY: Duration = Duration::from_millis(250);
/// How often an image of the batch is shown.
const WORKED_EVERY: Duration = Duration::from_millis(250);
/// How often the metrics are made visible to readers of the file.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// A run: a trainer and the folder that it writes to.
#[derive(Debug)]
pub struct Run {
    pub trainer: Trainer,
    pub folder: RunFolder,
    pub(super) last_checkpoint: Option<u64>,
    /// The content of `run.json`.
    pub(super) file: RunFile,
    /// Time spent waiting for the disk: no part of the budget.
    stalled: Duration,
    /// The watcher asked to stop while the run waited for the disk.
    pub(super) stop_asked: bool,
}

/// What looks at the model between two steps, each at its own pace.
struct Watchers {
    preview: Preview,
    examination: Examination,
    recorder: FilmRecorder,
}

impl Watchers {
    fn new(trainer: &Trainer) -> Self {
        Self {
            preview: Preview::new(trainer),
            examination: Examination::new(trainer),
            recorder: FilmRecorder::new(trainer),
        }
    }

    /// The last step is done: what was shown of the run is shown once more.
    fn once_more(&mut self, step: u64) {
        self.preview.once_more(step);
        self.examination.once_more(step);
        self.recorder.once_more(step);
    }

    fn are_due(&self, step: u64) -> bool {
        self.preview.is_due() || self.examination.is_due() || self.recorder.is_due(step)
    }
}

/// Whoever watches a run.
pub(super) type Watch<'a> = dyn FnMut(RunEvent, &Trainer) -> Result<Control> + 'a;

impl Run {
    /// A new run in the folder `out`.
    ///
    /// # Errors
    /// When the settings cannot work or the folder cannot be written or holds a run already.
    pub fn create(settings: &Settings, splits: &Splits, out: &Path, device: &Device) -> Result<Self> {
        let trainer = Trainer::new(settings, splits, device)?;
        let file = RunFile {
            version: env!("CARGO_PKG_VERSION").into(),
            settings: settings.clone(),
            dataset: splits.train.name.clone(),
            images: trainer.image_count(),
            images_crc32: trainer.images_crc32(),
            parameters: trainer.parameters(),
            rollbacks: Vec::new(),
            name: RunName::default(),
        };
        let folder = RunFolder::create(out, &file)?;
        folder.log(&format!("started: {} weights, {} images", file.parameters, file.images));
        Ok(Self { trainer, folder, last_checkpoint: None, file, stalled: Duration::ZERO, stop_asked: false })
    }

    /// The run in the folder `path` from its newest checkpoint, or from its beginning if it ended before the first;
    /// also says so when that was not the last one written.
    /// `adjust` may change the recorded settings (the budget, say); `load` gets the data set that they name.
    ///
    /// # Errors
    /// When there is no run, another program trains it, none of its checkpoints is sound and fits, or it lost those that it had.
    pub fn resume(
        path: &Path,
        adjust: impl FnOnce(&Settings) -> Result<Settings>,
        load: impl FnOnce(&Settings) -> Result<Splits>,
        device: &Device,
    ) -> Result<(Self, Option<String>)> {
        // Before anything is read: what another program that trains it goes on to write would be taken back.
        let lock = Lock::of_run(path)?;
        let mut file = read_run_file(path)?;
        let recorded = file.settings.clone();
        file.settings = adjust(&recorded)?;
        let newest = if has_checkpoint(path)? { Some(newest_checkpoint_of(path, Some(&file))?) } else { None };
        let mut trainer = Trainer::new(&file.settings, &load(&file.settings)?, device)?;
        if trainer.image_count() != file.images || trainer.images_crc32() != file.images_crc32 {
            return Err(Error::format(
                path,
                "the training images are not those that the run began with",
                "put the data set back as it was, or start a new run in another folder",
            ));
        }
        let notice = match newest {
            Some((checkpoint, _, notice)) => {
                checkpoint.restore(&mut trainer)?;
                if notice.is_some() {
                    drop_damaged_checkpoint(path)?;
                }
                notice
            }
            None => {
                refuse_lost_checkpoint(path, &file.settings)?;
                Some("the run ended before its first checkpoint, so it begins again".into())
            }
        };
        trainer.halvings = file.rollbacks.len() as u32;
        let step = trainer.step_count();
        if file.settings != recorded {
            write_run_file(path, &file)?;
        }
        let folder = RunFolder::resume(lock, step)?;
        folder.log(&format!("resumed at step {step}"));
        if let Some(notice) = &notice {
            folder.log(notice);
        }
        let last_checkpoint = (step > 0).then_some(step);
        Ok((Self { trainer, folder, last_checkpoint, file, stalled: Duration::ZERO, stop_asked: false }, notice))
    }

    /// What it was called when it was begun or resumed; empty: as its folder.
    pub fn name(&self) -> &RunName {
        &self.file.name
    }

    /// Gives it a name.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn set_name(&mut self, name: &RunName) -> Result<()> {
        self.file.name = name.clone();
        name_own_run(self.folder.path(), name)
    }

    /// Trains until the budget is spent or the watcher stops it, and leaves a checkpoint of the last step. Training
    /// that diverges, or loses its device, goes back to the last good state: see [`recovery`](super::recovery).
    ///
    /// # Errors
    /// When training diverges again and again, the watcher fails, or it gives up on a disk that does not take what is written. The
    /// last checkpoint stays.
    pub fn train(&mut self, watch: &mut Watch) -> Result<Outcome> {
        note_settings(self.trainer.settings());
        self.stop_asked = false;
        let outcome = self.train_and_recover(watch);
        let step = self.trainer.step_count();
        match &outcome {
            Ok(outcome) => self.folder.log(&format!("{outcome:?} at step {step}")),
            Err(error) => self.folder.log(&format!("failed after step {step}: {error}")),
        }
        outcome
    }

    pub(super) fn train_on(&mut self, watch: &mut Watch) -> Result<Outcome> {
        let mut watchers = Watchers::new(&self.trainer);
        let mut checkpoints = Pace::new(CHECKPOINT_INTERVAL, REST, CHECKPOINT_INTERVAL);
        let (mut flushed, mut told) = (Instant::now(), Instant::now());
        let mut worked: Option<Instant> = None;
        let (mut outcome, mut stops) = (Outcome::Completed, false);
        while self.trainer.progress() < 1.0 {
            if worked.is_none_or(|last| last.elapsed() >= WORKED_EVERY) {
                self.trainer.show_next_step();
                worked = Some(Instant::now());
            }
            let report = self.trainer.step()?;
            self.persist(watch, |run| run.folder.add_step(&report))?;
            let mut control = watch(RunEvent::Step(report), &self.trainer)?;
            let mut events = Vec::new();
            let shown = self.trainer.take_worked_example().map(RunEvent::Worked);
            let (extra, stalled) = (Instant::now(), self.stalled);
            if control == Control::Continue && !self.stop_asked {
                match self.look(report.step, report.step.is_multiple_of(HELD_OUT_EVERY), &mut watchers, watch) {
                    Ok(seen) => events = seen,
                    Err(Error::Cancelled) => control = Control::Stop,
                    Err(error) => return Err(error),
                }
            }
            if flushed.elapsed() >= FLUSH_EVERY {
                self.persist(watch, |run| run.folder.flush())?;
                flushed = Instant::now();
            }
            self.trainer.add_time(extra.elapsed().saturating_sub(self.stalled - stalled));
            let scheduled = report.step % self.trainer.settings().training.checkpoint_every == 0;
            let keeps = scheduled || checkpoints.is_due();
            if keeps || told.elapsed() >= BY_TIMESTEP_EVERY {
                events.extend(self.loss_by_timestep(watch)?);
                told = Instant::now();
            }
            if keeps {
                let (extra, stalled) = (Instant::now(), self.stalled);
                events.push(checkpoints.spend(report.step, || self.persist(watch, Self::checkpoint))?);
                self.trainer.add_time(extra.elapsed().saturating_sub(self.stalled - stalled));
            }
            for event in shown.into_iter().chain(events) {
                if watch(event, &self.trainer)? == Control::Stop {
                    control = Control::Stop;
                }
            }
            stops = control == Control::Stop || self.stop_asked;
            if stops && self.trainer.progress() < 1.0 {
                outcome = Outcome::Stopped;
                break;
            }
        }
        if let Some(event) = self.loss_by_timestep(watch)? {
            watch(event, &self.trainer)?;
        }
        if self.last_checkpoint != Some(self.trainer.step_count()) {
            let event = self.persist(watch, Self::checkpoint)?;
            watch(event, &self.trainer)?;
        }
        if outcome == Outcome::Completed && !stops {
            self.look_once_more(&mut watchers, watch)?;
        }
        Ok(outcome)
    }

    /// Looks at what was learned: the held-out loss, if it is measured now, and where it is time to, the grid, how good its
    /// digits are, and a film.
    fn look(&mut self, step: u64, measures: bool, watchers: &mut Watchers, watch: &mut Watch) -> Result<Vec<RunEvent>> {
        let mut events = Vec::new();
        let trainer = &self.trainer;
        let mut listen = || match watch(RunEvent::Busy, trainer)? {
            Control::Continue => Ok(()),
            Control::Stop => Err(Error::Cancelled),
        };
        if measures || watchers.are_due(step) {
            trainer.check_weights()?;
        }
        let held_out = if measures { trainer.held_out_loss(&mut listen)? } else { None };
        let drawn = watchers.preview.draw_if_due(trainer, &mut listen)?;
        let judged = watchers.examination.judge_if_due(trainer, &mut listen)?;
        let filmed = watchers.recorder.record_if_due(trainer, &mut listen)?;
        if let Some(loss) = held_out {
            if !loss.is_finite() {
                return Err(Error::Diverged { step, quantity: "the held-out loss" });
            }
            self.persist(watch, |run| run.folder.add_held_out(step, loss))?;
            events.push(RunEvent::HeldOut { step, loss });
        }
        if let Some(grid) = drawn {
            self.persist(watch, |run| run.folder.add_grid(step, &grid.pictures, run.trainer.settings()))?;
            events.push(RunEvent::Preview(grid));
        }
        if let Some(eval) = judged {
            self.persist(watch, |run| run.folder.add_eval(step, &eval))?;
            events.push(RunEvent::Evaluated { step, eval });
        }
        if let Some(film) = filmed {
            let (began, stalled) = (Instant::now(), self.stalled);
            self.persist(watch, |run| run.folder.add_film(&film, watchers.recorder.budget()))?;
            watchers.recorder.wrote(began.elapsed().saturating_sub(self.stalled - stalled));
            events.push(RunEvent::Filmed(Arc::new(film)));
        }
        Ok(events)
    }

    /// After the last step, which is kept: the grid, how good its digits are, and a film, so that what is seen last is the
    /// model that it became. Being asked to stop leaves them out, and what goes wrong with them harms no run.
    fn look_once_more(&mut self, watchers: &mut Watchers, watch: &mut Watch) -> Result<()> {
        let step = self.trainer.step_count();
        watchers.once_more(step);
        if !watchers.are_due(step) {
            return Ok(());
        }
        let looked = self.look(step, false, watchers, watch).and_then(|events| {
            self.persist(watch, |run| run.folder.flush())?;
            Ok(events)
        });
        match looked {
            Ok(events) => events.into_iter().try_for_each(|event| watch(event, &self.trainer).map(drop)),
            Err(error) => {
                self.folder.log(&format!("not looked at once more: {error}"));
                Ok(())
            }
        }
    }

    /// Writes, or reads, and tries again for as long as the disk does not do it and the watcher says so. When it says no
    /// more, one last time.
    pub(super) fn persist<R>(&mut self, watch: &mut Watch, mut work: impl FnMut(&mut Self) -> Result<R>) -> Result<R> {
        let mut outcome = work(self);
        loop {
            let error = match outcome {
                Err(error @ (Error::Write { .. } | Error::Read { .. })) => error,
                outcome => return outcome,
            };
            self.folder.log(&format!("waits: {error}"));
            let waiting = Instant::now();
            let event = RunEvent::Stalled { what: error.to_string(), hint: error.hint() };
            let control = watch(event, &self.trainer)?;
            self.stalled += waiting.elapsed();
            outcome = self.mend().and_then(|()| {
                self.folder.log("tries again");
                work(self)
            });
            if control == Control::Stop {
                self.stop_asked = true;
                return outcome;
            }
        }
    }

    /// Goes on in what stands at the folder's path by now: see [`RunFolder::mend`].
    pub(super) fn mend(&mut self) -> Result<()> {
        self.folder.mend(&mut self.file)
    }

    /// The losses by timestep since the last time, which are kept on disk too.
    fn loss_by_timestep(&mut self, watch: &mut Watch) -> Result<Option<RunEvent>> {
        let step = self.trainer.step_count();
        let losses = self.trainer.take_loss_by_timestep();
        if losses.is_empty() {
            return Ok(None);
        }
        self.persist(watch, |run| run.folder.add_loss_by_timestep(step, &losses))?;
        Ok(Some(RunEvent::LossByTimestep { step, losses }))
    }

    pub(super) fn checkpoint(&mut self) -> Result<RunEvent> {
        let step = self.trainer.step_count();
        self.mend()?;
        let path = self.folder.checkpoint(&self.trainer)?;
        self.last_checkpoint = Some(step);
        Ok(RunEvent::Checkpointed { step, path })
    }
}
