//! Single-threaded matrix products of small matrices that stand in the cache, on whatever vectors the machine has.
//!
//! One algorithm for all of them ([`pulp`] gives the vectors): a block of rows by two vectors of columns is kept in
//! registers while the inner dimension runs.

#![allow(unsafe_code)]

use pulp::{Simd, WithSimd};

/// Rows of a register block where there are 32 vector registers, and where there are 16.
const TALL: usize = 12;
const SHORT: usize = 6;

/// `a[m, k]`, each element at `m·row + k·column` of `data`.
#[derive(Clone, Copy)]
pub struct Strided<'a> {
    pub data: &'a [f32],
    pub row: usize,
    pub column: usize,
}

/// `b[k, n]` cut into panels of [`panel_width`] columns: element (k, n) of panel p stands at `p·panel + k·row + n`.
///
/// Rows must be readable up to whole vectors; what stands beyond the last column does not matter.
#[derive(Clone, Copy)]
pub struct Panels<'a> {
    pub data: &'a [f32],
    pub row: usize,
    pub panel: usize,
}

/// Columns that one panel has on this machine: two vectors.
pub fn panel_width() -> usize {
    2 * lanes()
}

/// f32 values in a vector of this machine.
pub fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        fn with_simd<S: Simd>(self, _simd: S) -> usize {
            S::F32_LANES
        }
    }
    pulp::Arch::new().dispatch(Lanes)
}

/// A product `out[m, n] = a·b` or `out += a·b`, `out` row-major with rows `out_row` apart; see [`Product::run`].
pub struct Product<'a> {
    pub rows: usize,
    pub columns: usize,
    pub inner: usize,
    pub a: Strided<'a>,
    pub b: Panels<'a>,
    /// Columns are written up to whole vectors, so rows must be that wide.
    pub out: &'a mut [f32],
    pub out_row: usize,
    pub accumulate: bool,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.run(simd);
    }
}

/// One block of registers: where it reads and writes.
#[derive(Clone, Copy)]
struct Block {
    inner: usize,
    a: *const f32,
    a_row: usize,
    a_column: usize,
    b: *const f32,
    b_row: usize,
    out: *mut f32,
    out_row: usize,
    accumulate: bool,
}

impl Product<'_> {
    /// Multiplies with vectors of `simd`.
    ///
    /// # Panics
    /// When a view is too short for the sizes: a mistake in the calling kernel.
    #[inline(always)]
    pub fn run<S: Simd>(self, simd: S) {
        if self.rows == 0 || self.columns == 0 {
            return;
        }
        let lanes = S::F32_LANES;
        let vectors = self.columns.div_ceil(lanes);
        let (a, b) = (self.a, self.b);
        if self.inner > 0 {
            assert!((self.rows - 1) * a.row + (self.inner - 1) * a.column < a.data.len());
            let last = (vectors - 1) / 2 * b.panel + (vectors - 1) % 2 * lanes + lanes;
            assert!((self.inner - 1) * b.row + last <= b.data.len());
        }
        assert!(vectors * lanes <= self.out_row || self.rows == 1);
        assert!((self.rows - 1) * self.out_row + vectors * lanes <= self.out.len());
        let tall = if S::REGISTER_COUNT >= 32 { TALL } else { SHORT };
        for panel in 0..vectors.div_ceil(2) {
            let pair = vectors - 2 * panel >= 2;
            let mut row = 0;
            while row < self.rows {
                let left = self.rows - row;
                // SAFETY: the three assertions above bound the furthest element that any block reaches: rows below
                // `self.rows`, inner indices below `self.inner`, columns below `vectors · lanes`.
                unsafe {
                    let block = Block {
                        inner: self.inner,
                        a: a.data.as_ptr().wrapping_add(row * a.row),
                        a_row: a.row,
                        a_column: a.column,
                        b: b.data.as_ptr().wrapping_add(panel * b.panel),
                        b_row: b.row,
                        out: self.out.as_mut_ptr().add(row * self.out_row + panel * 2 * lanes),
                        out_row: self.out_row,
                        accumulate: self.accumulate,
                    };
                    row += if pair {
                        rows::<S, 2>(simd, left, tall, block)
                    } else {
                        rows::<S, 1>(simd, left, tall, block)
                    };
                }
            }
        }
    }
}

/// Multiplies as many rows as one block takes of `left`, and returns their number.
///
/// # Safety
/// The block's reads and writes must be in bounds for that many rows.
#[inline(always)]
unsafe fn rows<S: Simd, const VECTORS: usize>(simd: S, left: usize, tall: usize, block: Block) -> usize {
    macro_rules! take {
        ($($count:literal)*) => {
            $(if left >= $count && tall >= $count {
                // SAFETY: as the caller promises.
                unsafe { multiply::<S, $count, VECTORS>(simd, block) };
                return $count;
            })*
        };
    }
    take!(12 8 6 4 3 2);
    // SAFETY: as the caller promises.
    unsafe { multiply::<S, 1, VECTORS>(simd, block) };
    1
}

