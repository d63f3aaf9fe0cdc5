//! Squares of 2×2 pixels from one, and one from a square, channels last.

use rayon::prelude::*;

/// Each pixel of `[B, H, W, C]`, times `scale`, written to a 2×2 square of `y`; `width` is W.
pub fn write_squares(x: &[f32], width: usize, channels: usize, scale: f32, y: &mut [f32]) {
    let row = width * channels;
    y.par_chunks_mut((4 * row).max(1)).zip(x.par_chunks(row.max(1))).for_each(|(rows, x)| {
        let (first, second) = rows.split_at_mut(2 * row);
        for (pair, pixel) in first.chunks_exact_mut(2 * channels).zip(x.chunks_exact(channels)) {
            let (left, right) = pair.split_at_mut(channels);
            for (left, value) in left.iter_mut().zip(pixel) {
                *left = scale * value;
            }
            right.copy_from_slice(left);
        }
        second.copy_from_slice(first);
    });
}

/// The sum of each 2×2 square, times `scale`, as a pixel of `y` `[B, H, W, C]`; `width` is W.
pub fn sum_squares(x: &[f32], width: usize, channels: usize, scale: f32, y: &mut [f32]) {
    let row = width * channels;
    y.par_chunks_mut(row.max(1)).zip(x.par_chunks((4 * row).max(1))).for_each(|(y, rows)| {
        let (first, second) = rows.split_at(2 * row);
        let pairs = first.chunks_exact(2 * channels).zip(second.chunks_exact(2 * channels));
        for (pixel, (a, b)) in y.chunks_exact_mut(channels).zip(pairs) {
            let (upper, lower) = (a.split_at(channels), b.split_at(channels));
            let squares = upper.0.iter().zip(upper.1).zip(lower.0.iter().zip(lower.1));
            for (sum, ((a, b), (c, d))) in pixel.iter_mut().zip(squares) {
                *sum = scale * ((a + b) + (c + d));
            }
        }
    });
}
