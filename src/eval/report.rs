//! All that can be said of some images, each number with its confidence interval and that of as many real digits.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::bits_per_dim::BitsPerDim;
use super::bootstrap::{self, FEW_RESAMPLES, Interval, RESAMPLES};
use super::classifier::FEATURES;
use super::frechet::{FrechetReference, Moments};
use super::histogram::{Histogram, entropy, histogram};
use super::judge::{Judge, Judged};
use super::nearest::nearest;
use super::precision_recall::Manifold;
use super::verdict::{Evidence, Verdict};
use crate::config::{CLASS_COUNT, Digits, Subset};
use crate::data::{Dataset, Splits};
use crate::{Error, Result};

/// Which real digits are judged beside the images.
const SEED: u64 = 0;

/// A number of the images, and the same of as many real test digits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measured {
    pub value: f64,
    /// 95 %.
    pub interval: Interval,
    /// The floor, or the ceiling: what real test digits reach.
    pub real: f64,
}

/// See the module. docs/evaluation.md explains each number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Images that were judged.
    pub images: usize,
    /// Real test digits beside them: as many, or all there are.
    pub real_images: usize,
    pub recognisable: Measured,
    pub frechet_distance: Measured,
    pub precision: Measured,
    pub recall: Measured,
    /// Share whose digit is the one asked for; none if none was.
    pub class_agreement: Option<Measured>,
    pub classes: Histogram,
    /// Bits, at most 3.32.
    pub class_entropy: Measured,
    /// Median over the images of the distance to the nearest training image.
    pub nearest_median: Measured,
    /// Share of the images that are less than half as far from a training image as real digits of their class.
    pub copies: Measured,
    /// The smallest of the distances to a training image.
    pub nearest_smallest: f64,
    pub bits_per_dim: Option<BitsPerDim>,
    pub verdict: Verdict,
}

/// Told what is being done, and which share of it is.
pub type OnProgress<'a> = dyn FnMut(&'static str, f64) + 'a;

impl Report {
    /// Judges `images` against the digits of MNIST that their model `learned`; `asked` has the class that each was asked
    /// for, if any. The distance is to the training images of those, for these images as for the real ones beside them.
    ///
    /// # Errors
    /// For fewer than two images, or when there is no memory.
    pub fn new(
        judge: &Judge,
        images: &Dataset,
        asked: &[Option<u8>],
        learned: Digits,
        digits: &Splits,
        on_progress: &mut OnProgress,
    ) -> Result<Self> {
        if images.len() < 2 || images.width != images.height {
            let what = format!("{} images of {}×{} pixels", images.len(), images.height, images.width);
            return Err(Error::format(Path::new("the images"), what, "use at least two square images"));
        }
        let size = images.width;
        let (train, test) = (digits.train.showing(learned)?, digits.test.showing(learned)?);
        let real = test.subset(Subset::Shuffled(images.len().min(test.len())), SEED)?.resized(size)?;
        let truth: Vec<Option<u8>> = (0..real.len()).map(|i| real.label(i)).collect();
        on_progress("judging the images", 0.0);
        let these = Side::new(judge, images, asked)?;
        on_progress("judging the images", 0.5);
        let those = Side::new(judge, &real, &truth)?;
        let training = train.resized(size)?;
        let mut distances = |images: &Dataset, from: f64| -> Result<Vec<f64>> {
            let mut told = |share: f64| on_progress("finding the nearest training images", from + share / 2.0);
            Ok(nearest(images, &training, &mut told)?.into_iter().map(|found| found.distance).collect())
        };
        let (distances, real_distances) = (distances(images, 0.0)?, distances(&real, 0.5)?);
        let medians = ClassMedians::new(&those, &real_distances);
        let copies = shares(&medians.copies(&these, &distances), &medians.copies(&those, &real_distances));
        let recognisable = shares(&flags(&these.judged.recognisable), &flags(&those.judged.recognisable));
        let frechet_distance = these.frechet(&judge.reference(learned), &those);
        let classes = these.histogram();
        let verdict = Verdict::of(&Evidence {
            recognisable: (recognisable.value, recognisable.real),
            distance: (frechet_distance.value, frechet_distance.real),
            copies: copies.value,
            classes: &classes,
            learned,
        });
        Ok(Self {
            images: images.len(),
            real_images: real.len(),
            recognisable,
            frechet_distance,
            precision: shares(&flags(&these.judged.inside), &flags(&those.judged.inside)),
            recall: shares(&flags(&these.reached(judge)), &flags(&those.reached(judge))),
            class_agreement: (!these.agreement.is_empty()).then(|| shares(&these.agreement, &those.agreement)),
            classes,
            class_entropy: Measured {
                value: entropy(&classes),
                interval: bootstrap::around(entropy(&classes), images.len(), RESAMPLES, |chosen| {
                    entropy(&histogram(chosen.iter().map(|&i| these.judged.answers.best(i as usize).0)))
                }),
                real: entropy(&those.histogram()),
            },
            nearest_median: measured(&distances, medians.all, bootstrap::median),
            copies,
            nearest_smallest: distances.iter().copied().fold(f64::INFINITY, f64::min),
            bits_per_dim: None,
            verdict,
        })
    }
}

