//! Images to noise and to denoise from there, found in the background.

use super::reading::{self, Stops, or_stopped};
use super::{Event, Outbox, Task, background};
use crate::Result;
use crate::config::DataSource;
use crate::sampling::origin::{OriginImage, OriginPick, OriginSource};

/// Finds what was picked, for a model that learned from `data` images of `size`×`size`.
pub(super) fn find(pick: OriginPick, data: DataSource, size: usize, out: &Outbox, stops: &Stops) -> Result<()> {
    let (told, is_to_end) = (out.clone(), stops.begin());
    let found = move || match pick {
        OriginPick::File(path) => {
            let image = OriginImage::of_file(&path, size)?;
            Ok(Event::OriginFound { source: OriginSource::File(path), image, of: None })
        }
        OriginPick::Test { from, forward, class } => {
            let test = reading::load(&data, Task::FindingOrigin, &told, &mut || is_to_end())?.test;
            let index = OriginPick::index(&test, from, forward, class)?;
            let image = OriginImage::of_test(&test, index, size)?;
            Ok(Event::OriginFound { source: OriginSource::Test(index), image, of: Some(test.len()) })
        }
    };
    background::spawn(Task::FindingOrigin, out, move || or_stopped(Task::FindingOrigin, found()))
}
