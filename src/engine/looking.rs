//! A look at the images of a set before they are learned from; the set that was looked at last stays read while it is shown.

use std::sync::{Arc, Mutex, PoisonError};

use super::background;
use super::{Event, Outbox, Task};
use crate::Result;
use crate::config::{DataSettings, DataSource};
use crate::data::contact_sheet::ContactSheet;
use crate::data::{self, Splits};

/// Reads sets of images in the background.
#[derive(Clone, Default)]
pub(super) struct Looker {
    read: Arc<Mutex<Option<(DataSource, Splits)>>>,
}

impl Looker {
    /// Makes the contact sheet of what a run would learn from; `DataSeen` or `Failed` follows. A path is read anew when
    /// `again` is set: its files may have changed.
    pub(super) fn look(&self, data: DataSettings, seed: u64, again: bool, out: &Outbox) -> Result<()> {
        let looker = self.clone();
        background::spawn(Task::ReadingData, out, move || {
            let splits = looker.splits(&data.source, again)?;
            let sheet = Arc::new(ContactSheet::new(&splits, &data, seed)?);
            Ok(Event::DataSeen { data: Box::new(data), seed, sheet })
        })
    }

    /// Lets go of the images, unless some are being read.
    pub(super) fn forget(&self) {
        if let Ok(mut read) = self.read.try_lock() {
            *read = None;
        }
    }

    fn splits(&self, source: &DataSource, again: bool) -> Result<Splits> {
        // Held while the images are read: who asks meanwhile waits for the same.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, splits)) = read.as_ref().filter(|(of, _)| !again && of == source) {
            return Ok(splits.clone());
        }
        *read = None;
        let splits = data::load(source)?;
        *read = Some((source.clone(), splits.clone()));
        Ok(splits)
    }
}
