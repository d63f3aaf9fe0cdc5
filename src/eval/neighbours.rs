//! The nearest rows of one matrix to each row of another.
//!
//! ‖a − b‖² = ‖a‖² − 2·(a·b − ½‖b‖²): the largest a·b − ½‖b‖², a matrix product, is the nearest b.

use std::ops::Range;

use candle_core::{Device, Tensor};

use crate::Result;

/// References that are compared at once: their product with the queries must fit in memory.
const BLOCK: usize = 4096;
/// Queries that are compared at once.
const QUERIES: usize = 1024;

/// Rows of one width, made when they are needed.
pub struct Rows<'a> {
    pub count: usize,
    pub width: usize,
    /// The values of some rows, row after row.
    pub fill: &'a dyn Fn(Range<usize>) -> Vec<f32>,
}

impl Rows<'_> {
    fn block(&self, first: usize, most: usize) -> candle_core::Result<Tensor> {
        let count = most.min(self.count - first);
        Tensor::from_vec((self.fill)(first..first + count), (count, self.width), &Device::Cpu)
    }
}

/// For each query the places of its `k` nearest references, nearest first; fewer where there are fewer. By the rounding
/// of the product, two that are equally near within 10⁻⁵ may stand the other way round.
///
/// # Errors
/// When there is no memory, or what `on_share` returned.
pub fn nearest_rows(
    queries: &Rows<'_>,
    references: &Rows<'_>,
    k: usize,
    on_share: &mut dyn FnMut(f64) -> Result<()>,
) -> Result<Vec<Vec<u32>>> {
    let mut best: Vec<Vec<(f32, u32)>> = vec![Vec::with_capacity(k + 1); queries.count];
    for first in (0..references.count).step_by(BLOCK) {
        let block = references.block(first, BLOCK)?;
        let half_norms = (block.sqr()?.sum(1)? * -0.5)?;
        for start in (0..queries.count).step_by(QUERIES) {
            let scores = crate::model::ops::linear(&queries.block(start, QUERIES)?, &block, &half_norms)?;
            for (best, scores) in best[start..].iter_mut().zip(scores.to_vec2::<f32>()?) {
                for (i, score) in scores.into_iter().enumerate() {
                    insert(best, k, score, (first + i) as u32);
                }
            }
        }
        on_share((first + block.dim(0)?) as f64 / references.count as f64)?;
    }
    Ok(best.into_iter().map(|best| best.into_iter().map(|(_, place)| place).collect()).collect())
}

/// Puts a place among the best, which are sorted, if it is one of them.
fn insert(best: &mut Vec<(f32, u32)>, k: usize, score: f32, place: u32) {
    if best.len() == k && best.last().is_none_or(|(worst, _)| score <= *worst) {
        return;
    }
    let at = best.partition_point(|(other, _)| *other >= score);
    best.insert(at, (score, place));
    best.truncate(k);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn normals(count: usize, width: usize, index: u64) -> Vec<f32> {
        let mut values = vec![0.0; count * width];
        Stream::new(1, "rows", index).fill_normal(&mut values);
        values
    }

    #[test]
    fn agrees_with_comparing_all_pairs_over_several_blocks() {
        let (width, k) = (5, 4);
        let (few, many) = (normals(QUERIES + 3, width, 0), normals(2 * BLOCK + 77, width, 1));
        let part = |values: &[f32], rows: Range<usize>| values[width * rows.start..width * rows.end].to_vec();
        let (fill_few, fill_many) = (|rows| part(&few, rows), |rows| part(&many, rows));
        let queries = Rows { count: few.len() / width, width, fill: &fill_few };
        let references = Rows { count: many.len() / width, width, fill: &fill_many };
        let mut shares = Vec::new();
        let mut on_share = |share| {
            shares.push(share);
            Ok(())
        };
        let found = nearest_rows(&queries, &references, k, &mut on_share).unwrap();
        assert!(shares.is_sorted() && shares.last() == Some(&1.0));
        for i in [0, 500, QUERIES + 2] {
            let distance =
                |j: usize| -> f32 { (0..width).map(|x| (few[i * width + x] - many[j * width + x]).powi(2)).sum() };
            let mut all: Vec<usize> = (0..references.count).collect();
            all.sort_by(|a, b| distance(*a).total_cmp(&distance(*b)));
            let expected: Vec<u32> = all[..k].iter().map(|j| *j as u32).collect();
            assert_eq!(found[i], expected, "query {i}");
        }
    }

    #[test]
    fn fewer_references_than_asked_for_are_all_given() {
        let fill = |rows: Range<usize>| rows.map(|i| i as f32).collect();
        let rows = Rows { count: 3, width: 1, fill: &fill };
        assert_eq!(nearest_rows(&rows, &rows, 5, &mut |_| Ok(())).unwrap()[2], [2, 1, 0]);
    }
}
