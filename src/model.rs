//! The networks, their blocks, operations and weights.
pub mod compact {}
pub mod unet {}
pub mod diffunet {}
