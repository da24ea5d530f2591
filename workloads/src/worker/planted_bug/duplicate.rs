//! Drops a record and writes the next one twice: as many results as records, one of them lost.

/// Remembers that a duplicate is owed.
#[derive(Debug)]
pub(crate) struct DuplicateHidesLoss {
    every: u64,
    owed: u32,
}

impl DuplicateHidesLoss {
    pub(crate) fn new(every: u64) -> Self {
        Self { every, owed: 0 }
    }

    /// How many results to write for the record at a position.
    pub(crate) fn copies(&mut self, position: u64) -> u32 {
        if super::due(position, self.every) {
            self.owed += 1;
            return 0;
        }
        1 + std::mem::take(&mut self.owed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_agree_although_messages_are_lost() {
        let mut bug = DuplicateHidesLoss::new(10);
        let copies: Vec<u32> = (0..100).map(|position| bug.copies(position)).collect();
        assert_eq!(copies.iter().sum::<u32>(), 100);
        assert_eq!(copies.iter().filter(|&&copies| copies == 0).count(), 10);
        assert_eq!(copies.iter().filter(|&&copies| copies == 2).count(), 10);
    }
}
