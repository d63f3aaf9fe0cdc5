//! Muon: the momentum of a matrix, orthogonalised, is the step (Jordan et al. 2024, <https://kellerjordan.github.io/posts/muon/>).
//!
//! A step in which every direction is as long as every other learns the rare directions of a matrix as fast as the
//! common ones. The nearest such matrix to M = U·S·Vᵀ is U·Vᵀ; [`ITERATIONS`] of Newton and Schulz's iteration
//! bring all singular values to about 1 without a decomposition.

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, Var, bail};

use super::{average_on_device, average_on_host, check_size};
use crate::config::TrainingSettings;
use crate::model::ops::kernels::gemm::{Destination, Matrix, gemm};
use crate::model::ops::slices::of_cpu;

/// Channels that a layer must have on both sides for its weight to be stepped as a matrix: the first and the last
/// layer and the table of classes are not such maps, and are left to AdamW.
const CHANNELS: usize = 16;
/// x ← a·x + b·x³ + c·x⁵ on every singular value: after five times those from 0.002 up are in 0.68 … 1.21 (computed).
const COEFFICIENTS: [f64; 3] = [3.4445, -4.775, 2.0315];
const ITERATIONS: usize = 5;
/// A shorter matrix is not brought to length 1: nothing stays nothing.
const SMALLEST_NORM: f64 = 1e-15;

/// Rows and columns of a weight that is stepped as a matrix: `[out, in]` or `[out, in, kh, kw]`, its inputs in one row.
pub fn matrix(dims: &[usize]) -> Option<(usize, usize)> {
    match *dims {
        [rows, inputs, ..] if rows.min(inputs) >= CHANNELS => Some((rows, dims[1..].iter().product())),
        _ => None,
    }
}

/// One step: the numbers that are the same for every matrix.
#[derive(Debug, Clone, Copy)]
pub struct Muon {
    learning_rate: f64,
    weight_decay: f64,
    /// Decay of the momentum.
    momentum: f32,
    /// What the gradient is multiplied by so that its norm is at most the clipping norm.
    clip: f32,
    /// Share of the new weight in the moving average.
    average_share: f32,
}

impl Muon {
    /// A step at `share` of the full learning rate.
    pub fn new(settings: &TrainingSettings, share: f64, clip: f32, average_share: f32) -> Self {
        let learning_rate = settings.muon_learning_rate * share;
        let momentum = settings.muon_momentum as f32;
        Self { learning_rate, weight_decay: settings.weight_decay, momentum, clip, average_share }
    }

    /// Steps a matrix on the CPU, its momentum and its average.
    ///
    /// # Errors
    /// When the gradient has another size or type.
    pub fn on_host(
        self,
        weight: &Var,
        gradient: &Tensor,
        momentum: &mut [f32],
        average: Option<&mut [f32]>,
    ) -> Result<()> {
        let (rows, columns) = self.shape(weight)?;
        let state = RefCell::new((momentum, average));
        weight.inplace_op2(gradient, &Stepped { step: self, rows, columns, state })
    }

    /// [`Muon::on_host`] with tensors of any device.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn on_device(
        self,
        weight: &Var,
        gradient: &Tensor,
        momentum: &mut Tensor,
        average: Option<&mut Tensor>,
    ) -> Result<()> {
        let (rows, columns) = self.shape(weight)?;
        let gradient = gradient.affine(f64::from(self.clip * (1.0 - self.momentum)), 0.0)?.detach();
        *momentum = (momentum.affine(f64::from(self.momentum), 0.0)? + &gradient)?;
        let ahead = (momentum.affine(f64::from(self.momentum), 0.0)? + gradient)?.reshape((rows, columns))?;
        let change = orthogonalised_tensor(&ahead)?.affine(self.rate(rows, columns), 0.0)?.reshape(weight.shape())?;
        let updated = (weight.as_detached_tensor().affine(self.keep(), 0.0)? - change)?;
        weight.set(&updated)?;
        average_on_device(average, &updated, f64::from(self.average_share))
    }

    fn shape(self, weight: &Var) -> Result<(usize, usize)> {
        let Some(shape) = matrix(weight.dims()) else { bail!("a weight of {:?} is no matrix", weight.dims()) };
        Ok(shape)
    }

    /// Wide and tall matrices change their outputs alike.
    fn rate(self, rows: usize, columns: usize) -> f64 {
        self.learning_rate * (rows as f64 / columns as f64).max(1.0).sqrt()
    }

    fn keep(self) -> f64 {
        1.0 - self.learning_rate * self.weight_decay
    }
}

