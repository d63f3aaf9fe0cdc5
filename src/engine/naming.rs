//! Which digits are seen in what was drawn.

use std::sync::Arc;

use super::{Event, Outbox, Task, background};
use crate::Result;
use crate::eval::Judge;
use crate::pictures::Pictures;

/// Has the classifier name the digits of pictures, in the background; `DigitsNamed` or `Failed` follows.
pub(super) fn name(pictures: Arc<Pictures>, out: &Outbox) -> Result<()> {
    background::spawn(Task::NamingDigits, out, move || {
        let digits = Judge::shipped()?.name((*pictures).clone())?;
        Ok(Event::DigitsNamed { pictures, digits })
    })
}
