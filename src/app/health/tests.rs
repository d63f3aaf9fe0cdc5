use super::*;
use crate::eval::QuickEval;
use crate::rng::Stream;
use crate::train::StepReport;

/// A curve that was recorded from a run of `nano`, and what it learned from: see `tests/vectors/README.md`.
struct Recorded {
    steps: Vec<StepReport>,
    held_out: Vec<(u64, f64)>,
    evaluations: Vec<(u64, QuickEval)>,
    learned: Digits,
}

impl Recorded {
    /// Lines of `step, loss, gradient norm, seconds`, of `held out, step, loss` and of `eval, step, recognisable,
    /// distance`.
    fn read(text: &str) -> Self {
        let (steps, held_out, evaluations) = (Vec::new(), Vec::new(), Vec::new());
        let mut curve = Self { steps, held_out, evaluations, learned: Digits::ALL };
        for line in text.lines() {
            let parts: Vec<&str> = line.split(',').collect();
            let number = |i: usize| parts[i].parse::<f64>().unwrap();
            match parts[0] {
                "held out" => curve.held_out.push((number(1) as u64, number(2))),
                "eval" => {
                    let (recognisable, distance) = (number(2), number(3));
                    let eval = QuickEval { count: DIGITS, classes: [20; 10], recognisable, distance };
                    curve.evaluations.push((number(1) as u64, eval));
                }
                _ => curve.steps.push(StepReport {
                    step: number(0) as u64,
                    epoch: 0.0,
                    images: 64 * number(0) as u64,
                    loss: number(1),
                    lr: 0.0,
                    grad_norm: number(2),
                    seconds: number(3),
                    progress: 0.0,
                }),
            }
        }
        curve
    }

    /// What is said after `step`, of a run with a moving average of 0.998.
    fn health(&self, step: u64, warmup_steps: u64) -> Health {
        self.health_of(step, warmup_steps, false)
    }

    fn health_of(&self, step: u64, warmup_steps: u64, ended: bool) -> Health {
        let mut pulse = Pulse::default();
        self.steps.iter().filter(|report| report.step <= step).for_each(|report| pulse.push(report));
        let mut evaluations = Evaluations::default();
        self.evaluations.iter().filter(|(at, _)| *at <= step).for_each(|(at, eval)| evaluations.push(*at, *eval));
        let held_out: Vec<_> = self.held_out.iter().filter(|(at, _)| *at <= step).copied().collect();
        let evidence = Evidence {
            pulse: &pulse,
            evaluations: &evaluations,
            held_out: &held_out,
            warmup_steps,
            ema_decay: 0.998,
            grid: WeightsKind::Ema,
            learned: self.learned,
            ended,
        };
        Health::of(&evidence).unwrap()
    }
}

const LONG: &str = include_str!("../../../tests/vectors/curves/long.csv");
const TOO_HIGH: &str = include_str!("../../../tests/vectors/curves/too-high.csv");
/// With a learning rate of 1e-8.
const STILL: &str = include_str!("../../../tests/vectors/curves/still.csv");
/// Nearly as good as real digits.
const NEAR: &str = include_str!("../../../tests/vectors/curves/near.csv");
/// As good as real digits in the end.
const REAL_LIKE: &str = include_str!("../../../tests/vectors/curves/real.csv");
/// Of the digit 1 alone.
const ONES: &str = include_str!("../../../tests/vectors/curves/ones.csv");
const BY_HEART: &str = include_str!("../../../tests/vectors/curves/by-heart.csv");
/// Steps over which the learning rate rose in all of them.
const WARMUP: u64 = 50;

fn assert_says(health: &Health, tone: Tone, words: &str) {
    assert!(health.tone == tone && health.sentence.contains(words), "{health:?}, not {tone:?} {words}");
}

#[test]
fn the_first_steps_are_too_early_to_say() {
    let curve = Recorded::read(LONG);
    // After one step a tenth of the average is untrained, after four 5·10⁻³.
    assert_says(&curve.health(1, WARMUP), Tone::Neutral, "still holds 10 % of the untrained weights");
    assert_says(&curve.health(4, WARMUP), Tone::Neutral, "the learning rate rises until step 50");
    assert!((untrained_share(0.998, 1) - 0.1).abs() < 1e-12 && untrained_share(0.998, 4) < 0.01);
    assert_says(&curve.health(4, 0), Tone::Neutral, "Too early to say");
}

#[test]
fn a_healthy_run_learns_by_its_loss_and_then_by_its_digits() {
    let curve = Recorded::read(LONG);
    assert_says(&curve.health(100, WARMUP), Tone::Good, "Learning: the loss fell by ");
    for step in (600..=4900).step_by(100) {
        let health = curve.health(step, WARMUP);
        assert!(health.tone == Tone::Good && health.sentence.starts_with("Learning: digits"), "{step}: {health:?}");
    }
    assert_says(&curve.health(4900, WARMUP), Tone::Good, "digits still improve (distance ");
    assert_says(&curve.health(4900, WARMUP), Tone::Good, "a flat loss is expected here");
}

