//! Convolution of channels-last images as it is defined: im2col by blocks that stay in the cache, then a matrix product.
//!
//! Weights come as PyTorch keeps them, `[Cout, Cin, k, k]`, and are packed to `[k, k, Cin, Cout]` for the product.
//! Zero padding of k/2 on all sides; stride 1 or 2.

use rayon::prelude::*;

use super::conv::ConvShape;
use super::gemm::{Destination, Matrix, gemm};
use super::{vectorised, with_scratch};

/// Values of an im2col block: 256 KiB, a share of the second-level cache.
const BLOCK_VALUES: usize = 64 * 1024;
/// Weight gradients up to this many values are summed from partial sums of image groups; larger ones by column blocks.
const PARTIAL_SUM_VALUES: usize = 256 * 1024;
/// Most partial sums of a weight gradient: fixed, so that the sum's order does not depend on the threads.
const MAX_PARTIAL_SUMS: usize = 16;

/// `y[B, H', W', Cout] = x ∗ w + b`.
pub fn forward(shape: &ConvShape, x: &[f32], weight: &[f32], bias: &[f32], y: &mut [f32]) {
    forward_packed(shape, x, &pack(shape, weight), Some(bias), y);
}

/// `dx` from `dy`.
pub fn input_gradient(shape: &ConvShape, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
    if shape.stride == 1 {
        forward_packed(&shape.transposed(), dy, &pack_transposed(shape, weight), None, dx);
    } else {
        strided_input_gradient(shape, dy, &pack(shape, weight), dx);
    }
}

/// `dw[Cout, Cin, k, k]` from `x` and `dy`.
pub fn weight_gradient(shape: &ConvShape, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let size = shape.taps() * shape.out_channels;
    let packed = if size <= PARTIAL_SUM_VALUES {
        weight_gradient_by_images(shape, x, dy)
    } else {
        weight_gradient_by_taps(shape, x, dy)
    };
    unpack(shape, &packed, dw);
}

/// `db[Cout]`: the sum of `dy` over all pixels.
pub fn bias_gradient(shape: &ConvShape, dy: &[f32], db: &mut [f32]) {
    let channels = shape.out_channels;
    let group = shape.out_pixels().div_ceil(MAX_PARTIAL_SUMS) * channels;
    let sums: Vec<Vec<f32>> = dy
        .par_chunks(group)
        .map(|rows| {
            let mut sum = vec![0.0; channels];
            vectorised(
                #[inline(always)]
                || {
                    for row in rows.chunks_exact(channels) {
                        for (total, value) in sum.iter_mut().zip(row) {
                            *total += value;
                        }
                    }
                },
            );
            sum
        })
        .collect();
    add_all(db, &sums);
}

/// Result pixels in one im2col block.
fn block_pixels(shape: &ConvShape) -> usize {
    (BLOCK_VALUES / shape.taps()).clamp(48, 4096)
}

fn forward_packed(shape: &ConvShape, x: &[f32], packed: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
    let (taps, channels) = (shape.taps(), shape.out_channels);
    let weights = Matrix::new(packed, taps, channels, channels);
    let block = block_pixels(shape);
    y.par_chunks_mut(block * channels).enumerate().for_each(|(i, out)| {
        let pixels = out.len() / channels;
        let destination = match bias {
            Some(bias) => {
                out.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(bias));
                Destination::Accumulate
            }
            None => Destination::Overwrite,
        };
        if shape.pointwise() {
            let rows = Matrix::new(&x[i * block * taps..], pixels, taps, taps);
            gemm(out, channels, destination, rows, weights, 1.0);
        } else {
            with_scratch(pixels * taps, |columns| {
                im2col(shape, x, i * block, columns);
                gemm(out, channels, destination, Matrix::new(columns, pixels, taps, taps), weights, 1.0);
            });
        }
    });
}

