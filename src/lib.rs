//! Diffuscope: train a diffusion model on handwritten digits on your own computer and watch it learn to draw.
//!
//! ```text
//! ui ──Action──▶ app ──Command──▶ engine (thread) ──Event + wake──▶ app ──writes──▶ AppState ──read by──▶ ui
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`data`] | images: IDX files, the embedded MNIST, folders, batches |
//! | [`diffusion`] | the method: schedule, forward process, conversions, samplers |
//! | [`model`] | the networks, their blocks, operations and kernels |
//! | [`sampling`] | one drawing of images with a trained network |
//! | [`train`] | the training step, optimizer, moving average, run folder, checkpoints |
//! | [`trained`] | a trained model from disk |
//! | [`tensor_file`] | tensors as safetensors files with metadata and a checksum |
//! | [`eval`] | judging digits: classifier, Fréchet distance, precision and recall, bits per dim |
//! | [`engine`] | the thread that trains and samples for the window |
//! | [`app`] | the window's state: actions in, commands out, events in |
//! | [`ui`] | the window's panels: draw the state, return actions |
//! | [`window`] | the real window around both: eframe, storage, start and end |
//! | [`device`] | which device computes |
//! | [`bench`] | the works by which speed is measured |
//! | [`profile`] | where the time of a piece of work goes |
//! | [`cli`] | the command line, one file a subcommand |
//! | [`export`] | trained weights as files of other programs |
//! | [`files`] | writing files whole or not at all |
//! | [`text`] | words of strangers, made fit to be shown |
//! | [`reports`] | reports of crashes |
//! | [`memory`] | the allocator, and how long it keeps what is freed |

#[cfg(not(feature = "readers-only"))]
pub mod app;
#[cfg(not(feature = "readers-only"))]
pub mod bench;
#[cfg(not(feature = "readers-only"))]
pub mod cli;
pub mod config;
pub mod data;
pub mod device;
pub mod diffusion;
#[cfg(not(feature = "readers-only"))]
pub mod engine;
pub mod error;
pub mod eval;
pub mod export;
pub mod files;
pub mod fonts;
#[cfg(not(feature = "readers-only"))]
pub mod memory;
pub mod model;
pub mod pictures;
pub mod profile;
pub mod reports;
pub mod rng;
pub mod sampling;
pub mod tensor_file;
pub mod text;
pub mod train;
pub mod trained;
#[cfg(not(feature = "readers-only"))]
pub mod ui;
#[cfg(not(feature = "readers-only"))]
pub mod window;

pub use error::{Error, Result};
