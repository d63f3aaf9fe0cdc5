//! The two axes of the strip as stops on a rail: the timesteps of a film, and the training steps that have films.

use super::drawn;
use super::numbers;
use crate::app::{Action, AppState, FilmAxis, Recording};

/// Where something can be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Stop {
    /// Its place on the rail, 0 to 1.
    pub share: f32,
    pub label: String,
}

/// One axis, as it stands now.
#[derive(Debug, Clone)]
pub struct Axis {
    pub which: FilmAxis,
    pub name: &'static str,
    /// In their order along the rail; never empty.
    pub stops: Vec<Stop>,
    /// The stop under the playhead.
    pub at: usize,
    /// What a screen reader says of it.
    pub value: f64,
}

impl Axis {
    /// From noise to the finished digits; none before the first moment.
    pub fn denoising(film: &Recording) -> Option<Self> {
        // Samplers with few steps leave out timesteps of pure noise: the film begins where the drawing did.
        let (first, _) = film.visited()?;
        let stop = |t: usize| Stop { share: 1.0 - t as f32 / first.max(1) as f32, label: numbers::whole(t as f64) };
        let stops = film.moments().iter().map(|moment| stop(moment.t)).collect();
        let value = film.t()? as f64;
        Some(Self { which: FilmAxis::Denoising, name: "Timestep of the film", stops, at: film.playhead(), value })
    }

    /// The training steps with films, placed by √step, as they are recorded; what was drawn stands behind them. None
    /// without a film.
    pub fn training(state: &AppState) -> Option<Self> {
        let steps = state.films.steps();
        let root = |step: u64| (step as f64).sqrt();
        let (first, last) = (root(steps.clone().next()?), root(steps.clone().last()?));
        // The drawing is no step: it has the last stop for itself.
        let room = if state.has_drawing() { 1.0 - 1.0 / (steps.len() + 1) as f64 } else { 1.0 };
        let room = room.min(if state.has_drawing() { 0.94 } else { 1.0 });
        let share = |step: u64| if last > first { room * (root(step) - first) / (last - first) } else { 0.0 };
        let mut stops: Vec<Stop> =
            steps.map(|step| Stop { share: share(step) as f32, label: numbers::whole(step as f64) }).collect();
        if let Some(drawing) = state.recording.as_ref().filter(|_| state.has_drawing()) {
            stops.push(Stop { share: 1.0, label: drawn::short(drawing.drawn_for).into() });
        }
        let at = state.training_position().min(stops.len() - 1);
        let value = state.film_step().map_or(f64::NAN, |step| step as f64);
        Some(Self { which: FilmAxis::Training, name: "Training step of the film", stops, at, value })
    }

    /// The stop that is nearest to a place on the rail.
    pub fn nearest(&self, share: f32) -> usize {
        let after = self.stops.partition_point(|stop| stop.share < share).min(self.stops.len() - 1);
        let before = after.saturating_sub(1);
        if share - self.stops[before].share < self.stops[after].share - share { before } else { after }
    }

    /// What puts the playhead on a stop.
    pub fn seek(&self, stop: usize) -> Action {
        match self.which {
            FilmAxis::Denoising => Action::Seek(stop),
            FilmAxis::Training => Action::SeekTraining(stop),
        }
    }

    /// What moves the playhead by stops.
    pub fn step(which: FilmAxis, by: isize) -> Action {
        match which {
            FilmAxis::Denoising => Action::StepFrames(by),
            FilmAxis::Training => Action::StepTraining(by),
        }
    }

    /// Even places on the rail, at most so many, each with the stop that is nearest to it; no stop is at two of them.
    pub fn spread(&self, most: usize) -> Vec<(f32, usize)> {
        let last = self.stops[self.stops.len() - 1].share;
        let places = (0..most).map(|i| i as f32 / (most.max(2) - 1) as f32);
        let mut spread: Vec<(f32, usize)> = Vec::new();
        // What is not drawn yet has no stop near it.
        for place in places.filter(|place| *place <= last + 0.5 / most as f32) {
            let stop = self.nearest(place);
            let away = |place: f32| (place - self.stops[stop].share).abs();
            match spread.last_mut().filter(|(_, before)| *before == stop) {
                Some(before) if away(place) < away(before.0) => before.0 = place,
                Some(_) => {}
                None => spread.push((place, stop)),
            }
        }
        spread
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(shares: &[f32]) -> Axis {
        let stops = shares.iter().map(|&share| Stop { share, label: String::new() }).collect();
        Axis { which: FilmAxis::Denoising, name: "x", stops, at: 0, value: 0.0 }
    }

    #[test]
    fn the_nearest_stop_is_found_at_and_between_the_ends() {
        let axis = axis(&[0.0, 0.1, 0.5, 1.0]);
        let found: Vec<usize> = [-1.0, 0.04, 0.06, 0.29, 0.31, 0.76, 2.0].map(|share| axis.nearest(share)).to_vec();
        assert_eq!(found, [0, 0, 1, 1, 2, 3, 3]);
    }

    #[test]
    fn thumbnails_are_spread_and_none_stands_where_nothing_is_drawn_yet() {
        let all: Vec<f32> = (0..=100).map(|i| i as f32 / 100.0).collect();
        let stops = |shares: &[f32]| axis(shares).spread(11).into_iter().map(|(_, stop)| stop).collect::<Vec<_>>();
        assert_eq!(stops(&all), (0..=100).step_by(10).collect::<Vec<_>>());
        assert_eq!(stops(&all[..31]), [0, 10, 20, 30]);
        assert_eq!(axis(&[0.0, 0.5, 1.0]).spread(11), [(0.0, 0), (0.5, 1), (1.0, 2)]);
        assert_eq!(axis(&[0.0]).spread(11), [(0.0, 0)]);
    }

    #[test]
    fn thumbnails_stand_evenly_where_the_timesteps_do_not() {
        // DDIM in 24 steps of T = 1,000, from 997.
        let visited: Vec<f32> = (0..=24).map(|i| 1.0 - ((997.0 * (24 - i) as f32 / 24.0).round() / 997.0)).collect();
        let spread = axis(&visited).spread(11);
        let places: Vec<f32> = spread.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, (0..11).map(|i| i as f32 / 10.0).collect::<Vec<_>>());
        assert!(spread.iter().all(|(place, stop)| (place - visited[*stop]).abs() <= 0.5 / 24.0 + 1e-6), "{spread:?}");
    }

    #[test]
    fn a_stop_is_shown_at_the_nearest_place_alone() {
        assert_eq!(axis(&[0.0, 0.44, 0.46, 1.0]).spread(11), [(0.0, 0), (0.4, 1), (0.5, 2), (1.0, 3)]);
    }
}
