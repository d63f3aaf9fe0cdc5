//! Where a network's weights come from: drawn afresh from the seed, or given.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Result, Shape, Tensor, Var, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

use crate::rng::Stream;

/// A named weight.
pub type Named<T> = (String, T);

/// Trainable weights in the order in which the network asked for them.
#[derive(Debug, Default)]
pub struct Params {
    entries: Mutex<Vec<Named<Var>>>,
}

impl Params {
    /// Builds a network with `build`, drawing each weight from `seed` and the weight's own name, so that the draw
    /// does not depend on the order.
    ///
    /// # Errors
    /// When `build` fails or asks for an initialisation that is not supported.
    pub fn fresh<N>(
        seed: u64,
        device: &Device,
        build: impl FnOnce(VarBuilder) -> Result<N>,
    ) -> Result<(N, Vec<Named<Var>>)> {
        let params = Arc::new(Self::default());
        let source: Box<dyn SimpleBackend> = Box::new(Fresh { seed, params: Arc::clone(&params) });
        let network = build(VarBuilder::from_backend(source, DType::F32, device.clone()))?;
        let entries = std::mem::take(&mut *params.entries.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((network, entries))
    }
}

/// Builds a network on given weights, without a graph behind them: for sampling.
///
/// # Errors
/// When a weight is missing or has another shape.
pub fn on_weights<N>(
    weights: HashMap<String, Tensor>,
    device: &Device,
    build: impl FnOnce(VarBuilder) -> Result<N>,
) -> Result<N> {
    build(VarBuilder::from_tensors(weights, DType::F32, device))
}

/// The weights in the memory of the machine, where they outlast a device that is lost.
///
/// # Errors
/// When they cannot be read from their device.
pub fn to_host(weights: HashMap<String, Tensor>) -> Result<HashMap<String, Tensor>> {
    weights.into_iter().map(|(name, weight)| Ok((name, weight.to_device(&Device::Cpu)?))).collect()
}

struct Fresh {
    seed: u64,
    params: Arc<Params>,
}

impl SimpleBackend for Fresh {
    fn get(&self, shape: Shape, name: &str, init: Init, _dtype: DType, device: &Device) -> Result<Tensor> {
        let mut stream = Stream::new(self.seed, name, 0);
        let count = shape.elem_count();
        let values: Vec<f32> = match init {
            Init::Const(value) => vec![value as f32; count],
            Init::Uniform { lo, up } => (0..count).map(|_| (lo + (up - lo) * stream.uniform()) as f32).collect(),
            Init::Randn { mean, stdev } => (0..count).map(|_| (mean + stdev * stream.normal()) as f32).collect(),
            Init::Kaiming { .. } => bail!("the initialisation of {name} is not supported: give its bounds"),
        };
        let var = Var::from_vec(values, shape, device)?;
        let tensor = var.as_tensor().clone();
        let mut entries = self.params.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.iter().any(|(known, _)| known == name) {
            bail!("two weights are named {name}");
        }
        entries.push((name.to_owned(), var));
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _dtype: DType, _device: &Device) -> Result<Tensor> {
        bail!("the weight {name} was asked for without a shape")
    }

    fn contains_tensor(&self, _name: &str) -> bool {
        true
    }
}
