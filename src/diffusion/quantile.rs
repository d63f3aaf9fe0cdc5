//! The inverse of the normal distribution function.

/// Φ⁻¹(p) for p in [0, 1], by Wichura's algorithm AS 241 (1988), to about 16 digits; ∓∞ at 0 and 1.
///
/// A rational function of p around the middle, and of √(−log p) in the two tails.
pub fn normal_quantile(p: f64) -> f64 {
    let distance = p - 0.5;
    if distance.abs() <= 0.425 {
        let r = 0.180_625 - distance * distance;
        return distance * ratio(&A, &B, r);
    }
    let tail = p.min(1.0 - p);
    if tail <= 0.0 {
        return f64::INFINITY.copysign(distance);
    }
    let r = (-tail.ln()).sqrt();
    let size = if r <= 5.0 { ratio(&C, &D, r - 1.6) } else { ratio(&E, &F, r - 5.0) };
    size.copysign(distance)
}

/// One polynomial over another, lowest power first.
fn ratio(above: &[f64; 8], below: &[f64; 8], x: f64) -> f64 {
    let polynomial = |coefficients: &[f64; 8]| coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c);
    polynomial(above) / polynomial(below)
}

// Wichura's names and values for the three pieces.
const A: [f64; 8] = [
    3.3871328727963665,
    133.14166789178438,
    1971.5909503065513,
    13731.69376550946,
    45921.95393154987,
    67265.7709270087,
    33430.57558358813,
    2509.0809287301227,
];
const B: [f64; 8] = [
    1.0,
    42.31333070160091,
    687.1870074920579,
    5394.196021424751,
    21213.794301586597,
    39307.89580009271,
    28729.085735721943,
    5226.495278852854,
];
const C: [f64; 8] = [
    1.4234371107496835,
    4.630337846156546,
    5.769497221460691,
    3.6478483247632045,
    1.2704582524523684,
    0.2417807251774506,
    0.022723844989269184,
    0.0007745450142783414,
];
const D: [f64; 8] = [
    1.0,
    2.053191626637759,
    1.6763848301838038,
    0.6897673349851,
    0.14810397642748008,
    0.015198666563616457,
    0.0005475938084995345,
    1.0507500716444169e-09,
];
const E: [f64; 8] = [
    6.657904643501103,
    5.463784911164114,
    1.7848265399172913,
    0.29656057182850487,
    0.026532189526576124,
    0.0012426609473880784,
    2.7115555687434876e-05,
    2.0103343992922881e-07,
];
const F: [f64; 8] = [
    1.0,
    0.599832206555888,
    0.1369298809227358,
    0.014875361290850615,
    0.0007868691311456133,
    1.8463183175100548e-05,
    1.421511758316446e-07,
    2.0442631033899397e-15,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with 40 digits: mpmath's `findroot(lambda x: log(ncdf(x)) - log(p), start)`.
    #[test]
    fn quantiles_agree_with_forty_digits() {
        let expected = [
            (1e-300, -37.0470962993612),
            (1e-20, -9.262340089798407),
            (0.0013, -3.0114537584997843),
            (0.02425, -1.972961051311885),
            (0.07, -1.4757910281791706),
            (0.3, -0.5244005127080408),
            (0.425, -0.18911842627279252),
            (0.5, 0.0),
            (0.9, 1.2815515655446006),
            (0.999999, 4.753424308817087),
        ];
        for (p, z) in expected {
            let found = normal_quantile(p);
            assert!((found - z).abs() <= 2e-15 * z.abs(), "{p}: {found}, not {z}");
        }
    }

    #[test]
    fn the_ends_are_infinite() {
        assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    }
}
