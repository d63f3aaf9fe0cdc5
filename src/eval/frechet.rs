//! The Fréchet distance between two sets of features, each taken for a normal distribution.
//!
//! Heusel et al. 2017 (arXiv 1706.08500), eq. 6: d² = ‖μ₁−μ₂‖² + tr(Σ₁ + Σ₂ − 2·(Σ₁Σ₂)^½), usually called FID and
//! given without the root. tr((Σ₁Σ₂)^½) is taken as tr((Σ₁^½·Σ₂·Σ₁^½)^½), whose argument is symmetric and has no
//! negative eigenvalue, so that no complex root appears.

use nalgebra::{DMatrix, DVector};

/// Mean and covariance of features, in f64.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    pub mean: DVector<f64>,
    /// Unbiased: divided by N − 1.
    pub covariance: DMatrix<f64>,
}

impl Moments {
    /// Of the chosen rows of `features`, `[N, width]` row-major; rows may be chosen more than once, at least two.
    pub fn of(features: &[f32], width: usize, rows: &[u32]) -> Self {
        let count = rows.len() as f64;
        let row = |i: u32| &features[i as usize * width..(i as usize + 1) * width];
        let mut mean = vec![0.0f64; width];
        for &i in rows {
            mean.iter_mut().zip(row(i)).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        mean.iter_mut().for_each(|sum| *sum /= count);
        let mut products = vec![0.0f64; width * width];
        let mut centred = vec![0.0f64; width];
        for &i in rows {
            centred.iter_mut().zip(row(i)).zip(&mean).for_each(|((to, &value), mean)| *to = f64::from(value) - mean);
            for (products, &a) in products.chunks_exact_mut(width).zip(&centred) {
                products.iter_mut().zip(&centred).for_each(|(sum, b)| *sum += a * b);
            }
        }
        let covariance = DMatrix::from_row_slice(width, width, &products) / (count - 1.0).max(1.0);
        Self { mean: DVector::from_vec(mean), covariance }
    }

    /// Of all rows.
    pub fn of_all(features: &[f32], width: usize) -> Self {
        let rows: Vec<u32> = (0..(features.len() / width) as u32).collect();
        Self::of(features, width, &rows)
    }

    /// Of several sets together, at least one, each given by how many it has and by its moments: those of all their rows,
    /// as the variance of a mixture is the mean of the variances and the variance of the means.
    pub fn together(sets: &[(usize, &Self)]) -> Self {
        let weighed = || sets.iter().map(|&(count, moments)| (count as f64, moments));
        let count: f64 = weighed().map(|(count, _)| count).sum();
        let width = sets.first().map_or(0, |(_, moments)| moments.mean.len());
        let mean = weighed().fold(DVector::zeros(width), |sum, (n, set)| sum + &set.mean * (n / count));
        let squares = weighed().fold(DMatrix::zeros(width, width), |sum, (n, set)| {
            let apart = &set.mean - &mean;
            sum + &set.covariance * (n - 1.0) + &apart * apart.transpose() * n
        });
        Self { mean, covariance: squares / (count - 1.0).max(1.0) }
    }
}

/// The set that others are compared with.
#[derive(Debug, Clone)]
pub struct FrechetReference {
    moments: Moments,
    /// Σ^½.
    root: DMatrix<f64>,
}

impl FrechetReference {
    pub fn new(moments: Moments) -> Self {
        let eigen = moments.covariance.clone().symmetric_eigen();
        let roots = eigen.eigenvalues.map(|value| value.max(0.0).sqrt());
        let root = &eigen.eigenvectors * DMatrix::from_diagonal(&roots) * eigen.eigenvectors.transpose();
        Self { moments, root }
    }

