//! The matrices of F(4×4, 3×3) (Lavin & Gray 2016, sec. 4.2) applied to vectors of channels.
//!
//! y = Aᵀ[(G g Gᵀ) ∘ (Bᵀ d B)]A; the gradients use the same matrices transposed.

use pulp::Simd;

/// Side of the input tile and of the transformed one.
pub const SIDE: usize = 6;
/// Side of the output tile.
pub const STEP: usize = 4;

/// Bᵀ·d: of 6 input values.
#[inline(always)]
pub fn input<S: Simd>(s: S, d: [S::f32s; 6]) -> [S::f32s; 6] {
    let k = |value| s.splat_f32s(value);
    let even = s.mul_add_e_f32s(k(-4.0), d[2], d[4]);
    let odd = s.mul_add_e_f32s(k(-4.0), d[1], d[3]);
    let far_even = s.sub_f32s(d[4], d[2]);
    let far_odd = s.sub_f32s(d[3], d[1]);
    [
        s.mul_add_e_f32s(k(4.0), d[0], s.mul_add_e_f32s(k(-5.0), d[2], d[4])),
        s.add_f32s(even, odd),
        s.sub_f32s(even, odd),
        s.mul_add_e_f32s(k(2.0), far_odd, far_even),
        s.mul_add_e_f32s(k(-2.0), far_odd, far_even),
        s.mul_add_e_f32s(k(4.0), d[1], s.mul_add_e_f32s(k(-5.0), d[3], d[5])),
    ]
}

/// B·v: the gradient of [`input`].
#[inline(always)]
pub fn input_gradient<S: Simd>(s: S, v: [S::f32s; 6]) -> [S::f32s; 6] {
    let k = |value| s.splat_f32s(value);
    let (near, near_difference) = (s.add_f32s(v[1], v[2]), s.sub_f32s(v[1], v[2]));
    let (far, far_difference) = (s.add_f32s(v[3], v[4]), s.sub_f32s(v[3], v[4]));
    [
        s.mul_f32s(k(4.0), v[0]),
        s.mul_add_e_f32s(k(4.0), s.sub_f32s(v[5], near_difference), s.mul_f32s(k(-2.0), far_difference)),
        s.mul_add_e_f32s(k(-5.0), v[0], s.mul_add_e_f32s(k(-4.0), near, s.neg_f32s(far))),
        s.mul_add_e_f32s(k(-5.0), v[5], s.mul_add_e_f32s(k(2.0), far_difference, near_difference)),
        s.add_f32s(v[0], s.add_f32s(near, far)),
        v[5],
    ]
}

/// Aᵀ·m: 4 output values of 6 products.
#[inline(always)]
pub fn output<S: Simd>(s: S, m: [S::f32s; 6]) -> [S::f32s; 4] {
    let k = |value| s.splat_f32s(value);
    let (near, near_difference) = (s.add_f32s(m[1], m[2]), s.sub_f32s(m[1], m[2]));
    let (far, far_difference) = (s.add_f32s(m[3], m[4]), s.sub_f32s(m[3], m[4]));
    [
        s.add_f32s(m[0], s.add_f32s(near, far)),
        s.mul_add_e_f32s(k(2.0), far_difference, near_difference),
        s.mul_add_e_f32s(k(4.0), far, near),
        s.add_f32s(m[5], s.mul_add_e_f32s(k(8.0), far_difference, near_difference)),
    ]
}

/// A·y: the gradient of [`output`].
#[inline(always)]
pub fn output_gradient<S: Simd>(s: S, y: [S::f32s; 4]) -> [S::f32s; 6] {
    let k = |value| s.splat_f32s(value);
    let (even, odd) = (s.add_f32s(y[0], y[2]), s.add_f32s(y[1], y[3]));
    let far_even = s.mul_add_e_f32s(k(4.0), y[2], y[0]);
    let far_odd = s.mul_f32s(k(2.0), s.mul_add_e_f32s(k(4.0), y[3], y[1]));
    [
        y[0],
        s.add_f32s(even, odd),
        s.sub_f32s(even, odd),
        s.add_f32s(far_even, far_odd),
        s.sub_f32s(far_even, far_odd),
        y[3],
    ]
}

/// G·g: of 3 weights.
#[inline(always)]
pub fn weight<S: Simd>(s: S, g: [S::f32s; 3]) -> [S::f32s; 6] {
    let k = |value| s.splat_f32s(value);
    let near = s.mul_f32s(k(-1.0 / 6.0), s.add_f32s(g[0], g[2]));
    let near_odd = s.mul_f32s(k(1.0 / 6.0), g[1]);
    let far = s.mul_add_e_f32s(k(1.0 / 24.0), g[0], s.mul_f32s(k(1.0 / 6.0), g[2]));
    let far_odd = s.mul_f32s(k(1.0 / 12.0), g[1]);
    [
        s.mul_f32s(k(0.25), g[0]),
        s.sub_f32s(near, near_odd),
        s.add_f32s(near, near_odd),
        s.add_f32s(far, far_odd),
        s.sub_f32s(far, far_odd),
        g[2],
    ]
}

/// Gᵀ·u: the gradient of [`weight`].
#[inline(always)]
pub fn weight_gradient<S: Simd>(s: S, u: [S::f32s; 6]) -> [S::f32s; 3] {
    let k = |value| s.splat_f32s(value);
    let (near, near_difference) = (s.add_f32s(u[1], u[2]), s.sub_f32s(u[2], u[1]));
    let (far, far_difference) = (s.add_f32s(u[3], u[4]), s.sub_f32s(u[3], u[4]));
    let sixth = s.mul_f32s(k(-1.0 / 6.0), near);
    [
        s.mul_add_e_f32s(k(0.25), u[0], s.mul_add_e_f32s(k(1.0 / 24.0), far, sixth)),
        s.mul_add_e_f32s(k(1.0 / 6.0), near_difference, s.mul_f32s(k(1.0 / 12.0), far_difference)),
        s.add_f32s(u[5], s.mul_add_e_f32s(k(1.0 / 6.0), far, sixth)),
    ]
}

/// A one-dimensional transform along both sides of a square: `load` gives its value at (i, j), `store` takes the result's.
///
/// A macro, because closures are not always inlined, and vector code that is called is slow code.
macro_rules! both_ways {
    ($simd:expr, $transform:path, [$from:expr => $to:expr],
     |$i:ident, $j:ident| $load:expr, |$row:ident, $column:ident, $value:ident| $store:expr $(,)?) => {
        let mut half = [[$simd.splat_f32s(0.0); $from]; $to];
        for $j in 0..$from {
            let mut line = [$simd.splat_f32s(0.0); $from];
            for $i in 0..$from {
                line[$i] = $load;
            }
            let line = $transform($simd, line);
            for i in 0..$to {
                half[i][$j] = line[i];
            }
        }
        for $row in 0..$to {
            let line = $transform($simd, half[$row]);
            for $column in 0..$to {
                let $value = line[$column];
                $store;
            }
        }
    };
}
pub(super) use both_ways;
