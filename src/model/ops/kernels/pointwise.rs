//! Convolutions of one tap, which linear layers are too, as products straight on the values, channels last.

use rayon::prelude::*;

use super::conv::ConvShape;
use super::product::{Panels, Product, Strided, lanes, panel_width};
use super::with_scratch;

/// Pixels that one task multiplies.
const ROWS: usize = 96;
/// Rows of the weight gradient that one task takes where it is not summed from parts.
const GRADIENT_ROWS: usize = 48;
/// Pixels that a product of the weight gradient runs over at a time.
const STRETCH: usize = 256;
/// Parts of the weight gradient's sum: fixed, so that its order does not depend on the threads.
const SUMS: usize = 8;

/// Whether these kernels take the convolution, on this machine.
pub fn suits(shape: &ConvShape) -> bool {
    let whole = |channels: usize| channels > 0 && channels.is_multiple_of(lanes());
    shape.kernel == 1 && shape.stride == 1 && whole(shape.in_channels) && whole(shape.out_channels)
}

/// `y = x·wᵀ + b`; `w`: `[Cout, Cin]`.
pub fn forward(shape: &ConvShape, x: &[f32], weight: &[f32], bias: &[f32], y: &mut [f32]) {
    let (inputs, outputs, width) = (shape.in_channels, shape.out_channels, panel_width());
    with_scratch(outputs.next_multiple_of(width) * inputs, |panels| {
        panels.par_chunks_mut(inputs * width).zip(weight.par_chunks(inputs * width)).for_each(|(panel, weight)| {
            for (column, values) in weight.chunks_exact(inputs).enumerate() {
                for (row, value) in panel.chunks_exact_mut(width).zip(values) {
                    row[column] = *value;
                }
            }
        });
        let panels = &*panels;
        y.par_chunks_mut(ROWS * outputs).zip(x.par_chunks(ROWS * inputs)).for_each(|(y, x)| {
            y.chunks_exact_mut(outputs).for_each(|pixel| pixel.copy_from_slice(bias));
            pulp::Arch::new().dispatch(Product {
                rows: y.len() / outputs,
                columns: outputs,
                inner: inputs,
                a: Strided { data: x, row: inputs, column: 1 },
                b: Panels { data: panels, row: width, panel: inputs * width },
                out: y,
                out_row: outputs,
                accumulate: true,
            });
        });
    });
}

/// `dx = dy·w`.
pub fn input_gradient(shape: &ConvShape, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
    let (inputs, outputs) = (shape.in_channels, shape.out_channels);
    dx.par_chunks_mut(ROWS * inputs).zip(dy.par_chunks(ROWS * outputs)).for_each(|(dx, dy)| {
        pulp::Arch::new().dispatch(Product {
            rows: dx.len() / inputs,
            columns: inputs,
            inner: outputs,
            a: Strided { data: dy, row: outputs, column: 1 },
            b: Panels { data: weight, row: inputs, panel: panel_width() },
            out: dx,
            out_row: inputs,
            accumulate: false,
        });
    });
}

/// `dw = dyᵀ·x`, `[Cout, Cin]`.
pub fn weight_gradient(shape: &ConvShape, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let (inputs, outputs) = (shape.in_channels, shape.out_channels);
    let pixels = dy.len() / outputs;
    if pixels <= 2 * STRETCH {
        dw.par_chunks_mut(GRADIENT_ROWS * inputs).enumerate().for_each(|(block, dw)| {
            add_products(shape, x, dy, block * GRADIENT_ROWS, dw);
        });
        return;
    }
    let share = pixels.div_ceil(SUMS).next_multiple_of(STRETCH);
    with_scratch(pixels.div_ceil(share) * dw.len(), |parts| {
        let images = x.par_chunks(share * inputs).zip(dy.par_chunks(share * outputs));
        parts.par_chunks_mut(dw.len()).zip(images).for_each(|(part, (x, dy))| add_products(shape, x, dy, 0, part));
        let parts = &*parts;
        let len = dw.len();
        dw.par_chunks_mut(16 * 1024).enumerate().for_each(|(i, dw)| {
            let start = i * 16 * 1024;
            dw.copy_from_slice(&parts[start..][..dw.len()]);
            for part in parts.chunks_exact(len).skip(1) {
                for (sum, value) in dw.iter_mut().zip(&part[start..]) {
                    *sum += value;
                }
            }
        });
    });
}

/// Rows of dyᵀ·x from `first` on, as many as `dw` has.
fn add_products(shape: &ConvShape, x: &[f32], dy: &[f32], first: usize, dw: &mut [f32]) {
    let (inputs, outputs) = (shape.in_channels, shape.out_channels);
    for (i, (x, dy)) in x.chunks(STRETCH * inputs).zip(dy.chunks(STRETCH * outputs)).enumerate() {
        pulp::Arch::new().dispatch(Product {
            rows: dw.len() / inputs,
            columns: inputs,
            inner: x.len() / inputs,
            a: Strided { data: &dy[first..], row: 1, column: outputs },
            b: Panels { data: x, row: inputs, panel: panel_width() },
            out: dw,
            out_row: inputs,
            accumulate: i > 0,
        });
    }
}
