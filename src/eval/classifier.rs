//! The classifier: a small convolutional network that names digits, and whose last hidden layer describes them.
//!
//! ```text
//! 28×28 ─patches─ 14×14×4 ─conv 32─ conv 64 /2 ─ conv 64 ─ conv 64 /2 ─ 4×4×64 ─ linear 64: features ─ linear 10
//! ```
//!
//! Each convolution is 3×3, followed by group normalisation and SiLU. 160,234 weights.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;

use crate::Result;
use crate::config::CLASS_COUNT;
use crate::data::{Dataset, unit_images};
use crate::model::blocks::{BlockStyle, Conv, GroupNorm, Linear};
use crate::model::ops::{self, Activation};
use crate::model::params::on_weights;

/// Height and width of the digits that the classifier sees, pixels.
pub const SIZE: usize = 28;
/// Numbers that describe a digit.
pub const FEATURES: usize = 64;
/// Digits that go through the network together.
const BATCH: usize = 250;
/// What all normalisations have in common; only the groups and ε matter here.
const STYLE: BlockStyle =
    BlockStyle { groups: 8, epsilon: 1e-5, scale_shift: false, dropout: 0.0, head_width: 32, zero_init: false };
/// Inputs, outputs and stride of the convolutions.
const LAYERS: [(usize, usize, usize); 4] = [(4, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 2)];

/// The layers, on trainable or fixed weights.
#[derive(Debug)]
pub struct ClassifierNetwork {
    layers: Vec<(Conv, GroupNorm)>,
    features: Linear,
    classes: Linear,
}

impl ClassifierNetwork {
    /// On the weights of `vb`: `conv.0` … `conv.3`, `norm.0` … `norm.3`, `features`, `classes`.
    ///
    /// # Errors
    /// When a weight is missing or has another shape.
    pub fn new(vb: &VarBuilder) -> candle_core::Result<Self> {
        let layer = |(i, (inputs, outputs, stride)): (usize, (usize, usize, usize))| {
            let conv = Conv::new(inputs, outputs, stride, &vb.pp("conv").pp(i))?;
            Ok((conv, GroupNorm::new(outputs, &STYLE, &vb.pp("norm").pp(i))?))
        };
        Ok(Self {
            layers: LAYERS.into_iter().enumerate().map(layer).collect::<candle_core::Result<_>>()?,
            features: Linear::new(4 * 4 * 64, FEATURES, &vb.pp("features"))?,
            classes: Linear::new(FEATURES, CLASS_COUNT, &vb.pp("classes"))?,
        })
    }

    /// `[B, 28, 28, 1]` in [-1, 1] to features `[B, 64]` and logits `[B, 10]`.
    ///
    /// # Errors
    /// When the images have another shape.
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
        let mut h = ops::space_to_depth2(x)?;
        for (conv, norm) in &self.layers {
            h = norm.forward(&conv.forward(&h)?, Activation::Silu)?;
        }
        let features = self.features.forward(&h.flatten_from(1)?)?;
        let logits = self.classes.forward(&features.silu()?)?;
        Ok((features, logits))
    }
}

/// A trained classifier. It works on the CPU, whatever draws the digits.
#[derive(Debug)]
pub struct Classifier {
    network: ClassifierNetwork,
}

impl Classifier {
    /// With these weights, named as [`ClassifierNetwork::new`] does.
    ///
    /// # Errors
    /// When a weight is missing or has another shape.
    pub fn new(weights: HashMap<String, Tensor>) -> Result<Self> {
        Ok(Self { network: on_weights(weights, &Device::Cpu, |vb| ClassifierNetwork::new(&vb))? })
    }

    /// What it says of each image; images of another size are brought to 28×28 as a dataset's are.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn answers(&self, images: &Dataset) -> Result<Answers> {
        self.answers_with(images, &mut |_| Ok(()))
    }

    /// As [`answers`](Self::answers); `on_share` is told how far it is, 0 to 1, and an error from it ends the work.
    ///
    /// # Errors
    /// When there is no memory, or what `on_share` returned.
    pub fn answers_with(&self, images: &Dataset, on_share: &mut dyn FnMut(f64) -> Result<()>) -> Result<Answers> {
        let images = images.resized(SIZE)?;
        let mut answers = Answers { features: Vec::new(), probabilities: Vec::new() };
        let all: Vec<u32> = (0..images.len() as u32).collect();
        for indices in all.chunks(BATCH) {
            let x = Tensor::from_vec(unit_images(&images, indices), (indices.len(), SIZE, SIZE, 1), &Device::Cpu)?;
            let (features, logits) = self.network.forward(&x)?;
            answers.features.extend(features.flatten_all()?.to_vec1::<f32>()?);
            answers.probabilities.extend(candle_nn::ops::softmax(&logits, 1)?.flatten_all()?.to_vec1::<f32>()?);
            on_share(answers.count() as f64 / images.len() as f64)?;
        }
        Ok(answers)
    }
}

/// What a classifier says of some images.
#[derive(Debug, Clone)]
pub struct Answers {
    /// `[N, 64]`, row-major.
    pub features: Vec<f32>,
    /// `[N, 10]`, row-major; each row sums to 1.
    probabilities: Vec<f32>,
}

impl Answers {
    /// How many images it was asked about.
    pub fn count(&self) -> usize {
        self.probabilities.len() / CLASS_COUNT
    }

    /// The most likely digit of image `i` and its probability.
    pub fn best(&self, i: usize) -> (u8, f32) {
        let row = &self.probabilities[i * CLASS_COUNT..(i + 1) * CLASS_COUNT];
        let mut best = (0, row[0]);
        for (class, &probability) in row.iter().enumerate() {
            if probability > best.1 {
                best = (class as u8, probability);
            }
        }
        best
    }

    /// Share of the images whose most likely digit is their label.
    pub fn accuracy(&self, labelled: &Dataset) -> f64 {
        let right = (0..self.count()).filter(|&i| labelled.label(i) == Some(self.best(i).0)).count();
        right as f64 / self.count().max(1) as f64
    }
}
