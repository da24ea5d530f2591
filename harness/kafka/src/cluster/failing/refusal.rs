//! The answer that says nothing but an error, for each API that can be refused as a whole: the
//! code for every partition, topic, group or key that the request names, as Kafka's handlers and
//! the `getErrorResponse` of its requests give it.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::*;

use super::super::{Cluster, Origin, commits, groups};
use crate::wire::{FetchAnswer, FetchedPartition, FetchedTopic, ProduceWork, Request, Response};

/// Whether an answer of this API can say nothing but an error.
pub(super) fn is_known(key: ApiKey) -> bool {
    matches!(
        key,
        ApiKey::Produce
            | ApiKey::Fetch
            | ApiKey::ListOffsets
            | ApiKey::Metadata
            | ApiKey::OffsetCommit
            | ApiKey::OffsetFetch
            | ApiKey::FindCoordinator
            | ApiKey::JoinGroup
            | ApiKey::Heartbeat
            | ApiKey::LeaveGroup
            | ApiKey::SyncGroup
            | ApiKey::CreateTopics
            | ApiKey::DeleteTopics
            | ApiKey::InitProducerId
            | ApiKey::OffsetForLeaderEpoch
            | ApiKey::AddPartitionsToTxn
            | ApiKey::AddOffsetsToTxn
            | ApiKey::EndTxn
            | ApiKey::TxnOffsetCommit
            | ApiKey::OffsetDelete
            | ApiKey::ConsumerGroupHeartbeat
    )
}

/// The answer to a request that says nothing but an error and needs to know nothing else, if it
/// is one of those APIs.
pub(crate) fn refusal(version: i16, request: &Request, error: ResponseError) -> Option<Response> {
    let code = error.code();
    Some(match request {
        Request::Produce(work) => Response::Produce(produce(work, code)),
        Request::Fetch(request) => Response::Fetch(fetch(version, request, error)),
        Request::Metadata(request) => Response::Metadata(metadata(request, code)),
        Request::ListOffsets(request) => Response::ListOffsets(list_offsets(request, code)),
        Request::OffsetForLeaderEpoch(request) => {
            Response::OffsetForLeaderEpoch(epoch_ends(request, code))
        }
        Request::OffsetCommit(request) => {
            Response::OffsetCommit(commits::commit_refused(&request.topics, error))
        }
        Request::FindCoordinator(request) => {
            Response::FindCoordinator(coordinators(version, request, code))
        }
        Request::CreateTopics(request) => {
            let topics = request.topics.iter().map(|topic| {
                let result = CreatableTopicResult::default().with_name(topic.name.clone());
                result.with_error_code(code)
            });
            let response = CreateTopicsResponse::default().with_topics(topics.collect());
            Response::CreateTopics(response)
        }
        Request::DeleteTopics(request) => Response::DeleteTopics(delete_topics(request, code)),
        Request::InitProducerId(_) => {
            let response = InitProducerIdResponse::default().with_error_code(code);
            let nobody = response.with_producer_id(ProducerId(-1)).with_producer_epoch(-1);
            Response::InitProducerId(nobody)
        }
        Request::Transaction(request) => {
            let refused = super::super::transactions::refusal(version, request, error)?;
            Response::Transaction(refused)
        }
        group => return groups::refusal(group, version, error),
    })
}

impl Cluster {
    /// The refusal of a request by a broker that does its work otherwise: it knows of fetch
    /// sessions, and of brokers.
    pub(super) fn refusal(
        &mut self,
        origin: &Origin,
        request: &Request,
        error: ResponseError,
    ) -> Option<Response> {
        Some(match request {
            Request::Fetch(request) => self.refuse_fetch(origin, (**request).clone(), error),
            Request::Metadata(request) => self.refuse_metadata(origin, request, error.code()),
            other => return refusal(origin.version, other, error),
        })
    }

