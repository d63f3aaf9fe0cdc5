//! The runs of a folder, for a list of them: settings, how far they came, and digits of the newest grid.

use std::fs;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use image::{ImageFormat, ImageReader, Limits};

use super::folder::{GRID_GAP, GRIDS, METRICS, RunFile, checkpoint_paths, grids_in, open_if_there, read_run_file};
use super::history::Line;
use crate::files::open_own;
use crate::pictures::{Pictures, palette};
use crate::{Error, Result};

/// Bytes read from the end of `metrics.jsonl`: some hundred steps.
const TAIL: u64 = 64 << 10;
/// Steps that the loss is averaged over.
const RECENT: usize = 50;
/// Digits of a thumbnail: two rows of a grid.
const THUMBNAIL: usize = 16;
/// Larger files are not what this program wrote, and are not read.
const MAX_GRID_FILE: u64 = 8 << 20;
const MAX_GRID_SIDE: u32 = 2048;

/// One folder in the list of runs.
#[derive(Debug, Clone)]
pub struct RunSummary {
    pub path: PathBuf,
    /// When it was last written to.
    pub changed: SystemTime,
    /// What it holds, or in words why that cannot be read.
    pub record: Result<RunRecord, String>,
}

/// What a run left on disk.
#[derive(Debug, Clone)]
pub struct RunRecord {
    pub file: RunFile,
    /// Steps done.
    pub step: u64,
    /// Share of the budget that is spent, 0 to 1.
    pub share: f64,
    /// Mean of the last losses, at most fifty; none before the first step.
    pub loss: Option<f64>,
    /// Whether there is a checkpoint to open or to go on from.
    pub checkpoint: bool,
    /// The first digits of the newest grid.
    pub thumbnail: Option<Arc<Pictures>>,
}

/// The runs in a folder, the one last written to first. Every folder inside is listed, also one that cannot be
/// read, but for hidden ones; no folder means no runs.
///
/// # Errors
/// When the folder is there and cannot be read.
pub fn list(folder: &Path) -> Result<Vec<RunSummary>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::read(folder)(error)),
    };
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let is_hidden = |path: &PathBuf| path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let runs = paths.filter(|path| path.is_dir() && !is_hidden(path));
    let mut runs: Vec<_> = runs.map(summary).collect();
    runs.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| b.path.cmp(&a.path)));
    Ok(runs)
}

fn summary(path: PathBuf) -> RunSummary {
    let times =
        [METRICS, "run.json", "."].map(|name| fs::symlink_metadata(path.join(name)).and_then(|it| it.modified()));
    let changed = times.into_iter().find_map(std::io::Result::ok).unwrap_or(SystemTime::UNIX_EPOCH);
    let record = record(&path).map_err(|error| error.to_string());
    RunSummary { path, changed, record }
}

fn record(path: &Path) -> Result<RunRecord> {
    let file = read_run_file(path)?;
    let tail = tail(&path.join(METRICS))?;
    let thumbnail = newest_grid(path, file.settings.data.image_size).map(|(_, grid)| {
        let bytes = (THUMBNAIL * grid.width * grid.height).min(grid.pixels.len());
        Arc::new(Pictures { pixels: grid.pixels[..bytes].to_vec(), ..grid })
    });
    let checkpoint =
        checkpoint_paths(path).iter().any(|path| fs::symlink_metadata(path).is_ok_and(|about| about.is_file()));
    Ok(RunRecord { file, step: tail.step, share: tail.share, loss: tail.loss, checkpoint, thumbnail })
}

#[derive(Default)]
struct Tail {
    step: u64,
    share: f64,
    loss: Option<f64>,
}

/// The last steps of a metrics file, of which only the end is read.
fn tail(path: &Path) -> Result<Tail> {
    let Some(mut file) = open_if_there(path)? else { return Ok(Tail::default()) };
    let mut text = Vec::new();
    let length = file.metadata().map_err(Error::read(path))?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).map_err(Error::read(path))?;
    file.take(TAIL).read_to_end(&mut text).map_err(Error::read(path))?;
    // The first line may be half a line, and the last one too: those do not parse.
    let reports = text.split(|byte| *byte == b'\n').rev().filter_map(|line| match serde_json::from_slice(line) {
        Ok(Line::Step(report)) => Some(report),
        _ => None,
    });
    let recent: Vec<_> = reports.take(RECENT).collect();
    let Some(last) = recent.first() else {
        if length == 0 {
            return Ok(Tail::default());
        }
        return Err(Error::format(path, "its end holds no step", "look at the file, or delete the run"));
    };
    let loss = recent.iter().map(|report| report.loss).sum::<f64>() / recent.len() as f64;
    Ok(Tail { step: last.step, share: last.progress.clamp(0.0, 1.0), loss: Some(loss) })
}

