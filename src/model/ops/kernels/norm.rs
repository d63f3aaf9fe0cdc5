//! Group normalisation (Wu & He 2018) of channels-last images, with gain and bias per image and an optional SiLU,
//! forward and backward in two sweeps over an image that is still in the cache.

use rayon::prelude::*;

use super::math::{silu, silu_derivative};
use super::vectorised;

/// The sizes of a normalisation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormShape {
    pub batch: usize,
    /// Height · width.
    pub pixels: usize,
    pub channels: usize,
    pub groups: usize,
    pub epsilon: f64,
    /// Whether SiLU follows.
    pub silu: bool,
}

impl NormShape {
    fn image(&self) -> usize {
        self.pixels * self.channels
    }

    /// The row of a `[1, C]` or `[B, C]` array that belongs to an image.
    fn row<'a>(&self, values: &'a [f32], image: usize) -> &'a [f32] {
        let start = if values.len() == self.channels { 0 } else { image * self.channels };
        &values[start..start + self.channels]
    }
}

/// `y = act((x − mean) / √(variance + ε) · gain + bias)`, statistics over each group's channels and all pixels.
///
/// `x`, `y`: `[B, pixels, C]`; `gain`, `bias`: `[C]` or `[B, C]`.
pub fn forward(shape: &NormShape, x: &[f32], gain: &[f32], bias: &[f32], y: &mut [f32]) {
    y.par_chunks_mut(shape.image()).zip(x.par_chunks(shape.image())).enumerate().for_each(|(image, (y, x))| {
        let stats = Statistics::of(shape, x);
        let (scale, shift) = stats.affine(shape.row(gain, image), shape.row(bias, image));
        vectorised(
            #[inline(always)]
            || {
                for (y, x) in y.chunks_exact_mut(shape.channels).zip(x.chunks_exact(shape.channels)) {
                    if shape.silu {
                        for (((y, x), a), b) in y.iter_mut().zip(x).zip(&scale).zip(&shift) {
                            *y = silu(x * a + b);
                        }
                    } else {
                        for (((y, x), a), b) in y.iter_mut().zip(x).zip(&scale).zip(&shift) {
                            *y = x * a + b;
                        }
                    }
                }
            },
        );
    });
}

/// The gradients of [`forward`]: `dx` as `x`; `d_gain` and `d_bias` as `gain` and `bias`.
pub fn backward(
    shape: &NormShape,
    x: &[f32],
    (gain, bias): (&[f32], &[f32]),
    dy: &[f32],
    dx: &mut [f32],
    (d_gain, d_bias): (&mut [f32], &mut [f32]),
) {
    let channels = shape.channels;
    let size = shape.image();
    let parts: Vec<(Vec<f32>, Vec<f32>)> = dx
        .par_chunks_mut(size)
        .zip(x.par_chunks(size).zip(dy.par_chunks(size)))
        .enumerate()
        .map(|(image, (dx, (x, dy)))| {
            image_backward(shape, x, (shape.row(gain, image), shape.row(bias, image)), dy, dx)
        })
        .collect();
    for (out, select) in [(d_gain, 0), (d_bias, 1)] {
        let per_image = out.len() != channels;
        out.fill(0.0);
        for (image, part) in parts.iter().enumerate() {
            let part = if select == 0 { &part.0 } else { &part.1 };
            let start = if per_image { image * channels } else { 0 };
            for (sum, value) in out[start..start + channels].iter_mut().zip(part) {
                *sum += value;
            }
        }
    }
}

