//! The panel of settings where there is no room for it beside the rest.

use super::state::AppState;

/// In a window that is too narrow the panel is folded until it is opened there. What is wished for where there is room stays.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fold {
    narrow: bool,
    open: bool,
}

impl AppState {
    /// Whether the window is too narrow for the settings beside the rest.
    pub fn is_narrow(&self) -> bool {
        self.fold.narrow
    }

    /// Whether the panel of settings is open.
    pub fn settings_shown(&self) -> bool {
        if self.fold.narrow { self.fold.open } else { self.left_open }
    }

    pub(super) fn set_narrow(&mut self, narrow: bool) {
        self.fold = Fold { narrow, open: false };
    }

    pub(super) fn show_settings(&mut self, open: bool) {
        *(if self.fold.narrow { &mut self.fold.open } else { &mut self.left_open }) = open;
    }
}
