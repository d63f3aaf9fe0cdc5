//! Every block, and the networks made of them, against finite differences: the gradient of each weight and input.

#![allow(clippy::unwrap_used)]

use candle_core::{Device, Result, Tensor, Var};
use candle_nn::VarBuilder;
use diffuscope::config::{Architecture, CompactConfig, NetworkSettings, Preset, UNetConfig};
use diffuscope::model::blocks::{AttentionBlock, BlockStyle, Conv, Downsample, GroupNorm, ResnetBlock, Upsample};
use diffuscope::model::embed::Embedding;
use diffuscope::model::ops::Activation;
use diffuscope::model::params::Params;
use diffuscope::model::{Dropout, Network};
use diffuscope::rng::Stream;
use rstest::rstest;

fn normal(shape: &[usize], purpose: &str) -> Tensor {
    let mut values = vec![0.0f32; shape.iter().product()];
    Stream::new(5, purpose, 0).fill_normal(&mut values);
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Checks d/dw Σ output·weights along a random direction of each weight and of the input `x`.
fn check<N>(
    x_shape: &[usize],
    build: impl FnOnce(VarBuilder) -> Result<N>,
    forward: impl Fn(&N, &Tensor) -> Result<Tensor>,
) {
    let (network, mut vars) = Params::fresh(3, &Device::Cpu, build).unwrap();
    // Layers that begin at zero would hide errors before them.
    for (name, var) in &vars {
        let spread = (normal(var.dims(), name) * 0.2).unwrap();
        var.set(&(var.as_tensor() + spread).unwrap().detach()).unwrap();
    }
    let x = Var::from_tensor(&normal(x_shape, "x")).unwrap();
    vars.push(("the input".into(), x.clone()));
    let objective = || {
        let y = forward(&network, &x).unwrap();
        (&y * normal(y.dims(), "objective")).unwrap().sum_all().unwrap()
    };
    let gradients = objective().backward().unwrap();
    for (name, var) in &vars {
        let direction = normal(var.dims(), "direction");
        let gradient = gradients.get(var).unwrap_or_else(|| panic!("{name} has no gradient"));
        let slope = f64::from((gradient * &direction).unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap());
        let kept = var.as_tensor().copy().unwrap().detach();
        let at = |offset: f64| {
            var.set(&(&kept + (&direction * offset).unwrap()).unwrap()).unwrap();
            f64::from(objective().to_scalar::<f32>().unwrap())
        };
        // Richardson's extrapolation: f32 forbids small steps, curvature large ones.
        let central = |h: f64| (at(h) - at(-h)) / (2.0 * h);
        let h = 4e-3;
        let difference = (4.0 * central(h) - central(2.0 * h)) / 3.0;
        var.set(&kept).unwrap();
        let norm = f64::from(gradient.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap()).sqrt();
        let allowed = 0.02 * norm.max(slope.abs()) + 0.05;
        assert!((slope - difference).abs() < allowed, "{name}: {slope}, by differences {difference}");
    }
}

fn style(scale_shift: bool) -> BlockStyle {
    BlockStyle { groups: 4, epsilon: 1e-5, scale_shift, dropout: 0.0, head_width: 4, zero_init: true }
}

#[rstest]
#[case(8, 8, true)]
#[case(8, 12, true)]
#[case(12, 8, false)]
fn resnet_block(#[case] inputs: usize, #[case] outputs: usize, #[case] scale_shift: bool) {
    let e = normal(&[2, 6], "embedding");
    check(
        &[2, 5, 3, inputs],
        |vb| ResnetBlock::new(inputs, outputs, 6, style(scale_shift), &vb),
        |block, x| block.forward(x, &e, None),
    );
}

#[test]
fn resnet_block_with_dropout() {
    let e = normal(&[1, 6], "embedding");
    let style = BlockStyle { dropout: 0.3, ..style(true) };
    check(
        &[1, 4, 4, 8],
        |vb| ResnetBlock::new(8, 8, 6, style, &vb),
        |block, x| block.forward(x, &e, Some(&Dropout::new(1, 2))),
    );
}

#[test]
fn attention_block() {
    check(&[2, 3, 3, 8], |vb| AttentionBlock::new(8, &style(true), true, &vb), AttentionBlock::forward);
}

#[test]
fn sampling_blocks_and_norm() {
    check(&[1, 3, 5, 4], |vb| Upsample::new(4, 6, &vb), Upsample::forward);
    check(&[1, 6, 5, 4], |vb| Downsample::new(4, 6, &vb), Downsample::forward);
    check(&[2, 4, 4, 4], |vb| Conv::pointwise(4, 6, &vb), Conv::forward);
    check(&[2, 3, 3, 8], |vb| GroupNorm::new(8, &style(true), &vb), |norm, x| norm.forward(x, Activation::Silu));
}

#[test]
fn embedding() {
    let classes = Tensor::new(&[1u32, 10], &Device::Cpu).unwrap();
    let t = Tensor::new(&[3f32, 700.0], &Device::Cpu).unwrap();
    check(
        &[2, 12],
        |vb| Embedding::new(8, 12, Some(11), &vb),
        |embedding, x| embedding.forward(&t, Some(&classes))? * x,
    );
}

fn network(architecture: Architecture, size: usize) {
    let settings = NetworkSettings { architecture, classes: true };
    let classes = Tensor::new(&[3u32, 10], &Device::Cpu).unwrap();
    let t = Tensor::new(&[20f32, 900.0], &Device::Cpu).unwrap();
    check(
        &[2, 1, size, size],
        |vb| Network::new(&settings, &vb),
        |network, x| network.forward(x, &t, Some(&classes), None),
    );
}

#[test]
fn compact_unet() {
    network(Architecture::Compact(CompactConfig { channels: 16 }), 12);
}

#[rstest]
#[case(1)]
#[case(2)]
fn diffusers_unet(#[case] patch_size: usize) {
    let config = UNetConfig {
        patch_size,
        block_out_channels: vec![8, 16],
        layers_per_block: 1,
        attention: vec![false, true],
        mid_attention: true,
        attention_head_dim: 8,
        norm_num_groups: 4,
        norm_eps: 1e-5,
        scale_shift: true,
        dropout: 0.0,
        attn_norm_num_groups: None,
        time_embedding_dim: None,
    };
    network(Architecture::UNet(config), 8);
}

#[test]
fn small_has_the_weights_that_the_design_says() {
    let settings = Preset::Small.settings().network;
    let (_, vars) = Params::fresh(0, &Device::Cpu, |vb| Network::new(&settings, &vb)).unwrap();
    assert_eq!(vars.iter().map(|(_, var)| var.elem_count()).sum::<usize>(), 460_516);
}

#[test]
fn weights_follow_from_the_seed_and_their_names() {
    let settings = Preset::Nano.settings().network;
    let draw = |seed| Params::fresh(seed, &Device::Cpu, |vb| Network::new(&settings, &vb)).unwrap().1;
    let flat = |vars: &[(String, Var)]| -> Vec<f32> {
        vars.iter().flat_map(|(_, v)| v.flatten_all().unwrap().to_vec1().unwrap()).collect()
    };
    assert_eq!(flat(&draw(1)), flat(&draw(1)));
    assert_ne!(flat(&draw(1)), flat(&draw(2)));
}
