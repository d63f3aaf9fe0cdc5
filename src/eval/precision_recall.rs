//! Precision and recall: how much of one set of features lies within reach of the other.
//!
//! Kynkäänniemi et al. 2019 (arXiv 1904.06991), eqs. 1 and 2: a set's manifold is the union of balls around its
//! points, each reaching to its k-th nearest neighbour in the set. Precision is the share of drawn images inside the
//! manifold of real ones, recall the share of real images inside the manifold of drawn ones.

use rayon::prelude::*;

/// The paper's choice of k.
const NEIGHBOURS: usize = 3;

/// The manifold of some features.
#[derive(Debug, Clone)]
pub struct Manifold {
    /// `[N, width]`, row-major.
    points: Vec<f32>,
    width: usize,
    /// Squared distance of each point to its k-th nearest neighbour.
    squared_radii: Vec<f32>,
}

impl Manifold {
    /// Of `points`, `[N, width]` row-major. With k points or fewer, the farthest takes the k-th's place.
    pub fn new(points: Vec<f32>, width: usize) -> Self {
        let squared_radii = points.par_chunks(width).enumerate().map(|(i, point)| {
            let mut nearest = [f32::INFINITY; NEIGHBOURS];
            for (j, other) in points.chunks_exact(width).enumerate() {
                let distance = squared_distance(point, other);
                if j != i && distance < nearest[NEIGHBOURS - 1] {
                    let place = nearest.partition_point(|&known| known <= distance);
                    nearest[place..].rotate_right(1);
                    nearest[place] = distance;
                }
            }
            nearest.into_iter().rfind(|distance| distance.is_finite()).unwrap_or(0.0)
        });
        let squared_radii = squared_radii.collect();
        Self { points, width, squared_radii }
    }

    /// The same without the largest balls, of which it keeps `share`: those of outliers, which reach far beyond the
    /// set (pruned for the same reason in the paper's section 5).
    pub fn without_outliers(&self, share: f64) -> Self {
        let mut radii = self.squared_radii.clone();
        radii.sort_unstable_by(f32::total_cmp);
        let kept = (radii.len() as f64 * share).ceil() as usize;
        let Some(&limit) = radii[..kept.min(radii.len())].last() else { return self.clone() };
        let balls = self.points.chunks_exact(self.width).zip(&self.squared_radii);
        let balls: Vec<_> = balls.filter(|(_, radius)| **radius <= limit).collect();
        Self {
            points: balls.iter().flat_map(|(point, _)| *point).copied().collect(),
            width: self.width,
            squared_radii: balls.iter().map(|(_, radius)| **radius).collect(),
        }
    }

    /// Its points, `[N, width]` row-major.
    pub fn points(&self) -> &[f32] {
        &self.points
    }

    /// For each row of `queries`, `[M, width]`, whether some ball holds it.
    pub fn holds(&self, queries: &[f32]) -> Vec<bool> {
        let inside = |query: &[f32]| {
            let mut balls = self.points.chunks_exact(self.width).zip(&self.squared_radii);
            balls.any(|(centre, &squared_radius)| squared_distance(query, centre) <= squared_radius)
        };
        queries.par_chunks(self.width).map(inside).collect()
    }
}

/// ‖a − b‖², summed in a fixed order that vectors suit.
pub fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    for (a, b) in a.chunks(16).zip(b.chunks(16)) {
        for ((sum, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *sum += (a - b) * (a - b);
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ball_reaches_to_the_third_neighbour() {
        let line: Vec<f32> = [0.0, 1.0, 2.0, 3.0, 4.0, 100.0].into();
        let manifold = Manifold::new(line, 1);
        assert_eq!(manifold.squared_radii, [9.0, 4.0, 4.0, 4.0, 9.0, 98.0 * 98.0]);
        assert_eq!(manifold.holds(&[-3.0, -3.1, 7.0, 1.5, 50.0, 1.9]), [true, false, true, true, true, true]);
        assert_eq!(manifold.holds(&[199.0]), [false]);
    }

    #[test]
    fn outliers_are_left_out() {
        let line: Vec<f32> = [0.0, 1.0, 2.0, 3.0, 4.0, 100.0].into();
        let tight = Manifold::new(line, 1).without_outliers(0.8);
        assert_eq!(tight.points(), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(tight.holds(&[50.0, 3.5]), [false, true]);
    }

    #[test]
    fn few_points_and_none_are_manifolds_too() {
        let manifold = Manifold::new(vec![0.0, 0.0, 3.0, 4.0], 2);
        assert_eq!(manifold.squared_radii, [25.0, 25.0]);
        assert!(Manifold::new(Vec::new(), 2).holds(&[1.0, 1.0]) == [false]);
        assert_eq!(Manifold::new(vec![1.0], 1).holds(&[1.0, 1.1]), [true, false]);
    }

    #[test]
    fn distances_of_any_width_are_right() {
        for width in [1, 5, 16, 37, 64] {
            let a: Vec<f32> = (0..width).map(|i| i as f32).collect();
            let b: Vec<f32> = a.iter().map(|x| x + 2.0).collect();
            assert_eq!(squared_distance(&a, &b), 4.0 * width as f32);
        }
    }
}
