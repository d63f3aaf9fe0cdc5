//! The health of a run in one line, from stated rules over its loss, gradient norm, evaluations and moving average.
//!
//! A loss that lies flat while the digits still get better is how diffusion models learn: the noise that cannot be
//! guessed is most of the loss. So the digits are asked first, the loss only where they were not judged.
//!
//! The first rule that applies:
//!
//! | rule | when |
//! |---|---|
//! | gradient explodes | the median gradient norm of the last 10 steps (40 at batches of one image) is [`EXPLODES`]× that of the 50 before, and the loss rose |
//! | loss jumped | the smoothed loss is [`JUMPED`]× what it was at some time before, by more than it varies, or [`JUMPED`]× that of the untrained network |
//! | average is cold | the moving average, which draws what is judged, still holds over 1 % of the untrained weights |
//! | warming up | the learning rate still rises |
//! | not learning | after [`PATIENT`] steps the smoothed loss is over 95 % of the first |
//! | by heart | the held-out loss is 15 % above its lowest, and the train loss is 25 % below it |
//! | as good as real | distance and recognisable share, the medians of three, reach what real digits do, within 10 % |
//! | stopped | the distance, the median of three, has been no lower for [`STOPPED`] seconds and four evaluations |
//! | digits improve | that median, or one of the first two distances, became lower within the last [`STOPPED`] seconds |
//! | loss falls, loss flat | by the smoothed loss of a quarter of the run ago: see [`Pulse::falls`] |

use crate::config::{Digits, WeightsKind};
use crate::eval::quick::{DIGITS, REAL};
use crate::train::evaluations::{Evaluated, Evaluations};
use crate::train::pulse::{Beat, Mark, Pulse, quarter};

/// Factor by which the gradient norm grows. Healthy runs stay under 1.8; with a learning rate 500 times too high it
/// reaches 3.8 (`tests/vectors/curves`).
const EXPLODES: f64 = 3.0;
/// Factor by which the smoothed loss rises.
const JUMPED: f64 = 1.5;
/// By how much a loss averaged over n images may be off, times √n and as a share of it: the losses of single images vary
/// by two to three times their mean.
const SPREAD: f64 = 4.0;
/// Images behind a loss that is compared with that of the first step.
const FIRST: f64 = 64.0;
/// Steps after which the loss of a run that learns has fallen.
const PATIENT: u64 = 300;
/// Seconds of training without better digits after which it is enough.
const STOPPED: f64 = 120.0;
/// A median of three distances that is this much lower is lower: a single one, of 200 digits, varies by 5 to 10 %.
const LOWER: f64 = 0.97;

/// How it is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    /// Too early to say, or nothing more to wait for.
    Neutral,
    Warning,
    Bad,
}

/// The line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    pub tone: Tone,
    pub sentence: String,
}

/// What it is read from.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    pub pulse: &'a Pulse,
    pub evaluations: &'a Evaluations,
    /// Step and loss on held-out images, oldest first.
    pub held_out: &'a [(u64, f64)],
    pub warmup_steps: u64,
    /// Largest decay of the moving average; 0: there is none.
    pub ema_decay: f64,
    /// What the grid that is shown was drawn with.
    pub grid: WeightsKind,
    /// What real digits reach is known of all ten alone.
    pub learned: Digits,
    /// The run is over: what went on is told as what went on.
    pub ended: bool,
}

impl Health {
    /// Of a run; none before its first step.
    pub fn of(evidence: &Evidence<'_>) -> Option<Self> {
        let now = evidence.pulse.now()?;
        let rules = [explodes, jumped, cold, warms_up, learns_nothing, by_heart, digits];
        Some(rules.iter().find_map(|rule| rule(evidence)).unwrap_or_else(|| by_loss(evidence, now.step)))
    }

    fn new(tone: Tone, sentence: impl Into<String>) -> Self {
        Self { tone, sentence: sentence.into() }
    }
}

