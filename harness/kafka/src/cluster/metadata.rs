//! ApiVersions and Metadata.

use std::collections::BTreeSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::description::{CLUSTER_OPERATIONS, TOPIC_OPERATIONS};
use super::internal::{Coordination, is_internal};
use super::partition::registration::Registration;
use super::topics::{Topic, check_name};
use super::{Cluster, Origin};
use crate::wire::{Api, Response, served};

/// What is served, in which versions.
pub(super) fn api_versions(version: i16, error_code: i16) -> Response {
    let api_keys = served().iter().map(|&Api { key, version_min, version_max, .. }| {
        // Clients take a broker without the oldest Produce for one that they cannot talk to, so
        // Kafka goes on naming those versions and serves none of them (KIP-896).
        let version_min = if key == ApiKey::Produce { 0 } else { version_min };
        ApiVersion::default()
            .with_api_key(key as i16)
            .with_min_version(version_min)
            .with_max_version(version_max)
    });
    let mut api_keys: Vec<ApiVersion> = api_keys.collect();
    api_keys.sort_by_key(|api| api.api_key);
    let response = ApiVersionsResponse::default().with_error_code(error_code);
    let response = response.with_api_keys(api_keys);
    Response::ApiVersions(if version >= 3 { with_features(response, version) } else { response })
}

/// What a client is told that does not say what it is (KIP-511).
pub(super) fn refused_client() -> Response {
    let code = ResponseError::InvalidRequest.code();
    Response::ApiVersions(ApiVersionsResponse::default().with_error_code(code))
}

/// The features of the cluster, and their highest levels, at which they are final (KIP-584).
const FEATURES: &[(&str, i16)] = &[("group.version", 1), ("transaction.version", 2)];

fn with_features(response: ApiVersionsResponse, version: i16) -> ApiVersionsResponse {
    let finalized = FEATURES.iter().map(|&(name, level)| {
        FinalizedFeatureKey::default()
            .with_name(StrBytes::from_static_str(name))
            .with_min_version_level(level)
            .with_max_version_level(level)
    });
    let supported = FEATURES.iter().map(|&(name, level)| {
        let feature = SupportedFeatureKey::default().with_name(StrBytes::from_static_str(name));
        feature.with_min_version(0).with_max_version(level)
    });
    // Clients of version 3 do not take a lowest level of 0.
    let supported = supported.filter(|_| version >= 4).collect();
    response
        .with_supported_features(supported)
        .with_finalized_features_epoch(0)
        .with_finalized_features(finalized.collect())
}

impl Cluster {
    pub(super) fn metadata(&mut self, origin: &Origin, request: MetadataRequest) -> Response {
        if let Some(refused) = refused(origin, &request) {
            return refused;
        }
        let operations = request.include_topic_authorized_operations;
        let all = match &request.topics {
            None => true,
            Some(topics) => topics.is_empty() && origin.version == 0,
        };
        let create = self.config.auto_create_topics && request.allow_auto_topic_creation;
        let topics = if all {
            let seen = self.topics.iter().map(|(_, topic)| topic);
            let seen = seen.filter(|topic| self.topic_seen(origin.broker, topic.id));
            seen.map(|topic| self.describe_topic(origin, topic)).collect()
        } else {
            let wanted = asked_for(request.topics.unwrap_or_default());
            let each = wanted.into_iter().map(|wanted| match wanted.name {
                Some(name) => self.metadata_by_name(origin, name, create),
                None => self.metadata_by_id(origin, wanted.topic_id),
            });
            each.collect()
        };
        let seen = self.brokers_seen(origin.broker).into_iter();
        let brokers = seen.filter_map(|id| {
            let (host, port) = self.endpoint(id, origin.listener)?;
            let broker = MetadataResponseBroker::default().with_node_id(BrokerId(id));
            Some(broker.with_host(StrBytes::from_string(host)).with_port(port))
        });
        let brokers: Vec<_> = brokers.collect();
        let controller = brokers.first().map_or(BrokerId(-1), |broker| broker.node_id);
        let cluster_id = StrBytes::from_string(self.cluster_id.clone());
        let mut response = MetadataResponse::default()
            .with_brokers(brokers)
            .with_cluster_id(Some(cluster_id))
            .with_controller_id(controller)
            .with_topics(topics);
        if operations && origin.version >= 8 {
            for topic in &mut response.topics {
                topic.topic_authorized_operations = TOPIC_OPERATIONS;
            }
        }
        if request.include_cluster_authorized_operations && origin.version <= 10 {
            response.cluster_authorized_operations = CLUSTER_OPERATIONS;
        }
        Response::Metadata(response)
    }

