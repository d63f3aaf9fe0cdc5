//! How the steps of a convolution are ordered and shared among threads: group of images by group, or plane by plane.
//!
//! All orders depend on the shape alone.

#![allow(unsafe_code)]

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::super::conv::ConvShape;
use super::super::product::{Panels, Product, Strided};
use super::super::with_scratch;
use super::tiles::{GatherGradient, GatherInput, ScatterGradient, ScatterOutput};
use super::weights::packed_len;
use super::{Grid, PLANES, Planes, Shared};

/// Parts of the weight gradient's sum: fixed, so that its order does not depend on the threads.
const SUMS: usize = 8;
/// Values of the planes that are held at once when plane follows plane: 32 MiB.
const HELD: usize = 8 * 1024 * 1024;

/// A convolution with its transformed weights.
pub struct Layer<'a> {
    grid: Grid,
    batch: usize,
    in_channels: usize,
    out_channels: usize,
    weights: &'a [f32],
}

impl<'a> Layer<'a> {
    pub fn of(shape: &ConvShape, weights: &'a [f32]) -> Self {
        let ConvShape { batch, in_channels, out_channels, .. } = *shape;
        Self { grid: Grid::of(shape), batch, in_channels, out_channels, weights }
    }

    fn size_in(&self) -> usize {
        self.grid.pixels() * self.in_channels
    }

    fn size_out(&self) -> usize {
        self.grid.pixels() * self.out_channels
    }

    /// The planes of `images` images before and after the product.
    fn planes(&self, images: usize) -> (Planes, Planes) {
        let tiles = images * self.grid.tiles();
        (Planes { tiles, channels: self.in_channels }, Planes { tiles, channels: self.out_channels })
    }

    /// Images that one part of the weight gradient's sum is over.
    pub fn share(&self) -> usize {
        self.batch.div_ceil(SUMS).next_multiple_of(self.grid.group())
    }

    /// Images that are held at once when plane follows plane.
    fn held(&self) -> usize {
        let group = self.grid.group();
        let (from, to) = self.planes(group);
        (HELD / (from.len() + to.len())).max(1) * group
    }

    /// Each group of images through all three steps.
    pub fn forward_by_groups(&self, x: &[f32], bias: &[f32], summand: Option<&[f32]>, y: &mut [f32]) {
        let (grid, images) = (self.grid, self.grid.group());
        y.par_chunks_mut(images * self.size_out()).enumerate().for_each(|(group, y)| {
            let count = y.len() / self.size_out();
            let x = &x[group * images * self.size_in()..][..count * self.size_in()];
            let summand = summand.map(|all| &all[group * images * self.size_out()..][..y.len()]);
            let (from, to) = self.planes(count);
            with_scratch(from.len() + to.len(), |scratch| {
                let (v, m) = scratch.split_at_mut(from.len());
                let arch = pulp::Arch::new();
                arch.dispatch(GatherInput { grid, planes: from, x, v });
                for plane in 0..PLANES {
                    arch.dispatch(Multiply { from, to, v, weights: self.weights, m: to.plane_mut(m, plane), plane });
                }
                arch.dispatch(ScatterOutput { grid, planes: to, m, bias, summand, y });
            });
        });
    }

    /// Each step for many groups, so that a plane of the weights is read once for all of them.
    pub fn forward_by_planes(&self, x: &[f32], bias: &[f32], summand: Option<&[f32]>, y: &mut [f32]) {
        let (grid, arch, images, held) = (self.grid, pulp::Arch::new(), self.grid.group(), self.held());
        let (whole_from, whole_to) = self.planes(images);
        let groups = held.min(self.batch).div_ceil(images);
        with_scratch(groups * (whole_from.len() + whole_to.len()), |scratch| {
            let (v, m) = scratch.split_at_mut(groups * whole_from.len());
            for (part, y) in y.chunks_mut(held * self.size_out()).enumerate() {
                let count = y.len() / self.size_out();
                let x = &x[part * held * self.size_in()..][..count * self.size_in()];
                let summand = summand.map(|all| &all[part * held * self.size_out()..][..y.len()]);
                let groups = count.div_ceil(images);
                v.par_chunks_mut(whole_from.len()).zip(x.par_chunks(images * self.size_in())).for_each(|(v, x)| {
                    let planes = self.planes(x.len() / self.size_in()).0;
                    arch.dispatch(GatherInput { grid, planes, x, v });
                });
                self.multiply_all(groups, count, false, v, m);
                let outputs = y.par_chunks_mut(images * self.size_out()).zip(m.par_chunks(whole_to.len()));
                outputs.enumerate().for_each(|(group, (y, m))| {
                    let planes = self.planes(y.len() / self.size_out()).1;
                    let summand = summand.map(|all| &all[group * images * self.size_out()..][..y.len()]);
                    arch.dispatch(ScatterOutput { grid, planes, m, bias, summand, y });
                });
            }
        });
    }

