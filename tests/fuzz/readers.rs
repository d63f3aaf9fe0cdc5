//! The readers of files that may come from strangers, each from the bytes that a fuzzer makes: what those become on
//! disk, the call of the library that the program makes, and what memory it may take.

#[path = "checkpoint.rs"]
mod checkpoint;

use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};
use diffuscope::config::{DataSource, Preset};
use diffuscope::data::contact_sheet::ContactSheet;
use diffuscope::data::{self, idx};
use diffuscope::eval::judge;
use diffuscope::model::weights::WeightsFile;
use diffuscope::pictures::Provenance;
use diffuscope::tensor_file::{self, CHECKSUM, METADATA_CHECKSUM, Question};
use diffuscope::train::film::Film;
use diffuscope::train::films;
use diffuscope::train::folder::read_run_file;
use diffuscope::train::gallery;
use diffuscope::train::history::History;
use diffuscope::train::watched::WatchedRun;
use diffuscope::trained::TrainedModel;
use diffuscope::{Error, Result};

/// One reader.
pub struct Reader {
    /// Of its target, and of its folder in `tests/corpus`.
    pub name: &'static str,
    /// The most memory: so many bytes, and so many for each byte of the files.
    pub most_memory: (usize, usize),
    /// Puts the bytes into files of a folder; returns how many bytes those have.
    write: fn(&Path, &[u8]) -> usize,
    /// Reads those files.
    read: fn(&Path) -> Result<()>,
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

pub const READERS: [Reader; 13] = [
    Reader { name: "pth", most_memory: (256 * KIB, 256), write: weights, read: load },
    Reader { name: "safetensors", most_memory: (256 * KIB, 64), write: weights, read: load },
    Reader { name: "model", most_memory: (256 * KIB, 64), write: header_and_zeros, read: open },
    Reader { name: "diffusers", most_memory: (256 * KIB, 64), write: pipeline, read: open_pipeline },
    Reader { name: "idx", most_memory: (256 * KIB, 4096), write: idx_file, read: read_idx },
    Reader { name: "png", most_memory: (32 * MIB, 4096), write: png, read: picture },
    Reader { name: "gif", most_memory: (32 * MIB, 4096), write: gif, read: picture },
    Reader { name: "provenance", most_memory: (MIB, 4096), write: png, read: provenance },
    Reader { name: "grid", most_memory: (64 * MIB, 64), write: grid, read: newest_grid },
    Reader { name: "film", most_memory: (256 * KIB, 64), write: film, read: read_films },
    Reader { name: "run", most_memory: (256 * KIB, 64), write: run, read: read_run },
    Reader { name: "tensors", most_memory: (256 * KIB, 64), write: weights, read: tensors },
    Reader { name: "checkpoint", most_memory: (MIB, 64), write: checkpoint::write, read: checkpoint::read },
];

impl Reader {
    /// Puts the bytes into files of `folder`; returns how many bytes those have.
    pub fn write(&self, folder: &Path, bytes: &[u8]) -> usize {
        (self.write)(folder, bytes)
    }

    /// Reads the files of `folder`. Panics where an error does not say what to do.
    pub fn read(&self, folder: &Path) -> bool {
        let read = (self.read)(folder);
        if let Err(error) = &read {
            assert!(!error.hint().is_empty() && !matches!(error, Error::Panicked(_)), "{error}");
        }
        read.is_ok()
    }

