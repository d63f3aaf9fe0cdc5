//! A file of lines that a run adds to, and what it has not yet kept for good.
//!
//! A disk that goes away and comes back, or a folder that is replaced by a copy, leaves the open file where nobody finds
//! it. So lines stay in memory until a checkpoint is kept, and are written again where the path names another file by
//! then.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{open_if_there, open_to_append};
use crate::files::disk::{self, Writer};
use crate::files::write_atomically;
use crate::{Error, Result};

/// Bytes that are gathered before they are written.
const BUFFER: usize = 8 << 10;

/// See the module.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: Writer<File>,
    /// Lines of the steps after `kept`.
    added: Vec<u8>,
    /// Bytes of them that the file was given.
    written: usize,
    /// Step of the last checkpoint.
    kept: u64,
}

impl Lines {
    /// To add lines of the steps after `kept`.
    pub fn open(path: PathBuf, kept: u64) -> Result<Self> {
        let file = Writer(open_to_append(&path)?);
        Ok(Self { path, file, added: Vec::new(), written: 0, kept })
    }

    /// Adds an object, or nothing where this fails.
    pub fn add(&mut self, line: &impl Serialize) -> Result<()> {
        let text = serde_json::to_vec(line).map_err(|error| Error::write(&self.path)(error.into()))?;
        if self.added.len() - self.written + text.len() > BUFFER {
            self.flush()?;
        }
        self.added.extend_from_slice(&text);
        self.added.push(b'\n');
        Ok(())
    }

    /// Gives the file what is held in memory alone, so that readers see it.
    pub fn flush(&mut self) -> Result<()> {
        while self.written < self.added.len() {
            match self.file.write(&self.added[self.written..]) {
                Ok(0) => return Err(Error::write(&self.path)(ErrorKind::WriteZero.into())),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::write(&self.path)(error)),
            }
        }
        Ok(())
    }

    /// What was added reaches the disk.
    pub fn sync(&mut self) -> Result<()> {
        self.flush()?;
        disk::sync(&self.file.0).map_err(Error::write(&self.path))
    }

    /// A checkpoint of `step` is kept, and with it, after [`sync`](Self::sync), these lines.
    pub fn keep(&mut self, step: u64) {
        self.added.drain(..self.written);
        (self.written, self.kept) = (0, step);
    }

    /// Forgets the lines of the steps after `step`.
    pub fn cut(&mut self, step: u64) -> Result<()> {
        self.flush()?;
        keep_lines_until(&self.path, step)?;
        *self = Self::open(self.path.clone(), step)?;
        Ok(())
    }

    /// Where the path names another file than the one that was opened, or none: writes there what was added since the last
    /// checkpoint, in place of what stands there of those steps.
    pub fn mend(&mut self) -> Result<()> {
        if disk::is_at(&self.file.0, &self.path) {
            return Ok(());
        }
        keep_lines_until(&self.path, self.kept)?;
        self.file = Writer(open_to_append(&self.path)?);
        self.written = 0;
        self.flush()
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

/// Rewrites a file of lines without the lines after `step` and without a torn last line.
pub(super) fn keep_lines_until(path: &Path, step: u64) -> Result<()> {
    #[derive(Deserialize)]
    struct Line {
        step: u64,
    }
    let Some(file) = open_if_there(path)? else { return Ok(()) };
    let mut reader = BufReader::new(file);
    let mut kept = Vec::new();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).map_err(Error::read(path))? > 0 {
        match serde_json::from_slice::<Line>(&line) {
            Ok(parsed) if parsed.step <= step && line.ends_with(b"\n") => kept.append(&mut line),
            _ => line.clear(),
        }
    }
    write_atomically(path, |file| file.write_all(&kept))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[derive(Serialize)]
    struct Line {
        step: u64,
    }

    fn steps(path: &Path) -> String {
        fs::read_to_string(path).unwrap().replace("{\"step\":", "").replace("}\n", " ")
    }

    #[cfg(unix)]
    #[test]
    fn lines_since_the_last_checkpoint_are_written_again_where_the_file_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut lines = Lines::open(path.clone(), 0).unwrap();
        let add = |lines: &mut Lines, step: u64| lines.add(&Line { step }).unwrap();
        (1..=2).for_each(|step| add(&mut lines, step));
        lines.sync().unwrap();
        lines.keep(2);
        (3..=4).for_each(|step| add(&mut lines, step));
        lines.flush().unwrap();
        lines.mend().unwrap();
        assert_eq!(steps(&path), "1 2 3 4 ", "nothing to mend");
        // A copy that lacks the last line, and whose last but one is torn; and then none at all.
        fs::rename(&path, folder.path().join("away")).unwrap();
        fs::write(&path, "{\"step\":1}\n{\"step\":2}\n{\"step\":3").unwrap();
        add(&mut lines, 5);
        lines.mend().unwrap();
        assert_eq!(steps(&path), "1 2 3 4 5 ");
        fs::remove_file(&path).unwrap();
        add(&mut lines, 6);
        lines.mend().unwrap();
        assert_eq!(steps(&path), "3 4 5 6 ");
        assert_eq!(steps(&folder.path().join("away")), "1 2 3 4 ");
    }
}
