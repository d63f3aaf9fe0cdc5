//! A folder of PNG and GIF images, in sub-folders 0 … 9 if they have classes.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use image::imageops::crop_imm;
use image::{DynamicImage, GrayImage, ImageReader, Limits, LumaA};

use super::dataset::MAX_BYTES;
use super::folder::{HINT, file_name, names};
use super::idx::{Images, MAX_IMAGES};
use super::reading::{OnRead, Part, Reading};
use super::resize::resize;
use super::{Dataset, Splits};
use crate::files::open_regular;
use crate::pictures::palette;
use crate::{Error, Result};

/// The largest side that is kept: twice the largest that a preset learns, so that a folder of photographs fits in memory.
const MAX_SIDE: u32 = 64;

const UNREADABLE: &str = "remove it from the folder, or save it again as PNG";

/// Larger pictures are not read: a small file can unpack to as much as it likes.
const MAX_WIDTH: u32 = 16_384;
const MAX_DECODED: u64 = 256 << 20;
/// Nor those that unpack to more than this, and so many bytes for each of the file's: deflate, of PNG, makes at most
/// 1,032 of one. A GIF of one colour can have more in it, and a few bytes can claim any size.
const ALWAYS_DECODED: u64 = 16 << 20;
const MAX_RATIO: u64 = 1_100;

/// Reads all pictures of a folder as grey squares; the last tenth is the test part.
///
/// Each is cropped to the square at its centre, and all are brought to the side of the smallest, at most 64 pixels.
/// Of a moving GIF, the first frame is taken. With sub-folders `0` … `9`, pictures are sorted by their own name
/// first, so that every part of the order has all classes. `on_read` is told before each picture, at first of their sizes.
///
/// # Errors
/// [`Error::Format`] when there are no pictures, when they lie both in the folder and in class folders, and for one
/// that cannot be decoded; [`Error::Read`] for one that cannot be read; and what `on_read` returned.
pub fn load(folder: &Path, on_read: &mut OnRead) -> Result<Splits> {
    let entries = names(folder)?;
    let loose: Vec<PathBuf> = entries.iter().filter(|path| is_picture(path)).cloned().collect();
    let mut classed = Vec::new();
    for (class, path) in entries.iter().filter_map(|path| Some((class_of(path)?, path))) {
        classed.extend(names(path)?.into_iter().filter(|path| is_picture(path)).map(|path| (path, class)));
    }
    classed.sort_by_cached_key(|(path, class)| (file_name(path), *class));
    if !loose.is_empty() && !classed.is_empty() {
        let what = "holds images both in itself and in class folders";
        return Err(Error::format(folder, what, "put each image in the folder of its class, 0 to 9, or all in one"));
    }
    let (paths, labels) = if classed.is_empty() {
        (loose, None)
    } else {
        let (paths, labels) = classed.into_iter().unzip();
        (paths, Some(labels))
    };
    if paths.is_empty() {
        return Err(Error::format(folder, "no images in this folder", HINT));
    }
    if paths.len() > MAX_IMAGES {
        return Err(too_many(folder, &format!("{} images, over the limit of {MAX_IMAGES}", paths.len())));
    }
    let side = common_side(&paths, on_read)?;
    let mut pixels = Vec::with_capacity(bytes_of(folder, paths.len(), side)?);
    for (path, done) in paths.iter().zip(0..) {
        on_read(Reading { part: Part::Pictures, done, total: paths.len() as u64 })?;
        pixels.extend(grey_square(path, side)?);
    }
    let images = Images { count: paths.len(), height: side as usize, width: side as usize, pixels };
    Dataset::from_idx(&file_name(folder), images, labels, folder)?.split(folder)
}

/// The bytes of so many squares.
fn bytes_of(folder: &Path, count: usize, side: u32) -> Result<usize> {
    match count.checked_mul((side * side) as usize).filter(|bytes| *bytes as u64 <= MAX_BYTES) {
        Some(bytes) => Ok(bytes),
        None => Err(too_many(folder, &format!("{count} images, which at {side}×{side} pixels are over 1 GiB"))),
    }
}

fn too_many(folder: &Path, what: &str) -> Error {
    let hint = "put a part of them into a folder of its own, or save them at 32×32 pixels: a million of those fit";
    Error::format(folder, format!("holds {what}"), hint)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    extension.is_some_and(|extension| extension == "png" || extension == "gif") && path.is_file()
}

/// The digit that a class folder is named by.
fn class_of(path: &Path) -> Option<u8> {
    match file_name(path).as_bytes() {
        [digit @ b'0'..=b'9'] if path.is_dir() => Some(digit - b'0'),
        _ => None,
    }
}

