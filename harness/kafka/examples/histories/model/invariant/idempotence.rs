//! (g) What an idempotent producer writes is in each partition once and in its order, however
//! often it was sent.

use std::collections::{BTreeMap, BTreeSet};

use super::offsets::Offsets;
use super::{Produced, Verdict};

/// The producers that number their batches.
#[derive(Debug, Default)]
pub(super) struct Idempotence {
    ordered: BTreeSet<u64>,
}

impl Idempotence {
    pub(super) fn arrived(&mut self, produced: &Produced) {
        if produced.ordered {
            self.ordered.insert(produced.producer);
        }
    }

    pub(super) fn finish(&self, offsets: &Offsets) -> Verdict {
        for partition in 0..offsets.partitions() {
            let mut last: BTreeMap<u64, u64> = BTreeMap::new();
            for (offset, value) in offsets.values(partition) {
                let producer = value >> 32;
                if !self.ordered.contains(&producer) {
                    continue;
                }
                let before = last.insert(producer, value).filter(|before| *before >= value);
                if let Some(before) = before {
                    return Err(format!(
                        "partition {partition} holds value {value:#x} of producer {producer} at \
                         offset {offset}, after {before:#x}"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// All before it was acknowledged, so that its sequence cannot be wrong.
pub(super) fn out_of_order(producer: u64, partition: usize, first: u64) -> Verdict {
    Err(format!(
        "partition {partition} refused producer {producer}'s oldest open batch {first:#x} as out \
         of order"
    ))
}
