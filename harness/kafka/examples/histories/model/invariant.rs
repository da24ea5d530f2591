//! What must hold. The observer sees every request when it reaches a broker and every answer when
//! a broker gives it, also those that no client ever gets.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use embedded_kafka::ReplicaView;
use kafka_protocol::protocol::StrBytes;

use super::fault::Kind;
use super::records;
use super::wire::Reply;

mod acknowledged;
mod agreement;
mod commits;
mod idempotence;
mod liveness;
mod offsets;
mod owners;
mod ownership;
mod positions;
mod transactions;

use acknowledged::Acknowledged;
use commits::Commits;
use idempotence::Idempotence;
use offsets::Offsets;
use owners::Owners;
use ownership::Ownership;
use positions::Positions;
use transactions::Transactions;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The invariant, by the name of its file.
    pub(crate) invariant: &'static str,
    pub(crate) text: String,
}

/// What a request means to the model.
#[derive(Debug)]
pub(crate) enum Note {
    Metadata,
    Identity,
    Produce(Produced),
    Fetch(Fetched),
    Find,
    Join,
    Sync(Synced),
    FetchOffsets,
    Commit(Committed),
    Beat,
    Leave,
    Add,
    End(Ended),
    ConsumerBeat(Beaten),
    /// A look at the committed offset of this producer's group.
    FetchStable(u64),
    SendOffset(SentOffset),
}

/// Values that a producer writes as one batch.
#[derive(Debug, Clone)]
pub(crate) struct Produced {
    pub(crate) producer: u64,
    pub(crate) partition: usize,
    pub(crate) acks: i16,
    pub(crate) first: u64,
    pub(crate) count: u64,
    /// The producer numbers its batches.
    pub(crate) ordered: bool,
    /// The transaction they belong to.
    pub(crate) transaction: Option<u64>,
}

/// The end of a transaction.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) transaction: u64,
    pub(crate) commits: bool,
}

impl Produced {
    fn values(&self) -> Range<u64> {
        self.first..self.first + self.count
    }
}

/// A consumer's reading.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) broker: i32,
    /// Partitions, with the leader epoch and the position at which each is read.
    pub(crate) places: Vec<(usize, i32, i64)>,
    /// Nothing is written any more.
    pub(crate) last: bool,
    /// Only committed records are asked for.
    pub(crate) committed: bool,
}

impl Fetched {
    /// Where a partition is read from.
    fn position(&self, partition: i32) -> i64 {
        let mut places = self.places.iter();
        places.find(|place| place.0 as i32 == partition).map_or(0, |place| place.2)
    }
}

/// A member's question for its assignment; the leader brings everybody's.
#[derive(Debug)]
pub(crate) struct Synced {
    pub(crate) generation: i32,
    pub(crate) member: StrBytes,
    pub(crate) shares: Vec<(StrBytes, Vec<i32>)>,
}

/// A member's progress: partitions and offsets.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) generation: i32,
    pub(crate) offsets: Vec<(i32, i64)>,
}

/// A heartbeat of a member by KIP-848: the epoch it speaks of, and what it owns.
#[derive(Debug)]
pub(crate) struct Beaten {
    pub(crate) member: StrBytes,
    pub(crate) epoch: i32,
    pub(crate) owned: Vec<i32>,
}

/// An offset sent with a transaction.
#[derive(Debug)]
pub(crate) struct SentOffset {
    pub(crate) producer: u64,
    pub(crate) transaction: u64,
    pub(crate) offset: i64,
}

/// All invariants, and the first violation.
#[derive(Debug)]
pub(crate) struct Observer {
    pub(crate) violation: Option<Violation>,
    pub(crate) now: Duration,
    faults: BTreeMap<Kind, u64>,
    acknowledged: Acknowledged,
    offsets: Offsets,
    commits: Commits,
    idempotence: Idempotence,
    owners: Owners,
    ownership: Ownership,
    positions: Positions,
    transactions: Transactions,
}

type Verdict = Result<(), String>;

impl Observer {
    pub(crate) fn new(partitions: i32) -> Self {
        Self {
            violation: None,
            now: Duration::ZERO,
            faults: BTreeMap::new(),
            acknowledged: Acknowledged::default(),
            offsets: Offsets::new(partitions),
            commits: Commits::default(),
            idempotence: Idempotence::default(),
            owners: Owners::default(),
            ownership: Ownership::default(),
            positions: Positions::default(),
            transactions: Transactions::default(),
        }
    }

    pub(crate) fn struck(&mut self, kind: Kind) {
        *self.faults.entry(kind).or_default() += 1;
    }

