//! A fixed set of bits that several threads may set.

use std::sync::atomic::{AtomicU64, Ordering};

/// One bit for each of a known number of messages.
#[derive(Debug)]
pub(super) struct Bits {
    words: Vec<AtomicU64>,
}

impl Bits {
    /// All bits clear; takes `count / 8` bytes.
    pub(super) fn new(count: u64) -> Self {
        let words = usize::try_from(count.div_ceil(64)).unwrap_or(usize::MAX);
        Self { words: (0..words).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Sets a bit and says whether it was set before; a bit out of range is ignored.
    pub(super) fn set(&self, index: u64) -> bool {
        let mask = 1 << (index % 64);
        self.word(index).is_some_and(|word| word.fetch_or(mask, Ordering::Relaxed) & mask != 0)
    }

    /// Clears a bit and says whether it was set before.
    pub(super) fn take(&self, index: u64) -> bool {
        let mask = 1 << (index % 64);
        self.word(index).is_some_and(|word| word.fetch_and(!mask, Ordering::Relaxed) & mask != 0)
    }

    /// Whether a bit is set; a bit out of range is not.
    pub(super) fn get(&self, index: u64) -> bool {
        let mask = 1 << (index % 64);
        self.word(index).is_some_and(|word| word.load(Ordering::Relaxed) & mask != 0)
    }

    /// How many bits are set.
    pub(super) fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.load(Ordering::Relaxed).count_ones())).sum()
    }

    /// Positions of bits that are set here and clear in `other`, in order.
    pub(super) fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = u64> + 'a {
        self.words.iter().zip(&other.words).zip(0u64..).flat_map(|((mine, theirs), word)| {
            let mut left = mine.load(Ordering::Relaxed) & !theirs.load(Ordering::Relaxed);
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| u64::from(left.trailing_zeros()))?;
                left &= left - 1;
                Some(word * 64 + bit)
            })
        })
    }

    fn word(&self, index: u64) -> Option<&AtomicU64> {
        self.words.get(usize::try_from(index / 64).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_difference_is_the_difference_of_sets(
            mine in proptest::collection::btree_set(0u64..300, 0..80),
            theirs in proptest::collection::btree_set(0u64..300, 0..80),
        ) {
            let (left, right) = (Bits::new(300), Bits::new(300));
            mine.iter().for_each(|i| assert!(!left.set(*i)));
            theirs.iter().for_each(|i| { right.set(*i); });
            let found: Vec<u64> = left.without(&right).collect();
            let expected: Vec<u64> = mine.difference(&theirs).copied().collect();
            prop_assert_eq!(found, expected);
            prop_assert!((0..300).all(|i| left.get(i) == mine.contains(&i)));
            prop_assert_eq!(left.count(), mine.len() as u64);
        }
    }

    #[test]
    fn a_bit_out_of_range_is_never_set() {
        let bits = Bits::new(10);
        assert!(!bits.set(u64::MAX));
        assert!(!bits.set(u64::MAX));
        assert_eq!(bits.count(), 0);
    }
}
