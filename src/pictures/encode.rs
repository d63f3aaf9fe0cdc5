//! Pictures as PNG, APNG and GIF files.

use std::io::{self, Cursor};
use std::path::Path;
use std::time::Duration;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, GrayImage, ImageError};
use png::EncodingError;

use super::Pictures;
use super::provenance::{KEYWORD, Provenance};
use crate::Error;
use crate::files::{write_atomically, write_folder_atomically};

/// Pixels between two pictures of a grid.
pub const GAP: usize = 2;
/// How long a frame of an animation is shown.
const FRAME_TIME: Duration = Duration::from_millis(60);
/// How long the last frame of an animation is held.
const LAST_FRAME_TIME: Duration = Duration::from_secs(2);

/// The first picture as an 8-bit grey PNG that says what drew it, where that is known.
///
/// # Errors
/// When there is no picture.
pub fn png(pictures: &Pictures, provenance: Option<&Provenance>) -> io::Result<Vec<u8>> {
    encode(&[pictures], provenance, None, &mut |_| ()).map_err(png_to_io)
}

/// `told` gets the share of the frames that are encoded, 0 to 1, here and below.
///
/// The first picture of each element, all of one size, as an endlessly repeated APNG: a PNG whose first frame every
/// program shows. The last frame is held for two seconds.
///
/// # Errors
/// When a picture is missing or of another size.
pub fn apng(
    frames: &[Pictures],
    frame_time: Duration,
    provenance: Option<&Provenance>,
    told: &mut dyn FnMut(f64),
) -> io::Result<Vec<u8>> {
    encode(&frames.iter().collect::<Vec<_>>(), provenance, Some(frame_time), told).map_err(png_to_io)
}

fn encode(
    frames: &[&Pictures],
    provenance: Option<&Provenance>,
    frame_time: Option<Duration>,
    told: &mut dyn FnMut(f64),
) -> Result<Vec<u8>, EncodingError> {
    let (width, height) = size(frames.first().copied().unwrap_or(&Pictures::default()))?;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    if let Some(provenance) = provenance {
        encoder.add_itxt_chunk(KEYWORD.into(), provenance.to_text()?)?;
    }
    let milliseconds = |time: Duration| u16::try_from(time.as_millis()).unwrap_or(u16::MAX);
    if let Some(time) = frame_time {
        encoder.set_animated(u32::try_from(frames.len()).map_err(io::Error::other)?, 0)?;
        encoder.set_frame_delay(milliseconds(time), 1000)?;
    }
    let mut writer = encoder.write_header()?;
    for (i, frame) in frames.iter().enumerate() {
        if size(frame)? != (width, height) {
            return Err(io::Error::other("a picture of another size").into());
        }
        if frame_time.is_some() && i + 1 == frames.len() {
            writer.set_frame_delay(milliseconds(LAST_FRAME_TIME), 1000)?;
        }
        writer.write_image_data(&frame.pixels[..(width * height) as usize])?;
        told((i + 1) as f64 / frames.len() as f64);
    }
    writer.finish()?;
    Ok(bytes)
}

/// The first picture of each element as an endlessly repeated GIF; the last one is held for two seconds.
///
/// # Errors
/// When a picture is missing or too large for the format.
pub fn gif(frames: &[Pictures], frame_time: Duration, told: &mut dyn FnMut(f64)) -> io::Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.set_repeat(Repeat::Infinite).map_err(to_io)?;
    for (i, frame) in frames.iter().enumerate() {
        let (width, height) = size(frame)?;
        let grey = GrayImage::from_raw(width, height, frame.pixels[..(width * height) as usize].to_vec())
            .ok_or_else(|| io::Error::other("a picture of the wrong size"))?;
        let time = if i + 1 == frames.len() { LAST_FRAME_TIME } else { frame_time };
        let rgba = image::DynamicImage::ImageLuma8(grey).into_rgba8();
        let delay = Delay::from_saturating_duration(time);
        encoder.encode_frame(image::Frame::from_parts(rgba, 0, 0, delay)).map_err(to_io)?;
        told((i + 1) as f64 / frames.len() as f64);
    }
    drop(encoder);
    Ok(bytes.into_inner())
}

/// Writes the first picture as a PNG, whole or not at all.
///
/// # Errors
/// When there is no picture or the file cannot be written.
pub fn write_png(path: &Path, pictures: &Pictures) -> crate::Result<()> {
    write_png_of(path, pictures, None)
}

/// As [`write_png`], and the file says what drew the picture.
///
/// # Errors
/// As [`write_png`].
pub fn write_png_of(path: &Path, pictures: &Pictures, provenance: Option<&Provenance>) -> crate::Result<()> {
    let bytes = png(pictures, provenance).map_err(Error::write(path))?;
    write_atomically(path, |file| file.write_all(&bytes))
}

