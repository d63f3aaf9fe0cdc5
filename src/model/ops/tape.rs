//! The operations of one forward pass in their order, to take the gradient back through.
//!
//! To Candle each recorded result is a variable, without a past. Candle's own operations may stand between recorded
//! ones: where a recorded operation took such a tensor, Candle's backward pass carries the gradient on to the results
//! and weights that it came from. So what is mixed is right, and what is recorded is fast.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{Result, Shape, Tensor, TensorId, bail};

use super::kernels::elementwise;
use super::operation::Operation;
use super::slices::with_slices;
use crate::profile::{self, Pass};

thread_local! {
    static RECORDING: RefCell<Option<Vec<Step>>> = const { RefCell::new(None) };
}

/// A recorded forward pass.
pub struct Tape {
    steps: Vec<Step>,
}

struct Step {
    result: TensorId,
    inputs: Vec<Tensor>,
    operation: Arc<dyn Operation>,
}

/// Ends the recording even when the forward pass fails or panics.
struct Recording;

impl Drop for Recording {
    fn drop(&mut self) {
        RECORDING.take();
    }
}

impl Tape {
    /// Runs `forward`, recording on this thread the operations on tensors that need a gradient.
    ///
    /// # Errors
    /// What `forward` returns.
    pub fn record<R, E>(forward: impl FnOnce() -> std::result::Result<R, E>) -> std::result::Result<(R, Self), E> {
        RECORDING.set(Some(Vec::new()));
        let recording = Recording;
        let result = forward()?;
        let steps = RECORDING.take().unwrap_or_default();
        drop(recording);
        Ok((result, Self { steps }))
    }

    /// The gradient of `loss` with respect to the weights that it came from, as `loss.backward()` would give it.
    ///
    /// # Errors
    /// When memory runs out, or an operation of Candle's has no gradient.
    pub fn backward(self, loss: &Tensor) -> Result<GradStore> {
        let mut sums = Sums::default();
        sums.add_all(&loss.backward()?)?;
        let first_use = self.first_uses();
        for (place, step) in self.steps.into_iter().enumerate().rev() {
            let Some(dy) = sums.0.remove(&step.result) else { continue };
            let wanted: Vec<bool> = step.inputs.iter().map(Tensor::track_op).collect();
            for (input, gradient) in step.inputs.iter().zip(step.backward(dy.values, &wanted)?) {
                if let Some(gradient) = gradient
                    && input.track_op()
                {
                    sums.add(input.id(), gradient, input.shape());
                }
            }
            for input in step.inputs.iter().filter(|input| input.track_op() && !input.is_variable()) {
                if first_use.get(&input.id()) == Some(&place)
                    && let Some(sum) = sums.0.remove(&input.id())
                {
                    let gradient = Tensor::from_vec(sum.values, sum.shape, input.device())?;
                    sums.add_all(&(input * gradient)?.sum_all()?.backward()?)?;
                }
            }
        }
        let mut store = GradStore::default();
        for (id, Sum { values, shape }) in sums.0 {
            store.insert_id(id, Tensor::from_vec(values, shape, loss.device())?);
        }
        Ok(store)
    }

    /// Where each tensor is first taken: going backwards, its gradient is complete there.
    fn first_uses(&self) -> HashMap<TensorId, usize> {
        let mut first = HashMap::new();
        for (place, step) in self.steps.iter().enumerate() {
            for input in &step.inputs {
                first.entry(input.id()).or_insert(place);
            }
        }
        first
    }
}

impl Step {
    /// The gradients of the inputs.
    fn backward(&self, dy: Vec<f32>, wanted: &[bool]) -> Result<Vec<Option<Vec<f32>>>> {
        let operation = &self.operation;
        profile::part(operation.name(), Pass::Backward, || match &self.inputs[..] {
            [a] => with_slices([a], |s| operation.backward(&s, dy, wanted))?,
            [a, b] => with_slices([a, b], |s| operation.backward(&s, dy, wanted))?,
            [a, b, c] => with_slices([a, b, c], |s| operation.backward(&s, dy, wanted))?,
            [a, b, c, d] => with_slices([a, b, c, d], |s| operation.backward(&s, dy, wanted))?,
            inputs => bail!("{} of {} tensors", operation.name(), inputs.len()),
        })
    }
}

/// The gradient so far of a tensor.
struct Sum {
    values: Vec<f32>,
    shape: Shape,
}

#[derive(Default)]
struct Sums(HashMap<TensorId, Sum>);

impl Sums {
    fn add(&mut self, id: TensorId, gradient: Vec<f32>, shape: &Shape) {
        match self.0.entry(id) {
            Entry::Occupied(mut sum) => {
                let sum = &mut sum.get_mut().values;
                profile::part("sum of gradients", Pass::Backward, || elementwise::add_to(sum, &gradient));
            }
            Entry::Vacant(place) => {
                place.insert(Sum { values: gradient, shape: shape.clone() });
            }
        }
    }

    /// Adds what Candle's backward pass found for variables: recorded results and weights.
    fn add_all(&mut self, store: &GradStore) -> Result<()> {
        for id in store.get_ids() {
            if let Some(gradient) = store.get_id(*id) {
                self.add(*id, gradient.flatten_all()?.to_vec1()?, gradient.shape());
            }
        }
        Ok(())
    }
}

/// Whether this thread records.
pub fn is_recording() -> bool {
    RECORDING.with_borrow(Option::is_some)
}

/// Keeps an operation, if this thread records.
pub fn record(result: &Tensor, inputs: Vec<Tensor>, operation: Arc<dyn Operation>) {
    RECORDING.with_borrow_mut(|steps| {
        if let Some(steps) = steps {
            steps.push(Step { result: result.id(), inputs, operation });
        }
    });
}
