//! Convolutions of channels-last images, by the algorithm that suits their sizes.

use super::{direct, elementwise, few_pixels, pointwise, winograd};

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    pub batch: usize,
    pub height: usize,
    pub width: usize,
    pub in_channels: usize,
    pub out_channels: usize,
    /// Kernel height and width, odd.
    pub kernel: usize,
    pub stride: usize,
}

impl ConvShape {
    /// Height of the result.
    pub fn out_height(&self) -> usize {
        (self.height - 1) / self.stride + 1
    }

    /// Width of the result.
    pub fn out_width(&self) -> usize {
        (self.width - 1) / self.stride + 1
    }

    /// Pixels of the result over the whole batch: rows of the matrix product.
    pub(super) fn out_pixels(&self) -> usize {
        self.batch * self.out_height() * self.out_width()
    }

    /// Values that one result pixel depends on: inner dimension of the matrix product.
    pub(super) fn taps(&self) -> usize {
        self.kernel * self.kernel * self.in_channels
    }

    /// Whether the images themselves are the im2col matrix.
    pub(super) fn pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1
    }

    /// The convolution whose forward pass is this one's input gradient, for stride 1.
    pub(super) fn transposed(&self) -> Self {
        Self { in_channels: self.out_channels, out_channels: self.in_channels, ..*self }
    }
}

/// The algorithms; each takes the shapes that its own `suits` names, the direct one all.
enum Algorithm {
    Winograd,
    Pointwise,
    FewPixels,
    Direct,
}

impl Algorithm {
    fn of(shape: &ConvShape) -> Self {
        match shape {
            _ if few_pixels::suits(shape) => Self::FewPixels,
            _ if winograd::suits(shape) => Self::Winograd,
            _ if pointwise::suits(shape) => Self::Pointwise,
            _ => Self::Direct,
        }
    }
}

/// What a convolution of more than one tap is called in profiles.
pub fn algorithm_name(shape: &ConvShape) -> &'static str {
    match Algorithm::of(shape) {
        Algorithm::Winograd => "3×3 convolution",
        Algorithm::FewPixels => "3×3 convolution, few pixels",
        Algorithm::Pointwise | Algorithm::Direct => "3×3 convolution, direct",
    }
}

/// `y[B, H', W', Cout] = x ∗ w + b`, plus `summand` where there is one.
pub fn forward(shape: &ConvShape, x: &[f32], weight: &[f32], bias: &[f32], summand: Option<&[f32]>, y: &mut [f32]) {
    match Algorithm::of(shape) {
        Algorithm::Winograd => return winograd::forward(shape, x, weight, bias, summand, y),
        Algorithm::Pointwise => pointwise::forward(shape, x, weight, bias, y),
        Algorithm::FewPixels => few_pixels::forward(shape, x, weight, bias, y),
        Algorithm::Direct => direct::forward(shape, x, weight, bias, y),
    }
    if let Some(summand) = summand {
        elementwise::add_to(y, summand);
    }
}

/// The gradients of [`forward`]: `dw` and `db` as `weight` and `bias`, and `dx` where it is asked for.
pub fn backward(
    shape: &ConvShape,
    (x, weight): (&[f32], &[f32]),
    dy: &[f32],
    (dw, db): (&mut [f32], &mut [f32]),
    dx: Option<&mut [f32]>,
) {
    type Gradient = fn(&ConvShape, &[f32], &[f32], &mut [f32]);
    direct::bias_gradient(shape, dy, db);
    let (of_weight, of_input): (Gradient, Gradient) = match Algorithm::of(shape) {
        Algorithm::Winograd => return winograd::backward(shape, x, weight, dy, dw, dx),
        Algorithm::Pointwise => (pointwise::weight_gradient, pointwise::input_gradient),
        Algorithm::FewPixels => (few_pixels::weight_gradient, few_pixels::input_gradient),
        Algorithm::Direct => (direct::weight_gradient, direct::input_gradient),
    };
    of_weight(shape, x, dy, dw);
    if let Some(dx) = dx {
        of_input(shape, dy, weight, dx);
    }
}
