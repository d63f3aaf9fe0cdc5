//! Files from strangers: whatever bytes they hold, reading them ends soon, in a result or in an error that names the
//! file. Small whole files are cut short, and their bits turned, thousands of times; and what each format can lie
//! about is tried by itself.

#![allow(clippy::unwrap_used)]

#[path = "support/tiny_run.rs"]
mod tiny_run;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use diffuscope::config::{DataSource, Settings, WeightsKind};
use diffuscope::data::{self, mnist};
use diffuscope::eval::judge::eight_bit;
use diffuscope::export::{ExportFormat, export};
use diffuscope::model::weights::WeightsFile;
use diffuscope::pictures::{Pictures, Provenance, write_png_of};
use diffuscope::tensor_file::{self, Entry, Question};
use diffuscope::train::film::{Film, FilmMoment};
use diffuscope::train::films;
use diffuscope::train::folder::read_run_file;
use diffuscope::train::gallery;
use diffuscope::train::history::History;
use diffuscope::train::{Control, Run};
use diffuscope::trained::TrainedModel;
use diffuscope::{Error, Result};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

#[cfg(target_os = "linux")]
#[path = "support/memory.rs"]
mod memory;

/// No file of these sizes may take longer, on a loaded machine.
const LONGEST: Duration = Duration::from_secs(10);

/// What happens to the bytes of a whole file.
#[derive(Debug, Clone)]
enum Damage {
    /// It ends here.
    Cut(Index),
    /// One bit of some bytes is turned.
    Flip(Vec<(Index, u8)>),
    /// Some bytes are others.
    Write(Index, Vec<u8>),
    /// A piece is left out.
    Remove(Index, Index),
    /// A piece stands there twice.
    Repeat(Index, Index),
    /// None of it is left.
    Noise(Vec<u8>),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        let place = any::<Index>;
        let telling = prop::sample::select(vec![0u8, 1, 0x7f, 0x80, 0xff]);
        prop_oneof![
            place().prop_map(Self::Cut),
            prop::collection::vec((place(), 0u8..8), 1..4).prop_map(Self::Flip),
            (place(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Self::Write(at, bytes)),
            (place(), prop::collection::vec(telling, 1..9)).prop_map(|(at, bytes)| Self::Write(at, bytes)),
            (place(), place()).prop_map(|(from, to)| Self::Remove(from, to)),
            (place(), place()).prop_map(|(from, to)| Self::Repeat(from, to)),
            prop::collection::vec(any::<u8>(), 0..400).prop_map(Self::Noise),
        ]
    }

    /// `start`: how many bytes from the beginning it happens in.
    fn done_to(&self, whole: &[u8], start: usize) -> Vec<u8> {
        let mut bytes = whole.to_vec();
        let length = start.min(bytes.len());
        let piece = |from: &Index, to: &Index| {
            let (from, to) = (from.index(length), to.index(length));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Flip(bits) => bits.iter().for_each(|(at, bit)| bytes[at.index(length)] ^= 1 << bit),
            Self::Write(at, new) => {
                let at = at.index(length);
                let end = (at + new.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&new[..end - at]);
            }
            Self::Remove(from, to) => drop(bytes.drain(piece(from, to))),
            Self::Repeat(from, to) => {
                let range = piece(from, to);
                let twice = bytes[range.clone()].to_vec();
                bytes.splice(range.start..range.start, twice);
            }
            Self::Noise(noise) => bytes.clone_from(noise),
        }
        bytes
    }
}

