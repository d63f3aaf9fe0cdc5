//! Is it copying? What the comparison needs of the training images is made once, and kept as long as the data are the same.

use std::sync::{Arc, Mutex, PoisonError};

use super::background;
use super::{Event, Outbox, Task};
use crate::Error;
use crate::Result;
use crate::config::{DataSettings, Settings};
use crate::eval::copying::TrainingImages;
use crate::pictures::Pictures;

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
    /// Compares a picture with the training images of a model with these settings; `CopiesFound` or `Failed` follows.
    pub(super) fn look(&self, settings: &Settings, picture: Pictures, out: &Outbox) -> Result<()> {
        let (data, seed) = (settings.data.clone(), settings.training.seed);
        let (finder, settings, told) = (self.clone(), settings.clone(), out.clone());
        background::spawn(Task::LookingForCopies, out, move || {
            // Held while the images are read: who asks meanwhile waits for the same.
            let mut known = finder.known.lock().unwrap_or_else(PoisonError::into_inner);
            let images = match known.as_ref().filter(|known| known.data == data && known.seed == seed) {
                Some(known) => Arc::clone(&known.images),
                None => {
                    *known = None;
                    let mut percent = 0;
                    let images = TrainingImages::of_run(&settings, &mut |share| {
                        let now = (100.0 * share) as u32;
                        if now > percent {
                            percent = now;
                            told.send(Event::LookingForCopies { share }).map_err(|_| Error::Cancelled)?;
                        }
                        Ok(())
                    })?;
                    let images = Arc::new(images);
                    *known = Some(Known { data, seed, images: Arc::clone(&images) });
                    images
                }
            };
            drop(known);
            let copying = images.compare(&picture)?;
            Ok(Event::CopiesFound { picture, copying: Box::new(copying) })
        })
    }
}
