//! The networks, their blocks, operations and weights.

pub mod blocks;
pub mod compact;
pub mod denoiser;
pub mod diffunet;
pub mod dropout;
pub mod embed;
pub mod inputs;
pub mod network;
pub mod ops;
pub mod params;
pub mod unet;
pub mod weights;

pub use denoiser::Denoiser;
pub use dropout::Dropout;
pub use inputs::{Inputs, TimeKind};
pub use network::Network;
