//! The markers that end transactions in their partitions: written at the leader, and there for
//! good once all in-sync replicas have them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::write_txn_markers_response::{
    WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
    WriteTxnMarkersResponse,
};
use kafka_protocol::messages::{TopicName, WriteTxnMarkersRequest};
use kafka_protocol::protocol::StrBytes;

use super::super::groups::slot;
use super::{Answer, Cluster, Origin, Timer};
use crate::coordinator::Ticket;
use crate::fault::Disk;
use crate::log::{Batch, Marker};
use crate::transactions::{Participant, ProducerKey};
use crate::wire::{Response, TransactionResponse};

use super::super::PartitionKey;

/// The topic that stands for committed offsets.
const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// How long a request to write markers waits for the in-sync replicas.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Markers that are not on all in-sync replicas yet.
#[derive(Debug, Default)]
pub(super) struct Markers {
    /// Appended, by partition.
    written: BTreeMap<PartitionKey, Vec<Written>>,
    /// Partitions among these where something has happened.
    pub(super) touched: BTreeSet<PartitionKey>,
    /// To be tried again, because a leader or coordinator was away.
    pub(super) retries: BTreeSet<(StrBytes, Participant)>,
}

#[derive(Debug)]
struct Written {
    broker: i32,
    leader_epoch: i32,
    end: i64,
    purpose: Purpose,
}

/// Who wants a marker.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A transaction that ends.
    Transaction(StrBytes, Participant),
    /// A request, with the place of the partition in its answer: marker, topic, partition.
    Request(Ticket, (usize, usize, usize)),
}

/// What became of a marker.
pub(super) enum Outcome {
    Done,
    Failed(ResponseError),
    /// It waits for the in-sync replicas.
    Pending,
}

/// A request to write markers that waits.
#[derive(Debug)]
pub(super) struct ParkedMarkers {
    pub(super) broker: i32,
    deadline: Duration,
    response: WriteTxnMarkersResponse,
    waits: BTreeSet<(usize, usize, usize)>,
}

impl Markers {
    /// Something has changed in a partition: who waits there is looked at again.
    pub(in super::super) fn touch(&mut self, key: PartitionKey) {
        if !self.written.is_empty() && self.written.contains_key(&key) {
            self.touched.insert(key);
        }
    }
}

impl Cluster {
    /// Something has changed in a partition.
    pub(in super::super) fn touch_markers(&mut self, key: PartitionKey) {
        self.transactions.markers.touch(key);
    }

    /// Appends a marker at `broker`, if it leads.
    pub(super) fn append_marker(
        &mut self,
        broker: i32,
        key: PartitionKey,
        (producer, marker): (ProducerKey, Marker),
        purpose: Purpose,
    ) -> Outcome {
        let timestamp_ms = self.unix_ms(self.now);
        let batch = Batch::control((producer.id, producer.epoch), marker, timestamp_ms);
        let now = self.now;
        if self.brokers.get(&broker).is_some_and(|broker| broker.disk == Disk::Full) {
            self.fail_directory(broker);
        }
        let Some((partition, around)) = self.surrounded(key) else {
            return Outcome::Failed(ResponseError::UnknownTopicOrPartition);
        };
        let needed = around.min_insync_replicas.min(partition.registration.replicas.len());
        let appended = partition.led_mut(broker).and_then(|replica| {
            if !replica.enough_in_sync(needed) {
                return Err(ResponseError::NotEnoughReplicas);
            }
            replica.log.check_marker(&batch)?;
            replica.log.append(batch, replica.leader_epoch(), now);
            Ok((replica.log.end(), replica.leader_epoch()))
        });
        let (end, leader_epoch) = match appended {
            Ok(appended) => appended,
            Err(error) => return Outcome::Failed(error),
        };
        self.replicated(key, broker);
        let partition = self.topics.partition_mut(key.0, key.1);
        let replica = partition.and_then(|partition| partition.replica(broker));
        if replica.is_some_and(|replica| replica.high_watermark() >= end) {
            return Outcome::Done;
        }
        let written = Written { broker, leader_epoch, end, purpose };
        self.transactions.markers.written.entry(key).or_default().push(written);
        Outcome::Pending
    }

    /// Looks at the markers written in the partitions where something has happened.
    pub(super) fn follow_markers(&mut self) {
        while let Some(key) = self.transactions.markers.touched.pop_first() {
            let Some(waiting) = self.transactions.markers.written.remove(&key) else { continue };
            let mut left = Vec::new();
            for written in waiting {
                match self.outcome(key, &written) {
                    Some(outcome) => self.marker_settled(written.purpose, outcome),
                    None => left.push(written),
                }
            }
            if !left.is_empty() {
                self.transactions.markers.written.entry(key).or_default().extend(left);
            }
        }
    }

    fn outcome(&self, key: PartitionKey, written: &Written) -> Option<Result<(), ResponseError>> {
        let topic = self.topics.get(key.0);
        let position = usize::try_from(key.1).unwrap_or(usize::MAX);
        let partition = topic.and_then(|topic| topic.partitions.get(position));
        let Some(partition) = partition else {
            return Some(Err(ResponseError::UnknownTopicOrPartition));
        };
        let Some(replica) = partition.replica(written.broker) else {
            return Some(Err(ResponseError::NotLeaderOrFollower));
        };
        if !self.alive(written.broker)
            || !replica.leads()
            || replica.leader_epoch() != written.leader_epoch
        {
            return Some(Err(ResponseError::NotLeaderOrFollower));
        }
        (replica.high_watermark() >= written.end).then_some(Ok(()))
    }

