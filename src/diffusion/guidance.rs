//! Classifier-free guidance: pushing the answer away from what the network would say without the class.

use candle_core::Tensor;

use crate::Result;

/// cond + w·(cond − uncond) (Ho & Salimans 2022, eq. 6); `w = 0` is `cond` itself.
///
/// Both tensors are the network's output for the same x_t and t, with and without the class. The rule is linear,
/// so it means the same for ε and for v.
///
/// # Errors
/// [`Error::Tensor`](crate::Error::Tensor) when the shapes do not agree.
pub fn combine(cond: &Tensor, uncond: &Tensor, w: f64) -> Result<Tensor> {
    if w == 0.0 {
        return Ok(cond.clone());
    }
    Ok((cond.affine(1.0 + w, 0.0)? - uncond.affine(w, 0.0)?)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    #[test]
    fn guidance_extrapolates_from_the_unconditional_answer() {
        let cond = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let uncond = Tensor::new(&[0f32, 4.0], &Device::Cpu).unwrap();
        let combined = |w| combine(&cond, &uncond, w).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(combined(0.0), [1.0, 2.0]);
        assert_eq!(combined(0.5), [1.5, 1.0]);
    }
}
