//! Single-threaded matrix products with bounds checked once, through the `gemm` crate.
//!
//! Threading is left to the callers, who split the work by shape: the result must not depend on the number of threads.

#![allow(unsafe_code)]

/// A strided view of a matrix inside a slice.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Row-major `[rows, columns]` whose rows begin `stride` values apart.
    pub fn new(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(
            rows == 0 || columns <= stride && (rows - 1) * stride + columns <= data.len(),
            "matrix exceeds its slice"
        );
        Self { data, rows, columns, row_stride: stride, column_stride: 1 }
    }

    /// The transposed view.
    pub fn t(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// What happens to the values that the destination holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// They are replaced.
    Overwrite,
    /// The product is added to them.
    Accumulate,
}

/// `out = scale · a·b` or `out += scale · a·b`, `out` row-major `[a.rows, b.columns]` with rows `stride` apart.
///
/// # Panics
/// When the shapes do not fit together: a mistake in the calling kernel.
pub fn gemm(out: &mut [f32], stride: usize, destination: Destination, a: Matrix, b: Matrix, scale: f32) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    assert_eq!(k, b.rows, "inner dimensions differ");
    if m == 0 || n == 0 {
        return;
    }
    assert!(n <= stride && (m - 1) * stride + n <= out.len(), "product exceeds its destination");
    let accumulate = destination == Destination::Accumulate;
    // SAFETY: both views were checked against their slices in `Matrix::new` (and a transposed view reaches the same
    // elements), the destination just now; `out` is borrowed exclusively, so it overlaps neither input.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            stride as isize,
            accumulate,
            a.data.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            scale,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    #[test]
    fn agrees_with_the_triple_loop_transposed_and_accumulating() {
        for (m, n, k) in [(1, 1, 1), (7, 5, 3), (49, 33, 64), (3, 100, 9)] {
            let mut stream = Stream::new(1, "gemm", (m * n * k) as u64);
            let (mut a, mut b, mut c) = (vec![0.0; m * k], vec![0.0; n * k], vec![0.0; m * n]);
            stream.fill_normal(&mut a);
            stream.fill_normal(&mut b);
            stream.fill_normal(&mut c);
            let mut expected = c.clone();
            for i in 0..m {
                for j in 0..n {
                    expected[i * n + j] += 0.5 * (0..k).map(|l| a[i * k + l] * b[j * k + l]).sum::<f32>();
                }
            }
            let b = Matrix::new(&b, n, k, k).t();
            gemm(&mut c, n, Destination::Accumulate, Matrix::new(&a, m, k, k), b, 0.5);
            for (got, want) in c.iter().zip(&expected) {
                assert!((got - want).abs() < 1e-4, "{got} {want}");
            }
        }
    }
}