    fn marker_settled(&mut self, purpose: Purpose, outcome: Result<(), ResponseError>) {
        match purpose {
            Purpose::Transaction(id, participant) => match outcome {
                Ok(()) => self.participant_ended(&id, &participant),
                Err(_) => self.retry_marker(id, participant),
            },
            Purpose::Request(ticket, place) => {
                if let Some(parked) = self.transactions.marker_requests.get_mut(&ticket) {
                    parked.waits.remove(&place);
                    if let Err(error) = outcome {
                        refuse(&mut parked.response, place, error);
                    }
                }
            }
        }
    }

    /// WriteTxnMarkers: what coordinators tell leaders, and administrators who end a transaction
    /// that hangs.
    pub(super) fn write_markers(
        &mut self,
        origin: &Origin,
        request: &WriteTxnMarkersRequest,
        answers: &mut Vec<Answer>,
    ) {
        let mut response = WriteTxnMarkersResponse::default();
        let mut waits = BTreeSet::new();
        for wanted in &request.markers {
            let producer = ProducerKey { id: wanted.producer_id.0, epoch: wanted.producer_epoch };
            let commit = wanted.transaction_result;
            let marker = Marker { commit, coordinator_epoch: wanted.coordinator_epoch };
            let mut result = WritableTxnMarkerResult::default();
            result.producer_id = wanted.producer_id;
            for topic in &wanted.topics {
                let mut partitions = Vec::new();
                for &partition in &topic.partition_indexes {
                    let place = (response.markers.len(), result.topics.len(), partitions.len());
                    let purpose = Purpose::Request(origin.ticket, place);
                    let key = (&topic.name, partition);
                    let code = match self.mark(origin.broker, key, producer, marker, purpose) {
                        Outcome::Done => 0,
                        Outcome::Failed(error) => error.code(),
                        Outcome::Pending => {
                            waits.insert(place);
                            0
                        }
                    };
                    let answer = WritableTxnMarkerPartitionResult::default();
                    partitions.push(answer.with_partition_index(partition).with_error_code(code));
                }
                let answer = WritableTxnMarkerTopicResult::default().with_name(topic.name.clone());
                result.topics.push(answer.with_partitions(partitions));
            }
            response.markers.push(result);
        }
        let (broker, ticket) = (origin.broker, origin.ticket);
        let deadline = self.now + REQUEST_TIMEOUT;
        self.timers.insert((deadline, Timer::Transaction(ticket)));
        let parked = ParkedMarkers { broker, deadline, response, waits };
        self.transactions.marker_requests.insert(ticket, parked);
        self.answer_markers(answers);
    }

    fn mark(
        &mut self,
        broker: i32,
        (topic, partition): (&TopicName, i32),
        producer: ProducerKey,
        marker: Marker,
        purpose: Purpose,
    ) -> Outcome {
        if topic.as_str() == OFFSETS_TOPIC && self.topics.index(topic).is_none() {
            let slot = usize::try_from(partition).ok();
            let led = slot.is_some_and(|slot| self.group_coordinator(slot) == Some(broker));
            if !led {
                return Outcome::Failed(ResponseError::UnknownTopicOrPartition);
            }
            self.end_offsets(partition, producer.id, marker.commit);
            return Outcome::Done;
        }
        let hosted = self.topics.index(topic).map(|topic| (topic, partition)).filter(|&key| {
            let partition = self.topics.partition_mut(key.0, key.1);
            partition.is_some_and(|partition| partition.replica(broker).is_some())
        });
        match hosted {
            Some(key) => self.append_marker(broker, key, (producer, marker), purpose),
            None => Outcome::Failed(ResponseError::UnknownTopicOrPartition),
        }
    }

    /// Drops or commits the offsets that a producer has pending in the groups of a slot.
    pub(super) fn end_offsets(&mut self, slot_number: i32, producer_id: i64, commit: bool) {
        let in_slot = |group: &str| i32::try_from(slot(group)) == Ok(slot_number);
        self.coordinator.end_transaction(producer_id, commit, in_slot);
    }

    /// Answers the requests whose markers are all on the in-sync replicas.
    pub(super) fn answer_markers(&mut self, answers: &mut Vec<Answer>) {
        let requests = &mut self.transactions.marker_requests;
        let complete: Vec<Ticket> = requests
            .iter()
            .filter(|(_, parked)| parked.waits.is_empty())
            .map(|(&ticket, _)| ticket)
            .collect();
        for ticket in complete {
            if let Some(parked) = requests.remove(&ticket) {
                self.timers.remove(&(parked.deadline, Timer::Transaction(ticket)));
                answers.push(answer(ticket, parked.response));
            }
        }
    }

    pub(super) fn expire_markers(&mut self, ticket: Ticket, answers: &mut Vec<Answer>) {
        if let Some(mut parked) = self.transactions.marker_requests.remove(&ticket) {
            for &place in &parked.waits {
                refuse(&mut parked.response, place, ResponseError::RequestTimedOut);
            }
            answers.push(answer(ticket, parked.response));
        }
    }
}

fn answer(ticket: Ticket, response: WriteTxnMarkersResponse) -> Answer {
    let response = Response::Transaction(TransactionResponse::WriteMarkers(response));
    Answer { ticket, response }
}

fn refuse(
    response: &mut WriteTxnMarkersResponse,
    (marker, topic, partition): (usize, usize, usize),
    error: ResponseError,
) {
    let topic = response.markers.get_mut(marker).and_then(|marker| marker.topics.get_mut(topic));
    if let Some(part) = topic.and_then(|topic| topic.partitions.get_mut(partition)) {
        part.error_code = error.code();
    }
}
