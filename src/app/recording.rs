//! The recorded reverse diffusion: its frames within a memory budget, and where the playhead stands.

use std::sync::Arc;
use std::time::Instant;

use crate::config::Settings;
use crate::engine::DrawnFor;
use crate::pictures::{Pictures, Provenance};

/// Bytes of pixels that are kept: 1,000 frames of 64 digits at 28×28, three pictures each, take 150 MB.
const BUDGET: usize = 192 << 20;

/// One recorded moment.
#[derive(Debug, Clone)]
pub struct Moment {
    /// Network calls before this moment.
    pub step: usize,
    /// The timestep of `x_t`, 0 for the finished images. The first is T, or less where the sampler leaves out
    /// timesteps of pure noise.
    pub t: usize,
    pub x_t: Arc<Pictures>,
    pub x0_hat: Arc<Pictures>,
    pub eps_hat: Arc<Pictures>,
}

impl Moment {
    fn bytes(&self) -> usize {
        self.x_t.pixels.len() + self.x0_hat.pixels.len() + self.eps_hat.pixels.len()
    }
}

/// A reverse diffusion, from noise (first) to the finished images (last).
#[derive(Debug, Clone)]
pub struct Recording {
    /// The engine's number of the sampling that made it.
    pub id: u64,
    /// T of the model that made it.
    pub timesteps: usize,
    /// How many images each moment holds.
    pub count: usize,
    /// The class that each image was asked for.
    pub classes: Vec<Option<u8>>,
    /// Why it was drawn; of a film of the training this says nothing.
    pub drawn_for: DrawnFor,
    /// The settings of the model that made it; none of a film of the training, which the run has.
    pub model: Option<Box<Settings>>,
    /// What drew it, of its finished images; none of a film of the training.
    pub provenance: Option<Box<Provenance>>,
    moments: Vec<Moment>,
    playhead: usize,
    /// Only moments whose step is a multiple of this are kept, and the newest.
    stride: usize,
    bytes: usize,
    budget: usize,
}

impl Recording {
    /// An empty recording of `count` images over `timesteps`.
    pub fn new(id: u64, timesteps: usize, count: usize, classes: Vec<Option<u8>>) -> Self {
        let (moments, model, provenance) = (Vec::new(), None, None);
        Self {
            id,
            timesteps,
            count,
            classes,
            drawn_for: DrawnFor::Person,
            model,
            provenance,
            moments,
            playhead: 0,
            stride: 1,
            bytes: 0,
            budget: BUDGET,
        }
    }

    /// The same, drawn by what is known, and why.
    pub fn drawn_by(self, drawn_for: DrawnFor, model: Box<Settings>, provenance: Box<Provenance>) -> Self {
        Self { drawn_for, model: Some(model), provenance: Some(provenance), ..self }
    }

    /// Adds the next moment. Over budget, every second one is forgotten, evenly; the first and the newest stay.
    /// A playhead at the newest moment follows.
    pub fn push(&mut self, moment: Moment) {
        let follows = self.playhead + 1 >= self.moments.len();
        if let Some(newest) = self.moments.pop_if(|newest| newest.step % self.stride != 0) {
            self.bytes -= newest.bytes();
        }
        self.bytes += moment.bytes();
        self.moments.push(moment);
        while self.bytes > self.budget && self.moments.len() > 2 {
            self.thin();
        }
        self.playhead = if follows { self.moments.len() - 1 } else { self.playhead.min(self.moments.len() - 1) };
    }

    fn thin(&mut self) {
        self.stride *= 2;
        let (shown, newest) = (self.t(), self.moments.last().map(|moment| moment.step));
        let stride = self.stride;
        self.moments.retain(|moment| moment.step % stride == 0 || Some(moment.step) == newest);
        self.bytes = self.moments.iter().map(Moment::bytes).sum();
        if let Some(t) = shown {
            self.playhead = self.nearest(t);
        }
    }

    /// Bytes of pixels that are kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All moments that are kept.
    pub fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// The moment under the playhead; none before the first frame has come.
    pub fn shown(&self) -> Option<&Moment> {
        self.moments.get(self.playhead)
    }

    /// The timestep under the playhead.
    pub fn t(&self) -> Option<usize> {
        self.shown().map(|moment| moment.t)
    }

    /// The newest moment: the finished images once sampling has ended.
    pub fn last(&self) -> Option<&Moment> {
        self.moments.last()
    }

