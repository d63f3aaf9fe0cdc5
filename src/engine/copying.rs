//! Is it copying? What the comparison needs of the training images is made once, and kept as long as the data are the same.

use std::sync::{Arc, Mutex, PoisonError};

use super::reading::{self, Stops, or_stopped};
use super::{Event, Outbox, Task, background};
use crate::config::{DataSettings, Settings};
use crate::eval::copying::TrainingImages;
use crate::pictures::Pictures;
use crate::{Error, Result};

/// Looks for copies, in the background.
#[derive(Clone, Default)]
pub(super) struct CopyFinder {
    known: Arc<Mutex<Option<Known>>>,
}

/// The images that were compared with last.
struct Known {
    data: DataSettings,
    /// Which images are in use depends on it where they are shuffled.
    seed: u64,
    images: Arc<TrainingImages>,
}

impl CopyFinder {
    /// Compares a picture with the training images of a model with these settings; `CopiesFound`, `ReadingStopped` or
    /// `Failed` follows.
    pub(super) fn look(&self, settings: &Settings, picture: Pictures, out: &Outbox, stops: &Stops) -> Result<()> {
        let (finder, settings, told, is_to_end) = (self.clone(), settings.clone(), out.clone(), stops.begin());
        background::spawn(Task::LookingForCopies, out, move || {
            let found = || {
                let copying = finder.images(&settings, &told, &is_to_end)?.compare(&picture)?;
                Ok(Event::CopiesFound { picture, copying: Box::new(copying) })
            };
            or_stopped(Task::LookingForCopies, found())
        })
    }

    fn images(&self, settings: &Settings, out: &Outbox, is_to_end: &dyn Fn() -> bool) -> Result<Arc<TrainingImages>> {
        let (data, seed) = (&settings.data, settings.training.seed);
        // Held while the images are read: who asks meanwhile waits for the same.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref().filter(|known| known.data == *data && known.seed == seed) {
            return Ok(Arc::clone(&known.images));
        }
        *known = None;
        let splits = reading::load(&data.source, Task::LookingForCopies, out, &mut || is_to_end())?;
        let mut percent = None;
        let images = TrainingImages::of_run(settings, &splits, &mut |share| {
            if is_to_end() {
                return Err(Error::Cancelled);
            }
            let now = (100.0 * share) as u32;
            if percent.is_none_or(|told| now > told) {
                percent = Some(now);
                out.send(Event::LookingForCopies { share }).map_err(|_| Error::Cancelled)?;
            }
            Ok(())
        })?;
        let images = Arc::new(images);
        *known = Some(Known { data: data.clone(), seed, images: Arc::clone(&images) });
        Ok(images)
    }
}