    /// The products of all planes of `groups` groups, with `count` images in all: from `v` to `m`, or if `back`, the
    /// other way with the transposed weights.
    fn multiply_all(&self, groups: usize, count: usize, back: bool, from: &[f32], to: &mut [f32]) {
        let images = self.grid.group();
        let sides = |images: usize| {
            let (v, m) = self.planes(images);
            if back { (m, v) } else { (v, m) }
        };
        let (whole_from, whole_to) = sides(images);
        assert!(to.len() >= groups * whole_to.len() && groups == count.div_ceil(images));
        let out = Shared(to.as_mut_ptr());
        (0..PLANES * groups).into_par_iter().for_each(|task| {
            let (out, plane, group) = (&out, task / groups, task % groups);
            let (from_planes, to_planes) = sides(images.min(count - group * images));
            let v = &from[group * whole_from.len()..][..from_planes.len()];
            // SAFETY: each task has one plane of one group to itself, inside `to` as asserted.
            let m = unsafe {
                let start = group * whole_to.len() + plane * to_planes.stride();
                std::slice::from_raw_parts_mut(out.0.add(start), to_planes.tiles * to_planes.channels)
            };
            let weights = self.weights;
            pulp::Arch::new().dispatch(Multiply { from: from_planes, to: to_planes, v, weights, m, plane });
        });
    }

    /// Each group of images through all steps, the weight gradient into one of several sums.
    pub fn backward_by_groups(&self, x: &[f32], dy: &[f32], du: &mut [f32], dx: Option<&mut [f32]>) {
        let (size_in, size_out, share) = (self.size_in(), self.size_out(), self.share());
        let size = PLANES * self.in_channels * self.out_channels;
        let sums = du.par_chunks_mut(size).zip(x.par_chunks(share * size_in).zip(dy.par_chunks(share * size_out)));
        match dx {
            Some(dx) => sums
                .zip(dx.par_chunks_mut(share * size_in))
                .for_each(|((du, (x, dy)), dx)| self.backward_group(x, dy, du, Some(dx))),
            None => sums.for_each(|(du, (x, dy))| self.backward_group(x, dy, du, None)),
        }
    }

    fn backward_group(&self, x: &[f32], dy: &[f32], du: &mut [f32], mut dx: Option<&mut [f32]>) {
        let (grid, arch) = (self.grid, pulp::Arch::new());
        let (chunk_in, chunk_out) = (grid.group() * self.size_in(), grid.group() * self.size_out());
        for (i, (x, dy)) in x.chunks(chunk_in).zip(dy.chunks(chunk_out)).enumerate() {
            let (from, to) = self.planes(x.len() / self.size_in());
            with_scratch(from.len() + to.len(), |scratch| {
                let (v, dm) = scratch.split_at_mut(from.len());
                arch.dispatch(GatherInput { grid, planes: from, x, v });
                arch.dispatch(GatherGradient { grid, planes: to, dy, dm });
                for (plane, du) in du.chunks_exact_mut(self.in_channels * self.out_channels).enumerate() {
                    arch.dispatch(WeightRows { from, to, v, dm, du, plane, first: 0, accumulate: i > 0 });
                }
                if let Some(dx) = dx.as_deref_mut() {
                    for plane in 0..PLANES {
                        let m = from.plane_mut(v, plane);
                        arch.dispatch(Multiply { from: to, to: from, v: dm, weights: self.weights, m, plane });
                    }
                    arch.dispatch(ScatterGradient {
                        grid,
                        planes: from,
                        dv: v,
                        dx: &mut dx[i * chunk_in..][..x.len()],
                    });
                }
            });
        }
    }

