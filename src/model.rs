//! The networks, their blocks, operations and weights.
pub mod compact {}
pub mod diffunet {}
pub mod ops;
pub mod unet {}
