//! Numbers that are not finite, put where a blow-up or a fault of the machine would put them.

use std::path::Path;

use candle_core::Device;

use super::*;
use crate::config::{Budget, OptimizerKind, Preset, Settings, Subset, TrainingSettings};
use crate::data::{Splits, mnist};
use crate::train::Trainer;
use crate::train::checkpoint::Checkpoint;
use crate::train::film::tests::film;
use crate::train::films;
use crate::train::folder::read_run_file;
use crate::train::history::History;
use crate::train::loss_by_timestep::BINS;
use crate::train::optim::sum_of_squares;

const CHECKPOINT_EVERY: u64 = 3;

pub fn settings(steps: u64) -> Settings {
    let mut settings = Preset::Nano.settings();
    settings.data.subset = Subset::First(64);
    settings.data.held_out = 16;
    settings.training.batch_size = 4;
    settings.training.budget = Budget::Steps(steps);
    settings.training.checkpoint_every = CHECKPOINT_EVERY;
    (settings.training.preview_seconds, settings.training.eval_seconds) = (0.0, 0.0);
    (settings.training.warmup_steps, settings.training.decay_fraction) = (0, 0.0);
    settings
}

pub fn splits() -> Splits {
    mnist::load().unwrap()
}

/// Gives the first weight a value that no training can go on from.
pub fn poison(trainer: &Trainer, value: f32) {
    let (_, weight) = &trainer.optimizer.weights[0];
    let poisoned = weight.as_detached_tensor().affine(0.0, f64::from(value)).unwrap();
    weight.set(&poisoned).unwrap();
}

/// What a watcher saw.
#[derive(Default)]
pub struct Seen {
    pub steps: Vec<(u64, f64)>,
    pub rollbacks: Vec<(u64, String)>,
}

impl Seen {
    /// Trains; `after` is called after each step, before its checkpoint.
    pub fn train(&mut self, run: &mut Run, mut after: impl FnMut(u64, &Trainer)) -> Result<Outcome> {
        run.train(&mut |event, trainer| {
            match event {
                RunEvent::Step(report) => {
                    assert!(report.loss.is_finite() && report.grad_norm.is_finite());
                    self.steps.push((report.step, report.lr));
                    after(report.step, trainer);
                }
                RunEvent::RolledBack { step, what, .. } => self.rollbacks.push((step, what)),
                RunEvent::Checkpointed { path, .. } => assert_finite(&path),
                _ => {}
            }
            Ok(Control::Continue)
        })
    }

    pub fn numbers(&self) -> Vec<u64> {
        self.steps.iter().map(|(step, _)| *step).collect()
    }
}

fn assert_finite(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    for (name, view) in file.iter() {
        let values: Vec<f32> =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        assert!(sum_of_squares(&values).is_finite(), "{name} in {}", path.display());
    }
}

pub fn metrics(run: &Path) -> (Vec<u64>, usize) {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps = lines.iter().filter(|line| line["loss"].is_number()).map(|line| line["step"].as_u64().unwrap());
    (steps.collect(), lines.iter().filter(|line| line["rolled_back"].is_object()).count())
}

fn filmed(run: &Path) -> Vec<u64> {
    films::list(run).unwrap().into_iter().map(|film| film.step).collect()
}

fn images_in_the_map(run: &Path) -> u32 {
    let map = History::read(run).unwrap().by_timestep;
    map.columns().iter().flat_map(|column| (0..BINS).map(|bin| column.losses.images(bin))).sum()
}

#[test]
fn a_poisoned_weight_is_noticed_in_one_step_and_training_goes_back_and_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut run = Run::create(&settings(12), &splits(), &path, &Device::Cpu).unwrap();
    let rate = run.trainer.settings().training.learning_rate;
    let (mut seen, mut left) = (Seen::default(), 1);
    let outcome = seen.train(&mut run, |step, trainer| {
        if left > 0 && [5, 7].contains(&step) {
            films::add(&path, &film(step), u64::MAX).unwrap();
        }
        if step == 8 && left > 0 {
            left -= 1;
            poison(trainer, f32::NAN);
        }
    });
    assert_eq!(outcome.unwrap(), Outcome::Completed);
    assert_eq!(seen.numbers(), [1, 2, 3, 4, 5, 6, 7, 8, 7, 8, 9, 10, 11, 12]);
    assert_eq!(filmed(&path), [5], "the film of a step that was undone is gone");
    assert_eq!(images_in_the_map(&path), 12 * 4, "no loss of a step that was undone is in the heat map");
    assert!(
        seen.steps[..8].iter().all(|(_, lr)| *lr == rate) && seen.steps[8..].iter().all(|(_, lr)| *lr == rate / 2.0)
    );
    let (to, what) = &seen.rollbacks[0];
    assert_eq!((*to, seen.rollbacks.len()), (6, 1));
    assert!(what.contains("at step 9") && what.contains("from step 6 at half the learning rate"), "{what}");
    assert!(std::fs::read_to_string(path.join("log.txt")).unwrap().contains(what));
    assert_eq!(metrics(&path), ((1..=12).collect(), 1));
    let kept = Rollback { step: 9, quantity: "the loss".into(), to: 6 };
    assert_eq!(read_run_file(&path).unwrap().rollbacks, [kept]);
    drop(run);

    // A resumed run goes on with the lower rate.
    let longer = |recorded: &Settings| {
        let mut settings = recorded.clone();
        settings.training.budget = Budget::Steps(14);
        Ok(settings)
    };
    films::add(&path, &film(13), u64::MAX).unwrap();
    let (mut run, notice) = Run::resume(&path, longer, |_| Ok(splits()), &Device::Cpu).unwrap();
    assert_eq!((notice, filmed(&path)), (None, vec![5]), "a film of after the checkpoint is dropped");
    let mut seen = Seen::default();
    seen.train(&mut run, |_, _| ()).unwrap();
    assert_eq!(seen.steps, [(13, rate / 2.0), (14, rate / 2.0)]);
}

