//! Convolutions of images of so few pixels that most taps fall outside: a product over the batch for each pair of pixels
//! that a tap joins, and none for the padding.

use rayon::prelude::*;

use super::conv::ConvShape;
use super::product::{Panels, Product, Strided, lanes, panel_width};
use super::with_scratch;

/// Most pixels of an image.
const PIXELS: usize = 6;
/// Output channels of the weight gradient that one task takes.
const GRADIENT_ROWS: usize = 24;

/// Whether these kernels take the convolution, on this machine.
pub fn suits(shape: &ConvShape) -> bool {
    let whole = |channels: usize| channels > 0 && channels.is_multiple_of(lanes());
    let few = (1..=PIXELS).contains(&(shape.height * shape.width));
    few && shape.kernel > 1 && shape.stride == 1 && whole(shape.in_channels) && whole(shape.out_channels)
}

/// A tap that joins pixels of the image: its place in the kernel, and how far from the result its input lies.
#[derive(Debug, Clone, Copy)]
struct Tap {
    index: usize,
    down: isize,
    right: isize,
}

/// The taps of `shape` that meet more than padding.
fn taps(shape: &ConvShape) -> Vec<Tap> {
    let (side, half) = (shape.kernel, (shape.kernel / 2) as isize);
    (0..side * side)
        .map(|index| Tap { index, down: (index / side) as isize - half, right: (index % side) as isize - half })
        .filter(|tap| tap.down.unsigned_abs() < shape.height && tap.right.unsigned_abs() < shape.width)
        .collect()
}

/// The pixel that lies `sign` times a tap away from `pixel`, if it is in the image.
fn joined(shape: &ConvShape, pixel: usize, tap: Tap, sign: isize) -> Option<usize> {
    let y = (pixel / shape.width).checked_add_signed(sign * tap.down).filter(|&y| y < shape.height)?;
    let x = (pixel % shape.width).checked_add_signed(sign * tap.right).filter(|&x| x < shape.width)?;
    Some(y * shape.width + x)
}

/// `y = x ∗ w + b`; `w`: `[Cout, Cin, k, k]`.
pub fn forward(shape: &ConvShape, x: &[f32], weight: &[f32], bias: &[f32], y: &mut [f32]) {
    let inputs = shape.in_channels;
    y.par_chunks_mut(shape.out_channels).for_each(|pixel| pixel.copy_from_slice(bias));
    multiply(shape, (x, inputs), weight, |output, input| output * inputs + input, 1, (y, shape.out_channels));
}

/// `dx` from `dy`.
pub fn input_gradient(shape: &ConvShape, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
    let inputs = shape.in_channels;
    dx.par_chunks_mut(inputs).for_each(|pixel| pixel.fill(0.0));
    multiply(shape, (dy, shape.out_channels), weight, |input, output| output * inputs + input, -1, (dx, inputs));
}

/// Adds to each pixel of `to` the products of the pixels of `from` that taps join with it, `sign` times a tap away.
/// `pair(column, k)` says where the weights of a channel pair stand.
fn multiply(
    shape: &ConvShape,
    (from, inner): (&[f32], usize),
    weight: &[f32],
    pair: impl Fn(usize, usize) -> usize + Sync,
    sign: isize,
    (to, columns): (&mut [f32], usize),
) {
    let (taps, width, area) = (taps(shape), panel_width(), shape.kernel * shape.kernel);
    let (pixels, batch) = (shape.height * shape.width, shape.batch);
    let panel_len = pixels * batch * width;
    with_scratch(columns.div_ceil(width) * panel_len, |panels| {
        panels.par_chunks_mut(panel_len).enumerate().for_each(|(panel, out)| {
            with_scratch(taps.len() * inner * width, |packed| {
                let first = panel * width;
                let count = width.min(columns - first);
                for k in 0..inner {
                    for n in 0..count {
                        let values = &weight[pair(first + n, k) * area..][..area];
                        for (t, tap) in taps.iter().enumerate() {
                            packed[(t * inner + k) * width + n] = values[tap.index];
                        }
                    }
                }
                for (pixel, out) in out.chunks_exact_mut(batch * width).enumerate() {
                    out.fill(0.0);
                    for (t, tap) in taps.iter().enumerate() {
                        let Some(source) = joined(shape, pixel, *tap, sign) else { continue };
                        pulp::Arch::new().dispatch(Product {
                            rows: batch,
                            columns: count,
                            inner,
                            a: Strided { data: &from[source * inner..], row: pixels * inner, column: 1 },
                            b: Panels { data: &packed[t * inner * width..], row: width, panel: inner * width },
                            out: &mut *out,
                            out_row: width,
                            accumulate: true,
                        });
                    }
                }
            });
        });
        let panels = &*panels;
        to.par_chunks_mut(columns).enumerate().for_each(|(i, to)| {
            let row = (i % pixels * batch + i / pixels) * width;
            for (values, panel) in to.chunks_mut(width).zip(panels.chunks_exact(panel_len)) {
                for (sum, value) in values.iter_mut().zip(&panel[row..]) {
                    *sum += value;
                }
            }
        });
    });
}

/// `dw[Cout, Cin, k, k]` from `x` and `dy`.
pub fn weight_gradient(shape: &ConvShape, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let (inputs, outputs, area) = (shape.in_channels, shape.out_channels, shape.kernel * shape.kernel);
    let (taps, pixels) = (taps(shape), shape.height * shape.width);
    dw.par_chunks_mut(GRADIENT_ROWS * inputs * area).enumerate().for_each(|(block, dw)| {
        let rows = dw.len() / (inputs * area);
        with_scratch(rows * inputs, |sum| {
            dw.fill(0.0);
            for tap in &taps {
                let mut accumulate = false;
                for pixel in 0..pixels {
                    let Some(source) = joined(shape, pixel, *tap, 1) else { continue };
                    pulp::Arch::new().dispatch(Product {
                        rows,
                        columns: inputs,
                        inner: shape.batch,
                        a: Strided {
                            data: &dy[pixel * outputs + block * GRADIENT_ROWS..],
                            row: 1,
                            column: pixels * outputs,
                        },
                        b: Panels { data: &x[source * inputs..], row: pixels * inputs, panel: panel_width() },
                        out: &mut *sum,
                        out_row: inputs,
                        accumulate,
                    });
                    accumulate = true;
                }
                for (taps, sum) in dw.chunks_exact_mut(area).zip(&*sum) {
                    taps[tap.index] = *sum;
                }
            }
        });
    });
}
