//! Weights that anyone can compute: the formula in `tests/vectors/README.md`.

use diffuscope::rng::{fnv1a64, splitmix64};
use rayon::prelude::*;

/// The values of the tensor `name` with a shape, row-major.
pub fn fill(name: &str, shape: &[usize]) -> Vec<f32> {
    let count: usize = shape.iter().product();
    let inputs: usize = shape.iter().skip(1).product();
    let value = |v: f64| match shape.len() {
        2.. => v * 1.5 / (inputs as f64).sqrt(),
        _ if name.ends_with("weight") => 1.0 + 0.1 * v,
        _ => 0.05 * v,
    };
    let key = fnv1a64(name);
    (1..=count as u64)
        .into_par_iter()
        .map(|i| {
            let bits = splitmix64(key.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
            let u = (bits >> 40) as f64 / f64::from(1u32 << 24);
            value(2.0 * u - 1.0) as f32
        })
        .collect()
}