    fn metadata_by_name(
        &mut self,
        origin: &Origin,
        name: TopicName,
        create: bool,
    ) -> MetadataResponseTopic {
        let create = create && self.controller_hears(origin.broker);
        if create && self.topics.index(&name).is_none() {
            // A refusal shows below as the topic's absence, as in Kafka.
            match Coordination::of_topic(&name) {
                Some(what) => self.create_internal(origin.broker, what),
                None => drop(self.add_topic(&name, self.config.default_partitions)),
            }
        }
        let topic = self.topics.named(&name);
        if let Some(topic) = topic.filter(|topic| self.topic_seen(origin.broker, topic.id)) {
            return self.describe_topic(origin, topic);
        }
        let error = match check_name(&name) {
            Ok(()) => ResponseError::UnknownTopicOrPartition,
            Err((error, _)) => error,
        };
        let internal = is_internal(&name);
        let absent = MetadataResponseTopic::default().with_name(Some(name));
        absent.with_is_internal(internal).with_error_code(error.code())
    }

    fn metadata_by_id(&self, origin: &Origin, id: Uuid) -> MetadataResponseTopic {
        let topic = self.topics.index_of_id(&id).and_then(|index| self.topics.get(index));
        if let Some(topic) = topic.filter(|topic| self.topic_seen(origin.broker, topic.id)) {
            return self.describe_topic(origin, topic);
        }
        // Before version 12 the name must not be null.
        let name = (origin.version < 12).then(TopicName::default);
        MetadataResponseTopic::default()
            .with_name(name)
            .with_topic_id(id)
            .with_error_code(ResponseError::UnknownTopicId.code())
    }

    fn describe_topic(&self, origin: &Origin, topic: &Topic) -> MetadataResponseTopic {
        let known = self.brokers_seen(origin.broker);
        let partitions = topic.partitions.iter().enumerate();
        let partitions = partitions.filter_map(|(index, state)| {
            let index = index as i32;
            let record = self.record_seen(origin.broker, topic.id, index, state)?;
            Some(describe_partition(origin, index, record, &known))
        });
        MetadataResponseTopic::default()
            .with_name(Some(topic.name.clone()))
            .with_topic_id(topic.id)
            .with_is_internal(is_internal(&topic.name))
            .with_partitions(partitions.collect())
    }
}

/// Each topic once. Where any is asked for by its id, those asked for by name are not looked at.
fn asked_for(wanted: Vec<MetadataRequestTopic>) -> Vec<MetadataRequestTopic> {
    let by_id = wanted.iter().any(|topic| !topic.topic_id.is_nil());
    let mut seen = BTreeSet::new();
    let wanted = wanted.into_iter().filter_map(|mut topic| {
        if by_id {
            topic.name = None;
        }
        let relevant = !by_id || !topic.topic_id.is_nil();
        (relevant && seen.insert((topic.name.clone(), topic.topic_id))).then_some(topic)
    });
    wanted.collect()
}

fn describe_partition(
    origin: &Origin,
    index: i32,
    record: &Registration,
    known: &[i32],
) -> MetadataResponsePartition {
    let offline = record.replicas.iter().copied().filter(|replica| !known.contains(replica));
    let offline = if origin.version >= 5 { offline.map(BrokerId).collect() } else { Vec::new() };
    let error = match record.leader {
        Some(_) => 0,
        None => ResponseError::LeaderNotAvailable.code(),
    };
    let epoch = if origin.version >= 7 { record.leader_epoch } else { -1 };
    MetadataResponsePartition::default()
        .with_error_code(error)
        .with_partition_index(index)
        .with_leader_id(BrokerId(record.leader.unwrap_or(-1)))
        .with_leader_epoch(epoch)
        .with_replica_nodes(record.replicas.iter().copied().map(BrokerId).collect())
        .with_isr_nodes(record.isr.iter().copied().map(BrokerId).collect())
        .with_offline_replicas(offline)
}

/// Versions 10 and 11 have topic ids in their layout, but must not use them.
fn refused(origin: &Origin, request: &MetadataRequest) -> Option<Response> {
    let wanted = request.topics.as_deref().unwrap_or_default();
    let odd = |wanted: &MetadataRequestTopic| wanted.name.is_none() || !wanted.topic_id.is_nil();
    if !(10..12).contains(&origin.version) || !wanted.iter().any(odd) {
        return None;
    }
    let topics = wanted.iter().map(|wanted| {
        MetadataResponseTopic::default()
            .with_name(Some(wanted.name.clone().unwrap_or_default()))
            .with_topic_id(wanted.topic_id)
            .with_error_code(ResponseError::InvalidRequest.code())
    });
    let response = MetadataResponse::default().with_controller_id(BrokerId(-1));
    Some(Response::Metadata(response.with_topics(topics.collect())))
}
