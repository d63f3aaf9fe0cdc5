//! The playhead of the strip: moved by hand, or played along one of its two axes.

use std::sync::Arc;

use super::films::FilmAxis;
use super::logic::App;
use super::recording::Recording;
use super::state::AppState;
use crate::pictures::Pictures;

/// Frames of the longest film that play in this many seconds at speed 1.
const LONGEST_FILM_SECONDS: f32 = 8.0;
const SHORTEST_FILM_SECONDS: f32 = 2.0;
/// Frames a second of films between the two.
const FILM_RATE: f32 = 24.0;
/// A film that is saved has at most so many frames, evenly chosen: a GIF of more is too large to pass on.
const MOST_GIF_FRAMES: usize = 120;

/// How the film is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Player {
    pub playing: bool,
    /// 1 plays a film of 1,000 frames in eight seconds.
    pub speed: f32,
    /// Seconds that have not yet made a whole frame.
    pub carried: f32,
    /// The axis along which it plays.
    pub axis: FilmAxis,
}

impl Player {
    /// How fast it can be played.
    pub const SPEEDS: [f32; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

    /// The next faster speed; none over the fastest.
    pub fn faster(&self) -> Option<f32> {
        Self::SPEEDS.into_iter().find(|speed| *speed > self.speed)
    }

    /// The next slower speed; none under the slowest.
    pub fn slower(&self) -> Option<f32> {
        Self::SPEEDS.into_iter().rev().find(|speed| *speed < self.speed)
    }
}

impl Default for Player {
    fn default() -> Self {
        Self { playing: false, speed: 1.0, carried: 0.0, axis: FilmAxis::Denoising }
    }
}

impl App {
    /// Lets `seconds` pass: plays the film.
    pub fn tick(&mut self, seconds: f32) {
        let state = &mut self.state;
        if !state.player.playing {
            return;
        }
        let axis = state.films_along();
        let frames = match axis {
            FilmAxis::Denoising => state.film().map_or(0, |film| film.moments().len()),
            FilmAxis::Training => state.training_stops(),
        } as f32;
        let film = (frames / FILM_RATE).clamp(SHORTEST_FILM_SECONDS, LONGEST_FILM_SECONDS);
        state.player.carried += seconds * state.player.speed * frames / film;
        let whole = state.player.carried.floor();
        state.player.carried -= whole;
        match axis {
            FilmAxis::Denoising => {
                if let Some(film) = state.film_mut() {
                    film.step(whole as isize);
                }
                state.player.playing = !(state.film().is_none_or(Recording::at_end) && state.sampling.is_none());
            }
            FilmAxis::Training => {
                state.seek_training(state.training_position().saturating_add(whole as usize));
                state.player.playing = state.training_position() + 1 < state.training_stops();
            }
        }
    }

    pub(super) fn playhead(&mut self, change: impl FnOnce(&mut Recording)) {
        self.state.player.playing = false;
        self.state.live.look_at_film();
        if let Some(film) = self.state.film_mut() {
            change(film);
        }
    }

    pub(super) fn step_training(&mut self, by: isize) {
        self.seek_training(self.state.training_position().saturating_add_signed(by));
    }

    pub(super) fn seek_training(&mut self, position: usize) {
        self.state.player.playing = false;
        self.state.seek_training(position);
    }

    pub(super) fn toggle_play(&mut self) {
        let state = &mut self.state;
        if state.film().is_none() {
            return;
        }
        state.player.playing = !state.player.playing;
        state.live.look_at_film();
        state.player.carried = 0.0;
        if !state.player.playing {
            return;
        }
        match state.films_along() {
            FilmAxis::Denoising => {
                if let Some(film) = state.film_mut().filter(|film| film.at_end()) {
                    film.seek(0);
                }
            }
            FilmAxis::Training if state.training_position() + 1 >= state.training_stops() => state.seek_training(0),
            FilmAxis::Training => {}
        }
    }
}

impl AppState {
    /// The axis that the strip shows as film: a training that was not filmed has none.
    pub fn films_along(&self) -> FilmAxis {
        if self.films.is_empty() { FilmAxis::Denoising } else { self.player.axis }
    }

    /// The frames of the film as it would be played: along the denoising, or along the training at one timestep. At least
    /// one.
    pub(super) fn frames_on_screen(&self) -> Option<Vec<Arc<Pictures>>> {
        let film = self.film()?;
        let frames: Vec<&Arc<Pictures>> = match self.films_along() {
            FilmAxis::Denoising => film.moments().iter().map(|moment| &moment.x_t).collect(),
            FilmAxis::Training => {
                let t = film.t()?;
                let films = (0..self.films.len()).filter_map(|position| self.films.get(position));
                films.map(|film| &film.moments()[film.nearest(t)].x_t).collect()
            }
        };
        let last = frames.len().checked_sub(1)?;
        let count = frames.len().min(MOST_GIF_FRAMES);
        Some((0..count).map(|i| Arc::clone(frames[i * last / (count - 1).max(1)])).collect())
    }
}
