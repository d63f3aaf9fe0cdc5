//! How the values of flags are read: names, numbers and switches, each with a message that helps.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::bench::Work;
use crate::config::{
    ClassChoice, DataSource, Digits, OptimizerKind, Prediction, Preset, SamplerKind, ScheduleKind, Thresholding,
    WeightsKind,
};
use crate::device::DeviceChoice;
use crate::model::TimeKind;
use crate::train::run_name::RunName;

/// Beyond this many, threads only take memory.
const MAX_THREADS: usize = 1024;

/// A value that was typed and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct BadValue {
    /// What the value is not.
    pub what: String,
    /// What would be.
    pub hint: &'static str,
}

impl BadValue {
    fn new(typed: &str, is_not: &str, hint: &'static str) -> Self {
        Self { what: format!("\"{typed}\" is not {is_not}"), hint }
    }
}

/// Digits with commas between them.
pub fn digits(typed: &str) -> Result<Digits, BadValue> {
    let hint = "name digits from 0 to 9, such as 3,7";
    let list: Result<Vec<u8>, _> = typed.split(',').map(|digit| digit.trim().parse()).collect();
    let digits = list.ok().and_then(|list| Digits::of(&list));
    digits.ok_or_else(|| BadValue::new(typed, "a list of digits", hint))
}

/// The names that a flag takes, each with its line in the help and its meaning.
pub type Names<T> = &'static [(&'static str, &'static str, T)];

pub const PRESETS: Names<Preset> = &[
    ("nano", "the smallest network that still draws digits: a first look within 30 seconds", Preset::Nano),
    ("small", "all ten digits in two minutes on two cores (the default)", Preset::Small),
    ("base", "the block layout of diffusers' UNet2DModel: best pictures, overnight", Preset::Base),
    ("seed", "the original experiment: DiffUNet on 1,000 images for 5 epochs", Preset::Seed),
];

pub const SCHEDULES: Names<ScheduleKind> = &[
    ("linear", "β grows in equal steps from --beta-start to --beta-end", ScheduleKind::Linear),
    ("cosine", "ᾱ follows a squared cosine", ScheduleKind::Cosine),
];

pub const PREDICTIONS: Names<Prediction> =
    &[("eps", "the noise ε", Prediction::Eps), ("v", "v = √ᾱ·ε − √(1−ᾱ)·x₀", Prediction::V)];

pub const OPTIMIZERS: Names<OptimizerKind> = &[
    ("adamw", "AdamW for every weight", OptimizerKind::AdamW),
    ("muon", "Muon for the matrices between many channels, AdamW for the rest", OptimizerKind::Muon),
];

pub const SWITCH: Names<bool> = &[("on", "the network is told which digit to draw", true), ("off", "it is not", false)];

pub const SAMPLERS: Names<SamplerKind> = &[
    ("ddpm", "ancestral sampling, all T steps", SamplerKind::Ddpm),
    ("ddim", "any number of steps; --eta 0 adds no noise, 1 as much as ddpm", SamplerKind::Ddim),
    ("dpmpp", "DPM-Solver++(2M): good from 16 steps on", SamplerKind::DpmPp),
    ("heun", "Heun's method, as in EDM: second order, two calls a step", SamplerKind::Heun),
];

pub const THRESHOLDINGS: Names<Thresholding> = &[
    ("none", "not at all", Thresholding::None),
    ("static", "clamped", Thresholding::Static),
    ("dynamic", "scaled until nearly all of it fits, for strong guidance", Thresholding::Dynamic),
];

pub const WEIGHTS: Names<WeightsKind> = &[
    ("ema", "the moving average of the weights", WeightsKind::Ema),
    ("raw", "the weights as the last step left them", WeightsKind::Raw),
];

pub const TIME_KINDS: Names<TimeKind> = &[
    ("timestep", "0 to T − 1: the answer is what the network was trained to give (the default)", TimeKind::Timestep),
    (
        "noise_level",
        "σ of the noise in images of [0, 1]: the answer is the clean images; DiffUNet",
        TimeKind::NoiseLevel,
    ),
];

pub const WORKS: Names<Work> = &[
    ("small-train", "a training step of the compact U-Net of 32 channels, batch 64", Work::SmallTrain),
    ("small-sample", "16 calls of that network on 64 digits", Work::SmallSample),
    ("diffunet-forward", "a call of DiffUNet on 32 images of 32×32", Work::DiffUNetForward),
    ("diffunet-train", "a training step of DiffUNet on them", Work::DiffUNetTrain),
];

/// Reads one of `names`; clap lists them in the help and in its errors.
pub fn one_of<T: Copy + Send + Sync + 'static>(names: Names<T>) -> impl TypedValueParser<Value = T> {
    let possible = names.iter().map(|(name, help, _)| PossibleValue::new(*name).help(*help));
    PossibleValuesParser::new(possible).map(move |typed: String| {
        let entry = names.iter().find(|(name, ..)| *name == typed);
        entry.expect("the parser admits only the names of this table").2
    })
}

/// A whole number from 0 up.
pub fn whole(typed: &str) -> Result<u64, BadValue> {
    typed.parse().map_err(|_| BadValue::new(typed, "a whole number", "use digits only, such as 1000"))
}