    /// Each step for many groups; the weight gradient by planes and rows, so that it needs one sum alone.
    pub fn backward_by_planes(&self, x: &[f32], dy: &[f32], du: &mut [f32], mut dx: Option<&mut [f32]>) {
        /// Rows of a plane of the weight gradient that one task takes.
        const ROWS: usize = 96;
        let (grid, arch, images, held) = (self.grid, pulp::Arch::new(), self.grid.group(), self.held());
        let (size_in, size_out) = (self.size_in(), self.size_out());
        let (whole_from, whole_to) = self.planes(images);
        let groups = held.min(self.batch).div_ceil(images);
        with_scratch(groups * (whole_from.len() + whole_to.len()), |scratch| {
            let (v, dm) = scratch.split_at_mut(groups * whole_from.len());
            for (part, (x, dy)) in x.chunks(held * size_in).zip(dy.chunks(held * size_out)).enumerate() {
                let count = x.len() / size_in;
                v.par_chunks_mut(whole_from.len()).zip(x.par_chunks(images * size_in)).for_each(|(v, x)| {
                    arch.dispatch(GatherInput { grid, planes: self.planes(x.len() / size_in).0, x, v });
                });
                dm.par_chunks_mut(whole_to.len()).zip(dy.par_chunks(images * size_out)).for_each(|(dm, dy)| {
                    arch.dispatch(GatherGradient { grid, planes: self.planes(dy.len() / size_out).1, dy, dm });
                });
                let planes = du.par_chunks_exact_mut(self.in_channels * self.out_channels).enumerate();
                let rows = planes.flat_map(|(plane, du)| {
                    du.par_chunks_mut(ROWS * self.out_channels).enumerate().map(move |(block, du)| (plane, block, du))
                });
                rows.for_each(|(plane, block, du)| {
                    for group in 0..count.div_ceil(images) {
                        let (from, to) = self.planes(images.min(count - group * images));
                        let (v, dm) = (&v[group * whole_from.len()..], &dm[group * whole_to.len()..]);
                        let accumulate = part + group > 0;
                        arch.dispatch(WeightRows { from, to, v, dm, du, plane, first: block * ROWS, accumulate });
                    }
                });
                if let Some(dx) = dx.as_deref_mut() {
                    let dx = &mut dx[part * held * size_in..][..x.len()];
                    self.multiply_all(count.div_ceil(images), count, true, dm, v);
                    dx.par_chunks_mut(images * size_in).zip(v.par_chunks(whole_from.len())).for_each(|(dx, dv)| {
                        let planes = self.planes(dx.len() / size_in).0;
                        arch.dispatch(ScatterGradient { grid, planes, dv, dx });
                    });
                }
            }
        });
    }
}

/// One plane of `m` = v·w, `w` in panels.
struct Multiply<'a> {
    from: Planes,
    to: Planes,
    v: &'a [f32],
    weights: &'a [f32],
    m: &'a mut [f32],
    plane: usize,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { from, to, plane, .. } = self;
        let (packed, width) = (packed_len(from.channels, to.channels), 2 * S::F32_LANES);
        let product = Product {
            rows: from.tiles,
            columns: to.channels,
            inner: from.channels,
            a: Strided { data: from.plane(self.v, plane), row: from.channels, column: 1 },
            b: Panels { data: &self.weights[plane * packed..][..packed], row: width, panel: from.channels * width },
            out: self.m,
            out_row: to.channels,
            accumulate: false,
        };
        product.run(simd);
    }
}

/// Rows of one plane of vᵀ·dm from `first` on, as many as `du` has, written or added to it.
struct WeightRows<'a> {
    from: Planes,
    to: Planes,
    v: &'a [f32],
    dm: &'a [f32],
    du: &'a mut [f32],
    plane: usize,
    first: usize,
    accumulate: bool,
}

impl WithSimd for WeightRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { from, to, plane, .. } = self;
        let product = Product {
            rows: self.du.len() / to.channels,
            columns: to.channels,
            inner: from.tiles,
            a: Strided { data: &from.plane(self.v, plane)[self.first..], row: 1, column: from.channels },
            b: Panels { data: to.plane(self.dm, plane), row: to.channels, panel: 2 * S::F32_LANES },
            out: self.du,
            out_row: to.channels,
            accumulate: self.accumulate,
        };
        product.run(simd);
    }
}
