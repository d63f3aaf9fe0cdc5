//! What asks a program to end from outside: SIGTERM, SIGHUP, SIGINT, as the end of a session and `kill` send them. Each is as a
//! press on the window's close button.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use egui::Context;

use crate::files::leave_nothing_unfinished;
use crate::{Error, Result};

/// A window that is asked a second time and does not go in this time hangs.
const HANGS_AFTER: Duration = Duration::from_secs(2);

/// How often it was asked.
#[derive(Clone, Default)]
pub struct Signals {
    count: Arc<AtomicUsize>,
    /// The window that is woken.
    window: Arc<Mutex<Option<Context>>>,
}

impl Signals {
    /// Takes the signals from now on; once in a program.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn watch() -> Result<Self> {
        let signals = Self::default();
        let (heard, mut first) = (signals.clone(), None);
        ctrlc::set_handler(move || {
            heard.raise();
            // The end of a session sends two of them at once.
            let first: &mut Instant = first.get_or_insert_with(Instant::now);
            if first.elapsed() > HANGS_AFTER {
                std::thread::park_timeout(HANGS_AFTER);
                leave_nothing_unfinished();
                std::process::exit(1);
            }
        })
        .map_err(|error| Error::Panicked(format!("the end of the session cannot be watched: {error}")))?;
        Ok(signals)
    }

    /// One came.
    pub fn raise(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        if let Some(window) = &*self.window.lock().unwrap_or_else(PoisonError::into_inner) {
            window.request_repaint();
        }
    }

    /// Wakes this window from now on.
    pub fn wake(&self, window: &Context) {
        *self.window.lock().unwrap_or_else(PoisonError::into_inner) = Some(window.clone());
    }

    /// How many signals came.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}