#[test]
fn going_back_gives_the_bits_that_were_there() {
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, mut poisoned: bool| {
        let path = folder.path().join(name);
        let mut run = Run::create(&settings(3), &splits(), &path, &Device::Cpu).unwrap();
        // Half the rate from the start, as the poisoned run has it after its first divergence.
        run.trainer.halvings = 1;
        let outcome = Seen::default().train(&mut run, |step, trainer| {
            if step == 2 && std::mem::take(&mut poisoned) {
                poison(trainer, f32::INFINITY);
            }
        });
        assert_eq!(outcome.unwrap(), Outcome::Completed);
        std::fs::read(path.join("checkpoint.safetensors")).unwrap()
    };
    let tensors = |bytes: &[u8]| {
        let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
        let mut tensors: Vec<_> = file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect();
        tensors.sort();
        tensors
    };
    assert!(tensors(&train("whole", false)) == tensors(&train("poisoned", true)));
}

#[test]
fn the_second_time_it_goes_back_further_and_the_third_time_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut run = Run::create(&settings(12), &splits(), &path, &Device::Cpu).unwrap();
    let rate = run.trainer.settings().training.learning_rate;
    let mut seen = Seen::default();
    let outcome = seen.train(&mut run, |step, trainer| {
        if step == 7 {
            poison(trainer, f32::NAN);
        }
    });
    let error = outcome.unwrap_err();
    assert!(matches!(error, Error::Diverged { step: 8, quantity: "the loss" }), "{error}");
    assert!(error.hint().contains("lower learning rate") && error.hint().contains("checkpoint is kept"));
    assert_eq!(seen.rollbacks.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [6, 3]);
    assert_eq!(seen.numbers(), [1, 2, 3, 4, 5, 6, 7, 7, 4, 5, 6, 7]);
    assert_eq!(seen.steps.last().unwrap().1, rate / 4.0);
    assert_eq!(Checkpoint::read(&path.join("checkpoint.safetensors")).unwrap().step, 6);
    assert_finite(&path.join("checkpoint.safetensors"));
    drop(run);

    // Its tries are spent for good.
    let (mut run, _) = Run::resume(&path, |recorded| Ok(recorded.clone()), |_| Ok(splits()), &Device::Cpu).unwrap();
    let outcome = Seen::default().train(&mut run, |_, trainer| poison(trainer, f32::NAN));
    assert!(matches!(outcome, Err(Error::Diverged { step: 8, .. })), "{outcome:?}");
}

#[test]
fn before_the_first_checkpoint_it_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut run = Run::create(&settings(4), &splits(), &path, &Device::Cpu).unwrap();
    let fresh = run.trainer.weights(crate::config::WeightsKind::Raw).unwrap();
    let (mut seen, mut left, mut same) = (Seen::default(), 1, None);
    let outcome = run.train(&mut |event, trainer| {
        match event {
            // A loss that overflows.
            RunEvent::Step(report) if report.step == 2 && left > 0 => {
                left -= 1;
                poison(trainer, 1e38);
            }
            RunEvent::RolledBack { step, what, .. } => {
                let now = trainer.weights(crate::config::WeightsKind::Raw)?;
                let bits = |tensor: &candle_core::Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                same = Some(now.iter().all(|(name, tensor)| bits(tensor) == bits(&fresh[name])));
                seen.rollbacks.push((step, what));
            }
            _ => {}
        }
        Ok(Control::Continue)
    });
    assert_eq!(outcome.unwrap(), Outcome::Completed);
    assert_eq!((seen.rollbacks[0].0, same), (0, Some(true)));
}

