//! Group normalisation as an operation over the CPU kernel.

use candle_core::{Result, Shape, Tensor, bail};

use super::kernels::norm::{self, NormShape};
use super::operation::{Operation, apply, many_may_join, unspecified};

/// What follows a normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    None,
    Silu,
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
    let fits = |t: &Tensor| t.dims() == [channels] || t.dims() == [batch, channels];
    if groups == 0 || channels % groups != 0 || !fits(gain) || !fits(bias) {
        bail!("group_norm of {:?} by {groups} groups with gain {:?}, bias {:?}", x.shape(), gain.shape(), bias.shape());
    }
    let silu = activation == Activation::Silu;
    let shape = NormShape { batch, pixels: height * width, channels, groups, epsilon, silu };
    apply(GroupNorm { dims: x.shape().clone(), shape }, [x, gain, bias])
}

/// See [`super::group_norm_modulated`].
pub fn group_norm_modulated(
    x: &Tensor,
    (gain, bias): (&Tensor, &Tensor),
    modulation: &Tensor,
    groups: usize,
    epsilon: f64,
) -> Result<Tensor> {
    let (batch, height, width, channels) = x.dims4()?;
    if groups == 0
        || channels % groups != 0
        || modulation.dims() != [batch, 2 * channels]
        || [gain, bias].iter().any(|t| t.dims() != [channels])
    {
        bail!("group_norm of {:?} by {groups} groups, modulated by {:?}", x.shape(), modulation.shape());
    }
    if !many_may_join(&[x, gain, bias, modulation]) {
        let scale = (modulation.narrow(1, 0, channels)? + 1.0)?;
        let shift = modulation.narrow(1, channels, channels)?;
        let (gain, bias) = (scale.broadcast_mul(gain)?, (scale.broadcast_mul(bias)? + shift)?);
        return group_norm(x, &gain, &bias, groups, epsilon, Activation::Silu);
    }
    let shape = NormShape { batch, pixels: height * width, channels, groups, epsilon, silu: true };
    apply(ModulatedGroupNorm { dims: x.shape().clone(), shape }, [x, gain, bias, modulation])
}

struct GroupNorm {
    dims: Shape,
    shape: NormShape,
}

impl Operation for GroupNorm {
    fn name(&self) -> &'static str {
        "group norm"
    }

    fn shape(&self) -> Shape {
        self.dims.clone()
    }

    fn forward(&self, inputs: &[&[f32]], y: &mut [f32]) {
        norm::forward(&self.shape, inputs[0], inputs[1], inputs[2], y);
    }

    fn backward(&self, inputs: &[&[f32]], dy: Vec<f32>, _wanted: &[bool]) -> Result<Vec<Option<Vec<f32>>>> {
        let (x, gain, bias) = (inputs[0], inputs[1], inputs[2]);
        let mut dx = unspecified(x.len())?;
        let (mut d_gain, mut d_bias) = (unspecified(gain.len())?, unspecified(bias.len())?);
        norm::backward(&self.shape, x, (gain, bias), &dy, &mut dx, (&mut d_gain, &mut d_bias));
        Ok(vec![Some(dx), Some(d_gain), Some(d_bias)])
    }
}

struct ModulatedGroupNorm {
    dims: Shape,
    shape: NormShape,
}

impl ModulatedGroupNorm {
    /// Gain and bias of each image, `[B, C]`: gain · (1 + scale), and bias · (1 + scale) + shift.
    fn affine(&self, inputs: &[&[f32]]) -> (Vec<f32>, Vec<f32>) {
        let channels = self.shape.channels;
        let (mut gains, mut biases) = (Vec::new(), Vec::new());
        for modulation in inputs[3].chunks_exact(2 * channels) {
            let (scale, shift) = modulation.split_at(channels);
            gains.extend(inputs[1].iter().zip(scale).map(|(gain, scale)| gain * (1.0 + scale)));
            let affine = inputs[2].iter().zip(scale).zip(shift);
            biases.extend(affine.map(|((bias, scale), shift)| bias * (1.0 + scale) + shift));
        }
        (gains, biases)
    }
}

impl Operation for ModulatedGroupNorm {
    fn name(&self) -> &'static str {
        "modulated group norm"
    }

    fn shape(&self) -> Shape {
        self.dims.clone()
    }

    fn forward(&self, inputs: &[&[f32]], y: &mut [f32]) {
        let (gain, bias) = self.affine(inputs);
        norm::forward(&self.shape, inputs[0], &gain, &bias, y);
    }

    fn backward(&self, inputs: &[&[f32]], dy: Vec<f32>, _wanted: &[bool]) -> Result<Vec<Option<Vec<f32>>>> {
        let (x, channels) = (inputs[0], self.shape.channels);
        let (gains, biases) = self.affine(inputs);
        let mut dx = unspecified(x.len())?;
        let (mut d_gains, mut d_biases) = (vec![0.0; gains.len()], vec![0.0; biases.len()]);
        norm::backward(&self.shape, x, (&gains, &biases), &dy, &mut dx, (&mut d_gains, &mut d_biases));
        let (mut d_gain, mut d_bias) = (vec![0.0; channels], vec![0.0; channels]);
        let mut d_modulation = vec![0.0; inputs[3].len()];
        let images = d_gains.chunks_exact(channels).zip(d_biases.chunks_exact(channels));
        let modulations = inputs[3].chunks_exact(2 * channels).zip(d_modulation.chunks_exact_mut(2 * channels));
        for ((d_gains, d_biases), (modulation, d_modulation)) in images.zip(modulations) {
            let (d_scale, d_shift) = d_modulation.split_at_mut(channels);
            for c in 0..channels {
                d_gain[c] += d_gains[c] * (1.0 + modulation[c]);
                d_bias[c] += d_biases[c] * (1.0 + modulation[c]);
                d_scale[c] = d_gains[c] * inputs[1][c] + d_biases[c] * inputs[2][c];
                d_shift[c] = d_biases[c];
            }
        }
        Ok(vec![Some(dx), Some(d_gain), Some(d_bias), Some(d_modulation)])
    }
}
