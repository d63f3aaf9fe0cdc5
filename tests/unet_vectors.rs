//! `model::unet` against diffusers' `UNet2DModel`: two pipelines as diffusers writes them, and what they answer.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor, safetensors};
use candle_nn::VarBuilder;
use diffuscope::config::UNetConfig;
use diffuscope::model::unet::UNet;

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

/// The largest difference to the expected output, relative to the root mean square of the expected output.
fn error_of(pipeline: &str, config: &UNetConfig, channels: usize, classes: Option<usize>) -> f32 {
    let device = &Device::Cpu;
    let weights = vectors(pipeline).join("unet/diffusion_pytorch_model.safetensors");
    let weights = safetensors::load(weights, device).unwrap();
    let count = weights.len();
    let expected = safetensors::load(vectors(&format!("{pipeline}_expected.safetensors")), device).unwrap();
    let unet = UNet::new(config, channels, classes, &VarBuilder::from_tensors(weights, DType::F32, device)).unwrap();
    assert!(count > 50);
    let x = expected["input"].permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
    let labels = expected.get("class_labels").map(|labels| labels.to_dtype(DType::U32).unwrap());
    let y = unet.forward(&x, &expected["t"], labels.as_ref(), None).unwrap();
    let y = y.permute((0, 3, 1, 2)).unwrap();
    let scalar = |t: Tensor| t.to_scalar::<f32>().unwrap();
    let want = &expected["output"];
    let rms = scalar(want.sqr().unwrap().mean_all().unwrap()).sqrt();
    let worst = (y - want).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap();
    scalar(worst) / rms
}

#[test]
fn a_plain_pipeline_with_attention() {
    let config = UNetConfig {
        patch_size: 1,
        block_out_channels: vec![32, 64],
        layers_per_block: 1,
        attention: vec![false, true],
        mid_attention: true,
        attention_head_dim: 8,
        norm_num_groups: 8,
        norm_eps: 1e-5,
        scale_shift: false,
        dropout: 0.0,
        attn_norm_num_groups: None,
        time_embedding_dim: None,
    };
    let error = error_of("pipeline", &config, 1, None);
    assert!(error < 1e-4, "{error}");
}

#[test]
fn a_pipeline_with_classes_and_scale_shift() {
    let config = UNetConfig {
        patch_size: 1,
        block_out_channels: vec![32, 64],
        layers_per_block: 1,
        attention: vec![false, false],
        mid_attention: true,
        attention_head_dim: 32,
        norm_num_groups: 8,
        norm_eps: 1e-5,
        scale_shift: true,
        dropout: 0.0,
        attn_norm_num_groups: None,
        time_embedding_dim: None,
    };
    let error = error_of("pipeline_classes", &config, 4, Some(11));
    assert!(error < 1e-4, "{error}");
}
