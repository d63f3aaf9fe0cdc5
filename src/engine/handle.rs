//! Both ends of the engine's thread: the window keeps a [`Handle`], the worker an [`Outbox`].
//!
//! Both channels are bounded. The window never waits: it polls events and refuses a command when the queue is
//! full. The worker waits for room when it sends a result, so nothing of a run is lost, and drops a preview
//! instead of waiting. Closing the command channel is the request to end: the worker sees `Disconnected`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded, never, select};

use super::writes::Writes;
use super::{Command, Event, Task};
use crate::{Error, Result};

/// How much may wait in the channels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub commands: usize,
    pub events: usize,
}

/// A person cannot press faster than the worker reads commands between two steps; the events are seconds of the fastest
/// training.
const ROOM: Room = Room { commands: 256, events: 1024 };
/// Building and walking the graph of a deep network recurses once an operation.
pub(super) const STACK_BYTES: usize = 64 << 20;

/// The window's end of the engine.
pub struct Handle {
    /// None once the worker was asked to end.
    commands: Option<Sender<Command>>,
    events: Receiver<Event>,
    thread: Option<Thread>,
    /// What its outboxes share.
    outboxes: Weak<dyn Fn() + Send + Sync>,
}

struct Thread {
    join: JoinHandle<()>,
    /// Disconnected when the thread has left its work, and what was being written beside it is on disk.
    done: Receiver<()>,
}

impl Handle {
    /// Starts the worker's thread, which runs `work` until its command channel is disconnected.
    ///
    /// `wake` is called, on the worker's thread, after events were queued. A panic inside `work` becomes an
    /// [`Event::Failed`]. Fails if the operating system gives no thread.
    pub fn spawn(
        wake: impl Fn() + Send + Sync + 'static,
        work: impl FnOnce(Receiver<Command>, Outbox) + Send + 'static,
    ) -> Result<Self> {
        Self::spawn_with(ROOM, wake, work)
    }

    pub(super) fn spawn_with(
        room: Room,
        wake: impl Fn() + Send + Sync + 'static,
        work: impl FnOnce(Receiver<Command>, Outbox) + Send + 'static,
    ) -> Result<Self> {
        let (commands, inbox) = bounded(room.commands);
        let (outbox, events) = Outbox::new(room, wake);
        let outboxes = Arc::downgrade(&outbox.wake);
        let (running, done) = bounded::<()>(0);
        let join = std::thread::Builder::new()
            .name("engine".into())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let _running = running;
                let last_words = outbox.clone();
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(inbox, outbox))) {
                    let error = Error::from_panic(&*panic);
                    let event = Event::Failed { during: Task::Engine, what: error.to_string(), hint: error.hint() };
                    // Nobody is left to tell when the window has gone.
                    let _ = last_words.send(event);
                }
                last_words.writes.wait();
            })
            .map_err(|error| Error::Panicked(format!("the engine's thread could not be started: {error}")))?;
        Ok(Self { commands: Some(commands), events, thread: Some(Thread { join, done }), outboxes })
    }

    /// As [`spawn`](Self::spawn), with room for two commands and two events.
    #[cfg(test)]
    pub(crate) fn narrow(work: impl FnOnce(Receiver<Command>, Outbox) + Send + 'static) -> Self {
        Self::spawn_with(Room { commands: 2, events: 2 }, || (), work).unwrap()
    }

    /// A handle whose worker is the caller: no thread, the other ends of both channels. For tests and tools.
    pub fn scripted() -> (Self, Receiver<Command>, Outbox) {
        Self::woken_by(|| ())
    }

    /// The same, with a `wake` as of [`Handle::spawn`].
    pub fn woken_by(wake: impl Fn() + Send + Sync + 'static) -> (Self, Receiver<Command>, Outbox) {
        let (commands, inbox) = bounded(ROOM.commands);
        let (outbox, events) = Outbox::new(ROOM, wake);
        let outboxes = Arc::downgrade(&outbox.wake);
        (Self { commands: Some(commands), events, thread: None, outboxes }, inbox, outbox)
    }

    /// Queues a command without waiting. Fails when the worker has ended, or was asked to, or has not read the last ones.
    pub fn send(&self, command: Command) -> Result<()> {
        let ended = || Error::Panicked("the engine has ended".into());
        self.commands.as_ref().ok_or_else(ended)?.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => Error::usage("the engine is busy", "wait a moment and try again"),
            TrySendError::Disconnected(_) => ended(),
        })
    }

    /// The next event, if one waits.
    pub fn poll(&self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Asks the worker to end by closing the command channel: commands that wait there are still carried out, a run is kept.
    /// Its events are still to be read, as it waits for room.
    pub fn close(&mut self) {
        self.commands = None;
    }

    /// Whether the worker has ended, and all that it was writing is on disk. Events may still wait.
    pub fn has_ended(&self) -> bool {
        match &self.thread {
            Some(thread) => thread.done.try_recv() == Err(TryRecvError::Disconnected),
            None => self.outboxes.strong_count() == 0,
        }
    }

    /// Asks the worker to end, as [`close`](Self::close), and reads its events away until it has.
    ///
    /// True if the thread ended and was joined `within` that time. Otherwise the event channel is closed too,
    /// which frees a worker that waits for room, and the thread is left to end by itself.
    pub fn shutdown(mut self, within: Duration) -> bool {
        self.close();
        let Self { mut events, thread, .. } = self;
        // Without a thread, the caller is the worker: there is nobody to wait for.
        let Some(Thread { join, done }) = thread else { return true };
        let deadline = Instant::now() + within;
        loop {
            select! {
                recv(events) -> event => if event.is_err() { events = never() },
                recv(done) -> _ => return join.join().is_ok(),
                default(deadline.saturating_duration_since(Instant::now())) => return false,
            }
            if Instant::now() >= deadline {
                return false;
            }
        }
    }
}

