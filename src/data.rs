//! Images to learn from.
