//! A run on a disk that goes wrong at one call, for every call: it can always be gone on with, from the newest
//! checkpoint or the one before it, and ends in the same bits.

use std::path::Path;

use candle_core::Device;

use super::checkpoint::Checkpoint;
use super::film::tests::film;
use super::folder::read_run_file;
use super::recovery::tests::poison;
use super::{Control, Outcome, Run, RunEvent, films};
use crate::config::{Architecture, Budget, CompactConfig, OptimizerKind, Preset, Settings, Subset, UNetConfig};
use crate::data::{Dataset, Splits, mnist};
use crate::device::faults;
use crate::files::faults::{FAULTS, Fault, LOSSES, Loss, with_fault, with_room};
use crate::{Error, Result};

pub(super) const STEPS: u64 = 3;
const NOTHING: Loss = Loss { contents: false, names: false };

/// The smallest network, on four images, with a checkpoint after each of its steps.
pub(super) fn settings() -> Settings {
    let mut settings = Preset::Nano.settings();
    settings.network.architecture = Architecture::Compact(CompactConfig { channels: 16 });
    settings.data.subset = Subset::First(4);
    settings.data.held_out = 0;
    let training = &mut settings.training;
    (training.batch_size, training.budget, training.checkpoint_every) = (2, Budget::Steps(STEPS), 1);
    (training.preview_seconds, training.eval_seconds, training.film_megabytes) = (0.0, 0.0, 0);
    training.optimizer = OptimizerKind::AdamW;
    settings
}

/// The same with a network of four channels, for thousands of runs.
pub(super) fn tiny() -> Settings {
    let mut settings = settings();
    settings.network.architecture = Architecture::UNet(UNetConfig {
        patch_size: 2,
        block_out_channels: vec![4],
        layers_per_block: 1,
        attention: vec![false],
        mid_attention: false,
        attention_head_dim: 2,
        norm_num_groups: 2,
        norm_eps: 1e-5,
        scale_shift: false,
        dropout: 0.0,
        attn_norm_num_groups: None,
        time_embedding_dim: Some(4),
    });
    settings
}

/// A handful of digits, so that a run begins in a moment.
pub(super) fn splits() -> Splits {
    let all = mnist::load().unwrap();
    let few = |data: &Dataset| data.subset(Subset::First(8), 0).unwrap();
    Splits { train: few(&all.train), test: few(&all.test) }
}

/// Trains to the end, however often the disk refuses, unless the power is gone; `kept` is the step of the last
/// checkpoint that was said to be written.
fn train(run: &mut Run, kept: &mut u64) -> Result<Outcome> {
    let mut refused = 0;
    run.train(&mut |event, _| {
        match event {
            RunEvent::Checkpointed { step, .. } => *kept = step,
            RunEvent::Stalled { .. } => refused += 1,
            _ => {}
        }
        Ok(if refused > 1 { Control::Stop } else { Control::Continue })
    })
}

fn begin(settings: &Settings, path: &Path, splits: &Splits, kept: &mut u64) -> Result<Outcome> {
    train(&mut Run::create(settings, splits, path, &Device::Cpu)?, kept)
}

/// What must be the same in the end: the state, and the metrics without the time, the rate and where training went back.
pub(super) fn result(path: &Path) -> (String, Vec<u8>, Vec<String>) {
    let bytes = std::fs::read(path.join("checkpoint.safetensors")).unwrap();
    let (header, _) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let step = Checkpoint::read(&path.join("checkpoint.safetensors")).unwrap().step;
    let metrics = std::fs::read_to_string(path.join("metrics.jsonl")).unwrap();
    let line = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        ["seconds", "lr"].iter().for_each(|name| drop(value.as_object_mut().unwrap().remove(*name)));
        value.to_string()
    };
    let metrics = metrics.lines().filter(|line| !line.contains("rolled_back"));
    (step.to_string(), bytes[8 + header..].to_vec(), metrics.map(line).collect())
}

/// Steps of so few numbers would spend more time on handing work to other threads than on the work.
fn on_one_thread<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(work)
}

/// What became of the faults of a journey.
#[derive(Default)]
struct Tally {
    calls: usize,
    tried: usize,
    newest: usize,
    before: usize,
    afresh: usize,
    refused: usize,
}