/// The rows of the im2col matrix from result pixel `first` on, as many as fit into `columns`.
///
/// Row p holds, for ky and kx in turn, the `Cin` values of the input pixel under that tap, or zeros outside the image.
fn im2col(shape: &ConvShape, x: &[f32], first: usize, columns: &mut [f32]) {
    let ConvShape { height, width, in_channels, kernel, stride, .. } = *shape;
    let (out_height, out_width) = (shape.out_height(), shape.out_width());
    let pad = kernel / 2;
    let tap_row = kernel * in_channels;
    for (i, row) in columns.chunks_exact_mut(shape.taps()).enumerate() {
        let pixel = first + i;
        let (image, out_y, out_x) =
            (pixel / (out_height * out_width), pixel / out_width % out_height, pixel % out_width);
        let left = out_x * stride;
        for (ky, taps) in row.chunks_exact_mut(tap_row).enumerate() {
            let y = out_y * stride + ky;
            if y < pad || y >= height + pad {
                taps.fill(0.0);
                continue;
            }
            let line = (image * height + y - pad) * width;
            if left >= pad && left + kernel <= width + pad {
                let start = (line + left - pad) * in_channels;
                taps.copy_from_slice(&x[start..start + tap_row]);
            } else {
                for (kx, tap) in taps.chunks_exact_mut(in_channels).enumerate() {
                    let x_position = left + kx;
                    if x_position < pad || x_position >= width + pad {
                        tap.fill(0.0);
                    } else {
                        let start = (line + x_position - pad) * in_channels;
                        tap.copy_from_slice(&x[start..start + in_channels]);
                    }
                }
            }
        }
    }
}

/// Input gradient of a strided convolution: products with the weights, added up where taps overlap.
fn strided_input_gradient(shape: &ConvShape, dy: &[f32], packed: &[f32], dx: &mut [f32]) {
    let ConvShape { height, width, in_channels, kernel, stride, .. } = *shape;
    let (taps, channels) = (shape.taps(), shape.out_channels);
    let (out_height, out_width) = (shape.out_height(), shape.out_width());
    let weights = Matrix::new(packed, taps, channels, channels).t();
    let (image_in, image_out) = (height * width * in_channels, out_height * out_width * channels);
    let pad = kernel / 2;
    dx.par_chunks_mut(image_in).zip(dy.par_chunks(image_out)).for_each(|(dx, dy)| {
        dx.fill(0.0);
        let pixels = out_height * out_width;
        with_scratch(pixels * taps, |columns| {
            gemm(columns, taps, Destination::Overwrite, Matrix::new(dy, pixels, channels, channels), weights, 1.0);
            for (pixel, row) in columns.chunks_exact(taps).enumerate() {
                for (tap, values) in row.chunks_exact(in_channels).enumerate() {
                    let y = pixel / out_width * stride + tap / kernel;
                    let x = pixel % out_width * stride + tap % kernel;
                    if (pad..height + pad).contains(&y) && (pad..width + pad).contains(&x) {
                        let start = ((y - pad) * width + x - pad) * in_channels;
                        for (sum, value) in dx[start..start + in_channels].iter_mut().zip(values) {
                            *sum += value;
                        }
                    }
                }
            }
        });
    });
}

/// Packed weight gradient as the sum of partial sums, one for each of a fixed number of groups of pixels.
fn weight_gradient_by_images(shape: &ConvShape, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let (taps, channels, pixels) = (shape.taps(), shape.out_channels, shape.out_pixels());
    let block = block_pixels(shape);
    let group = pixels.div_ceil(MAX_PARTIAL_SUMS).max(block.min(512));
    let sums: Vec<Vec<f32>> = (0..pixels.div_ceil(group))
        .into_par_iter()
        .map(|g| {
            let mut sum = vec![0.0; taps * channels];
            let end = pixels.min((g + 1) * group);
            for first in (g * group..end).step_by(block) {
                let rows = block.min(end - first);
                let dy = Matrix::new(&dy[first * channels..], rows, channels, channels);
                if shape.pointwise() {
                    let x = Matrix::new(&x[first * taps..], rows, taps, taps);
                    gemm(&mut sum, channels, Destination::Accumulate, x.t(), dy, 1.0);
                } else {
                    with_scratch(rows * taps, |columns| {
                        im2col(shape, x, first, columns);
                        let columns = Matrix::new(columns, rows, taps, taps);
                        gemm(&mut sum, channels, Destination::Accumulate, columns.t(), dy, 1.0);
                    });
                }
            }
            sum
        })
        .collect();
    let mut total = vec![0.0; taps * channels];
    add_all(&mut total, &sums);
    total
}

