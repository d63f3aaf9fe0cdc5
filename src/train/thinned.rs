//! A series of any length in bounded memory: when it is full, every second element is forgotten.

/// Elements of equal distance, and the newest.
#[derive(Debug, Clone, PartialEq)]
pub struct Thinned<T> {
    kept: Vec<T>,
    most: usize,
    /// Elements that came.
    count: u64,
    /// One of so many is kept.
    stride: u64,
}

impl<T> Thinned<T> {
    /// An empty series that keeps at most so many elements: 4 or more.
    pub fn new(most: usize) -> Self {
        Self { kept: Vec::new(), most: most.max(4), count: 0, stride: 1 }
    }

    /// Adds the newest element.
    pub fn push(&mut self, element: T) {
        if self.count > 0 && !(self.count - 1).is_multiple_of(self.stride) {
            // The newest was kept only as long as it was that.
            self.kept.pop();
        }
        self.kept.push(element);
        self.count += 1;
        if self.kept.len() > self.most {
            self.stride *= 2;
            let newest = self.kept.len() - 1;
            let mut place = 0;
            self.kept.retain(|_| {
                place += 1;
                (place - 1) % 2 == 0 || place - 1 == newest
            });
        }
    }

    /// The elements that are kept, oldest first.
    pub fn as_slice(&self) -> &[T] {
        &self.kept
    }

    /// The newest.
    pub fn newest(&self) -> Option<&T> {
        self.kept.last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_all_kept() {
        let mut series = Thinned::new(8);
        (1..=8).for_each(|i| series.push(i));
        assert_eq!(series.as_slice(), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn many_are_thinned_evenly_and_both_ends_stay() {
        let mut series = Thinned::new(100);
        for i in 1..=12_345_u64 {
            series.push(i);
            assert_eq!(series.newest(), Some(&i));
            assert!(series.as_slice().len() <= 100);
        }
        let kept = series.as_slice();
        assert!(kept.len() > 45 && kept[0] == 1, "{kept:?}");
        let gaps: Vec<u64> = kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps[..gaps.len() - 1].iter().all(|gap| *gap == series.stride), "{gaps:?}");
    }
}
