//! The tiles of a group of images into planes and back: each transform with the indexing that goes with it.

#![allow(unsafe_code)]

use std::borrow::Cow;

use pulp::{Simd, WithSimd};

use super::transforms::{self, SIDE, STEP, both_ways};
use super::{Grid, Planes, load, store};

/// Bᵀ d B of each tile.
pub struct GatherInput<'a> {
    pub grid: Grid,
    pub planes: Planes,
    pub x: &'a [f32],
    pub v: &'a mut [f32],
}

impl WithSimd for GatherInput<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { grid, planes, x, v } = self;
        let (channels, stride) = (planes.channels, planes.stride());
        assert!(planes.fit(grid, x) && v.len() >= planes.len());
        let zeros = zeros(channels);
        for (image, x) in x.chunks_exact(grid.pixels() * channels).enumerate() {
            for (tile, corner) in grid.corners().enumerate() {
                let sources = sources::<SIDE>(grid, x, &zeros, corner, 0);
                let start = (image * grid.tiles() + tile) * channels;
                for channel in (0..channels).step_by(S::F32_LANES) {
                    // SAFETY: each source has `channels` values, a multiple of the vector's; the planes have room for
                    // all tiles, as asserted.
                    both_ways!(
                        simd,
                        transforms::input,
                        [SIDE => SIDE],
                        |i, j| unsafe { load::<S>(sources[i][j].add(channel)) },
                        |i, j, value| unsafe {
                            store::<S>(v.as_mut_ptr().add((SIDE * i + j) * stride + start + channel), value);
                        },
                    );
                }
            }
        }
    }
}

/// Aᵀ m A of each tile, plus bias and summand.
pub struct ScatterOutput<'a> {
    pub grid: Grid,
    pub planes: Planes,
    pub m: &'a [f32],
    pub bias: &'a [f32],
    pub summand: Option<&'a [f32]>,
    pub y: &'a mut [f32],
}

impl WithSimd for ScatterOutput<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { grid, planes, m, bias, summand, y } = self;
        let (channels, stride) = (planes.channels, planes.stride());
        assert!(planes.fit(grid, y) && m.len() >= planes.len());
        assert!(bias.len() == channels && summand.is_none_or(|r| r.len() == y.len()));
        let size = grid.pixels() * channels;
        for (image, y) in y.chunks_exact_mut(size).enumerate() {
            let summand = summand.map(|r| &r[image * size..][..size]);
            for (tile, corner) in grid.corners().enumerate() {
                let start = (image * grid.tiles() + tile) * channels;
                let (rows, columns) = (grid.height - corner.0, grid.width - corner.1);
                let place = (corner.0 * grid.width + corner.1) * channels;
                for channel in (0..channels).step_by(S::F32_LANES) {
                    // SAFETY: the planes hold all tiles and the image has `size` values, as asserted; only pixels of
                    // the image are touched, and channels are a multiple of the vector's.
                    let bias = unsafe { load::<S>(bias.as_ptr().add(channel)) };
                    both_ways!(
                        simd,
                        transforms::output,
                        [SIDE => STEP],
                        |i, j| unsafe { load::<S>(m.as_ptr().add((SIDE * i + j) * stride + start + channel)) },
                        |i, j, value| {
                            if i < rows && j < columns {
                                let at = place + (i * grid.width + j) * channels + channel;
                                let mut value = simd.add_f32s(value, bias);
                                if let Some(summand) = summand {
                                    value = simd.add_f32s(value, unsafe { load::<S>(summand.as_ptr().add(at)) });
                                }
                                unsafe { store::<S>(y.as_mut_ptr().add(at), value) };
                            }
                        },
                    );
                }
            }
        }
    }
}

/// A dy Aᵀ of each tile: the gradient of [`ScatterOutput`].
pub struct GatherGradient<'a> {
    pub grid: Grid,
    pub planes: Planes,
    pub dy: &'a [f32],
    pub dm: &'a mut [f32],
}

impl WithSimd for GatherGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { grid, planes, dy, dm } = self;
        let (channels, stride) = (planes.channels, planes.stride());
        assert!(planes.fit(grid, dy) && dm.len() >= planes.len());
        let zeros = zeros(channels);
        for (image, dy) in dy.chunks_exact(grid.pixels() * channels).enumerate() {
            for (tile, corner) in grid.corners().enumerate() {
                let sources = sources::<STEP>(grid, dy, &zeros, corner, 1);
                let start = (image * grid.tiles() + tile) * channels;
                for channel in (0..channels).step_by(S::F32_LANES) {
                    // SAFETY: as in `GatherInput`.
                    both_ways!(
                        simd,
                        transforms::output_gradient,
                        [STEP => SIDE],
                        |i, j| unsafe { load::<S>(sources[i][j].add(channel)) },
                        |i, j, value| unsafe {
                            store::<S>(dm.as_mut_ptr().add((SIDE * i + j) * stride + start + channel), value);
                        },
                    );
                }
            }
        }
    }
}

/// The sum over tiles of B dv Bᵀ: the gradient of [`GatherInput`].
pub struct ScatterGradient<'a> {
    pub grid: Grid,
    pub planes: Planes,
    pub dv: &'a [f32],
    pub dx: &'a mut [f32],
}

impl WithSimd for ScatterGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { grid, planes, dv, dx } = self;
        let (channels, stride) = (planes.channels, planes.stride());
        assert!(planes.fit(grid, dx) && dv.len() >= planes.len());
        for (image, dx) in dx.chunks_exact_mut(grid.pixels() * channels).enumerate() {
            dx.fill(0.0);
            for (tile, corner) in grid.corners().enumerate() {
                let start = (image * grid.tiles() + tile) * channels;
                for channel in (0..channels).step_by(S::F32_LANES) {
                    // SAFETY: the planes hold all tiles, as asserted; only pixels of the image are touched, and
                    // channels are a multiple of the vector's.
                    both_ways!(
                        simd,
                        transforms::input_gradient,
                        [SIDE => SIDE],
                        |i, j| unsafe { load::<S>(dv.as_ptr().add((SIDE * i + j) * stride + start + channel)) },
                        |i, j, value| {
                            if let Some(pixel) = grid.pixel(corner, i, j) {
                                unsafe {
                                    let at = dx.as_mut_ptr().add(pixel * channels + channel);
                                    store::<S>(at, simd.add_f32s(value, load::<S>(at)));
                                }
                            }
                        },
                    );
                }
            }
        }
    }
}

/// Where the channels of the `SIZE`×`SIZE` pixels from `offset` on stand that belong to the tile at `corner`.
#[inline(always)]
fn sources<const SIZE: usize>(
    grid: Grid,
    image: &[f32],
    zeros: &[f32],
    corner: (usize, usize),
    offset: usize,
) -> [[*const f32; SIZE]; SIZE] {
    let channels = zeros.len();
    let mut sources = [[zeros.as_ptr(); SIZE]; SIZE];
    for (i, row) in sources.iter_mut().enumerate() {
        for (j, source) in row.iter_mut().enumerate() {
            if let Some(pixel) = grid.pixel(corner, i + offset, j + offset) {
                *source = image[pixel * channels..][..channels].as_ptr();
            }
        }
    }
    sources
}

/// That many zeros.
fn zeros(len: usize) -> Cow<'static, [f32]> {
    static ZEROS: [f32; 1024] = [0.0; 1024];
    ZEROS.get(..len).map_or_else(|| vec![0.0; len].into(), Cow::from)
}
