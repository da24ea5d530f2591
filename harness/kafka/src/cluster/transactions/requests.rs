//! What producers ask their coordinator: who they are, what takes part, how it ends.

use std::collections::BTreeSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse, EndTxnRequest, EndTxnResponse, InitProducerIdRequest,
    InitProducerIdResponse, ProducerId, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::super::by_topic::{merged, take_unknown};
use super::super::groups::slot;
use super::super::{Cluster, Origin};
use crate::coordinator::transactional_refusal;
use crate::transactions::{Participant, ProducerKey};
use crate::wire::Response;

/// The first version in which one request speaks of several transactions, as brokers ask.
pub(super) const VERSION_BATCH: i16 = 4;

/// The first version of EndTxn whose answers raise the producer's epoch.
const VERSION_BUMPS: i16 = 5;

/// The first version of TxnOffsetCommit that adds the group to the transaction.
const VERSION_ADDS: i16 = 5;

/// The first version of TxnOffsetCommit whose clients know TRANSACTION_ABORTABLE.
const VERSION_ABORTABLE: i16 = 4;

impl Cluster {
    pub(in super::super) fn init_producer_id(
        &mut self,
        origin: &Origin,
        request: InitProducerIdRequest,
    ) -> Response {
        let outcome = self.init_producer(origin, &request);
        let (producer, code) = match outcome {
            Ok(producer) => (producer, 0),
            Err(error) => {
                let nobody = ProducerKey { id: -1, epoch: -1 };
                (nobody, fenced_before(4, origin.version, error).code())
            }
        };
        let response = InitProducerIdResponse::default().with_error_code(code);
        Response::InitProducerId(
            response.with_producer_id(ProducerId(producer.id)).with_producer_epoch(producer.epoch),
        )
    }

    fn init_producer(
        &mut self,
        origin: &Origin,
        request: &InitProducerIdRequest,
    ) -> Result<ProducerKey, ResponseError> {
        let expected = match (request.producer_id.0, request.producer_epoch) {
            (-1, -1) => None,
            (-1, _) | (_, -1) => return Err(ResponseError::InvalidRequest),
            (id, epoch) => Some(ProducerKey { id, epoch }),
        };
        let Some(id) = &request.transactional_id else {
            let id = self.transactions.coordinator.new_producer_id();
            return Ok(ProducerKey { id, epoch: 0 });
        };
        let timeout_ms = request.transaction_timeout_ms;
        // Any broker refuses what cannot be.
        self.transactions.coordinator.valid(&id.0, timeout_ms)?;
        self.check_coordinator(origin.broker, id)?;
        self.transactions.coordinator.init(self.now, &id.0, timeout_ms, expected)
    }

    pub(super) fn add_partitions(
        &mut self,
        origin: &Origin,
        request: AddPartitionsToTxnRequest,
    ) -> AddPartitionsToTxnResponse {
        if origin.version >= VERSION_BATCH {
            let results = request.transactions.iter().map(|wanted| {
                let topics = self.add_to_one(origin, wanted);
                AddPartitionsToTxnResult::default()
                    .with_transactional_id(wanted.transactional_id.clone())
                    .with_topic_results(topics)
            });
            let results = results.collect();
            return AddPartitionsToTxnResponse::default().with_results_by_transaction(results);
        }
        let wanted = AddPartitionsToTxnTransaction::default()
            .with_transactional_id(request.v3_and_below_transactional_id)
            .with_producer_id(request.v3_and_below_producer_id)
            .with_producer_epoch(request.v3_and_below_producer_epoch)
            .with_topics(request.v3_and_below_topics);
        let topics = self.add_to_one(origin, &wanted);
        AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(topics)
    }

    fn add_to_one(
        &mut self,
        origin: &Origin,
        wanted: &AddPartitionsToTxnTransaction,
    ) -> Vec<AddPartitionsToTxnTopicResult> {
        let mut participants = BTreeSet::new();
        let mut absent = false;
        for (topic, index) in each(&wanted.topics) {
            match self.participant(topic, index) {
                Some(participant) => drop(participants.insert(participant)),
                None => absent = true,
            }
        }
        if absent {
            return results(&wanted.topics, |topic, index| {
                match self.participant(topic, index).is_some() {
                    true => ResponseError::OperationNotAttempted.code(),
                    false => ResponseError::UnknownTopicOrPartition.code(),
                }
            });
        }
        let id = &wanted.transactional_id.0;
        let producer = ProducerKey { id: wanted.producer_id.0, epoch: wanted.producer_epoch };
        let led = if id.is_empty() { Ok(()) } else { self.check_coordinator(origin.broker, id) };
        let coordinator = &mut self.transactions.coordinator;
        if wanted.verify_only && led.is_ok() {
            return results(&wanted.topics, |topic, index| {
                let who = Participant::Partition(topic.clone(), index);
                coordinator.verify(id, producer, &who).err().map_or(0, |error| error.code())
            });
        }
        let bumps_epoch = origin.version >= VERSION_BATCH;
        let now = self.now;
        let added =
            led.and_then(|()| coordinator.add(now, id, producer, &participants, bumps_epoch));
        let error = added.err().map(|error| fenced_before(2, origin.version, error));
        results(&wanted.topics, |_, _| error.map_or(0, |error| error.code()))
    }

    /// The partition as the coordinator keeps it, if it exists.
    fn participant(&self, topic: &StrBytes, index: i32) -> Option<Participant> {
        let known = self.topics.named(topic)?;
        known.partitions.get(usize::try_from(index).ok()?)?;
        Some(Participant::Partition(known.name.0.clone(), index))
    }

