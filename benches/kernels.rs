//! Each kernel against its plain reference and against Candle's own operations, forward and with gradients.
//!
//! `cargo bench --bench kernels [FILTER]`; one sample is one call on all threads.

#![allow(clippy::unwrap_used)]

use candle_core::{Device, Result, Tensor, Var};
use diffuscope::model::ops::kernels::conv::ConvShape;
use diffuscope::model::ops::kernels::{direct, elementwise, winograd};
use diffuscope::model::ops::{self, Activation, Tape, portable};
use diffuscope::rng::Stream;
use divan::Bencher;

fn main() {
    diffuscope::memory::keep_freed_pages();
    divan::main();
}

fn normal(shape: &[usize]) -> Var {
    let mut values = vec![0.0f32; shape.iter().product()];
    Stream::new(0, "bench", values.len() as u64).fill_normal(&mut values);
    Var::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Layers of the compact U-Net at batch 64 and of DiffUNet at batch 32: batch, side, input and output channels.
const LAYERS: [(usize, usize, usize, usize); 6] =
    [(64, 14, 32, 32), (64, 14, 64, 32), (64, 7, 64, 64), (32, 32, 128, 128), (32, 8, 256, 256), (32, 4, 512, 512)];

fn layer((batch, side, in_channels, out_channels): (usize, usize, usize, usize)) -> (ConvShape, [Vec<f32>; 4]) {
    let shape = ConvShape { batch, height: side, width: side, in_channels, out_channels, kernel: 3, stride: 1 };
    let values = |len: usize| normal(&[len]).to_vec1().unwrap();
    let pixels = batch * side * side;
    let tensors = [pixels * in_channels, 9 * in_channels * out_channels, out_channels, pixels * out_channels];
    (shape, tensors.map(values))
}

#[divan::bench(args = LAYERS)]
fn convolution_winograd(bencher: Bencher, sizes: (usize, usize, usize, usize)) {
    let (shape, [x, w, b, mut y]) = layer(sizes);
    bencher.bench_local(|| winograd::forward(&shape, &x, &w, &b, None, &mut y));
}

#[divan::bench(args = LAYERS)]
fn convolution_direct(bencher: Bencher, sizes: (usize, usize, usize, usize)) {
    let (shape, [x, w, b, mut y]) = layer(sizes);
    bencher.bench_local(|| direct::forward(&shape, &x, &w, &b, &mut y));
}

#[divan::bench(args = LAYERS)]
fn convolution_candle(bencher: Bencher, (batch, side, inputs, outputs): (usize, usize, usize, usize)) {
    let (x, w) = (normal(&[batch, inputs, side, side]), normal(&[outputs, inputs, 3, 3]));
    let (x, w) = (x.as_detached_tensor(), w.as_detached_tensor());
    bencher.bench_local(|| x.conv2d(&w, 1, 1, 1, 1).unwrap());
}

#[divan::bench(args = LAYERS)]
fn convolution_gradients_winograd(bencher: Bencher, sizes: (usize, usize, usize, usize)) {
    let (shape, [mut x, mut w, _, y]) = layer(sizes);
    let (input, weight) = (x.clone(), w.clone());
    bencher.bench_local(|| winograd::backward(&shape, &input, &weight, &y, &mut w, Some(&mut x)));
}

#[divan::bench(args = LAYERS)]
fn convolution_gradients_direct(bencher: Bencher, sizes: (usize, usize, usize, usize)) {
    let (shape, [mut x, mut w, _, y]) = layer(sizes);
    let (input, weight) = (x.clone(), w.clone());
    bencher.bench_local(|| {
        direct::weight_gradient(&shape, &input, &y, &mut w);
        direct::input_gradient(&shape, &y, &weight, &mut x);
    });
}

/// A forward pass recorded on a tape and taken back, or left to Candle's graph.
fn with_gradients(bencher: Bencher, taped: bool, forward: impl Fn() -> Result<Tensor>) {
    bencher.bench_local(|| {
        if taped {
            let (y, tape) = Tape::record(&forward).unwrap();
            tape.backward(&y).unwrap()
        } else {
            forward().unwrap().backward().unwrap()
        }
    });
}

#[divan::bench]
fn group_norm(bencher: Bencher) {
    let (x, gain, bias) = (normal(&[64, 14, 14, 64]), normal(&[64]), normal(&[64]));
    with_gradients(bencher, true, || ops::group_norm(&x, &gain, &bias, 8, 1e-5, Activation::Silu));
}

#[divan::bench]
fn group_norm_candle(bencher: Bencher) {
    let (x, gain, bias) = (normal(&[64, 14, 14, 64]), normal(&[64]), normal(&[64]));
    with_gradients(bencher, false, || portable::group_norm(&x, &gain, &bias, 8, 1e-5, Activation::Silu));
}

#[divan::bench(args = [49, 256])]
fn attention(bencher: Bencher, tokens: usize) {
    let [q, k, v] = [0; 3].map(|_| normal(&[64, tokens, 64]));
    with_gradients(bencher, true, || ops::attention(&q, &k, &v, 2));
}

#[divan::bench(args = [49, 256])]
fn attention_candle(bencher: Bencher, tokens: usize) {
    let [q, k, v] = [0; 3].map(|_| normal(&[64, tokens, 64]));
    with_gradients(bencher, false, || portable::attention(&q, &k, &v, 2));
}

#[divan::bench]
fn upsample(bencher: Bencher) {
    let x = normal(&[64, 7, 7, 64]);
    with_gradients(bencher, true, || ops::upsample_nearest2(&x));
}

#[divan::bench]
fn upsample_candle(bencher: Bencher) {
    let x = normal(&[64, 7, 7, 64]);
    with_gradients(bencher, false, || portable::upsample_nearest2(&x));
}

/// 1×1 convolutions and linear layers: rows, input and output channels.
const PRODUCTS: [(usize, usize, usize); 3] = [(64 * 196, 64, 32), (64 * 49, 64, 192), (32 * 64, 256, 256)];

#[divan::bench(args = PRODUCTS)]
fn linear(bencher: Bencher, (rows, inputs, outputs): (usize, usize, usize)) {
    let (x, w, b) = (normal(&[rows, inputs]), normal(&[outputs, inputs]), normal(&[outputs]));
    with_gradients(bencher, true, || ops::linear(&x, &w, &b));
}

#[divan::bench(args = PRODUCTS)]
fn linear_candle(bencher: Bencher, (rows, inputs, outputs): (usize, usize, usize)) {
    let (x, w, b) = (normal(&[rows, inputs]), normal(&[outputs, inputs]), normal(&[outputs]));
    with_gradients(bencher, false, || portable::linear(&x, &w, &b));
}

#[divan::bench]
fn silu(bencher: Bencher) {
    let x = normal(&[64, 14, 14, 64]);
    with_gradients(bencher, true, || ops::silu(&x));
}

#[divan::bench]
fn silu_candle(bencher: Bencher) {
    let x = normal(&[64, 14, 14, 64]);
    with_gradients(bencher, false, || x.silu());
}

/// Memory that two operands and a sum of 64 MiB each go through, for the roofline.
#[divan::bench]
fn memory(bencher: Bencher) {
    const VALUES: usize = 16 << 20;
    let (x, y, mut sum) = (vec![1.0f32; VALUES], vec![2.0f32; VALUES], vec![0.0f32; VALUES]);
    bencher
        .counter(divan::counter::BytesCount::new(3 * size_of::<f32>() * VALUES))
        .bench_local(|| elementwise::add(&x, &y, &mut sum));
}
