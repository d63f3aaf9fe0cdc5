//! Group normalisation as a Candle operation over the CPU kernel.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::kernels::norm::{self, NormShape};
use super::slices::{of_cpu, with_slices};

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
    x.contiguous()?.apply_op3(&gain.contiguous()?, &bias.contiguous()?, GroupNorm { shape })
}

struct GroupNorm {
    shape: NormShape,
}

impl CustomOp3 for GroupNorm {
    fn name(&self) -> &'static str {
        "group-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gain: &CpuStorage,
        gain_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = of_cpu(x, x_layout)?;
        let mut y = vec![0.0; x.len()];
        norm::forward(&self.shape, x, of_cpu(gain, gain_layout)?, of_cpu(bias, bias_layout)?, &mut y);
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gain: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let mut dx = vec![0.0; x.elem_count()];
        let mut d_gain = vec![0.0; gain.elem_count()];
        let mut d_bias = vec![0.0; bias.elem_count()];
        with_slices([x, gain, bias, &dy], |[x, gain, bias, dy]| {
            norm::backward(&self.shape, x, (gain, bias), dy, &mut dx, (&mut d_gain, &mut d_bias));
        })?;
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device()).map(Some);
        Ok((tensor(dx, x)?, tensor(d_gain, gain)?, tensor(d_bias, bias)?))
    }
}