/// One way to come to the end of a run, from what `prepare` leaves in its folder, with its newest sound checkpoint at step `kept`.
struct Journey<'a> {
    kept: u64,
    settings: &'a Settings,
    prepare: &'a dyn Fn(&Path),
    work: &'a dyn Fn(&Path, &mut u64) -> Result<Outcome>,
}

impl Journey<'_> {
    /// Has every call meet every fault, and the run go on with what is then on disk.
    fn meets_every_fault(&self, splits: &Splits) -> Tally {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        (self.prepare)(&path);
        let (outcome, calls) = with_fault(None, NOTHING, folder.path(), || (self.work)(&path, &mut 0));
        assert_eq!(outcome.unwrap(), Outcome::Completed);
        let expected = result(&path);
        std::fs::remove_dir_all(&path).unwrap();
        let mut tally = Tally { calls, ..Tally::default() };
        for fault in FAULTS {
            // A failure leaves the power on, so that nothing is lost with it.
            let losses = if fault == Fault::Fail { &LOSSES[..1] } else { &LOSSES[..] };
            for (k, loss) in (0..calls).flat_map(|k| losses.iter().map(move |loss| (k, *loss))) {
                let what = format!("{fault:?} at call {k} of {calls}, {loss:?}");
                let mut kept = self.kept;
                (self.prepare)(&path);
                let work = || (self.work)(&path, &mut kept);
                let (outcome, _) = with_fault(Some((k, fault)), loss, folder.path(), work);
                let left = Left { created: read_run_file(&path).is_ok(), kept, fault, what: &what };
                match (&outcome, fault) {
                    (Err(Error::Write { .. }), _) => {}
                    // It was said to keep a checkpoint, its only one, that is not there or not whole.
                    (Err(Error::Read { .. } | Error::Format { .. }), Fault::Drop) if kept == 1 => {}
                    (Ok(Outcome::Completed), Fault::Drop | Fault::Fail | Fault::Tear) => {}
                    // The power went with the last line of the log.
                    (Ok(Outcome::Completed), Fault::Cut) if kept == STEPS => {}
                    other => panic!("{what}: {other:?}"),
                }
                tally.tried += 1;
                // What is on disk now is all that the next start has; nothing goes wrong any more.
                let gone_on = || self.goes_on(&path, splits, &left, &mut tally);
                if with_room(usize::MAX, gone_on) {
                    check(&path, &expected, fault, &what);
                }
                let _ = std::fs::remove_dir_all(&path);
            }
        }
        tally
    }

    /// Goes on with what is on disk to the end; false where there is nothing to go on with.
    fn goes_on(&self, path: &Path, splits: &Splits, left: &Left, tally: &mut Tally) -> bool {
        let Left { created, mut kept, fault, what } = *left;
        if !created {
            assert_eq!(kept, 0, "{what}: run.json is lost");
            begin(self.settings, path, splits, &mut kept).unwrap_or_else(|error| panic!("{what}: {error}"));
            tally.afresh += 1;
            return true;
        }
        let mut run = match resume(path, splits) {
            Err(Error::Format { .. }) if fault == Fault::Drop && kept == 1 => {
                tally.refused += 1;
                return false;
            }
            resumed => resumed.unwrap_or_else(|error| panic!("{what}: {error}")).0,
        };
        let step = run.trainer.step_count();
        if step >= kept {
            tally.newest += 1;
        } else {
            // A disk that says that it wrote and did not.
            assert!(fault == Fault::Drop && step + 1 == kept, "{what}: step {step}, and {kept} was kept");
            tally.before += 1;
        }
        assert_eq!(train(&mut run, &mut kept).unwrap(), Outcome::Completed, "{what}");
        true
    }
}

/// What a fault left.
struct Left<'a> {
    /// Whether the folder can be told to be a run's.
    created: bool,
    /// Step of the newest checkpoint that was said to be written.
    kept: u64,
    fault: Fault,
    /// The fault, in words.
    what: &'a str,
}

/// The same state, and the same metrics but for lines that a disk lost without a word: those are not noticed, and cost a
/// point of a curve. Films are whole.
fn check(path: &Path, expected: &(String, Vec<u8>, Vec<String>), fault: Fault, what: &str) {
    let (step, state, metrics) = result(path);
    assert!((&step, &state) == (&expected.0, &expected.1), "{what}: another result");
    let all_there = metrics == expected.2;
    let lost = fault == Fault::Drop && metrics.iter().all(|line| expected.2.contains(line));
    assert!(all_there || lost, "{what}: {metrics:#?}");
    assert!(films::read_all(path, |_| Ok(())).unwrap() == 0, "{what}: a film is damaged");
}