#[test]
fn what_is_poisoned_just_before_a_checkpoint_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut run = Run::create(&settings(8), &splits(), &path, &Device::Cpu).unwrap();
    let (mut seen, mut left) = (Seen::default(), 1);
    let outcome = seen.train(&mut run, |step, trainer| {
        if step == 6 && left > 0 {
            left -= 1;
            poison(trainer, f32::NEG_INFINITY);
        }
    });
    assert_eq!(outcome.unwrap(), Outcome::Completed);
    assert_eq!(seen.rollbacks[0].0, 3);
    assert!(
        seen.rollbacks[0].1.contains("the state of the training is not a finite number"),
        "{}",
        seen.rollbacks[0].1
    );
}

#[test]
fn who_stops_a_run_that_has_just_diverged_is_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut run = Run::create(&settings(100), &splits(), &path, &Device::Cpu).unwrap();
    let outcome = run.train(&mut |event, trainer| {
        Ok(match event {
            RunEvent::Step(report) if report.step == 5 => {
                poison(trainer, f32::NAN);
                Control::Stop
            }
            _ => Control::Continue,
        })
    });
    assert_eq!(outcome.unwrap(), Outcome::Stopped);
    assert_eq!(run.trainer.step_count(), 3);
    assert_eq!(Checkpoint::read(&path.join("checkpoint.safetensors")).unwrap().step, 3);
}

/// However far it goes, no checkpoint of it holds a number that is not finite: [`Seen::train`] looks at each.
fn train_at_full_speed(change: impl Fn(&mut TrainingSettings)) -> (Result<Outcome>, Seen) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut settings = settings(40);
    let training = &mut settings.training;
    training.learning_rate = 1.0f64.min(1000.0 * training.learning_rate);
    training.muon_learning_rate = 1.0f64.min(1000.0 * training.muon_learning_rate);
    change(training);
    let mut run = Run::create(&settings, &splits(), &path, &Device::Cpu).unwrap();
    let mut seen = Seen::default();
    let outcome = seen.train(&mut run, |_, _| ());
    println!("{outcome:?} after {} steps, {:?}", seen.steps.len(), seen.rollbacks);
    (outcome, seen)
}

/// Steps are bounded: no number stops being finite.
#[test]
fn a_thousand_times_the_learning_rate() {
    for optimizer in [OptimizerKind::AdamW, OptimizerKind::Muon] {
        for clip_norm in [0.0, 1.0] {
            let (outcome, seen) =
                train_at_full_speed(|training| (training.optimizer, training.clip_norm) = (optimizer, clip_norm));
            assert_eq!((outcome.unwrap(), seen.rollbacks), (Outcome::Completed, vec![]));
        }
    }
}

/// Without the look at the loss, the gradient would tell; without the one at the gradient, the weights would be changed
/// by it, and the next step's loss would tell.
#[test]
fn a_loss_and_a_gradient_that_are_not_finite_are_told_apart_in_their_own_step_whatever_the_optimizer() {
    type Spoil = fn(&Trainer);
    let infinite_gradient: Spoil = |trainer| {
        // Images of 10¹⁵: their squares are numbers, and what 10³⁰ before the last layer makes of them is none.
        for (name, value) in [("conv_norm_out.weight", 1e30), ("conv_out.weight", 1e-16)] {
            let (_, weight) = trainer.optimizer.weights.iter().find(|(own, _)| own == name).unwrap();
            weight.set(&weight.as_detached_tensor().affine(0.0, value).unwrap()).unwrap();
        }
    };
    let cases: [(Spoil, &str); 2] =
        [(|trainer| poison(trainer, f32::NAN), "the loss"), (infinite_gradient, "the gradient")];
    for optimizer in [OptimizerKind::AdamW, OptimizerKind::Muon] {
        for (spoil, quantity) in cases {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("run");
            let mut settings = settings(9);
            settings.training.optimizer = optimizer;
            let mut run = Run::create(&settings, &splits(), &path, &Device::Cpu).unwrap();
            let (mut seen, mut left) = (Seen::default(), 1);
            let outcome = seen.train(&mut run, |step, trainer| {
                if step == 7 && left > 0 {
                    left -= 1;
                    spoil(trainer);
                }
            });
            assert_eq!(outcome.unwrap(), Outcome::Completed);
            let kept = Rollback { step: 8, quantity: quantity.into(), to: 6 };
            assert_eq!(read_run_file(&path).unwrap().rollbacks, [kept], "{optimizer:?}");
        }
    }
}

/// The weights grow 10⁴ times a step, through checkpoints that are finite and ruined.
#[test]
fn a_blow_up_that_takes_several_steps_ends_the_run() {
    for optimizer in [OptimizerKind::AdamW, OptimizerKind::Muon] {
        let (outcome, seen) =
            train_at_full_speed(|training| (training.optimizer, training.weight_decay) = (optimizer, 1e4));
        assert!(matches!(outcome, Err(Error::Diverged { .. })), "{outcome:?}");
        assert_eq!(seen.rollbacks.len(), MOST_ROLLBACKS);
    }
}
