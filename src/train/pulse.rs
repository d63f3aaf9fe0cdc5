//! What the health of a run is read from: its newest steps in full, and its loss over time in bounded memory.

use std::collections::VecDeque;

use super::metrics::StepReport;

/// Newest steps that are kept in full.
pub const NEWEST: usize = 128;
/// Marks that are kept: four a second, then every second one, and so on.
const MOST_MARKS: usize = 1024;
/// Weight of the newest step in the smoothed loss: about a hundred steps are averaged over.
const SMOOTHING: f64 = 0.02;
/// Images that the loss is averaged over at least, once there were so many: the loss of a single one is a few times the
/// mean or a fraction of it, as its timestep is drawn by chance.
const IMAGES: f64 = 2000.0;
/// The smoothed loss falls once it fell by more than the first over a [`quarter`], and lies flat once it fell by less than
/// the second: between them it is taken for what it was, or the words for it would change to and fro.
const FALLS: [f64; 2] = [0.07, 0.04];
/// Images behind a loss that counts as the lowest: of fewer it may be low by chance.
const LEAST: f64 = 1000.0;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beat {
    pub step: u64,
    pub loss: f64,
    pub grad_norm: f64,
}

/// The run at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    pub step: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// The smoothed loss.
    pub loss: f64,
    /// Images that it is averaged over: as many of equal weight would vary as much.
    pub images: f64,
}

/// A quarter of so many steps, but at least 50.
pub fn quarter(steps: u64) -> u64 {
    (steps / 4).max(50)
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pulse {
    newest: VecDeque<Beat>,
    marks: Vec<Mark>,
    /// The newest moment, whether marked or not.
    now: Option<Mark>,
    /// The mean loss of the first steps.
    first_loss: Option<f64>,
    /// Seconds between two marks.
    pause: f64,
    steps: u64,
    /// Images a step.
    batch: f64,
    /// Sum of the squared weights in the smoothed loss.
    squares: f64,
    /// See [`Self::falls`].
    falls: Option<bool>,
}

impl Pulse {
    /// Takes the next step.
    pub fn push(&mut self, report: &StepReport) {
        let StepReport { step, loss, grad_norm, seconds, images, .. } = *report;
        if self.newest.len() == NEWEST {
            self.newest.pop_front();
        }
        self.newest.push_back(Beat { step, loss, grad_norm });
        self.steps += 1;
        self.batch = (images as f64 / step.max(1) as f64).max(1.0);
        // n equal weights vary as much as those that fall by 2/(n + 1) a step.
        let least = SMOOTHING.min(2.0 / (IMAGES / self.batch + 1.0));
        // The first steps fall fast: their average is over a fifth of them.
        let weight = least.max(1.0 / (1.0 + (self.steps - 1) as f64 / 5.0));
        let smooth = self.now.map_or(loss, |now| now.loss + weight * (loss - now.loss));
        self.squares = (1.0 - weight).powi(2) * self.squares + weight.powi(2);
        let now = Mark { step, seconds, loss: smooth, images: self.batch / self.squares };
        self.now = Some(now);
        self.first_loss.get_or_insert(loss);
        if let Some(fell) = self.fell() {
            let middle = FALLS.iter().sum::<f64>() / 2.0;
            let limit = self.falls.map_or(middle, |falls| FALLS[usize::from(falls)]);
            self.falls = Some(fell >= limit);
        }
        self.pause = self.pause.max(0.25);
        if self.marks.last().is_none_or(|last| seconds - last.seconds >= self.pause) {
            self.marks.push(now);
        }
        if self.marks.len() > MOST_MARKS {
            let mut place = 0;
            self.marks.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.pause *= 2.0;
        }
    }

    /// The newest steps, oldest first.
    pub fn newest(&self) -> impl ExactSizeIterator<Item = &Beat> + DoubleEndedIterator {
        self.newest.iter()
    }

    /// Now; none before the first step.
    pub fn now(&self) -> Option<Mark> {
        self.now
    }

    /// The loss of the first step.
    pub fn first_loss(&self) -> Option<f64> {
        self.first_loss
    }

    /// Seconds of training since a step; none if it was before the first mark.
    pub fn seconds_since(&self, step: u64) -> Option<f64> {
        let after = self.marks.partition_point(|mark| mark.step <= step);
        let mark = self.marks[after.checked_sub(1)?];
        Some(self.now?.seconds - mark.seconds)
    }

    /// Images a step.
    pub fn batch(&self) -> f64 {
        self.batch
    }

    /// The moment of the lowest loss that is averaged over enough images.
    pub fn lowest(&self) -> Option<Mark> {
        self.marks.iter().copied().filter(|mark| mark.images >= LEAST).min_by(|a, b| a.loss.total_cmp(&b.loss))
    }

    /// By which share the smoothed loss fell over the last [`quarter`]; none if there were fewer steps.
    pub fn fell(&self) -> Option<f64> {
        let now = self.now?;
        let before = now.step.checked_sub(quarter(now.step))?;
        let after = self.marks.partition_point(|mark| mark.step <= before);
        let then = self.marks[after.checked_sub(1)?];
        Some((then.loss - now.loss) / then.loss)
    }

    /// Whether the smoothed loss falls or lies flat, which changes only where it clearly does; none if there were fewer
    /// steps than a [`quarter`].
    pub fn falls(&self) -> Option<bool> {
        self.falls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(step: u64, seconds: f64) -> StepReport {
        let (loss, grad_norm) = (1.0 / step as f64, step as f64);
        StepReport { step, epoch: 0.0, images: step, loss, lr: 1e-3, grad_norm, seconds, progress: 0.0 }
    }

    fn pulse(steps: u64, seconds_a_step: f64) -> Pulse {
        let mut pulse = Pulse::default();
        (1..=steps).for_each(|step| pulse.push(&report(step, step as f64 * seconds_a_step)));
        pulse
    }

    #[test]
    fn it_stays_small_and_knows_the_past() {
        let pulse = pulse(200_000, 0.5);
        assert_eq!(pulse.newest().len(), NEWEST);
        assert!(pulse.marks.len() <= MOST_MARKS && pulse.marks.len() > MOST_MARKS / 4);
        assert!((pulse.seconds_since(80_000).unwrap() - 60_000.0).abs() <= 2.0 * pulse.pause);
        // 1/150,000 fell to 1/200,000, both smoothed over about a thousand steps.
        assert!((pulse.fell().unwrap() - 0.25).abs() < 0.01, "{:?}", pulse.fell());
        assert!(pulse.lowest().unwrap().step > 199_000);
    }

    /// Metrics of others may say any number.
    #[test]
    fn the_last_steps_that_can_be_counted_do_not_wrap_around() {
        let mut last = Pulse::default();
        for (step, seconds) in [(u64::MAX - 1, 1.0), (u64::MAX, 2.0)] {
            last.push(&report(step, seconds));
        }
        assert_eq!((last.marks.len(), last.fell()), (2, None), "no mark is a quarter of the steps before");
    }

    #[test]
    fn before_the_first_step_there_is_nothing() {
        let pulse = Pulse::default();
        assert_eq!((pulse.now(), pulse.fell(), pulse.seconds_since(0), pulse.first_loss()), (None, None, None, None));
    }
}
