//! What was looked at when the window was closed, and the way back to it at the next start: the run, the tab, the followed
//! digit, and where the playhead stood.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::action::Action;
use super::films::FilmAxis;
use super::logic::App;
use super::recording::Recording;
use super::state::{AppState, Tab};
use crate::engine::Command;

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct LookedAt {
    /// The run, or the weights, that were shown; none: the model that ships with the program.
    shown: Option<PathBuf>,
    place: Option<Place>,
    tab: Tab,
    followed: usize,
    axis: FilmAxis,
    speed: f32,
    data_path: String,
    open_path: String,
}

impl Default for LookedAt {
    fn default() -> Self {
        let (shown, place, data_path, open_path) = (None, None, String::new(), String::new());
        Self { shown, place, tab: Tab::Train, followed: 0, axis: FilmAxis::Denoising, speed: 1.0, data_path, open_path }
    }
}

/// Where the playhead stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The step of training whose model made the film; none of a drawing.
    step: Option<u64>,
    t: usize,
}

/// The way back, until it is gone or a person goes elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returning {
    shown: Option<PathBuf>,
    place: Option<Place>,
}

impl LookedAt {
    pub(super) fn of(state: &AppState) -> Self {
        let run = state.run.as_ref().map(|run| run.folder.clone());
        let weights = state.model.as_ref().filter(|model| !model.ships).map(|model| model.source.clone());
        let step = state.film_step();
        // At its end, a drawing is where the next one will be.
        let film = state.film().filter(|film| step.is_some() || !film.at_end());
        let place = film.and_then(Recording::t).map(|t| Place { step, t });
        // Closed before it was back: it is where it was to be.
        let returning = state.returning.clone();
        Self {
            // JSON has no names that are not UTF-8.
            shown: run
                .or(weights)
                .or(returning.as_ref().and_then(|returning| returning.shown.clone()))
                .filter(|path| path.to_str().is_some()),
            place: returning.map_or(place, |returning| returning.place.or(place)),
            tab: state.tab,
            followed: state.followed,
            axis: state.player.axis,
            speed: state.player.speed,
            data_path: state.data_path.clone(),
            open_path: state.open_path.clone(),
        }
    }

    pub(super) fn restore(self, state: &mut AppState) {
        let Self { shown, place, tab, followed, axis, speed, data_path, open_path } = self;
        (state.tab, state.followed, state.player.axis) = (tab, followed, axis);
        (state.data_path, state.open_path) = (data_path, open_path);
        if speed.is_finite() {
            state.player.speed = speed.clamp(0.25, 8.0);
        }
        state.returning = Some(Returning { shown, place });
    }
}

impl App {
    /// Opens what was shown the last time; at the first start, or where it is gone, the model that ships with the program, so that
    /// there is something to see at once.
    pub fn open_last(&mut self) {
        let shown = self.state.returning.as_ref().and_then(|returning| returning.shown.clone());
        self.command(shown.map_or(Command::OpenShipped, |path| Command::Reopen { path }));
        self.runs_changed();
    }
}

impl AppState {
    /// Whether the model that comes is the one that was at hand: the person's settings of the drawing stay.
    pub(super) fn returns_to_model(&self) -> bool {
        self.returning.as_ref().is_some_and(|returning| returning.shown.is_some())
    }

    /// Whether the playhead goes back to a film of the training, not to what is drawn.
    pub(super) fn returns_to_film(&self) -> bool {
        self.returning.as_ref().is_some_and(|returning| returning.place.is_some_and(|place| place.step.is_some()))
    }

    /// Puts the playhead where it stood, as far as what it stood on is there. Once the films are read and the digits drawn, it
    /// is back.
    pub(super) fn go_back(&mut self) {
        let Some(Returning { place, .. }) = self.returning else { return };
        match place {
            Some(Place { step: Some(step), t }) => {
                let found = self.films.steps().position(|other| other == step);
                if let Some(position) = found {
                    self.seek_training(position);
                    self.seek_timestep(t);
                }
            }
            Some(Place { step: None, t }) if self.sampling.is_none() => self.seek_timestep(t),
            Some(_) | None => {}
        }
        if !self.films.reading && self.sampling.is_none() && self.recording.is_some() {
            self.returning = None;
        }
    }

    fn seek_timestep(&mut self, t: usize) {
        if let Some(film) = self.film_mut() {
            film.seek(film.nearest(t));
        }
    }

    /// A person who looks at something else is not taken back.
    pub(super) fn note_going_elsewhere(&mut self, action: &Action) {
        let other = matches!(
            action,
            Action::Train
                | Action::Resume
                | Action::ResumeRun(_)
                | Action::OpenRun(_)
                | Action::Open
                | Action::Attach(_)
                | Action::Dropped(_)
                | Action::Sample
        );
        if other || action.moves_playhead() {
            self.returning = None;
        }
    }
}