/// Damages the file at `path` in `cases` ways and reads it each time; then it is whole again. Headers lie at the
/// beginning, where half of the damage is done.
fn damage(path: &Path, cases: u32, read: impl Fn() -> Result<()>) {
    let whole = fs::read(path).unwrap();
    read().unwrap_or_else(|error| panic!("{} is not whole: {error}", path.display()));
    let mut runner = TestRunner::new_with_rng(
        Config { cases, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let result = runner.run(&(Damage::any(), any::<bool>()), |(damage, early)| {
        fs::write(path, damage.done_to(&whole, if early { 512 } else { whole.len() })).unwrap();
        let begun = Instant::now();
        if let Err(error) = read() {
            prop_assert!(!error.hint().is_empty() && !matches!(error, Error::Panicked(_)), "{error}");
        }
        prop_assert!(begun.elapsed() < LONGEST, "it took {:?}", begun.elapsed());
        Ok(())
    });
    fs::write(path, whole).unwrap();
    result.unwrap_or_else(|failure| panic!("{}: {failure}", path.display()));
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn open(path: &Path) -> Result<()> {
    TrainedModel::open(path, &Device::Cpu).map(drop)
}

/// Lists the file and reads all that it lists.
fn load(path: &Path) -> Result<()> {
    let file = WeightsFile::open(path)?;
    file.load(file.tensors(), &Device::Cpu, &mut |_, _| ())?;
    file.load(file.averaged(), &Device::Cpu, &mut |_, _| ()).map(drop)
}

fn data(path: &Path) -> Result<()> {
    data::load(&DataSource::Path(path.to_path_buf())).map(drop)
}

fn tiny() -> Settings {
    tiny_run::settings(2, 1, 1e-3)
}

/// A run of two steps in `folder/run`.
fn run_in(folder: &Path) -> PathBuf {
    let path = folder.join("run");
    let mut run = Run::create(&tiny(), &mnist::load().unwrap(), &path, &Device::Cpu).unwrap();
    run.train(&mut |_, _| Ok(Control::Continue)).unwrap();
    path
}

/// The newest film of a run, of two digits, so that its header is a good part of it.
fn film_in(run: &Path) -> PathBuf {
    let path = run.join("films/step-0000002.safetensors");
    if !path.exists() {
        let picture = |value| Arc::new(Pictures { width: 6, height: 5, pixels: vec![value; 60] });
        let moment = |t: usize| FilmMoment { t, x_t: picture(1), x0_hat: picture(2), eps_hat: picture(3) };
        let moments = [900, 400, 0].map(moment).to_vec();
        let film = Film { step: 2, timesteps: 1000, classes: vec![Some(1), None], moments };
        films::add(run, &film, u64::MAX).unwrap();
    }
    path
}

#[test]
fn weights_of_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["state_dict.pth", "nested.pth", "legacy.pth"] {
        let path = folder.path().join(name);
        fs::copy(vectors().join(name), &path).unwrap();
        damage(&path, 2000, || load(&path));
    }
}

#[test]
fn weights_of_safetensors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("expected.safetensors");
    fs::copy(vectors().join("state_dict_expected.safetensors"), &path).unwrap();
    damage(&path, 4000, || load(&path));
}

#[test]
fn exported_models() {
    let folder = tempfile::tempdir().unwrap();
    let (model, _) = TrainedModel::open(&run_in(folder.path()), &Device::Cpu).unwrap();
    for (name, format) in [("a.safetensors", ExportFormat::Safetensors), ("a.pth", ExportFormat::Pth)] {
        let path = folder.path().join(name);
        export(&model, WeightsKind::Ema, format, &path).unwrap();
        damage(&path, 300, || open(&path));
    }
}

#[test]
fn folders_of_diffusers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipeline");
    copy_folder(&vectors().join("pipeline"), &path);
    for name in ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"] {
        damage(&path.join(name), 700, || open(&path));
    }
}

#[test]
fn images_of_idx() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 6, 0, 0, 0, 5];
    bytes.extend((0..600u32).map(|i| (i % 251) as u8));
    let plain = folder.path().join("a-images-idx3-ubyte");
    fs::write(&plain, &bytes).unwrap();
    damage(&plain, 3000, || data(&plain));
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&bytes).unwrap();
    let path = folder.path().join("b-images-idx3-ubyte.gz");
    fs::write(&path, packed.finish().unwrap()).unwrap();
    damage(&path, 3000, || data(&path));
}

#[test]
fn pictures() {
    let folder = tempfile::tempdir().unwrap();
    let picture = image::GrayImage::from_fn(24, 20, |x, y| image::Luma([(x * y) as u8]));
    for name in ["a.png", "b.gif"] {
        let inside = folder.path().join(name.replace('.', "-"));
        fs::create_dir(&inside).unwrap();
        picture.save(inside.join("sound.png")).unwrap();
        let path = inside.join(name);
        image::DynamicImage::from(picture.clone()).into_rgb8().save(&path).unwrap();
        damage(&path, 3000, || data(&inside));
    }
}

#[test]
fn runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = run_in(folder.path());
    let list = || gallery::list(folder.path()).map(drop);
    let resume = || {
        let splits = |_: &Settings| mnist::load();
        Run::resume(&path, |recorded| Ok(recorded.clone()), splits, &Device::Cpu).map(drop)
    };
    damage(&path.join("metrics.jsonl"), 700, || {
        list()?;
        History::read(&path).map(drop)
    });
    damage(&path.join("run.json"), 700, || {
        list()?;
        read_run_file(&path).map(drop)
    });
    damage(&path.join("checkpoint.safetensors"), 300, || open(&path));
    let grid = fs::read_dir(path.join("grids")).unwrap().next().expect("a grid was drawn").unwrap().path();
    damage(&grid, 1000, list);
    damage(&film_in(&path), 3000, || {
        let films = films::read_all(&path, |film| {
            assert!(film.moments.iter().all(|moment| moment.x_t.count() == film.classes.len()));
            Ok(())
        })?;
        if films == 0 { Ok(()) } else { Film::read(&film_in(&path)).map(drop) }
    });
    for name in ["run.json", "checkpoint.safetensors", "metrics.jsonl"] {
        damage(&path.join(name), 12, resume);
    }
}

