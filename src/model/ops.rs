//! The operations that the networks are made of, on channels-last tensors `[B, H, W, C]`.
//!
//! On the CPU they run the kernels of [`kernels`], with gradients of their own; on other devices they are composed of
//! Candle's operations ([`portable`]), which is also what the kernels are tested against.

mod attention;
mod conv;
pub mod kernels;
mod norm;
pub mod portable;
mod resample;
pub(crate) mod slices;

use candle_core::{Result, Tensor};

pub use norm::Activation;

/// Convolution with zero padding k/2: `[B, H, W, Cin]` to `[B, ⌈H/stride⌉, ⌈W/stride⌉, Cout]`.
///
/// `weight`: `[Cout, Cin, k, k]` as PyTorch keeps it, k odd; `bias`: `[Cout]`.
///
/// # Errors
/// When the shapes do not fit together.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize) -> Result<Tensor> {
    if x.device().is_cpu() { conv::conv2d(x, weight, bias, stride) } else { portable::conv2d(x, weight, bias, stride) }
}

/// `x·Wᵀ + b` over the last dimension: `[…, in]` to `[…, out]`; `weight`: `[out, in]`, `bias`: `[out]`.
///
/// # Errors
/// When the shapes do not fit together.
pub fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { conv::linear(x, weight, bias) } else { portable::linear(x, weight, bias) }
}

/// Group normalisation over pixels and each group's channels, then `· gain + bias`, then the activation.
///
/// `x`: `[B, H, W, C]`; `gain`, `bias`: `[C]`, or `[B, C]` to modulate each image (Perez et al. 2018).
///
/// # Errors
/// When the shapes do not fit together or `groups` does not divide C.
pub fn group_norm(
    x: &Tensor,
    gain: &Tensor,
    bias: &Tensor,
    groups: usize,
    epsilon: f64,
    activation: Activation,
) -> Result<Tensor> {
    if x.device().is_cpu() {
        norm::group_norm(x, gain, bias, groups, epsilon, activation)
    } else {
        portable::group_norm(x, gain, bias, groups, epsilon, activation)
    }
}

/// Multi-head attention `softmax(q·kᵀ/√d)·v` with d = C/heads; all of them `[B, tokens, C]`.
///
/// # Errors
/// When the shapes differ or `heads` does not divide C.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize) -> Result<Tensor> {
    if q.device().is_cpu() { attention::attention(q, k, v, heads) } else { portable::attention(q, k, v, heads) }
}

/// Each pixel repeated twice in both directions: `[B, H, W, C]` to `[B, 2H, 2W, C]`.
///
/// # Errors
/// When `x` does not have four dimensions.
pub fn upsample_nearest2(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { resample::upsample_nearest2(x) } else { portable::upsample_nearest2(x) }
}

/// The mean of each 2×2 square: `[B, H, W, C]` to `[B, H/2, W/2, C]`, H and W even.
///
/// # Errors
/// When `x` does not have four dimensions or H or W is odd.
pub fn avg_pool2(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { resample::avg_pool2(x) } else { portable::avg_pool2(x) }
}

/// 2×2 squares into channels: `[B, H, W, C]` to `[B, H/2, W/2, 4C]`, channels ordered as PyTorch's `pixel_unshuffle`.
///
/// # Errors
/// When `x` does not have four dimensions or H or W is odd.
pub fn space_to_depth2(x: &Tensor) -> Result<Tensor> {
    let (b, h, w, c) = x.dims4()?;
    x.reshape((b, h / 2, 2, w / 2, 2, c))?.permute((0, 1, 3, 5, 2, 4))?.contiguous()?.reshape((b, h / 2, w / 2, 4 * c))
}

/// The inverse of [`space_to_depth2`], as PyTorch's `pixel_shuffle`.
///
/// # Errors
/// When `x` does not have four dimensions or C is not a multiple of 4.
pub fn depth_to_space2(x: &Tensor) -> Result<Tensor> {
    let (b, h, w, c) = x.dims4()?;
    x.reshape((b, h, w, c / 4, 2, 2))?.permute((0, 1, 4, 2, 5, 3))?.contiguous()?.reshape((b, 2 * h, 2 * w, c / 4))
}