pub(super) fn resume(path: &Path, splits: &Splits) -> Result<(Run, Option<String>)> {
    Run::resume(path, |recorded| Ok(recorded.clone()), |_| Ok(splits.clone()), &Device::Cpu)
}

#[test]
fn a_run_is_found_again_whatever_call_goes_wrong() {
    on_one_thread(meets_faults_from_its_beginning);
}

fn meets_faults_from_its_beginning() {
    let splits = splits();
    let begins = |path: &Path, kept: &mut u64| begin(&tiny(), path, &splits, kept);
    let Tally { calls, tried, newest, before, afresh, .. } =
        Journey { kept: 0, settings: &tiny(), prepare: &|_| (), work: &begins }.meets_every_fault(&splits);
    println!("{calls} calls, {tried} faults: {newest} found the newest, {before} the one before, {afresh} began anew");
    assert!(calls > 30 && before > 0 && afresh > 0 && newest > 9 * before);
}

/// A run whose newest checkpoint, of step 2, is damaged, with metrics, a grid and a film of that step and a file that a
/// killed program left: it goes on from step 1.
#[test]
fn a_run_that_goes_on_is_found_again_whatever_call_goes_wrong() {
    on_one_thread(meets_faults_as_it_goes_on);
}

fn meets_faults_as_it_goes_on() {
    let splits = splits();
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("template");
    let mut run = Run::create(&tiny(), &splits, &template, &Device::Cpu).unwrap();
    run.train(&mut |event, _| {
        Ok(if matches!(event, RunEvent::Step(report) if report.step == 2) { Control::Stop } else { Control::Continue })
    })
    .unwrap();
    drop(run);
    std::fs::write(template.join("checkpoint.safetensors"), "torn").unwrap();
    std::fs::write(template.join("grids/step-0000002.png"), "a grid").unwrap();
    std::fs::write(template.join(".diffuscope-killed.tmp"), "half").unwrap();
    films::add(&template, &film(2), u64::MAX).unwrap();
    let goes_on = |path: &Path, kept: &mut u64| train(&mut resume(path, &splits)?.0, kept);
    let Tally { calls, tried, newest, before, .. } =
        Journey { kept: 1, settings: &tiny(), prepare: &|path| copy(&template, path), work: &goes_on }
            .meets_every_fault(&splits);
    println!("{calls} calls, {tried} faults: {newest} found the newest, {before} the one before");
    assert!(calls > 30 && newest > 9 * before);
}

/// Training that loses its device in the second step goes back to the first, and so it does when it diverges then: that
/// removes a film, cuts the metrics and writes `run.json`. Steps are so small that half of their rate changes no bit of 32.
#[test]
fn a_run_that_goes_back_is_found_again_whatever_call_goes_wrong() {
    on_one_thread(meets_faults_as_it_goes_back);
}

fn meets_faults_as_it_goes_back() {
    let splits = splits();
    let mut settings = tiny();
    settings.training.learning_rate = 1e-48;
    let goes_back = |path: &Path, kept: &mut u64| {
        let mut run = Run::create(&settings, &splits, path, &Device::Cpu)?;
        faults::use_gpu(&[2]);
        let (mut refused, mut filmed, mut poisoned) = (0, false, false);
        let outcome = run.train(&mut |event, trainer| {
            match event {
                RunEvent::Step(report) if report.step == 2 && !std::mem::replace(&mut poisoned, true) => {
                    poison(trainer, f32::NAN);
                }
                RunEvent::Checkpointed { step, .. } => {
                    *kept = step;
                    if !std::mem::replace(&mut filmed, true) {
                        let _ = films::add(path, &film(9), u64::MAX);
                    }
                }
                RunEvent::Stalled { .. } => refused += 1,
                _ => {}
            }
            Ok(if refused > 1 { Control::Stop } else { Control::Continue })
        });
        faults::use_gpu(&[]);
        faults::leave_gpu();
        outcome
    };
    let Tally { calls, tried, newest, before, afresh, refused } =
        Journey { kept: 0, settings: &settings, prepare: &|_| (), work: &goes_back }.meets_every_fault(&splits);
    println!(
        "{calls} calls, {tried} faults: {newest} found the newest, {before} the one before, {afresh} began anew, \
         {refused} were refused"
    );
    assert!(calls > 40 && newest > 9 * before);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
