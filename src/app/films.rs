//! The films of a run's training, and where the playhead stands on both axes: the step of training whose model made
//! the film, and the timestep in it. What was drawn last stands behind the newest film.

use std::sync::Arc;

use super::recording::{Moment, Recording};
use super::state::AppState;
use crate::config::Settings;
use crate::engine::DrawnFor;
use crate::train::film::Film;
use crate::train::films::surplus;

/// Bytes of pictures that are kept, whatever lies on disk: over it, films are forgotten evenly.
const BUDGET: u64 = 96 << 20;

/// The axis that the strip shows as film, and along which it plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum FilmAxis {
    /// From noise to the finished digits, by one model.
    #[default]
    Denoising,
    /// One timestep, as the models of the training steps see it.
    Training,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Films {
    /// By the step of training.
    films: Vec<(u64, Recording)>,
    /// The film under the playhead; none: the drawing.
    at: Option<usize>,
    /// ᾱ_t of the run's schedule, t = 0 … T.
    alpha_bar: Arc<[f64]>,
    /// Films are still being read.
    pub reading: bool,
    budget: u64,
}

impl Default for Films {
    fn default() -> Self {
        Self { films: Vec::new(), at: None, alpha_bar: Arc::new([]), reading: false, budget: BUDGET }
    }
}

impl Films {
    /// The steps of training that there are films of.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = u64> + Clone {
        self.films.iter().map(|(step, _)| *step)
    }

    /// The film at a position.
    pub fn get(&self, position: usize) -> Option<&Recording> {
        self.films.get(position).map(|(_, film)| film)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.films.len()
    }

    /// True before the first.
    pub fn is_empty(&self) -> bool {
        self.films.is_empty()
    }

    /// Adds a film. A playhead on the newest goes along with it, and one on none, `if_free`, is put on it.
    fn push(&mut self, film: &Film, if_free: bool) {
        let place = self.films.partition_point(|(step, _)| *step < film.step);
        if self.films.get(place).is_some_and(|(step, _)| *step == film.step) {
            return;
        }
        let newest = self.films.len().checked_sub(1);
        let follows = if self.at.is_some() { self.at == newest } else { if_free };
        let before = self.at.and_then(|at| self.get(at)).and_then(|shown| Some((shown.t()?, shown.at_end())));
        let mut recording = Recording::new(0, film.timesteps, film.classes.len(), film.classes.clone());
        for (step, moment) in film.moments.iter().enumerate() {
            let (x_t, x0_hat) = (Arc::clone(&moment.x_t), Arc::clone(&moment.x0_hat));
            recording.push(Moment { step, t: moment.t, x_t, x0_hat, eps_hat: Arc::clone(&moment.eps_hat) });
        }
        self.films.insert(place, (film.step, recording));
        if let Some(at) = &mut self.at {
            *at += usize::from(place <= *at);
        }
        if follows {
            self.at = Some(self.films.len() - 1);
            if let (Some((t, false)), Some((_, film))) = (before, self.films.last_mut()) {
                film.seek(film.nearest(t));
            }
        }
        self.thin();
    }

    fn thin(&mut self) {
        let sizes: Vec<_> = self.films.iter().map(|(step, film)| (*step, film.bytes() as u64)).collect();
        let shown = self.at.map(|at| self.films[at].0);
        for step in surplus(&sizes, self.budget) {
            // What is looked at stays until it is left.
            if Some(step) != shown {
                self.films.retain(|(other, _)| *other != step);
            }
        }
        self.at = shown.and_then(|shown| self.films.iter().position(|(step, _)| *step == shown));
    }

    /// Forgets the films of models after `step`.
    pub(super) fn drop_after(&mut self, step: u64) {
        self.films.retain(|(other, _)| *other <= step);
        self.at = self.at.and_then(|at| Some(at.min(self.films.len().checked_sub(1)?)));
    }

    /// The playhead leaves them for the drawing.
    pub(super) fn leave(&mut self) {
        self.at = None;
    }
}

impl AppState {
    /// What lies under the playhead: a film of the training, or what was drawn last.
    pub fn film(&self) -> Option<&Recording> {
        match self.films.at {
            Some(at) => self.films.get(at),
            None => self.recording.as_ref(),
        }
    }

    pub(super) fn film_mut(&mut self) -> Option<&mut Recording> {
        match self.films.at {
            Some(at) => self.films.films.get_mut(at).map(|(_, film)| film),
            None => self.recording.as_mut(),
        }
    }

    /// The step of training whose model made the film under the playhead; none of a drawing.
    pub fn film_step(&self) -> Option<u64> {
        self.films.at.map(|at| self.films.films[at].0)
    }

    /// ᾱ_t of the model that made the film under the playhead, t = 0 … T.
    pub fn film_alpha_bar(&self) -> &Arc<[f64]> {
        if self.films.at.is_some() { &self.films.alpha_bar } else { &self.recording_alpha_bar }
    }

    /// The class that the followed digit of the film was asked for, if one was.
    pub fn followed_class(&self) -> Option<u8> {
        *self.film()?.classes.get(self.followed_in_film())?
    }

    /// The digit of the film that is shown: the one that is followed, or, where that is not filmed, its like.
    pub fn followed_in_film(&self) -> usize {
        self.film().map_or(0, |film| self.followed_of(film))
    }

    /// The digit of a film that is shown for the one that is followed. Films of the training hold the first digits of the
    /// grid: of those behind, the like is the first of the same class, which begins with other noise.
    pub fn followed_of(&self, film: &Recording) -> usize {
        if self.followed < film.count {
            return self.followed;
        }
        let class = self.preview.as_ref().and_then(|grid| grid.classes.get(self.followed).copied().flatten());
        let like = class.and_then(|class| film.classes.iter().position(|other| *other == Some(class)));
        like.unwrap_or(self.followed % film.count.max(1))
    }

