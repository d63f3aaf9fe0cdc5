//! Every operation of `model::ops` against Candle's composition of it and against finite differences: values and
//! gradients, on odd shapes too, and on any number of threads.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use candle_core::{Device, Tensor, Var};
use diffuscope::model::ops::{self, Activation, Tape, portable};
use diffuscope::rng::Stream;
use proptest::prelude::*;
use rstest::rstest;

type Op = Box<dyn Fn(&[Var]) -> candle_core::Result<Tensor>>;

fn normal(shape: &[usize], purpose: &str) -> Var {
    let mut values = vec![0.0f32; shape.iter().product()];
    Stream::new(11, purpose, shape.iter().product::<usize>() as u64).fill_normal(&mut values);
    Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap()).unwrap()
}

/// Σ result · fixed weights, so that every entry of the gradient matters.
fn objective(op: &Op, inputs: &[Var]) -> Tensor {
    let y = op(inputs).unwrap();
    let weights = normal(y.dims(), "objective");
    (y * weights.as_tensor()).unwrap().sum_all().unwrap()
}

fn values(t: &Tensor) -> Vec<f32> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

/// Off by at most `tolerance` of the value and of the usual size of all values; where all of them are sums that nearly
/// cancel, such as the gradient of one bias, of [`SMALLEST`].
fn assert_close(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    /// Inputs and weights are standard normals, so terms of a sum are about 1.
    const SMALLEST: f32 = 0.1;
    assert_eq!(got.len(), want.len(), "{what}");
    let rms = (want.iter().map(|v| v * v).sum::<f32>() / want.len() as f32).sqrt().max(SMALLEST);
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((a - b).abs() <= tolerance * (rms + b.abs()) + 1e-6, "{what}[{i}]: {a} instead of {b}");
    }
}

/// Kernel against composition: the result and the gradient of each input.
fn compare(kernel: Op, composed: Op, inputs: &[Var]) {
    let (fast, plain) = (kernel(inputs).unwrap(), composed(inputs).unwrap());
    assert_eq!(fast.dims(), plain.dims());
    assert_close("value", &values(&fast), &values(&plain), 1e-4);
    let fast = objective(&kernel, inputs).backward().unwrap();
    let plain = objective(&composed, inputs).backward().unwrap();
    for (i, input) in inputs.iter().enumerate() {
        let want = values(plain.get(input).unwrap());
        assert_close(&format!("gradient {i}"), &values(fast.get(input).unwrap()), &want, 1e-4);
    }
    let (loss, tape) = Tape::record(|| Ok::<_, candle_core::Error>(objective(&kernel, inputs))).unwrap();
    let taped = tape.backward(&loss).unwrap();
    for (i, input) in inputs.iter().enumerate() {
        let want = values(fast.get(input).unwrap());
        assert_close(&format!("taped gradient {i}"), &values(taped.get(input).unwrap()), &want, 1e-5);
    }
    against_differences(&kernel, inputs);
}

/// The gradient along a random direction against a central difference.
fn against_differences(op: &Op, inputs: &[Var]) {
    let gradients = objective(op, inputs).backward().unwrap();
    for (i, input) in inputs.iter().enumerate() {
        let direction = normal(input.dims(), "direction");
        let slope = (gradients.get(input).unwrap() * direction.as_tensor()).unwrap().sum_all().unwrap();
        let slope = f64::from(slope.to_scalar::<f32>().unwrap());
        let kept = input.as_tensor().copy().unwrap();
        let h = 2e-3;
        let at = |offset: f64| {
            input.set(&(&kept + (direction.as_tensor() * offset).unwrap()).unwrap()).unwrap();
            f64::from(objective(op, inputs).to_scalar::<f32>().unwrap())
        };
        let difference = (at(h) - at(-h)) / (2.0 * h);
        input.set(&kept).unwrap();
        let scale = slope.abs().max((input.elem_count() as f64).sqrt());
        assert!((slope - difference).abs() < 0.03 * scale, "gradient {i}: {slope}, by differences {difference}");
    }
}