/// A whole number of things in memory.
pub fn count(typed: &str) -> Result<usize, BadValue> {
    typed.parse().map_err(|_| BadValue::new(typed, "a whole number", "use digits only, such as 1000"))
}

/// A real number. Its range is the setting's affair.
pub fn real(typed: &str) -> Result<f64, BadValue> {
    typed.parse().map_err(|_| BadValue::new(typed, "a number", "use a number such as 0.02 or 2e-3"))
}

/// Two numbers with a comma between them.
pub fn interval(typed: &str) -> Result<Interval, BadValue> {
    let bad = || BadValue::new(typed, "two numbers", "write them with a comma between, such as 0.2,3");
    let (low, high) = typed.split_once(',').ok_or_else(bad)?;
    Ok(Interval([low.parse().map_err(|_| bad())?, high.parse().map_err(|_| bad())?]))
}

/// Two numbers, low and high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval(pub [f64; 2]);

/// How many threads compute: at least one.
pub fn threads(typed: &str) -> Result<NonZeroUsize, BadValue> {
    let threads: Option<NonZeroUsize> = typed.parse().ok();
    threads.filter(|threads| threads.get() <= MAX_THREADS).ok_or_else(|| {
        let hint = "use 1 to 1024, or leave it out for all cores";
        BadValue::new(typed, "a number of threads", hint)
    })
}

/// How often something is done: at least once.
pub fn times(typed: &str) -> Result<NonZeroUsize, BadValue> {
    typed.parse().map_err(|_| BadValue::new(typed, "a number from 1 up", "use digits only, such as 10"))
}

/// A device by name.
pub fn device(typed: &str) -> Result<DeviceChoice, BadValue> {
    typed.parse().map_err(|_| BadValue::new(typed, "a device", "use auto, cpu, cuda, cuda:1 (a GPU's number) or metal"))
}

/// How many of the training images are used; `None` is all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubsetSize(pub Option<usize>);

/// A number of images, or `all`.
pub fn subset(typed: &str) -> Result<SubsetSize, BadValue> {
    if typed == "all" {
        return Ok(SubsetSize(None));
    }
    let number = typed.parse().map_err(|_| BadValue::new(typed, "a number of images", "use digits only, or all"))?;
    Ok(SubsetSize(Some(number)))
}

/// `mnist`, or the path of images.
pub fn data(typed: &str) -> Result<DataSource, BadValue> {
    match typed {
        "" => Err(BadValue::new(typed, "a path", "use mnist, a folder of images, or an IDX file")),
        "mnist" => Ok(DataSource::Mnist),
        path => Ok(DataSource::Path(PathBuf::from(path))),
    }
}

/// What a run is called.
pub fn run_name(typed: &str) -> Result<RunName, BadValue> {
    let hint = "use one line of at most 60 characters";
    RunName::new(typed).map_err(|error| BadValue { what: error.to_string(), hint })
}

/// `each`, or one digit. Whether the digit is a class is the setting's affair.
pub fn class(typed: &str) -> Result<ClassChoice, BadValue> {
    if typed == "each" {
        return Ok(ClassChoice::Each);
    }
    typed.parse().map(ClassChoice::Only).map_err(|_| BadValue::new(typed, "a digit", "use 0 to 9, or each"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_others_are_refused_with_what_would_work() {
        assert_eq!(whole("18446744073709551615").unwrap(), u64::MAX);
        assert_eq!(count("60000").unwrap(), 60_000);
        assert_eq!(real("2e-3").unwrap().to_bits(), 0.002f64.to_bits());
        for bad in ["", "-1", "1.5", "three", "60,000"] {
            let error = whole(bad).unwrap_err();
            assert_eq!(error.to_string(), format!("\"{bad}\" is not a whole number"));
            assert_eq!(error.hint, "use digits only, such as 1000");
            assert_eq!(count(bad).unwrap_err().to_string(), error.to_string());
        }
        assert_eq!(real("0,02").unwrap_err().to_string(), "\"0,02\" is not a number");
        assert_eq!(threads("0").unwrap_err().to_string(), "\"0\" is not a number of threads");
        assert_eq!(threads("2").unwrap().get(), 2);
    }

    #[test]
    fn names_stand_beside_numbers_and_paths() {
        assert_eq!(subset("all").unwrap(), SubsetSize(None));
        assert_eq!(subset("1000").unwrap(), SubsetSize(Some(1000)));
        assert_eq!(subset("some").unwrap_err().hint, "use digits only, or all");
        assert_eq!(data("mnist").unwrap(), DataSource::Mnist);
        assert_eq!(data("./mnist").unwrap(), DataSource::Path("./mnist".into()));
        assert!(data("").is_err());
        assert_eq!(class("each").unwrap(), ClassChoice::Each);
        assert_eq!(class("7").unwrap(), ClassChoice::Only(7));
        assert_eq!(class("seven").unwrap_err().hint, "use 0 to 9, or each");
        assert_eq!(device("gpu").unwrap_err().to_string(), "\"gpu\" is not a device");
    }

    #[test]
    fn the_presets_have_the_names_that_files_use() {
        let names: Vec<_> = PRESETS.iter().map(|(name, _, preset)| (*name, *preset)).collect();
        assert_eq!(names, Preset::ALL.map(|preset| (preset.name(), preset)));
    }
}
