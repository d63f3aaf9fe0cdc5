//! Journey: training diverges, without a window; it is told on standard error and in the log of the run.

#![allow(clippy::unwrap_used)]

#[path = "support/program.rs"]
mod program;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use diffuscope::tensor_file::{self, Entry};
use diffuscope::train::folder::read_run_file;
use diffuscope::trained::TrainedModel;
use program::{done, run};
use safetensors::SafeTensors;

const TRAIN: [&str; 11] =
    ["train", "--preset", "nano", "--subset", "16", "--batch-size", "8", "--checkpoint-every", "2", "--out", "run"];

/// Gives a checkpoint weights that are numbers, and that no training can go on from, with checksums that are right: a blow-up
/// that had begun when it was kept.
fn ruin(checkpoint: &Path) {
    let bytes = fs::read(checkpoint).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().clone().unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Vec<_> = file.iter().collect();
    tensors.sort_by_key(|(_, view)| view.data().as_ptr());
    let entries = tensors.into_iter().map(|(name, view)| {
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let ruined = name.starts_with("weights/");
        let values = values.map(|value| if ruined { 1e38f32.copysign(value) } else { value }).collect();
        Entry { name: name.into(), shape: view.shape().to_vec(), values: Cow::Owned(values) }
    });
    let entries: Vec<_> = entries.collect();
    let metadata: BTreeMap<_, _> = metadata.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    tensor_file::write(checkpoint, metadata, &entries).unwrap();
}

fn lines(run: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn training_goes_back_at_half_the_rate_twice_says_so_and_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    done(folder.path(), &[&TRAIN[..], &["--steps", "6"]].concat());
    ruin(&path.join("checkpoint.safetensors"));
    let output = run(folder.path(), &[&TRAIN[..], &["--steps", "12", "--resume"]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let rate = read_run_file(&path).unwrap().settings.training.learning_rate;
    let log = fs::read_to_string(path.join("log.txt")).unwrap();
    for (from, part, time) in [(6, 0.5, 1), (4, 0.25, 2)] {
        let goes_on = format!("it goes on from step {from} at half the learning rate, ");
        for text in [&said, &log] {
            let line = text.lines().find(|line| line.contains(&goes_on)).unwrap_or_else(|| panic!("{goes_on}: {text}"));
            assert!(line.contains("training diverged: the loss is not a finite number at step"), "{line}");
            assert!(line.ends_with(&format!("(time {time} of at most 2)")), "{line}");
            let lowered = line.split(&goes_on).nth(1).unwrap().split(' ').next().unwrap();
            assert_eq!(lowered.parse::<f64>().unwrap(), rate * part, "{line}");
        }
    }
    let steps: Vec<_> = lines(&path).into_iter().filter(|line| line["loss"].is_number()).collect();
    assert_eq!(
        steps.iter().map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>(),
        (1..=12).collect::<Vec<_>>()
    );
    for line in &steps {
        // The last steps have a rate that falls to nothing.
        let most = if line["step"].as_u64() <= Some(4) { rate } else { rate / 4.0 };
        assert!(line["lr"].as_f64().unwrap() <= most, "{line}");
    }
    TrainedModel::open(&path, &candle_core::Device::Cpu).unwrap();
}

#[test]
fn the_third_time_it_ends_with_what_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    done(folder.path(), &[&TRAIN[..], &["--steps", "6"]].concat());
    for name in ["checkpoint.safetensors", "checkpoint.previous.safetensors"] {
        ruin(&path.join(name));
    }
    let resume = [&TRAIN[..], &["--steps", "12", "--resume"]].concat();
    let (error, hint) = program::failed(folder.path(), &resume, 1);
    assert_eq!(error, "training diverged: the loss is not a finite number at step 5");
    assert_eq!(hint, "start a new run with a lower learning rate; the last checkpoint is kept");
    assert_eq!(read_run_file(&path).unwrap().rollbacks.iter().map(|back| back.to).collect::<Vec<_>>(), [6, 4]);
    assert!(path.join("checkpoint.safetensors").is_file());
    // A run that is gone on with has no more tries.
    assert_eq!(program::failed(folder.path(), &resume, 1).0, error);
}
