//! How often each digit comes up, and how even that is.

use crate::config::CLASS_COUNT;

/// Counts of the digits 0 to 9.
pub type Histogram = [usize; CLASS_COUNT];

/// Counts the digits.
pub fn histogram(classes: impl IntoIterator<Item = u8>) -> Histogram {
    let mut counts = [0; CLASS_COUNT];
    for class in classes {
        counts[usize::from(class)] += 1;
    }
    counts
}

/// Entropy of the histogram, bits: log₂ 10 = 3.32 when all digits come equally often, 0 when only one does.
pub fn entropy(histogram: &Histogram) -> f64 {
    let total: usize = histogram.iter().sum();
    let shares = histogram.iter().filter(|&&count| count > 0).map(|&count| count as f64 / total as f64);
    // Adding 0 turns the −0 of a single class into 0.
    -shares.map(|share| share * share.log2()).sum::<f64>() + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_between_one_digit_and_all_alike() {
        assert_eq!(entropy(&histogram([3, 3, 3])), 0.0);
        assert_eq!(entropy(&histogram([1, 2, 1, 2])), 1.0);
        assert!((entropy(&histogram(0..10)) - 10f64.log2()).abs() < 1e-12);
        assert_eq!(entropy(&histogram([])), 0.0);
        assert_eq!(histogram([0, 9, 9]), [1, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    }
}
