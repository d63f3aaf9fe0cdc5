//! Work beside training and drawing, on a thread of its own: files are written, listed and deleted there. The engine does not
//! end before what is written is on disk; what is only read is let go of.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::worker::report;
use super::{Event, Outbox, Task};
use crate::{Error, Result};

/// Does `work` on a new thread. Its event goes to the window, and so does its failure or its panic.
///
/// # Errors
/// When the operating system gives no thread.
pub(super) fn spawn(task: Task, out: &Outbox, work: impl FnOnce() -> Result<Event> + Send + 'static) -> Result<()> {
    let out = out.clone();
    let writing = task.writes().then(|| out.writes.begin());
    let job = move || {
        // The window that closes waits until its event is told, too.
        let _writing = writing;
        let result = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            out.panics.at(super::panics::Place::Background);
            work()
        }));
        match result.unwrap_or_else(|panic| Err(Error::from_panic(&*panic))) {
            Ok(event) => {
                let _ = out.send(event);
            }
            Err(error) => report(&out, task, &error),
        }
    };
    let thread = std::thread::Builder::new().name("background".into()).spawn(job);
    thread.map(drop).map_err(|error| Error::Panicked(format!("no thread for {task:?}: {error}")))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::Handle;
    use super::*;

    #[test]
    fn a_panic_while_saving_is_told_and_does_not_leave_it_writing_for_ever() {
        let (handle, _commands, out) = Handle::scripted();
        spawn(Task::Saving, &out, || panic!("a picture of no size")).unwrap();
        let begun = Instant::now();
        let event = loop {
            if let Some(event) = handle.poll() {
                break event;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "nothing was told");
            std::thread::yield_now();
        };
        assert!(matches!(event, Event::Failed { during: Task::Saving, what, .. } if what.contains("no size")));
    }
}
