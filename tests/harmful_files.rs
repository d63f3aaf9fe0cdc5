//! Run folders, and other files, of strangers that are made to do harm: pipes and devices in the place of files, and
//! numbers that no run has. Nothing waits for ever, panics, or fills the memory.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use candle_core::Device;
use diffuscope::config::{Architecture, Budget, DataSource, Preset, Settings, Subset, UNetConfig};
use diffuscope::data::{self, Splits, mnist};
use diffuscope::eval::copying::TrainingImages;
use diffuscope::pictures::Provenance;
use diffuscope::train::films;
use diffuscope::train::folder::{in_use, name_run, newest_checkpoint, read_run_file};
use diffuscope::train::gallery;
use diffuscope::train::history::History;
use diffuscope::train::loss_table::write_loss_table;
use diffuscope::train::run_name::RunName;
use diffuscope::train::watched::WatchedRun;
use diffuscope::train::{Control, Run, RunEvent};
use diffuscope::trained::TrainedModel;
use diffuscope::{Error, Result};
use serde_json::{Value, json};

/// Nothing that is read here may take longer, on a loaded machine.
const LONGEST: Duration = Duration::from_secs(20);

fn tiny() -> Settings {
    let mut settings = Preset::Nano.settings();
    settings.network.architecture = Architecture::UNet(UNetConfig {
        patch_size: 2,
        block_out_channels: vec![8, 8],
        layers_per_block: 1,
        attention: vec![false, true],
        mid_attention: false,
        attention_head_dim: 4,
        norm_num_groups: 4,
        norm_eps: 1e-5,
        scale_shift: false,
        dropout: 0.1,
        attn_norm_num_groups: Some(4),
        time_embedding_dim: Some(8),
    });
    (settings.data.subset, settings.data.held_out) = (Subset::First(8), 2);
    let training = &mut settings.training;
    (training.batch_size, training.budget, training.checkpoint_every) = (2, Budget::Steps(2), 1);
    (training.preview_seconds, training.eval_seconds) = (1e-3, 1e3);
    settings
}

fn splits() -> Splits {
    mnist::load().unwrap()
}

/// A run of two steps in `folder/run`, with a grid and a film.
fn run_in(folder: &Path) -> PathBuf {
    let path = folder.join("run");
    let mut run = Run::create(&tiny(), &splits(), &path, &Device::Cpu).unwrap();
    run.train(&mut |_, _| Ok(Control::Continue)).unwrap();
    path
}

fn resume(run: &Path) -> Result<()> {
    Run::resume(run, |recorded| Ok(recorded.clone()), |_| Ok(splits()), &Device::Cpu).map(drop)
}

/// Fails when the work does not end; it then goes on beside the tests.
fn in_time<R: Send + 'static>(what: &str, work: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, answer) = mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    answer.recv_timeout(LONGEST).unwrap_or_else(|_| panic!("{what}: it did not end in time, or panicked"))
}

/// All that is read of a run, once each; the last answer is whether it can be gone on with.
fn read_all(run: &Path) -> Result<()> {
    let (name, folder) = (serde_json::from_value::<RunName>(json!("another")).unwrap(), run.parent().unwrap());
    let hinted = |read: Result<()>| {
        if let Err(error) = read {
            assert!(!error.hint().is_empty() && !matches!(error, Error::Panicked(_)), "{error}");
        }
    };
    hinted(gallery::list(folder).map(drop));
    hinted(read_run_file(run).map(drop));
    hinted(History::read(run).map(drop));
    hinted(newest_checkpoint(run).map(drop));
    hinted(films::read_all(run, |_| Ok(())).map(drop));
    hinted(write_loss_table(run, &folder.join("losses.csv")).map(drop));
    hinted(WatchedRun::open(run).and_then(|(mut watched, ..)| watched.look(&mut |_| Ok(()))));
    hinted(TrainedModel::open(run, &Device::Cpu).map(drop));
    hinted(TrainedModel::open(&run.join("checkpoint.safetensors"), &Device::Cpu).map(drop));
    in_use(run);
    hinted(name_run(run, &name));
    let resumed = resume(run);
    hinted(resumed.as_ref().map(drop).map_err(|error| Error::usage(error.to_string(), error.hint())));
    resumed
}

#[cfg(unix)]
const FILES: [&str; 8] = [
    "run.json",
    "run.copy.json",
    "metrics.jsonl",
    "loss_by_timestep.jsonl",
    "checkpoint.safetensors",
    "checkpoint.previous.safetensors",
    "log.txt",
    "grids/step-9999999.png",
];

