//! Convolutions and linear layers as Candle operations over the CPU kernels.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::kernels::conv::{self, ConvShape};
use super::slices::{of_cpu, with_slices};

/// See [`super::conv2d`].
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize) -> Result<Tensor> {
    let (batch, height, width, in_channels) = x.dims4()?;
    let (out_channels, inputs, kernel, kernel_width) = weight.dims4()?;
    if inputs != in_channels || kernel != kernel_width || kernel % 2 == 0 || bias.dims() != [out_channels] {
        bail!("conv2d of {:?} with weight {:?} and bias {:?}", x.shape(), weight.shape(), bias.shape());
    }
    let shape = ConvShape { batch, height, width, in_channels, out_channels, kernel, stride };
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, Convolution { shape })
}

/// See [`super::linear`]: a convolution of one tap.
pub fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (out_channels, in_channels) = weight.dims2()?;
    let mut dims = x.dims().to_vec();
    let rows = x.elem_count() / in_channels.max(1);
    if dims.last() != Some(&in_channels) || bias.dims() != [out_channels] {
        bail!("linear of {:?} with weight {:?} and bias {:?}", x.shape(), weight.shape(), bias.shape());
    }
    if let Some(last) = dims.last_mut() {
        *last = out_channels;
    }
    let shape = ConvShape { batch: 1, height: rows, width: 1, in_channels, out_channels, kernel: 1, stride: 1 };
    let x = x.contiguous()?.reshape((1, rows, 1, in_channels))?;
    let weight = weight.contiguous()?.reshape((out_channels, in_channels, 1, 1))?;
    x.apply_op3(&weight, &bias.contiguous()?, Convolution { shape })?.reshape(dims)
}

struct Convolution {
    shape: ConvShape,
}

impl CustomOp3 for Convolution {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let s = &self.shape;
        let dims = (s.batch, s.out_height(), s.out_width(), s.out_channels);
        let shape = Shape::from(dims);
        let mut y = vec![0.0; shape.elem_count()];
        let (x, weight) = (of_cpu(x, x_layout)?, of_cpu(weight, weight_layout)?);
        conv::forward(s, x, weight, of_cpu(bias, bias_layout)?, &mut y);
        Ok((CpuStorage::F32(y), shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let s = &self.shape;
        let mut dw = vec![0.0; weight.elem_count()];
        let mut db = vec![0.0; bias.elem_count()];
        // The images themselves are the input of a network's first layer: nobody asks for their gradient.
        let mut dx = x.track_op().then(|| vec![0.0; x.elem_count()]);
        with_slices([x, weight, &dy], |[x, weight, dy]| {
            conv::backward(s, (x, weight), dy, (&mut dw, &mut db), dx.as_deref_mut());
        })?;
        let dx = dx.map(|dx| Tensor::from_vec(dx, x.shape(), x.device())).transpose()?;
        let dw = Tensor::from_vec(dw, weight.shape(), weight.device())?;
        let db = Tensor::from_vec(db, bias.shape(), bias.device())?;
        Ok((dx, Some(dw), Some(db)))
    }
}