/// `ROWS` rows by `VECTORS` vectors of columns.
///
/// # Safety
/// As [`rows`].
#[inline(always)]
unsafe fn multiply<S: Simd, const ROWS: usize, const VECTORS: usize>(simd: S, block: Block) {
    let lanes = S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    let (mut a, mut b) = (block.a, block.b);
    for _ in 0..block.inner {
        // SAFETY: as the caller promises; a vector of f32 has no invalid bits and is read unaligned.
        unsafe {
            let columns: [S::f32s; VECTORS] =
                std::array::from_fn(|v| b.add(v * lanes).cast::<S::f32s>().read_unaligned());
            for (row, sums) in sums.iter_mut().enumerate() {
                let value = simd.splat_f32s(*a.add(row * block.a_row));
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = simd.mul_add_e_f32s(value, column, *sum);
                }
            }
            a = a.wrapping_add(block.a_column);
            b = b.wrapping_add(block.b_row);
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for (v, sum) in sums.iter().enumerate() {
            // SAFETY: as above.
            unsafe {
                let out = block.out.add(row * block.out_row + v * lanes).cast::<S::f32s>();
                let value = if block.accumulate { simd.add_f32s(out.read_unaligned(), *sum) } else { *sum };
                out.write_unaligned(value);
            }
        }
    }
}

/// Multiplies matrices that stand in the second-level cache `calls` times; returns the floating point operations done.
pub fn exercise(calls: usize) -> f64 {
    const SIZE: usize = 240;
    struct Square<'a>(&'a [f32], &'a mut [f32]);
    impl WithSimd for Square<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let width = 2 * S::F32_LANES;
            let a = Strided { data: self.0, row: SIZE, column: 1 };
            let b = Panels { data: self.0, row: width, panel: SIZE * width };
            let (rows, columns, inner) = (SIZE, SIZE / width * width, SIZE);
            Product { rows, columns, inner, a, b, out: self.1, out_row: SIZE, accumulate: false }.run(simd);
        }
    }
    let (factor, mut out) = (vec![0.5; SIZE * SIZE], vec![0.0; SIZE * SIZE]);
    for _ in 0..calls {
        pulp::Arch::new().dispatch(Square(&factor, &mut out));
        std::hint::black_box(&mut out);
    }
    let columns = SIZE / panel_width() * panel_width();
    2.0 * (SIZE * columns * SIZE * calls) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn normals(len: usize, index: u64) -> Vec<f32> {
        let mut values = vec![0.0; len];
        Stream::new(2, "product", index).fill_normal(&mut values);
        values
    }

    /// Products of every height and width against the triple loop.
    struct Check;

    impl WithSimd for Check {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for (rows, columns, inner) in [(1, 1, 1), (5, 16, 3), (7, 33, 9), (12, 32, 64), (31, 80, 5), (48, 64, 32)] {
                for (transposed, accumulate) in [(false, false), (true, true)] {
                    check(simd, (rows, columns, inner), transposed, accumulate);
                }
            }
        }
    }

    fn check<S: Simd>(simd: S, (rows, columns, inner): (usize, usize, usize), transposed: bool, accumulate: bool) {
        let width = 2 * S::F32_LANES;
        let out_row = columns.next_multiple_of(width);
        let (a, b) = (normals(rows * inner, 0), normals(out_row * inner, 1));
        let start = normals(rows * out_row, 2);
        let (row, column) = if transposed { (1, rows) } else { (inner, 1) };
        let mut out = start.clone();
        Product {
            rows,
            columns,
            inner,
            a: Strided { data: &a, row, column },
            b: Panels { data: &b, row: width, panel: inner * width },
            out: &mut out,
            out_row,
            accumulate,
        }
        .run(simd);
        for (m, n) in (0..rows).flat_map(|m| (0..columns).map(move |n| (m, n))) {
            let of_column = &b[n / width * inner * width + n % width..];
            let sum: f32 = (0..inner).map(|k| a[m * row + k * column] * of_column[k * width]).sum();
            let expected = sum + if accumulate { start[m * out_row + n] } else { 0.0 };
            let got = out[m * out_row + n];
            assert!((got - expected).abs() < 1e-4, "{rows}x{columns}x{inner} ({m}, {n}): {got}, not {expected}");
        }
    }

    #[test]
    fn agrees_with_the_triple_loop_on_this_machines_vectors() {
        pulp::Arch::new().dispatch(Check);
    }

    #[test]
    fn agrees_with_the_triple_loop_without_vectors() {
        Check.with_simd(pulp::Scalar);
    }

    /// `pulp` looks for AVX2 and for AVX-512 only where its features `x86-v3` and `x86-v4` are on: without them a name here
    /// is not known, on a machine that has neither, too.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_widest_vectors_of_this_machine_are_used() {
        let found = match pulp::x86::Arch::new() {
            pulp::x86::Arch::V4(_) => 16,
            pulp::x86::Arch::V3(_) => 8,
            _ => 1,
        };
        let wide = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512cd")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        let eight = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        assert_eq!(
            (found, lanes()),
            if wide {
                (16, 16)
            } else if eight {
                (8, 8)
            } else {
                (1, 1)
            }
        );
    }

    #[cfg(target_arch = "aarch64")]
    #[test]
    fn the_widest_vectors_of_this_machine_are_used() {
        assert_eq!(lanes(), 4);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn agrees_with_the_triple_loop_on_vectors_of_eight() {
        if let Some(simd) = pulp::x86::V3::try_new() {
            Simd::vectorize(simd, Check);
        }
    }
}
