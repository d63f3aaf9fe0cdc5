//! The IDX format of MNIST: a big-endian header and unsigned bytes, plain or in gzip.
//!
//! Magic `00 00 08 n` (08: unsigned byte, n: dimensions), then n sizes of 32 bits, then the values
//! (<http://yann.lecun.com/exdb/mnist/>).

use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use crate::files::open_regular;
use crate::{Error, Result};

/// The most bytes of values that a file may declare: 1 GiB, twenty times MNIST.
pub(super) const MAX_BYTES: u64 = 1 << 30;

/// The most images that a file may hold: brought to 32×32, they take 1 GiB again.
pub(super) const MAX_IMAGES: usize = 1 << 20;

/// The images of an IDX file, rows from the top, image after image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    pub count: usize,
    pub height: usize,
    pub width: usize,
    pub pixels: Vec<u8>,
}

/// Reads a file of images: three dimensions, count, height and width.
///
/// # Errors
/// [`Error::Read`] when the file cannot be read, [`Error::Format`] when it is not such a file, is cut off, has more
/// bytes than its header says, or declares more than 1 GiB. Never allocates more than twice what is really there.
pub fn read_images(path: &Path) -> Result<Images> {
    images(BufReader::new(open_regular(path)?), path)
}

/// Reads a file of labels: one dimension, one byte an image.
///
/// # Errors
/// As [`read_images`].
pub fn read_labels(path: &Path) -> Result<Vec<u8>> {
    labels(BufReader::new(open_regular(path)?), path)
}

/// As [`read_images`], from a stream; `origin` is named in errors.
///
/// # Errors
/// As [`read_images`].
pub fn images(stream: impl Read, origin: &Path) -> Result<Images> {
    let ([count, height, width], pixels) = values(stream, origin, "images")?;
    if pixels.is_empty() {
        let what = format!("holds no pixels: {count} images of {height}×{width}");
        return Err(Error::format(origin, what, "use a file with at least one image"));
    }
    if count > MAX_IMAGES {
        let what = format!("holds {count} images, over the limit of {MAX_IMAGES}");
        return Err(Error::format(origin, what, "use a smaller file"));
    }
    Ok(Images { count, height, width, pixels })
}

/// As [`read_labels`], from a stream; `origin` is named in errors.
///
/// # Errors
/// As [`read_images`].
pub fn labels(stream: impl Read, origin: &Path) -> Result<Vec<u8>> {
    let ([_], labels) = values(stream, origin, "labels")?;
    Ok(labels)
}

/// The sizes and the values of an IDX stream of N dimensions.
fn values<const N: usize>(mut stream: impl Read, origin: &Path, kind: &str) -> Result<([usize; N], Vec<u8>)> {
    let mut start = [0; 2];
    let found = read_fully(&mut stream, &mut start).map_err(Error::read(origin))?;
    let whole = io::Cursor::new(start).take(found as u64).chain(stream);
    match start {
        [0x1F, 0x8B] => plain_values(GzDecoder::new(whole), origin, kind),
        _ => plain_values(whole, origin, kind),
    }
}

fn plain_values<const N: usize>(mut stream: impl Read, origin: &Path, kind: &str) -> Result<([usize; N], Vec<u8>)> {
    let wrong = |what: String, hint: &str| Error::format(origin, what, hint);
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
            wrong(format!("damaged gzip data ({error})"), "copy or download the file again")
        }
        _ => Error::Read { path: origin.to_path_buf(), source: error },
    };
    let cut_off = |what: String| wrong(what, "the file is incomplete: copy or download it again");

    let mut header = vec![0; 4 + 4 * N];
    let found = read_fully(&mut stream, &mut header).map_err(failed)?;
    let magic = [0, 0, 8, N as u8];
    if found >= 4 && header[..4] != magic {
        let what = format!("not an IDX file of {kind}: begins with {:02x?}, not {magic:02x?}", &header[..4]);
        return Err(wrong(what, "use files in MNIST's IDX format, such as train-images-idx3-ubyte"));
    }
    if found < header.len() {
        return Err(cut_off(format!("ends after {found} bytes, inside its header")));
    }
    let mut sizes = [0u32; N];
    for (size, bytes) in sizes.iter_mut().zip(header[4..].chunks_exact(4)) {
        *size = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    let declared = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(u64::from(size)));
    let Some(declared) = declared.filter(|&bytes| bytes <= MAX_BYTES) else {
        let what = format!("its header declares {sizes:?} values, over the limit of 1 GiB");
        return Err(wrong(what, "use a smaller file, if the header is right"));
    };
    // The vector grows with the bytes that arrive, so that a header that lies, or a gzip bomb, costs nothing.
    let mut values = Vec::new();
    stream.by_ref().take(declared + 1).read_to_end(&mut values).map_err(failed)?;
    match (values.len() as u64).cmp(&declared) {
        std::cmp::Ordering::Less => {
            Err(cut_off(format!("ends after {} of the {declared} values that its header declares", values.len())))
        }
        std::cmp::Ordering::Greater => {
            let what = format!("goes on after the {declared} values that its header declares");
            Err(wrong(what, "the header and the content do not belong together: get the file again"))
        }
        std::cmp::Ordering::Equal => {
            values.shrink_to_fit();
            Ok((sizes.map(|size| size as usize), values))
        }
    }
}

