//! The kernels that hold `unsafe` code against their definitions in plain loops, on shapes that no vector divides.
//!
//! Without Candle, so that Miri and AddressSanitizer can run them: `tests/sanitize.sh`.

use super::conv::{self, ConvShape};
use super::{few_pixels, pointwise, winograd};
use crate::rng::Stream;

fn normals(len: usize, index: u64) -> Vec<f32> {
    let mut values = vec![0.0; len];
    Stream::new(6, "definition", index).fill_normal(&mut values);
    values
}

#[track_caller]
fn assert_close(what: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{what}");
    let rms = (want.iter().map(|value| value * value).sum::<f32>() / want.len() as f32).sqrt();
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((a - b).abs() <= 1e-4 * (rms + b.abs()), "{what}[{i}]: {a} instead of {b}");
    }
}

/// Calls `join` with the places in `y`, `x` and `w` of each product of a convolution of stride 1.
fn products(shape: &ConvShape, mut join: impl FnMut(usize, usize, usize)) {
    let ConvShape { batch, height, width, in_channels, out_channels, kernel, .. } = *shape;
    let half = kernel / 2;
    for (image, row, column) in
        (0..batch).flat_map(|b| (0..height).flat_map(move |i| (0..width).map(move |j| (b, i, j))))
    {
        for (down, right) in (0..kernel).flat_map(|u| (0..kernel).map(move |v| (u, v))) {
            let (from_row, from_column) = (row + down, column + right);
            if from_row < half || from_row >= height + half || from_column < half || from_column >= width + half {
                continue;
            }
            let source = (image * height + from_row - half) * width + from_column - half;
            for (o, i) in (0..out_channels).flat_map(|o| (0..in_channels).map(move |i| (o, i))) {
                join(
                    ((image * height + row) * width + column) * out_channels + o,
                    source * in_channels + i,
                    ((o * in_channels + i) * kernel + down) * kernel + right,
                );
            }
        }
    }
}

fn check_convolution((batch, height, width): (usize, usize, usize), channels: (usize, usize), kernel: usize) {
    let (in_channels, out_channels) = channels;
    let shape = ConvShape { batch, height, width, in_channels, out_channels, kernel, stride: 1 };
    let pixels = batch * height * width;
    let (x, dy) = (normals(pixels * in_channels, 0), normals(pixels * out_channels, 1));
    let (w, b) = (normals(kernel * kernel * in_channels * out_channels, 2), normals(out_channels, 3));
    let summand = normals(dy.len(), 4);
    let mut y: Vec<f32> = summand.iter().enumerate().map(|(i, value)| value + b[i % out_channels]).collect();
    let (mut dx, mut dw, mut db) = (vec![0.0; x.len()], vec![0.0; w.len()], vec![0.0; b.len()]);
    products(&shape, |at_y, at_x, at_w| {
        y[at_y] += x[at_x] * w[at_w];
        dx[at_x] += dy[at_y] * w[at_w];
        dw[at_w] += dy[at_y] * x[at_x];
    });
    dy.iter().enumerate().for_each(|(i, value)| db[i % out_channels] += value);

    let mut got = vec![f32::NAN; y.len()];
    conv::forward(&shape, &x, &w, &b, Some(&summand), &mut got);
    assert_close(&format!("y of {shape:?}"), &got, &y);
    let [mut got_x, mut got_w, mut got_b] = [&dx, &dw, &db].map(|want| vec![f32::NAN; want.len()]);
    conv::backward(&shape, (&x, &w), &dy, (&mut got_w, &mut got_b), Some(&mut got_x));
    assert_close(&format!("dx of {shape:?}"), &got_x, &dx);
    assert_close(&format!("dw of {shape:?}"), &got_w, &dw);
    assert_close(&format!("db of {shape:?}"), &got_b, &db);
    conv::backward(&shape, (&x, &w), &dy, (&mut got_w, &mut got_b), None);
    assert_close(&format!("dw alone of {shape:?}"), &got_w, &dw);
}

#[test]
fn convolutions_of_odd_shapes() {
    for (images, channels) in [
        ((1, 7, 7), (1, 1)),
        ((1, 7, 7), (1, 16)),
        ((1, 7, 7), (16, 1)),
        ((2, 5, 3), (3, 17)),
        ((1, 4, 9), (16, 32)),
        ((3, 3, 3), (32, 16)),
    ] {
        check_convolution(images, channels, 3);
    }
}

#[test]
fn convolutions_of_few_pixels_and_of_one_tap() {
    for images in [(1, 1, 1), (2, 2, 2), (1, 3, 2)] {
        check_convolution(images, (16, 48), 3);
    }
    for (images, channels) in [((1, 7, 7), (16, 16)), ((3, 1, 1), (48, 16)), ((1, 5, 1), (3, 7))] {
        check_convolution(images, channels, 1);
    }
}

/// Sums in parts and plane after plane, which only many weights or many images bring about.
#[test]
#[cfg_attr(miri, ignore = "takes Miri an hour")]
fn convolutions_of_many_channels_and_images() {
    check_convolution((9, 4, 5), (320, 256), 3);
    check_convolution((40, 7, 7), (48, 32), 3);
    check_convolution((23, 7, 7), (32, 48), 1);
}

#[test]
fn each_algorithm_has_its_shapes() {
    let shape = |side, channels, kernel| ConvShape {
        batch: 1,
        height: side,
        width: side,
        in_channels: channels,
        out_channels: channels,
        kernel,
        stride: 1,
    };
    assert!(winograd::suits(&shape(7, 16, 3)) && few_pixels::suits(&shape(2, 16, 3)));
    assert!(pointwise::suits(&shape(7, 16, 1)) && !winograd::suits(&shape(2, 16, 3)));
}
