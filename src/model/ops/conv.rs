//! Convolutions and linear layers as operations over the CPU kernels.

use candle_core::{Result, Shape, Tensor, bail};

use super::kernels::conv::{self, ConvShape};
use super::operation::{Operation, apply, many_may_join, unspecified};

/// See [`super::conv2d`].
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize) -> Result<Tensor> {
    let shape = shape_of(x, weight, bias, stride)?;
    apply(Convolution { dims: image_dims(&shape), shape }, [x, weight, bias])
}

/// See [`super::conv2d_plus`].
pub fn conv2d_plus(x: &Tensor, weight: &Tensor, bias: &Tensor, summand: &Tensor) -> Result<Tensor> {
    let shape = shape_of(x, weight, bias, 1)?;
    let dims = image_dims(&shape);
    if summand.shape() != &dims {
        bail!("a convolution to {dims:?} plus {:?}", summand.shape());
    }
    if many_may_join(&[x, weight, bias, summand]) {
        apply(Convolution { dims, shape }, [x, weight, bias, summand])
    } else {
        conv2d(x, weight, bias, 1)? + summand
    }
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
    apply(Convolution { dims: dims.into(), shape }, [x, weight, bias])
}

fn shape_of(x: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize) -> Result<ConvShape> {
    let (batch, height, width, in_channels) = x.dims4()?;
    let (out_channels, inputs, kernel, kernel_width) = weight.dims4()?;
    if inputs != in_channels || kernel != kernel_width || kernel % 2 == 0 || bias.dims() != [out_channels] {
        bail!("conv2d of {:?} with weight {:?} and bias {:?}", x.shape(), weight.shape(), bias.shape());
    }
    Ok(ConvShape { batch, height, width, in_channels, out_channels, kernel, stride })
}

fn image_dims(shape: &ConvShape) -> Shape {
    (shape.batch, shape.out_height(), shape.out_width(), shape.out_channels).into()
}

/// Of `x`, weight and bias, plus a summand where there is a fourth tensor.
struct Convolution {
    dims: Shape,
    shape: ConvShape,
}

impl Operation for Convolution {
    fn name(&self) -> &'static str {
        match (self.shape.kernel, self.dims.rank()) {
            (1, 4) => "1×1 convolution",
            (1, _) => "linear",
            _ => conv::algorithm_name(&self.shape),
        }
    }

    fn shape(&self) -> Shape {
        self.dims.clone()
    }

    fn forward(&self, inputs: &[&[f32]], y: &mut [f32]) {
        conv::forward(&self.shape, inputs[0], inputs[1], inputs[2], inputs.get(3).copied(), y);
    }

    fn backward(&self, inputs: &[&[f32]], dy: Vec<f32>, wanted: &[bool]) -> Result<Vec<Option<Vec<f32>>>> {
        let (x, weight, bias) = (inputs[0], inputs[1], inputs[2]);
        let (mut dw, mut db) = (unspecified(weight.len())?, unspecified(bias.len())?);
        // The images themselves are the input of a network's first layer: nobody asks for their gradient.
        let mut dx = wanted[0].then(|| unspecified(x.len())).transpose()?;
        conv::backward(&self.shape, (x, weight), &dy, (&mut dw, &mut db), dx.as_deref_mut());
        let mut gradients = vec![dx, Some(dw), Some(db)];
        if inputs.len() == 4 {
            gradients.push(Some(dy));
        }
        Ok(gradients)
    }
}
