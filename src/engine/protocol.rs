//! The protocol between window and engine as a model, in tests: all interleavings of its threads are walked through, and
//! what the real engine does under a random load is held to the same model.
//!
//! | file | what it holds |
//! |---|---|
//! | `model` | the state of all threads, and steps that nothing comes between |
//! | `window` | what the window does: woken, closed, pressed upon |
//! | `worker` | what the worker does with a command, and between two steps of a run |
//! | `exploration` | every state that can be reached, what must hold there, and the way to one where it does not |
//! | `conformance` | what the real engine did, as the window saw it: could the model have done so? |
//!
//! Crossbeam's channels are taken as they are documented; loom would look into them, but knows only its own.

mod conformance;
mod exploration;
mod model;
mod window;
mod worker;
