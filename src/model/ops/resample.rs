//! Doubling and halving of images as operations. They come in pairs: the gradient of one is the other, up to a factor.

use candle_core::{Result, Shape, Tensor, bail};

use super::kernels::elementwise::{channels_to_squares, squares_to_channels};
use super::kernels::resample::{sum_squares, write_squares};
use super::operation::{Operation, apply, unspecified};

/// See [`super::upsample_nearest2`].
pub fn upsample_nearest2(x: &Tensor) -> Result<Tensor> {
    apply(Resampling { kind: Kind::Upsample, dims: x.dims4()? }, [x])
}

/// See [`super::avg_pool2`].
pub fn avg_pool2(x: &Tensor) -> Result<Tensor> {
    let (_, height, width, _) = x.dims4()?;
    if height % 2 != 0 || width % 2 != 0 {
        bail!("avg_pool2 of {:?}: height and width must be even", x.shape());
    }
    apply(Resampling { kind: Kind::Average, dims: x.dims4()? }, [x])
}

/// See [`super::space_to_depth2`].
pub fn space_to_depth2(x: &Tensor) -> Result<Tensor> {
    let dims = x.dims4()?;
    if dims.1 % 2 != 0 || dims.2 % 2 != 0 {
        bail!("space_to_depth2 of {:?}: height and width must be even", x.shape());
    }
    apply(Resampling { kind: Kind::SpaceToDepth, dims }, [x])
}

/// See [`super::depth_to_space2`].
pub fn depth_to_space2(x: &Tensor) -> Result<Tensor> {
    let dims = x.dims4()?;
    if dims.3 % 4 != 0 {
        bail!("depth_to_space2 of {:?}: channels must be a multiple of 4", x.shape());
    }
    apply(Resampling { kind: Kind::DepthToSpace, dims }, [x])
}

/// What is done with 2×2 squares of pixels.
#[derive(Clone, Copy)]
enum Kind {
    Upsample,
    Average,
    SpaceToDepth,
    DepthToSpace,
}

/// Of images `[B, H, W, C]`.
struct Resampling {
    kind: Kind,
    dims: (usize, usize, usize, usize),
}

impl Operation for Resampling {
    fn name(&self) -> &'static str {
        "resampling"
    }

    fn shape(&self) -> Shape {
        let (b, h, w, c) = self.dims;
        match self.kind {
            Kind::Upsample => (b, 2 * h, 2 * w, c).into(),
            Kind::Average => (b, h / 2, w / 2, c).into(),
            Kind::SpaceToDepth => (b, h / 2, w / 2, 4 * c).into(),
            Kind::DepthToSpace => (b, 2 * h, 2 * w, c / 4).into(),
        }
    }

    fn forward(&self, inputs: &[&[f32]], y: &mut [f32]) {
        let (_, _, w, c) = self.dims;
        match self.kind {
            Kind::Upsample => write_squares(inputs[0], w, c, 1.0, y),
            Kind::Average => sum_squares(inputs[0], w / 2, c, 0.25, y),
            Kind::SpaceToDepth => squares_to_channels(inputs[0], w / 2, c, y),
            Kind::DepthToSpace => channels_to_squares(inputs[0], w, c / 4, y),
        }
    }

    fn backward(&self, inputs: &[&[f32]], dy: Vec<f32>, _wanted: &[bool]) -> Result<Vec<Option<Vec<f32>>>> {
        let (_, _, w, c) = self.dims;
        let mut dx = unspecified(inputs[0].len())?;
        match self.kind {
            Kind::Upsample => sum_squares(&dy, w, c, 1.0, &mut dx),
            Kind::Average => write_squares(&dy, w / 2, c, 0.25, &mut dx),
            Kind::SpaceToDepth => channels_to_squares(&dy, w / 2, c, &mut dx),
            Kind::DepthToSpace => squares_to_channels(&dy, w, c / 4, &mut dx),
        }
        Ok(vec![Some(dx)])
    }
}
