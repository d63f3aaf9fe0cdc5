//! The bytes of a pickle, taken from the front and never beyond the end.

use super::Parsed;

/// The longest line that names a function.
const MAX_LINE: usize = 256;

/// A position in bytes.
#[derive(Debug, Default)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub fn position(&self) -> usize {
        self.position
    }

    pub fn bytes(&mut self, count: usize) -> Parsed<&'a [u8]> {
        let rest = &self.bytes[self.position..];
        let taken = rest.get(..count).ok_or("its pickle is cut short")?;
        self.position += count;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    pub fn byte(&mut self) -> Parsed<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The text up to the next line feed, which is passed.
    pub fn line(&mut self) -> Parsed<&'a str> {
        let rest = &self.bytes[self.position..];
        let window = &rest[..rest.len().min(MAX_LINE)];
        let end = window.iter().position(|&byte| byte == b'\n').ok_or("its pickle is cut short in a name")?;
        self.position += end + 1;
        std::str::from_utf8(&rest[..end]).map_err(|_| "its pickle holds a name that is not UTF-8".into())
    }
}
