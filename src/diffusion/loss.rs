//! L_simple, the loss that the network is trained on (Ho et al. 2020, eq. 14).

use candle_core::Tensor;

use crate::Result;

/// The mean over images and pixels of (prediction − target)², a scalar tensor; every timestep weighs the same.
///
/// # Errors
/// [`Error::Tensor`](crate::Error::Tensor) when the shapes do not agree.
pub fn l_simple(prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
    Ok((prediction - target)?.sqr()?.mean_all()?)
}

/// The mean over pixels only, `[B]`: the loss of each image, to be shown by timestep.
///
/// # Errors
/// As [`l_simple`].
pub fn l_simple_each(prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
    Ok((prediction - target)?.sqr()?.flatten_from(1)?.mean(1)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    #[test]
    fn losses_are_mean_squares() {
        let prediction = Tensor::new(&[[1f32, 2.0], [0.0, 4.0]], &Device::Cpu).unwrap();
        let target = Tensor::new(&[[0f32, 0.0], [0.0, 1.0]], &Device::Cpu).unwrap();
        assert_eq!(l_simple(&prediction, &target).unwrap().to_scalar::<f32>().unwrap(), 3.5);
        assert_eq!(l_simple_each(&prediction, &target).unwrap().to_vec1::<f32>().unwrap(), [2.5, 4.5]);
    }
}