    /// Brokers are told as ever, and of each topic nothing but the error.
    fn refuse_metadata(
        &mut self,
        origin: &Origin,
        request: &MetadataRequest,
        code: i16,
    ) -> Response {
        let request = request.clone().with_allow_auto_topic_creation(false);
        let mut response = self.metadata(origin, request);
        if let Response::Metadata(response) = &mut response {
            for topic in &mut response.topics {
                topic.error_code = code;
                topic.partitions.clear();
            }
        }
        response
    }
}

fn produce(work: &ProduceWork, code: i16) -> ProduceResponse {
    let topics = work.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            PartitionProduceResponse::default()
                .with_index(partition.index)
                .with_error_code(code)
                .with_base_offset(-1)
        });
        TopicProduceResponse::default()
            .with_name(topic.name.clone())
            .with_topic_id(topic.id)
            .with_partition_responses(partitions.collect())
    });
    ProduceResponse::default().with_responses(topics.collect())
}

/// From version 13 on topics go by their ids, and the error is said once.
fn fetch(version: i16, request: &FetchRequest, error: ResponseError) -> FetchAnswer {
    let refused = FetchAnswer::refused(error);
    if version >= 13 {
        return refused;
    }
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| FetchedPartition {
            error_code: error.code(),
            ..FetchedPartition::nothing(wanted.partition)
        });
        let (name, id) = (topic.topic.clone(), topic.topic_id);
        FetchedTopic { name, id, partitions: partitions.collect() }
    });
    FetchAnswer { topics: topics.collect(), ..refused }
}

fn metadata(request: &MetadataRequest, code: i16) -> MetadataResponse {
    let topics = request.topics.iter().flatten().map(|topic| {
        MetadataResponseTopic::default()
            .with_name(Some(topic.name.clone().unwrap_or_default()))
            .with_topic_id(topic.topic_id)
            .with_error_code(code)
    });
    MetadataResponse::default().with_error_code(code).with_topics(topics.collect())
}

fn list_offsets(request: &ListOffsetsRequest, code: i16) -> ListOffsetsResponse {
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            ListOffsetsPartitionResponse::default()
                .with_partition_index(wanted.partition_index)
                .with_error_code(code)
                .with_offset(-1)
                .with_timestamp(-1)
        });
        let partitions = partitions.collect();
        ListOffsetsTopicResponse::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions)
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

fn epoch_ends(request: &OffsetForLeaderEpochRequest, code: i16) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            EpochEndOffset::default()
                .with_partition(wanted.partition)
                .with_error_code(code)
                .with_leader_epoch(-1)
                .with_end_offset(-1)
        });
        OffsetForLeaderTopicResult::default()
            .with_topic(topic.topic.clone())
            .with_partitions(partitions.collect())
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}

/// From version 4 on for each key, before for the one.
fn coordinators(
    version: i16,
    request: &FindCoordinatorRequest,
    code: i16,
) -> FindCoordinatorResponse {
    let response = FindCoordinatorResponse::default();
    if version < 4 {
        return response.with_error_code(code).with_node_id(BrokerId(-1)).with_port(-1);
    }
    let coordinators = request.coordinator_keys.iter().map(|key| {
        let nowhere = Coordinator::default().with_key(key.clone()).with_error_code(code);
        nowhere.with_node_id(BrokerId(-1)).with_port(-1)
    });
    response.with_coordinators(coordinators.collect())
}

/// From version 6 on topics may be named by their ids.
fn delete_topics(request: &DeleteTopicsRequest, code: i16) -> DeleteTopicsResponse {
    let named = request
        .topic_names
        .iter()
        .map(|name| DeletableTopicResult::default().with_name(Some(name.clone())));
    let listed = request.topics.iter().map(|topic| {
        let result = DeletableTopicResult::default().with_name(topic.name.clone());
        result.with_topic_id(topic.topic_id)
    });
    let results = named.chain(listed).map(|result| result.with_error_code(code));
    DeleteTopicsResponse::default().with_responses(results.collect())
}
