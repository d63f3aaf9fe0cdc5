//! Pictures as PNG and GIF files.

use std::io::{self, Cursor};
use std::path::Path;
use std::time::Duration;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, GrayImage, ImageError};
use png::EncodingError;

use super::Pictures;
use super::provenance::{KEYWORD, Provenance};
use crate::files::{write_atomically, write_folder_atomically};
use crate::{Error, Result};

/// Pixels between two pictures of a grid.
pub const GAP: usize = 2;
/// How long a frame of an animation is shown.
const FRAME_TIME: Duration = Duration::from_millis(60);

/// The first picture as an 8-bit grey PNG that says what drew it, where that is known.
///
/// # Errors
/// When there is no picture.
pub fn png(pictures: &Pictures, provenance: Option<&Provenance>) -> io::Result<Vec<u8>> {
    let (width, height) = size(pictures)?;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    if let Some(provenance) = provenance {
        encoder.add_itxt_chunk(KEYWORD.into(), provenance.to_text()?).map_err(png_to_io)?;
    }
    let mut writer = encoder.write_header().map_err(png_to_io)?;
    writer.write_image_data(&pictures.pixels[..(width * height) as usize]).map_err(png_to_io)?;
    writer.finish().map_err(png_to_io)?;
    Ok(bytes)
}

/// The first picture of each element as an endlessly repeated GIF; the last one is held for two seconds.
///
/// # Errors
/// When a picture is missing or too large for the format.
pub fn gif(frames: &[Pictures], frame_time: Duration) -> io::Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.set_repeat(Repeat::Infinite).map_err(to_io)?;
    for (i, frame) in frames.iter().enumerate() {
        let (width, height) = size(frame)?;
        let grey = GrayImage::from_raw(width, height, frame.pixels[..(width * height) as usize].to_vec())
            .ok_or_else(|| io::Error::other("a picture of the wrong size"))?;
        let time = if i + 1 == frames.len() { Duration::from_secs(2) } else { frame_time };
        let rgba = image::DynamicImage::ImageLuma8(grey).into_rgba8();
        let delay = Delay::from_saturating_duration(time);
        encoder.encode_frame(image::Frame::from_parts(rgba, 0, 0, delay)).map_err(to_io)?;
    }
    drop(encoder);
    Ok(bytes.into_inner())
}

/// Writes the first picture as a PNG, whole or not at all.
///
/// # Errors
/// When there is no picture or the file cannot be written.
pub fn write_png(path: &Path, pictures: &Pictures) -> Result<()> {
    write_png_of(path, pictures, None)
}

/// As [`write_png`], and the file says what drew the picture.
///
/// # Errors
/// As [`write_png`].
pub fn write_png_of(path: &Path, pictures: &Pictures, provenance: Option<&Provenance>) -> Result<()> {
    let bytes = png(pictures, provenance).map_err(Error::write(path))?;
    write_atomically(path, |file| file.write_all(&bytes))
}

/// Says whether [`write_singles`] may make this folder.
///
/// # Errors
/// When something of that name exists.
pub fn check_new_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        return Err(Error::usage(format!("{} exists already", folder.display()), "choose the name of a new folder"));
    }
    Ok(())
}

/// Writes the frames as an animation of grids, `columns` pictures a row, whole or not at all.
///
/// # Errors
/// When a frame has no picture or the file cannot be written.
pub fn write_film(path: &Path, frames: &[Pictures], columns: usize) -> Result<()> {
    let grids: Vec<Pictures> = frames.iter().map(|frame| frame.grid(columns, GAP, 0)).collect();
    let bytes = gif(&grids, FRAME_TIME).map_err(Error::write(path))?;
    write_atomically(path, |file| file.write_all(&bytes))
}

/// One PNG a picture in a new folder: `0000.png`, `0001.png` …; all of them or none.
///
/// # Errors
/// When something of that name exists, or the folder cannot be written.
pub fn write_singles(folder: &Path, pictures: &Pictures, provenance: Option<&Provenance>) -> Result<()> {
    check_new_folder(folder)?;
    write_folder_atomically(folder, |folder| {
        (0..pictures.count()).try_for_each(|i| {
            let one = Pictures { width: pictures.width, height: pictures.height, pixels: pictures.get(i).to_vec() };
            let provenance = provenance.map(|all| all.of_image(i));
            write_png_of(&folder.join(format!("{i:04}.png")), &one, provenance.as_ref())
        })
    })
}

fn size(pictures: &Pictures) -> io::Result<(u32, u32)> {
    if pictures.count() == 0 {
        return Err(io::Error::other("there is no picture"));
    }
    let side = |n: usize| u32::try_from(n).map_err(io::Error::other);
    Ok((side(pictures.width)?, side(pictures.height)?))
}

fn png_to_io(error: EncodingError) -> io::Error {
    match error {
        EncodingError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

fn to_io(error: ImageError) -> io::Error {
    match error {
        ImageError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn png_and_gif_can_be_read_back() {
        let frame = |value| Pictures { width: 3, height: 2, pixels: vec![0, value, 255, 1, 2, 3] };
        let bytes = png(&frame(7), None).unwrap();
        let read = image::load_from_memory(&bytes).unwrap().into_luma8();
        assert_eq!(read.as_raw(), &frame(7).pixels);
        let bytes = gif(&[frame(7), frame(9)], Duration::from_millis(40)).unwrap();
        let decoder = image::codecs::gif::GifDecoder::new(Cursor::new(bytes)).unwrap();
        assert_eq!(image::AnimationDecoder::into_frames(decoder).count(), 2);
        assert!(png(&Pictures::default(), None).is_err());
    }
}
