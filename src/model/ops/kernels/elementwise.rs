//! Sums, activations and rearrangements of values, in parallel over stretches of a fixed length.

use rayon::prelude::*;

use super::math::{silu, silu_derivative};
use super::vectorised;

/// Values that one task takes.
const STRETCH: usize = 16 * 1024;

/// `sum += x`.
pub fn add_to(sum: &mut [f32], x: &[f32]) {
    sum.par_chunks_mut(STRETCH).zip(x.par_chunks(STRETCH)).for_each(|(sum, x)| {
        vectorised(
            #[inline(always)]
            || {
                for (sum, x) in sum.iter_mut().zip(x) {
                    *sum += x;
                }
            },
        );
    });
}

/// `sum = x + y`.
pub fn add(x: &[f32], y: &[f32], sum: &mut [f32]) {
    sum.par_chunks_mut(STRETCH).zip(x.par_chunks(STRETCH).zip(y.par_chunks(STRETCH))).for_each(|(sum, (x, y))| {
        vectorised(
            #[inline(always)]
            || {
                for (sum, (x, y)) in sum.iter_mut().zip(x.iter().zip(y)) {
                    *sum = x + y;
                }
            },
        );
    });
}

/// The mean of (x − y)²: sums of f32 within a stretch by sixteen lanes, of f64 beyond.
pub fn mean_square(x: &[f32], y: &[f32]) -> f32 {
    let parts: Vec<f64> = x
        .par_chunks(STRETCH)
        .zip(y.par_chunks(STRETCH))
        .map(|(x, y)| {
            let mut lanes = [0.0f32; 16];
            for (x, y) in x.chunks(16).zip(y.chunks(16)) {
                for (lane, (x, y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
                    *lane += (x - y) * (x - y);
                }
            }
            lanes.into_iter().map(f64::from).sum()
        })
        .collect();
    (parts.into_iter().sum::<f64>() / x.len() as f64) as f32
}

/// `d = scale · (x − y)`.
pub fn scaled_difference(x: &[f32], y: &[f32], scale: f32, d: &mut [f32]) {
    for (d, (x, y)) in d.iter_mut().zip(x.iter().zip(y)) {
        *d = scale * (x - y);
    }
}

/// `y = silu(x)`.
pub fn silu_of(x: &[f32], y: &mut [f32]) {
    y.par_chunks_mut(STRETCH).zip(x.par_chunks(STRETCH)).for_each(|(y, x)| {
        vectorised(
            #[inline(always)]
            || {
                for (y, x) in y.iter_mut().zip(x) {
                    *y = silu(*x);
                }
            },
        );
    });
}

/// `d` from the gradient of [`silu_of`]'s result to that of `x`, in place.
pub fn silu_backward(x: &[f32], d: &mut [f32]) {
    d.par_chunks_mut(STRETCH).zip(x.par_chunks(STRETCH)).for_each(|(d, x)| {
        vectorised(
            #[inline(always)]
            || {
                for (d, x) in d.iter_mut().zip(x) {
                    *d *= silu_derivative(*x);
                }
            },
        );
    });
}

/// Rows of `widths.0` and `widths.1` values side by side.
pub fn join((x, y): (&[f32], &[f32]), widths: (usize, usize), out: &mut [f32]) {
    let rows = (STRETCH / (widths.0 + widths.1)).max(1);
    let stretches = x.par_chunks(rows * widths.0).zip(y.par_chunks(rows * widths.1));
    out.par_chunks_mut(rows * (widths.0 + widths.1)).zip(stretches).for_each(|(out, (x, y))| {
        let rows = x.chunks_exact(widths.0).zip(y.chunks_exact(widths.1));
        for (out, (x, y)) in out.chunks_exact_mut(widths.0 + widths.1).zip(rows) {
            let (left, right) = out.split_at_mut(widths.0);
            left.copy_from_slice(x);
            right.copy_from_slice(y);
        }
    });
}

/// The inverse of [`join`].
pub fn part(joined: &[f32], widths: (usize, usize), (x, y): (&mut [f32], &mut [f32])) {
    let rows = (STRETCH / (widths.0 + widths.1)).max(1);
    let stretches = x.par_chunks_mut(rows * widths.0).zip(y.par_chunks_mut(rows * widths.1));
    joined.par_chunks(rows * (widths.0 + widths.1)).zip(stretches).for_each(|(joined, (x, y))| {
        let rows = x.chunks_exact_mut(widths.0).zip(y.chunks_exact_mut(widths.1));
        for (joined, (x, y)) in joined.chunks_exact(widths.0 + widths.1).zip(rows) {
            x.copy_from_slice(&joined[..widths.0]);
            y.copy_from_slice(&joined[widths.0..]);
        }
    });
}

/// 2×2 squares of `[B, 2H, 2W, C]` into the channels of `[B, H, W, 4C]`, (channel, row, column) in that order; `width`
/// is W.
pub fn squares_to_channels(x: &[f32], width: usize, channels: usize, y: &mut [f32]) {
    let row = 4 * width * channels;
    y.par_chunks_mut(row).zip(x.par_chunks(row)).for_each(|(y, x)| {
        for (i, value) in y.iter_mut().enumerate() {
            let (column, c, a, b) = (i / (4 * channels), i / 4 % channels, i / 2 % 2, i % 2);
            *value = x[(a * 2 * width + 2 * column + b) * channels + c];
        }
    });
}

/// The inverse of [`squares_to_channels`].
pub fn channels_to_squares(y: &[f32], width: usize, channels: usize, x: &mut [f32]) {
    let row = 4 * width * channels;
    x.par_chunks_mut(row).zip(y.par_chunks(row)).for_each(|(x, y)| {
        for (i, value) in y.iter().enumerate() {
            let (column, c, a, b) = (i / (4 * channels), i / 4 % channels, i / 2 % 2, i % 2);
            x[(a * 2 * width + 2 * column + b) * channels + c] = *value;
        }
    });
}
