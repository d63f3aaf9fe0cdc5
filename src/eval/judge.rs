//! The judge: the trained classifier with what it knows of the training digits.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor};

use super::classifier::{Answers, Classifier, FEATURES};
use super::frechet::{FrechetReference, Moments};
use super::precision_recall::Manifold;
use crate::config::{CLASS_COUNT, Digits, Subset};
use crate::data::Dataset;
use crate::data::idx::Images;
use crate::pictures::Pictures;
use crate::sampling::pictures;
use crate::tensor_file::{self, Entry};
use crate::{Error, Result};

/// What `diffuscope classifier` trained, with the seed and the epochs that assets/classifier/README.md names.
static SHIPPED: &[u8] = include_bytes!("../../assets/classifier/digits.safetensors");
/// Training digits whose features span the manifold of real ones.
const MANIFOLD: usize = 3000;
/// A digit is recognisable only when the classifier gives it more than this probability.
const CONFIDENCE: f32 = 0.9;
/// Share of the manifold's balls, the smallest, in one of which a digit must lie to be recognisable.
const TIGHT: f64 = 0.95;

/// See the module.
#[derive(Debug)]
pub struct Judge {
    pub classifier: Classifier,
    /// Of the features of all training digits.
    frechet: FrechetReference,
    /// How many training digits of each class there are, and the moments of their features.
    classes: Vec<(usize, Moments)>,
    /// The manifold of some of them.
    pub manifold: Manifold,
    /// The same without the widest balls, into which some noise falls.
    tight: Manifold,
}

impl Judge {
    /// The one that ships with the program.
    ///
    /// # Errors
    /// If the program was built with a damaged file.
    pub fn shipped() -> Result<Arc<Self>> {
        static READ: OnceLock<Arc<Judge>> = OnceLock::new();
        if let Some(judge) = READ.get() {
            return Ok(Arc::clone(judge));
        }
        let judge = Arc::new(Self::read(SHIPPED, Path::new("embedded classifier"))?);
        Ok(Arc::clone(READ.get_or_init(|| judge)))
    }

    /// From the bytes of a file that [`write`] wrote; `origin` is named in errors.
    ///
    /// # Errors
    /// When it is not such a file.
    pub fn read(bytes: &[u8], origin: &Path) -> Result<Self> {
        let hint = "use a file that diffuscope classifier wrote";
        let mut tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)
            .map_err(|error| Error::format(origin, error.to_string(), hint))?;
        let mut take = |name: &str, shape: [usize; 2]| -> Result<Vec<f32>> {
            let tensor = tensors.remove(&format!("reference.{name}")).filter(|tensor| tensor.dims() == shape);
            let tensor = tensor.ok_or_else(|| Error::format(origin, format!("no reference {name}"), hint))?;
            Ok(tensor.flatten_all()?.to_vec1()?)
        };
        let counts = take("class_counts", [1, CLASS_COUNT])?.into_iter().map(|count| count as usize);
        let counts: Vec<usize> = counts.collect();
        let mut reference = |name: &str, rows: usize| take(name, [rows, FEATURES]);
        let moments = |mean: &[f32], covariance: &[f32]| {
            let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
            Moments {
                mean: nalgebra::DVector::from_vec(wide(mean)),
                covariance: nalgebra::DMatrix::from_row_slice(FEATURES, FEATURES, &wide(covariance)),
            }
        };
        let all = moments(&reference("mean", 1)?, &reference("covariance", FEATURES)?);
        let means = reference("class_means", CLASS_COUNT)?;
        let covariances = reference("class_covariances", CLASS_COUNT * FEATURES)?;
        let of_class = means.chunks(FEATURES).zip(covariances.chunks(FEATURES * FEATURES));
        let classes = of_class.map(|(mean, covariance)| moments(mean, covariance));
        let classes = counts.into_iter().zip(classes).collect();
        let manifold = Manifold::new(reference("features", MANIFOLD)?, FEATURES);
        let (tight, frechet) = (manifold.without_outliers(TIGHT), FrechetReference::new(all));
        Ok(Self { classifier: Classifier::new(tensors)?, frechet, classes, manifold, tight })
    }

    /// What the training digits of those classes are, to measure a distance to; of all ten where none is chosen.
    pub fn reference(&self, digits: Digits) -> Cow<'_, FrechetReference> {
        if digits == Digits::ALL || digits.is_empty() {
            return Cow::Borrowed(&self.frechet);
        }
        let chosen = self.classes.iter().zip(0..).filter(|&(_, class)| digits.contains(class));
        let sets: Vec<_> = chosen.map(|((count, moments), _)| (*count, moments)).collect();
        Cow::Owned(FrechetReference::new(Moments::together(&sets)))
    }

    /// What it says of each image.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn judge(&self, images: &Dataset) -> Result<Judged> {
        let answers = self.classifier.answers(images)?;
        let inside = self.manifold.holds(&answers.features);
        let mut recognisable = self.tight.holds(&answers.features);
        for (i, recognisable) in recognisable.iter_mut().enumerate() {
            *recognisable &= answers.best(i).1 > CONFIDENCE;
        }
        Ok(Judged { answers, inside, recognisable })
    }

    /// The most likely digit of each picture, and its probability.
    ///
    /// # Errors
    /// When there are no pictures, or no memory.
    pub fn name(&self, pictures: Pictures) -> Result<Vec<(u8, f32)>> {
        let answers = self.classifier.answers(&dataset(pictures, Path::new("drawn digits"))?)?;
        Ok((0..answers.count()).map(|i| answers.best(i)).collect())
    }
}

