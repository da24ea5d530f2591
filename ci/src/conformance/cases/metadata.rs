//! Metadata, DescribeCluster and DescribeTopicPartitions.

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::*;
use uuid::Uuid;

use super::{Case, case};
use crate::conformance::context::{Context, GROUP, TRANSACTION};
use crate::conformance::names::{error, text, topic_name};

fn named(name: &str) -> MetadataRequestTopic {
    MetadataRequestTopic::default().with_name(Some(topic_name(name)))
}

fn with_id(id: Uuid) -> MetadataRequestTopic {
    MetadataRequestTopic::default().with_name(None).with_topic_id(id)
}

/// Asks for topics and notes, for each, its error, name, whether it has an id, and partitions.
fn ask(c: &mut Context<'_>, version: i16, topics: Vec<MetadataRequestTopic>) -> anyhow::Result<()> {
    let request = MetadataRequest::default().with_topics(Some(topics));
    let answer = c.ask(1, version, &request)?;
    for topic in &answer.topics {
        let name = topic.name.as_ref().map(|name| name.to_string());
        let id = if topic.topic_id.is_nil() { "no id" } else { "an id" };
        let partitions = topic.partitions.len();
        c.see(format!("{} {name:?} {id} {partitions}", error(topic.error_code)));
    }
    Ok(())
}

