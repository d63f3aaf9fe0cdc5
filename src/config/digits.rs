//! Which of the ten digits are learned from.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::CLASS_COUNT;

/// How many of MNIST's training images show each digit.
const IN_MNIST: [usize; CLASS_COUNT] = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949];

/// A set of digits; in files the list of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct Digits([bool; CLASS_COUNT]);

impl Digits {
    pub const ALL: Self = Self([true; CLASS_COUNT]);

    /// Those of a list; none if a number is no digit.
    pub fn of(list: &[u8]) -> Option<Self> {
        let mut chosen = [false; CLASS_COUNT];
        for digit in list {
            *chosen.get_mut(usize::from(*digit))? = true;
        }
        Some(Self(chosen))
    }

    pub fn contains(self, digit: u8) -> bool {
        self.0.get(usize::from(digit)).copied().unwrap_or(false)
    }

    /// With the digit, if it was not there, else without; what is no digit changes nothing.
    pub fn toggled(mut self, digit: u8) -> Self {
        if let Some(chosen) = self.0.get_mut(usize::from(digit)) {
            *chosen = !*chosen;
        }
        self
    }

    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    /// From 0 up.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..CLASS_COUNT as u8).filter(move |digit| self.contains(*digit))
    }

    /// How many of MNIST's training images show one of them.
    pub fn in_mnist(self) -> usize {
        self.iter().map(|digit| IN_MNIST[usize::from(digit)]).sum()
    }
}

impl Default for Digits {
    fn default() -> Self {
        Self::ALL
    }
}

impl From<Digits> for Vec<u8> {
    fn from(digits: Digits) -> Self {
        digits.iter().collect()
    }
}

impl TryFrom<Vec<u8>> for Digits {
    type Error = &'static str;

    fn try_from(list: Vec<u8>) -> Result<Self, Self::Error> {
        // None at all is no choice that anything can be done with.
        let digits = Self::of(&list).ok_or("digits are 0 to 9")?;
        Ok(if digits.is_empty() { Self::ALL } else { digits })
    }
}

/// `3, 7`, or `all ten`.
impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return write!(f, "all ten");
        }
        for (i, digit) in self.iter().enumerate() {
            write!(f, "{}{digit}", if i > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept_as_a_list_and_what_is_none_is_refused() {
        let some = Digits::of(&[7, 3, 7]).unwrap();
        assert_eq!((some.iter().collect::<Vec<_>>(), some.to_string()), (vec![3, 7], "3, 7".into()));
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!((text.as_str(), serde_json::from_str::<Digits>(&text).unwrap()), ("[3,7]", some));
        assert!(serde_json::from_str::<Digits>("[3,10]").is_err() && Digits::of(&[10]).is_none());
        assert_eq!(serde_json::from_str::<Digits>("[]").unwrap(), Digits::ALL);
        assert_eq!(some.toggled(3).toggled(7).toggled(99), Digits::of(&[]).unwrap());
        assert!(!some.is_empty() && some.toggled(3).toggled(7).is_empty());
        assert_eq!(Digits::default().to_string(), "all ten");
    }

    #[test]
    fn mnist_has_as_many_of_each_as_is_said() {
        let train = crate::data::mnist::load().unwrap().train;
        for digit in 0..10 {
            let found = (0..train.len()).filter(|i| train.label(*i) == Some(digit)).count();
            assert_eq!(Digits::of(&[digit]).unwrap().in_mnist(), found, "{digit}");
        }
        assert_eq!(Digits::ALL.in_mnist(), train.len());
    }
}
