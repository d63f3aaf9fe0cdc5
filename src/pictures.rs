//! Grey images as plain bytes: what crosses from the engine to the window, and what is written to files.

mod encode;
#[cfg(not(feature = "readers-only"))]
mod figure;
pub mod palette;
mod provenance;

pub use encode::{
    GAP, apng, check_new_folder, gif, png, write_animated_png, write_film, write_png, write_png_of, write_singles,
};
#[cfg(not(feature = "readers-only"))]
pub use figure::write_figure;
pub use provenance::Provenance;

/// A batch of grey images of one size, 8 bits a pixel, rows from the top, image after image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pictures {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

impl Pictures {
    /// From values in [-1, 1], `[N, H, W]` in row-major order; −1 is black, 1 white, others are clamped.
    pub fn from_unit(values: &[f32], height: usize, width: usize) -> Self {
        let pixels = values.iter().map(|v| ((v.clamp(-1.0, 1.0) + 1.0) * 127.5).round() as u8).collect();
        Self { width, height, pixels }
    }

    /// How many images there are.
    pub fn count(&self) -> usize {
        self.pixels.len().checked_div(self.width * self.height).unwrap_or(0)
    }

    /// The pixels of image `i`, `height · width` bytes.
    pub fn get(&self, i: usize) -> &[u8] {
        let size = self.width * self.height;
        &self.pixels[i * size..(i + 1) * size]
    }

    /// All images side by side in rows of `columns`, `gap` pixels of `background` between them and around.
    pub fn grid(&self, columns: usize, gap: usize, background: u8) -> Self {
        let columns = columns.clamp(1, self.count().max(1));
        let rows = self.count().div_ceil(columns);
        let (width, height) = (columns * (self.width + gap) + gap, rows * (self.height + gap) + gap);
        let mut pixels = vec![background; width * height];
        for i in 0..self.count() {
            let (left, top) = (gap + (i % columns) * (self.width + gap), gap + (i / columns) * (self.height + gap));
            for (y, row) in self.get(i).chunks_exact(self.width).enumerate() {
                let start = (top + y) * width + left;
                pixels[start..start + self.width].copy_from_slice(row);
            }
        }
        Self { width, height, pixels }
    }

    /// The pictures of `size`×`size` pixels in the first image, which [`grid`](Self::grid) put there `gap` pixels
    /// apart; none if it does not hold whole ones.
    pub fn cut(&self, size: usize, gap: usize) -> Option<Self> {
        let places = |side: usize| {
            let inner = side.checked_sub(gap).filter(|inner| *inner > 0 && (1..=*inner).contains(&size))?;
            inner.is_multiple_of(size + gap).then_some(inner / (size + gap))
        };
        let (columns, rows) = (places(self.width)?, places(self.height)?);
        let mut pixels = Vec::with_capacity(rows * columns * size * size);
        for i in 0..rows * columns {
            let (left, top) = (gap + (i % columns) * (size + gap), gap + (i / columns) * (size + gap));
            for y in top..top + size {
                pixels.extend_from_slice(&self.pixels[y * self.width + left..y * self.width + left + size]);
            }
        }
        Some(Self { width: size, height: size, pixels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_places_images_in_rows_with_gaps() {
        let pictures = Pictures { width: 1, height: 1, pixels: vec![1, 2, 3] };
        let grid = pictures.grid(2, 1, 0);
        assert_eq!((grid.width, grid.height), (5, 5));
        assert_eq!(grid.pixels[5..10], [0, 1, 0, 2, 0]);
        assert_eq!(grid.pixels[15..20], [0, 3, 0, 0, 0]);
    }

    #[test]
    fn a_grid_is_cut_into_its_pictures_again() {
        let pictures = Pictures { width: 2, height: 2, pixels: (0..24).collect() };
        for gap in [0, 1, 3] {
            assert_eq!(pictures.grid(3, gap, 9).cut(2, gap).as_ref(), Some(&pictures));
        }
        assert_eq!(pictures.grid(3, 1, 9).cut(3, 1), None);
        assert_eq!(pictures.grid(3, 2, 9).cut(usize::MAX, 2), None, "a size that a foreign run.json may name");
        assert_eq!(Pictures::default().cut(0, 0), None);
    }

    #[test]
    fn unit_values_clamp_to_bytes() {
        assert_eq!(Pictures::from_unit(&[-3.0, -1.0, 0.0, 1.0, 9.0, f32::NAN], 1, 6).pixels, [0, 0, 128, 255, 255, 0]);
    }
}
