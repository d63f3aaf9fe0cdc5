//! How far the reading of images is, told as it goes on.

use std::io::{self, Read};

use crate::{Error, Result};

/// What is counted while images are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Pictures of a folder whose size was looked up; all are brought to the smallest.
    Sizes,
    /// Pictures of a folder.
    Pictures,
    /// Bytes of an IDX file.
    Bytes,
}

/// So much of a part is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    pub part: Part,
    pub done: u64,
    pub total: u64,
}

/// Told of what is read; an error from it ends the reading.
pub type OnRead<'a> = dyn FnMut(Reading) -> Result<()> + 'a;

/// Bytes of a file after which it is told again.
const CHUNK: u64 = 1 << 20;

/// A stream that tells how much of it was read.
pub(super) struct Told<'a, 'b, R> {
    stream: R,
    done: u64,
    next: u64,
    total: u64,
    on_read: &'a mut OnRead<'b>,
    /// Why the reading was to end.
    ended: Option<Error>,
}

impl<'a, 'b, R: Read> Told<'a, 'b, R> {
    /// Of a stream of `total` bytes.
    pub(super) fn new(stream: R, total: u64, on_read: &'a mut OnRead<'b>) -> Self {
        Self { stream, done: 0, next: 0, total, on_read, ended: None }
    }

    /// The error that ended the reading, where it was not the stream's own.
    pub(super) fn cause(self, error: Error) -> Error {
        self.ended.unwrap_or(error)
    }
}

impl<R: Read> Read for Told<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.done >= self.next {
            self.next = self.done + CHUNK;
            let told = (self.on_read)(Reading { part: Part::Bytes, done: self.done, total: self.total });
            if let Err(error) = told {
                self.ended = Some(error);
                return Err(io::Error::other("it was not to be read on"));
            }
        }
        let count = self.stream.read(buffer)?;
        self.done += count as u64;
        Ok(count)
    }
}
