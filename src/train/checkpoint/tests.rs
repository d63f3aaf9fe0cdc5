//! Checkpoints that are whole, with a right checksum, and are not those of the run: each is passed over for the one
//! before it, wherever a run is gone on with or opened, and no bit of it is left behind.

mod header_bits;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Device;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use super::{Checkpoint, write};
use crate::Result;
use crate::config::{Budget, OptimizerKind, Settings};
use crate::data::Splits;
use crate::tensor_file::{self, CHECKSUM, METADATA_CHECKSUM};
use crate::train::folder::{checkpoint_paths, newest_checkpoint};
use crate::train::power_cuts::{settings, splits};
use crate::train::{Control, Run};
use crate::trained::TrainedModel;

/// All that a checkpoint file holds, to be changed.
#[derive(Clone)]
struct Content {
    metadata: HashMap<String, String>,
    tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
}

impl Content {
    fn of(bytes: &[u8]) -> Self {
        let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
        let file = SafeTensors::deserialize(bytes).unwrap();
        let tensor = |view: &TensorView| (view.dtype(), view.shape().to_vec(), view.data().to_vec());
        let tensors = file.iter().map(|(name, view)| (name.to_owned(), tensor(&view))).collect();
        Self { metadata: header.metadata().clone().unwrap(), tensors }
    }

