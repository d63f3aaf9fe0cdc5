//! Reading images: the window is told how far it is, and can end it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvError, RecvTimeoutError, TryRecvError};

use super::{Command, Event, Outbox, Task};
use crate::config::DataSource;
use crate::data::{self, Splits};
use crate::{Error, Result};

/// Between two events of how far it is.
pub(super) const EVERY: Duration = Duration::from_millis(50);
/// Commands that may wait for the end of it: the rest waits in the channel, which the window does not overfill.
const MOST_WAITING: usize = 256;

/// Reads images; [`Error::Cancelled`] once `is_to_end`.
pub(super) fn load(
    source: &DataSource,
    during: Task,
    out: &Outbox,
    is_to_end: &mut dyn FnMut() -> bool,
) -> Result<Splits> {
    let mut told: Option<Instant> = None;
    data::load_with(source, &mut |reading| {
        if is_to_end() {
            return Err(Error::Cancelled);
        }
        if told.is_none_or(|told| told.elapsed() >= EVERY) {
            told = Some(Instant::now());
            out.offer(Event::ReadingImages { during, reading });
        }
        Ok(())
    })
}

/// Ends what is read in the background: what goes on, not what begins later.
#[derive(Clone, Default)]
pub(super) struct Stops(Arc<AtomicU64>);

impl Stops {
    pub(super) fn stop(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Of what begins now: whether it is to end.
    pub(super) fn begin(&self) -> impl Fn() -> bool + Send + 'static {
        let (stops, begun) = (Arc::clone(&self.0), self.0.load(Ordering::SeqCst));
        move || stops.load(Ordering::SeqCst) != begun
    }
}

/// What a task that was asked to read no further tells.
pub(super) fn or_stopped(during: Task, found: Result<Event>) -> Result<Event> {
    match found {
        Err(Error::Cancelled) => Ok(Event::ReadingStopped { during }),
        found => found,
    }
}

/// The worker's end of the channel of commands, with those that came while the images of a run were read.
pub(super) struct Inbox {
    commands: Receiver<Command>,
    waiting: VecDeque<Command>,
}

impl Inbox {
    pub(super) fn new(commands: Receiver<Command>) -> Self {
        Self { commands, waiting: VecDeque::new() }
    }

    pub(super) fn recv(&mut self) -> Result<Command, RecvError> {
        self.waiting.pop_front().map_or_else(|| self.commands.recv(), Ok)
    }

    /// Waits until `end` at most.
    pub(super) fn recv_until(&mut self, end: Instant) -> Result<Command, RecvTimeoutError> {
        self.waiting.pop_front().map_or_else(|| self.commands.recv_deadline(end), Ok)
    }

    pub(super) fn try_recv(&mut self) -> Result<Command, TryRecvError> {
        self.waiting.pop_front().map_or_else(|| self.commands.try_recv(), Ok)
    }

    /// Whether the run that is being prepared is to end: `Stop` came, or the window was closed. What else came waits.
    pub(super) fn stops(&mut self) -> bool {
        while self.waiting.len() < MOST_WAITING {
            match self.commands.try_recv() {
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return true,
                Ok(command) => self.waiting.push_back(command),
                Err(TryRecvError::Empty) => break,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_ends_what_goes_on_and_not_what_begins_later() {
        let stops = Stops::default();
        stops.stop();
        let first = stops.begin();
        assert!(!first());
        stops.stop();
        let second = stops.begin();
        assert!(first() && !second(), "also where the first has not noticed it yet");
    }

    #[test]
    fn what_comes_while_images_are_read_is_carried_out_in_its_order() {
        let (sender, receiver) = crossbeam_channel::bounded(8);
        let mut inbox = Inbox::new(receiver);
        assert!(!inbox.stops());
        [Command::Pause, Command::Step].into_iter().for_each(|command| sender.send(command).unwrap());
        assert!(!inbox.stops());
        [Command::Stop, Command::Continue].into_iter().for_each(|command| sender.send(command).unwrap());
        assert!(inbox.stops() && !inbox.stops(), "once");
        assert!(matches!(inbox.try_recv(), Ok(Command::Pause)));
        assert!(matches!(inbox.recv(), Ok(Command::Step)));
        assert!(matches!(inbox.recv(), Ok(Command::Continue)));
        assert!(matches!(inbox.try_recv(), Err(TryRecvError::Empty)));
        drop(sender);
        assert!(inbox.stops(), "the window was closed");
    }
}
