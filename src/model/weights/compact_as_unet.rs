//! The compact U-Net as a `UNet2DModel` of diffusers that computes the same function.
//!
//! | here | there |
//! |---|---|
//! | c channels at the top, 2c below | 2c at both: each of the c stands twice, next to itself |
//! | one residual block a level upwards | a second one that passes its input through |
//! | middle: attention, residual block | a residual block that passes its input through goes before them |
//! | c sinusoidal features of t | every second one of 2c features is read |
//!
//! A channel that stands twice leaves means and variances of the normalisations' groups as they are. Layers that read
//! such channels have weights for the first copy and zeros for the second; layers that write them have each row twice.
//! A residual block whose last convolution is zero passes on `x`, or `conv_shortcut(x)`, which is then `[1 0]`.

use std::collections::HashMap;

use candle_core::{Result, Tensor, bail};

use crate::config::{CompactConfig, UNetConfig};

/// Groups of all normalisations and width of a head in the compact network.
const GROUPS: usize = 8;
const HEAD_WIDTH: usize = 32;

/// Weights by name.
pub type Weights = HashMap<String, Tensor>;

/// How a weight of the top level changes: which of its first two dimensions hold channels that stand twice.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Doubled {
    Neither,
    Written,
    Read,
    Both,
}

/// The configuration and the weights there.
///
/// # Errors
/// When a weight of the compact network is missing.
pub fn compact_as_unet(config: &CompactConfig, weights: &Weights) -> Result<(UNetConfig, Weights)> {
    let wide = 2 * config.channels;
    let mut mapped = Weights::new();
    for (name, weight) in weights {
        let weight = match doubled(name) {
            Doubled::Neither => weight.clone(),
            Doubled::Written => twice(weight)?,
            Doubled::Read => first_copy(weight)?,
            Doubled::Both => twice(&first_copy(weight)?)?,
        };
        mapped.insert(name.replace("mid_block.resnets.0.", "mid_block.resnets.1."), weight);
    }
    let Some(linear) = mapped.get("time_embedding.linear_2.bias") else { bail!("there is no time embedding") };
    let time_embedding_dim = linear.dim(0)?;
    for (path, inputs) in
        [("mid_block.resnets.0", wide), ("up_blocks.0.resnets.1", 2 * wide), ("up_blocks.1.resnets.1", 2 * wide)]
    {
        passing_on(path, inputs, wide, time_embedding_dim, &mut mapped)?;
    }
    let config = UNetConfig {
        patch_size: 2,
        block_out_channels: vec![wide, wide],
        layers_per_block: 1,
        attention: vec![false, false],
        mid_attention: true,
        attention_head_dim: HEAD_WIDTH,
        norm_num_groups: GROUPS,
        norm_eps: 1e-5,
        scale_shift: true,
        dropout: 0.0,
        attn_norm_num_groups: Some(GROUPS),
        time_embedding_dim: Some(time_embedding_dim),
    };
    Ok((config, mapped))
}

fn doubled(name: &str) -> Doubled {
    let is_bias_or_norm = name.ends_with("bias") || name.contains("norm");
    if name == "time_embedding.linear_1.weight" || name == "conv_out.weight" {
        return Doubled::Read;
    }
    if name == "conv_out.bias" {
        return Doubled::Neither;
    }
    if name.starts_with("down_blocks.0.downsamplers") {
        return if is_bias_or_norm { Doubled::Neither } else { Doubled::Read };
    }
    let writes = ["conv_in", "conv_norm_out", "up_blocks.0.upsamplers"].iter().any(|path| name.starts_with(path));
    let inside = ["down_blocks.0.resnets", "up_blocks.1.resnets"].iter().any(|path| name.starts_with(path));
    match (writes, inside) {
        (true, _) => Doubled::Written,
        (_, true) if is_bias_or_norm || name.contains("time_emb_proj") => Doubled::Written,
        (_, true) => Doubled::Both,
        _ => Doubled::Neither,
    }
}

/// Each row next to itself.
fn twice(weight: &Tensor) -> Result<Tensor> {
    let rows = weight.dim(0)? as u32;
    let indices: Vec<u32> = (0..rows).flat_map(|row| [row, row]).collect();
    weight.index_select(&Tensor::new(indices, weight.device())?, 0)
}

