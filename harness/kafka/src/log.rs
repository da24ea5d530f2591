//! One replica's log: batches in offset order, found by binary search, and what follows from them
//! alone: where leader epochs began, what producers appended last, and which transactions ended
//! how. A log that is copied or truncated carries all of it.

use std::collections::VecDeque;
use std::time::Duration;

pub(crate) mod batch;
pub(crate) mod epochs;
pub(crate) mod producers;
pub(crate) mod transactions;
pub(crate) mod validation;
pub(crate) mod verification;

pub(crate) use batch::{Batch, Marker, Unfit};
pub(crate) use validation::{Refused, Rules};

use kafka_protocol::ResponseError;

use epochs::Epochs;
use producers::{Producer, Producers, Sequence};
use transactions::{Aborted, Transactions};
use verification::Verification;

/// What a stored batch takes beside its bytes and its places in the replicas' logs: the rest of the
/// request that it came in, the count of who holds it, and what the allocator adds.
const BESIDE_BYTES: usize = 200;

/// What batches take beside their bytes counts from this `retention.bytes` on: a topic with a
/// smaller one keeps to it exactly, as in Kafka.
const HELD_BYTES_COUNT_FROM: u64 = 1 << 20;

/// The batches of one replica. Offsets are continuous from `start` to `end`.
#[derive(Debug, Default)]
pub(crate) struct Log {
    batches: VecDeque<Batch>,
    start: i64,
    end: i64,
    bytes: u64,
    epochs: Epochs,
    producers: Producers,
    /// The producers as they were at the first batch kept: where a truncation starts again.
    producers_before: Producers,
    transactions: Transactions,
    verification: Verification,
}

impl Log {
    /// The first offset that can be read.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    /// The offset that the next record gets.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// Bytes of all batches kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of memory that the batches take where so many replicas hold them. Of small batches
    /// that is several times their bytes.
    pub(crate) fn held_bytes(&self, replicas: usize) -> u64 {
        // A queue of batches has at most twice the places that it needs.
        let beside = BESIDE_BYTES + replicas * 2 * size_of::<Batch>();
        self.bytes + (self.batches.len() * beside) as u64
    }

    /// A new leader begins to write at the log's end.
    pub(crate) fn begin_epoch(&mut self, epoch: i32) {
        self.epochs.begin(epoch, self.end);
    }

    /// The largest epoch not after `epoch`, and the offset where it ended.
    pub(crate) fn epoch_end(&self, epoch: i32) -> Option<(i32, i64)> {
        self.epochs.end_of(epoch, self.end)
    }

    /// The last epoch that wrote here or began to.
    pub(crate) fn latest_epoch(&self) -> Option<i32> {
        self.epochs.latest()
    }

    /// Forgets everything and begins again at `start`, as a follower does that is behind all that
    /// its leader still has.
    pub(crate) fn restart_at(&mut self, start: i64) {
        *self = Self { start, end: start, ..Self::default() };
    }

    /// Compares a client's batch with what its producer appended before.
    pub(crate) fn check(&self, batch: &Batch) -> Result<Sequence, ResponseError> {
        self.producers.check(batch, self.verification.get(batch.producer_id))
    }

    /// Compares a coordinator's marker with what its producer appended before.
    pub(crate) fn check_marker(&self, batch: &Batch) -> Result<(), ResponseError> {
        let marker = batch.marker().ok_or(ResponseError::InvalidRecord)?;
        self.producers.check_marker(batch, marker)
    }

    /// Whether the coordinator must be asked about the transaction of a batch before the batch is
    /// appended (KIP-890). `bumps_epoch`: the client's epoch rises with each transaction.
    pub(crate) fn verify(
        &mut self,
        batch: &Batch,
        bumps_epoch: bool,
        now: Duration,
    ) -> Result<bool, ResponseError> {
        let (id, epoch) = (batch.producer_id, batch.producer_epoch);
        if self.producers.get(id).is_some_and(|known| epoch < known.epoch) {
            return Err(ResponseError::InvalidProducerEpoch);
        }
        if self.producers.in_transaction(id, epoch) {
            return Ok(false);
        }
        self.verification.begin((id, epoch, batch.base_sequence), bumps_epoch, now);
        Ok(true)
    }

    /// Appends a batch and returns the offset of its first record.
    pub(crate) fn append(&mut self, mut batch: Batch, leader_epoch: i32, now: Duration) -> i64 {
        batch.base_offset = self.end;
        batch.leader_epoch = leader_epoch;
        batch.appended_at = now;
        let base_offset = batch.base_offset;
        self.push(batch);
        base_offset
    }

    /// Appends a batch as another replica's log has it, which begins at this log's end.
    pub(crate) fn append_copy(&mut self, mut batch: Batch, now: Duration) {
        if self.latest_epoch().is_none_or(|latest| latest < batch.leader_epoch) {
            self.epochs.begin(batch.leader_epoch, batch.base_offset);
        }
        batch.appended_at = now;
        self.push(batch);
    }

