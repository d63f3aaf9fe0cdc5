//! Puts the checksums of a mutated file right, in place: with wrong ones, a reader would look no further.

use std::io::Read;

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// Of a PNG, a gzip or a zip file; others stay.
pub fn repair(bytes: &mut [u8]) {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => png(bytes),
        [0x1f, 0x8b, 8, 0, ..] => gzip(bytes),
        [b'P', b'K', 3, 4, ..] => zip(bytes),
        _ => {}
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(usize::from(u16::from_le_bytes(bytes.try_into().ok()?)))
}

fn set(bytes: &mut [u8], at: usize, value: [u8; 4]) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&value);
    }
}

/// A CRC behind each chunk: PNG specification, section 5.3.
fn png(bytes: &mut [u8]) {
    let mut at = 8;
    while let Some(length) = bytes.get(at..at + 4) {
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let Some(content) = bytes.get(at + 4..at + 8 + length) else { return };
        let sum = crc(content);
        set(bytes, at + 8 + length, sum.to_be_bytes());
        at += 12 + length;
    }
}

/// CRC and length behind the data: RFC 1952. Headers with names or notes are left alone.
fn gzip(bytes: &mut [u8]) {
    const MOST: u64 = 1 << 20;
    let mut decoder = DeflateDecoder::new(&bytes[10.min(bytes.len())..]);
    let mut content = Vec::new();
    if decoder.by_ref().take(MOST).read_to_end(&mut content).is_ok() && (content.len() as u64) < MOST {
        let end = 10 + decoder.total_in() as usize;
        set(bytes, end, crc(&content).to_le_bytes());
        set(bytes, end + 4, (content.len() as u32).to_le_bytes());
    }
}

/// A CRC in each entry of the directory, and in the header before the data unless it follows them: APPNOTE, section 4.3.
fn zip(bytes: &mut [u8]) {
    let entries: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"PK\x01\x02")).collect();
    for entry in entries {
        let data = || {
            let (size, header) = (number(bytes, entry + 20)?, number(bytes, entry + 42)?);
            let start = header + 30 + short(bytes, header + 26)? + short(bytes, header + 28)?;
            Some((header, crc(bytes.get(start..start.checked_add(size)?)?)))
        };
        let Some((header, sum)) = data() else { continue };
        set(bytes, entry + 16, sum.to_le_bytes());
        if number(bytes, header + 14) != Some(0) {
            set(bytes, header + 14, sum.to_le_bytes());
        }
    }
}
