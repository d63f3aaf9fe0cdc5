//! A look at the images of a set before they are learned from; the set that was looked at last stays read while it is shown.

use std::sync::{Arc, Mutex, PoisonError};

use super::background;
use super::reading::{self, Stops, or_stopped};
use super::{Event, Outbox, Task};
use crate::Result;
use crate::config::{DataSettings, DataSource};
use crate::data::contact_sheet::ContactSheet;
use crate::data::{Splits, network};

/// Reads sets of images in the background.
#[derive(Clone, Default)]
pub(super) struct Looker {
    read: Arc<Mutex<Option<(DataSource, Splits)>>>,
}

impl Looker {
    /// Makes the contact sheet of what a run would learn from; `DataSeen`, `ReadingStopped` or `Failed` follows. A path is read anew when
    /// `again` is set: its files may have changed.
    pub(super) fn look(&self, data: DataSettings, seed: u64, again: bool, out: &Outbox, stops: &Stops) -> Result<()> {
        let (looker, told, is_to_end) = (self.clone(), out.clone(), stops.begin());
        background::spawn(Task::ReadingData, out, move || {
            let seen = || {
                let splits = looker.splits(&data.source, again, &told, &is_to_end)?;
                let sheet = Arc::new(ContactSheet::new(&splits, &data, seed)?);
                Ok(Event::DataSeen { data: Box::new(data), seed, sheet })
            };
            or_stopped(Task::ReadingData, seen())
        })
    }

    /// Lets go of the images, unless some are being read.
    pub(super) fn forget(&self) {
        if let Ok(mut read) = self.read.try_lock() {
            *read = None;
        }
    }

    fn splits(&self, source: &DataSource, again: bool, out: &Outbox, is_to_end: &dyn Fn() -> bool) -> Result<Splits> {
        // Held while the images are read: who asks meanwhile waits for the same.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, splits)) = read.as_ref().filter(|(of, _)| !again && of == source) {
            return Ok(splits.clone());
        }
        *read = None;
        network::name_source(source);
        let splits = reading::load(source, Task::ReadingData, out, &mut || is_to_end())?;
        *read = Some((source.clone(), splits.clone()));
        Ok(splits)
    }
}
