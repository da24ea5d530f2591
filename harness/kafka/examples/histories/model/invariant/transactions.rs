//! (e) Who reads committed records sees none of an aborted transaction and all of a committed one,
//! in order. A transaction whose end nobody was told of is there as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::fetch_response::PartitionData;

use super::offsets::Offsets;
use super::records::ReadBatch;
use super::{Ended, Produced, Verdict};

/// What is known of each transaction, and what readers of committed records have seen.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    known: BTreeMap<u64, Transaction>,
    /// The transaction of each value written in one.
    values: BTreeMap<u64, u64>,
    /// What the last reader saw: partition, offset, value.
    seen: BTreeSet<(usize, i64, u64)>,
}

#[derive(Debug, Default)]
struct Transaction {
    /// Partition, offset and value of what was acknowledged.
    written: Vec<(usize, i64, u64)>,
    /// A broker was asked to commit it, or has said that it did.
    asked: bool,
    committed: bool,
}

impl Transactions {
    pub(super) fn arrived(&mut self, produced: &Produced) {
        if let Some(transaction) = produced.transaction {
            self.values.extend(produced.values().map(|value| (value, transaction)));
        }
    }

    pub(super) fn written(&mut self, produced: &Produced, base_offset: i64) {
        if let Some(transaction) = produced.transaction {
            let transaction = self.known.entry(transaction).or_default();
            let placed = (base_offset..).zip(produced.values());
            let placed = placed.map(|(offset, value)| (produced.partition, offset, value));
            let placed: Vec<_> = placed.filter(|it| !transaction.written.contains(it)).collect();
            transaction.written.extend(placed);
        }
    }

    pub(super) fn asked(&mut self, ended: &Ended) {
        self.known.entry(ended.transaction).or_default().asked |= ended.commits;
    }

    pub(super) fn ended(&mut self, ended: &Ended) {
        self.known.entry(ended.transaction).or_default().committed |= ended.commits;
    }

    /// Something else shows that a transaction is committed.
    pub(super) fn shown(&mut self, transaction: u64) {
        self.known.entry(transaction).or_default().committed = true;
    }

    /// Whether the last reader saw something of a transaction.
    pub(super) fn is_seen(&self, transaction: u64) -> bool {
        let known = self.known.get(&transaction);
        known.is_some_and(|known| known.written.iter().any(|place| self.seen.contains(place)))
    }

    /// A reader of committed records drops what the answer calls aborted, as Kafka's clients do.
    pub(super) fn read(
        &mut self,
        last: bool,
        position: i64,
        part: &PartitionData,
        batches: &[ReadBatch],
    ) -> Verdict {
        let partition = part.partition_index as usize;
        let mut aborted: Vec<_> = part.aborted_transactions.iter().flatten().collect();
        let mut dropped = BTreeSet::new();
        for batch in batches {
            aborted.retain(|aborted| {
                let begun = aborted.first_offset <= batch.last_offset;
                if begun {
                    dropped.insert(aborted.producer_id.0);
                }
                !begun
            });
            if batch.aborts {
                dropped.remove(&batch.producer_id);
            }
            if batch.last_offset >= part.last_stable_offset {
                let (last, stable) = (batch.last_offset, part.last_stable_offset);
                return Err(format!("partition {partition}: {last} read, {stable} is stable"));
            }
            if batch.transactional && dropped.contains(&batch.producer_id) {
                continue;
            }
            for (offset, &value) in (batch.base_offset..).zip(&batch.values) {
                if offset >= position {
                    self.see(partition, offset, value, last)?;
                }
            }
        }
        Ok(())
    }

    fn see(&mut self, partition: usize, offset: i64, value: u64, last: bool) -> Verdict {
        if last {
            self.seen.insert((partition, offset, value));
        }
        let Some(transaction) = self.values.get(&value) else { return Ok(()) };
        match self.known.get(transaction).is_some_and(|known| known.asked) {
            true => Ok(()),
            false => Err(format!(
                "partition {partition}: value {value:#x} at offset {offset} is read as committed, \
                 and nobody has asked to commit its transaction {transaction:#x}"
            )),
        }
    }

    pub(super) fn finish(&self, offsets: &Offsets) -> Verdict {
        for (number, transaction) in &self.known {
            let seen = transaction.written.iter().filter(|place| self.seen.contains(place)).count();
            let all = transaction.written.len();
            if seen != all && (transaction.committed || seen > 0) {
                return Err(format!(
                    "of transaction {number:#x} {seen} of {all} values are read as committed: \
                     {transaction:?}"
                ));
            }
        }
        for partition in 0..offsets.partitions() {
            let plain = offsets.values(partition).find(|&(offset, value)| {
                let seen = self.seen.contains(&(partition, offset, value));
                !self.values.contains_key(&value) && !seen
            });
            if let Some((offset, value)) = plain {
                return Err(format!(
                    "partition {partition}: value {value:#x} at offset {offset}, of no \
                     transaction, is not read as committed"
                ));
            }
        }
        Ok(())
    }
}
