//! Elementwise functions that the compiler turns into vector code inside `pulp`'s dispatch.

/// eˣ to 2 units in the last place for |x| ≤ 87; beyond, clamped to the range of normal f32.
///
/// Cephes' `expf`: x = n·ln 2 + r, a polynomial of degree 6 in r, and 2ⁿ through the exponent's bits.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    /// 1.5·2²³: adding it rounds to an integer that stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_2e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23))
}

/// 1 / (1 + e⁻ˣ).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// x · sigmoid(x) (Elfwing et al. 2018).
#[inline(always)]
pub fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

/// d silu / dx.
#[inline(always)]
pub fn silu_derivative(x: f32) -> f32 {
    let s = sigmoid(x);
    s * (1.0 + x * (1.0 - s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exact_to_three_parts_in_ten_million() {
        for i in -8700..8800 {
            let x = i as f32 * 0.01;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) - exact).abs() <= 3e-7 * exact, "{x}");
        }
        assert!(exp(-1e9) < 1e-37 && exp(f32::NEG_INFINITY) >= 0.0);
    }

    #[test]
    fn silu_and_its_derivative_agree() {
        for i in -200..200 {
            let x = f64::from(i) * 0.1;
            let silu64 = |x: f64| x / (1.0 + (-x).exp());
            let slope = (silu64(x + 1e-5) - silu64(x - 1e-5)) / 2e-5;
            assert!((f64::from(silu(x as f32)) - silu64(x)).abs() < 1e-5);
            assert!((f64::from(silu_derivative(x as f32)) - slope).abs() < 1e-5);
        }
    }
}
