//! The operations that the networks are made of, on channels-last tensors `[B, H, W, C]`.
//!
//! On the CPU they run the kernels of [`kernels`], with gradients of their own; on other devices they are composed of
//! Candle's operations ([`portable`]), which is also what the kernels are tested against.

mod attention;
mod conv;
pub mod kernels;
mod norm;
pub(crate) mod operation;
mod pointwise;
pub mod portable;
mod resample;
pub(crate) mod slices;
mod tape;

use candle_core::{Result, Tensor};

pub use norm::Activation;
pub use tape::Tape;

/// Convolution with zero padding k/2: `[B, H, W, Cin]` to `[B, ⌈H/stride⌉, ⌈W/stride⌉, Cout]`.
///
/// `weight`: `[Cout, Cin, k, k]` as PyTorch keeps it, k odd; `bias`: `[Cout]`.
///
/// # Errors
/// When the shapes do not fit together.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize) -> Result<Tensor> {
    if x.device().is_cpu() { conv::conv2d(x, weight, bias, stride) } else { portable::conv2d(x, weight, bias, stride) }
}

/// [`conv2d`] of stride 1, plus `summand` of the result's shape.
///
/// # Errors
/// When the shapes do not fit together.
pub fn conv2d_plus(x: &Tensor, weight: &Tensor, bias: &Tensor, summand: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        conv::conv2d_plus(x, weight, bias, summand)
    } else {
        portable::conv2d(x, weight, bias, 1)? + summand
    }
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

/// SiLU(norm(x)·(1 + scale) + shift), norm as in [`group_norm`] with `gain` and `bias` `[C]`.
///
/// `modulation`: `[B, 2C]`, each image's scale and then its shift.
///
/// # Errors
/// When the shapes do not fit together or `groups` does not divide C.
pub fn group_norm_modulated(
    x: &Tensor,
    affine: (&Tensor, &Tensor),
    modulation: &Tensor,
    groups: usize,
    epsilon: f64,
) -> Result<Tensor> {
    if x.device().is_cpu() {
        norm::group_norm_modulated(x, affine, modulation, groups, epsilon)
    } else {
        portable::group_norm_modulated(x, affine, modulation, groups, epsilon)
    }
}

/// Multi-head attention `softmax(q·kᵀ/√d)·v` with d = C/heads; all of them `[B, tokens, C]` or `[B, H, W, C]`.
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
    if x.device().is_cpu() { resample::space_to_depth2(x) } else { portable::space_to_depth2(x) }
}

/// The inverse of [`space_to_depth2`], as PyTorch's `pixel_shuffle`.
///
/// # Errors
/// When `x` does not have four dimensions or C is not a multiple of 4.
pub fn depth_to_space2(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { resample::depth_to_space2(x) } else { portable::depth_to_space2(x) }
}

/// The sum of two tensors of one shape.
///
/// # Errors
/// When the shapes differ.
pub fn add(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { pointwise::add(x, y) } else { x + y }
}

/// `x · sigmoid(x)` (Elfwing et al. 2018).
///
/// # Errors
/// When the device has no room.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { pointwise::silu(x) } else { x.silu() }
}

/// The channels of two images side by side: `[B, H, W, C]` and `[B, H, W, D]` to `[B, H, W, C + D]`.
///
/// # Errors
/// When the other dimensions differ.
pub fn concat(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { pointwise::concat(x, y) } else { Tensor::cat(&[x, y], 3) }
}

/// The mean of (x − y)², a scalar.
///
/// # Errors
/// When the shapes differ.
pub fn mean_square(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { pointwise::mean_square(x, y) } else { (x - y)?.sqr()?.mean_all() }
}