    /// The distance of `other` to this set; 0 for the same moments. Units: squared features.
    pub fn distance(&self, other: &Moments) -> f64 {
        let product = &self.root * &other.covariance * &self.root;
        // Symmetric but for rounding, which the eigenvalues must not see.
        let product = (&product + product.transpose()) / 2.0;
        let cross: f64 = product.symmetric_eigenvalues().iter().map(|value| value.max(0.0).sqrt()).sum();
        let apart = (&self.moments.mean - &other.mean).norm_squared();
        (apart + self.moments.covariance.trace() + other.covariance.trace() - 2.0 * cross).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn normals(count: usize, width: usize, of: impl Fn(usize, f64) -> f64) -> Vec<f32> {
        let mut stream = Stream::new(4, "test", 0);
        (0..count * width).map(|i| of(i % width, stream.normal()) as f32).collect()
    }

    #[test]
    fn moments_are_those_of_the_textbook() {
        let moments = Moments::of_all(&[1.0, 2.0, 3.0, 8.0, 5.0, 5.0], 2);
        assert_eq!(moments.mean.as_slice(), [3.0, 5.0]);
        assert_eq!(moments.covariance.as_slice(), [4.0, 3.0, 3.0, 9.0]);
        assert_eq!(Moments::of(&[1.0, 2.0, 3.0], 1, &[0, 2, 2]).mean[0], 7.0 / 3.0);
    }

    #[test]
    fn sets_together_have_the_moments_of_all_their_rows() {
        let features = normals(70, 3, |column, value| value * (1.0 + column as f64));
        let (few, many) = features.split_at(3 * 20);
        let moved: Vec<f32> = many.iter().map(|value| value + 2.0).collect();
        let (first, second) = (Moments::of_all(few, 3), Moments::of_all(&moved, 3));
        let together = Moments::together(&[(20, &first), (50, &second)]);
        let all = Moments::of_all(&[few, &moved].concat(), 3);
        assert!((together.mean - all.mean).norm() < 1e-12);
        assert!((together.covariance - all.covariance).norm() < 1e-12);
    }

    #[test]
    fn the_distance_of_a_set_to_itself_is_0_even_when_a_direction_is_flat() {
        let features = normals(300, 6, |column, value| if column == 5 { 2.0 } else { value });
        let moments = Moments::of_all(&features, 6);
        assert!(FrechetReference::new(moments.clone()).distance(&moments) < 1e-9);
    }

    /// With diagonal covariances the distance is Σ (μ₁−μ₂)² + (σ₁−σ₂)².
    #[test]
    fn diagonal_covariances_have_a_closed_form_in_either_direction() {
        let diagonal = |mean: &[f64], deviation: &[f64]| Moments {
            mean: DVector::from_column_slice(mean),
            covariance: DMatrix::from_diagonal(&DVector::from_column_slice(deviation).map(|s| s * s)),
        };
        let (a, b) = (diagonal(&[0.0, 1.0, 2.0], &[1.0, 2.0, 0.5]), diagonal(&[1.0, 1.0, 0.0], &[2.0, 0.5, 0.0]));
        let expected = 1.0 + 4.0 + 1.0 + 2.25 + 0.25;
        assert!((FrechetReference::new(a.clone()).distance(&b) - expected).abs() < 1e-12);
        assert!((FrechetReference::new(b).distance(&a) - expected).abs() < 1e-12);
    }

    /// Rotating both sets alike changes nothing, so covariances that do not commute with the axes are right too.
    #[test]
    fn the_distance_does_not_depend_on_the_axes() {
        let (a, b) = (normals(400, 2, |c, x| x * (1.0 + c as f64)), normals(400, 2, |c, x| x * (2.0 - c as f64) + 1.0));
        let turned = |features: &[f32]| -> Vec<f32> {
            features.chunks(2).flat_map(|p| [0.6 * p[0] - 0.8 * p[1], 0.8 * p[0] + 0.6 * p[1]]).collect()
        };
        let distance =
            |a: &[f32], b: &[f32]| FrechetReference::new(Moments::of_all(a, 2)).distance(&Moments::of_all(b, 2));
        assert!((distance(&a, &b) - distance(&turned(&a), &turned(&b))).abs() < 1e-4);
        assert!(distance(&a, &b) > 1.0);
    }
}