    /// Appends a batch that has its offset, epoch and time.
    fn push(&mut self, batch: Batch) {
        self.end = batch.last_offset() + 1;
        self.bytes += batch.len() as u64;
        if let Some(change) = self.producers.remember(&batch) {
            self.transactions.apply(batch.producer_id, batch.base_offset, change);
        }
        if batch.is_transactional() {
            self.verification.end(batch.producer_id);
        }
        self.batches.push_back(batch);
    }

    /// The offset up to which readers of committed records see the log (KIP-98).
    pub(crate) fn last_stable(&self, high_watermark: i64) -> i64 {
        self.transactions.last_stable(high_watermark).max(self.start.min(high_watermark))
    }

    /// The aborted transactions with records in `from..until`.
    pub(crate) fn aborted(&self, from: i64, until: i64) -> Vec<Aborted> {
        self.transactions.aborted(from, until)
    }

    /// The producers known, by id.
    pub(crate) fn producers(&self) -> impl Iterator<Item = (i64, &Producer)> {
        self.producers.iter()
    }

    /// Forgets producers that have been silent since `before`.
    pub(crate) fn expire_producers(&mut self, before: Duration) {
        self.producers.expire(before);
        self.producers_before.expire(before);
        self.verification.expire(before);
    }

    /// The batches from the one that holds `offset` on.
    pub(crate) fn batches_from(&self, offset: i64) -> impl Iterator<Item = &Batch> {
        self.batches.range(self.position(offset)..)
    }

    /// The end of what was appended at or before `time`.
    pub(crate) fn end_at(&self, time: Duration) -> i64 {
        let after = self.batches.partition_point(|batch| batch.appended_at <= time);
        self.batches.get(after).map_or(self.end, |batch| batch.base_offset)
    }

    /// The batch after these `read`, if it ends before `until`, and how many of its bytes a reader
    /// of at most `bytes_max` gets: Kafka fills what was asked for to the byte.
    pub(crate) fn torn(
        &self,
        read: &[Batch],
        until: i64,
        bytes_max: usize,
    ) -> Option<(Batch, usize)> {
        let left = bytes_max.checked_sub(read.iter().map(Batch::len).sum()).filter(|&it| it > 0)?;
        let next = self.batches_from(read.last()?.last_offset() + 1).next()?;
        (next.last_offset() < until).then(|| (next.clone(), left))
    }

    /// The batches from the one that holds `from` up to `until` (exclusive), at most `bytes_max`
    /// bytes of them; the first is given whole if `first_whole`, so that a reader never sticks.
    pub(crate) fn read(
        &self,
        from: i64,
        until: i64,
        bytes_max: usize,
        first_whole: bool,
    ) -> impl Iterator<Item = &Batch> {
        let mut left = bytes_max;
        let mut first = first_whole;
        self.batches.range(self.position(from)..).take_while(move |batch| {
            let fits = batch.len() <= left || std::mem::take(&mut first);
            first = false;
            left = left.saturating_sub(batch.len());
            fits && batch.last_offset() < until
        })
    }

    /// Bytes of the batches that lie in `from..until`.
    pub(crate) fn bytes_between(&self, from: i64, until: i64) -> usize {
        self.read(from, until, usize::MAX, true).map(Batch::len).sum()
    }

    /// The first record at or after `timestamp_ms` below `until`: its offset and timestamp.
    pub(crate) fn first_at(&self, timestamp_ms: i64, until: i64) -> Option<(i64, i64)> {
        let found = self
            .batches
            .iter()
            .take_while(|batch| batch.base_offset < until)
            .find_map(|batch| batch.first_at(timestamp_ms))?;
        Some((found.0.max(self.start), found.1))
    }

    /// The first record with the newest timestamp below `until`: its offset and timestamp.
    pub(crate) fn newest(&self, until: i64) -> Option<(i64, i64)> {
        self.batches
            .iter()
            .take_while(|batch| batch.base_offset < until)
            .max_by_key(|batch| (batch.max_timestamp_ms, std::cmp::Reverse(batch.base_offset)))
            .map(|batch| (batch.newest(), batch.max_timestamp_ms))
    }

    /// Forgets everything before `offset`, which lies in the log.
    pub(crate) fn advance_start(&mut self, offset: i64) {
        self.start = self.start.max(offset.min(self.end));
        while self.batches.front().is_some_and(|batch| batch.last_offset() < self.start) {
            self.drop_front();
        }
        self.epochs.advance_start(self.start);
        self.transactions.advance_start(self.start);
    }

    /// Drops the tail from `end` on, as a replica does that had more than the new leader.
    pub(crate) fn truncate(&mut self, end: i64) {
        let kept = self.batches.len();
        while self.batches.back().is_some_and(|batch| batch.base_offset >= end) {
            if let Some(batch) = self.batches.pop_back() {
                self.bytes -= batch.len() as u64;
            }
        }
        self.end = self.batches.back().map_or(end.min(self.end), |batch| batch.last_offset() + 1);
        self.start = self.start.min(self.end);
        self.epochs.truncate(self.end);
        self.verification.clear();
        if self.batches.len() == kept {
            return;
        }
        self.producers = self.producers_before.clone();
        for batch in &self.batches {
            self.producers.remember(batch);
        }
        self.transactions.truncate(self.end, &self.producers);
    }

