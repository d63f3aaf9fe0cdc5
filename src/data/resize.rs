//! Bilinear resizing, to the byte as Pillow does it, which is what torchvision's `Resize` calls.
//!
//! Pixel centres are at half-integers; when shrinking, the triangle widens by the scale so that no pixel is skipped.
//! Rows first, then columns, each rounded to bytes, with weights of 22 fractional bits. (Pillow 13 takes the columns of
//! a tall image first, which can differ by one grey level.)

/// Fractional bits of a weight: 8 are for the pixel, 2 for headroom, of 32.
const BITS: u32 = 22;

/// A `width`×`height` image brought to `size`×`size`.
pub fn resize(pixels: &[u8], (width, height): (usize, usize), size: usize) -> Vec<u8> {
    Resizer::new((width, height), size).resize(pixels)
}

/// The weights for one pair of sizes, used for many images.
pub struct Resizer {
    width: usize,
    size: usize,
    across: Option<Vec<Window>>,
    down: Option<Vec<Window>>,
}

/// The source pixels that an output pixel is made of: from `first`, with these weights.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

impl Resizer {
    pub fn new((width, height): (usize, usize), size: usize) -> Self {
        let pass = |from: usize| (from != size).then(|| windows(from, size));
        Self { width, size, across: pass(width), down: pass(height) }
    }

    /// One image; rows of `width` pixels in, rows of `size` out.
    pub fn resize(&self, pixels: &[u8]) -> Vec<u8> {
        let rows = match &self.across {
            Some(windows) => pixels
                .chunks_exact(self.width)
                .flat_map(|row| windows.iter().map(|window| window.sum(|i| row[i])))
                .collect(),
            None => pixels.to_vec(),
        };
        let Some(windows) = &self.down else { return rows };
        let columns = 0..self.size;
        windows.iter().flat_map(|window| columns.clone().map(|x| window.sum(|y| rows[y * self.size + x]))).collect()
    }
}

impl Window {
    fn sum(&self, pixel: impl Fn(usize) -> u8) -> u8 {
        let terms = self.weights.iter().enumerate().map(|(i, weight)| i32::from(pixel(self.first + i)) * weight);
        let sum: i32 = terms.sum::<i32>() + (1 << (BITS - 1));
        (sum >> BITS).clamp(0, 255) as u8
    }
}

/// The window of each of `to` pixels over `from` pixels.
fn windows(from: usize, to: usize) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let window = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(from);
        let triangle = |x: usize| (1.0 - ((x as f64 - centre + 0.5) / reach).abs()).max(0.0);
        let total: f64 = (first..end).map(triangle).sum();
        let fixed = |x: usize| (triangle(x) / total * f64::from(1 << BITS) + 0.5) as i32;
        Window { first, weights: (first..end).map(fixed).collect() }
    };
    (0..to).map(window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::splitmix64;

    /// FNV-1a of Pillow 13's answer, `Image.fromarray(a).resize((s, s), Image.BILINEAR).tobytes()`, where byte i of
    /// `a` is the top byte of splitmix64's finaliser of i.
    #[test]
    fn every_byte_is_pillows() {
        let expected = [
            ((28, 28), 32, 0x53f0_a163_6f66_1aad_u64),
            ((32, 32), 28, 0xcee9_ad43_7253_6026),
            ((61, 61), 28, 0x5056_ff76_dbc8_7ad4),
            ((9, 5), 4, 0xd906_ad7a_90f4_4462),
            ((3, 2), 7, 0x43ae_d8db_af4b_c5bd),
            ((28, 28), 28, 0x27b0_4cdf_fe09_30df),
            ((28, 40), 28, 0x2e91_24c8_7dc2_6e51),
        ];
        for ((width, height), size, hash) in expected {
            let pixels: Vec<u8> = (0..width * height).map(|i| (splitmix64(i as u64) >> 56) as u8).collect();
            let resized = resize(&pixels, (width, height), size);
            assert_eq!(resized.len(), size * size);
            let found = resized
                .iter()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            assert_eq!(found, hash, "{width}×{height} to {size}");
        }
    }

    #[test]
    fn a_flat_image_stays_flat() {
        assert!(resize(&[255; 28 * 28], (28, 28), 32).iter().all(|&pixel| pixel == 255));
        assert!(resize(&[7; 50 * 50], (50, 50), 9).iter().all(|&pixel| pixel == 7));
    }
}
