//! From Candle's tensors to slices and back, for kernels that run on the CPU.

use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};

/// The values of a contiguous f32 tensor on the CPU.
///
/// # Errors
/// When it has another type or is strided.
pub fn of_cpu<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else { bail!("the kernel needs a contiguous tensor") };
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// The values behind a tensor's storage guard.
///
/// # Errors
/// When it is not on the CPU, has another type or is strided.
pub fn of_storage<'a>(storage: &'a Storage, layout: &Layout) -> Result<&'a [f32]> {
    match storage {
        Storage::Cpu(storage) => of_cpu(storage, layout),
        _ => bail!("the kernel needs a tensor on the CPU"),
    }
}

/// Runs `work` on the values of contiguous f32 tensors on the CPU.
///
/// # Errors
/// When one of them is not that, or `work` fails.
pub fn with_slices<const N: usize, R>(tensors: [&Tensor; N], work: impl FnOnce([&[f32]; N]) -> R) -> Result<R> {
    let guards = tensors.map(Tensor::storage_and_layout);
    let mut slices: [&[f32]; N] = [&[]; N];
    for (slice, (storage, layout)) in slices.iter_mut().zip(&guards) {
        *slice = of_storage(storage, layout)?;
    }
    Ok(work(slices))
}
