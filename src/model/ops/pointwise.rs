//! Sums, SiLU, concatenation and the mean square as operations over the CPU kernels.

use candle_core::{Result, Shape, Tensor, bail};

use super::kernels::elementwise;
use super::operation::{Operation, apply, unspecified};

/// See [`super::add`].
pub fn add(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if x.shape() != y.shape() {
        bail!("add of {:?} and {:?}", x.shape(), y.shape());
    }
    apply(Add { dims: x.shape().clone() }, [x, y])
}

/// See [`super::silu`].
pub fn silu(x: &Tensor) -> Result<Tensor> {
    apply(Silu { dims: x.shape().clone() }, [x])
}

/// See [`super::concat`].
pub fn concat(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let ((b, h, w, c), other) = (x.dims4()?, y.dims4()?);
    if other != (b, h, w, other.3) {
        bail!("concat of {:?} and {:?}", x.shape(), y.shape());
    }
    apply(Concat { dims: (b, h, w, c + other.3).into(), widths: (c, other.3) }, [x, y])
}

/// See [`super::mean_square`].
pub fn mean_square(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if x.shape() != y.shape() {
        bail!("mean_square of {:?} and {:?}", x.shape(), y.shape());
    }
    apply(MeanSquare, [x, y])
}

struct Add {
    dims: Shape,
}

impl Operation for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn shape(&self) -> Shape {
        self.dims.clone()
    }

    fn forward(&self, inputs: &[&[f32]], y: &mut [f32]) {
        elementwise::add(inputs[0], inputs[1], y);
    }

    fn backward(&self, _inputs: &[&[f32]], dy: Vec<f32>, _wanted: &[bool]) -> Result<Vec<Option<Vec<f32>>>> {
        let mut copy = unspecified(dy.len())?;
        copy.copy_from_slice(&dy);
        Ok(vec![Some(copy), Some(dy)])
    }
}

struct Silu {
    dims: Shape,
}

impl Operation for Silu {
    fn name(&self) -> &'static str {
        "silu"
    }

    fn shape(&self) -> Shape {
        self.dims.clone()
    }

    fn forward(&self, inputs: &[&[f32]], y: &mut [f32]) {
        elementwise::silu_of(inputs[0], y);
    }

    fn backward(&self, inputs: &[&[f32]], mut dy: Vec<f32>, _wanted: &[bool]) -> Result<Vec<Option<Vec<f32>>>> {
        elementwise::silu_backward(inputs[0], &mut dy);
        Ok(vec![Some(dy)])
    }
}

/// Of images with `widths` channels each.
struct Concat {
    dims: Shape,
    widths: (usize, usize),
}

impl Operation for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn shape(&self) -> Shape {
        self.dims.clone()
    }

    fn forward(&self, inputs: &[&[f32]], y: &mut [f32]) {
        elementwise::join((inputs[0], inputs[1]), self.widths, y);
    }

    fn backward(&self, inputs: &[&[f32]], dy: Vec<f32>, _wanted: &[bool]) -> Result<Vec<Option<Vec<f32>>>> {
        let (mut dx, mut d_other) = (unspecified(inputs[0].len())?, unspecified(inputs[1].len())?);
        elementwise::part(&dy, self.widths, (&mut dx, &mut d_other));
        Ok(vec![Some(dx), Some(d_other)])
    }
}

struct MeanSquare;

impl Operation for MeanSquare {
    fn name(&self) -> &'static str {
        "mean square"
    }

    fn shape(&self) -> Shape {
        ().into()
    }

    fn forward(&self, inputs: &[&[f32]], y: &mut [f32]) {
        y[0] = elementwise::mean_square(inputs[0], inputs[1]);
    }

    fn backward(&self, inputs: &[&[f32]], dy: Vec<f32>, wanted: &[bool]) -> Result<Vec<Option<Vec<f32>>>> {
        let mut dx = unspecified(inputs[0].len())?;
        elementwise::scaled_difference(inputs[0], inputs[1], 2.0 * dy[0] / inputs[0].len() as f32, &mut dx);
        let d_other = wanted[1].then(|| dx.iter().map(|d| -d).collect());
        Ok(vec![Some(dx), d_other])
    }
}
