//! The grid that is drawn from the same noise as training goes on.

use std::sync::Arc;
use std::time::Duration;

use super::pace::Pace;
use super::trainer::Trainer;
use crate::Result;
use crate::config::{ClassChoice, SamplerKind, SamplingSettings, Thresholding, WeightsKind};
use crate::pictures::Pictures;
use crate::sampling::{Drawing, pictures};

/// Time that passes before the next, as a multiple of what the last one took: under 4 %.
const REST: u32 = 25;
/// Network calls for each image: enough to see the digits form.
const STEPS: usize = 8;
/// Images of a grid.
const COUNT: usize = 64;

/// A grid of a run.
#[derive(Debug, Clone)]
pub struct Grid {
    /// Steps that its model was trained for.
    pub step: u64,
    pub pictures: Arc<Pictures>,
    /// The class that was asked of each; none if the model does not know classes.
    pub classes: Vec<Option<u8>>,
    /// What drew it.
    pub weights: WeightsKind,
}

/// How digits are drawn to watch training: from fixed noise, by the moving average, without guidance. The first
/// digits of a grid and of a film begin with the same noise.
pub(super) fn fixed_noise(steps: usize, count: usize) -> SamplingSettings {
    SamplingSettings {
        sampler: SamplerKind::DpmPp,
        steps,
        eta: 0.0,
        guidance: 0.0,
        guidance_interval: None,
        thresholding: Thresholding::Static,
        weights: WeightsKind::Ema,
        count,
        classes: ClassChoice::Each,
        seed: 0,
    }
}

/// How the grids of a run are drawn with one kind of its weights.
pub fn grid_settings(weights: WeightsKind) -> SamplingSettings {
    SamplingSettings { weights, ..fixed_noise(STEPS, COUNT) }
}

/// See the module.
#[derive(Debug)]
pub struct Preview {
    settings: SamplingSettings,
    /// None: no grids.
    pace: Option<Pace>,
}

impl Preview {
    /// At the interval that the run's settings name.
    pub fn new(trainer: &Trainer) -> Self {
        let seconds = trainer.settings().training.preview_seconds;
        let pace = (seconds > 0.0).then(|| Duration::from_secs_f64(seconds));
        let pace = pace.map(|interval| Pace::new(interval, REST, interval / 4));
        Self { settings: grid_settings(trainer.settings().training.drawn_with(WeightsKind::Ema)), pace }
    }

    /// Whether it is time to draw.
    pub fn is_due(&self) -> bool {
        self.pace.as_ref().is_some_and(Pace::is_due)
    }

    /// The last step is done: see [`Pace::once_more`].
    pub fn once_more(&mut self, step: u64) {
        self.pace.iter_mut().for_each(|pace| pace.once_more(step));
    }

    /// Draws, if it is time to. `listen` is called before each network call; an error from it ends the drawing.
    ///
    /// # Errors
    /// What `listen` returned, or when the device has no room.
    pub fn draw_if_due(&mut self, trainer: &Trainer, listen: &mut dyn FnMut() -> Result<()>) -> Result<Option<Grid>> {
        let Some(pace) = self.pace.as_mut().filter(|pace| pace.is_due()) else { return Ok(None) };
        pace.spend(trainer.step_count(), || {
            let denoiser = trainer.denoiser(self.settings.weights)?;
            let drawing = Drawing::new(&denoiser, &self.settings)?;
            let images = drawing.run(&mut |_, _| listen())?;
            Ok(Some(Grid {
                step: trainer.step_count(),
                pictures: Arc::new(pictures(&images)?),
                classes: drawing.classes(),
                weights: self.settings.weights,
            }))
        })
    }
}