/// Backward pass of one image; returns its `(d_gain, d_bias)`, `[C]` each.
///
/// With z = x̂·gain + bias and dz = dy·act′(z): d_bias = Σ dz, d_gain = Σ dz·x̂, and within each group of n values
/// dx = rstd · (gain·dz − mean(gain·dz) − x̂ · mean(gain·dz·x̂)).
fn image_backward(
    shape: &NormShape,
    x: &[f32],
    (gain, bias): (&[f32], &[f32]),
    dy: &[f32],
    dx: &mut [f32],
) -> (Vec<f32>, Vec<f32>) {
    let channels = shape.channels;
    let stats = Statistics::of(shape, x);
    let (scale, shift) = stats.affine(gain, bias);
    let (mut dz_x, mut dz_sum) = (vec![0.0f32; channels], vec![0.0f32; channels]);
    vectorised(
        #[inline(always)]
        || {
            let rows = x.chunks_exact(channels).zip(dy.chunks_exact(channels)).zip(dx.chunks_exact_mut(channels));
            for ((x, dy), dx) in rows {
                let coefficients = scale.iter().zip(&shift).zip(dz_x.iter_mut().zip(dz_sum.iter_mut()));
                for (((x, dy), dz), ((a, b), (sum_x, sum))) in x.iter().zip(dy).zip(dx).zip(coefficients) {
                    *dz = if shape.silu { dy * silu_derivative(x * a + b) } else { *dy };
                    *sum += *dz;
                    *sum_x += *dz * x;
                }
            }
        },
    );
    // Σ dz·x̂ from Σ dz·x, channel by channel.
    let d_gain: Vec<f32> =
        (0..channels).map(|c| (dz_x[c] - stats.mean[c] * dz_sum[c]) * stats.reciprocal_std[c]).collect();
    let width = channels / shape.groups;
    let count = (width * shape.pixels) as f32;
    let (mut slope, mut offset) = (vec![0.0f32; channels], vec![0.0f32; channels]);
    for group in 0..shape.groups {
        let range = group * width..(group + 1) * width;
        let mean_dz = range.clone().map(|c| gain[c] * dz_sum[c]).sum::<f32>() / count;
        let mean_dz_x = range.clone().map(|c| gain[c] * d_gain[c]).sum::<f32>() / count;
        for c in range {
            let r = stats.reciprocal_std[c];
            slope[c] = -r * r * mean_dz_x;
            offset[c] = -r * mean_dz - slope[c] * stats.mean[c];
        }
    }
    vectorised(
        #[inline(always)]
        || {
            for (x, dx) in x.chunks_exact(channels).zip(dx.chunks_exact_mut(channels)) {
                for ((x, dx), ((a, s), o)) in x.iter().zip(dx).zip(scale.iter().zip(&slope).zip(&offset)) {
                    *dx = a * *dx + s * x + o;
                }
            }
        },
    );
    (d_gain, dz_sum)
}

/// Mean and 1/√(variance + ε) of each channel's group.
struct Statistics {
    mean: Vec<f32>,
    reciprocal_std: Vec<f32>,
}

impl Statistics {
    /// Of one image `[pixels, C]`: the mean first, then the squared distances to it, so that nothing cancels.
    fn of(shape: &NormShape, x: &[f32]) -> Self {
        let channels = shape.channels;
        let zero = vec![0.0f32; channels];
        let sums = channel_sums(x, &zero, |x, _| x);
        let mean = spread(shape, &sums, |mean| mean);
        let squares = channel_sums(x, &mean, |x, mean| (x - mean) * (x - mean));
        let reciprocal_std = spread(shape, &squares, |variance| 1.0 / (variance + shape.epsilon).sqrt());
        Self { mean, reciprocal_std }
    }

    /// `(scale, shift)` such that the normalised, modulated value is `x·scale + shift`.
    fn affine(&self, gain: &[f32], bias: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let scale: Vec<f32> = gain.iter().zip(&self.reciprocal_std).map(|(g, r)| g * r).collect();
        let shift = bias.iter().zip(&scale).zip(&self.mean).map(|((b, s), m)| b - s * m).collect();
        (scale, shift)
    }
}

/// For each channel the sum over pixels of `term(x, of_channel)`, in f32 over short stretches and f64 beyond.
#[inline(always)]
fn channel_sums(x: &[f32], of_channel: &[f32], term: impl Fn(f32, f32) -> f32) -> Vec<f64> {
    const STRETCH: usize = 64;
    let channels = of_channel.len();
    let mut totals = vec![0.0f64; channels];
    let mut partial = vec![0.0f32; channels];
    vectorised(
        #[inline(always)]
        || {
            for stretch in x.chunks(STRETCH * channels) {
                partial.fill(0.0);
                for row in stretch.chunks_exact(channels) {
                    for ((sum, x), other) in partial.iter_mut().zip(row).zip(of_channel) {
                        *sum += term(*x, *other);
                    }
                }
                for (total, part) in totals.iter_mut().zip(&partial) {
                    *total += f64::from(*part);
                }
            }
        },
    );
    totals
}

/// From each channel's sum to `finish(mean over the group)`, repeated for each channel of the group.
fn spread(shape: &NormShape, sums: &[f64], finish: impl Fn(f64) -> f64) -> Vec<f32> {
    let width = shape.channels / shape.groups;
    let count = (width * shape.pixels) as f64;
    sums.chunks_exact(width)
        .flat_map(|group| {
            let value = finish(group.iter().sum::<f64>() / count) as f32;
            std::iter::repeat_n(value, width)
        })
        .collect()
}
