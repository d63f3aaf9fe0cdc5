//! What an operation on the CPU is, and how it becomes part of a graph of gradients.
//!
//! While a [`Tape`](super::Tape) records, it keeps the operations and takes the gradients back through them: Candle's own
//! backward pass fills a tensor with zeros and adds to it at every step of the graph, which costs as much as the
//! kernels. Otherwise each operation is one of Candle's custom operations.

use std::sync::Arc;

use candle_core::backend::BackendDevice;
use candle_core::cpu_backend::CpuDevice;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, Layout, Result, Shape, Tensor, Var, bail};

use super::slices::{of_cpu, with_slices};
use super::tape;
use crate::profile::{self, Pass};

/// A function of some tensors on the CPU, with its gradient.
pub trait Operation: Send + Sync {
    fn name(&self) -> &'static str;

    /// The shape of the result.
    fn shape(&self) -> Shape;

    /// Writes all of `y`, whose content is unspecified.
    fn forward(&self, inputs: &[&[f32]], y: &mut [f32]);

    /// The gradient of each input, from that of the result; it may be left out where it is not `wanted`.
    ///
    /// # Errors
    /// When there is no memory.
    fn backward(&self, inputs: &[&[f32]], dy: Vec<f32>, wanted: &[bool]) -> Result<Vec<Option<Vec<f32>>>>;
}

/// Carries out `operation` on tensors on the CPU.
///
/// # Errors
/// When an input is not on the CPU or not f32.
pub fn apply<const N: usize>(operation: impl Operation + 'static, inputs: [&Tensor; N]) -> Result<Tensor> {
    let mut contiguous = Vec::with_capacity(N);
    for input in inputs {
        contiguous.push(input.contiguous()?);
    }
    let tracked = contiguous.iter().any(Tensor::track_op);
    if tracked && !tape::is_recording() {
        let bridge = Bridge(operation);
        return match &contiguous[..] {
            [x] => x.apply_op1(bridge),
            [x, y] => x.apply_op2(y, bridge),
            [x, y, z] => x.apply_op3(y, z, bridge),
            _ => bail!("{} of {N} tensors is only known to a tape", bridge.0.name()),
        };
    }
    let shape = operation.shape();
    let mut y = unspecified(shape.elem_count())?;
    let refs: [&Tensor; N] = std::array::from_fn(|i| &contiguous[i]);
    profile::part(operation.name(), Pass::Forward, || with_slices(refs, |slices| operation.forward(&slices, &mut y)))?;
    if !tracked {
        return Tensor::from_vec(y, shape, refs[0].device());
    }
    let y = Var::from_vec(y, shape, refs[0].device())?.as_tensor().clone();
    tape::record(&y, contiguous, Arc::new(operation));
    Ok(y)
}

/// Whether operations of more than three tensors, which Candle's graph cannot hold, may be used on these.
pub fn many_may_join(tensors: &[&Tensor]) -> bool {
    tape::is_recording() || !tensors.iter().any(|tensor| tensor.track_op())
}

/// A buffer for a result, not cleared first: its values are unspecified until they are written.
#[allow(unsafe_code)]
pub fn unspecified(len: usize) -> Result<Vec<f32>> {
    // SAFETY: Candle's own way to make room for results; every operation writes all of it before it is read.
    match unsafe { CpuDevice.alloc_uninit(&Shape::from(len), DType::F32)? } {
        CpuStorage::F32(values) => Ok(values),
        _ => bail!("room for f32 was asked for"),
    }
}

/// An operation in Candle's graph.
struct Bridge<O>(O);

impl<O: Operation> Bridge<O> {
    fn result(&self, inputs: &[&[f32]]) -> Result<(CpuStorage, Shape)> {
        let shape = self.0.shape();
        let mut y = unspecified(shape.elem_count())?;
        self.0.forward(inputs, &mut y);
        Ok((CpuStorage::F32(y), shape))
    }

    fn gradients<const N: usize>(&self, inputs: [&Tensor; N], dy: &Tensor) -> Result<[Option<Tensor>; N]> {
        let dy: Vec<f32> = dy.contiguous()?.flatten_all()?.to_vec1()?;
        let wanted = inputs.map(Tensor::track_op);
        let gradients = with_slices(inputs, |slices| self.0.backward(&slices, dy, &wanted))??;
        let mut result = [const { None }; N];
        for ((result, gradient), input) in result.iter_mut().zip(gradients).zip(inputs) {
            *result = gradient.map(|values| Tensor::from_vec(values, input.shape(), input.device())).transpose()?;
        }
        Ok(result)
    }
}

impl<O: Operation> CustomOp1 for Bridge<O> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.result(&[of_cpu(x, x_layout)?])
    }

    fn bwd(&self, x: &Tensor, _result: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let [dx] = self.gradients([x], dy)?;
        Ok(dx)
    }
}

impl<O: Operation> CustomOp2 for Bridge<O> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.result(&[of_cpu(x, x_layout)?, of_cpu(y, y_layout)?])
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, _result: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.gradients([x, y], dy).map(Into::into)
    }
}

impl<O: Operation> CustomOp3 for Bridge<O> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
        z: &CpuStorage,
        z_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.result(&[of_cpu(x, x_layout)?, of_cpu(y, y_layout)?, of_cpu(z, z_layout)?])
    }

    fn bwd(
        &self,
        x: &Tensor,
        y: &Tensor,
        z: &Tensor,
        _result: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        self.gradients([x, y, z], dy).map(Into::into)
    }
}