/// The step of one matrix as an operation in place, which is how Candle lends a tensor's storage mutably.
struct Stepped<'a> {
    step: Muon,
    rows: usize,
    columns: usize,
    /// The momentum and the average.
    state: RefCell<(&'a mut [f32], Option<&'a mut [f32]>)>,
}

impl InplaceOp2 for Stepped<'_> {
    fn name(&self) -> &'static str {
        "muon-ema"
    }

    fn cpu_fwd(&self, weight: &mut CpuStorage, layout: &Layout, gradient: &CpuStorage, of: &Layout) -> Result<()> {
        let (CpuStorage::F32(weight), Some((start, end))) = (weight, layout.contiguous_offsets()) else {
            bail!("the optimizer works on contiguous f32");
        };
        let (weight, gradient) = (&mut weight[start..end], of_cpu(gradient, of)?);
        check_size(weight, gradient)?;
        let Muon { momentum: decay, clip, average_share, .. } = self.step;
        let (momentum, average) = &mut *self.state.borrow_mut();
        // Nesterov's: where the momentum would be after the same gradient once more.
        let mut ahead = vec![0.0; gradient.len()];
        for ((ahead, momentum), gradient) in ahead.iter_mut().zip(momentum.iter_mut()).zip(gradient) {
            let share = (1.0 - decay) * clip * gradient;
            *momentum = decay * *momentum + share;
            *ahead = decay * *momentum + share;
        }
        let change = orthogonalised(&ahead, self.rows, self.columns);
        let (rate, keep) = (self.step.rate(self.rows, self.columns) as f32, self.step.keep() as f32);
        for (weight, change) in weight.iter_mut().zip(change) {
            *weight = keep * *weight - rate * change;
        }
        average_on_host(average.as_deref_mut(), weight, average_share);
        Ok(())
    }
}

/// About U·Vᵀ of `matrix` = U·S·Vᵀ, row-major `[rows, columns]`; zeros stay zeros.
///
/// The iteration multiplies from one side by polynomials of M·Mᵀ, so it runs on that small square matrix, and M meets
/// their product once at the end.
pub fn orthogonalised(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let view = Matrix::new(matrix, rows, columns, columns);
    let n = rows.min(columns);
    let norm = matrix.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    let shrink = (1.0 / norm.max(SMALLEST_NORM)) as f32;
    let (wide, transposed) = if rows <= columns { (view, false) } else { (view.t(), true) };
    let mut gram = vec![0.0; n * n];
    gemm(&mut gram, n, Destination::Overwrite, wide, wide.t(), shrink * shrink);
    let mut polynomial: Vec<f32> = (0..n * n).map(|i| if i % (n + 1) == 0 { shrink } else { 0.0 }).collect();
    let [a, b, c] = COEFFICIENTS.map(|coefficient| coefficient as f32);
    for iteration in 0..ITERATIONS {
        let squared = product(&gram, &gram, n);
        let mut factor = gram.clone();
        for (i, (factor, squared)) in factor.iter_mut().zip(&squared).enumerate() {
            *factor = b * *factor + c * squared + if i % (n + 1) == 0 { a } else { 0.0 };
        }
        polynomial = product(&factor, &polynomial, n);
        if iteration + 1 == ITERATIONS {
            break;
        }
        gram = product(&product(&factor, &gram, n), &factor, n);
    }
    let mut result = vec![0.0; matrix.len()];
    let square = Matrix::new(&polynomial, n, n, n);
    let (left, right) = if transposed { (view, square) } else { (square, view) };
    gemm(&mut result, columns, Destination::Overwrite, left, right, 1.0);
    result
}

