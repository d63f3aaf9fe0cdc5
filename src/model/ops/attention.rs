//! Attention as a Candle operation over the CPU kernel.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::kernels::attention::{self, AttentionShape};
use super::slices::{of_cpu, with_slices};

/// See [`super::attention`].
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize) -> Result<Tensor> {
    let (batch, tokens, channels) = q.dims3()?;
    if heads == 0 || channels % heads != 0 || k.shape() != q.shape() || v.shape() != q.shape() {
        bail!("attention of {:?}, {:?}, {:?} with {heads} heads", q.shape(), k.shape(), v.shape());
    }
    let shape = AttentionShape { batch, tokens, heads, width: channels / heads };
    q.contiguous()?.apply_op3(&k.contiguous()?, &v.contiguous()?, Attention { shape })
}

struct Attention {
    shape: AttentionShape,
}

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let q = of_cpu(q, q_layout)?;
        let mut y = vec![0.0; q.len()];
        attention::forward(&self.shape, q, of_cpu(k, k_layout)?, of_cpu(v, v_layout)?, &mut y);
        Ok((CpuStorage::F32(y), q_layout.shape().clone()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let zeros = || vec![0.0f32; q.elem_count()];
        let (mut dq, mut dk, mut dv) = (zeros(), zeros(), zeros());
        with_slices([q, k, v, &dy], |[q, k, v, dy]| {
            attention::backward(&self.shape, [q, k, v], dy, [&mut dq, &mut dk, &mut dv]);
        })?;
        let tensor = |values| Tensor::from_vec(values, q.shape(), q.device()).map(Some);
        Ok((tensor(dq)?, tensor(dk)?, tensor(dv)?))
    }
}
