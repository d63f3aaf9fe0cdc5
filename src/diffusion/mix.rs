//! a_t·x + b_t·y: the one piece of tensor arithmetic that the forward process and all conversions are made of.

use candle_core::Tensor;

use crate::Result;

/// a(t)·x for `x` of shape `[B, …]`.
///
/// `t` holds one timestep for the whole batch, or B of them, one an image.
///
/// # Errors
/// [`Error::Tensor`](crate::Error::Tensor) when B and the length of `t` do not agree.
pub fn scale(t: &[usize], a: impl Fn(usize) -> f64, x: &Tensor) -> Result<Tensor> {
    if let [t] = *t {
        return Ok(x.affine(a(t), 0.0)?);
    }
    let mut shape = vec![1; x.rank()];
    shape[0] = t.len();
    let column: Vec<f64> = t.iter().map(|&t| a(t)).collect();
    let column = Tensor::from_vec(column, shape, x.device())?.to_dtype(x.dtype())?;
    Ok(x.broadcast_mul(&column)?)
}

/// a(t)·x + b(t)·y for `x` and `y` of shape `[B, …]`; `t` as in [`scale`].
///
/// # Errors
/// As [`scale`], and when the shapes do not agree.
pub fn mix(t: &[usize], a: impl Fn(usize) -> f64, x: &Tensor, b: impl Fn(usize) -> f64, y: &Tensor) -> Result<Tensor> {
    Ok((scale(t, a, x)? + scale(t, b, y)?)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    #[test]
    fn one_timestep_is_for_all_images_and_many_are_one_each() {
        let x = Tensor::new(&[[1f64, 2.0], [3.0, 4.0]], &Device::Cpu).unwrap();
        let y = Tensor::new(&[[10f64, 20.0], [30.0, 40.0]], &Device::Cpu).unwrap();
        let mixed = |t: &[usize]| {
            mix(t, |t| t as f64, &x, |t| 0.1 * t as f64, &y).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap()
        };
        assert_eq!(mixed(&[2]), [4.0, 8.0, 12.0, 16.0]);
        assert_eq!(mixed(&[0, 2]), [0.0, 0.0, 12.0, 16.0]);
        assert!(mix(&[1, 2, 3], |_| 1.0, &x, |_| 1.0, &y).is_err());
    }
}