/// Of two square matrices of `n` rows.
fn product(a: &[f32], b: &[f32], n: usize) -> Vec<f32> {
    let mut out = vec![0.0; n * n];
    gemm(&mut out, n, Destination::Overwrite, Matrix::new(a, n, n, n), Matrix::new(b, n, n, n), 1.0);
    out
}

/// [`orthogonalised`] of a tensor on any device.
///
/// # Errors
/// When the device has no room.
pub fn orthogonalised_tensor(matrix: &Tensor) -> Result<Tensor> {
    let (rows, columns) = matrix.dims2()?;
    let norm = matrix.sqr()?.sum_all()?.sqrt()?.maximum(SMALLEST_NORM)?;
    let mut x = matrix.broadcast_div(&norm)?;
    if rows > columns {
        x = x.t()?.contiguous()?;
    }
    let [a, b, c] = COEFFICIENTS;
    for _ in 0..ITERATIONS {
        let gram = x.matmul(&x.t()?)?;
        let factor = (gram.affine(b, 0.0)? + gram.matmul(&gram)?.affine(c, 0.0)?)?;
        x = (x.affine(a, 0.0)? + factor.matmul(&x)?)?;
    }
    if rows > columns { x.t()?.contiguous() } else { Ok(x) }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use nalgebra::DMatrix;
    use rstest::rstest;

    use super::*;
    use crate::rng::Stream;

    fn random(rows: usize, columns: usize) -> Vec<f32> {
        let mut values = vec![0.0; rows * columns];
        Stream::new(4, "muon", (rows * columns) as u64).fill_normal(&mut values);
        values
    }

    /// Against the decomposition: the same directions, every length about 1.
    #[rstest]
    #[case(16, 16)]
    #[case(32, 288)]
    #[case(128, 32)]
    #[case(17, 45)]
    fn the_step_is_as_long_in_every_direction(#[case] rows: usize, #[case] columns: usize) {
        let values = random(rows, columns);
        let found = orthogonalised(&values, rows, columns);
        let wide = |values: &[f32]| DMatrix::from_row_iterator(rows, columns, values.iter().map(|&v| f64::from(v)));
        let decomposed = wide(&values).svd(true, true);
        let (u, v_t) = (decomposed.u.unwrap(), decomposed.v_t.unwrap());
        let lengths = u.transpose() * wide(&found) * v_t.transpose();
        for i in 0..rows.min(columns) {
            for j in 0..rows.min(columns) {
                let length = lengths[(i, j)];
                let right = if i == j { (0.6..1.3).contains(&length) } else { length.abs() < 1e-3 };
                assert!(right, "{length} at {i}, {j}");
            }
        }
        let tensor = Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap();
        let by_tensors: Vec<f32> = orthogonalised_tensor(&tensor).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let apart = found.iter().zip(&by_tensors).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-3, "{apart}");
    }

    /// The lengths that the iteration gives, over the singular values that a gradient has.
    #[test]
    fn lengths_come_near_one() {
        let [a, b, c] = COEFFICIENTS;
        let after = |length: f64| (0..ITERATIONS).fold(length, |x, _| a * x + b * x.powi(3) + c * x.powi(5));
        for i in 0..=10_000 {
            let length = 0.002f64.powf(1.0 - f64::from(i) / 10_000.0);
            assert!((0.68..1.21).contains(&after(length)), "{length} becomes {}", after(length));
        }
    }

    #[test]
    fn nothing_stays_nothing() {
        assert!(orthogonalised(&[0.0; 16 * 32], 16, 32).iter().all(|&value| value == 0.0));
        let tiny = vec![1e-25; 16 * 32];
        assert!(orthogonalised(&tiny, 16, 32).iter().all(|value| value.abs() < 1e-6));
        let tiny = orthogonalised_tensor(&Tensor::from_vec(tiny, (16, 32), &Device::Cpu).unwrap()).unwrap();
        assert!(tiny.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap() < 1e-6);
        let zeros = Tensor::zeros((16, 32), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert_eq!(
            orthogonalised_tensor(&zeros).unwrap().abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap(),
            0.0
        );
    }

    /// Three steps on the CPU and through tensors: the momentum, Nesterov's look ahead, clipping, decay and average.
    #[test]
    fn three_steps_agree_with_the_algorithm_written_out() {
        let step = Muon { learning_rate: 0.1, weight_decay: 0.5, momentum: 0.9, clip: 0.25, average_share: 0.3 };
        for (rows, columns) in [(16, 32), (32, 16)] {
            let start = random(rows, columns);
            let var = |values: &[f32]| Var::from_slice(values, (rows, columns), &Device::Cpu).unwrap();
            let (on_host, on_device) = (var(&start), var(&start));
            let (mut momentum, mut average) = (vec![0.0f32; start.len()], start.clone());
            let zeros = on_device.zeros_like().unwrap();
            let (mut momentum_tensor, mut average_tensor) = (zeros, on_device.as_tensor().copy().unwrap());
            let (mut w, mut m, mut a) = (start.clone(), vec![0.0f32; start.len()], start);
            for k in 0..3 {
                let mut gradient = vec![0.0; w.len()];
                Stream::new(9, "gradient", k).fill_normal(&mut gradient);
                let tensor = Tensor::from_slice(&gradient, (rows, columns), &Device::Cpu).unwrap();
                step.on_host(&on_host, &tensor, &mut momentum, Some(&mut average)).unwrap();
                step.on_device(&on_device, &tensor, &mut momentum_tensor, Some(&mut average_tensor)).unwrap();

                let g: Vec<f32> = gradient.iter().map(|g| 0.1 * 0.25 * g).collect();
                m.iter_mut().zip(&g).for_each(|(m, g)| *m = 0.9 * *m + g);
                let ahead: Vec<f32> = m.iter().zip(&g).map(|(m, g)| 0.9 * m + g).collect();
                let change = orthogonalised(&ahead, rows, columns);
                let rate = 0.1 * (rows as f32 / columns as f32).max(1.0).sqrt();
                w.iter_mut().zip(&change).for_each(|(w, change)| *w = 0.95 * *w - rate * change);
                a.iter_mut().zip(&w).for_each(|(a, w)| *a += 0.3 * (w - *a));
            }
            let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let near = |found: &[f32], wanted: &[f32]| found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-3);
            assert!(near(&values(&on_host), &w) && near(&average, &a), "{rows}×{columns} on the CPU");
            assert!(near(&values(&on_device), &w) && near(&values(&average_tensor), &a), "{rows}×{columns} by tensors");
        }
        let (weight, short) = (Var::zeros((16, 16), candle_core::DType::F32, &Device::Cpu).unwrap(), [0.0f32; 16]);
        let short = Tensor::from_slice(&short, (1, 16), &Device::Cpu).unwrap();
        assert!(step.on_host(&weight, &short, &mut [0.0; 256], None).is_err());
    }

    #[test]
    fn matrices_are_the_maps_between_many_channels() {
        assert_eq!(matrix(&[64, 32, 3, 3]), Some((64, 288)));
        assert_eq!(matrix(&[128, 32]), Some((128, 32)));
        for small in [&[64][..], &[32, 4, 3, 3], &[4, 32, 3, 3], &[11, 128]] {
            assert_eq!(matrix(small), None, "{small:?}");
        }
    }
}