/// The newest grid of a run with its step, cut into its pictures of `size`×`size` pixels; none if there is none that
/// this program can have written.
pub fn newest_grid(run: &Path, size: usize) -> Option<(u64, Pictures)> {
    let (step, path) = grids_in(&run.join(GRIDS)).ok()?.pop()?;
    let file = open_own(&path).ok()?;
    if file.metadata().ok()?.len() > MAX_GRID_FILE || !palette::is_sound(&path) {
        return None;
    }
    let mut reader = ImageReader::with_format(BufReader::new(file), ImageFormat::Png);
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_GRID_SIDE), Some(MAX_GRID_SIDE));
    reader.limits(limits);
    let image = reader.decode().ok()?.into_luma8();
    let (width, height) = (image.width() as usize, image.height() as usize);
    let grid = Pictures { width, height, pixels: image.into_raw() };
    Some((step, grid.cut(size, GRID_GAP)?))
}

#[cfg(test)]
mod tests {
    use super::super::folder::write_run_file;
    use super::super::run_name::RunName;
    use super::*;
    use crate::config::Preset;
    use crate::pictures::write_png;

    fn run(folder: &Path, name: &str, metrics: &str) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir_all(path.join("grids")).unwrap();
        let settings = Preset::Nano.settings();
        let file = RunFile {
            version: "1".into(),
            settings,
            dataset: "MNIST".into(),
            images: 9,
            images_crc32: String::new(),
            parameters: 7,
            rollbacks: Vec::new(),
            name: RunName::default(),
        };
        write_run_file(&path, &file).unwrap();
        fs::write(path.join("metrics.jsonl"), metrics).unwrap();
        path
    }

    fn step(step: u64, loss: f64) -> String {
        let progress = step as f64 / 2000.0;
        format!(
            r#"{{"step":{step},"epoch":0.1,"images":8,"loss":{loss},"lr":0.1,"grad_norm":1.0,"seconds":2.0,"progress":{progress}}}"#
        )
    }

    #[test]
    fn no_folder_and_an_empty_one_have_no_runs() {
        let folder = tempfile::tempdir().unwrap();
        assert!(list(folder.path()).unwrap().is_empty());
        assert!(list(&folder.path().join("nowhere")).unwrap().is_empty());
    }

    #[test]
    fn a_run_is_summed_up_from_the_end_of_its_metrics() {
        let folder = tempfile::tempdir().unwrap();
        let losses = |i: u64| if i <= 950 { 5.0 } else { 0.25 };
        let mut lines: Vec<_> = (1..=1000).map(|i| step(i, losses(i))).collect();
        lines.push(r#"{"step":1000,"held_out":0.3}"#.into());
        lines.push(r#"{"step":1001,"epo"#.into());
        let path = run(folder.path(), "long", &lines.join("\n"));
        let digits = Pictures { width: 28, height: 28, pixels: (0..64 * 784).map(|i| (i / 784) as u8).collect() };
        for (name, pictures) in [("step-0000900.png", &Pictures::default()), ("step-0001000.png", &digits)] {
            if pictures.count() > 0 {
                write_png(&path.join("grids").join(name), &pictures.grid(8, GRID_GAP, 0)).unwrap();
            } else {
                fs::write(path.join("grids").join(name), "not a picture").unwrap();
            }
        }
        fs::write(path.join("checkpoint.safetensors"), "").unwrap();
        let runs = list(folder.path()).unwrap();
        let record = runs[0].record.as_ref().unwrap();
        assert_eq!((record.step, record.share, record.loss), (1000, 0.5, Some(0.25)));
        assert!(record.checkpoint);
        assert_eq!(record.thumbnail.as_ref().unwrap().pixels, digits.pixels[..16 * 784]);
        assert_eq!(newest_grid(&path, 28).unwrap(), (1000, digits));
    }

    #[test]
    fn what_cannot_be_read_is_listed_with_its_reason_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        for (age, name) in ["garbage", "settings", "fresh"].into_iter().enumerate() {
            let path = run(folder.path(), name, if name == "garbage" { "{{{{\n" } else { "" });
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000 + age as u64);
            fs::File::options().write(true).open(path.join("metrics.jsonl")).unwrap().set_modified(time).unwrap();
        }
        fs::write(folder.path().join("settings/run.json"), "{").unwrap();
        fs::remove_file(folder.path().join("settings/run.copy.json")).unwrap();
        fs::create_dir(folder.path().join(".hidden")).unwrap();
        fs::write(folder.path().join("a file"), "").unwrap();
        let runs = list(folder.path()).unwrap();
        let names: Vec<_> = runs.iter().map(|run| run.path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["fresh", "settings", "garbage"]);
        assert_eq!(runs[0].record.as_ref().unwrap().loss, None);
        assert!(runs[1].record.as_ref().unwrap_err().contains("run.json"), "{:?}", runs[1].record);
        assert!(runs[2].record.as_ref().unwrap_err().contains("holds no step"), "{:?}", runs[2].record);
    }

    #[test]
    fn a_picture_that_would_fill_the_memory_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = run(folder.path(), "large", "");
        let wide = Pictures { width: 4000, height: 30, pixels: vec![0; 120_000] };
        write_png(&path.join("grids/step-0000001.png"), &wide).unwrap();
        assert_eq!(newest_grid(&path, 28), None);
        assert!(list(folder.path()).unwrap()[0].record.as_ref().unwrap().thumbnail.is_none());
    }
}
