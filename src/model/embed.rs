//! Embeddings of the timestep and the class, added up and given to every residual block.

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};

use super::blocks::Linear;
use super::ops;

/// Sinusoidal features of the timestep (Vaswani et al. 2017, sec. 3.5, cosines first as diffusers' `flip_sin_to_cos`).
///
/// `t`: `[B]` f32; result `[B, channels]`: cos and sin of t·10000^(−i/half) for i in 0..half.
pub fn timestep_features(t: &Tensor, channels: usize) -> Result<Tensor> {
    let half = channels / 2;
    let frequencies: Vec<f32> = (0..half).map(|i| (-(10_000f64.ln()) * i as f64 / half as f64).exp() as f32).collect();
    let frequencies = Tensor::from_vec(frequencies, (1, half), t.device())?;
    let angles = t.reshape(((), 1))?.broadcast_mul(&frequencies)?;
    Tensor::cat(&[angles.cos()?, angles.sin()?], 1)
}

/// Timestep features through two linear layers, plus a learned vector for each class.
#[derive(Debug)]
pub struct Embedding {
    channels: usize,
    linear_1: Linear,
    linear_2: Linear,
    /// `[classes, width]`; the last row stands for "no class told".
    classes: Option<Tensor>,
}

impl Embedding {
    /// Names as in diffusers: `time_embedding.linear_1`, `time_embedding.linear_2`, `class_embedding`.
    pub fn new(channels: usize, width: usize, classes: Option<usize>, vb: &VarBuilder) -> Result<Self> {
        let time = vb.pp("time_embedding");
        let classes = classes
            .map(|n| {
                vb.pp("class_embedding").get_with_hints((n, width), "weight", Init::Randn { mean: 0.0, stdev: 1.0 })
            })
            .transpose()?;
        Ok(Self {
            channels,
            linear_1: Linear::new(channels, width, &time.pp("linear_1"))?,
            linear_2: Linear::new(width, width, &time.pp("linear_2"))?,
            classes,
        })
    }

    /// Classes that it tells apart, "no class told" included; none if it knows no classes.
    pub fn classes(&self) -> Option<usize> {
        self.classes.as_ref().and_then(|table| table.dims().first().copied())
    }

    /// `t`: `[B]` f32, `classes`: `[B]` u32. Result: `[B, width]`, through SiLU, as the residual blocks take it.
    pub fn forward(&self, t: &Tensor, classes: Option<&Tensor>) -> Result<Tensor> {
        let features = timestep_features(t, self.channels)?;
        let time = self.linear_2.forward(&ops::silu(&self.linear_1.forward(&features)?)?)?;
        match (&self.classes, classes) {
            (Some(table), Some(classes)) => ops::silu(&(time + table.index_select(classes, 0)?)?),
            (Some(table), None) => ops::silu(&time.broadcast_add(&table.narrow(0, table.dim(0)? - 1, 1)?)?),
            (None, _) => ops::silu(&time),
        }
    }
}