pub(crate) const CASES: &[Case] = &[
    case("metadata/no topics", |c| ask(c, 12, Vec::new()), &[]),
    case(
        "metadata/a topic",
        |c| {
            let topic = c.topic("t", 3)?;
            ask(c, 12, vec![named(&topic)])
        },
        &["NONE Some(\"t\") an id 3"],
    ),
    case(
        "metadata/an unknown topic",
        |c| ask(c, 9, vec![named("no-such-topic")]),
        &["UNKNOWN_TOPIC_OR_PARTITION Some(\"no-such-topic\") no id 0"],
    ),
    case(
        "metadata/auto creation asked but off",
        |c| {
            let request = MetadataRequest::default()
                .with_topics(Some(vec![named("not-made")]))
                .with_allow_auto_topic_creation(true);
            let answer = c.ask(1, 9, &request)?;
            c.see(error(answer.topics[0].error_code));
            ask(c, 9, vec![named("not-made")])
        },
        &["UNKNOWN_TOPIC_OR_PARTITION", "UNKNOWN_TOPIC_OR_PARTITION Some(\"not-made\") no id 0"],
    ),
    case(
        "metadata/an impossible name",
        |c| ask(c, 9, vec![named("bad name")]),
        &["INVALID_TOPIC_EXCEPTION Some(\"bad name\") no id 0"],
    ),
    case(
        "metadata/an empty name",
        |c| ask(c, 9, vec![named("")]),
        &["INVALID_TOPIC_EXCEPTION Some(\"\") no id 0"],
    ),
    case(
        "metadata/an unknown id",
        |c| ask(c, 12, vec![with_id(Uuid::from_u128(77))]),
        &["UNKNOWN_TOPIC_ID None an id 0"],
    ),
    case(
        "metadata/by id",
        |c| {
            let topic = c.topic("t", 1)?;
            let id = c.topic_id(&topic)?;
            ask(c, 12, vec![with_id(id)])
        },
        &["NONE Some(\"t\") an id 1"],
    ),
    case(
        "metadata/ids and names together",
        |c| {
            let topic = c.topic("t", 1)?;
            let id = c.topic_id(&topic)?;
            ask(c, 12, vec![with_id(id), named(&topic)])
        },
        &["NONE Some(\"t\") an id 1"],
    ),
    case(
        "metadata/the same topic twice",
        |c| {
            let topic = c.topic("t", 1)?;
            ask(c, 9, vec![named(&topic), named(&topic)])
        },
        &["NONE Some(\"t\") no id 1"],
    ),
    case(
        "metadata/in each version",
        |c| {
            let topic = c.topic("t", 2)?;
            for version in 0..=13 {
                let request = MetadataRequest::default().with_topics(Some(vec![named(&topic)]));
                let answer = c.ask(2, version, &request)?;
                let partition = &answer.topics[0].partitions[0];
                let (replicas, isr) = (partition.replica_nodes.len(), partition.isr_nodes.len());
                let (brokers, epoch) = (answer.brokers.len(), partition.leader_epoch);
                c.see(format!("{brokers} brokers, {replicas} replicas, {isr} in sync, {epoch}"));
            }
            Ok(())
        },
        &[
            "3 brokers, 3 replicas, 3 in sync, -1",
            "3 brokers, 3 replicas, 3 in sync, -1",
            "3 brokers, 3 replicas, 3 in sync, -1",
            "3 brokers, 3 replicas, 3 in sync, -1",
            "3 brokers, 3 replicas, 3 in sync, -1",
            "3 brokers, 3 replicas, 3 in sync, -1",
            "3 brokers, 3 replicas, 3 in sync, -1",
            "3 brokers, 3 replicas, 3 in sync, 0",
            "3 brokers, 3 replicas, 3 in sync, 0",
            "3 brokers, 3 replicas, 3 in sync, 0",
            "3 brokers, 3 replicas, 3 in sync, 0",
            "3 brokers, 3 replicas, 3 in sync, 0",
            "3 brokers, 3 replicas, 3 in sync, 0",
            "3 brokers, 3 replicas, 3 in sync, 0",
        ],
    ),
    case(
        "metadata/authorized operations",
        |c| {
            let topic = c.topic("t", 1)?;
            let request = MetadataRequest::default()
                .with_topics(Some(vec![named(&topic)]))
                .with_include_topic_authorized_operations(true);
            let answer = c.ask(1, 12, &request)?;
            c.see(answer.topics[0].topic_authorized_operations);
            let plain = c.metadata(1, &topic)?;
            c.see(plain.topics[0].topic_authorized_operations);
            Ok(())
        },
        &["3576", "-2147483648"],
    ),
    case(
        "metadata/internal topics",
        |c| {
            for (kind, name) in
                [(GROUP, "__consumer_offsets"), (TRANSACTION, "__transaction_state")]
            {
                // Whoever looks for a coordinator first has the topic made.
                c.coordinator(kind, "anybody")?;
                let answer = c.metadata(1, name)?;
                let topic = &answer.topics[0];
                // How many partitions it has is a setting of the brokers.
                let partitions = if topic.partitions.is_empty() { "none" } else { "some" };
                c.see(format!("{name} internal {} {partitions}", topic.is_internal));
            }
            Ok(())
        },
        &["__consumer_offsets internal true some", "__transaction_state internal true some"],
    ),
    case(
        "cluster/described",
        |c| {
            let answer = c.ask(1, 1, &DescribeClusterRequest::default().with_endpoint_type(1))?;
            let ids: Vec<i32> = answer.brokers.iter().map(|broker| broker.broker_id.0).collect();
            let operations = answer.cluster_authorized_operations;
            c.see(format!("{} {ids:?} {operations}", error(answer.error_code)));
            Ok(())
        },
        &["NONE [1, 2, 3] -2147483648"],
    ),
    case(
        "cluster/described with operations",
        |c| {
            let request = DescribeClusterRequest::default().with_endpoint_type(1);
            let request = request.with_include_cluster_authorized_operations(true);
            let answer = c.ask(1, 1, &request)?;
            c.see(answer.cluster_authorized_operations);
            Ok(())
        },
        &["8096"],
    ),
    case(
        "cluster/controllers asked of a broker",
        |c| {
            let answer = c.ask(1, 1, &DescribeClusterRequest::default().with_endpoint_type(2))?;
            c.see(error(answer.error_code));
            Ok(())
        },
        &["MISMATCHED_ENDPOINT_TYPE"],
    ),
    case(
        "cluster/an unknown kind of endpoint",
        |c| {
            let answer = c.ask(1, 1, &DescribeClusterRequest::default().with_endpoint_type(9))?;
            c.see(error(answer.error_code));
            Ok(())
        },
        &["UNSUPPORTED_ENDPOINT_TYPE"],
    ),
    case(
        "metadata/topic partitions described",
        |c| {
            let topic = c.topic("t", 3)?;
            let topics = [topic.as_str(), "no-such-topic"].map(|name| {
                describe_topic_partitions_request::TopicRequest::default()
                    .with_name(topic_name(name))
            });
            let request = DescribeTopicPartitionsRequest::default()
                .with_topics(topics.to_vec())
                .with_response_partition_limit(2);
            let answer = c.ask(1, 0, &request)?;
            for topic in &answer.topics {
                let partitions = topic.partitions.iter().map(|partition| partition.partition_index);
                let partitions: Vec<i32> = partitions.collect();
                let name = topic.name.as_ref().map(|name| name.to_string());
                c.see(format!("{} {name:?} {partitions:?}", error(topic.error_code)));
            }
            let cursor =
                answer.next_cursor.map(|next| (next.topic_name.to_string(), next.partition_index));
            c.see(format!("next {cursor:?}"));
            Ok(())
        },
        &[
            "UNKNOWN_TOPIC_OR_PARTITION Some(\"no-such-topic\") []",
            "NONE Some(\"t\") [0, 1]",
            "next Some((\"t\", 2))",
        ],
    ),
    case(
        "coordinator/an empty group id",
        |c| {
            let request = FindCoordinatorRequest::default();
            let request = request.with_key_type(0).with_coordinator_keys(vec![text("")]);
            let answer = c.ask(1, 4, &request)?;
            c.see(error(answer.coordinators[0].error_code));
            Ok(())
        },
        &["NONE"],
    ),
    case(
        "coordinator/an unknown kind of key",
        |c| {
            let request = FindCoordinatorRequest::default();
            let request = request.with_key_type(9).with_coordinator_keys(vec![text("k")]);
            let answer = c.ask(1, 4, &request)?;
            c.see(error(answer.coordinators[0].error_code));
            Ok(())
        },
        &["INVALID_REQUEST"],
    ),
    case(
        "coordinator/the same at every broker and in every version",
        |c| {
            let mut found = Vec::new();
            for broker in c.brokers() {
                for version in 0..=6 {
                    let request = FindCoordinatorRequest::default();
                    let request = match version {
                        4.. => request.with_coordinator_keys(vec![text("some-group")]),
                        _ => request.with_key(text("some-group")),
                    };
                    let answer = c.ask(broker, version, &request)?;
                    let many = answer.coordinators.first();
                    found.push(many.map_or(answer.node_id.0, |coordinator| coordinator.node_id.0));
                }
            }
            found.dedup();
            c.see(found.len());
            Ok(())
        },
        &["1"],
    ),
];
