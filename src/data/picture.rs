//! One picture of a person's own, brought to what a model draws.

use std::path::Path;

use super::picture_folder::grey_square;
use crate::{Error, Result};

/// Reads a PNG or GIF as a folder's are read: the square at its centre, grey, `size`·`size` bytes. What is transparent
/// is white, as on a sheet of paper.
///
/// # Errors
/// [`Error::Read`] where it cannot be read, [`Error::Format`] where it is no such picture.
pub fn read(path: &Path, size: usize) -> Result<Vec<u8>> {
    grey_square(path, size as u32).map_err(|error| match error {
        Error::Format { path, what, .. } => Error::format(&path, what, "choose another, or save it again as PNG"),
        other => other,
    })
}

/// Whether most of the border of a square picture is nearer to white than to black, as ink on paper is: MNIST is white
/// on black.
pub fn has_bright_background(pixels: &[u8], size: usize) -> bool {
    let on_border = |i: usize| {
        let (x, y) = (i % size, i / size);
        x == 0 || y == 0 || x + 1 == size || y + 1 == size
    };
    let border = || pixels.iter().enumerate().filter(|(i, _)| on_border(*i));
    2 * border().filter(|(_, pixel)| **pixel > 127).count() > border().count()
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgba, RgbaImage};

    use super::*;

    #[test]
    fn a_drawing_on_paper_and_one_without_paper_have_a_bright_background() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seven.png");
        let mut drawn = GrayImage::from_pixel(60, 40, Luma([240]));
        (10..30).for_each(|y| drawn.put_pixel(30, y, Luma([0])));
        drawn.save(&path).unwrap();
        let paper = read(&path, 28).unwrap();
        assert_eq!((paper.len(), has_bright_background(&paper, 28)), (784, true));

        let mut cut_out = RgbaImage::from_pixel(40, 40, Rgba([0, 0, 0, 0]));
        (10..30).for_each(|y| cut_out.put_pixel(20, y, Rgba([0, 0, 0, 255])));
        cut_out.save(&path).unwrap();
        let clear = read(&path, 28).unwrap();
        assert!(has_bright_background(&clear, 28) && clear.iter().any(|pixel| *pixel < 200), "the stroke is seen");

        let black: Vec<u8> = paper.iter().map(|pixel| 255 - pixel).collect();
        assert!(!has_bright_background(&black, 28));
    }

    #[test]
    fn what_is_no_picture_is_named_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seven.png");
        assert!(matches!(read(&path, 28), Err(Error::Read { .. })));
        std::fs::write(&path, "text").unwrap();
        let error = read(&path, 28).unwrap_err();
        assert!(error.to_string().contains("seven.png"), "{error}");
        assert_eq!(error.hint(), "choose another, or save it again as PNG");
    }
}