    pub(super) fn add_offsets(
        &mut self,
        origin: &Origin,
        request: &AddOffsetsToTxnRequest,
    ) -> AddOffsetsToTxnResponse {
        let id = &request.transactional_id.0;
        let producer = ProducerKey { id: request.producer_id.0, epoch: request.producer_epoch };
        let led = if id.is_empty() { Ok(()) } else { self.check_coordinator(origin.broker, id) };
        let added = led.and_then(|()| {
            let participants = BTreeSet::from([offsets_of(&request.group_id)]);
            let coordinator = &mut self.transactions.coordinator;
            coordinator.add(self.now, id, producer, &participants, false)
        });
        let code = added.err().map_or(0, |error| fenced_before(2, origin.version, error).code());
        AddOffsetsToTxnResponse::default().with_error_code(code)
    }

    pub(super) fn end_transaction(
        &mut self,
        origin: &Origin,
        request: &EndTxnRequest,
    ) -> EndTxnResponse {
        let id = &request.transactional_id.0;
        let producer = ProducerKey { id: request.producer_id.0, epoch: request.producer_epoch };
        let led = if id.is_empty() { Ok(()) } else { self.check_coordinator(origin.broker, id) };
        let bumps_epoch = origin.version >= VERSION_BUMPS;
        let ended = led.and_then(|()| {
            let coordinator = &mut self.transactions.coordinator;
            coordinator.end(self.now, id, producer, request.committed, bumps_epoch)
        });
        let response = EndTxnResponse::default();
        match ended {
            Ok(next) if bumps_epoch => {
                response.with_producer_id(ProducerId(next.id)).with_producer_epoch(next.epoch)
            }
            Ok(_) => response.with_producer_id(ProducerId(-1)).with_producer_epoch(-1),
            Err(error) => response
                .with_producer_id(ProducerId(-1))
                .with_producer_epoch(-1)
                .with_error_code(fenced_before(2, origin.version, error).code()),
        }
    }

    /// TxnOffsetCommit: offsets that count once the transaction commits.
    pub(super) fn commit_in_transaction(
        &mut self,
        origin: &Origin,
        mut request: TxnOffsetCommitRequest,
    ) -> TxnOffsetCommitResponse {
        let absent = take_unknown(&mut request.topics, |topic, partition| {
            self.exists(topic, partition.partition_index)
        });
        request.topics.retain(|topic| !topic.partitions.is_empty());
        let mut response = match request.topics.is_empty() {
            true => TxnOffsetCommitResponse::default(),
            false => match self.admit_offsets(origin, &request) {
                Ok(()) => self.coordinator.commit_in_transaction(self.now, &request),
                Err(error) => transactional_refusal(&request.topics, error),
            },
        };
        let refused = transactional_refusal(&absent, ResponseError::UnknownTopicOrPartition);
        let answered = std::mem::take(&mut response.topics);
        response.topics = merged(refused.topics, answered);
        response
    }

    fn admit_offsets(
        &mut self,
        origin: &Origin,
        request: &TxnOffsetCommitRequest,
    ) -> Result<(), ResponseError> {
        if request.group_id.is_empty() {
            return Err(ResponseError::InvalidGroupId);
        }
        self.coordinates(origin.broker, &request.group_id)?;
        let id = &request.transactional_id.0;
        match self.transactions.coordinates(id) {
            None => return Err(ResponseError::CoordinatorNotAvailable),
            // The group coordinator cannot reach the other, and clients retry on this one.
            Some(broker) if !self.reaches(origin.broker, broker) => {
                return Err(ResponseError::CoordinatorLoadInProgress);
            }
            Some(_) => {}
        }
        let producer = ProducerKey { id: request.producer_id.0, epoch: request.producer_epoch };
        let who = offsets_of(&request.group_id);
        let coordinator = &mut self.transactions.coordinator;
        let admitted = match origin.version {
            VERSION_ADDS.. => coordinator.add(self.now, id, producer, &BTreeSet::from([who]), true),
            _ => coordinator.verify(id, producer, &who),
        };
        admitted.map_err(|error| match error {
            ResponseError::ProducerFenced => ResponseError::InvalidProducerEpoch,
            ResponseError::TransactionAbortable if origin.version < VERSION_ABORTABLE => {
                ResponseError::InvalidTxnState
            }
            other => other,
        })
    }
}

fn offsets_of(group: &str) -> Participant {
    Participant::Offsets(slot(group) as i32)
}

/// Clients before `version` know a fenced producer by another error.
fn fenced_before(since: i16, version: i16, error: ResponseError) -> ResponseError {
    match error {
        ResponseError::ProducerFenced if version < since => ResponseError::InvalidProducerEpoch,
        other => other,
    }
}

fn each(topics: &[AddPartitionsToTxnTopic]) -> impl Iterator<Item = (&StrBytes, i32)> {
    let partitions = topics.iter().map(|topic| (&topic.name.0, &topic.partitions));
    partitions.flat_map(|(name, indexes)| indexes.iter().map(move |&index| (name, index)))
}

pub(super) fn results(
    topics: &[AddPartitionsToTxnTopic],
    mut code: impl FnMut(&StrBytes, i32) -> i16,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let results = topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|&index| {
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(index)
                .with_partition_error_code(code(&topic.name, index))
        });
        let partitions = partitions.collect();
        AddPartitionsToTxnTopicResult::default()
            .with_name(topic.name.clone())
            .with_results_by_partition(partitions)
    });
    results.collect()
}