/// What the loss does is told by few changes of the words, also where it falls by about as much as counts.
#[test]
fn the_words_for_the_loss_do_not_flicker() {
    for (name, text) in [("long", LONG), ("ones", ONES), ("near", NEAR), ("real", REAL_LIKE), ("by heart", BY_HEART)] {
        let mut curve = Recorded::read(text);
        curve.evaluations.clear();
        curve.held_out.clear();
        let mut pulse = Pulse::default();
        let mut said: Vec<(f64, bool)> = Vec::new();
        for report in &curve.steps {
            pulse.push(report);
            if let Some(falls) = pulse.falls().filter(|falls| said.last().is_none_or(|last| last.1 != *falls)) {
                said.push((report.seconds, falls));
            }
        }
        assert!(said.first().is_some_and(|first| first.1), "{name}: it falls at first: {said:?}");
        assert!(said.windows(2).all(|pair| pair[1].0 - pair[0].0 > 4.0), "{name}: {said:?}");
        assert!(said.len() <= 7, "{name}: {said:?}");
    }
}

#[test]
fn digits_that_get_no_better_for_two_minutes_are_enough() {
    // The median of three distances is lowest after 174 seconds; single ones are lower by chance also later.
    let curve = Recorded { learned: Digits::of(&[1]).unwrap(), ..Recorded::read(ONES) };
    let after = |seconds: f64| curve.steps.iter().rfind(|report| report.seconds <= seconds).unwrap().step;
    for seconds in [20.0, 60.0, 110.0, 150.0, 200.0, 250.0, 290.0] {
        let health = curve.health(after(seconds), 20);
        assert!(!health.sentence.contains("Stopped"), "after {seconds} s, before two minutes are over: {health:?}");
    }
    for (seconds, said) in
        [(305.0, "Stopped improving 2 min ago: enough"), (480.0, "Stopped improving 5 min ago: enough")]
    {
        assert_says(&curve.health(after(seconds), 20), Tone::Neutral, said);
    }
    let over = curve.health_of(after(480.0), 20, true);
    assert_says(&over, Tone::Neutral, "Its digits did not improve in the last 5 min: enough");
    // Judged too seldom to say so.
    let few = Recorded { evaluations: curve.evaluations[..4].to_vec(), ..curve };
    assert!(!few.health(after_all(&few), 20).sentence.contains("Stopped"));
}

/// The last step that was recorded.
fn after_all(curve: &Recorded) -> u64 {
    curve.steps.last().unwrap().step
}

#[test]
fn of_a_run_that_is_over_it_is_told_what_was() {
    let mut curve = Recorded::read(LONG);
    assert_says(&curve.health_of(20, WARMUP, true), Tone::Neutral, "Ended while warming up");
    assert_says(&curve.health_of(4900, WARMUP, true), Tone::Good, "Its digits still improved (distance ");
    curve.evaluations.clear();
    assert_says(&curve.health_of(4900, WARMUP, true), Tone::Neutral, "The loss lay flat in the end");
    assert_says(&curve.health_of(100, WARMUP, true), Tone::Good, "The loss still fell by ");
}

#[test]
fn digits_like_real_ones_are_enough() {
    let curve = Recorded::read(REAL_LIKE);
    let (mut said, mut clear_alone) = (Vec::new(), 0);
    for (step, eval) in &curve.evaluations {
        if curve.health(*step, 20).sentence.contains("real digits") {
            said.push(*step);
        } else if eval.recognisable >= 0.9 * REAL.recognisable && eval.distance > 1.1 * REAL.distance {
            clear_alone += 1;
        }
    }
    // A single distance was near enough 17 seconds before, and is not once more in the end, by chance.
    assert_eq!(said, [5084, 5228], "said once, and to the end");
    assert!(clear_alone >= 5, "clear, but not as various: {clear_alone}");
    assert_says(&curve.health(5228, 20), Tone::Good, "As good as real digits, by 200 of them: enough");
    assert!(curve.evaluations.last().unwrap().1.distance > 1.1 * REAL.distance);
    assert_says(&curve.health_of(5228, 20, true), Tone::Good, "As good as real digits, by 200 of them: enough");
    let of_one = Recorded { learned: Digits::of(&[1]).unwrap(), ..curve };
    assert!(!of_one.health(5228, 20).sentence.contains("real digits"), "that is known of all ten alone");
}