fn explodes(evidence: &Evidence<'_>) -> Option<Health> {
    let beats: Vec<_> = evidence.pulse.newest().collect();
    // Gradients of few images vary: more steps are asked.
    let newest = (80.0 / evidence.pulse.batch()).ceil().clamp(10.0, 40.0) as usize;
    let (before, last) = beats.split_at_checked(beats.len().checked_sub(newest)?)?;
    let before = &before[before.len().checked_sub(50)?..];
    let norm = |beats: &[&Beat]| median(beats.iter().map(|beat| beat.grad_norm));
    let loss = |beats: &[&Beat]| median(beats.iter().map(|beat| beat.loss));
    let factor = norm(last) / norm(before);
    (factor >= EXPLODES && loss(last) > loss(before))
        .then(|| Health::new(Tone::Bad, format!("Learning rate too high: gradient norm ×{factor:.0} within 50 steps")))
}

fn jumped(evidence: &Evidence<'_>) -> Option<Health> {
    let now = evidence.pulse.now()?;
    let spread = |mark: &Mark| SPREAD / mark.images.sqrt();
    let lowest = evidence.pulse.lowest();
    let lowest = lowest.filter(|low| (1.0 - spread(&now)) * now.loss > JUMPED * (1.0 + spread(low)) * low.loss);
    // Before enough images were seen for that: no network that has learned something is worse than one that has not.
    let first = evidence.pulse.first_loss().filter(|first| now.images >= FIRST && now.loss > JUMPED * first.max(1.0));
    let (step, loss) = lowest.map(|low| (low.step, low.loss)).or(first.map(|first| (1, first)))?;
    let text = format!("Learning rate too high: the loss rose from {loss:.3} at step {step} to {:.3}", now.loss);
    Some(Health::new(Tone::Bad, text))
}

/// Share of the weights of before the first step in the moving average: ∏ min(decay, (1+k)/(10+k)) over the steps k.
fn untrained_share(ema_decay: f64, steps: u64) -> f64 {
    let decays = (0..steps.min(10_000)).map(|k| ema_decay.min((1.0 + k as f64) / (10.0 + k as f64)));
    decays.product()
}

fn cold(evidence: &Evidence<'_>) -> Option<Health> {
    let share = untrained_share(evidence.ema_decay, evidence.pulse.now()?.step);
    (evidence.ema_decay > 0.0 && share > 0.01).then(|| {
        let (share, raw) = ((100.0 * share).ceil(), evidence.grid == WeightsKind::Raw);
        let (average, grid) = if raw { ("", "; the grid shows the raw ones") } else { (", which draws the grid,", "") };
        let text = format!(
            "Too early to say: the moving average{average} still holds {share:.0} % of the untrained weights{grid}"
        );
        Health::new(Tone::Neutral, text)
    })
}

fn warms_up(evidence: &Evidence<'_>) -> Option<Health> {
    let step = evidence.pulse.now()?.step;
    (step < evidence.warmup_steps).then(|| {
        let warms = if evidence.ended { "Ended while warming up" } else { "Warming up" };
        let text = format!("{warms}: the learning rate rises until step {}", evidence.warmup_steps);
        Health::new(Tone::Neutral, text)
    })
}

fn learns_nothing(evidence: &Evidence<'_>) -> Option<Health> {
    let (now, first) = (evidence.pulse.now()?, evidence.pulse.first_loss()?);
    (now.step >= PATIENT && now.loss > 0.95 * first).then(|| {
        let text = format!(
            "Not learning: after {} steps the loss is still {:.2}. Try another learning rate",
            now.step, now.loss
        );
        Health::new(Tone::Bad, text)
    })
}

fn by_heart(evidence: &Evidence<'_>) -> Option<Health> {
    let now = evidence.pulse.now()?;
    let &(lowest_at, lowest) = evidence.held_out.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let &(_, newest) = evidence.held_out.last()?;
    (newest > 1.15 * lowest && now.loss < 0.75 * newest).then(|| {
        let text = format!(
            "Learning by heart: the loss on held-out images rises since step {lowest_at}. More images, or fewer steps"
        );
        Health::new(Tone::Warning, text)
    })
}