    /// The digit of a film of the training that is shown in place of the followed one, which is not filmed.
    pub fn stands_in(&self) -> Option<usize> {
        let film = self.films.get(self.films.at?).filter(|film| film.count > 0 && self.followed >= film.count)?;
        Some(self.followed_of(film))
    }

    /// The settings of the model that made what lies under the playhead.
    pub(super) fn film_model(&self) -> Option<&Settings> {
        match self.films.at {
            Some(_) => self.run.as_ref().map(|run| &*run.settings),
            None => self.recording.as_ref()?.model.as_deref(),
        }
    }

    /// True while an earlier film than the newest is looked at.
    pub fn looks_back(&self) -> bool {
        self.films.at.is_some_and(|at| at + 1 < self.films.len())
    }

    /// Stops of the playhead along the training: the films, and the drawing behind them.
    pub fn training_stops(&self) -> usize {
        self.films.len() + usize::from(self.has_drawing())
    }

    /// Where it stands among them.
    pub fn training_position(&self) -> usize {
        self.films.at.unwrap_or(self.films.len())
    }

    /// Whether something was drawn, or is being drawn, beside the films.
    pub fn has_drawing(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| recording.visited().is_some())
    }

    /// Whether the drawing is one that a person asked for.
    pub(super) fn has_drawing_of_a_person(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| recording.drawn_for == DrawnFor::Person)
    }

    /// Puts the playhead on a film, or on the drawing behind them, at the timestep where it stands.
    pub(super) fn seek_training(&mut self, position: usize) {
        let Some(last) = self.training_stops().checked_sub(1) else { return };
        let t = self.film().and_then(Recording::t);
        let position = position.min(last);
        self.films.at = (position < self.films.len()).then_some(position);
        if let (Some(t), Some(film)) = (t, self.film_mut()) {
            film.seek(film.nearest(t));
        }
    }

    /// Takes a film of the run that is shown.
    pub(super) fn filmed(&mut self, film: &Film) {
        if self.films.alpha_bar.is_empty()
            && let Some(run) = &self.run
        {
            let alpha_bar = super::schedule_view::alpha_bars(&run.settings.diffusion);
            self.films.alpha_bar = alpha_bar.unwrap_or_default().into();
        }
        let free = self.recording.is_none();
        self.films.push(film, free);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;
    use crate::train::film::tests::film;

    fn state(steps: &[u64]) -> AppState {
        let mut state = AppState::new(Preset::Small.settings());
        steps.iter().for_each(|step| state.filmed(&film(*step)));
        state
    }

    fn place(state: &AppState) -> (Option<u64>, usize) {
        (state.film_step(), state.film().and_then(Recording::t).unwrap())
    }

    #[test]
    fn the_playhead_goes_along_with_the_newest_until_it_is_moved() {
        let mut state = state(&[10, 20]);
        assert_eq!(place(&state), (Some(20), 0));
        state.film_mut().unwrap().seek(1);
        state.filmed(&film(30));
        assert_eq!(place(&state), (Some(30), 300), "at the timestep that was looked at");
        state.seek_training(0);
        assert_eq!(place(&state), (Some(10), 300));
        assert!(state.looks_back());
        state.filmed(&film(40));
        assert_eq!(place(&state), (Some(10), 300));
        state.seek_training(usize::MAX);
        assert_eq!((place(&state), state.looks_back()), ((Some(40), 300), false));
    }

    #[test]
    fn films_may_come_in_any_order_and_twice() {
        let mut state = state(&[40, 10, 30, 10]);
        assert_eq!(state.films.steps().collect::<Vec<_>>(), [10, 30, 40]);
        assert_eq!(place(&state), (Some(40), 0));
        state.seek_training(1);
        state.filmed(&film(20));
        assert_eq!((place(&state).0, state.training_position()), (Some(30), 2));
    }

    #[test]
    fn the_drawing_stands_behind_the_films() {
        let mut state = state(&[10, 20]);
        let mut drawing = Recording::new(1, 1000, 1, vec![None]);
        let moments: Vec<Moment> = state.films.get(0).unwrap().moments().to_vec();
        moments.into_iter().for_each(|moment| drawing.push(moment));
        state.recording = Some(drawing);
        state.films.leave();
        assert_eq!((state.training_stops(), state.training_position(), place(&state)), (3, 2, (None, 0)));
        state.filmed(&film(30));
        assert_eq!((state.training_position(), state.film_step()), (3, None), "the drawing is still looked at");
        state.seek_training(2);
        assert_eq!(state.film_step(), Some(30));
    }

    #[test]
    fn what_was_undone_is_forgotten_and_memory_is_bounded() {
        let mut state = state(&[10, 20, 30]);
        state.films.drop_after(20);
        assert_eq!((state.film_step(), state.films.len()), (Some(20), 2));
        state.films.drop_after(0);
        assert!(state.film().is_none() && state.films.is_empty());

        state.films.budget = 10 * film(0).bytes();
        (1..=500).for_each(|step| state.filmed(&film(step)));
        assert_eq!((state.films.len(), state.film_step()), (10, Some(500)));
        state.seek_training(4);
        let shown = state.film_step();
        (501..=900).for_each(|step| state.filmed(&film(step)));
        assert_eq!((state.film_step(), state.films.len() <= 11), (shown, true), "what is looked at stays");
    }
}
