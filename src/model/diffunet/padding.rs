//! Images of any size for a network that halves them five times: continued circularly, large ones cut into tiles.

use candle_core::{Result, Tensor, bail};

/// Smallest height and width: a narrower image would have to be repeated more than once to fill 32 pixels.
pub const SMALLEST_SIDE: usize = 16;
/// What five halvings need the sides to be a multiple of.
const MULTIPLE: usize = 32;
/// Images with a side of this many pixels or more are cut into tiles.
const TILED_FROM: usize = 520;
const TILE: usize = 512;

/// `network` on `x` `[B, H, W, C]`, continued at the left and the top to multiples of 32, and cut back to H × W.
///
/// Images with a side of 520 pixels or more are continued to multiples of 512 and go through in tiles of that size.
pub fn padded(x: &Tensor, network: impl FnMut(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let (_, height, width, _) = x.dims4()?;
    if height.min(width) < SMALLEST_SIDE {
        bail!("DiffUNet takes images from {SMALLEST_SIDE}×{SMALLEST_SIDE} up, not {height}×{width}");
    }
    if height.max(width) < TILED_FROM {
        continued(x, MULTIPLE, network)
    } else {
        let mut network = network;
        continued(x, TILE, |x| tiled(x, TILE, &mut network))
    }
}

fn continued(x: &Tensor, multiple: usize, mut network: impl FnMut(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let (_, height, width, _) = x.dims4()?;
    let (top, left) = (height.next_multiple_of(multiple) - height, width.next_multiple_of(multiple) - width);
    if (top, left) == (0, 0) {
        return network(x);
    }
    let y = network(&continue_before(&continue_before(x, 1, top)?, 2, left)?)?;
    y.narrow(1, top, height)?.narrow(2, left, width)?.contiguous()
}

/// `count` more values before the first ones of a dimension: the last ones, as if the image were a ring.
fn continue_before(x: &Tensor, dimension: usize, count: usize) -> Result<Tensor> {
    let size = x.dim(dimension)?;
    let indices = (0..count + size).map(|i| ((i + count * (size - 1)) % size) as u32);
    x.index_select(&Tensor::from_iter(indices, x.device())?, dimension)
}

fn tiled(x: &Tensor, tile: usize, network: &mut impl FnMut(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let (_, height, width, _) = x.dims4()?;
    let mut rows = Vec::new();
    for top in (0..height).step_by(tile) {
        let mut row = Vec::new();
        for left in (0..width).step_by(tile) {
            row.push(network(&x.narrow(1, top, tile)?.narrow(2, left, tile)?.contiguous()?)?);
        }
        rows.push(Tensor::cat(&row, 2)?);
    }
    Tensor::cat(&rows, 1)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// An image `[1, H, W, 1]` whose pixels are all different.
    fn image(height: usize, width: usize) -> Tensor {
        let values: Vec<f32> = (0..height * width).map(|i| i as f32).collect();
        Tensor::from_vec(values, (1, height, width, 1), &Device::Cpu).unwrap()
    }

    fn rows(x: &Tensor) -> Vec<Vec<f32>> {
        x.squeeze(3).unwrap().squeeze(0).unwrap().to_vec2().unwrap()
    }

    #[test]
    fn the_image_goes_on_as_a_ring_at_the_left_and_the_top() {
        let x = image(17, 40);
        let (pixels, mut shown) = (rows(&x), Vec::new());
        let back = padded(&x, |x| {
            shown = rows(x);
            Ok(x.clone())
        });
        assert_eq!(rows(&back.unwrap()), pixels);
        assert_eq!((shown.len(), shown[0].len()), (32, 64));
        for (i, row) in shown.iter().enumerate() {
            for (j, value) in row.iter().enumerate() {
                assert_eq!(*value, pixels[(i + 2 * 17 - 15) % 17][(j + 40 - 24) % 40], "{i}, {j}");
            }
        }
    }

    #[test]
    fn a_multiple_of_32_is_left_as_it_is() {
        let x = image(32, 64);
        let back = padded(&x, |seen| {
            assert_eq!(seen.id(), x.id());
            Ok(seen.clone())
        });
        assert_eq!(rows(&back.unwrap()), rows(&x));
    }

    #[test]
    fn large_images_go_through_in_tiles() {
        let x = image(40, 600);
        let mut tiles = Vec::new();
        let back = padded(&x, |tile| {
            tiles.push(tile.dims().to_vec());
            Ok(tile.clone())
        });
        assert_eq!(rows(&back.unwrap()), rows(&x));
        assert_eq!(tiles, [[1, 512, 512, 1], [1, 512, 512, 1]]);
        let mut tiles = 0;
        padded(&image(519, 519), |x| {
            tiles += 1;
            Ok(x.clone())
        })
        .unwrap();
        assert_eq!(tiles, 1);
    }

    #[test]
    fn small_images_are_refused_with_their_size() {
        let error = padded(&image(15, 20), |x| Ok(x.clone())).unwrap_err();
        assert!(error.to_string().contains("16×16 up, not 15×20"), "{error}");
    }
}