#[cfg(unix)]
fn pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A pipe waits for its other end as soon as it is opened, and `/dev/zero` has no end.
#[cfg(unix)]
#[test]
fn pipes_and_devices_in_a_run_folder_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let whole = run_in(folder.path());
    for (i, name) in FILES.into_iter().enumerate() {
        for kind in ["pipe", "/dev/zero", "/dev/null"] {
            let run = folder.path().join(format!("{i}{}", kind.replace('/', "-"))).join("run");
            copy(&whole, &run);
            let _ = fs::remove_file(run.join(name));
            match kind {
                "pipe" => pipe(&run.join(name)),
                device => std::os::unix::fs::symlink(device, run.join(name)).unwrap(),
            }
            let resumed = in_time(&format!("{name} is {kind}"), move || read_all(&run));
            // Its copy, the checkpoint before it, and another grid serve as well.
            assert!(
                resumed.is_err() || !["metrics.jsonl", "loss_by_timestep.jsonl", "log.txt"].contains(&name),
                "{name}"
            );
        }
    }
}

#[cfg(unix)]
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).map(drop).unwrap();
        }
    }
}

#[cfg(unix)]
#[test]
fn pipes_in_the_place_of_other_files_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a-images-idx3-ubyte", "a.png", "a.pth", "model_index.json"];
    names.iter().for_each(|name| pipe(&folder.path().join(name)));
    let path = |name: &str| folder.path().join(name);
    let refused = |what: &str, read: Box<dyn FnOnce() -> Result<()> + Send>| {
        let error = in_time(what, read).unwrap_err();
        assert!(!error.hint().is_empty(), "{error}");
    };
    let idx = path(names[0]);
    refused("IDX", Box::new(move || data::load(&DataSource::Path(idx)).map(drop)));
    let inside = folder.path().to_path_buf();
    refused("a folder", Box::new(move || data::load(&DataSource::Path(inside)).map(drop)));
    let png = path(names[1]);
    refused("settings", Box::new(move || Provenance::read(&png).map(drop)));
    let png = path(names[1]);
    refused("a picture", Box::new(move || data::picture::read(&png, 28).map(drop)));
    let pth = path(names[2]);
    refused("weights", Box::new(move || TrainedModel::open(&pth, &Device::Cpu).map(drop)));
    let pipeline = folder.path().to_path_buf();
    refused("diffusers", Box::new(move || TrainedModel::open(&pipeline, &Device::Cpu).map(drop)));
}

/// What a stranger may write in the place of a number.
fn numbers() -> Vec<Value> {
    let mut numbers = vec![json!(0), json!(1), json!(2), json!(65), json!(-1), json!(0.5), json!(1e19), json!(1e300)];
    numbers.extend([json!(-1e300), json!(5e-324), json!(u64::MAX), json!(10_000_000_000_000_000_000_u64)]);
    numbers
}

/// The places of all numbers below a value, as JSON pointers.
fn places(at: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(at.to_owned()),
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(i, value)| places(&format!("{at}/{i}"), value, found));
        }
        Value::Object(map) => map.iter().for_each(|(name, value)| places(&format!("{at}/{name}"), value, found)),
        _ => {}
    }
}

/// 1e300 seconds between two grids, and 1e19, made the duration and the moment of the next one panic.
#[test]
fn any_number_in_the_place_of_a_setting_is_refused_or_trained_with() {
    let folder = tempfile::tempdir().unwrap();
    let whole = run_in(folder.path());
    let run = folder.path().join("runs/run");
    fs::create_dir_all(&run).unwrap();
    let content: Value = serde_json::from_slice(&fs::read(whole.join("run.json")).unwrap()).unwrap();
    let (mut found, splits, mut trained, mut refused) = (Vec::new(), splits(), 0, 0);
    places("", &content, &mut found);
    assert!(found.len() > 50 && found.contains(&"/settings/training/preview_seconds".to_owned()), "{found:?}");
    for place in &found {
        for number in numbers() {
            let mut content = content.clone();
            *content.pointer_mut(place).unwrap() = number.clone();
            fs::write(run.join("run.json"), content.to_string()).unwrap();
            gallery::list(run.parent().unwrap()).unwrap();
            let settings = match read_run_file(&run) {
                Ok(file) => file.settings,
                Err(error) => {
                    assert!(!error.hint().is_empty(), "{place} = {number}: {error}");
                    refused += 1;
                    continue;
                }
            };
            let new = folder.path().join("new");
            let made = Run::create(&settings, &splits, &new, &Device::Cpu);
            let made = made.map_err(|error| assert!(!error.hint().is_empty(), "{place} = {number}: {error}"));
            if let Ok(mut made) = made {
                let mut stop_soon = |event, _: &_| match event {
                    RunEvent::Step(_) => Ok(Control::Stop),
                    _ => Ok(Control::Continue),
                };
                if let Err(error) = made.train(&mut stop_soon) {
                    assert!(matches!(error, Error::Diverged { .. }), "{place} = {number}: {error}");
                }
                trained += 1;
            }
            let _ = fs::remove_dir_all(&new);
        }
    }
    assert!(trained > 100 && refused > 100, "{trained} trained with, {refused} refused");
}

