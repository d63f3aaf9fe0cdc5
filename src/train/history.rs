//! The losses of a run read back from its folder, in bounded memory however long the run was.

use std::path::Path;

use serde::Deserialize;

use super::evaluations::Evaluations;
use super::folder::{BY_TIMESTEP, LossByTimestep, METRICS};
use super::loss_by_timestep::LossMap;
use super::metrics::{StepReport, possible_step};
use super::pulse::Pulse;
use super::run_clock::RunClock;
use super::tail::Tail;
use crate::Result;
use crate::eval::QuickEval;

/// Buckets of a curve that are kept; each holds the lowest and the highest of its points.
const MOST_BUCKETS: usize = 1 << 15;

/// The curves of a run that was trained before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Step and loss, steps growing. Of a long run the lowest and the highest of each stretch, and the newest.
    pub train: Vec<(u64, f64)>,
    /// Step and loss on the held-out images, as `train`.
    pub held_out: Vec<(u64, f64)>,
    /// The quick evaluations.
    pub evaluations: Evaluations,
    /// When the steps were done.
    pub clock: RunClock,
    /// The losses by timestep.
    pub by_timestep: LossMap,
    /// What the health of the run is read from.
    pub pulse: Box<Pulse>,
    /// The last step's report.
    pub last: Option<StepReport>,
}

/// One line of `metrics.jsonl`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Step(StepReport),
    HeldOut {
        #[serde(deserialize_with = "possible_step")]
        step: u64,
        held_out: f64,
    },
    Evaluated {
        #[serde(deserialize_with = "possible_step")]
        step: u64,
        eval: QuickEval,
    },
}

impl History {
    /// Reads the metrics of a run folder; a run without them has an empty history. Lines that cannot be read, such
    /// as one that a crash cut off, are passed over.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(run: &Path) -> Result<Self> {
        Self::begin(&mut Tail::new(run.join(METRICS)), &mut Tail::new(run.join(BY_TIMESTEP)))
    }

    /// As [`read`](Self::read), of files that are at their beginning and read on from there.
    pub(super) fn begin(metrics: &mut Tail, losses: &mut Tail) -> Result<Self> {
        let (mut train, mut held_out) = (Curve::new(MOST_BUCKETS), Curve::new(MOST_BUCKETS));
        let (mut evaluations, mut by_timestep) = (Evaluations::default(), LossMap::default());
        let (mut clock, mut pulse, mut last) = (RunClock::default(), Box::<Pulse>::default(), None);
        metrics.read(|line| match serde_json::from_slice(line) {
            Ok(Line::Step(report)) => {
                train.push(report.step, report.loss);
                clock.push(report.step, report.seconds);
                pulse.push(&report);
                last = Some(report);
            }
            Ok(Line::HeldOut { step, held_out: loss }) => held_out.push(step, loss),
            Ok(Line::Evaluated { step, eval }) => evaluations.push(step, eval),
            Err(_) => {}
        })?;
        losses.read(|line| {
            if let Ok(line) = serde_json::from_slice::<LossByTimestep>(line) {
                by_timestep.push(line.step, &line.by_timestep);
            }
        })?;
        Ok(Self { train: train.points(), held_out: held_out.points(), evaluations, clock, by_timestep, pulse, last })
    }
}

/// A curve that is thinned as it grows: neighbouring buckets are merged whenever there are too many.
struct Curve {
    buckets: Vec<Bucket>,
    /// Points a full bucket holds.
    size: usize,
    most: usize,
    newest: Option<(u64, f64)>,
}

#[derive(Clone, Copy)]
struct Bucket {
    low: (u64, f64),
    high: (u64, f64),
    points: usize,
}

impl Bucket {
    fn absorb(&mut self, next: &Self) {
        if next.low.1 < self.low.1 {
            self.low = next.low;
        }
        if next.high.1 > self.high.1 {
            self.high = next.high;
        }
        self.points += next.points;
    }
}

impl Curve {
    fn new(most: usize) -> Self {
        Self { buckets: Vec::new(), size: 1, most, newest: None }
    }