#[test]
fn digits_as_various_as_real_ones_and_not_as_clear_still_improve() {
    // In the end its distance is that of real digits, and of 200 it draws 146 recognisably, where real ones are 168.
    let curve = Recorded::read(NEAR);
    for (step, _) in &curve.evaluations {
        let health = curve.health(*step, 20);
        assert!(!health.sentence.contains("real digits") && !health.sentence.contains("Stopped"), "{step}: {health:?}");
    }
    let (last, eval) = *curve.evaluations.last().unwrap();
    assert!(eval.distance <= 1.1 * REAL.distance && eval.recognisable < 0.9 * REAL.recognisable, "{eval:?}");
    assert_says(&curve.health(last, 20), Tone::Good, "Learning: digits still improve (distance ");
}

#[test]
fn a_learning_rate_that_is_too_high_is_told_by_loss_and_by_gradient() {
    let curve = Recorded::read(TOO_HIGH);
    assert_says(&curve.health(6, WARMUP), Tone::Bad, "the loss rose from 0.953 at step 1 to ");
    let exploded = (10..=100).map(|step| curve.health(step, WARMUP)).find(|it| it.sentence.contains("gradient norm ×"));
    assert_says(&exploded.expect("the gradient explodes"), Tone::Bad, "within 50 steps");
}

#[test]
fn too_few_images_are_learnt_by_heart() {
    let curve = Recorded::read(BY_HEART);
    assert_says(&curve.health(150, WARMUP), Tone::Good, "Learning: the loss fell");
    assert_says(&curve.health(3000, WARMUP), Tone::Warning, "the loss on held-out images rises since step 200");
}

#[test]
fn a_loss_that_does_not_move_is_told() {
    let curve = Recorded::read(STILL);
    assert_says(&curve.health(298, 20), Tone::Neutral, "The loss lies flat");
    assert_says(&curve.health(300, 20), Tone::Bad, "Not learning: after 300 steps the loss is still 0.9");
    assert_says(&curve.health(after_all(&curve), 20), Tone::Bad, "Not learning: after 400 steps the loss is still 0.9");
}

#[test]
fn without_digits_a_flat_loss_is_no_verdict() {
    let mut curve = Recorded::read(LONG);
    curve.evaluations.clear();
    assert_says(&curve.health(4900, WARMUP), Tone::Neutral, "the digits tell whether it still learns");
}

/// Losses of batches of so many images at the end of a training: a fiftieth for most timesteps, up to one for small t.
fn flat(batch: usize, steps: usize, stream: &mut Stream) -> Vec<f64> {
    let mut image = || (0.02 + 0.98 * (-stream.uniform() / 0.06).exp()) * (0.35 * stream.normal()).exp();
    (0..steps).map(|_| (0..batch).map(|_| image()).sum::<f64>() / batch as f64).collect()
}

/// The steps, of all, after which the learning rate is said to be too high.
fn alarms(losses: &[f64], batch: usize) -> Vec<usize> {
    let (mut pulse, evaluations) = (Pulse::default(), Evaluations::default());
    let mut said = Vec::new();
    for (i, &loss) in losses.iter().enumerate() {
        let step = i as u64 + 1;
        pulse.push(&StepReport {
            step,
            epoch: 0.0,
            images: step * batch as u64,
            loss,
            lr: 1e-3,
            grad_norm: 1.0,
            seconds: 0.3 * step as f64,
            progress: 0.0,
        });
        let evidence = Evidence {
            pulse: &pulse,
            evaluations: &evaluations,
            held_out: &[],
            warmup_steps: 0,
            ema_decay: 0.0,
            grid: WeightsKind::Ema,
            learned: Digits::ALL,
            ended: false,
        };
        if Health::of(&evidence).unwrap().sentence.starts_with("Learning rate too high") {
            said.push(i);
        }
    }
    said
}

#[test]
fn a_loss_that_varies_from_batch_to_batch_is_no_alarm_and_one_that_blows_up_is() {
    for (batch, within) in [(1, 100), (2, 50), (4, 25), (64, 10)] {
        for seed in 0..3 {
            let mut stream = Stream::new(seed, "flat loss", batch as u64);
            let losses = flat(batch, 4000, &mut stream);
            assert_eq!(alarms(&losses, batch), [0; 0], "batches of {batch}, seed {seed}");
            // As it learns, and then is worse than before its first step.
            let falls = losses.iter().enumerate().map(|(i, loss)| 0.9 * (-(i as f64) / 60.0).exp() + loss);
            let blown: Vec<f64> = falls.chain((0..within).map(|_| 1.1)).collect();
            let alarms = alarms(&blown, batch);
            assert!(alarms.first().is_some_and(|first| *first >= 4000), "batches of {batch}, seed {seed}: {alarms:?}");
        }
    }
}
