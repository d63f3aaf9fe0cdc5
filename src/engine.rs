//! The thread that trains and samples for the window: commands in, events out, and a callback that wakes the window.

mod command;
mod event;
mod handle;
mod sampling;
mod saving;
mod training;
mod worker;

pub use command::{Command, Save};
pub use event::{Activity, EndReason, Event, Frame, ModelReady, RunStarted};
pub use handle::{Closed, Handle, Outbox};
pub use worker::work;