    fn push(&mut self, step: u64, loss: f64) {
        let point = (step, loss);
        self.newest = Some(point);
        let single = Bucket { low: point, high: point, points: 1 };
        match self.buckets.last_mut().filter(|bucket| bucket.points < self.size) {
            Some(bucket) => bucket.absorb(&single),
            None => self.buckets.push(single),
        }
        if self.buckets.len() > self.most {
            let merged = self.buckets.chunks(2).map(|pair| {
                let mut first = pair[0];
                pair[1..].iter().for_each(|second| first.absorb(second));
                first
            });
            self.buckets = merged.collect();
            self.size *= 2;
        }
    }

    fn points(&self) -> Vec<(u64, f64)> {
        let mut points = Vec::new();
        for bucket in &self.buckets {
            let (mut first, mut second) = (bucket.low, bucket.high);
            if first.0 > second.0 {
                (first, second) = (second, first);
            }
            points.push(first);
            if second.0 != first.0 {
                points.push(second);
            }
        }
        if points.last() != self.newest.as_ref() {
            points.extend(self.newest);
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::super::loss_by_timestep::BINS;
    use super::super::metrics::MAX_STEPS;
    use super::*;

    #[test]
    fn a_short_curve_comes_back_as_it_was() {
        let mut curve = Curve::new(100);
        let points: Vec<_> = (1..=100).map(|step| (step, 1.0 / step as f64)).collect();
        points.iter().for_each(|&(step, loss)| curve.push(step, loss));
        assert_eq!(curve.points(), points);
    }

    #[test]
    fn a_long_curve_stays_small_and_keeps_its_outliers_and_its_end() {
        let mut curve = Curve::new(100);
        for step in 1..=100_003 {
            curve.push(step, if step == 77_777 { 9.0 } else { 1.0 + (step % 7) as f64 * 1e-3 });
        }
        let points = curve.points();
        assert!(points.len() <= 201 && points.len() > 90, "{} points", points.len());
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0), "steps grow");
        assert!(points.contains(&(77_777, 9.0)));
        assert_eq!(points.last().unwrap().0, 100_003);
    }

    /// Of metrics of others: sums and products of steps are numbers too.
    #[test]
    fn steps_that_no_run_takes_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let step = |step: u64| {
            format!(
                r#"{{"step":{step},"epoch":0.1,"images":8,"loss":0.5,"lr":0.1,"grad_norm":1.0,"seconds":2.0,"progress":0.25}}"#
            )
        };
        let more = MAX_STEPS + 1;
        let lines = [step(7), step(more), step(u64::MAX), format!(r#"{{"step":{more},"held_out":0.75}}"#)];
        std::fs::write(folder.path().join(METRICS), lines.join("\n") + "\n").unwrap();
        let losses = |step: u64| {
            format!(r#"{{"step":{step},"by_timestep":{{"loss":{:?},"images":{:?}}}}}"#, [1; BINS], [1; BINS])
        };
        std::fs::write(folder.path().join(BY_TIMESTEP), [losses(7), losses(more)].join("\n") + "\n").unwrap();
        let history = History::read(folder.path()).unwrap();
        assert_eq!((history.train, history.held_out), (vec![(7, 0.5)], vec![]));
        assert_eq!(history.by_timestep.columns().iter().map(|column| column.last).collect::<Vec<_>>(), [7]);
        assert_eq!(history.last.map(|last| last.step), Some(7));
    }

    #[test]
    fn torn_and_foreign_lines_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(History::read(folder.path()).unwrap(), History::default());
        let step =
            r#"{"step":1,"epoch":0.1,"images":8,"loss":0.5,"lr":0.1,"grad_norm":1.0,"seconds":2.0,"progress":0.25}"#;
        let eval = QuickEval { count: 200, classes: [20; 10], recognisable: 0.25, distance: 31.5 };
        let eval_line = format!("{{\"step\":1,\"eval\":{}}}", serde_json::to_string(&eval).unwrap());
        let text = format!("{step}\n{{\"step\":1,\"held_out\":0.75}}\n{eval_line}\nnonsense\n{{\"step\":2,\"epo");
        std::fs::write(folder.path().join("metrics.jsonl"), text).unwrap();
        let history = History::read(folder.path()).unwrap();
        assert_eq!((history.train, history.held_out), (vec![(1, 0.5)], vec![(1, 0.75)]));
        assert_eq!(history.evaluations.iter().map(|one| (one.step, one.eval)).collect::<Vec<_>>(), [(1, eval)]);
        assert_eq!(history.last.unwrap().progress, 0.25);
        assert_eq!(history.pulse.now().map(|now| (now.step, now.loss)), Some((1, 0.5)));
    }
}
