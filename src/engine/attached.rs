//! A run that another program trains, looked at on a thread of its own: its news go to the window as those of a run of
//! one's own do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::worker::report;
use super::{EndReason, Event, Outbox, RunOpened, Task};
use crate::config::{ClassChoice, Settings, WeightsKind};
use crate::sampling::classes;
use crate::train::Grid;
use crate::train::watched::{News, WatchedRun, Writer};
use crate::{Error, Result};

/// The writer puts its metrics on disk once a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The run that is looked at, if one is.
#[derive(Default)]
pub(super) struct Attached {
    current: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Attached {
    /// Looks at a run, in place of the one before.
    pub(super) fn attach(&mut self, path: &Path, out: &Outbox) -> Result<()> {
        self.detach();
        let (watched, history) = WatchedRun::open(path)?;
        let opened = RunOpened {
            run: path.to_path_buf(),
            settings: Box::new(watched.file.settings.clone()),
            step: history.last.map_or(0, |last| last.step),
            share: history.last.map_or(0.0, |last| last.progress),
            parameters: watched.file.parameters,
            images: watched.file.images,
        };
        let _ = out.send(Event::Attached(opened));
        let _ = out.send(Event::RunNamed { run: path.to_path_buf(), name: watched.file.name.clone() });
        let _ = out.send(Event::History(history));
        let (stop, stopped) = bounded(0);
        let look = Look { run: path.to_path_buf(), watched, out: out.clone(), stopped };
        let thread = std::thread::Builder::new().name("attached".into()).spawn(move || look.run());
        let thread = thread.map_err(|error| Error::Panicked(format!("no thread to look at the run: {error}")))?;
        self.current = Some((stop, thread));
        Ok(())
    }

    /// Looks at it no longer; nothing of it is told after.
    pub(super) fn detach(&mut self) {
        if let Some((stop, thread)) = self.current.take() {
            drop(stop);
            // A panic there has been reported.
            let _ = thread.join();
        }
    }
}

struct Look {
    run: PathBuf,
    watched: WatchedRun,
    out: Outbox,
    /// Disconnected when it is to end.
    stopped: Receiver<()>,
}

impl Look {
    fn run(mut self) {
        let result = catch_unwind(AssertUnwindSafe(|| self.follow()));
        let ended = result.unwrap_or_else(|panic| Err(Error::from_panic(&*panic))).unwrap_or_else(|error| {
            if !matches!(error, Error::Cancelled) {
                report(&self.out, Task::Attaching, &error);
            }
            Some(EndReason::Failed)
        });
        let _ = self.out.send(Event::Detached { run: self.run.clone(), ended });
    }

    /// Until the writer has ended, or nobody looks any more.
    fn follow(&mut self) -> Result<Option<EndReason>> {
        loop {
            // Asked before the last look, so that nothing of what it wrote is left out.
            let writer = self.watched.writer();
            let Self { run, watched, out, .. } = self;
            let model = watched.file.settings.clone();
            watched.look(&mut |news| out.send(event_of(run, &model, news)).map_err(|_| Error::Cancelled))?;
            if let Writer::Ended { complete } = writer {
                return Ok(Some(if complete { EndReason::Completed } else { EndReason::Stopped }));
            }
            match self.stopped.recv_timeout(LOOK_EVERY) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return Ok(None),
            }
        }
    }
}

fn event_of(run: &Path, model: &Settings, news: News) -> Event {
    match news {
        News::Step(report) => Event::Step(report),
        News::HeldOut { step, loss } => Event::HeldOut { step, loss },
        News::Evaluated { step, eval } => Event::Evaluated { step, eval },
        News::LossByTimestep { step, losses } => Event::LossByTimestep { step, losses: Box::new(losses) },
        News::Film(film) => Event::Film { run: run.to_path_buf(), film: Arc::new(film) },
        News::Checkpoint { step, path } => Event::Checkpointed { step, path },
        News::Again(history) => Event::History(*history),
        News::Grid { step, pictures } => {
            let classes = classes(ClassChoice::Each, model, pictures.count());
            let weights = model.training.drawn_with(WeightsKind::Ema);
            Event::Preview(Grid { step, pictures: Arc::new(pictures), classes, weights })
        }
    }
}
