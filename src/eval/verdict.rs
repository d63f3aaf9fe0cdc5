//! The verdict: what the numbers of a report come to, in one word.

use std::fmt;

use serde::Serialize;

use super::histogram::Histogram;
use crate::config::Digits;

/// A share of recognisable images under this is no digits at all.
const SOME: f64 = 0.1;
/// Under this share of the real recognisable share, most are no digits.
const HALF: f64 = 0.5;
/// A larger share of copies, and the model copies.
const MANY: f64 = 0.5;
/// A digit that makes up less than this share of the images is missing.
const MISSING: f64 = 0.02;
/// Like real: at least this share of the real recognisable share …
const NEARLY: f64 = 0.95;
/// … and at most this multiple of the real distance.
const NEAR: f64 = 1.5;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    NotDigits,
    Copies,
    HardlyDigits,
    SomeDigits,
    Digits,
    LikeReal,
}

/// What a verdict is reached from; pairs are (these images, as many real digits).
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    pub recognisable: (f64, f64),
    pub distance: (f64, f64),
    /// Share of copies of training images.
    pub copies: f64,
    pub classes: &'a Histogram,
    /// The digits that could be drawn.
    pub learned: Digits,
}

impl Verdict {
    /// The first that applies, in the order of the variants, but `LikeReal` before `Digits`.
    pub fn of(evidence: &Evidence) -> Self {
        let Evidence { recognisable, distance, copies, classes, learned } = *evidence;
        let count = |digit: u8| classes[usize::from(digit)] as f64;
        let total: usize = classes.iter().sum();
        if recognisable.0 < SOME {
            Self::NotDigits
        } else if copies > MANY {
            Self::Copies
        } else if recognisable.0 < HALF * recognisable.1 {
            Self::HardlyDigits
        } else if learned.iter().any(|digit| count(digit) < MISSING * total as f64) {
            Self::SomeDigits
        } else if recognisable.0 >= NEARLY * recognisable.1 && distance.0 <= NEAR * distance.1 {
            Self::LikeReal
        } else {
            Self::Digits
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDigits => "not digits",
            Self::Copies => "copies of training images",
            Self::SomeDigits => "digits, but not all of them",
            Self::HardlyDigits => "mostly not digits",
            Self::Digits => "digits, but one can tell them from real ones",
            Self::LikeReal => "digits as good as real ones",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_has_its_evidence() {
        let real = Evidence {
            recognisable: (0.9, 0.9),
            distance: (5.0, 5.0),
            copies: 0.01,
            classes: &[10; 10],
            learned: Digits::ALL,
        };
        let one = [100, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let cases = [
            (real, Verdict::LikeReal),
            (Evidence { recognisable: (0.05, 0.9), copies: 1.0, ..real }, Verdict::NotDigits),
            (Evidence { copies: 0.6, ..real }, Verdict::Copies),
            (Evidence { recognisable: (0.4, 0.9), classes: &one, ..real }, Verdict::HardlyDigits),
            (Evidence { classes: &one, ..real }, Verdict::SomeDigits),
            (Evidence { classes: &one, learned: Digits::of(&[0]).unwrap(), ..real }, Verdict::LikeReal),
            (Evidence { recognisable: (0.8, 0.9), ..real }, Verdict::Digits),
            (Evidence { distance: (8.0, 5.0), ..real }, Verdict::Digits),
        ];
        for (evidence, expected) in cases {
            assert_eq!(Verdict::of(&evidence), expected, "{evidence:?}");
        }
    }
}
