//! `--log`: what happens inside, on standard error or in a file that begins anew before it grows large.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use crate::files::open_regular;
use crate::{Error, Result};

/// Bytes of a file of the log, and how many are kept: `FILE`, the one before it `FILE.1`, and `FILE.2`.
const MOST_BYTES: u64 = 4 << 20;
const FILES: usize = 3;
/// What is told of in a file, unless `DIFFUSCOPE_LOG` says otherwise.
const LEVEL_IN_FILES: &str = "info";

/// Where the log goes and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Log {
    /// To standard error: `error`, `warn`, `info`, `debug` or `trace`.
    Level(String),
    /// To this file.
    File(PathBuf),
}

/// What was typed after `--log`.
pub(super) fn log(typed: &str) -> Result<Log, std::convert::Infallible> {
    let level = ["error", "warn", "info", "debug", "trace"].contains(&typed);
    Ok(if level { Log::Level(typed.into()) } else { Log::File(typed.into()) })
}

/// Begins the log: as `--log` says, else on standard error where the variable `DIFFUSCOPE_LOG` asks for it.
///
/// # Errors
/// When the file cannot be written.
pub fn begin(log: Option<&Log>) -> Result<()> {
    let asked = EnvFilter::try_from_env("DIFFUSCOPE_LOG");
    let to_stderr = |filter| {
        let ansi = io::stderr().is_terminal();
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).log_internal_errors(false);
        log.with_writer(|| Untroubled(io::stderr())).init();
    };
    match log {
        None => asked.into_iter().for_each(to_stderr),
        Some(Log::Level(level)) => to_stderr(EnvFilter::new(level)),
        Some(Log::File(path)) => {
            refuse_files_of_others(path)?;
            let file = Rotating::open(path, MOST_BYTES).map_err(Error::write(path))?;
            let filter = asked.unwrap_or_else(|_| EnvFilter::new(LEVEL_IN_FILES));
            let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).log_internal_errors(false);
            log.with_writer(Mutex::new(Untroubled(file))).init();
        }
    }
    tracing::info!("diffuscope {} began", env!("CARGO_PKG_VERSION"));
    Ok(())
}

/// What the log grows into, and is renamed over, is a log: it begins with the time of its first line. Devices are no files.
fn refuse_files_of_others(path: &Path) -> Result<()> {
    for path in (0..FILES).map(|number| named(path, number)).filter(|path| path.is_file()) {
        let mut beginning = Vec::new();
        open_regular(&path)?.take(20).read_to_end(&mut beginning).map_err(Error::read(&path))?;
        let is_time = |bytes: &[u8]| {
            let mark = |at: usize, mark: u8| bytes.get(at) == Some(&mark);
            bytes.iter().take(4).all(u8::is_ascii_digit) && mark(4, b'-') && mark(7, b'-') && mark(10, b'T')
        };
        if !beginning.is_empty() && !is_time(&beginning) {
            let what = format!("--log: {} is no log of this program", path.display());
            return Err(Error::usage(what, "choose another name: a full log takes the place of NAME.1 and NAME.2"));
        }
    }
    Ok(())
}

/// The log, or an older one.
fn named(path: &Path, number: usize) -> PathBuf {
    match number {
        0 => path.into(),
        number => {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{number}"));
            name.into()
        }
    }
}

/// A log that cannot be written, as on a full disk or into a closed pipe, is no reason to end what it tells of.
struct Untroubled<W>(W);

impl<W: Write> Write for Untroubled<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        Ok(self.0.write(line).unwrap_or(line.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

/// A file that is put aside when it is full.
struct Rotating {
    path: PathBuf,
    most: u64,
    file: File,
    bytes: u64,
}

impl Rotating {
    fn open(path: &Path, most: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path: path.into(), most, file, bytes })
    }

    /// `FILE` is `FILE.1` from now on, and so on; the oldest goes.
    fn put_aside(&mut self) -> io::Result<()> {
        for number in (1..FILES).rev() {
            let [newer, older] = [number - 1, number].map(|number| named(&self.path, number));
            if newer.exists() {
                fs::rename(newer, older)?;
            }
        }
        *self = Self::open(&self.path, self.most)?;
        Ok(())
    }
}

impl Write for Rotating {
    /// One line at a time. What does not fit goes into the next file, cut where a line alone is too long.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.bytes > 0 && self.bytes + line.len() as u64 > self.most {
            self.put_aside()?;
        }
        let kept = line.len().min(self.most as usize);
        self.file.write_all(&line[..kept])?;
        self.bytes += kept as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_stays_within_three_files_and_keeps_the_newest_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        fs::write(&path, "of the last start\n").unwrap();
        let mut log = Rotating::open(&path, 1000).unwrap();
        for i in 0..5_000 {
            writeln!(log, "line {i}").unwrap();
        }
        log.write_all(&[b'x'; 5_000]).unwrap();
        writeln!(log, "the end").unwrap();
        let mut sizes: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
        sizes.sort();
        assert!(sizes.len() == FILES && sizes.iter().all(|size| *size <= 1000), "{sizes:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "the end\n");
        let before = fs::read_to_string(folder.path().join("a.log.2")).unwrap();
        assert!(before.ends_with("line 4999\n"), "{before}");
    }

    #[test]
    fn no_file_of_others_is_written_to_or_renamed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("thesis");
        let log = "2026-11-24T15:30:12.000001Z  INFO diffuscope: began\n";
        for (number, text, refused) in
            [(0, "words", true), (1, "words", true), (2, "words", true), (0, "", false), (1, log, false)]
        {
            let file = named(&path, number);
            fs::write(&file, text).unwrap();
            assert_eq!(refuse_files_of_others(&path).is_err(), refused, "{number}: {text}");
            fs::remove_file(&file).unwrap();
        }
    }

    #[test]
    fn a_level_is_not_a_file() {
        assert_eq!(log("debug"), Ok(Log::Level("debug".into())));
        assert_eq!(log("debug.txt"), Ok(Log::File("debug.txt".into())));
    }
}