/// Says whether [`write_singles`] may make this folder.
///
/// # Errors
/// When something of that name exists.
pub fn check_new_folder(folder: &Path) -> crate::Result<()> {
    if folder.exists() { Err(not_new(folder)) } else { Ok(()) }
}

fn not_new(folder: &Path) -> Error {
    Error::usage(format!("{} exists already", folder.display()), "choose the name of a new folder")
}

/// Writes the frames as an animated GIF of grids, `columns` pictures a row, whole or not at all.
///
/// # Errors
/// When a frame has no picture or the file cannot be written.
pub fn write_film(path: &Path, frames: &[Pictures], columns: usize, told: &mut dyn FnMut(f64)) -> crate::Result<()> {
    let bytes = gif(&grids(frames, columns), FRAME_TIME, told).map_err(Error::write(path))?;
    write_atomically(path, |file| file.write_all(&bytes))
}

/// As [`write_film`], as an APNG that says what drew it.
///
/// # Errors
/// As [`write_film`].
pub fn write_animated_png(
    path: &Path,
    frames: &[Pictures],
    columns: usize,
    provenance: Option<&Provenance>,
    told: &mut dyn FnMut(f64),
) -> crate::Result<()> {
    let bytes = apng(&grids(frames, columns), FRAME_TIME, provenance, told).map_err(Error::write(path))?;
    write_atomically(path, |file| file.write_all(&bytes))
}

fn grids(frames: &[Pictures], columns: usize) -> Vec<Pictures> {
    frames.iter().map(|frame| frame.grid(columns, GAP, 0)).collect()
}

/// One PNG a picture in a new folder: `0000.png`, `0001.png` …; all of them or none.
///
/// # Errors
/// When something of that name exists, or the folder cannot be written.
pub fn write_singles(
    folder: &Path,
    pictures: &Pictures,
    provenance: Option<&Provenance>,
    told: &mut dyn FnMut(f64),
) -> crate::Result<()> {
    check_new_folder(folder)?;
    write_folder_atomically(folder, &|_| Err(not_new(folder)), |folder| {
        (0..pictures.count()).try_for_each(|i| {
            let one = Pictures { width: pictures.width, height: pictures.height, pixels: pictures.get(i).to_vec() };
            let provenance = provenance.map(|all| all.of_image(i));
            write_png_of(&folder.join(format!("{i:04}.png")), &one, provenance.as_ref())?;
            told((i + 1) as f64 / pictures.count() as f64);
            Ok(())
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

pub(super) fn png_to_io(error: EncodingError) -> io::Error {
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
        let bytes = gif(&[frame(7), frame(9)], Duration::from_millis(40), &mut |_| ()).unwrap();
        let decoder = image::codecs::gif::GifDecoder::new(Cursor::new(bytes)).unwrap();
        assert_eq!(image::AnimationDecoder::into_frames(decoder).count(), 2);
        assert!(png(&Pictures::default(), None).is_err());
    }

    #[test]
    fn an_apng_has_every_frame_its_times_and_what_drew_it() {
        let frame = |value| Pictures { width: 3, height: 2, pixels: vec![0, value, 255, 1, 2, 3] };
        let mut shares = Vec::new();
        let mut told = |share| shares.push(share);
        let bytes = apng(&[frame(7), frame(8), frame(9)], Duration::from_millis(40), None, &mut told).unwrap();
        assert_eq!(shares, [1.0 / 3.0, 2.0 / 3.0, 1.0]);
        let mut reader = png::Decoder::new(Cursor::new(&bytes)).read_info().unwrap();
        let control = reader.info().animation_control.unwrap();
        assert_eq!((control.num_frames, control.num_plays), (3, 0));
        for (value, delay) in [(7, 40), (8, 40), (9, 2000)] {
            let mut pixels = [0; 6];
            reader.next_frame(&mut pixels).unwrap();
            let shown = reader.info().frame_control.unwrap();
            assert_eq!((pixels[1], shown.delay_num, shown.delay_den), (value, delay, 1000));
        }
        let first = image::load_from_memory_with_format(&bytes, image::ImageFormat::Png).unwrap().into_luma8();
        assert_eq!(first.as_raw(), &frame(7).pixels, "other programs show the first frame");
        let small = Pictures { width: 1, height: 1, pixels: vec![0] };
        assert!(apng(&[frame(7), small], FRAME_TIME, None, &mut |_| ()).is_err());
        assert!(apng(&[], FRAME_TIME, None, &mut |_| ()).is_err());
    }
}
