//! A checkpoint in a run folder that is otherwise as it should be: which of its two is taken, and whether a run goes on
//! from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use candle_core::Device;
use diffuscope::config::{Settings, WeightsKind};
use diffuscope::data::idx::Images;
use diffuscope::data::{Dataset, Splits};
use diffuscope::train::folder::checkpoint_paths;
use diffuscope::train::{Control, Run, RunEvent};
use diffuscope::trained::TrainedModel;
use diffuscope::{Error, Result};

use super::{KIB, of_header, parts, put};

/// What fits: the header of a checkpoint of the tiny run after two of its three steps, and its first numbers.
const WHOLE: &[u8] = include_bytes!("../corpus/checkpoint/whole");
/// More zeros than that are not put behind the header.
const MOST_ZEROS: usize = 256 * KIB;

fn run_in(folder: &Path) -> PathBuf {
    folder.join("run")
}

/// The header of the newest checkpoint, and its first numbers: those behind them are zeros.
pub fn write(folder: &Path, bytes: &[u8]) -> usize {
    /// Of the one before it, which nobody changes.
    static LENGTH: OnceLock<usize> = OnceLock::new();
    let run = run_in(folder);
    let [newest, previous] = checkpoint_paths(&run);
    if !run.exists() {
        begin(&run);
    }
    let [header, values] = parts(bytes);
    fs::write(run.join("log.txt"), "").expect("there is room");
    put(&newest, &of_header(header, values, MOST_ZEROS))
        + LENGTH.get_or_init(|| fs::read(&previous).expect("it was written").len())
}

/// A run of two steps, of the settings that stand in [`WHOLE`].
fn begin(run: &Path) {
    let mut run = Run::create(&settings(), &splits(), run, &Device::Cpu).expect("a run can begin");
    let mut until_the_second = |event, _: &_| match event {
        RunEvent::Step(report) if report.step == 2 => Ok(Control::Stop),
        _ => Ok(Control::Continue),
    };
    run.train(&mut until_the_second).expect("it trains");
}

fn settings() -> Settings {
    let [header, _] = parts(WHOLE);
    let header: serde_json::Value = serde_json::from_slice(header).expect("a header");
    let settings = header["__metadata__"]["settings"].as_str().expect("it has settings");
    serde_json::from_str(settings).expect("they are of this version")
}

fn splits() -> Splits {
    let images = |count: usize| {
        let pixels = (0..count * 28 * 28).map(|i| (i % 251) as u8).collect();
        let images = Images { count, height: 28, width: 28, pixels };
        Dataset::from_idx("lines", images, None, Path::new("lines")).expect("as many pixels as images need")
    };
    Splits { train: images(4), test: images(1) }
}

/// Whatever the newest is, the run goes on: from it, or from the one before it, as everybody says alike.
pub fn read(folder: &Path) -> Result<()> {
    let run = run_in(folder);
    let [newest, previous] = checkpoint_paths(&run);
    let (model, notice) = TrainedModel::open(&run, &Device::Cpu)?;
    if let Some(notice) = notice {
        assert!(model.step == 1 && model.source == previous, "{notice}");
        assert!(notice.ends_with("; the checkpoint before it, at step 1, is used"), "{notice}");
        // By itself it may be whole; what else is wrong with it is so there, too.
        if notice.contains("not those of run.json") {
            TrainedModel::open(&newest, &Device::Cpu)?;
        }
        return Err(Error::format(&run, notice, "nothing: the one before it is used"));
    }
    assert_eq!(model.source, newest);
    let resumed = Run::resume(&run, |recorded| Ok(recorded.clone()), |_| Ok(splits()), &Device::Cpu);
    let (resumed, notice) = resumed.unwrap_or_else(|error| panic!("a checkpoint that fits is not resumed: {error}"));
    assert_eq!((resumed.trainer.step_count(), notice), (model.step, None));
    assert_eq!(resumed.trainer.weights(WeightsKind::Ema)?.len(), model.weights(WeightsKind::Ema).len());
    Ok(())
}