    /// A file of it with the checksums that belong to it, of those that it names.
    fn bytes(mut self) -> Vec<u8> {
        let views = self
            .tensors
            .iter()
            .map(|(name, (dtype, shape, data))| (name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
        let views: Vec<_> = views.collect();
        let serialize =
            |metadata: &HashMap<_, _>| safetensors::serialize(views.clone(), Some(metadata.clone())).unwrap();
        let bytes = serialize(&self.metadata);
        let (header, _) = SafeTensors::read_metadata(&bytes).unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[8 + header..]);
        self.metadata.insert(CHECKSUM.into(), tensor_file::checksum(&crc));
        let of_metadata = tensor_file::metadata_checksum(&self.metadata);
        self.metadata.entry(METADATA_CHECKSUM.into()).and_modify(|known| *known = of_metadata);
        serialize(&self.metadata)
    }

    fn set(&mut self, field: &str, text: &str) {
        self.metadata.insert(field.into(), text.into());
    }

    /// Changes a setting, which is found by its path.
    fn setting(&mut self, pointer: &str, value: Value) {
        let mut settings: Value = serde_json::from_str(&self.metadata["settings"]).unwrap();
        *settings.pointer_mut(pointer).unwrap() = value;
        self.set("settings", &settings.to_string());
    }

    fn tensor(&mut self, name: &str) -> &mut (Dtype, Vec<usize>, Vec<u8>) {
        self.tensors.get_mut(name).unwrap_or_else(|| panic!("no {name}"))
    }

    fn first_value(&mut self, name: &str, value: f32) {
        self.tensor(name).2[..4].copy_from_slice(&value.to_le_bytes());
    }

    fn rename(&mut self, from: &str, to: &str) {
        let tensor = self.tensors.remove(from).unwrap();
        self.tensors.insert(to.into(), tensor);
    }

    fn without(&mut self, part: &str) {
        self.tensors.retain(|name, _| !name.starts_with(part));
    }

    /// One row less.
    fn shorten(&mut self, name: &str) {
        let (_, shape, data) = self.tensor(name);
        let row = data.len() / shape[0];
        shape[0] -= 1;
        data.truncate(row * shape[0]);
    }
}

/// A change, and what is said of it.
type Change = (&'static str, fn(&mut Content));

/// Of no training at all, whatever `run.json` says.
const IMPOSSIBLE: &[Change] = &[
    ("weights/conv_in.weight is [4, 16, 3, 3], not [16, 4, 3, 3]", |file| {
        file.tensor("weights/conv_in.weight").1.swap(0, 1);
    }),
    ("weights/conv_in.weight is [15, 4, 3, 3], not [16, 4, 3, 3]", |file| file.shorten("weights/conv_in.weight")),
    ("weights/conv_in.bias is [1, 16], not [16]", |file| file.tensor("weights/conv_in.bias").1.insert(0, 1)),
    ("ema/conv_in.bias is [15], not [16]", |file| file.shorten("ema/conv_in.bias")),
    ("adam_first/conv_in.bias is [15], not [16]", |file| file.shorten("adam_first/conv_in.bias")),
    ("adam_second/conv_in.weight is [15, 4, 3, 3]", |file| file.shorten("adam_second/conv_in.weight")),
    ("weights/conv_in.bias is missing", |file| drop(file.tensors.remove("weights/conv_in.bias"))),
    ("ema/conv_in.bias is missing", |file| drop(file.tensors.remove("ema/conv_in.bias"))),
    ("adam_second/conv_in.bias is missing", |file| drop(file.tensors.remove("adam_second/conv_in.bias"))),
    ("and ", |file| file.without("weights/")),
    ("is missing", |file| file.without("ema/")),
    ("is missing", |file| file.without("adam_")),
    ("is missing", |file| file.without("")),
    ("momentum/conv_in.weight is not part of it", |file| {
        let moment = file.tensor("adam_first/conv_in.weight").clone();
        file.tensors.insert("momentum/conv_in.weight".into(), moment);
    }),
    ("adam_first/conv_in.bias is missing", |file| file.rename("adam_first/conv_in.bias", "momentum/conv_in.bias")),
    ("weights/conv_out.more is not part of it", |file| {
        file.tensors.insert("weights/conv_out.more".into(), (Dtype::F32, vec![1], vec![0; 4]));
    }),
    ("nothing is not part of it", |file| {
        file.tensors.insert("nothing".into(), (Dtype::F32, vec![0], Vec::new()));
    }),
    ("weights/conv_in.bias is not f32", |file| file.tensor("weights/conv_in.bias").0 = Dtype::I32),
    ("ema/conv_in.bias is not f32", |file| {
        let (dtype, shape, _) = file.tensor("ema/conv_in.bias");
        (*dtype, shape[0]) = (Dtype::F64, 8);
    }),
    ("adam_first/conv_in.bias is not f32", |file| {
        let (dtype, shape, _) = file.tensor("adam_first/conv_in.bias");
        (*dtype, shape[0]) = (Dtype::BF16, 32);
    }),
    ("weights/conv_in.bias holds a value that is no number", |file| file.first_value("weights/conv_in.bias", f32::NAN)),
    ("ema/conv_in.bias holds a value that is no number", |file| file.first_value("ema/conv_in.bias", f32::INFINITY)),
    ("adam_first/conv_in.bias holds a value that", |file| {
        file.first_value("adam_first/conv_in.bias", f32::NEG_INFINITY);
    }),
    ("adam_second/conv_in.bias holds a negative value", |file| file.first_value("adam_second/conv_in.bias", -1e-9)),
    ("no step was taken", |file| file.set("step", "0")),
    ("it says step 4 of 3", |file| file.set("step", "4")),
    ("it says step 18446744073709551615 of 3", |file| file.set("step", "18446744073709551615")),
    ("its step is not a number", |file| file.set("step", "-1")),
    ("its step is not a number", |file| file.set("step", "2.5")),
    ("its nanoseconds is not a number", |file| file.set("nanoseconds", "-1")),
    ("no nanoseconds", |file| drop(file.metadata.remove("nanoseconds"))),
    ("no settings", |file| drop(file.metadata.remove("settings"))),
    ("its settings: ", |file| file.set("settings", "{}")),
    ("another version", |file| file.set("format", "diffuscope-checkpoint-2")),
];

/// Of another run, which they may well be of.
const OF_ANOTHER_RUN: &[Change] = &[
    ("training.ema_decay is 0.5, not ", |file| file.setting("/training/ema_decay", json!(0.5))),
    ("training.ema_decay is 0.0, not ", |file| {
        file.setting("/training/ema_decay", json!(0.0));
        file.without("ema/");
    }),
    ("training.seed is 7, not 42", |file| file.setting("/training/seed", json!(7))),
    ("training.learning_rate is 0.25, not ", |file| file.setting("/training/learning_rate", json!(0.25))),
    ("training.batch_size is 3, not 2", |file| file.setting("/training/batch_size", json!(3))),
    ("diffusion.timesteps is 400, not 1000", |file| file.setting("/diffusion/timesteps", json!(400))),
    ("network.architecture.compact.channels is 32, not 16", |file| {
        file.setting("/network/architecture/compact/channels", json!(32));
    }),
    ("network.architecture is \"diff_u_net\", not ", |file| file.setting("/network/architecture", json!("diff_u_net"))),
    ("preset is \"small\", not \"nano\"", |file| file.setting("/preset", json!("small"))),
    ("training.optimizer is \"muon\", not \"adamw\"", |file| file.setting("/training/optimizer", json!("muon"))),
];

/// A run of three steps, with checkpoints of the last two.
struct Kept {
    path: PathBuf,
    newest: Vec<u8>,
    previous: Vec<u8>,
    splits: Splits,
    folder: tempfile::TempDir,
}

impl Kept {
    fn new(settings: &Settings) -> Self {
        let (folder, splits) = (tempfile::tempdir().unwrap(), splits());
        let path = folder.path().join("run");
        let mut run = Run::create(settings, &splits, &path, &Device::Cpu).unwrap();
        run.train(&mut |_, _| Ok(Control::Continue)).unwrap();
        let [newest, previous] = checkpoint_paths(&path).map(|path| fs::read(path).unwrap());
        Self { path, newest, previous, splits, folder }
    }

    fn put(&self, newest: &[u8], previous: &[u8]) {
        let [first, second] = checkpoint_paths(&self.path);
        fs::write(first, newest).unwrap();
        fs::write(second, previous).unwrap();
    }

    fn resume(&self) -> Result<(Run, Option<String>)> {
        Run::resume(&self.path, |recorded| Ok(recorded.clone()), |_| Ok(self.splits.clone()), &Device::Cpu)
    }

    /// The newest checkpoint is changed: everybody says `what`, and takes the one before it.
    fn is_passed_over(&self, (what, change): &Change) {
        let changed = self.changed(*change);
        self.put(&changed, &self.previous);
        let told = |notice: Option<String>| {
            let notice = notice.unwrap_or_else(|| panic!("{what}: it is taken"));
            assert!(notice.contains(what), "{notice}, not {what}");
            assert!(notice.contains("checkpoint.safetensors: "), "{notice}");
            assert!(notice.ends_with("; the checkpoint before it, at step 2, is used"), "{notice}");
            notice
        };
        let (model, notice) = TrainedModel::open(&self.path, &Device::Cpu).unwrap();
        let opened = told(notice);
        assert_eq!((model.step, &model.source), (2, &checkpoint_paths(&self.path)[1]));

        let (mut run, notice) = self.resume().unwrap();
        assert_eq!(told(notice), opened, "opening and going on say the same");
        assert!(fs::read_to_string(self.path.join("log.txt")).unwrap().contains(&opened));
        assert!(fs::read(&checkpoint_paths(&self.path)[0]).unwrap() == self.previous, "{what}: it is still there");
        let state = self.folder.path().join("state");
        write(&run.trainer, &state).unwrap();
        assert_same_state(&fs::read(&state).unwrap(), &self.previous, what);
        run.train(&mut |_, _| Ok(Control::Continue)).unwrap();
        assert_same_state(&fs::read(&checkpoint_paths(&self.path)[0]).unwrap(), &self.newest, what);
        drop(run);

        self.put(&changed, &changed);
        let error = self.resume().map(drop).unwrap_err();
        assert!(error.to_string().contains(what) && !error.hint().is_empty(), "{error}, not {what}");
        let error = TrainedModel::open(&self.path, &Device::Cpu).map(drop).unwrap_err();
        assert!(error.to_string().contains(what), "{error}, not {what}");
    }

    fn changed(&self, change: fn(&mut Content)) -> Vec<u8> {
        let mut content = Content::of(&self.newest);
        change(&mut content);
        content.bytes()
    }
}

fn assert_same_state(found: &[u8], wanted: &[u8], what: &str) {
    let (found, wanted) = (Content::of(found), Content::of(wanted));
    assert_eq!(found.metadata["step"], wanted.metadata["step"], "{what}");
    assert!(found.tensors == wanted.tensors, "{what}: another state");
}

#[test]
fn what_is_written_again_as_it_was_is_taken() {
    let kept = Kept::new(&settings());
    kept.put(&kept.changed(|_| ()), &kept.previous);
    let (run, notice) = kept.resume().unwrap();
    assert_eq!((run.trainer.step_count(), notice), (3, None));
}

#[test]
fn a_checkpoint_of_no_training_is_passed_over_for_the_one_before_it() {
    let kept = Kept::new(&settings());
    for change in IMPOSSIBLE {
        kept.is_passed_over(change);
        let path = kept.folder.path().join("alone.safetensors");
        fs::write(&path, kept.changed(change.1)).unwrap();
        let error = Checkpoint::read(&path).map(drop).unwrap_err();
        assert!(error.to_string().contains(change.0), "{error}");
        assert!(TrainedModel::open(&path, &Device::Cpu).is_err(), "{}: by itself it is opened", change.0);
    }
}

#[test]
fn a_checkpoint_of_another_run_is_passed_over_for_the_one_before_it() {
    let kept = Kept::new(&settings());
    for change in OF_ANOTHER_RUN {
        kept.is_passed_over(change);
    }
}

#[test]
fn the_checkpoint_of_a_run_on_the_same_settings_but_a_seed_is_passed_over() {
    let mut other = settings();
    other.training.seed += 1;
    let (kept, other) = (Kept::new(&settings()), Kept::new(&other));
    kept.put(&other.newest, &kept.previous);
    assert_eq!(TrainedModel::open(&checkpoint_paths(&kept.path)[0], &Device::Cpu).unwrap().0.step, 3, "by itself");
    let (run, notice) = kept.resume().unwrap();
    assert_eq!(run.trainer.step_count(), 2);
    assert!(notice.unwrap().contains("training.seed is 43, not 42"));
}

#[test]
fn moments_of_muon_are_checked_as_those_of_adam_are() {
    let mut settings = settings();
    settings.training.optimizer = OptimizerKind::Muon;
    let kept = Kept::new(&settings);
    let changes: [Change; 3] = [
        ("momentum/conv_in.bias is not part of it", |file| {
            let moment = file.tensor("adam_first/conv_in.bias").clone();
            file.tensors.insert("momentum/conv_in.bias".into(), moment);
        }),
        ("is missing", |file| file.without("momentum/")),
        ("training.optimizer is \"adamw\", not \"muon\"", |file| file.setting("/training/optimizer", json!("adamw"))),
    ];
    changes.iter().for_each(|change| kept.is_passed_over(change));
}

/// Two epochs of four images in batches of two are four steps.
#[test]
fn no_checkpoint_is_beyond_the_epochs_of_its_run() {
    let mut settings = settings();
    settings.training.budget = Budget::Epochs(2);
    let kept = Kept::new(&settings);
    for (step, fits) in [("4", true), ("5", false)] {
        let mut content = Content::of(&kept.newest);
        content.set("step", step);
        kept.put(&content.bytes(), &kept.previous);
        let (checkpoint, _, notice) = newest_checkpoint(&kept.path).unwrap();
        assert_eq!((checkpoint.step, notice.is_none()), if fits { (4, true) } else { (3, false) });
        assert!(fits || notice.unwrap().contains("it says step 5 of 4"));
    }
}

/// A run that ended may go on with a longer budget, and one that is given a shorter one is at its end: its checkpoint fits
/// both.
#[test]
fn another_budget_is_no_other_run() {
    let kept = Kept::new(&settings());
    for steps in [2, 30] {
        let longer = |recorded: &Settings| {
            let mut settings = recorded.clone();
            settings.training.budget = Budget::Steps(steps);
            (settings.training.checkpoint_every, settings.training.eval_seconds) = (9, 8.0);
            settings.training.film_megabytes = 7;
            Ok(settings)
        };
        let (run, notice) = Run::resume(&kept.path, longer, |_| Ok(kept.splits.clone()), &Device::Cpu).unwrap();
        assert_eq!((run.trainer.step_count(), notice), (3, None), "{steps}");
    }
}

/// Settings by which a run would need another state than `run.json` says end in words, not in a mixture.
#[test]
fn who_changes_run_json_is_told_what_differs() {
    let kept = Kept::new(&settings());
    let path: &Path = &kept.path;
    for name in ["run.json", "run.copy.json"] {
        let text = fs::read_to_string(path.join(name)).unwrap();
        assert!(text.contains("\"seed\": 42"), "{text}");
        fs::write(path.join(name), text.replacen("\"seed\": 42", "\"seed\": 5", 1)).unwrap();
    }
    let error = kept.resume().map(drop).unwrap_err();
    assert!(
        error.to_string().ends_with("its settings are not those of run.json: training.seed is 42, not 5"),
        "{error}"
    );
    assert!(error.hint().contains("put back the run.json"));
}