fn digits(evidence: &Evidence<'_>) -> Option<Health> {
    if evidence.learned == Digits::ALL && as_good_as_real(evidence.evaluations) {
        return Some(Health::new(Tone::Good, "As good as real digits, by 200 of them: enough"));
    }
    let best = Best::of(evidence.evaluations)?;
    let since = evidence.pulse.seconds_since(best.step)?;
    let judged_since = evidence.evaluations.iter().filter(|one| one.step > best.step).count();
    if since >= STOPPED {
        if judged_since < 4 {
            // Judged too seldom to say so.
            return None;
        }
        let time = time(since);
        let text = if evidence.ended {
            format!("Its digits did not improve in the last {time}: enough")
        } else {
            format!("Stopped improving {time} ago: enough")
        };
        return Some(Health::new(Tone::Neutral, text));
    }
    let (from, to) = (best.before?, best.distance);
    let text = if evidence.ended {
        format!("Its digits still improved (distance {from:.0} → {to:.0}): more training may help")
    } else if evidence.pulse.falls() == Some(false) {
        format!("Learning: digits still improve (distance {from:.0} → {to:.0}); a flat loss is expected here")
    } else {
        format!("Learning: digits improve (distance {from:.0} → {to:.0}), the loss falls")
    };
    Some(Health::new(Tone::Good, text))
}

/// Whether the last three evaluations say so: one of 200 digits is better or worse by chance.
fn as_good_as_real(evaluations: &Evaluations) -> bool {
    let series: Vec<&Evaluated> = evaluations.iter().collect();
    series.last_chunk::<3>().is_some_and(|newest| {
        newest.iter().all(|one| one.eval.count == DIGITS)
            && median(newest.iter().map(|one| one.eval.distance)) <= 1.1 * REAL.distance
            && median(newest.iter().map(|one| one.eval.recognisable)) >= 0.9 * REAL.recognisable
    })
}

/// When the digits were last clearly better than ever before.
struct Best {
    step: u64,
    /// The median of the last three distances then: a single one is often low by chance.
    distance: f64,
    /// What was best until then.
    before: Option<f64>,
}

impl Best {
    fn of(evaluations: &Evaluations) -> Option<Self> {
        let series: Vec<&Evaluated> = evaluations.iter().collect();
        let mut best: Option<Self> = None;
        for (i, one) in series.iter().enumerate() {
            let newest = if i < 2 { &series[i..=i] } else { &series[i - 2..=i] };
            let distance = median(newest.iter().map(|one| one.eval.distance));
            let before = best.as_ref().map(|best| best.distance);
            if before.is_none_or(|before| distance < LOWER * before) {
                best = Some(Self { step: one.step, distance, before });
            }
        }
        best
    }
}

fn by_loss(evidence: &Evidence<'_>, step: u64) -> Health {
    let (fell, steps) = (100.0 * evidence.pulse.fell().unwrap_or_default(), quarter(step));
    let (tone, text) = match (evidence.pulse.falls(), evidence.ended) {
        (None, _) => (Tone::Neutral, "Too early to say".into()),
        (Some(true), true) => (Tone::Good, format!("The loss still fell by {fell:.0} % in the last {steps} steps")),
        (Some(true), false) => {
            (Tone::Good, format!("Learning: the loss fell by {fell:.0} % in the last {steps} steps"))
        }
        (Some(false), true) => (Tone::Neutral, "The loss lay flat in the end, as it does for long".into()),
        (Some(false), false) => {
            (Tone::Neutral, "The loss lies flat, as it does for long: the digits tell whether it still learns".into())
        }
    };
    Health::new(tone, text)
}

fn time(seconds: f64) -> String {
    if seconds < 90.0 { format!("{seconds:.0} s") } else { format!("{:.0} min", seconds / 60.0) }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests;
