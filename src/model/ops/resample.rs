//! Doubling and halving of images as Candle operations. Each one's gradient is the other, up to a factor of 4.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::slices::of_cpu;

/// See [`super::upsample_nearest2`].
pub fn upsample_nearest2(x: &Tensor) -> Result<Tensor> {
    x.dims4()?;
    x.contiguous()?.apply_op1(Upsample { scale: 1.0 })
}

/// See [`super::avg_pool2`].
pub fn avg_pool2(x: &Tensor) -> Result<Tensor> {
    let (_, height, width, _) = x.dims4()?;
    if height % 2 != 0 || width % 2 != 0 {
        bail!("avg_pool2 of {:?}: height and width must be even", x.shape());
    }
    x.contiguous()?.apply_op1(SumPool { scale: 0.25 })
}

/// Each pixel, times `scale`, written to a 2×2 square.
struct Upsample {
    scale: f32,
}

/// The sum of each 2×2 square, times `scale`.
struct SumPool {
    scale: f32,
}

impl CustomOp1 for Upsample {
    fn name(&self) -> &'static str {
        "upsample-nearest2"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        let x = of_cpu(storage, layout)?;
        let mut y = vec![0.0; 4 * x.len()];
        let row = width * channels;
        y.par_chunks_mut((4 * row).max(1)).zip(x.par_chunks(row.max(1))).for_each(|(rows, x)| {
            let (first, second) = rows.split_at_mut(2 * row);
            for (pair, pixel) in first.chunks_exact_mut(2 * channels).zip(x.chunks_exact(channels)) {
                for (i, value) in pixel.iter().enumerate() {
                    pair[i] = self.scale * value;
                    pair[channels + i] = self.scale * value;
                }
            }
            second.copy_from_slice(first);
        });
        Ok((CpuStorage::F32(y), Shape::from((batch, 2 * height, 2 * width, channels))))
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        dy.contiguous()?.apply_op1_no_bwd(&SumPool { scale: self.scale }).map(Some)
    }
}

impl CustomOp1 for SumPool {
    fn name(&self) -> &'static str {
        "sum-pool2"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        let x = of_cpu(storage, layout)?;
        let mut y = vec![0.0; x.len() / 4];
        let row = width / 2 * channels;
        y.par_chunks_mut(row.max(1)).zip(x.par_chunks((4 * row).max(1))).for_each(|(y, rows)| {
            let (first, second) = rows.split_at(2 * row);
            let pairs = first.chunks_exact(2 * channels).zip(second.chunks_exact(2 * channels));
            for (pixel, (a, b)) in y.chunks_exact_mut(channels).zip(pairs) {
                for (i, sum) in pixel.iter_mut().enumerate() {
                    *sum = self.scale * ((a[i] + a[channels + i]) + (b[i] + b[channels + i]));
                }
            }
        });
        Ok((CpuStorage::F32(y), Shape::from((batch, height / 2, width / 2, channels))))
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        dy.contiguous()?.apply_op1_no_bwd(&Upsample { scale: self.scale }).map(Some)
    }
}
