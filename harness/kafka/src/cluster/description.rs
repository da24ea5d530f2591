//! DescribeCluster (KIP-700), DescribeTopicPartitions (KIP-966), ListConfigResources (KIP-1142)
//! and the requests for access control lists, which are refused as without an authorizer.

use std::collections::BTreeSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_acls_response::AclCreationResult;
use kafka_protocol::messages::delete_acls_response::DeleteAclsFilterResult;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::list_config_resources_response::ConfigResource;
use kafka_protocol::messages::{
    BrokerId, CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse,
    DescribeAclsRequest, DescribeAclsResponse, DescribeClusterRequest, DescribeClusterResponse,
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, ListConfigResourcesRequest,
    ListConfigResourcesResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::internal::is_internal;
use super::topics::{Topic, check_name};
use super::{Cluster, Origin};
use crate::wire::AdminResponse;

/// Partitions in one answer at most (`max.request.partition.size.limit`).
const PARTITIONS_PER_ANSWER_MAX: i32 = 2_000;

const ENDPOINT_BROKERS: i8 = 1;
const ENDPOINT_CONTROLLERS: i8 = 2;

/// Resources that ListConfigResources knows: topics, brokers, loggers, client metrics, groups.
const RESOURCES: [i8; 5] = [32, 16, 8, 4, 2];
const RESOURCE_METRICS: i8 = 16;

const NO_AUTHORIZER: &str = "No Authorizer is configured.";

/// What may be done to a topic and to the cluster, as bits by Kafka's numbers of operations:
/// all of it, where nobody forbids.
pub(super) const TOPIC_OPERATIONS: i32 =
    1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
pub(super) const CLUSTER_OPERATIONS: i32 =
    1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

impl Cluster {
    pub(super) fn describe_cluster(
        &self,
        origin: &Origin,
        request: DescribeClusterRequest,
    ) -> AdminResponse {
        let refuse = |error: ResponseError, message: &'static str| {
            let response = DescribeClusterResponse::default().with_error_code(error.code());
            let message = Some(StrBytes::from_static_str(message));
            AdminResponse::DescribeCluster(response.with_error_message(message))
        };
        match request.endpoint_type {
            _ if origin.version == 0 => {}
            ENDPOINT_BROKERS => {}
            ENDPOINT_CONTROLLERS => {
                return refuse(
                    ResponseError::MismatchedEndpointType,
                    "The request was sent to an endpoint of the wrong type.",
                );
            }
            _ => return refuse(ResponseError::UnsupportedEndpointType, "Unknown endpoint type."),
        }
        let known: BTreeSet<i32> = self.known_brokers().map(|(id, _)| id).collect();
        let fenced_too = origin.version >= 2 && request.include_fenced_brokers;
        let ids = self.brokers.keys().filter(|id| fenced_too || known.contains(id));
        let brokers = ids.filter_map(|&id| {
            let (host, port) = self.endpoint(id, origin.listener)?;
            Some(
                DescribeClusterBroker::default()
                    .with_broker_id(BrokerId(id))
                    .with_host(StrBytes::from_string(host))
                    .with_port(port)
                    .with_is_fenced(origin.version >= 2 && !known.contains(&id)),
            )
        });
        let mut response = DescribeClusterResponse::default()
            .with_cluster_id(StrBytes::from_string(self.cluster_id.clone()))
            .with_controller_id(BrokerId(known.first().copied().unwrap_or(-1)))
            .with_brokers(brokers.collect());
        if request.include_cluster_authorized_operations {
            response.cluster_authorized_operations = CLUSTER_OPERATIONS;
        }
        AdminResponse::DescribeCluster(response)
    }

    /// Describes topics in the order of their names, up to a number of partitions; the answer
    /// says where to go on.
    pub(super) fn describe_topic_partitions(
        &self,
        request: DescribeTopicPartitionsRequest,
    ) -> AdminResponse {
        let (from, first) = match &request.cursor {
            Some(cursor) => (Some(cursor.topic_name.clone()), cursor.partition_index),
            None => (None, 0),
        };
        let all = request.topics.is_empty();
        let wanted: BTreeSet<TopicName> = match all {
            true => self.topics.iter().map(|(_, topic)| topic.name.clone()).collect(),
            false => request.topics.iter().map(|topic| topic.name.clone()).collect(),
        };
        let names: Vec<&TopicName> =
            wanted.iter().filter(|&name| from.as_ref().is_none_or(|from| name >= from)).collect();
        let lost = !all && from.as_ref().is_some_and(|from| !wanted.contains(from));
        let mut response = DescribeTopicPartitionsResponse::default();
        if lost || first < 0 {
            let refused = names.into_iter().map(|name| {
                DescribeTopicPartitionsResponseTopic::default()
                    .with_name(Some(name.clone()))
                    .with_error_code(ResponseError::InvalidRequest.code())
            });
            response.topics = refused.collect();
            return AdminResponse::DescribeTopicPartitions(response);
        }
        let mut left = request.response_partition_limit.clamp(1, PARTITIONS_PER_ANSWER_MAX);
        for name in names {
            let from = if from.as_ref() == Some(name) { first } else { 0 };
            if left == 0 {
                response.next_cursor = Some(cursor(name, from));
                break;
            }
            let Some(topic) = self.topics.named(name) else {
                response.topics.push(absent(name));
                continue;
            };
            let end = from.saturating_add(left).min(topic.partitions.len() as i32);
            left -= (end - from).max(0);
            response.topics.push(self.describe_some_partitions(topic, from..end));
            if end < topic.partitions.len() as i32 {
                response.next_cursor = Some(cursor(name, end));
                break;
            }
        }
        AdminResponse::DescribeTopicPartitions(response)
    }

    fn describe_some_partitions(
        &self,
        topic: &Topic,
        wanted: std::ops::Range<i32>,
    ) -> DescribeTopicPartitionsResponseTopic {
        let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect::<Vec<_>>();
        let known: BTreeSet<i32> = self.known_brokers().map(|(id, _)| id).collect();
        let partitions = wanted.filter_map(|index| {
            let view = topic.partitions.get(usize::try_from(index).ok()?)?.view(index);
            let offline = view.replicas.iter().filter(|id| !known.contains(id));
            let error = match view.leader {
                Some(_) => 0,
                None => ResponseError::LeaderNotAvailable.code(),
            };
            Some(
                DescribeTopicPartitionsResponsePartition::default()
                    .with_error_code(error)
                    .with_partition_index(index)
                    .with_leader_id(BrokerId(view.leader.unwrap_or(-1)))
                    .with_leader_epoch(view.leader_epoch)
                    .with_replica_nodes(ids(&view.replicas))
                    .with_isr_nodes(ids(&view.isr))
                    .with_eligible_leader_replicas(Some(ids(&view.eligible_leaders)))
                    .with_last_known_elr(Some(Vec::new()))
                    .with_offline_replicas(offline.copied().map(BrokerId).collect()),
            )
        });
        DescribeTopicPartitionsResponseTopic::default()
            .with_name(Some(topic.name.clone()))
            .with_topic_id(topic.id)
            .with_is_internal(is_internal(&topic.name))
            .with_partitions(partitions.collect())
            .with_topic_authorized_operations(TOPIC_OPERATIONS)
    }

    pub(super) fn list_config_resources(
        &self,
        origin: &Origin,
        request: &ListConfigResourcesRequest,
    ) -> AdminResponse {
        let response = ListConfigResourcesResponse::default();
        let supported: &[i8] =
            if origin.version == 0 { &[RESOURCE_METRICS] } else { RESOURCES.as_slice() };
        let wanted: &[i8] = match request.resource_types.as_slice() {
            [] => supported,
            wanted => wanted,
        };
        if wanted.iter().any(|kind| !supported.contains(kind)) {
            let code = ResponseError::UnsupportedVersion.code();
            return AdminResponse::ListConfigResources(response.with_error_code(code));
        }
        let brokers = || self.known_brokers().map(|(id, _)| id.to_string());
        let topics = || self.topics.iter().map(|(_, topic)| topic.name.to_string());
        let names = |kind: i8| -> Vec<String> {
            match kind {
                2 => topics().collect(),
                4 | 8 => brokers().collect(),
                // No group or client metrics subscription has settings of its own.
                _ => Vec::new(),
            }
        };
        let kinds = RESOURCES.into_iter().filter(|kind| wanted.contains(kind));
        let resources = kinds.flat_map(|kind| {
            names(kind).into_iter().map(move |name| {
                ConfigResource::default()
                    .with_resource_name(StrBytes::from_string(name))
                    .with_resource_type(kind)
            })
        });
        let resources = resources.collect();
        AdminResponse::ListConfigResources(response.with_config_resources(resources))
    }
}