#[test]
fn questions_and_images() {
    let folder = tempfile::tempdir().unwrap();
    let tensor = |name: &str, shape: &[usize]| {
        let values = (0..shape.iter().product()).map(|i: usize| (i as f32 * 0.37).sin()).collect();
        Entry { name: name.into(), shape: shape.to_vec(), values: Cow::Owned(values) }
    };
    let path = folder.path().join("question.safetensors");
    let entries = [tensor("input", &[2, 1, 6, 5]), tensor("t", &[2]), tensor("class_labels", &[2])];
    tensor_file::write(&path, BTreeMap::new(), &entries).unwrap();
    damage(&path, 4000, || Question::read(&path, "a hint").map(drop));
    let path = folder.path().join("images.safetensors");
    tensor_file::write(&path, BTreeMap::new(), &[tensor("images", &[3, 1, 6, 6])]).unwrap();
    damage(&path, 4000, || {
        let images = tensor_file::read_images(&path, "a hint")?;
        eight_bit(&Tensor::from_vec(images.values, images.shape, &Device::Cpu)?, &path).map(drop)
    });
}

#[test]
fn settings_inside_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let provenance = Provenance::new(&tiny(), &tiny().sampling, "first".into(), 2);
    let picture = Pictures { width: 6, height: 5, pixels: vec![7; 30] };
    write_png_of(&path, &picture, Some(&provenance)).unwrap();
    damage(&path, 4000, || Provenance::read(&path).map(drop));
}

/// A picture of one grey, `side` pixels wide and high, written as a stream.
fn png_of_zeros(side: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |name: &[u8; 4], content: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(content);
        png.extend((content.len() as u32).to_be_bytes());
        png.extend(name);
        png.extend(content);
        png.extend(crc.sum().to_be_bytes());
    };
    chunk(b"IHDR", &[&side.to_be_bytes()[..], &side.to_be_bytes(), &[8, 0, 0, 0, 0]].concat());
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    let row = vec![0; side as usize + 1];
    (0..side).for_each(|_| packed.write_all(&row).unwrap());
    chunk(b"IDAT", &packed.finish().unwrap());
    chunk(b"IEND", &[]);
    png
}

/// 400 MB of pixels in a file of 2 MB.
#[cfg(target_os = "linux")]
#[test]
fn a_picture_that_unpacks_to_too_much_is_refused_before_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    fs::write(&path, png_of_zeros(20_000)).unwrap();
    let before = memory::memory_from_now();
    let error = data(folder.path()).unwrap_err().to_string();
    assert!(error.contains("a.png") && fs::metadata(&path).unwrap().len() < 4 << 20, "{error}");
    let more = memory::most_memory().saturating_sub(before);
    // Other tests of this file run beside it; what they take is a few MB.
    assert!(more < 200 << 20, "{more} bytes more");
    fs::write(&path, png_of_zeros(2_000)).unwrap();
    fs::write(folder.path().join("b.png"), png_of_zeros(100)).unwrap();
    data(folder.path()).unwrap();
}

/// Settings in a checkpoint of somebody else: T, from which tables are made, and parts that are divided by.
#[test]
fn settings_of_a_foreign_checkpoint_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = run_in(folder.path()).join("checkpoint.safetensors");
    let whole = fs::read(&path).unwrap();
    let header = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let text = String::from_utf8(whole[8..8 + header].to_vec()).unwrap();
    let lie = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} is not in {text}");
        let text = text.replace(from, to);
        let bytes = [&(text.len() as u64).to_le_bytes()[..], text.as_bytes(), &whole[8 + header..]].concat();
        let path = folder.path().join("foreign.safetensors");
        fs::write(&path, bytes).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{to}: {error}");
    };
    lie(r#"\"timesteps\":1000"#, r#"\"timesteps\":4000000000000"#);
    lie(r#"\"channels\":16"#, r#"\"channels\":0"#);
    lie(r#"\"image_size\":28"#, r#"\"image_size\":18446744073709551615"#);
    lie(r#""step":"2""#, r#""step":"18446744073709551615""#);
    lie(r#"\"preview_seconds\":0.001"#, r#"\"preview_seconds\":1e300"#);
    let nanoseconds = text.split(r#""nanoseconds":""#).nth(1).unwrap().split('"').next().unwrap();
    let nanoseconds = format!(r#""nanoseconds":"{nanoseconds}""#);
    lie(&nanoseconds, r#""nanoseconds":"18446744073709551615""#);
}