/// The worker's end of the event channel.
#[derive(Clone)]
pub struct Outbox {
    events: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
    pub(super) writes: Writes,
    #[cfg(test)]
    pub(super) panics: super::panics::Panics,
}

/// The window has gone: nobody reads events any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the window was closed")]
pub struct Closed;

impl Outbox {
    fn new(room: Room, wake: impl Fn() + Send + Sync + 'static) -> (Self, Receiver<Event>) {
        let (sender, receiver) = bounded(room.events);
        let outbox = Self {
            events: sender,
            wake: Arc::new(wake),
            writes: Writes::default(),
            #[cfg(test)]
            panics: Default::default(),
        };
        (outbox, receiver)
    }

    /// Queues an event, waiting for room if there is none; fails when the window has gone.
    pub fn send(&self, event: Event) -> Result<(), Closed> {
        // Whoever put an event into the full channel wakes the window, which makes room: see `protocol`.
        self.events.send(event).map_err(|_| Closed)?;
        (self.wake)();
        Ok(())
    }

    /// Queues an event if there is room and drops it otherwise.
    pub fn offer(&self, event: Event) {
        if self.events.try_send(event).is_ok() {
            (self.wake)();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn notice(text: &str) -> Event {
        Event::Notice(text.into())
    }

    #[test]
    fn shutdown_frees_a_worker_that_waits_for_room() {
        let handle = Handle::spawn(
            || (),
            |commands, outbox| {
                for _ in 0..3 * ROOM.events {
                    if outbox.send(notice("more than fits")).is_err() {
                        return;
                    }
                }
                assert!(commands.recv().is_err(), "the command channel is closed");
            },
        )
        .unwrap();
        assert!(handle.shutdown(Duration::from_secs(10)));
    }

    #[test]
    fn a_worker_that_does_not_end_in_time_loses_its_window() {
        let (told, closed) = bounded(1);
        let handle = Handle::spawn(
            || (),
            move |_, outbox| {
                while outbox.send(notice("deaf to the request to end")).is_ok() {}
                told.send(()).unwrap();
            },
        )
        .unwrap();
        assert!(!handle.shutdown(Duration::from_millis(50)));
        closed.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn previews_are_dropped_and_results_wait() {
        let (handle, _commands, outbox) = Handle::scripted();
        for _ in 0..ROOM.events {
            outbox.send(notice("result")).unwrap();
        }
        outbox.offer(notice("preview"));
        let sender = std::thread::spawn(move || outbox.send(notice("late result")));
        let mut seen = Vec::new();
        while seen.len() < ROOM.events + 1 {
            seen.extend(handle.events.recv_timeout(Duration::from_secs(10)).ok());
        }
        sender.join().unwrap().unwrap();
        assert!(matches!(seen.last(), Some(Event::Notice(text)) if text == "late result"));
        assert!(handle.poll().is_none());
    }

    #[test]
    fn a_panic_becomes_an_event_and_wakes_the_window() {
        let woken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&woken);
        let wake = move || {
            counter.fetch_add(1, Ordering::SeqCst);
        };
        let handle = Handle::spawn(wake, |_, _| panic!("matrix of the wrong shape")).unwrap();
        let event = handle.events.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(matches!(event, Event::Failed { what, .. } if what.contains("matrix of the wrong shape")));
        assert!(handle.thread.as_ref().unwrap().done.recv_timeout(Duration::from_secs(10)).is_err());
        assert_eq!(woken.load(Ordering::SeqCst), 1);
        assert!(handle.send(Command::Pause).is_err());
    }
}