    /// Applies retention to what lies below `until`: the oldest batches go while there are more
    /// than `bytes_max` bytes, in the log or in the memory of its `replicas` together, or while
    /// they were appended before `appended_before`.
    pub(crate) fn retain(
        &mut self,
        (bytes_max, replicas): (u64, usize),
        appended_before: Duration,
        until: i64,
    ) {
        let held_max = if bytes_max < HELD_BYTES_COUNT_FROM { u64::MAX } else { bytes_max };
        while let Some(batch) = self.batches.front() {
            let expired = self.bytes > bytes_max
                || self.held_bytes(replicas) > held_max
                || batch.appended_at < appended_before;
            if !expired || batch.last_offset() >= until {
                break;
            }
            self.start = batch.last_offset() + 1;
            self.drop_front();
        }
        self.epochs.advance_start(self.start);
        self.transactions.replicated(until);
        self.transactions.advance_start(self.start);
    }

    fn drop_front(&mut self) {
        if let Some(batch) = self.batches.pop_front() {
            self.bytes -= batch.len() as u64;
            self.producers_before.remember(&batch);
        }
    }

    fn position(&self, offset: i64) -> usize {
        self.batches.partition_point(|batch| batch.last_offset() < offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(counts: &[i32]) -> Log {
        let mut log = Log::default();
        for (second, &count) in counts.iter().enumerate() {
            let batch = Batch::split(batch::tests::sample(count, None, 39), 1 << 20).unwrap();
            let now = Duration::from_secs(second as u64);
            for batch in batch {
                log.append(batch, 0, now);
            }
        }
        log
    }

    fn bases<'a>(batches: impl Iterator<Item = &'a Batch>) -> Vec<i64> {
        batches.map(|batch| batch.base_offset).collect()
    }

    #[test]
    fn a_read_starts_with_the_batch_that_holds_the_offset() {
        let log = log(&[3, 2, 5]);
        assert_eq!(bases(log.read(0, 10, usize::MAX, true)), [0, 3, 5]);
        assert_eq!(bases(log.read(4, 10, usize::MAX, true)), [3, 5]);
        assert_eq!(bases(log.read(5, 10, usize::MAX, true)), [5]);
        assert_eq!(bases(log.read(0, 9, usize::MAX, true)), [0, 3]);
        assert!(bases(log.read(10, 10, usize::MAX, true)).is_empty());
    }

    #[test]
    fn a_read_keeps_to_its_bytes_but_gives_the_first_batch_whole() {
        let log = log(&[3, 2, 5]);
        assert_eq!(bases(log.read(0, 10, 200, true)), [0, 3]);
        assert_eq!(bases(log.read(0, 10, 10, true)), [0]);
        assert!(bases(log.read(0, 10, 10, false)).is_empty());
    }

    #[test]
    fn retention_drops_the_oldest_below_the_bound() {
        let mut log = log(&[3, 2, 5]);
        log.retain((250, 1), Duration::ZERO, 10);
        assert_eq!((log.start(), log.bytes()), (3, 200));
        log.retain((u64::MAX, 1), Duration::from_secs(2), 10);
        assert_eq!((log.start(), log.bytes()), (5, 100));
        log.retain((0, 1), Duration::ZERO, 5);
        assert_eq!(log.start(), 5, "what is not yet replicated stays");
    }

    #[test]
    fn what_small_batches_take_beside_their_bytes_is_held_against_retention() {
        let mut log = log(&[1; 10_000]);
        let each = log.held_bytes(3) / 10_000;
        assert_eq!(each, 100 + 200 + 6 * size_of::<Batch>() as u64);
        log.retain((1_000_000, 3), Duration::ZERO, 10_000);
        assert_eq!(log.start(), 0, "below a mebibyte only the log's own bytes count");
        log.retain((1 << 20, 3), Duration::ZERO, 10_000);
        assert_eq!((10_000 - log.start()) as u64, (1 << 20) / each);
        log.retain((50_000, 3), Duration::ZERO, 10_000);
        assert_eq!(log.bytes(), 50_000);
    }

    #[test]
    fn a_start_inside_a_batch_keeps_the_batch() {
        let mut log = log(&[3, 2]);
        log.advance_start(4);
        assert_eq!((log.start(), log.bytes()), (4, 100));
        log.advance_start(99);
        assert_eq!((log.start(), log.end(), log.bytes()), (5, 5, 0));
    }

    #[test]
    fn truncation_cuts_whole_batches() {
        let mut log = log(&[3, 2, 5]);
        log.truncate(5);
        assert_eq!((log.end(), log.bytes()), (5, 200));
        log.truncate(0);
        assert_eq!((log.start(), log.end(), log.bytes()), (0, 0, 0));
    }

    #[test]
    fn timestamps_find_their_batch() {
        let log = log(&[3, 2]);
        assert_eq!(log.first_at(0, 5), Some((0, 1_000)));
        assert_eq!(log.first_at(3_000, 5), None);
        assert_eq!(log.newest(5), Some((2, 2_000)));
    }
}
