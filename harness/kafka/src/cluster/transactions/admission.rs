//! Whether the batches of a Produce belong to the transaction under way (KIP-890). Newer clients'
//! partitions are added to it by the first batch; older clients have added them before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;

use super::super::{Answer, Cluster, Origin, PartitionKey, Timer};
use crate::coordinator::Ticket;
use crate::log::{Batch, Unfit};
use crate::transactions::{Participant, ProducerKey};
use crate::wire::{ProduceTopic, ProduceWork};

/// How long a Produce waits at most for the end of the transaction before
/// (`add.partitions.to.txn.retry.backoff.max.ms`).
const WAIT_MAX: Duration = Duration::from_millis(100);

/// The first version in which Produce adds its partitions to the transaction.
const VERSION_ADDS: i16 = 12;

/// The first version whose clients know TRANSACTION_ABORTABLE.
const VERSION_ABORTABLE: i16 = 11;

/// A Produce that comes before its producer's last transaction is complete.
#[derive(Debug)]
pub(super) struct ParkedAdmission {
    id: StrBytes,
    origin: Origin,
    work: ProduceWork,
    deadline: Duration,
}

impl ParkedAdmission {
    pub(super) fn broker(&self) -> i32 {
        self.origin.broker
    }
}

/// Partitions that the coordinator must be asked about, with what it then says.
type Asked = BTreeMap<PartitionKey, Participant>;

impl Cluster {
    /// Refuses the batches that belong to no transaction under way. `None`: the Produce waits.
    pub(in super::super) fn admit(
        &mut self,
        origin: &Origin,
        work: ProduceWork,
    ) -> Option<ProduceWork> {
        self.admit_until(origin, work, self.now + WAIT_MAX)
    }

    fn admit_until(
        &mut self,
        origin: &Origin,
        mut work: ProduceWork,
        deadline: Duration,
    ) -> Option<ProduceWork> {
        let producers = producers(&work);
        let Some(&(producer_id, epoch)) = producers.first() else { return Some(work) };
        let Some(id) = work.transactional_id.clone() else {
            // Kafka holds who may write under which id before all else, and there is no id.
            refuse_all(&mut work, ResponseError::TransactionalIdAuthorizationFailed);
            return Some(work);
        };
        if producers.len() > 1 {
            refuse_all(&mut work, ResponseError::InvalidProducerIdMapping);
            return Some(work);
        }
        let asked = self.ask_partitions(origin, &mut work);
        if asked.is_empty() {
            return Some(work);
        }
        let producer = ProducerKey { id: producer_id, epoch };
        let refused = self.ask_coordinator(origin, &id, producer, &asked);
        let waits = refused.values().any(|&error| error == ResponseError::ConcurrentTransactions);
        if waits && origin.version >= VERSION_ADDS && self.now < deadline {
            self.timers.insert((deadline, Timer::Transaction(origin.ticket)));
            let parked = ParkedAdmission { id, origin: origin.clone(), work, deadline };
            self.transactions.admissions.insert(origin.ticket, parked);
            return None;
        }
        self.each_batch(origin, &mut work, |key, _, _| {
            let error = for_producers(*refused.get(&key)?, origin.version);
            Some(Err(Unfit::Sent(error)))
        });
        Some(work)
    }

    /// The partitions whose leader does not know the transaction yet. Those with an old epoch are
    /// refused at once.
    fn ask_partitions(&mut self, origin: &Origin, work: &mut ProduceWork) -> Asked {
        let (now, bumps_epoch) = (self.now, origin.version >= VERSION_ADDS);
        let mut asked = Asked::new();
        let verdicts = |cluster: &mut Self, key: PartitionKey, name: &TopicName, first: &Batch| {
            let partition = cluster.topics.partition_mut(key.0, key.1)?;
            let replica = partition.led_mut(origin.broker).ok()?;
            match replica.log.verify(first, bumps_epoch, now) {
                Ok(true) => {
                    asked.insert(key, Participant::Partition(name.0.clone(), key.1));
                    None
                }
                Ok(false) => None,
                Err(error) => Some(Err(Unfit::Sent(error))),
            }
        };
        self.each_batch_with(origin, work, verdicts);
        asked
    }

    fn ask_coordinator(
        &mut self,
        origin: &Origin,
        id: &StrBytes,
        producer: ProducerKey,
        asked: &Asked,
    ) -> BTreeMap<PartitionKey, ResponseError> {
        let all = |error| asked.keys().map(|&key| (key, error)).collect();
        match self.transactions.coordinates(id) {
            None => return all(ResponseError::CoordinatorNotAvailable),
            Some(broker) if !self.reaches(origin.broker, broker) => {
                return all(ResponseError::NetworkException);
            }
            Some(_) => {}
        }
        let coordinator = &mut self.transactions.coordinator;
        if origin.version >= VERSION_ADDS {
            let participants: BTreeSet<Participant> = asked.values().cloned().collect();
            let added = coordinator.add(self.now, id, producer, &participants, true);
            return added.map_or_else(all, |()| BTreeMap::new());
        }
        let verify = |(&key, who): (&PartitionKey, &Participant)| {
            Some((key, coordinator.verify(id, producer, who).err()?))
        };
        asked.iter().filter_map(verify).collect()
    }

