//! A first look at a drawing: what few network calls make of its images, those at the top of the grid first.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::{Event, Outbox};
use crate::config::{SamplerKind, SamplingSettings};
use crate::model::Denoiser;
use crate::sampling::{Drawing, pictures};
use crate::{Error, Result};

/// Network calls of a first look.
const CALLS: usize = 4;
/// Images of the first part, so that a large network shows something soon too; each next part is twice as large.
const FIRST_PART: usize = 4;
const LARGEST_PART: usize = 64;

/// Draws the images roughly and tells of them part by part.
///
/// # Errors
/// [`Error::Cancelled`] when `stop` was set or the window has gone; else as [`Drawing::run`].
pub(super) fn draw(denoiser: &Denoiser, settings: &SamplingSettings, stop: &AtomicBool, out: &Outbox) -> Result<()> {
    let begun = Instant::now();
    let drawing = Drawing::new(denoiser, &rough(settings))?.stopped_by(stop);
    let classes = drawing.classes();
    let (mut first, mut part) = (0, FIRST_PART);
    while first < settings.count {
        let count = part.min(settings.count - first);
        let pictures = pictures(&drawing.part(first, count)?)?;
        let (classes, seconds) = (classes.clone(), begun.elapsed().as_secs_f64());
        let event = Event::Rough { first, count: settings.count, pictures, classes, seconds };
        out.send(event).map_err(|_| Error::Cancelled)?;
        first += count;
        part = (2 * part).min(LARGEST_PART);
    }
    Ok(())
}

/// The same drawing in few network calls. DDPM, which takes all T, is DDIM with no noise then: that is clearest.
fn rough(settings: &SamplingSettings) -> SamplingSettings {
    let mut rough = SamplingSettings { steps: settings.steps.min(CALLS), ..settings.clone() };
    if settings.sampler == SamplerKind::Ddpm {
        (rough.sampler, rough.steps, rough.eta) = (SamplerKind::Ddim, CALLS, 0.0);
    }
    rough
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    #[test]
    fn a_first_look_takes_few_calls_by_any_sampler_and_is_else_as_was_asked() {
        for (sampler, steps, expected) in [
            (SamplerKind::Ddpm, 1, (SamplerKind::Ddim, 4, 0.0)),
            (SamplerKind::Ddim, 50, (SamplerKind::Ddim, 4, 0.5)),
            (SamplerKind::DpmPp, 2, (SamplerKind::DpmPp, 2, 0.5)),
        ] {
            let asked = SamplingSettings { sampler, steps, eta: 0.5, seed: 7, ..Preset::Small.settings().sampling };
            let rough = rough(&asked);
            assert_eq!((rough.sampler, rough.steps, rough.eta), expected);
            assert_eq!((rough.seed, rough.count, rough.classes), (7, asked.count, asked.classes));
        }
    }
}
