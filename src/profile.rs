//! Where the time of a piece of work goes: the time of each named part of it, on the thread that recorded.
//!
//! Parts do not nest. While nobody records, a part costs one look at a variable of the thread.

use std::cell::RefCell;
use std::time::{Duration, Instant};

thread_local! {
    static PARTS: RefCell<Option<Vec<Part>>> = const { RefCell::new(None) };
}

/// What a part is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// An operation's result.
    Forward,
    /// Its gradients.
    Backward,
    /// Neither: done once a step.
    Once,
}

/// A part of the work, over all its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub name: &'static str,
    pub pass: Pass,
    pub calls: usize,
    pub time: Duration,
}

/// Ends the recording even when the work panics.
struct Recording;

impl Drop for Recording {
    fn drop(&mut self) {
        PARTS.take();
    }
}

/// Runs `work` and returns the parts that it had on this thread, in the order in which they first came.
pub fn record<R>(work: impl FnOnce() -> R) -> (R, Vec<Part>) {
    PARTS.set(Some(Vec::new()));
    let recording = Recording;
    let result = work();
    let parts = PARTS.take().unwrap_or_default();
    drop(recording);
    (result, parts)
}

/// Runs `work` as a part, if this thread records.
pub fn part<R>(name: &'static str, pass: Pass, work: impl FnOnce() -> R) -> R {
    if PARTS.with_borrow(Option::is_none) {
        return work();
    }
    let started = Instant::now();
    let result = work();
    let time = started.elapsed();
    PARTS.with_borrow_mut(|parts| {
        let Some(parts) = parts else { return };
        match parts.iter_mut().find(|part| part.name == name && part.pass == pass) {
            Some(part) => {
                part.calls += 1;
                part.time += time;
            }
            None => parts.push(Part { name, pass, calls: 1, time }),
        }
    });
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_summed_by_name_and_pass_while_recorded() {
        let busy = || {
            let started = Instant::now();
            while started.elapsed() < Duration::from_millis(2) {}
        };
        part("before", Pass::Once, busy);
        let (result, parts) = record(|| {
            part("busy", Pass::Forward, busy);
            part("busy", Pass::Backward, busy);
            part("busy", Pass::Forward, || {
                busy();
                7
            })
        });
        assert_eq!(result, 7);
        let calls: Vec<_> = parts.iter().map(|part| (part.name, part.pass, part.calls)).collect();
        assert_eq!(calls, [("busy", Pass::Forward, 2), ("busy", Pass::Backward, 1)]);
        assert!(parts[0].time >= Duration::from_millis(4) && parts[1].time >= Duration::from_millis(2));
        assert!(record(|| ()).1.is_empty());
    }
}