/// The training images were brought to the size of the model's, whatever it says: 63 GB.
#[test]
fn a_model_of_large_images_is_not_compared_with_what_would_fill_the_memory() {
    let mut settings = tiny();
    (settings.data.subset, settings.data.image_size) = (Subset::All, 1024);
    let error = TrainingImages::of_run(&settings, &splits(), &mut |_| Ok(())).map(drop).unwrap_err();
    assert!(error.to_string().contains("over 1 GiB") && !error.hint().is_empty(), "{error}");
}

/// A file of 2 KB that names a network, or images, of terabytes: gone on with, it has no checkpoint to compare with.
#[test]
fn a_run_that_names_a_network_of_terabytes_is_refused_before_it_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let whole = run_in(folder.path());
    let path = folder.path().join("run.json");
    let content: Value = serde_json::from_slice(&fs::read(whole.join("run.json")).unwrap()).unwrap();
    let refused = |changes: &[(&str, Value)], word: &str| {
        let mut content = content.clone();
        for (place, value) in changes {
            *content.pointer_mut(place).unwrap() = value.clone();
        }
        fs::write(&path, content.to_string()).unwrap();
        let error = resume(folder.path()).unwrap_err();
        assert!(error.to_string().contains(word) && !error.hint().is_empty(), "{error}");
    };
    let network = "/settings/network/architecture/u_net";
    let [widths, attention, layers] =
        ["block_out_channels", "attention", "layers_per_block"].map(|name| format!("{network}/{name}"));
    let of_levels =
        |levels: usize| [(widths.as_str(), json!(vec![16_384; levels])), (&attention, json!(vec![false; levels]))];
    refused(&[&of_levels(2)[..], &[(&layers, json!(64))]].concat(), "weights");
    refused(&of_levels(65), "U-Net");
    refused(&[("/settings/data/image_size", json!(100_000))], "100000");
    refused(&[("/settings/diffusion/timesteps", json!(u64::MAX))], "18446744073709551615");
    fs::write(&path, content.to_string()).unwrap();
    resume(folder.path()).unwrap();
}

/// Who opens files to read them, beside `files/regular.rs`, and why what they open is no stranger's.
const OPEN: [(&str, &str); 8] = [
    ("src/app/memory.rs", "what the window remembers, in the folder of this program's state"),
    ("src/cli/classifier.rs", "what was written a moment ago"),
    ("src/cli/log.rs", "the log that --log names, to write it"),
    ("src/files.rs", "a checkpoint of this run that no link can be made to, and a folder that was made a moment ago"),
    ("src/files/disk.rs", "a folder, to have its names last"),
    ("src/memory.rs", "what the system says of this process"),
    ("src/reports.rs", "reports of crashes, in the folder of this program's state"),
    ("src/train/room.rs", "what the system says of the machine"),
];

#[test]
fn files_of_others_are_opened_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut found) = (vec![root.join("src")], Vec::new());
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("mod tests {").next().unwrap_or_default();
            let opens = ["File::open(", "fs::read(", "read_to_string(", "OpenOptions::new(", "ImageReader::open("];
            // `WeightsFile::open` is another function; what tests alone compile opens what they made.
            let opens = opens.iter().any(|call| code.replace("WeightsFile::open(", "").contains(call));
            let of_tests = [
                "tests.rs",
                "tests/header_bits.rs",
                "faults.rs",
                "full_disk.rs",
                "power_cuts.rs",
                "lost_device.rs",
                "files/regular.rs",
            ];
            if opens && !of_tests.iter().any(|end| name.ends_with(end)) {
                found.push(name);
            }
        }
    }
    found.sort();
    assert_eq!(found, OPEN.map(|(name, _)| name), "use files::open_regular, or say here whose files they are");
}
