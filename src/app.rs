//! The window state.