    /// The most memory that reading files of `length` bytes may take.
    pub fn bound(&self, length: usize) -> usize {
        self.most_memory.0 + self.most_memory.1 * length
    }
}

/// Between the files of one folder.
pub const SEPARATOR: &[u8] = b"\n%%\n";

/// The files of a folder of `N`; those that are not there are empty.
fn parts<const N: usize>(bytes: &[u8]) -> [&[u8]; N] {
    let (mut parts, mut rest) = ([&[][..]; N], bytes);
    for part in &mut parts {
        let end = rest.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
        *part = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or(&[], |end| &rest[end + SEPARATOR.len()..]);
    }
    parts
}

fn put(path: &Path, bytes: &[u8]) -> usize {
    let written = fs::write(path, bytes).or_else(|_| {
        fs::create_dir_all(path.parent().expect("it is in a folder"))?;
        fs::write(path, bytes)
    });
    written.expect("there is room");
    bytes.len()
}

const WEIGHTS: &str = "weights";

fn weights(folder: &Path, bytes: &[u8]) -> usize {
    put(&folder.join(WEIGHTS), bytes)
}

fn load(folder: &Path) -> Result<()> {
    let file = WeightsFile::open(&folder.join(WEIGHTS))?;
    file.load(file.tensors(), &Device::Cpu, &mut |_, _| ())?;
    file.load(file.averaged(), &Device::Cpu, &mut |_, _| ()).map(drop)
}

/// As what `predict --input` is given, and as what `eval --images` is.
fn tensors(folder: &Path) -> Result<()> {
    let path = folder.join(WEIGHTS);
    let asked = Question::read(&path, "none").map(|question| {
        assert!(question.t.len() == question.images.shape[0] && !question.images.values.is_empty());
    });
    let images = tensor_file::read_images(&path, "none").and_then(|images| {
        let images = Tensor::from_vec(images.values, images.shape, &Device::Cpu)?;
        judge::eight_bit(&images, &path).map(drop)
    });
    if asked.is_ok() { asked } else { images }
}

/// More zeros than that are not put behind a header.
const MOST_ZEROS: usize = 256 * KIB;

/// A safetensors file of this header: its tensors are these bytes and then zeros, at most so many, and their checksum, and
/// that of the metadata, are right where it names them.
fn of_header(header: &[u8], start: &[u8], most: usize) -> Vec<u8> {
    let parsed: Option<safetensors::tensor::Metadata> = serde_json::from_slice(header).ok();
    let mut data = start.to_vec();
    data.resize(parsed.as_ref().map_or(0, |header| header.data_len().min(most)), 0);
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    let mut crc = flate2::Crc::new();
    crc.update(&data);
    put_right(&mut bytes, CHECKSUM, &tensor_file::checksum(&crc));
    if let Some(metadata) = parsed.as_ref().and_then(|header| header.metadata().as_ref()) {
        put_right(&mut bytes, METADATA_CHECKSUM, &tensor_file::metadata_checksum(metadata));
    }
    bytes.extend(data);
    bytes
}

/// Puts a checksum into a header that names it.
fn put_right(header: &mut [u8], name: &str, checksum: &str) {
    let named = format!("\"{name}\":\"").into_bytes();
    let Some(at) = header.windows(named.len()).position(|window| window == named) else { return };
    let start = at + named.len();
    if let Some(place) = header.get_mut(start..start + checksum.len()) {
        place.copy_from_slice(checksum.as_bytes());
    }
}

const MODEL: &str = "model.safetensors";

fn header_and_zeros(folder: &Path, bytes: &[u8]) -> usize {
    put(&folder.join(MODEL), &of_header(bytes, &[], MOST_ZEROS))
}

fn open(folder: &Path) -> Result<()> {
    TrainedModel::open(&folder.join(MODEL), &Device::Cpu).map(drop)
}

/// `model_index.json`, `unet/config.json`, `scheduler/scheduler_config.json`, and the header of the weights.
fn pipeline(folder: &Path, bytes: &[u8]) -> usize {
    let [index, config, scheduler, header] = parts(bytes);
    put(&folder.join("model_index.json"), index)
        + put(&folder.join("unet/config.json"), config)
        + put(&folder.join("scheduler/scheduler_config.json"), scheduler)
        + put(&folder.join("unet/diffusion_pytorch_model.safetensors"), &of_header(header, &[], MOST_ZEROS))
}

fn open_pipeline(folder: &Path) -> Result<()> {
    TrainedModel::open(folder, &Device::Cpu).map(drop)
}

const IDX: &str = "a-images-idx3-ubyte";

fn idx_file(folder: &Path, bytes: &[u8]) -> usize {
    put(&folder.join(IDX), bytes)
}

/// As labels too, and what the window shows of images before they are learned from.
fn read_idx(folder: &Path) -> Result<()> {
    let path = folder.join(IDX);
    if idx::read_labels(&path).is_ok() {
        return Ok(());
    }
    let splits = data::load(&DataSource::Path(path))?;
    ContactSheet::new(&splits, &Preset::Nano.settings().data, 0).map(drop)
}

fn png(folder: &Path, bytes: &[u8]) -> usize {
    put(&folder.join("a.png"), bytes) + beside(folder)
}

fn gif(folder: &Path, bytes: &[u8]) -> usize {
    put(&folder.join("a.gif"), bytes) + beside(folder)
}

/// A sound picture, as a folder of one alone is refused.
fn beside(folder: &Path) -> usize {
    const SOUND: &[u8] = include_bytes!("../corpus/sound.png");
    if !folder.join("b.png").exists() {
        put(&folder.join("b.png"), SOUND);
    }
    SOUND.len()
}

fn picture(folder: &Path) -> Result<()> {
    data::load(&DataSource::Path(folder.to_path_buf())).map(drop)
}

fn provenance(folder: &Path) -> Result<()> {
    Provenance::read(&folder.join("a.png")).map(drop)
}

fn grid(folder: &Path, bytes: &[u8]) -> usize {
    put(&folder.join("grids/step-0000001.png"), bytes)
}

fn newest_grid(folder: &Path) -> Result<()> {
    let found = gallery::newest_grid(folder, Preset::Nano.settings().data.image_size);
    found.map(drop).ok_or_else(|| Error::format(folder, "no grid", "none: it is passed over"))
}

const FILM: &str = "films/step-0000002.safetensors";

fn film(folder: &Path, bytes: &[u8]) -> usize {
    put(&folder.join(FILM), bytes)
}

fn read_films(folder: &Path) -> Result<()> {
    films::read_all(folder, |film| {
        assert!(film.moments.iter().all(|moment| moment.x_t.count() == film.classes.len()));
        Ok(())
    })?;
    Film::read(&folder.join(FILM)).map(drop)
}

/// `run.json`, `metrics.jsonl` and `loss_by_timestep.jsonl`.
fn run(folder: &Path, bytes: &[u8]) -> usize {
    let [file, metrics, losses] = parts(bytes);
    let run = folder.join("run");
    put(&run.join("run.json"), file)
        + put(&run.join("metrics.jsonl"), metrics)
        + put(&run.join("loss_by_timestep.jsonl"), losses)
}

fn read_run(folder: &Path) -> Result<()> {
    let run = folder.join("run");
    gallery::list(folder)?;
    History::read(&run)?;
    read_run_file(&run)?;
    WatchedRun::open(&run)?.0.look(&mut |_| Ok(()))
}