/// The images, or the real digits beside them.
struct Side {
    judged: Judged,
    /// 1 where the digit seen is the one asked for; only images of which one was asked.
    agreement: Vec<f64>,
}

impl Side {
    fn new(judge: &Judge, images: &Dataset, asked: &[Option<u8>]) -> Result<Self> {
        let judged = judge.judge(images)?;
        let agreement = asked.iter().zip(judged.classes()).filter_map(|(asked, seen)| asked.map(|asked| asked == seen));
        Ok(Self { agreement: flags(&agreement.collect::<Vec<_>>()), judged })
    }

    fn histogram(&self) -> Histogram {
        histogram(self.judged.classes())
    }

    fn frechet(&self, reference: &FrechetReference, real: &Self) -> Measured {
        let distance =
            |side: &Self, rows: &[u32]| reference.distance(&Moments::of(&side.judged.answers.features, FEATURES, rows));
        let all = |side: &Self| -> Vec<u32> { (0..side.judged.answers.count() as u32).collect() };
        let value = distance(self, &all(self));
        let count = self.judged.answers.count();
        let interval = bootstrap::around(value, count, FEW_RESAMPLES, |rows| distance(self, rows));
        Measured { value, interval, real: distance(real, &all(real)) }
    }

    /// For each training digit of the judge's, whether it lies inside the manifold of this side's images.
    fn reached(&self, judge: &Judge) -> Vec<bool> {
        Manifold::new(self.judged.answers.features.clone(), FEATURES).holds(judge.manifold.points())
    }
}

/// How far real digits are from their nearest training image: by class, as a 1 is nearer to others than an 8 is.
struct ClassMedians {
    of_class: [f64; CLASS_COUNT],
    all: f64,
}

impl ClassMedians {
    /// Real digits of a class that make a median of its own.
    const ENOUGH: usize = 8;
    /// Nearer than this share of the median is a copy.
    const COPY: f64 = 0.5;

    fn new(real: &Side, distances: &[f64]) -> Self {
        let everyone: Vec<u32> = (0..distances.len() as u32).collect();
        let all = bootstrap::median(distances, &everyone);
        let seen: Vec<u8> = real.judged.classes().collect();
        let of_class = std::array::from_fn(|class| {
            let members: Vec<u32> =
                everyone.iter().copied().filter(|&i| usize::from(seen[i as usize]) == class).collect();
            if members.len() < Self::ENOUGH { all } else { bootstrap::median(distances, &members) }
        });
        Self { of_class, all }
    }

    fn copies(&self, side: &Side, distances: &[f64]) -> Vec<f64> {
        let usual = side.judged.classes().map(|class| self.of_class[usize::from(class)]);
        flags(&distances.iter().zip(usual).map(|(distance, usual)| *distance < Self::COPY * usual).collect::<Vec<_>>())
    }
}

/// 1 for true, 0 for false.
fn flags(are: &[bool]) -> Vec<f64> {
    are.iter().map(|&is| f64::from(u8::from(is))).collect()
}

fn shares(these: &[f64], those: &[f64]) -> Measured {
    let everyone: Vec<u32> = (0..those.len() as u32).collect();
    measured(these, bootstrap::mean(those, &everyone), bootstrap::mean)
}

fn measured(values: &[f64], real: f64, statistic: fn(&[f64], &[u32]) -> f64) -> Measured {
    let everyone: Vec<u32> = (0..values.len() as u32).collect();
    let interval = bootstrap::percentile(values.len(), RESAMPLES, |chosen| statistic(values, chosen));
    Measured { value: statistic(values, &everyone), interval, real }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = format!("{} images", self.images);
        writeln!(f, "{heads:<26}{:>9}{:>20}{:>14}", "value", "95 %", format!("real {}", self.real_images))?;
        let rows = [
            ("recognisable", Some(self.recognisable)),
            ("Fréchet distance", Some(self.frechet_distance)),
            ("precision", Some(self.precision)),
            ("recall", Some(self.recall)),
            ("class as asked", self.class_agreement),
            ("class entropy, bits", Some(self.class_entropy)),
            ("nearest training image", Some(self.nearest_median)),
            ("copies of training images", Some(self.copies)),
        ];
        for (name, measured) in rows.into_iter().filter_map(|(name, measured)| measured.map(|m| (name, m))) {
            let Measured { value, interval: Interval { low, high }, real } = measured;
            writeln!(f, "{name:<26}{value:>9.3}{:>20}{real:>14.3}", format!("{low:.3} … {high:.3}"))?;
        }
        if let Some(bits) = &self.bits_per_dim {
            let Interval { low, high } = bits.interval;
            let name = "bits per dim, test set";
            writeln!(f, "{name:<26}{:>9.3}{:>20}{:>14}", bits.total, format!("{low:.3} … {high:.3}"), "–")?;
            let BitsPerDim { decoder, kl, prior, images, timesteps, .. } = bits;
            writeln!(
                f,
                "  decoder {decoder:.3} + KL {kl:.3} + prior {prior:.5}; {images} images × {timesteps} timesteps"
            )?;
        }
        let counts: Vec<String> = self.classes.iter().enumerate().map(|(i, count)| format!("{i}: {count}")).collect();
        writeln!(f, "digits seen               {}", counts.join("  "))?;
        write!(f, "verdict                   {}", self.verdict)
    }
}
