//! The drawing redrawn as its settings change: at most one redrawing is on its way to the engine; what changes
//! meanwhile waits, and only its newest state is sent. Until the engine has taken it, news are of what was drawn before,
//! and are not shown.

use std::sync::Arc;

use super::logic::App;
use super::state::AppState;
use crate::config::{ClassChoice, SamplingSettings};
use crate::engine::{Command, Event};
use crate::pictures::Pictures;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// A change of a setting of the drawing redraws it.
    pub on: bool,
    /// What was asked for last.
    drawn: Option<SamplingSettings>,
    /// The number of the last redrawing.
    generation: u64,
    /// The engine has not taken it yet.
    awaited: bool,
    /// Its full drawing has not begun yet.
    begins: bool,
    /// A first look at it, until it is done.
    rough: Option<Rough>,
    /// Nothing of the drawing that was asked for is in its film yet.
    first_awaited: bool,
}

/// A first look at a drawing.
#[derive(Debug, Clone)]
pub struct Rough {
    pub pictures: Arc<Pictures>,
    pub classes: Vec<Option<u8>>,
    /// How long its first pictures took.
    pub seconds: f64,
}

impl Live {
    /// Switches it on or off; switched on, it redraws at once.
    pub(super) fn toggle(&mut self) {
        self.on = !self.on;
        self.drawn = None;
    }

    /// The first look at the drawing that is under way.
    pub fn rough(&self) -> Option<&Rough> {
        self.rough.as_ref()
    }

    /// The settings of a drawing that was asked for, by whatever way.
    pub(super) fn asked(&mut self, settings: SamplingSettings) {
        self.drawn = Some(settings);
        self.first_awaited = true;
    }

    /// Whether an event is of a drawing that was replaced.
    pub(super) fn is_stale(&self, event: &Event) -> bool {
        self.awaited
            && matches!(
                event,
                Event::SamplingStarted { .. } | Event::Frame { .. } | Event::SamplingEnded { .. } | Event::Rough { .. }
            )
    }

    pub(super) fn taken(&mut self, generation: u64) {
        self.awaited &= generation != self.generation;
    }

    /// The full drawing begins.
    pub(super) fn begun(&mut self) {
        self.begins = false;
    }

    /// It is over, or there will be none.
    pub(super) fn ended(&mut self) {
        (self.begins, self.rough, self.first_awaited) = (false, None, false);
    }

    /// The first frame of its film is there.
    pub(super) fn frame_came(&mut self) {
        self.first_awaited = false;
    }

    /// The playhead was moved: what it stands on is shown.
    pub(super) fn look_at_film(&mut self) {
        self.rough = None;
    }
}

impl AppState {
    /// Whether something is being drawn, or will be in a moment.
    pub fn is_drawing(&self) -> bool {
        self.sampling.is_some() || self.live.begins
    }

    /// Whether a person waits for the first pictures of a drawing.
    pub fn awaits_pictures(&self) -> bool {
        self.live.first_awaited
    }

    /// The settings of the next drawing, as the model can take them.
    pub(super) fn asked_drawing(&self) -> SamplingSettings {
        let mut settings = self.settings.sampling.clone();
        if self.model_settings().is_some_and(|model| !model.network.classes) {
            settings.classes = ClassChoice::Each;
        }
        settings
    }

    /// Takes a part of a first look; places that are not drawn yet keep what is shown there.
    pub(super) fn take_rough(
        &mut self,
        first: usize,
        count: usize,
        part: &Pictures,
        (classes, seconds): (Vec<Option<u8>>, f64),
    ) {
        let Pictures { width, height, .. } = *part;
        let fits =
            |pictures: &&Arc<Pictures>| (pictures.count(), pictures.width, pictures.height) == (count, width, height);
        let before = self.live.rough.take();
        let seconds = before.as_ref().filter(|_| first > 0).map_or(seconds, |before| before.seconds);
        let shown = || self.recording.as_ref().and_then(|recording| Some(&recording.shown()?.x_t));
        let base = before.as_ref().map(|before| &before.pictures).filter(fits).or_else(|| shown().filter(fits));
        let mut pixels = base.map_or_else(|| vec![0; count * width * height], |base| base.pixels.clone());
        let begin = first * width * height;
        if let Some(place) = pixels.get_mut(begin..begin + part.pixels.len()) {
            place.copy_from_slice(&part.pixels);
        }
        let pictures = Arc::new(Pictures { width, height, pixels });
        self.live.rough = Some(Rough { pictures, classes, seconds });
    }
}

impl App {
    /// Redraws if that is wanted, a setting of the drawing has changed, and none is on its way.
    pub(super) fn redraw_changes(&mut self) {
        self.state.follow_origin_schedule();
        self.reverse_changes();
        if !self.state.live.on || self.state.live.awaited || self.state.drawing_refusal().is_some() {
            return;
        }
        let settings = self.state.asked_drawing();
        if self.state.live.drawn.as_ref() == Some(&settings) {
            return;
        }
        let generation = self.state.live.generation + 1;
        if !self.command(Command::Redraw { settings: settings.clone(), generation }) {
            self.state.live.on = false;
            return;
        }
        let live = &mut self.state.live;
        (live.generation, live.awaited, live.begins) = (generation, true, true);
        live.asked(settings);
        self.state.sampling = None;
    }
}