    /// Visits each partition with a transactional batch: its key, its topic's name, its first
    /// batch. What the visit gives takes the place of the batches.
    fn each_batch_with(
        &mut self,
        origin: &Origin,
        work: &mut ProduceWork,
        mut visit: impl FnMut(
            &mut Self,
            PartitionKey,
            &TopicName,
            &Batch,
        ) -> Option<Result<Vec<Batch>, Unfit>>,
    ) {
        for topic in &mut work.topics {
            let Some(index) = self.produce_topic_index(origin, topic) else { continue };
            let Some(name) = self.topics.get(index).map(|topic| topic.name.clone()) else {
                continue;
            };
            for partition in &mut topic.partitions {
                let Ok(batches) = &partition.batches else { continue };
                let Some(first) = batches.first().filter(|_| batches.iter().any(is_transactional))
                else {
                    continue;
                };
                if let Some(instead) = visit(self, (index, partition.index), &name, first) {
                    partition.batches = instead;
                }
            }
        }
    }

    fn each_batch(
        &mut self,
        origin: &Origin,
        work: &mut ProduceWork,
        visit: impl Fn(PartitionKey, &TopicName, &Batch) -> Option<Result<Vec<Batch>, Unfit>>,
    ) {
        self.each_batch_with(origin, work, |_, key, name, first| visit(key, name, first));
    }

    pub(in super::super) fn produce_topic_index(
        &self,
        origin: &Origin,
        topic: &ProduceTopic,
    ) -> Option<u32> {
        match origin.version {
            13.. => self.topics.index_of_id(&topic.id),
            _ => self.topics.index(&topic.name),
        }
    }

    /// The Produces that waited for a transaction which is complete now go on, in their order.
    pub(super) fn admit_waiting(&mut self, answers: &mut Vec<Answer>) {
        for id in std::mem::take(&mut self.transactions.completed) {
            let waiting = self.transactions.admissions.iter().filter(|(_, parked)| parked.id == id);
            let waiting: Vec<Ticket> = waiting.map(|(&ticket, _)| ticket).collect();
            for ticket in waiting {
                self.admit_again(ticket, answers);
            }
        }
    }

    pub(super) fn expire_admission(&mut self, ticket: Ticket, answers: &mut Vec<Answer>) {
        self.admit_again(ticket, answers);
    }

    fn admit_again(&mut self, ticket: Ticket, answers: &mut Vec<Answer>) {
        let Some(parked) = self.transactions.admissions.remove(&ticket) else { return };
        let ParkedAdmission { origin, work, deadline, .. } = parked;
        self.timers.remove(&(deadline, Timer::Transaction(ticket)));
        if let Some(work) = self.admit_until(&origin, work, deadline) {
            self.produce_admitted(self.now, &origin, work, answers);
        }
    }
}

fn is_transactional(batch: &Batch) -> bool {
    batch.is_transactional() && batch.producer_id >= 0
}

/// The producers of the transactional batches.
fn producers(work: &ProduceWork) -> BTreeSet<(i64, i16)> {
    let partitions = work.topics.iter().flat_map(|topic| &topic.partitions);
    let batches = partitions.filter_map(|partition| partition.batches.as_ref().ok()).flatten();
    let transactional = batches.filter(|batch| is_transactional(batch));
    transactional.map(|batch| (batch.producer_id, batch.producer_epoch)).collect()
}

fn refuse_all(work: &mut ProduceWork, error: ResponseError) {
    let partitions = work.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
    partitions.for_each(|partition| partition.batches = Err(Unfit::Sent(error)));
}

/// What a producer is told when the coordinator says `error`.
fn for_producers(error: ResponseError, version: i16) -> ResponseError {
    use ResponseError::{
        ConcurrentTransactions, CoordinatorLoadInProgress, CoordinatorNotAvailable,
        InvalidProducerEpoch, InvalidTxnState, NetworkException, NotCoordinator, NotEnoughReplicas,
        ProducerFenced, TransactionAbortable,
    };
    match error {
        ProducerFenced => InvalidProducerEpoch,
        TransactionAbortable if version < VERSION_ABORTABLE => InvalidTxnState,
        NetworkException | CoordinatorLoadInProgress | CoordinatorNotAvailable | NotCoordinator => {
            NotEnoughReplicas
        }
        ConcurrentTransactions if version < VERSION_ADDS => NotEnoughReplicas,
        other => other,
    }
}
