//! (c) No offset has two contents: whoever reads an offset, whenever and from whichever leader,
//! reads the same bytes. The high watermark never goes back within a leader's epoch, and what
//! was once below it stays.

use std::collections::BTreeMap;

use kafka_protocol::messages::fetch_response::PartitionData;

use super::records::ReadBatch;
use super::{Fetched, Verdict};

/// Everything that was read, by partition.
#[derive(Debug)]
pub(super) struct Offsets {
    logs: Vec<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// By offset.
    entries: Vec<Option<Entry>>,
    /// The highest that was shown, by leader epoch.
    high_watermarks: BTreeMap<i32, i64>,
    /// Where the log ended when everything was at rest.
    end: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// The record's value; a control record has none.
    value: Option<u64>,
    leader_epoch: i32,
    batch: u64,
}

impl Offsets {
    pub(super) fn new(partitions: i32) -> Self {
        Self { logs: (0..partitions).map(|_| Seen::default()).collect() }
    }

    pub(super) fn read(
        &mut self,
        fetched: &Fetched,
        part: &PartitionData,
        batches: Option<Vec<ReadBatch>>,
    ) -> Verdict {
        let partition = part.partition_index as usize;
        let place = fetched.places.iter().find(|place| place.0 == partition);
        let (Some(seen), Some(&(_, epoch, _))) = (self.logs.get_mut(partition), place) else {
            return Err(format!("partition {partition} was not asked for"));
        };
        if part.error_code != 0 {
            return Ok(());
        }
        let shown = part.high_watermark;
        let highest = seen.high_watermarks.entry(epoch).or_insert(shown);
        if shown < *highest {
            return Err(format!(
                "partition {partition}: in epoch {epoch} broker {} shows high watermark {shown} \
                 after {highest}",
                fetched.broker
            ));
        }
        *highest = shown;
        if fetched.last {
            seen.end = Some(shown);
        }
        let batches = batches.ok_or_else(|| format!("partition {partition}: damaged records"))?;
        for batch in batches {
            if batch.last_offset >= shown {
                let last = batch.last_offset;
                return Err(format!("partition {partition}: {last} read, {shown} committed"));
            }
            seen.add(&batch).map_err(|text| format!("partition {partition}: {text}"))?;
        }
        Ok(())
    }

    pub(super) fn finish(&self) -> Verdict {
        for (partition, seen) in self.logs.iter().enumerate() {
            let end = seen.end.ok_or_else(|| format!("partition {partition} was not read"))?;
            let highest = seen.high_watermarks.values().copied().max().unwrap_or(0);
            if highest > end || seen.entries.len() as i64 > end {
                return Err(format!("partition {partition} ends at {end}, was read to {highest}"));
            }
            let hole = (0..end).find(|&offset| seen.entry(offset).is_none());
            if let Some(hole) = hole {
                return Err(format!("partition {partition} has nothing at offset {hole}"));
            }
        }
        Ok(())
    }

    pub(super) fn partitions(&self) -> usize {
        self.logs.len()
    }

    /// The value at an offset, unless there is none.
    pub(super) fn value(&self, partition: usize, offset: i64) -> Option<u64> {
        self.logs.get(partition)?.entry(offset)?.value
    }

    /// All values in order, with their offsets.
    pub(super) fn values(&self, partition: usize) -> impl Iterator<Item = (i64, u64)> + '_ {
        let entries = (0..).zip(&self.logs[partition].entries);
        entries.filter_map(|(offset, entry)| Some((offset, (*entry)?.value?)))
    }
}

impl Seen {
    fn entry(&self, offset: i64) -> Option<Entry> {
        *self.entries.get(usize::try_from(offset).ok()?)?
    }

    fn add(&mut self, batch: &ReadBatch) -> Verdict {
        let count = batch.last_offset - batch.base_offset + 1;
        for nth in 0..count {
            let value = batch.values.get(nth as usize).copied();
            let (leader_epoch, batch_digest) = (batch.leader_epoch, batch.digest);
            let entry = Entry { value, leader_epoch, batch: batch_digest };
            let offset = (batch.base_offset + nth) as usize;
            if self.entries.len() <= offset {
                self.entries.resize(offset + 1, None);
            }
            let before = *self.entries[offset].get_or_insert(entry);
            if before != entry {
                return Err(format!("offset {offset} was {before:#x?} and is {entry:#x?}"));
            }
        }
        Ok(())
    }
}

/// A consumer never stands beyond what it was shown.
pub(super) fn position_lost(partition: usize, position: i64) -> Verdict {
    Err(format!("partition {partition}: a consumer has read up to {position}, which is gone"))
}
