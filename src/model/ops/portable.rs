//! The operations of [`super`] composed of Candle's own: for devices without kernels of ours, and the plain
//! reference that the kernels are tested against. Only Candle operations with right gradients are used.

use candle_core::{D, Result, Tensor};

use super::Activation;

/// See [`super::conv2d`].
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize) -> Result<Tensor> {
    let padding = weight.dim(2)? / 2;
    let x = x.permute((0, 3, 1, 2))?.contiguous()?;
    x.conv2d(weight, padding, stride, 1, 1)?.permute((0, 2, 3, 1))?.contiguous()?.broadcast_add(bias)
}

/// See [`super::linear`].
pub fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (outputs, inputs) = weight.dims2()?;
    let mut dims = x.dims().to_vec();
    if let Some(last) = dims.last_mut() {
        *last = outputs;
    }
    x.reshape(((), inputs))?.matmul(&weight.t()?)?.broadcast_add(bias)?.reshape(dims)
}

/// See [`super::group_norm`].
pub fn group_norm(
    x: &Tensor,
    gain: &Tensor,
    bias: &Tensor,
    groups: usize,
    epsilon: f64,
    activation: Activation,
) -> Result<Tensor> {
    let (batch, height, width, channels) = x.dims4()?;
    let grouped = x.reshape((batch, height * width, groups, channels / groups))?;
    let centred = grouped.broadcast_sub(&grouped.mean_keepdim((1, 3))?)?;
    let deviation = (centred.sqr()?.mean_keepdim((1, 3))? + epsilon)?.sqrt()?;
    let normalised = centred.broadcast_div(&deviation)?.reshape((batch, height * width, channels))?;
    let per_image = |t: &Tensor| t.reshape(((), 1, channels));
    let y = normalised.broadcast_mul(&per_image(gain)?)?.broadcast_add(&per_image(bias)?)?;
    let y = y.reshape((batch, height, width, channels))?;
    match activation {
        Activation::None => Ok(y),
        Activation::Silu => y.silu(),
    }
}

/// See [`super::attention`].
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize) -> Result<Tensor> {
    let (batch, channels) = (q.dim(0)?, q.dim(D::Minus1)?);
    let width = channels / heads;
    let split = |t: &Tensor| t.reshape((batch, (), heads, width))?.transpose(1, 2)?.contiguous();
    let scores = (split(q)?.matmul(&split(k)?.t()?)? / (width as f64).sqrt())?;
    let weights = candle_nn::ops::softmax(&scores, D::Minus1)?;
    weights.matmul(&split(v)?)?.transpose(1, 2)?.reshape(q.shape())
}

/// See [`super::group_norm_modulated`].
pub fn group_norm_modulated(
    x: &Tensor,
    (gain, bias): (&Tensor, &Tensor),
    modulation: &Tensor,
    groups: usize,
    epsilon: f64,
) -> Result<Tensor> {
    let parts = modulation.chunk(2, 1)?;
    let scale = (&parts[0] + 1.0)?;
    let (gain, bias) = (scale.broadcast_mul(gain)?, (scale.broadcast_mul(bias)? + &parts[1])?);
    group_norm(x, &gain, &bias, groups, epsilon, Activation::Silu)
}

/// See [`super::space_to_depth2`].
pub fn space_to_depth2(x: &Tensor) -> Result<Tensor> {
    let (b, h, w, c) = x.dims4()?;
    x.reshape((b, h / 2, 2, w / 2, 2, c))?.permute((0, 1, 3, 5, 2, 4))?.contiguous()?.reshape((b, h / 2, w / 2, 4 * c))
}

/// See [`super::depth_to_space2`].
pub fn depth_to_space2(x: &Tensor) -> Result<Tensor> {
    let (b, h, w, c) = x.dims4()?;
    x.reshape((b, h, w, c / 4, 2, 2))?.permute((0, 1, 4, 2, 5, 3))?.contiguous()?.reshape((b, 2 * h, 2 * w, c / 4))
}

/// See [`super::upsample_nearest2`].
pub fn upsample_nearest2(x: &Tensor) -> Result<Tensor> {
    let (b, h, w, c) = x.dims4()?;
    x.reshape((b, h, 1, w, 1, c))?.broadcast_as((b, h, 2, w, 2, c))?.contiguous()?.reshape((b, 2 * h, 2 * w, c))
}

/// See [`super::avg_pool2`].
pub fn avg_pool2(x: &Tensor) -> Result<Tensor> {
    let (b, h, w, c) = x.dims4()?;
    x.reshape((b, h / 2, 2, w / 2, 2, c))?.mean((2, 4))
}