/// Writes a trained classifier with what it says of the digits that it was trained on.
///
/// # Errors
/// When the file cannot be written or there are fewer than 3,000 digits.
pub fn write(path: &Path, weights: HashMap<String, Tensor>, training: &Dataset, seed: u64) -> Result<()> {
    let classifier = Classifier::new(weights.clone())?;
    let features = classifier.answers(training)?.features;
    let moments = Moments::of_all(&features, FEATURES);
    let rows = |class| (0..training.len()).filter(move |&i| training.label(i) == Some(class)).map(|i| i as u32);
    let classes: Vec<Vec<u32>> = (0..CLASS_COUNT as u8).map(|class| rows(class).collect()).collect();
    let of_class: Vec<_> = classes.iter().map(|rows| Moments::of(&features, FEATURES, rows)).collect();
    let means: Vec<f64> = of_class.iter().flat_map(|moments| moments.mean.iter().copied()).collect();
    let covariances: Vec<f64> = of_class.iter().flat_map(|moments| moments.covariance.iter().copied()).collect();
    let counts = classes.iter().map(|rows| rows.len() as f32).collect();
    let chosen = classifier.answers(&training.subset(Subset::Shuffled(MANIFOLD), seed)?)?.features;
    let narrow = |values: &[f64]| -> Vec<f32> { values.iter().map(|&value| value as f32).collect() };
    let mut named = vec![
        ("reference.mean".to_owned(), vec![1, FEATURES], narrow(moments.mean.as_slice())),
        ("reference.covariance".to_owned(), vec![FEATURES, FEATURES], narrow(moments.covariance.as_slice())),
        ("reference.class_counts".to_owned(), vec![1, CLASS_COUNT], counts),
        ("reference.class_means".to_owned(), vec![CLASS_COUNT, FEATURES], narrow(&means)),
        ("reference.class_covariances".to_owned(), vec![CLASS_COUNT * FEATURES, FEATURES], narrow(&covariances)),
        ("reference.features".to_owned(), vec![MANIFOLD, FEATURES], chosen),
    ];
    for (name, weight) in weights {
        named.push((name, weight.dims().to_vec(), weight.flatten_all()?.to_vec1()?));
    }
    named.sort_by(|a, b| a.0.cmp(&b.0));
    let entry = |(name, shape, values)| Entry { name, shape, values: Cow::Owned(values) };
    let entries: Vec<Entry> = named.into_iter().map(entry).collect();
    tensor_file::write(path, BTreeMap::from([("format", "diffuscope-classifier-1".to_owned())]), &entries)
}

/// What the judge says of some images.
#[derive(Debug, Clone)]
pub struct Judged {
    pub answers: Answers,
    /// Whether each lies inside the manifold of real digits.
    pub inside: Vec<bool>,
    /// Whether each is a digit beyond doubt: confidence over 0.9 **and** inside the manifold of real digits without
    /// its outliers. A classifier alone is also sure of some images that are no digits.
    pub recognisable: Vec<bool>,
}