/// Reads until `buffer` is full or the stream ends, and returns how much that was.
fn read_fully(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn file(sizes: &[u32], values: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, sizes.len() as u8];
        bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
        bytes.extend(values);
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn parse(bytes: &[u8]) -> Result<Images> {
        images(bytes, Path::new("digits"))
    }

    fn complaint(bytes: &[u8]) -> String {
        match parse(bytes) {
            Err(error @ Error::Format { .. }) => {
                assert!(!error.hint().is_empty());
                error.to_string()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn images_and_labels_are_read_plain_and_from_gzip() {
        let bytes = file(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
        let expected = Images { count: 2, height: 1, width: 3, pixels: vec![1, 2, 3, 4, 5, 6] };
        assert_eq!(parse(&bytes).unwrap(), expected);
        assert_eq!(parse(&gzip(&bytes)).unwrap(), expected);
        assert_eq!(labels(&file(&[3], &[7, 8, 9])[..], Path::new("labels")).unwrap(), [7, 8, 9]);
    }

    #[test]
    fn every_truncation_is_noticed() {
        let bytes = file(&[2, 2, 2], &[9; 8]);
        for length in 0..bytes.len() {
            assert!(complaint(&bytes[..length]).starts_with("digits: ends after"), "{length}");
        }
        let packed = gzip(&bytes);
        for length in 0..packed.len() {
            assert!(matches!(parse(&packed[..length]), Err(Error::Format { .. })), "{length}");
        }
    }

    #[test]
    fn wrong_content_is_named() {
        let bytes = file(&[2, 2, 2], &[9; 8]);
        assert!(complaint(b"\x89PNG\r\n\x1a\n and so on").contains("not an IDX file of images"));
        assert!(complaint(&file(&[8], &[1; 8])).contains("not an IDX file of images"));
        assert!(complaint(&[&bytes[..], &[0]].concat()).contains("goes on after the 8 values"));
        assert!(complaint(&file(&[0, 28, 28], &[])).contains("no pixels"));
        let mut damaged = gzip(&bytes);
        let last = damaged.len() - 5;
        damaged[last] ^= 0xFF;
        assert!(complaint(&damaged).contains("damaged gzip"));
    }

    #[test]
    fn lying_headers_and_gzip_bombs_cost_nothing() {
        assert!(complaint(&file(&[u32::MAX, u32::MAX, u32::MAX], &[1; 8])).contains("limit of 1 GiB"));
        assert!(complaint(&file(&[1 << 20, 1 << 5, 1 << 5], &[1; 8])).contains("ends after 8 of the 1073741824"));
        let bomb = gzip(&file(&[1, 2, 2], &vec![0; 50_000_000]));
        assert!(bomb.len() < 500_000);
        assert!(complaint(&bomb).contains("goes on after the 4 values"));
    }

    /// Each of them would be brought to 28×28: 784 times the file.
    #[test]
    fn millions_of_tiny_images_are_refused() {
        let bytes = file(&[(1 << 20) + 1, 1, 1], &vec![0; (1 << 20) + 1]);
        assert!(complaint(&gzip(&bytes)).contains("over the limit of 1048576"));
    }

    #[test]
    fn a_missing_file_is_a_read_error_with_its_path() {
        let error = read_images(Path::new("/nowhere/train-images")).unwrap_err();
        assert!(matches!(&error, Error::Read { .. }) && error.to_string().contains("/nowhere/train-images"));
    }
}
