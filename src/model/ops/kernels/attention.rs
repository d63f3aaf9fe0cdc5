//! Scaled dot-product attention (Vaswani et al. 2017, eq. 1) over the pixels of an image, head by head.

use rayon::prelude::*;

use super::gemm::{Destination, Matrix, gemm};
use super::math::exp;
use super::{vectorised, with_scratch};

/// The sizes of an attention: `heads` heads of `width` channels each, on `tokens` pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionShape {
    pub batch: usize,
    pub tokens: usize,
    pub heads: usize,
    pub width: usize,
}

impl AttentionShape {
    fn channels(&self) -> usize {
        self.heads * self.width
    }

    fn image(&self) -> usize {
        self.tokens * self.channels()
    }

    /// 1/√width.
    fn scale(&self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }

    /// One head of an image `[tokens, heads·width]` as a matrix `[tokens, width]`.
    fn head<'a>(&self, image: &'a [f32], head: usize) -> Matrix<'a> {
        Matrix::new(&image[head * self.width..], self.tokens, self.width, self.channels())
    }
}

/// `y = softmax(q·kᵀ/√width)·v`; all of them `[B, tokens, heads·width]`.
pub fn forward(shape: &AttentionShape, q: &[f32], k: &[f32], v: &[f32], y: &mut [f32]) {
    let (size, n, channels) = (shape.image(), shape.tokens, shape.channels());
    y.par_chunks_mut(size).enumerate().for_each(|(b, y)| {
        let [q, k, v] = [q, k, v].map(|all| &all[b * size..(b + 1) * size]);
        with_scratch(n * n, |weights| {
            for h in 0..shape.heads {
                attend(shape, shape.head(q, h), shape.head(k, h), weights);
                let out = &mut y[h * shape.width..];
                gemm(out, channels, Destination::Overwrite, Matrix::new(weights, n, n, n), shape.head(v, h), 1.0);
            }
        });
    });
}

/// Gradients of [`forward`], the attention weights computed again rather than kept.
///
/// With P the weights: dV = Pᵀ·dY, dP = dY·Vᵀ, dS = P∘(dP − rowsum(P∘dP)), dQ = dS·K/√width, dK = dSᵀ·Q/√width.
pub fn backward(shape: &AttentionShape, [q, k, v]: [&[f32]; 3], dy: &[f32], [dq, dk, dv]: [&mut [f32]; 3]) {
    let (size, n, channels) = (shape.image(), shape.tokens, shape.channels());
    let outputs = dq.par_chunks_mut(size).zip(dk.par_chunks_mut(size)).zip(dv.par_chunks_mut(size));
    outputs.enumerate().for_each(|(b, ((dq, dk), dv))| {
        let [q, k, v, dy] = [q, k, v, dy].map(|all| &all[b * size..(b + 1) * size]);
        with_scratch(2 * n * n, |scratch| {
            let (weights, gradient) = scratch.split_at_mut(n * n);
            for h in 0..shape.heads {
                let start = h * shape.width;
                let dy = shape.head(dy, h);
                attend(shape, shape.head(q, h), shape.head(k, h), weights);
                let p = Matrix::new(weights, n, n, n);
                gemm(&mut dv[start..], channels, Destination::Overwrite, p.t(), dy, 1.0);
                gemm(gradient, n, Destination::Overwrite, dy, shape.head(v, h).t(), 1.0);
                softmax_backward(n, weights, gradient);
                let ds = Matrix::new(gradient, n, n, n);
                gemm(&mut dq[start..], channels, Destination::Overwrite, ds, shape.head(k, h), shape.scale());
                gemm(&mut dk[start..], channels, Destination::Overwrite, ds.t(), shape.head(q, h), shape.scale());
            }
        });
    });
}

/// The attention weights of one head, `[tokens, tokens]`, rows summing to 1.
fn attend(shape: &AttentionShape, q: Matrix, k: Matrix, weights: &mut [f32]) {
    let n = shape.tokens;
    gemm(weights, n, Destination::Overwrite, q, k.t(), shape.scale());
    vectorised(
        #[inline(always)]
        || {
            for row in weights.chunks_exact_mut(n) {
                let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                for value in row.iter_mut() {
                    *value = exp(*value - largest);
                }
                let scale = 1.0 / row.iter().sum::<f32>();
                for value in row {
                    *value *= scale;
                }
            }
        },
    );
}

/// `gradient` from that of the weights to that of the scores, in place.
fn softmax_backward(n: usize, weights: &[f32], gradient: &mut [f32]) {
    vectorised(
        #[inline(always)]
        || {
            for (p, d) in weights.chunks_exact(n).zip(gradient.chunks_exact_mut(n)) {
                let dot: f32 = p.iter().zip(d.iter()).map(|(p, d)| p * d).sum();
                for (p, d) in p.iter().zip(d) {
                    *d = p * (*d - dot);
                }
            }
        },
    );
}