    /// How often each kind of fault has struck.
    pub(crate) fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.faults.iter().map(|(kind, &count)| (kind.name(), count)).collect()
    }

    /// A request has reached its broker.
    pub(crate) fn arrived(&mut self, note: &Note) {
        match note {
            Note::Produce(produced) => {
                self.idempotence.arrived(produced);
                self.transactions.arrived(produced);
            }
            Note::End(ended) => {
                self.transactions.asked(ended);
                self.positions.asked(ended);
            }
            Note::ConsumerBeat(beaten) => self.owners.arrived(beaten),
            Note::SendOffset(sent) => self.positions.arrived(sent),
            Note::Sync(synced) => self.ownership.brought(synced),
            Note::Commit(committed) => self.commits.arrived(committed),
            _ => {}
        }
    }

    /// A broker has answered.
    pub(crate) fn answered(&mut self, note: &Note, reply: &Reply) {
        match (note, reply) {
            (Note::Produce(produced), Reply::Produce(response)) => {
                self.acknowledged.answered(produced, response);
                let parts = response.responses.iter().flat_map(|topic| &topic.partition_responses);
                for part in parts.filter(|part| part.error_code == 0) {
                    self.transactions.written(produced, part.base_offset);
                }
            }
            (Note::End(ended), Reply::EndTxn(response)) if response.error_code == 0 => {
                self.transactions.ended(ended);
                self.positions.ended(ended);
            }
            (Note::ConsumerBeat(beaten), Reply::ConsumerGroupHeartbeat(response))
                if response.error_code == 0 =>
            {
                let verdict = self.owners.answered(self.now, beaten, response);
                self.judge("owners", verdict);
            }
            (Note::FetchStable(producer), Reply::OffsetFetch(response)) => {
                match self.positions.fetched(*producer, response) {
                    Ok(shown) => shown.into_iter().for_each(|it| self.transactions.shown(it)),
                    Err(text) => self.judge("positions", Err(text)),
                }
            }
            (Note::Fetch(fetched), Reply::Fetch(response)) => {
                for part in response.responses.iter().flat_map(|topic| &topic.partitions) {
                    let batches = records::read(part.records.clone().unwrap_or_default());
                    let position = fetched.position(part.partition_index);
                    if let Some(batches) = batches.as_ref().filter(|_| fetched.committed) {
                        let (last, read) = (fetched.last, &mut self.transactions);
                        let verdict = read.read(last, position, part, batches);
                        self.judge("transactions", verdict);
                    }
                    let verdict = self.offsets.read(fetched, part, batches);
                    self.judge("offsets", verdict);
                }
            }
            (Note::Sync(synced), Reply::SyncGroup(response)) if response.error_code == 0 => {
                let verdict = self.ownership.answered(synced, &response.assignment);
                self.judge("ownership", verdict);
            }
            (Note::Commit(committed), Reply::OffsetCommit(response)) => {
                let verdict = self.commits.answered(committed, response);
                self.judge("commits", verdict);
            }
            (Note::FetchOffsets, Reply::OffsetFetch(response)) => {
                let verdict = self.commits.fetched(response);
                self.judge("commits", verdict);
            }
            _ => {}
        }
    }

    /// The replicas of a partition as they are now.
    pub(crate) fn compare(&mut self, partition: i32, replicas: &[ReplicaView]) {
        self.judge("agreement", agreement::compare(partition, replicas));
    }

    /// The cluster is at rest and has been read to its end.
    pub(crate) fn finish(&mut self) {
        let verdict = self.offsets.finish();
        self.judge("offsets", verdict);
        let verdict = self.acknowledged.finish(&self.offsets);
        self.judge("acknowledged", verdict);
        let verdict = self.idempotence.finish(&self.offsets);
        self.judge("idempotence", verdict);
        let verdict = self.transactions.finish(&self.offsets);
        self.judge("transactions", verdict);
        let verdict = self.positions.finish(|transaction| self.transactions.is_seen(transaction));
        self.judge("positions", verdict);
    }

    /// An idempotent producer's oldest open batch is out of order to the broker.
    pub(crate) fn out_of_order(&mut self, producer: u64, partition: usize, first: u64) {
        let verdict = idempotence::out_of_order(producer, partition, first);
        self.judge("idempotence", verdict);
    }

    /// What a consumer has read is gone.
    pub(crate) fn position_lost(&mut self, partition: usize, position: i64) {
        self.judge("offsets", offsets::position_lost(partition, position));
    }

    /// No answer came where one is owed.
    pub(crate) fn unanswered(&mut self, what: &str) {
        self.judge("liveness", liveness::unanswered(what));
    }

    /// Somebody has not finished.
    pub(crate) fn restless(&mut self, who: &str) {
        self.judge("liveness", liveness::restless(who));
    }

    /// An answer that the codec does not read.
    pub(crate) fn unreadable(&mut self, note: &Note) {
        self.judge("liveness", liveness::unreadable(&format!("{note:?}")));
    }

    fn judge(&mut self, invariant: &'static str, verdict: Verdict) {
        if let Err(text) = verdict {
            self.violation.get_or_insert(Violation { invariant, text });
        }
    }
}

/// Bytes of an assignment as the partitions that they name.
fn share(assignment: &Bytes) -> Vec<i32> {
    super::client::read_share(assignment)
}
