//! Leaders elected and replicas moved on request.

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::*;

use super::{Case, case};
use crate::conformance::batch::Batch;
use crate::conformance::context::Context;
use crate::conformance::names::{error, topic_name};

use super::topics::{assigned, create_with};

/// Asks for an election and gives the codes of the answer and of the partition.
pub(super) fn elect(
    c: &mut Context<'_>,
    kind: i8,
    topic: &str,
    partition: i32,
) -> anyhow::Result<String> {
    let wanted =
        TopicPartitions::default().with_topic(topic_name(topic)).with_partitions(vec![partition]);
    let request = ElectLeadersRequest::default()
        .with_election_type(kind)
        .with_topic_partitions(Some(vec![wanted]))
        .with_timeout_ms(15_000);
    let broker = c.living()?;
    let answer = c.ask(broker, 2, &request)?;
    let one = &answer.replica_election_results[0].partition_result[0];
    Ok(format!("{} {}", error(answer.error_code), error(one.error_code)))
}

fn reassign(
    c: &mut Context<'_>,
    topic: &str,
    partition: i32,
    replicas: Option<&[i32]>,
) -> anyhow::Result<()> {
    let replicas = replicas.map(|ids| ids.iter().map(|&id| BrokerId(id)).collect());
    let wanted =
        ReassignablePartition::default().with_partition_index(partition).with_replicas(replicas);
    let topic =
        ReassignableTopic::default().with_name(topic_name(topic)).with_partitions(vec![wanted]);
    let request = AlterPartitionReassignmentsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(15_000);
    let answer = c.ask(1, 0, &request)?;
    let one = &answer.responses[0].partitions[0];
    c.see(format!("reassign {} {}", error(answer.error_code), error(one.error_code)));
    Ok(())
}

pub(crate) const CASES: &[Case] = &[
    case(
        "leaders/elected without need",
        |c| {
            let name = c.topic("t", 1)?;
            let no_such = "no-such-topic";
            for (kind, topic, partition) in
                [(0, &*name, 0), (1, &name, 0), (0, &name, 9), (0, no_such, 0)]
            {
                let codes = elect(c, kind, topic, partition)?;
                c.see(format!("elect {codes}"));
            }
            Ok(())
        },
        &[
            "elect NONE ELECTION_NOT_NEEDED",
            "elect NONE ELECTION_NOT_NEEDED",
            "elect NONE UNKNOWN_TOPIC_OR_PARTITION",
            "elect NONE UNKNOWN_TOPIC_OR_PARTITION",
        ],
    ),
    case(
        "leaders/moved by reassignment and election",
        |c| {
            create_with(c, |t| {
                t.num_partitions = -1;
                t.replication_factor = -1;
                t.assignments = assigned(&[&[1, 2]]);
            })?;
            let name = c.name("t");
            c.ready(&name, 0)?;
            c.write(&name, 0, Batch::of(2).bytes())?;
            reassign(c, &name, 0, Some(&[2, 3]))?;
            c.until("moved", |c| {
                let state = c.partition(&name, 0)?;
                let replicas: Vec<i32> = state.replica_nodes.iter().map(|id| id.0).collect();
                Ok((replicas == [2, 3] && state.isr_nodes.len() == 2).then_some(()))
            })?;
            c.until("led by 2", |c| Ok((c.ready(&name, 0)? == 2).then_some(())))?;
            c.write(&name, 0, Batch::of(1).bytes())?;
            let answer = c.read(&name, 0, 0)?;
            c.see(answer.split(" in epoch").next().unwrap_or_default());
            Ok(())
        },
        &["t NONE 1 x 2", "reassign NONE NONE", "NONE [0-1, 2-2"],
    ),
    case(
        "leaders/bad reassignments",
        |c| {
            let name = c.topic("t", 1)?;
            reassign(c, &name, 0, Some(&[1, 1]))?;
            reassign(c, &name, 0, Some(&[9]))?;
            reassign(c, &name, 0, Some(&[]))?;
            reassign(c, &name, 7, Some(&[1]))?;
            reassign(c, "no-such-topic", 0, Some(&[1]))?;
            reassign(c, &name, 0, None)
        },
        &[
            "reassign NONE INVALID_REPLICA_ASSIGNMENT",
            "reassign NONE INVALID_REPLICA_ASSIGNMENT",
            "reassign NONE INVALID_REPLICA_ASSIGNMENT",
            "reassign NONE UNKNOWN_TOPIC_OR_PARTITION",
            "reassign NONE UNKNOWN_TOPIC_OR_PARTITION",
            "reassign NONE NO_REASSIGNMENT_IN_PROGRESS",
        ],
    ),
    case(
        "leaders/no reassignment under way",
        |c| {
            let request = ListPartitionReassignmentsRequest::default().with_timeout_ms(9_000);
            let mut request = request.with_topics(None);
            let name = c.topic("t", 1)?;
            let topic =
                list_partition_reassignments_request::ListPartitionReassignmentsTopics::default();
            let topic = topic.with_name(topic_name(&name)).with_partition_indexes(vec![0]);
            request.topics = Some(vec![topic]);
            let answer = c.ask(1, 0, &request)?;
            c.see(format!("{} {}", error(answer.error_code), answer.topics.len()));
            Ok(())
        },
        &["NONE 0"],
    ),
];