    /// The timesteps that were visited: of the first moment and of the newest; none before the first frame.
    pub fn visited(&self) -> Option<(usize, usize)> {
        Some((self.moments.first()?.t, self.moments.last()?.t))
    }

    /// Position of the playhead among the moments.
    pub fn playhead(&self) -> usize {
        self.playhead
    }

    /// True if the playhead stands on the newest moment.
    pub fn at_end(&self) -> bool {
        self.playhead + 1 >= self.moments.len()
    }

    /// Puts the playhead on a moment; positions beyond the end mean the last.
    pub fn seek(&mut self, position: usize) {
        self.playhead = position.min(self.moments.len().saturating_sub(1));
    }

    /// Moves the playhead by moments: forward is towards the finished images.
    pub fn step(&mut self, by: isize) {
        self.seek(self.playhead.saturating_add_signed(by));
    }

    /// Moves the playhead by timesteps, but at least by one moment: positive is towards the finished images.
    pub fn jump(&mut self, timesteps: isize) {
        let Some(t) = self.t() else { return };
        let target = self.nearest(t.saturating_add_signed(-timesteps));
        if target == self.playhead { self.step(timesteps.signum()) } else { self.seek(target) }
    }

    /// The position of the moment whose timestep is nearest to `t`.
    pub fn nearest(&self, t: usize) -> usize {
        (0..self.moments.len()).min_by_key(|&i| self.moments[i].t.abs_diff(t)).unwrap_or(0)
    }
}

/// A reverse diffusion that is being computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplingProgress {
    pub id: u64,
    pub frames_done: usize,
    pub frames: usize,
    pub begun: Instant,
    /// At the pace of the frames so far; none before the second.
    pub seconds_left: Option<f64>,
}

impl SamplingProgress {
    pub(super) fn new(id: u64, frames: usize, begun: Instant) -> Self {
        Self { id, frames_done: 0, frames, begun, seconds_left: None }
    }

    /// One more frame is there. The first is the noise, which takes no time.
    pub(super) fn frame_done(&mut self, now: Instant) {
        let took = now.duration_since(self.begun).as_secs_f64();
        let left = self.frames.saturating_sub(self.frames_done + 1) as f64;
        self.seconds_left = (self.frames_done > 0).then(|| left * took / self.frames_done as f64);
        self.frames_done += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(step: usize, t: usize) -> Moment {
        let pictures = Arc::new(Pictures { width: 1, height: 1, pixels: vec![step as u8] });
        Moment { step, t, x_t: Arc::clone(&pictures), x0_hat: Arc::clone(&pictures), eps_hat: pictures }
    }

    fn recording(budget: usize, timesteps: usize) -> Recording {
        let mut recording = Recording { budget, ..Recording::new(1, timesteps, 1, vec![None]) };
        for step in 0..=timesteps {
            recording.push(moment(step, timesteps - step));
        }
        recording
    }

    #[test]
    fn over_budget_it_thins_evenly_and_keeps_both_ends() {
        let recording = recording(3 * 100, 1001);
        let ts: Vec<usize> = recording.moments().iter().map(|m| m.t).collect();
        assert!(ts.len() > 50 && ts.len() <= 100, "{} moments", ts.len());
        assert_eq!((ts[0], ts[ts.len() - 1]), (1001, 0));
        let gaps: Vec<usize> = ts.windows(2).map(|pair| pair[0] - pair[1]).collect();
        assert!(gaps[..gaps.len() - 1].iter().all(|gap| *gap == gaps[0]), "{gaps:?}");
    }

    #[test]
    fn the_playhead_follows_until_it_is_moved() {
        let mut recording = recording(usize::MAX, 10);
        assert_eq!(recording.t(), Some(0));
        recording.seek(3);
        recording.push(moment(11, 0));
        assert_eq!(recording.playhead(), 3);
    }

    #[test]
    fn jumps_move_by_timesteps_and_never_stand_still() {
        let mut recording = recording(usize::MAX, 1000);
        recording.seek(0);
        recording.jump(100);
        assert_eq!(recording.t(), Some(900));
        recording.jump(-100);
        assert_eq!(recording.t(), Some(1000));

        let mut coarse = Recording::new(1, 1000, 1, vec![None]);
        for (step, t) in [1000, 600, 200, 0].into_iter().enumerate() {
            coarse.push(moment(step, t));
        }
        coarse.seek(0);
        coarse.jump(100);
        assert_eq!(coarse.t(), Some(600));
        coarse.step(-5);
        assert_eq!(coarse.t(), Some(1000));
        coarse.step(99);
        assert!(coarse.at_end());
    }
}