/// Packed weight gradient of wide layers: the im2col matrix by stretches of pixels, its columns shared among threads.
fn weight_gradient_by_taps(shape: &ConvShape, x: &[f32], dy: &[f32]) -> Vec<f32> {
    /// Columns of the im2col matrix that one task multiplies.
    const TAP_BLOCK: usize = 128;
    /// Values of the im2col matrix that are held at once: 16 MiB.
    const STRETCH_VALUES: usize = 4 * 1024 * 1024;
    let (taps, channels, pixels) = (shape.taps(), shape.out_channels, shape.out_pixels());
    let stretch = (STRETCH_VALUES / taps).clamp(64, pixels.max(64));
    let mut total = vec![0.0; taps * channels];
    let mut columns = Vec::new();
    for first in (0..pixels).step_by(stretch) {
        let rows = stretch.min(pixels - first);
        let dy = Matrix::new(&dy[first * channels..], rows, channels, channels);
        let x = if shape.pointwise() {
            &x[first * taps..]
        } else {
            columns.resize(stretch * taps, 0.0);
            let block = block_pixels(shape);
            columns[..rows * taps]
                .par_chunks_mut(block * taps)
                .enumerate()
                .for_each(|(i, columns)| im2col(shape, x, first + i * block, columns));
            &columns[..]
        };
        total.par_chunks_mut(TAP_BLOCK * channels).enumerate().for_each(|(i, out)| {
            let columns = Matrix::new(&x[i * TAP_BLOCK..], rows, out.len() / channels, taps);
            gemm(out, channels, Destination::Accumulate, columns.t(), dy, 1.0);
        });
    }
    total
}

/// `[Cout, Cin, k, k]` to `[k, k, Cin, Cout]`.
fn pack(shape: &ConvShape, weight: &[f32]) -> Vec<f32> {
    let inputs = shape.in_channels;
    packed(shape, weight, inputs, shape.out_channels, |input, output, tap| (output * inputs + input, tap))
}

/// `[Cout, Cin, k, k]` to `[k, k, Cout, Cin]` with the kernel turned by half a circle.
fn pack_transposed(shape: &ConvShape, weight: &[f32]) -> Vec<f32> {
    let (inputs, last) = (shape.in_channels, shape.kernel * shape.kernel - 1);
    packed(shape, weight, shape.out_channels, inputs, |output, input, tap| (output * inputs + input, last - tap))
}

/// `[taps, rows, columns]`; `place` gives the channel pair and the tap of the weight at (row, column, tap).
///
/// A task has one row of every tap, so that the taps of a channel pair, which stand together, are read together.
fn packed(
    shape: &ConvShape,
    weight: &[f32],
    rows: usize,
    columns: usize,
    place: impl Fn(usize, usize, usize) -> (usize, usize) + Sync,
) -> Vec<f32> {
    let area = shape.kernel * shape.kernel;
    let mut packed = vec![0.0; weight.len()];
    let mut by_row: Vec<Vec<&mut [f32]>> = (0..rows).map(|_| Vec::with_capacity(area)).collect();
    for (i, values) in packed.chunks_exact_mut(columns).enumerate() {
        by_row[i % rows].push(values);
    }
    by_row.into_par_iter().enumerate().with_min_len(4).for_each(|(row, mut taps)| {
        for column in 0..columns {
            for (tap, values) in taps.iter_mut().enumerate() {
                let (pair, source) = place(row, column, tap);
                values[column] = weight[pair * area + source];
            }
        }
    });
    packed
}

/// The inverse of [`pack`].
fn unpack(shape: &ConvShape, packed: &[f32], weight: &mut [f32]) {
    let (inputs, outputs, area) = (shape.in_channels, shape.out_channels, shape.kernel * shape.kernel);
    weight.par_chunks_mut(inputs * area).enumerate().for_each(|(output, out)| {
        for (i, value) in out.iter_mut().enumerate() {
            let (input, tap) = (i / area, i % area);
            *value = packed[(tap * inputs + input) * outputs + output];
        }
    });
}

/// The sum of `parts`, in their order.
fn add_all(total: &mut [f32], parts: &[Vec<f32>]) {
    total.fill(0.0);
    for part in parts {
        for (sum, value) in total.iter_mut().zip(part) {
            *sum += value;
        }
    }
}
