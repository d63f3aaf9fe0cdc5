//! A file of lines that another program goes on writing: only what is new is read.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;

use super::folder::open_if_there;
use crate::{Error, Result};

/// Longer lines are not what this program wrote: they are read in pieces, none of which is a line of metrics.
const MAX_LINE: u64 = 1 << 16;

/// Where reading stands in a file that grows.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    /// Bytes of the lines that were handed over.
    offset: u64,
    /// The last of those lines: what must still stand before the offset.
    last: Vec<u8>,
}

/// What a file that was read before has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grown {
    /// It goes on from where it was read to; so many bytes are new.
    By(u64),
    /// What was read is not in it any more: it was cut, written anew, or removed.
    Replaced,
}

impl Tail {
    /// At the beginning of a file, which need not be there yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, offset: 0, last: Vec::new() }
    }

    /// Hands over each whole line that is new, the line end with it. A last line that is half written is left for the
    /// next time. Nothing is handed over of a file that was replaced.
    ///
    /// The file is opened anew each time, as a network mount tells of what others wrote only then.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(super) fn read(&mut self, mut take: impl FnMut(&[u8])) -> Result<Grown> {
        let Some(mut file) = open_if_there(&self.path)? else {
            return Ok(if self.offset == 0 { Grown::By(0) } else { Grown::Replaced });
        };
        if !self.goes_on(&mut file)? {
            return Ok(Grown::Replaced);
        }
        let (begun, mut reader, mut line) = (self.offset, BufReader::new(file), Vec::new());
        loop {
            line.clear();
            let taken = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(Error::read(&self.path))?;
            let whole = line.ends_with(b"\n");
            if !whole && (taken as u64) < MAX_LINE {
                return Ok(Grown::By(self.offset - begun));
            }
            take(&line);
            self.offset += taken as u64;
            std::mem::swap(&mut self.last, &mut line);
        }
    }

    /// Whether the last line that was handed over still stands where it stood; the file is then at its end.
    fn goes_on(&self, file: &mut File) -> Result<bool> {
        let wrong = Error::read(&self.path);
        let look = |file: &mut File| -> std::io::Result<bool> {
            if file.metadata()?.len() < self.offset {
                return Ok(false);
            }
            file.seek(SeekFrom::Start(self.offset - self.last.len() as u64))?;
            let mut found = vec![0; self.last.len()];
            match file.read_exact(&mut found) {
                Ok(()) => Ok(found == self.last),
                // It was cut in between.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
                Err(error) => Err(error),
            }
        };
        look(file).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn read(tail: &mut Tail) -> (Vec<String>, Grown) {
        let mut lines = Vec::new();
        let grown = tail.read(|line| lines.push(String::from_utf8_lossy(line).trim_end().to_owned())).unwrap();
        (lines, grown)
    }

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn only_what_is_new_is_handed_over_and_a_half_line_waits_for_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut tail = Tail::new(path.clone());
        assert_eq!(read(&mut tail), (vec![], Grown::By(0)), "it is not there yet");
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(read(&mut tail), (lines(&["one"]), Grown::By(4)));
        assert_eq!(read(&mut tail), (vec![], Grown::By(0)));
        file.write_all(b"o\nthree\n").unwrap();
        assert_eq!(read(&mut tail), (lines(&["two", "three"]), Grown::By(10)));
    }

    #[test]
    fn a_file_that_was_cut_written_anew_or_removed_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let begin = || {
            fs::write(&path, "one\ntwo\nthree\n").unwrap();
            let mut tail = Tail::new(path.clone());
            assert_eq!(read(&mut tail).0.len(), 3);
            tail
        };
        let mut tail = begin();
        fs::write(&path, "one\n").unwrap();
        assert_eq!(read(&mut tail), (vec![], Grown::Replaced));
        // Rolled back, and longer again before it was looked at.
        let mut tail = begin();
        fs::write(&path, "one\nnew two\nnew three\nfour\n").unwrap();
        assert_eq!(read(&mut tail), (vec![], Grown::Replaced));
        let mut tail = begin();
        fs::remove_file(&path).unwrap();
        assert_eq!(read(&mut tail), (vec![], Grown::Replaced));
        // What was not read yet may change.
        let mut tail = begin();
        fs::write(&path, "one\ntwo\nthree\nfour\n").unwrap();
        assert_eq!(read(&mut tail), (lines(&["four"]), Grown::By(5)));
    }

    #[test]
    fn a_line_without_end_is_passed_over_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        fs::write(&path, [vec![b'x'; 3 * MAX_LINE as usize], b"\nend\n".to_vec()].concat()).unwrap();
        let mut tail = Tail::new(path);
        let mut longest = 0;
        let mut last = Vec::new();
        tail.read(|line| (longest, last) = (longest.max(line.len()), line.to_vec())).unwrap();
        assert_eq!((longest, last.as_slice()), (MAX_LINE as usize, &b"end\n"[..]));
    }
}
