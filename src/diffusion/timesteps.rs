//! Which timesteps a training batch is noised to.

use super::quantile::normal_quantile;
use crate::config::{LogitNormal, TimestepSampling};
use crate::rng::Stream;

/// Draws one timestep in `0..timesteps` for each of `batch` images.
///
/// A stratified draw takes u_i = (i + U_i)/B, one from each of B equal parts of [0, 1), and deals them to the images
/// in random order: each image's own t is distributed as before, but the batch covers all noise levels.
///
/// `normal` is the distribution of ln(t/(T − t)) where `sampling` is logit-normal, and of no meaning elsewhere.
pub fn draw(
    sampling: TimestepSampling,
    normal: LogitNormal,
    timesteps: usize,
    batch: usize,
    stream: &mut Stream,
) -> Vec<usize> {
    let index = |share: f64| ((share * timesteps as f64) as usize).min(timesteps - 1);
    if sampling == TimestepSampling::Uniform {
        return (0..batch).map(|_| stream.below(timesteps as u64) as usize).collect();
    }
    let one_each = stream.permutation(batch).into_iter().map(|i| (f64::from(i) + stream.uniform()) / batch as f64);
    let LogitNormal { mean, deviation, uniform_share } = normal;
    let share = |u: f64| match sampling {
        TimestepSampling::LogitNormal if u < uniform_share => u / uniform_share,
        TimestepSampling::LogitNormal => {
            let u = (u - uniform_share) / (1.0 - uniform_share);
            sigmoid(mean + deviation * normal_quantile(u))
        }
        TimestepSampling::Uniform | TimestepSampling::Stratified => u,
    };
    one_each.map(|u| index(share(u))).collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(sampling: TimestepSampling, timesteps: usize, batch: usize, batches: u64) -> Vec<Vec<usize>> {
        many_of(sampling, LogitNormal::default(), timesteps, batch, batches)
    }

    fn many_of(
        sampling: TimestepSampling,
        normal: LogitNormal,
        timesteps: usize,
        batch: usize,
        batches: u64,
    ) -> Vec<Vec<usize>> {
        let stream = |step| Stream::new(3, "timesteps", step);
        (0..batches).map(|step| draw(sampling, normal, timesteps, batch, &mut stream(step))).collect()
    }

    #[test]
    fn uniform_and_stratified_reach_every_timestep_equally_often() {
        for sampling in [TimestepSampling::Uniform, TimestepSampling::Stratified] {
            let mut counts = [0usize; 10];
            for t in many(sampling, 10, 7, 2000).concat() {
                counts[t] += 1;
            }
            assert!(counts.iter().all(|count| (1280..1520).contains(count)), "{sampling:?} {counts:?}");
        }
    }

    #[test]
    fn a_stratified_batch_has_one_timestep_from_each_stratum_in_shuffled_order() {
        let mut first_images = 0;
        for mut batch in many(TimestepSampling::Stratified, 1000, 10, 200) {
            first_images += batch[0];
            batch.sort_unstable();
            assert!(batch.iter().enumerate().all(|(i, t)| t / 100 == i), "{batch:?}");
        }
        assert!((400..600).contains(&(first_images / 200)), "{first_images}");
    }

    #[test]
    fn logit_normal_has_the_quartiles_of_its_distribution() {
        for (mean, deviation) in [(0.0, 1.0), (0.6, 0.65), (-2.0, 0.3)] {
            let normal = LogitNormal { mean, deviation, uniform_share: 0.0 };
            let mut all = many_of(TimestepSampling::LogitNormal, normal, 1000, 64, 500).concat();
            all.sort_unstable();
            for (share, z) in [(0.25, -0.674_489_75), (0.5, 0.0), (0.75, 0.674_489_75), (0.99, 2.326_347_87f64)] {
                let found = all[(share * all.len() as f64) as usize] as f64;
                assert!((found - 1000.0 * sigmoid(mean + deviation * z)).abs() < 6.0, "{normal:?} {share}: {found}");
            }
            assert!(all.iter().all(|&t| t < 1000));
        }
    }

    #[test]
    fn a_share_of_the_images_comes_from_all_timesteps_alike() {
        let normal = LogitNormal { mean: 0.6, deviation: 0.1, uniform_share: 0.25 };
        let batches = many_of(TimestepSampling::LogitNormal, normal, 1000, 64, 500);
        let low = |batch: &[usize]| batch.iter().filter(|&&t| t < 500).count();
        assert!(batches.iter().all(|batch| (7..=9).contains(&low(batch))), "a quarter of 64, half of it below 500");
        let mut counts = [0usize; 5];
        batches.concat().into_iter().filter(|&t| t < 500).for_each(|t| counts[t / 100] += 1);
        assert!(counts.iter().all(|count| (720..880).contains(count)), "{counts:?}");
        let all = LogitNormal { uniform_share: 1.0, ..normal };
        let uniform = many(TimestepSampling::Stratified, 1000, 64, 3);
        assert_eq!(many_of(TimestepSampling::LogitNormal, all, 1000, 64, 3), uniform);
    }

    #[test]
    fn the_same_stream_gives_the_same_timesteps() {
        for sampling in [TimestepSampling::Uniform, TimestepSampling::Stratified, TimestepSampling::LogitNormal] {
            assert_eq!(many(sampling, 1000, 32, 3), many(sampling, 1000, 32, 3));
            assert_eq!(many(sampling, 2, 1, 5).concat().len(), 5);
        }
    }
}