/// For inputs that stand twice: a zero column after each.
fn first_copy(weight: &Tensor) -> Result<Tensor> {
    let mut dims = weight.dims().to_vec();
    dims[1] *= 2;
    let column = weight.unsqueeze(2)?;
    Tensor::cat(&[&column, &column.zeros_like()?], 2)?.reshape(dims)
}

/// A residual block from `inputs` to `outputs` channels whose result is its first `outputs` inputs.
fn passing_on(path: &str, inputs: usize, outputs: usize, embedding: usize, weights: &mut Weights) -> Result<()> {
    let Some(any) = weights.values().next() else { bail!("there are no weights") };
    let (dtype, device) = (any.dtype(), any.device().clone());
    let mut add = |name: &str, weight: Tensor| weights.insert(format!("{path}.{name}"), weight);
    let zeros = |shape: &[usize]| Tensor::zeros(shape, dtype, &device);
    for (norm, channels) in [("norm1", inputs), ("norm2", outputs)] {
        add(&format!("{norm}.weight"), Tensor::ones(channels, dtype, &device)?);
        add(&format!("{norm}.bias"), zeros(&[channels])?);
    }
    for (conv, channels) in [("conv1", inputs), ("conv2", outputs)] {
        add(&format!("{conv}.weight"), zeros(&[outputs, channels, 3, 3])?);
        add(&format!("{conv}.bias"), zeros(&[outputs])?);
    }
    add("time_emb_proj.weight", zeros(&[2 * outputs, embedding])?);
    add("time_emb_proj.bias", zeros(&[2 * outputs])?);
    if inputs != outputs {
        let one = Tensor::eye(outputs, dtype, &device)?;
        let select = Tensor::cat(&[&one, &zeros(&[outputs, inputs - outputs])?], 1)?;
        add("conv_shortcut.weight", select.reshape((outputs, inputs, 1, 1))?);
        add("conv_shortcut.bias", zeros(&[outputs])?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use candle_nn::VarBuilder;

    use super::*;
    use crate::model::compact::CompactUNet;
    use crate::model::params::on_weights;
    use crate::model::unet::UNet;
    use crate::model::weights::fit::expected;
    use crate::rng::Stream;

    fn random(shape: &[usize], seed: u64) -> Tensor {
        let mut values = vec![0.0f32; shape.iter().product()];
        Stream::new(seed, "test", 0).fill_normal(&mut values);
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn it_computes_the_same_function() {
        for channels in [16, 32] {
            let config = CompactConfig { channels };
            let mut network = crate::config::Preset::Small.settings().network;
            network.architecture = crate::config::Architecture::Compact(config.clone());
            let weights: Weights = expected(&network)
                .unwrap()
                .into_iter()
                .zip(0..)
                .map(|((name, shape), seed)| {
                    let fan_in: usize = shape.iter().skip(1).product();
                    let scale = 1.0 / (fan_in as f64).sqrt() / if shape.len() == 1 { 4.0 } else { 1.0 };
                    let offset = if name.contains("norm") && name.ends_with("weight") { 1.0 } else { 0.0 };
                    (name, random(&shape, seed).affine(scale, offset).unwrap())
                })
                .collect();
            let device = &Device::Cpu;
            let ours = on_weights(weights.clone(), device, |vb| CompactUNet::new(&config, 1, Some(11), &vb)).unwrap();
            let (unet, mapped) = compact_as_unet(&config, &weights).unwrap();
            let vb = VarBuilder::from_tensors(mapped, DType::F32, device);
            let theirs = UNet::new(&unet, 1, Some(11), &vb).unwrap();
            let x = random(&[3, 28, 28, 1], 1000);
            let t = Tensor::new(&[0f32, 371.0, 999.0], device).unwrap();
            let classes = Tensor::new(&[3u32, 10, 7], device).unwrap();
            let want = ours.forward(&x, &t, Some(&classes), None).unwrap();
            let got = theirs.forward(&x, &t, Some(&classes), None).unwrap();
            let scalar = |t: Tensor| t.to_scalar::<f32>().unwrap();
            let rms = scalar(want.sqr().unwrap().mean_all().unwrap()).sqrt();
            let worst = scalar((got - &want).unwrap().abs().unwrap().max_all().unwrap());
            assert!(rms > 0.1 && worst < 1e-5 * rms, "{channels} channels: {worst} of {rms}");
        }
    }
}
