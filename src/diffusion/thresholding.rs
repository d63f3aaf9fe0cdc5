//! Bringing x̂₀ into the range of images.

use candle_core::Tensor;

use crate::Result;
use crate::config::Thresholding;

/// The quantile of |x̂₀| that dynamic thresholding scales by (Saharia et al. 2022, section 2.3 and appendix).
const QUANTILE: f64 = 0.995;

/// x̂₀ `[B, …]` brought into [-1, 1] (Saharia et al. 2022, arXiv 2205.11487, section 2.3).
///
/// Static: clamped to [-1, 1]. Dynamic: s is the 99.5 % quantile of |x̂₀| in each image, at least 1; clamped to [-s, s]
/// and divided by s, so that what guidance pushes too far loses contrast instead of detail.
///
/// # Errors
/// [`Error::Tensor`](crate::Error::Tensor) when the device has no room.
pub fn threshold(how: Thresholding, x0_hat: &Tensor) -> Result<Tensor> {
    match how {
        Thresholding::None => Ok(x0_hat.clone()),
        Thresholding::Static => Ok(x0_hat.clamp(-1f64, 1f64)?),
        Thresholding::Dynamic => {
            let rows = x0_hat.flatten_from(1)?.to_dtype(candle_core::DType::F64)?.abs()?.to_vec2::<f64>()?;
            let scales: Vec<f64> = rows.into_iter().map(|row| quantile(row).max(1.0)).collect();
            let mut shape = vec![1; x0_hat.rank()];
            shape[0] = scales.len();
            let scales = Tensor::from_vec(scales, shape, x0_hat.device())?.to_dtype(x0_hat.dtype())?;
            Ok(x0_hat.broadcast_div(&scales)?.clamp(-1f64, 1f64)?)
        }
    }
}

/// The value at [`QUANTILE`] of the sorted values, the nearest one above.
fn quantile(mut values: Vec<f64>) -> f64 {
    let place = ((values.len() as f64 * QUANTILE).ceil() as usize).clamp(1, values.len()) - 1;
    *values.select_nth_unstable_by(place, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn values(how: Thresholding, images: &[[f32; 4]]) -> Vec<Vec<f32>> {
        let shape = (images.len(), 1, 2, 2);
        let images = Tensor::from_vec(images.concat(), shape, &Device::Cpu).unwrap();
        threshold(how, &images).unwrap().flatten_from(1).unwrap().to_vec2().unwrap()
    }

    #[test]
    fn static_clips_and_dynamic_scales_each_image_by_its_own_excess() {
        let images = [[-0.5, 0.0, 0.5, 1.0], [-1.0, 4.0, 2.0, 0.0]];
        assert_eq!(values(Thresholding::None, &images), images);
        assert_eq!(values(Thresholding::Static, &images)[1], [-1.0, 1.0, 1.0, 0.0]);
        assert_eq!(values(Thresholding::Dynamic, &images), [[-0.5, 0.0, 0.5, 1.0], [-0.25, 1.0, 0.5, 0.0]]);
    }

    #[test]
    fn one_wild_pixel_in_a_thousand_is_clipped_rather_than_followed() {
        let mut image = vec![0.5f32; 1000];
        image[3] = 100.0;
        let image = Tensor::from_vec(image, (1, 1, 10, 100), &Device::Cpu).unwrap();
        let found: Vec<f32> =
            threshold(Thresholding::Dynamic, &image).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!((found[2], found[3]), (0.5, 1.0));
    }
}
