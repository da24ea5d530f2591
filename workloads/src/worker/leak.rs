//! Memory that is taken on purpose and never given back.

/// What is kept in all, at most: a worker that nobody limits must not take the whole machine.
const KEPT_MAX: usize = 1 << 30;

/// Keeps some memory for each record.
#[derive(Debug)]
pub(crate) struct Leak {
    bytes: usize,
    kept: Vec<Box<[u8]>>,
}

impl Leak {
    /// A leak of so many bytes a record; none of 0.
    pub(crate) fn new(bytes: u64) -> Self {
        Self { bytes: usize::try_from(bytes).unwrap_or(KEPT_MAX), kept: Vec::new() }
    }

    /// One more record was processed.
    pub(crate) fn grow(&mut self) {
        let due = self.kept.len().saturating_add(1).saturating_mul(self.bytes);
        if self.bytes > 0 && due <= KEPT_MAX {
            // For zeroes alone the system would provide no memory.
            self.kept.push(vec![1; self.bytes].into_boxed_slice());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_takes_its_share_up_to_the_bound() {
        let kept = |bytes: u64, records: usize| {
            let mut leak = Leak::new(bytes);
            (0..records).for_each(|_| leak.grow());
            leak.kept.iter().map(|piece| piece.len()).sum::<usize>()
        };
        assert_eq!(kept(0, 10), 0);
        assert_eq!(kept(1_000, 10), 10_000);
        assert_eq!(kept(KEPT_MAX as u64 / 2 + 1, 3), KEPT_MAX / 2 + 1);
        assert_eq!(kept(u64::MAX, 3), 0);
    }
}
