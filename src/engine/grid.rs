//! The grid of a run drawn anew, with its moving average or with its weights as they are: on a thread of its own, from a
//! copy of them, so that training does not wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::sampling::{Request, Sampler, Source};
use super::worker::report;
use super::{Event, Task};
use crate::config::WeightsKind;
use crate::model::Denoiser;
use crate::sampling::{Drawing, pictures};
use crate::train::{Grid, grid_settings};
use crate::{Error, Result};

impl Sampler {
    /// Draws the grid of the run that `source` is of, in place of the one that is being drawn; `Preview` or `Failed` follows.
    pub(super) fn start_grid(&mut self, source: Source, weights: WeightsKind) -> Result<()> {
        self.cancel_grid();
        let (out, lost_device) = (self.out.clone(), Arc::clone(&self.lost_device));
        let settings = grid_settings(weights);
        self.grid = Some(Request::spawn("grid", move |cancelled| {
            let mut draw = |denoiser: &Denoiser| {
                #[cfg(test)]
                out.panics.at(super::panics::Place::Grid);
                let drawing = Drawing::new(denoiser, &settings)?.stopped_by(cancelled);
                let images = drawing.run(&mut |_, _| Ok(()))?;
                let (pictures, classes) = (Arc::new(pictures(&images)?), drawing.classes());
                Ok(Grid { step: source.step, pictures, classes, weights })
            };
            let drawn = catch_unwind(AssertUnwindSafe(|| source.draw_or_draw_again(&lost_device, &out, &mut draw)));
            match drawn.unwrap_or_else(|panic| Err(Error::from_panic(&*panic))) {
                Ok(grid) => drop(out.send(Event::Preview(grid))),
                Err(Error::Cancelled) => {}
                Err(error) => report(&out, Task::DrawingGrid, &error),
            }
        })?);
        Ok(())
    }

    /// Whether the grid is being drawn.
    pub(super) fn draws_grid(&self) -> bool {
        self.grid.as_ref().is_some_and(|request| !request.has_ended())
    }

    /// Draws the grid no further: nothing of it is told after.
    pub(super) fn cancel_grid(&mut self) {
        if let Some(request) = self.grid.take() {
            request.end();
        }
    }
}