impl Judged {
    /// The classes that the classifier sees.
    pub fn classes(&self) -> impl Iterator<Item = u8> {
        (0..self.answers.count()).map(|i| self.answers.best(i).0)
    }

    /// Share of recognisable images.
    pub fn recognisable_share(&self) -> f64 {
        let count = self.recognisable.iter().filter(|&&recognisable| recognisable).count();
        count as f64 / self.recognisable.len().max(1) as f64
    }
}

/// Images `[N, 1, H, W]` in [-1, 1] as 8-bit pixels, as they are shown and saved; `origin` is named in errors.
///
/// # Errors
/// When there are none or they have another shape.
pub fn eight_bit(images: &Tensor, origin: &Path) -> Result<Dataset> {
    dataset(pictures(images)?, origin)
}

/// Pictures as a set of images without labels; `origin` is named in errors.
///
/// # Errors
/// When there are none.
pub fn dataset(pictures: Pictures, origin: &Path) -> Result<Dataset> {
    let count = pictures.count();
    let Pictures { width, height, pixels } = pictures;
    Dataset::from_idx("images", Images { count, height, width, pixels }, None, origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::mnist;

    /// The accuracy that assets/classifier/README.md states; a few digits in doubt fall with the processor's rounding.
    #[test]
    fn the_shipped_classifier_names_99_percent_of_the_test_digits() {
        let test = mnist::load().unwrap().test;
        let accuracy = Judge::shipped().unwrap().classifier.answers(&test).unwrap().accuracy(&test);
        let readme = include_str!("../../assets/classifier/README.md");
        let stated: f64 = readme.split_once("It names ").unwrap().1.split_once(" %").unwrap().0.parse().unwrap();
        assert!(accuracy >= 0.99 && (100.0 * accuracy - stated).abs() < 0.05, "{accuracy}, stated {stated} %");
    }

    #[test]
    fn digits_are_named() {
        let test = mnist::load().unwrap().test;
        let pixels = (0..20).flat_map(|i| test.image(i).to_vec()).collect();
        let named = Judge::shipped().unwrap().name(Pictures { width: 28, height: 28, pixels }).unwrap();
        let right = (0..20).filter(|&i| test.label(i) == Some(named[i].0) && named[i].1 > 0.9).count();
        assert!(named.len() == 20 && right >= 19, "{named:?}");
        assert!(Judge::shipped().unwrap().name(Pictures::default()).is_err());
    }

    #[test]
    fn a_written_judge_is_read_back() {
        let training = mnist::load().unwrap().train.subset(Subset::First(3100), 0).unwrap();
        let (_, fresh) = crate::model::params::Params::fresh(1, &Device::Cpu, |vb| {
            super::super::classifier::ClassifierNetwork::new(&vb)
        })
        .unwrap();
        let weights = fresh.into_iter().map(|(name, var)| (name, var.as_detached_tensor())).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("judge.safetensors");
        write(&path, weights, &training, 7).unwrap();
        let judge = Judge::read(&std::fs::read(&path).unwrap(), &path).unwrap();
        let judged = judge.judge(&training.subset(Subset::Shuffled(20), 7).unwrap()).unwrap();
        assert!(judged.inside.iter().all(|&inside| inside), "the manifold is not of the training digits");
        let features = judge.classifier.answers(&training).unwrap().features;
        assert!(judge.reference(Digits::ALL).distance(&Moments::of_all(&features, FEATURES)) < 1e-4);
        let some = Digits::of(&[1, 7]).unwrap();
        let of_some = |i: &u32| training.label(*i as usize).is_some_and(|label| some.contains(label));
        let rows: Vec<u32> = (0..training.len() as u32).filter(of_some).collect();
        let of_some = Moments::of(&features, FEATURES, &rows);
        assert!(
            judge.reference(some).distance(&of_some) < 1e-4 && judge.reference(Digits::ALL).distance(&of_some) > 1e-2
        );
        assert!(Judge::read(b"nothing", &path).is_err());
    }
}
