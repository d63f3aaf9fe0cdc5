//! Attention as an operation over the CPU kernel.

use candle_core::{Result, Shape, Tensor, bail};

use super::kernels::attention::{self, AttentionShape};
use super::operation::{Operation, apply, unspecified};

/// See [`super::attention`].
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize) -> Result<Tensor> {
    let (Some(&batch), Some(&channels)) = (q.dims().first(), q.dims().last()) else {
        bail!("attention of scalars");
    };
    if heads == 0 || channels % heads != 0 || k.shape() != q.shape() || v.shape() != q.shape() {
        bail!("attention of {:?}, {:?}, {:?} with {heads} heads", q.shape(), k.shape(), v.shape());
    }
    let tokens = q.elem_count() / (batch * channels).max(1);
    let shape = AttentionShape { batch, tokens, heads, width: channels / heads };
    apply(Attention { dims: q.shape().clone(), shape }, [q, k, v])
}

struct Attention {
    dims: Shape,
    shape: AttentionShape,
}

impl Operation for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn shape(&self) -> Shape {
        self.dims.clone()
    }

    fn forward(&self, inputs: &[&[f32]], y: &mut [f32]) {
        attention::forward(&self.shape, inputs[0], inputs[1], inputs[2], y);
    }

    fn backward(&self, inputs: &[&[f32]], dy: Vec<f32>, _wanted: &[bool]) -> Result<Vec<Option<Vec<f32>>>> {
        let len = dy.len();
        let (mut dq, mut dk, mut dv) = (unspecified(len)?, unspecified(len)?, unspecified(len)?);
        let inputs = [inputs[0], inputs[1], inputs[2]];
        attention::backward(&self.shape, inputs, &dy, [&mut dq, &mut dk, &mut dv]);
        Ok(vec![Some(dq), Some(dk), Some(dv)])
    }
}
