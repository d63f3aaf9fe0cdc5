//! The weights of a convolution into planes, and the gradient of the planes back to weights.

#![allow(unsafe_code)]

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::super::conv::ConvShape;
use super::super::product::panel_width;
use super::super::with_scratch;
use super::transforms::{self, SIDE, both_ways};
use super::{PLANES, Shared, load, store};

/// Values of one plane of weights packed for [`Product`]: whole panels.
pub fn packed_len(inner: usize, columns: usize) -> usize {
    inner * columns.next_multiple_of(panel_width())
}

/// G g Gᵀ of all weights, `[Cout, Cin, 3, 3]`, as 36 planes `[Cin, Cout]` (or `[Cout, Cin]`) in panels.
///
/// `planes`: 36 times [`packed_len`].
pub fn transform(shape: &ConvShape, weight: &[f32], transposed: bool, planes: &mut [f32]) {
    let (inner, columns) = match transposed {
        false => (shape.in_channels, shape.out_channels),
        true => (shape.out_channels, shape.in_channels),
    };
    let width = panel_width();
    let packed = packed_len(inner, columns);
    assert!(planes.len() >= PLANES * packed && weight.len() == 9 * inner * columns);
    let out = Shared(planes.as_mut_ptr());
    (0..inner).into_par_iter().with_min_len(4).for_each(|k| {
        let out = &out;
        with_scratch(9 * columns, |taps| {
            for (n, values) in (0..columns).map(|n| {
                let (output, input) = if transposed { (k, n) } else { (n, k) };
                (n, &weight[(output * shape.in_channels + input) * 9..][..9])
            }) {
                for (tap, value) in values.iter().enumerate() {
                    taps[tap * columns + n] = *value;
                }
            }
            // SAFETY: row k of every plane and panel is written by this task alone, within `packed` values.
            pulp::Arch::new().dispatch(WeightRow { taps, columns, width, inner, k, packed, out: out.0 });
        });
    });
}

struct WeightRow<'a> {
    taps: &'a [f32],
    columns: usize,
    width: usize,
    inner: usize,
    k: usize,
    packed: usize,
    out: *mut f32,
}

impl WithSimd for WeightRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { taps, columns, width, inner, k, packed, out } = self;
        for n in (0..columns).step_by(S::F32_LANES) {
            let start = n / width * inner * width + k * width + n % width;
            // SAFETY: `columns` is a multiple of the vector's lanes and each tap has that many values; the places
            // written lie in row k of the panel of column n.
            both_ways!(
                simd,
                transforms::weight,
                [3 => SIDE],
                |i, j| unsafe { load::<S>(taps.as_ptr().add((3 * i + j) * columns + n)) },
                |i, j, value| unsafe { store::<S>(out.add((SIDE * i + j) * packed + start), value) },
            );
        }
    }
}

/// `dw[Cout, Cin, 3, 3]` = Gᵀ du G of the sum of the parts of `du`, each `[36, Cin, Cout]`.
pub fn gradient(shape: &ConvShape, du: &[f32], dw: &mut [f32]) {
    let (inputs, outputs) = (shape.in_channels, shape.out_channels);
    assert!(dw.len() == 9 * inputs * outputs);
    let out = Shared(dw.as_mut_ptr());
    (0..inputs).into_par_iter().with_min_len(4).for_each(|input| {
        let out = &out;
        with_scratch(9 * outputs, |taps| {
            pulp::Arch::new().dispatch(GradientRow { du, inputs, outputs, input, taps });
            for output in 0..outputs {
                for tap in 0..9 {
                    // SAFETY: the weights of one input channel are written by this task alone; `dw` has all of them.
                    unsafe { *out.0.add((output * inputs + input) * 9 + tap) = taps[tap * outputs + output] };
                }
            }
        });
    });
}

struct GradientRow<'a> {
    du: &'a [f32],
    inputs: usize,
    outputs: usize,
    input: usize,
    taps: &'a mut [f32],
}

impl WithSimd for GradientRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { du, inputs, outputs, input, taps } = self;
        for n in (0..outputs).step_by(S::F32_LANES) {
            // SAFETY: each part has 36 planes of `inputs · outputs` values, and `outputs` is a multiple of the lanes.
            both_ways!(
                simd,
                transforms::weight_gradient,
                [SIDE => 3],
                |i, j| {
                    let at = ((SIDE * i + j) * inputs + input) * outputs + n;
                    let mut sum = simd.splat_f32s(0.0);
                    for part in du.chunks_exact(PLANES * inputs * outputs) {
                        sum = simd.add_f32s(sum, unsafe { load::<S>(part[at..].as_ptr()) });
                    }
                    sum
                },
                |i, j, value| unsafe { store::<S>(taps.as_mut_ptr().add((3 * i + j) * outputs + n), value) },
            );
        }
    }
}