/// The smallest side of all pictures, from their headers alone.
fn common_side(paths: &[PathBuf], on_read: &mut OnRead) -> Result<u32> {
    paths.iter().zip(0..).try_fold(MAX_SIDE, |side, (path, done)| {
        on_read(Reading { part: Part::Sizes, done, total: paths.len() as u64 })?;
        let (width, height) = open(path)?.into_dimensions().map_err(|error| unreadable(path, error))?;
        Ok(side.min(width).min(height).max(1))
    })
}

/// The square at the centre of one picture, grey, `side`·`side` bytes; transparent pixels are white.
pub(super) fn grey_square(path: &Path, side: u32) -> Result<Vec<u8>> {
    if !palette::is_sound(path) {
        return Err(Error::format(path, "has a damaged palette", UNREADABLE));
    }
    let grey = grey(open(path)?.decode().map_err(|error| unreadable(path, error))?);
    let (width, height) = grey.dimensions();
    let whole = width.min(height);
    if whole == 0 {
        return Err(Error::format(path, "has no pixels", UNREADABLE));
    }
    let square = crop_imm(&grey, (width - whole) / 2, (height - whole) / 2, whole, whole).to_image();
    Ok(resize(square.as_raw(), (whole as usize, whole as usize), side as usize))
}

fn grey(picture: DynamicImage) -> GrayImage {
    if !picture.color().has_alpha() {
        return picture.into_luma8();
    }
    let both = picture.into_luma_alpha8();
    let over_white = |pixel: &LumaA<u8>| {
        let [grey, alpha] = pixel.0.map(u32::from);
        ((grey * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let pixels = both.pixels().map(over_white).collect();
    // As many as there were: the size fits.
    GrayImage::from_raw(both.width(), both.height(), pixels).unwrap_or_default()
}

fn open(path: &Path) -> Result<ImageReader<BufReader<File>>> {
    let file = open_regular(path)?;
    let length = file.metadata().map_err(Error::read(path))?.len();
    let mut reader = ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(Error::read(path))?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_WIDTH), Some(MAX_WIDTH));
    limits.max_alloc = Some(MAX_DECODED.min(length.saturating_mul(MAX_RATIO).saturating_add(ALWAYS_DECODED)));
    reader.limits(limits);
    Ok(reader)
}

fn unreadable(path: &Path, error: image::ImageError) -> Error {
    match error {
        image::ImageError::IoError(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            Error::Read { path: path.to_path_buf(), source }
        }
        other => {
            let what = format!("cannot be decoded as an image ({other})");
            Error::format(path, what, UNREADABLE)
        }
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, RgbImage};

    use super::*;

    fn load(folder: &Path) -> Result<Splits> {
        super::load(folder, &mut |_| Ok(()))
    }

    fn save(path: &Path, width: u32, height: u32, grey: u8) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        GrayImage::from_pixel(width, height, Luma([grey])).save(path).unwrap();
    }

    #[test]
    fn loose_pictures_are_sorted_cropped_and_brought_to_the_smallest_side() {
        let folder = tempfile::tempdir().unwrap();
        save(&folder.path().join("b.png"), 40, 30, 20);
        save(&folder.path().join("c.PNG"), 30, 90, 30);
        RgbImage::from_pixel(12, 20, image::Rgb([200, 200, 200])).save(folder.path().join("d.gif")).unwrap();
        let mut marked = GrayImage::from_pixel(24, 12, Luma([10]));
        marked.put_pixel(5, 0, Luma([255]));
        marked.put_pixel(6, 0, Luma([90]));
        marked.save(folder.path().join("a.png")).unwrap();
        std::fs::write(folder.path().join("readme.txt"), "not a picture").unwrap();
        let splits = load(folder.path()).unwrap();
        assert_eq!((splits.train.len(), splits.train.width, splits.train.height), (3, 12, 12));
        let (first, last) = (splits.train.image(0), splits.test.image(0));
        assert_eq!((first[0], first[1]), (90, 10), "columns 6 to 17 of 24 are the centre");
        assert_eq!((splits.train.image(1)[7], last[7], splits.train.label(0)), (20, 200, None));
    }

    #[test]
    fn class_folders_give_labels_and_each_part_has_all_classes() {
        let folder = tempfile::tempdir().unwrap();
        for class in [0, 1, 7] {
            for i in 0..10 {
                save(&folder.path().join(format!("{class}/{i:02}.png")), 8, 8, 10 * class + i);
            }
        }
        let splits = load(folder.path()).unwrap();
        assert_eq!((splits.train.len(), splits.test.len()), (27, 3));
        let test: Vec<_> = (0..3).map(|i| (splits.test.label(i), splits.test.image(i)[0])).collect();
        assert_eq!(test, [(Some(0), 9), (Some(1), 19), (Some(7), 79)]);
        save(&folder.path().join("loose.png"), 8, 8, 0);
        assert!(load(folder.path()).unwrap_err().to_string().contains("both in itself and in class folders"));
    }

    #[test]
    fn each_picture_is_told_of_before_it_is_read_and_an_error_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        (0..5).for_each(|i| save(&folder.path().join(format!("{i}.png")), 8, 8, i));
        let mut told = Vec::new();
        let stopped = super::load(folder.path(), &mut |reading| {
            told.push((reading.part, reading.done, reading.total));
            if told.len() == 8 { Err(Error::Cancelled) } else { Ok(()) }
        });
        assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
        let sizes = (0..5).map(|done| (Part::Sizes, done, 5));
        assert_eq!(told, sizes.chain((0..3).map(|done| (Part::Pictures, done, 5))).collect::<Vec<_>>());
    }

    #[test]
    fn large_pictures_are_shrunk_as_they_are_read() {
        let folder = tempfile::tempdir().unwrap();
        save(&folder.path().join("a.png"), 500, 300, 9);
        save(&folder.path().join("b.png"), 200, 300, 9);
        let splits = load(folder.path()).unwrap();
        assert_eq!((splits.train.width, splits.train.image(0)[0]), (64, 9));
    }

    #[test]
    fn a_folder_of_more_pixels_than_fit_is_refused_before_memory_is_taken_for_them() {
        let bytes = |count, side| bytes_of(Path::new("many"), count, side);
        assert_eq!((bytes(MAX_IMAGES, 32).unwrap(), bytes(1 << 18, MAX_SIDE).unwrap()), (1 << 30, 1 << 30));
        for (count, side) in [((1 << 18) + 1, MAX_SIDE), (MAX_IMAGES + 1, 32), (usize::MAX, 1), (usize::MAX, MAX_SIDE)]
        {
            let error = bytes(count, side).unwrap_err();
            assert!(error.to_string().contains("over 1 GiB") && error.hint().contains("32×32"), "{error}");
        }
    }

    #[test]
    fn a_picture_that_cannot_be_decoded_is_named() {
        let folder = tempfile::tempdir().unwrap();
        save(&folder.path().join("a.png"), 8, 8, 9);
        let whole = std::fs::read(folder.path().join("a.png")).unwrap();
        for bytes in [&whole[..whole.len() - 20], &whole[..10], b"text", b""] {
            std::fs::write(folder.path().join("broken.png"), bytes).unwrap();
            let error = load(folder.path()).unwrap_err();
            assert!(matches!(&error, Error::Format { .. }), "{error}");
            assert!(error.to_string().contains("broken.png") && !error.hint().is_empty(), "{error}");
        }
    }

    /// A GIF whose screen has this size, and a frame of one pixel on it.
    fn gif(width: u16, height: u16) -> Vec<u8> {
        let (width, height) = (width.to_le_bytes(), height.to_le_bytes());
        let screen = [&b"GIF89a"[..], &width, &height, &[0x80, 0, 0, 0, 0, 0, 255, 255, 255]].concat();
        [&screen[..], b",\0\0\0\0\x01\0\x01\0\0", b"\x02\x02D\x01\0", b";"].concat()
    }

    fn complaint(name: &str, bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        save(&folder.path().join("sound.png"), 8, 8, 9);
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let error = load(folder.path()).map(|_| panic!("it was read")).unwrap_err();
        assert!(matches!(&error, Error::Format { .. }) && !error.hint().is_empty(), "{error}");
        error.to_string()
    }

    /// Found by the fuzzer: the loops over its rows and columns panicked.
    #[test]
    fn a_gif_without_width_or_height_is_refused() {
        for (width, height) in [(0, 5), (5, 0), (0, 0)] {
            assert!(complaint("a.gif", &gif(width, height)).contains("a.gif: has no pixels"), "{width}×{height}");
        }
    }

    /// Found by the fuzzer: 254 MB for a GIF of 363 bytes.
    #[test]
    fn a_small_gif_that_claims_a_large_screen_is_refused_before_memory_is_taken_for_it() {
        assert!(complaint("a.gif", &gif(16_000, 4_000)).contains("limit"));
        let folder = tempfile::tempdir().unwrap();
        save(&folder.path().join("sound.png"), 8, 8, 9);
        std::fs::write(folder.path().join("a.gif"), gif(1_000, 1_000)).unwrap();
        load(folder.path()).unwrap();
    }

    /// White paper of 5,000 by 4,000 pixels, packed as closely as deflate can.
    #[test]
    fn a_large_picture_of_one_grey_is_read() {
        use image::codecs::png::{CompressionType, FilterType, PngEncoder};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let file = std::fs::File::create(&path).unwrap();
        let encoder = PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::NoFilter);
        GrayImage::from_pixel(5_000, 4_000, Luma([255])).write_with_encoder(encoder).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() < 40_000);
        save(&folder.path().join("b.png"), 8, 8, 9);
        load(folder.path()).unwrap();
    }
}