#[rstest]
#[case(1, 7, 7, 1, 3, 3, 1)]
#[case(2, 5, 9, 3, 8, 3, 1)]
#[case(3, 14, 14, 32, 32, 3, 1)]
#[case(2, 7, 7, 33, 17, 3, 1)]
#[case(2, 14, 14, 16, 24, 3, 2)]
#[case(1, 7, 5, 5, 6, 3, 2)]
#[case(2, 4, 4, 160, 200, 3, 1)]
#[case(2, 6, 6, 24, 16, 1, 1)]
#[case(1, 1, 1, 4, 4, 3, 1)]
#[case(40, 7, 7, 16, 48, 3, 1)]
#[case(33, 3, 5, 32, 16, 3, 1)]
#[case(5, 13, 18, 64, 80, 3, 1)]
#[case(9, 8, 8, 320, 256, 3, 1)]
#[case(3, 2, 2, 32, 48, 3, 1)]
#[case(2, 1, 1, 16, 64, 3, 1)]
#[case(5, 3, 2, 16, 16, 5, 1)]
#[case(2, 6, 6, 32, 48, 1, 1)]
fn convolution(
    #[case] b: usize,
    #[case] h: usize,
    #[case] w: usize,
    #[case] inputs: usize,
    #[case] outputs: usize,
    #[case] k: usize,
    #[case] stride: usize,
) {
    let tensors =
        [normal(&[b, h, w, inputs], "x"), normal(&[outputs, inputs, k, k], "weight"), normal(&[outputs], "bias")];
    compare(
        Box::new(move |t| ops::conv2d(&t[0], &t[1], &t[2], stride)),
        Box::new(move |t| portable::conv2d(&t[0], &t[1], &t[2], stride)),
        &tensors,
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever algorithm the sizes lead to, the result and the gradients are those of the definition.
    #[test]
    fn convolutions_of_any_size(
        b in 1usize..5, h in 1usize..12, w in 1usize..12, inputs in widths(), outputs in widths(),
        k in prop_oneof![Just(1usize), Just(3)], stride in prop_oneof![3 => Just(1usize), 1 => Just(2)],
    ) {
        // Candle's gradient of a strided convolution needs height and width of one parity.
        let w = if stride == 2 { h } else { w };
        let x = normal(&[b, h, w, inputs], "x");
        let (weight, bias) = (normal(&[outputs, inputs, k, k], "weight"), normal(&[outputs], "bias"));
        let fast = ops::conv2d(&x, &weight, &bias, stride).unwrap();
        let plain = portable::conv2d(&x, &weight, &bias, stride).unwrap();
        agree(&fast, &plain, &[&x, &weight, &bias]);
    }

    #[test]
    fn linear_layers_of_any_size(rows in 1usize..200, inputs in widths(), outputs in widths()) {
        let x = normal(&[rows, inputs], "x");
        let (weight, bias) = (normal(&[outputs, inputs], "weight"), normal(&[outputs], "bias"));
        let (fast, plain) = (ops::linear(&x, &weight, &bias).unwrap(), portable::linear(&x, &weight, &bias).unwrap());
        agree(&fast, &plain, &[&x, &weight, &bias]);
    }

    #[test]
    fn group_norms_of_any_size(
        b in 1usize..5, h in 1usize..10, w in 1usize..10, groups in 1usize..9, width in 1usize..20,
    ) {
        // Of one or two values a group has no variance to speak of, and the quotient is noise.
        prop_assume!(h * w * width > 3);
        let c = groups * width;
        let (x, modulation) = (normal(&[b, h, w, c], "x"), normal(&[b, 2 * c], "modulation"));
        let (gain, bias) = (normal(&[c], "gain"), normal(&[c], "bias"));
        let fast = ops::group_norm(&x, &gain, &bias, groups, 1e-5, Activation::Silu).unwrap();
        let plain = portable::group_norm(&x, &gain, &bias, groups, 1e-5, Activation::Silu).unwrap();
        agree(&fast, &plain, &[&x, &gain, &bias]);
        let plain = portable::group_norm_modulated(&x, (&gain, &bias), &modulation, groups, 1e-5).unwrap();
        let (fast, tape) = Tape::record(|| ops::group_norm_modulated(&x, (&gain, &bias), &modulation, groups, 1e-5)).unwrap();
        assert_close("modulated", &values(&fast), &values(&plain), 1e-4);
        let (fast, plain) = (tape.backward(&fast).unwrap(), plain.backward().unwrap());
        for input in [&x, &gain, &bias, &modulation] {
            assert_close("gradient", &values(fast.get(input).unwrap()), &values(plain.get(input).unwrap()), 1e-3);
        }
    }

    #[test]
    fn attentions_of_any_size(b in 1usize..4, tokens in 1usize..60, heads in 1usize..4, width in 1usize..40) {
        let [q, k, v] = ["q", "k", "v"].map(|name| normal(&[b, tokens, heads * width], name));
        let (fast, plain) = (ops::attention(&q, &k, &v, heads).unwrap(), portable::attention(&q, &k, &v, heads).unwrap());
        agree(&fast, &plain, &[&q, &k, &v]);
    }
}

/// The results are the same, and so are the gradients of the inputs.
fn agree(fast: &Tensor, plain: &Tensor, inputs: &[&Var]) {
    assert_close("value", &values(fast), &values(plain), 1e-4);
    let dy = normal(plain.dims(), "dy");
    let back = |y: &Tensor| (y * dy.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
    let (fast, plain) = (back(fast), back(plain));
    for input in inputs {
        assert_close("gradient", &values(fast.get(input).unwrap()), &values(plain.get(input).unwrap()), 1e-4);
    }
}

/// Channels: odd numbers, and whole numbers of vectors.
fn widths() -> impl Strategy<Value = usize> {
    prop_oneof![1usize..20, (1usize..6).prop_map(|vectors| 16 * vectors)]
}

#[rstest]
#[case(&[5], 3, 7)]
#[case(&[2, 9], 96, 32)]
#[case(&[64], 1, 1)]
#[case(&[13, 100], 32, 48)]
#[case(&[7], 64, 128)]
fn linear(#[case] rows: &[usize], #[case] inputs: usize, #[case] outputs: usize) {
    let x = normal(&[rows, &[inputs]].concat(), "x");
    let tensors = [x, normal(&[outputs, inputs], "weight"), normal(&[outputs], "bias")];
    compare(
        Box::new(|t| ops::linear(&t[0], &t[1], &t[2])),
        Box::new(|t| portable::linear(&t[0], &t[1], &t[2])),
        &tensors,
    );
}

#[rstest]
#[case(1, 1, 1, 8, 2, false, Activation::None)]
#[case(2, 7, 7, 24, 8, false, Activation::Silu)]
#[case(3, 5, 3, 12, 4, true, Activation::Silu)]
#[case(2, 14, 14, 32, 8, true, Activation::None)]
fn group_norm(
    #[case] b: usize,
    #[case] h: usize,
    #[case] w: usize,
    #[case] c: usize,
    #[case] groups: usize,
    #[case] modulated: bool,
    #[case] activation: Activation,
) {
    let affine: Vec<usize> = if modulated { vec![b, c] } else { vec![c] };
    let tensors = [normal(&[b, h, w, c], "x"), normal(&affine, "gain"), normal(&affine, "bias")];
    compare(
        Box::new(move |t| ops::group_norm(&t[0], &t[1], &t[2], groups, 1e-5, activation)),
        Box::new(move |t| portable::group_norm(&t[0], &t[1], &t[2], groups, 1e-5, activation)),
        &tensors,
    );
}

#[rstest]
#[case(1, 1, 4, 1)]
#[case(2, 49, 64, 2)]
#[case(1, 16, 24, 3)]
fn attention(#[case] b: usize, #[case] n: usize, #[case] c: usize, #[case] heads: usize) {
    let tensors = ["q", "k", "v"].map(|name| normal(&[b, n, c], name));
    compare(
        Box::new(move |t| ops::attention(&t[0], &t[1], &t[2], heads)),
        Box::new(move |t| portable::attention(&t[0], &t[1], &t[2], heads)),
        &tensors,
    );
}

#[test]
fn resampling() {
    let x = [normal(&[2, 6, 4, 5], "x")];
    compare(Box::new(|t| ops::upsample_nearest2(&t[0])), Box::new(|t| portable::upsample_nearest2(&t[0])), &x);
    compare(Box::new(|t| ops::avg_pool2(&t[0])), Box::new(|t| portable::avg_pool2(&t[0])), &x);
    assert!(ops::avg_pool2(&normal(&[1, 3, 4, 1], "odd")).is_err());
}

#[rstest]
#[case(2, 5, 3, 4, 6)]
#[case(3, 14, 14, 32, 32)]
fn convolution_plus_a_summand(
    #[case] b: usize,
    #[case] h: usize,
    #[case] w: usize,
    #[case] inputs: usize,
    #[case] outputs: usize,
) {
    let tensors = [
        normal(&[b, h, w, inputs], "x"),
        normal(&[outputs, inputs, 3, 3], "weight"),
        normal(&[outputs], "bias"),
        normal(&[b, h, w, outputs], "summand"),
    ];
    compare(
        Box::new(|t| ops::conv2d_plus(&t[0], &t[1], &t[2], &t[3])),
        Box::new(|t| portable::conv2d(&t[0], &t[1], &t[2], 1)? + t[3].as_tensor()),
        &tensors,
    );
}

#[rstest]
#[case(1, 1, 1, 8, 2)]
#[case(3, 7, 5, 24, 8)]
fn modulated_group_norm(#[case] b: usize, #[case] h: usize, #[case] w: usize, #[case] c: usize, #[case] groups: usize) {
    let tensors =
        [normal(&[b, h, w, c], "x"), normal(&[c], "gain"), normal(&[c], "bias"), normal(&[b, 2 * c], "modulation")];
    compare(
        Box::new(move |t| ops::group_norm_modulated(&t[0], (&t[1], &t[2]), &t[3], groups, 1e-5)),
        Box::new(move |t| portable::group_norm_modulated(&t[0], (&t[1], &t[2]), &t[3], groups, 1e-5)),
        &tensors,
    );
}

#[test]
fn pointwise() {
    let pair = [normal(&[2, 7, 5, 3], "x"), normal(&[2, 7, 5, 3], "y")];
    compare(Box::new(|t| ops::add(&t[0], &t[1])), Box::new(|t| t[0].as_tensor() + t[1].as_tensor()), &pair);
    compare(Box::new(|t| ops::silu(&t[0])), Box::new(|t| t[0].silu()), &pair[..1]);
    compare(
        Box::new(|t| ops::mean_square(&t[0], &t[1])),
        Box::new(|t| (t[0].as_tensor() - t[1].as_tensor())?.sqr()?.mean_all()),
        &pair,
    );
    let images = [normal(&[2, 7, 5, 3], "x"), normal(&[2, 7, 5, 17], "y")];
    compare(
        Box::new(|t| ops::concat(&t[0], &t[1])),
        Box::new(|t| Tensor::cat(&[t[0].as_tensor(), t[1].as_tensor()], 3)),
        &images,
    );
    assert!(ops::concat(&pair[0], &normal(&[2, 5, 7, 3], "turned")).is_err());
}

#[test]
fn squares_and_channels() {
    let x = [normal(&[2, 6, 4, 3], "x")];
    compare(Box::new(|t| ops::space_to_depth2(&t[0])), Box::new(|t| portable::space_to_depth2(&t[0])), &x);
    let x = [normal(&[2, 3, 5, 12], "x")];
    compare(Box::new(|t| ops::depth_to_space2(&t[0])), Box::new(|t| portable::depth_to_space2(&t[0])), &x);
    assert!(ops::space_to_depth2(&normal(&[1, 3, 4, 1], "odd")).is_err());
}

/// Recorded operations with Candle's own between them, a weight and a result used twice.
#[test]
fn a_tape_goes_through_candles_operations() {
    let [x, w, b] = [normal(&[2, 4, 4, 3], "x"), normal(&[3, 3, 3, 3], "w"), normal(&[3], "b")];
    let forward = || {
        let h = ops::conv2d(&x, &w, &b, 1)?;
        let h = (h.permute((0, 2, 1, 3))? * 0.5)?;
        let (left, right) = (h.narrow(1, 0, 2)?, h.narrow(1, 2, 2)?);
        let joined = ops::concat(&ops::silu(&left.contiguous()?)?, &right.contiguous()?)?;
        let h = ops::add(&ops::conv2d(&h, &w, &b, 1)?, &h)?;
        joined.sqr()?.sum_all()? + ops::mean_square(&h, &x)?
    };
    let plain = forward().unwrap().backward().unwrap();
    let (loss, tape) = Tape::record(forward).unwrap();
    let taped = tape.backward(&loss).unwrap();
    for input in [&x, &w, &b] {
        assert_close("gradient", &values(taped.get(input).unwrap()), &values(plain.get(input).unwrap()), 1e-5);
    }
}

#[test]
fn an_input_used_twice_gets_both_gradients() {
    let x = normal(&[1, 4, 4, 3], "x");
    let y = (ops::upsample_nearest2(&x).unwrap().sum_all().unwrap() + x.sum_all().unwrap()).unwrap();
    let gradient = values(y.backward().unwrap().get(&x).unwrap());
    assert!(gradient.iter().all(|g| (g - 5.0).abs() < 1e-6), "{gradient:?}");
}

#[test]
fn patches_are_ordered_as_in_pytorch() {
    let x = Tensor::arange(0f32, 16.0, &Device::Cpu).unwrap().reshape((1, 4, 4, 1)).unwrap();
    let patches = ops::space_to_depth2(&x).unwrap();
    assert_eq!(values(&patches)[..8], [0.0, 1.0, 4.0, 5.0, 2.0, 3.0, 6.0, 7.0]);
    assert_eq!(values(&ops::depth_to_space2(&patches).unwrap()), values(&x));
}

/// Drawn alone or among others, an image is the same: no algorithm or order may hang on the batch.
#[rstest]
#[case(14, 32, 48, 3)]
#[case(2, 32, 48, 3)]
#[case(1, 16, 32, 3)]
#[case(7, 64, 32, 1)]
fn an_image_does_not_depend_on_its_neighbours(
    #[case] side: usize,
    #[case] inputs: usize,
    #[case] outputs: usize,
    #[case] k: usize,
) {
    let x = normal(&[37, side, side, inputs], "x");
    let (w, b) = (normal(&[outputs, inputs, k, k], "w"), normal(&[outputs], "b"));
    let all = ops::conv2d(&x, &w, &b, 1).unwrap().narrow(0, 20, 1).unwrap();
    let alone = ops::conv2d(&x.narrow(0, 20, 1).unwrap(), &w, &b, 1).unwrap();
    assert_eq!(values(&all), values(&alone));
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let x = normal(&[16, 14, 14, 32], "x");
            let (w, b) = (normal(&[64, 32, 3, 3], "w"), normal(&[64], "b"));
            let y = ops::conv2d(&x, &w, &b, 1).unwrap();
            let (gain, bias) = (normal(&[64], "gain"), normal(&[64], "bias"));
            let y = ops::group_norm(&y, &gain, &bias, 8, 1e-5, Activation::Silu).unwrap();
            let q = y.reshape((16, 196, 64)).unwrap();
            let y = ops::attention(&q, &q, &q, 2).unwrap();
            let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            [&x, &w, &b, &gain, &bias].map(|v| values(gradients.get(v).unwrap()).iter().map(|f| f.to_bits()).collect())
        })
    };
    let one: [Vec<u32>; 5] = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}
