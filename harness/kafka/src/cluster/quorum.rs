//! DescribeQuorum (KIP-595, KIP-836): the controllers as a quorum of all brokers.

use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_quorum_response::{
    Listener, Node, PartitionData, ReplicaState, TopicData,
};
use kafka_protocol::messages::{BrokerId, DescribeQuorumRequest, DescribeQuorumResponse};
use kafka_protocol::protocol::StrBytes;

use super::{Cluster, Origin};
use crate::wire::AdminResponse;

/// The partition that holds Kafka's metadata.
pub(super) const METADATA_TOPIC: &str = "__cluster_metadata";
const METADATA_PARTITION: i32 = 0;

/// What the listener of a voter is called, as Java's client wants it in capitals.
const CONTROLLER_LISTENER: &str = "CONTROLLER";

/// A controller of Kafka writes a record so often when there is nothing to write
/// (`metadata.max.idle.interval.ms`). There is no log of metadata here, so that its end is what
/// these records alone make it.
const IDLE_INTERVAL: Duration = Duration::from_millis(500);

impl Cluster {
    /// The active controller, its epoch, and the voters. Nothing is known of those it does not
    /// reach, as by a Kafka controller that has just been elected.
    pub(super) fn describe_quorum(
        &self,
        origin: &Origin,
        request: &DescribeQuorumRequest,
    ) -> AdminResponse {
        let mut response = DescribeQuorumResponse::default().with_error_message(None);
        let asked = request.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|it| (&*topic.topic_name.0, it.partition_index))
        });
        let valid = request.topics.len() == 1 && asked.eq([(METADATA_TOPIC, METADATA_PARTITION)]);
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                let index = partition.partition_index;
                match valid {
                    true => self.quorum(origin.version).with_partition_index(index),
                    false => PartitionData::default()
                        .with_partition_index(index)
                        .with_error_message(None)
                        .with_error_code(ResponseError::UnknownTopicOrPartition.code()),
                }
            });
            let partitions = partitions.collect();
            TopicData::default()
                .with_topic_name(topic.topic_name.clone())
                .with_partitions(partitions)
        });
        response.topics = topics.collect();
        if valid && origin.version >= 2 {
            response.nodes = self.brokers.keys().map(|&id| self.voter_node(origin, id)).collect();
        }
        AdminResponse::DescribeQuorum(response)
    }

    fn quorum(&self, version: i16) -> PartitionData {
        let end = self.now.as_millis() / IDLE_INTERVAL.as_millis() + 1;
        let end = i64::try_from(end).unwrap_or(i64::MAX);
        let time = (self.started_at + self.now).as_millis();
        let time = i64::try_from(time).unwrap_or(i64::MAX);
        let voters = self.brokers.iter().map(|(&id, broker)| {
            let known = broker.is_connected();
            let state = ReplicaState::default().with_replica_id(BrokerId(id));
            let state = state.with_log_end_offset(if known { end } else { -1 });
            match known && version >= 1 {
                true => state.with_last_fetch_timestamp(time).with_last_caught_up_timestamp(time),
                false => state,
            }
        });
        PartitionData::default()
            .with_error_message(None)
            .with_leader_id(BrokerId(self.controller.unwrap_or(-1)))
            .with_leader_epoch(self.controller_epoch)
            .with_high_watermark(end)
            .with_current_voters(voters.collect())
    }

    fn voter_node(&self, origin: &Origin, id: i32) -> Node {
        let listeners = self.endpoint(id, origin.listener).map(|(host, port)| {
            Listener::default()
                .with_name(StrBytes::from_static_str(CONTROLLER_LISTENER))
                .with_host(StrBytes::from_string(host))
                .with_port(u16::try_from(port).unwrap_or(0))
        });
        let listeners = listeners.into_iter().collect();
        Node::default().with_node_id(BrokerId(id)).with_listeners(listeners)
    }
}
