//! The screen of an Xvfb server, read from its frame buffer file: XWD, as `XWDFile.h` describes it.

use std::fs;
use std::path::Path;

/// A picture of the screen.
pub struct Screen {
    pub width: usize,
    pub height: usize,
    /// Red, green, blue.
    pub pixels: Vec<[u8; 3]>,
}

impl Screen {
    /// Reads the file that `Xvfb -fbdir` keeps: a header of big-endian words, a colour table, 32 bits a pixel.
    pub fn read(path: &Path) -> Self {
        let bytes = fs::read(path).expect("the frame buffer can be read");
        let word = |i: usize| u32::from_be_bytes([0, 1, 2, 3].map(|k| bytes[4 * i + k])) as usize;
        let (header, width, height, stride, colours) = (word(0), word(4), word(5), word(12), word(19));
        assert_eq!(word(11), 32, "bits a pixel");
        let start = header + 12 * colours;
        let line = |y: usize| &bytes[start + y * stride..start + y * stride + 4 * width];
        let pixels = (0..height).flat_map(|y| line(y).chunks_exact(4).map(|p| [p[2], p[1], p[0]]));
        Self { width, height, pixels: pixels.collect() }
    }

    /// The places, within the rectangle, whose colour is within 12 of `colour`.
    pub fn find(&self, colour: [u8; 3], left: usize, top: usize, right: usize, bottom: usize) -> Vec<(usize, usize)> {
        let near = |p: &[u8; 3]| p.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= 12);
        (top..bottom.min(self.height))
            .flat_map(|y| (left..right.min(self.width)).map(move |x| (x, y)))
            .filter(|&(x, y)| near(&self.pixels[y * self.width + x]))
            .collect()
    }

    /// Keeps the picture as a PNG.
    pub fn save(&self, path: &Path) {
        let bytes: Vec<u8> = self.pixels.iter().flatten().copied().collect();
        let picture = image::RgbImage::from_raw(self.width as u32, self.height as u32, bytes);
        picture.expect("as many pixels as the size says").save(path).expect("the picture can be written");
    }
}
