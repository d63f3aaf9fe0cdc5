//! The thread that trains and samples for the window: commands in, events out, and a callback that wakes the window.

mod attached;
mod background;
#[cfg(test)]
mod closing;
mod command;
mod copying;
mod event;
mod grid;
mod handle;
mod looking;
#[cfg(test)]
mod lost_device;
mod naming;
mod origin;
#[cfg(test)]
mod panics;
#[cfg(test)]
mod protocol;
mod reading;
mod rough;
mod runs;
mod sampling;
mod saving;
#[cfg(test)]
mod stalled;
mod training;
mod worker;
mod writes;

pub use command::{Command, DrawnFor, Save};
pub use event::{Activity, EndReason, Event, Frame, ModelReady, RunOpened, RunRead, RunStarted, Task};
pub use handle::{Closed, Handle, Outbox};
pub use worker::work;