pub(super) fn describe_acls(request: &DescribeAclsRequest) -> AdminResponse {
    let unknown = [request.resource_type_filter, request.operation, request.permission_type];
    let (error, message) = match unknown.contains(&0) {
        true => (ResponseError::InvalidRequest, "The filter contains UNKNOWN elements."),
        false => (ResponseError::SecurityDisabled, NO_AUTHORIZER),
    };
    let response = DescribeAclsResponse::default()
        .with_error_code(error.code())
        .with_error_message(Some(StrBytes::from_static_str(message)));
    AdminResponse::DescribeAcls(response)
}

pub(super) fn create_acls(request: &CreateAclsRequest) -> AdminResponse {
    let refused = AclCreationResult::default()
        .with_error_code(ResponseError::SecurityDisabled.code())
        .with_error_message(Some(StrBytes::from_static_str(NO_AUTHORIZER)));
    let results = vec![refused; request.creations.len()];
    AdminResponse::CreateAcls(CreateAclsResponse::default().with_results(results))
}

pub(super) fn delete_acls(request: &DeleteAclsRequest) -> AdminResponse {
    let refused = DeleteAclsFilterResult::default()
        .with_error_code(ResponseError::SecurityDisabled.code())
        .with_error_message(Some(StrBytes::from_static_str(NO_AUTHORIZER)));
    let results = vec![refused; request.filters.len()];
    AdminResponse::DeleteAcls(DeleteAclsResponse::default().with_filter_results(results))
}

fn cursor(topic: &TopicName, partition: i32) -> Cursor {
    Cursor::default().with_topic_name(topic.clone()).with_partition_index(partition)
}

fn absent(name: &TopicName) -> DescribeTopicPartitionsResponseTopic {
    let error = match check_name(name) {
        Ok(()) => ResponseError::UnknownTopicOrPartition,
        Err((error, _)) => error,
    };
    DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(name.clone()))
        .with_is_internal(is_internal(name))
        .with_error_code(error.code())
        .with_topic_authorized_operations(TOPIC_OPERATIONS)
}
