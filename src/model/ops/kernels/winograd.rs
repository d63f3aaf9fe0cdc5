//! 3×3 convolutions of stride 1 by Winograd's minimal filtering F(4×4, 3×3) (Lavin & Gray 2016): 36 products for the
//! 16 values of a tile instead of 144.
//!
//! Images are cut into tiles of 4×4 results, which 6×6 values decide. Transformed, the tiles of some images form 36
//! planes `[tiles, channels]`, each multiplied with one plane of the transformed weights. A group of images goes
//! through all of it while its planes are in the cache. The rounding is below 1e-5 of the largest value at 256
//! channels, see the tests.

#![allow(unsafe_code)]

mod layer;
mod tiles;
mod transforms;
mod weights;

use pulp::Simd;

use super::conv::ConvShape;
use super::product::lanes;
use super::with_scratch;
use layer::Layer;
use transforms::{SIDE, STEP};
use weights::packed_len;

/// Values of a transformed tile.
const PLANES: usize = SIDE * SIDE;
/// Tiles that a group of images has at least, where there are so many.
const GROUP_TILES: usize = 32;
/// Up to this many weights all planes go with each group of images, as they stay in the cache; of more weights, each
/// plane is taken once for many groups.
const NARROW: usize = 256 * 256;
/// The same for the gradients, where sums as large as the weights are kept as well.
const NARROW_GRADIENT: usize = 64 * 48;
/// Whether this algorithm takes the convolution, on this machine.
pub fn suits(shape: &ConvShape) -> bool {
    let lanes = lanes();
    let whole = |channels: usize| channels > 0 && channels.is_multiple_of(lanes);
    let tiles = shape.batch * Grid::of(shape).tiles();
    shape.kernel == 3
        && shape.stride == 1
        && whole(shape.in_channels)
        && whole(shape.out_channels)
        && shape.height.min(shape.width) > 2
        && tiles >= GROUP_TILES
}

/// How an image is cut into tiles.
#[derive(Debug, Clone, Copy)]
struct Grid {
    height: usize,
    width: usize,
    rows: usize,
    columns: usize,
}

impl Grid {
    fn of(shape: &ConvShape) -> Self {
        let (height, width) = (shape.height, shape.width);
        Self { height, width, rows: height.div_ceil(STEP), columns: width.div_ceil(STEP) }
    }

    fn tiles(&self) -> usize {
        self.rows * self.columns
    }

    fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Images that go through the transforms together.
    fn group(&self) -> usize {
        GROUP_TILES.div_ceil(self.tiles())
    }

    /// The top left result pixel of each tile.
    fn corners(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.tiles()).map(move |tile| (tile / self.columns * STEP, tile % self.columns * STEP))
    }

    /// The pixel at (`i`, `j`) of the 6×6 values that decide the tile at `corner`, if it is in the image.
    #[inline(always)]
    fn pixel(&self, corner: (usize, usize), i: usize, j: usize) -> Option<usize> {
        let (y, x) = (corner.0 + i, corner.1 + j);
        ((1..=self.height).contains(&y) && (1..=self.width).contains(&x)).then(|| (y - 1) * self.width + x - 1)
    }
}

/// The transformed tiles of some images: plane p has the channels of tile t from `p·stride + t·channels` on.
#[derive(Debug, Clone, Copy)]
struct Planes {
    tiles: usize,
    channels: usize,
}

impl Planes {
    /// Distance of planes: one line more than their size, so that the 36 of a tile do not fall into one set of the cache.
    fn stride(&self) -> usize {
        self.tiles * self.channels + 16
    }

    fn len(&self) -> usize {
        PLANES * self.stride()
    }

    /// Whether `images` are the images of these tiles.
    fn fit(&self, grid: Grid, images: &[f32]) -> bool {
        images.len() * grid.tiles() == self.tiles * grid.pixels() * self.channels
    }

    fn plane<'a>(&self, values: &'a [f32], plane: usize) -> &'a [f32] {
        &values[plane * self.stride()..][..self.tiles * self.channels]
    }

    fn plane_mut<'a>(&self, values: &'a mut [f32], plane: usize) -> &'a mut [f32] {
        &mut values[plane * self.stride()..][..self.tiles * self.channels]
    }
}

/// `y = x ∗ w + b`, plus `summand` where there is one.
pub fn forward(shape: &ConvShape, x: &[f32], weight: &[f32], bias: &[f32], summand: Option<&[f32]>, y: &mut [f32]) {
    let packed = PLANES * packed_len(shape.in_channels, shape.out_channels);
    with_scratch(packed, |planes| {
        weights::transform(shape, weight, false, planes);
        let layer = Layer::of(shape, planes);
        if shape.in_channels * shape.out_channels <= NARROW {
            layer.forward_by_groups(x, bias, summand, y);
        } else {
            layer.forward_by_planes(x, bias, summand, y);
        }
    });
}

/// The gradients of [`forward`], from `dy`; `dx` only where it is asked for.
pub fn backward(shape: &ConvShape, x: &[f32], weight: &[f32], dy: &[f32], dw: &mut [f32], dx: Option<&mut [f32]>) {
    let packed = if dx.is_some() { PLANES * packed_len(shape.out_channels, shape.in_channels) } else { 0 };
    with_scratch(packed, |planes| {
        if dx.is_some() {
            weights::transform(shape, weight, true, planes);
        }
        let layer = Layer::of(shape, planes);
        let size = PLANES * shape.in_channels * shape.out_channels;
        if shape.in_channels * shape.out_channels <= NARROW_GRADIENT {
            let sums = shape.batch.div_ceil(layer.share());
            with_scratch(sums * size, |du| {
                layer.backward_by_groups(x, dy, du, dx);
                weights::gradient(shape, du, dw);
            });
        } else {
            with_scratch(size, |du| {
                layer.backward_by_planes(x, dy, du, dx);
                weights::gradient(shape, du, dw);
            });
        }
    });
}

/// A pointer that tasks share, each writing places of its own.
struct Shared(*mut f32);

// SAFETY: the tasks write disjoint places, as each use says.
unsafe impl Sync for Shared {}

/// # Safety
/// A vector must be readable there.
#[inline(always)]
unsafe fn load<S: Simd>(from: *const f32) -> S::f32s {
    // SAFETY: as the caller promises; a vector of f32 has no invalid bits.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}

/// # Safety
/// A vector must be writable there.
#[inline(always)]
unsafe fn store<S: Simd>(to: *mut f32, value: S::f32s) {
    // SAFETY: as the caller promises.
    unsafe { to.cast::<S::f32s>().write_unaligned(value) }
}
