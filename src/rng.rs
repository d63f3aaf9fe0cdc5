//! The one source of randomness: counter-based streams derived from a seed.
//!
//! A stream is named by what it is for and an index (`Stream::new(seed, "noise", step)`), so the k-th
//! value of a stream does not depend on which thread asks for it or on what was drawn before. A run that
//! is resumed at step k draws what the uninterrupted run would have drawn: the state is (seed, step).
//!
//! The generator is SplitMix64 (Steele, Lea & Flood 2014), whose k-th output is a pure function of
//! `key + k·γ`; normals come from a ziggurat, see [`Stream::normal`].

/// Weyl increment of SplitMix64: 2⁶⁴ divided by the golden ratio, odd.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finaliser of SplitMix64: a bijection of u64 that passes statistical tests on a counter.
pub fn splitmix64(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// FNV-1a over the bytes of a name, 64 bits.
pub fn fnv1a64(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

/// A stream of random numbers: independent of every other (seed, purpose, index).
#[derive(Debug, Clone)]
pub struct Stream {
    key: u64,
    counter: u64,
}

impl Stream {
    /// The stream of `seed` for one purpose (`"noise"`, `"order"` …) and one index (a step, an epoch, an image).
    pub fn new(seed: u64, purpose: &str, index: u64) -> Self {
        let key = splitmix64(seed.wrapping_add(GAMMA)) ^ fnv1a64(purpose);
        let key = splitmix64(splitmix64(key).wrapping_add(index.wrapping_mul(GAMMA)));
        Self { key, counter: 0 }
    }

    /// The same stream from `count` draws of [`Stream::bits`] further on.
    pub fn after(&self, count: u64) -> Self {
        Self { counter: self.counter.wrapping_add(count), ..*self }
    }

    /// 64 uniform random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(1);
        splitmix64(self.key.wrapping_add(self.counter.wrapping_mul(GAMMA)))
    }

    /// Uniform in [0, 1), 53 bits.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform integer in `0..n` (Lemire 2019, with rejection, so exactly uniform). `n` must not be 0.
    pub fn below(&mut self, n: u64) -> u64 {
        loop {
            let product = u128::from(self.bits()) * u128::from(n);
            if (product as u64) >= n.wrapping_neg() % n {
                return (product >> 64) as u64;
            }
        }
    }

    /// Standard normal, by Marsaglia and Tsang's ziggurat of 256 layers (2000), in f64.
    #[inline]
    pub fn normal(&mut self) -> f64 {
        let tables = ziggurat::TABLES.get_or_init(ziggurat::Tables::new);
        loop {
            let bits = self.bits();
            let layer = (bits & 0xFF) as usize;
            let u = (bits >> 11) as f64 * (2.0 / (1u64 << 53) as f64) - 1.0;
            let x = u * tables.x[layer];
            if x.abs() < tables.x[layer + 1] {
                return x;
            }
            if layer == 0 {
                return self.normal_tail(u < 0.0);
            }
            let (f0, f1) = (tables.f[layer], tables.f[layer + 1]);
            if f1 + (f0 - f1) * self.uniform() < (-0.5 * x * x).exp() {
                return x;
            }
        }
    }

    /// The tail beyond the ziggurat's last layer (Marsaglia 1964).
    #[cold]
    fn normal_tail(&mut self, negative: bool) -> f64 {
        loop {
            let x = (1.0 - self.uniform()).ln() / ziggurat::R;
            let y = (1.0 - self.uniform()).ln();
            if -2.0 * y >= x * x {
                return if negative { x - ziggurat::R } else { ziggurat::R - x };
            }
        }
    }

    /// Fills `out` with standard normals.
    pub fn fill_normal(&mut self, out: &mut [f32]) {
        for value in out {
            *value = self.normal() as f32;
        }
    }

    /// A random order of `0..n` (Fisher–Yates).
    pub fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i as u64 + 1) as usize);
        }
        order
    }
}

/// Layer edges of the 256-layer ziggurat for exp(−x²/2).
mod ziggurat {
    use std::sync::OnceLock;

    /// Where the tail begins, and the common area of the layers (Marsaglia & Tsang 2000, table 1).
    pub const R: f64 = 3.654_152_885_361_009;
    const AREA: f64 = 0.004_928_673_233_974_655;

    pub static TABLES: OnceLock<Tables> = OnceLock::new();

    pub struct Tables {
        /// Right edges, falling; `x[0]` is the width of the base layer with its tail, `x[256]` is 0.
        pub x: [f64; 257],
        /// exp(−x²/2) at the edges.
        pub f: [f64; 257],
    }

    impl Tables {
        pub fn new() -> Self {
            let density = |x: f64| (-0.5 * x * x).exp();
            let mut x = [0.0; 257];
            x[0] = AREA / density(R);
            x[1] = R;
            for i in 2..256 {
                x[i] = (-2.0 * (AREA / x[i - 1] + density(x[i - 1])).ln()).sqrt();
            }
            let f = x.map(density);
            Self { x, f }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_purpose_and_index() {
        let first = |seed, purpose, index| Stream::new(seed, purpose, index).bits();
        let all = [first(0, "noise", 0), first(1, "noise", 0), first(0, "order", 0), first(0, "noise", 1)];
        for i in 0..all.len() {
            for j in 0..i {
                assert_ne!(all[i], all[j]);
            }
        }
    }

    #[test]
    fn normals_have_the_moments_and_tails_of_a_normal() {
        let n = 2_000_000;
        let mut stream = Stream::new(7, "test", 0);
        let (mut sums, mut beyond_2, mut beyond_r) = ([0.0f64; 4], 0, 0);
        for _ in 0..n {
            let x = stream.normal();
            for (power, sum) in sums.iter_mut().enumerate() {
                *sum += x.powi(power as i32 + 1);
            }
            beyond_2 += u32::from(x.abs() > 2.0);
            beyond_r += u32::from(x.abs() > ziggurat::R);
        }
        let moments = sums.map(|sum| sum / f64::from(n));
        assert!(moments[0].abs() < 0.003, "mean {}", moments[0]);
        assert!((moments[1] - 1.0).abs() < 0.005, "variance {}", moments[1]);
        assert!(moments[2].abs() < 0.01, "skewness {}", moments[2]);
        assert!((moments[3] - 3.0).abs() < 0.03, "kurtosis {}", moments[3]);
        assert!((f64::from(beyond_2) / f64::from(n) - 0.0455).abs() < 0.0006);
        assert!((f64::from(beyond_r) / f64::from(n) - 2.58e-4).abs() < 5e-5);
    }

    #[test]
    fn below_reaches_every_value_and_permutation_is_one() {
        let mut stream = Stream::new(3, "test", 0);
        let mut seen = [0u32; 7];
        for _ in 0..7_000 {
            seen[stream.below(7) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| (850..1150).contains(&count)), "{seen:?}");
        let mut order = stream.permutation(1000);
        assert_ne!(order[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        order.sort_unstable();
        assert!(order.iter().enumerate().all(|(i, &v)| i as u32 == v));
    }
}
