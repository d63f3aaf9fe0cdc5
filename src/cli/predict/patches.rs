//! Questions in 2×2 patches, as diffusers asks a network that works on them: `[B, 4, H, W]` for images `[B, 1, 2H, 2W]`.

use candle_core::{Result, Tensor};

/// `[B, 4, H, W]` to `[B, 1, 2H, 2W]`, PyTorch's `pixel_shuffle`.
pub fn to_image(patches: &Tensor) -> Result<Tensor> {
    let (b, _, h, w) = patches.dims4()?;
    patches.reshape((b, 2, 2, h, w))?.permute((0, 3, 1, 4, 2))?.contiguous()?.reshape((b, 1, 2 * h, 2 * w))
}

/// `[B, 1, 2H, 2W]` to `[B, 4, H, W]`, PyTorch's `pixel_unshuffle`.
pub fn of_image(image: &Tensor) -> Result<Tensor> {
    let (b, _, h, w) = image.dims4()?;
    image.reshape((b, h / 2, 2, w / 2, 2))?.permute((0, 2, 4, 1, 3))?.contiguous()?.reshape((b, 4, h / 2, w / 2))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn the_order_is_that_of_pixel_shuffle() {
        let patches = Tensor::arange(0f32, 8.0, &Device::Cpu).unwrap().reshape((1, 4, 1, 2)).unwrap();
        let image = to_image(&patches).unwrap();
        let rows: Vec<Vec<f32>> = image.reshape((2, 4)).unwrap().to_vec2().unwrap();
        assert_eq!(rows, [[0.0, 2.0, 1.0, 3.0], [4.0, 6.0, 5.0, 7.0]]);
        let back = of_image(&image).unwrap();
        assert_eq!(back.dims(), patches.dims());
        let flat = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(flat(&back), flat(&patches));
    }
}
