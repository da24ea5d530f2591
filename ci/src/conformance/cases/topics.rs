//! Topics: creating, deleting, growing.

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::*;
use uuid::Uuid;

use super::{Case, case};
use crate::conformance::batch::Batch;
use crate::conformance::context::Context;
use crate::conformance::names::{error, text, topic_name};

/// A topic to be created.
fn topic(name: &str, partitions: i32, replicas: i16) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(topic_name(name))
        .with_num_partitions(partitions)
        .with_replication_factor(replicas)
}

/// Creates topics and notes error, partitions and replicas of each.
fn create(c: &mut Context<'_>, topics: Vec<CreatableTopic>, only_try: bool) -> anyhow::Result<()> {
    let request = CreateTopicsRequest::default()
        .with_topics(topics)
        .with_timeout_ms(15_000)
        .with_validate_only(only_try);
    let answer = c.ask(2, 7, &request)?;
    for topic in &answer.topics {
        let (partitions, replicas) = (topic.num_partitions, topic.replication_factor);
        let (name, code) = (topic.name.chars().take(20), error(topic.error_code));
        let name: String = name.collect();
        c.see(format!("{name} {code} {partitions} x {replicas}"));
    }
    Ok(())
}

/// Creates a topic that this change makes special.
pub(super) fn create_with(
    c: &mut Context<'_>,
    change: impl Fn(&mut CreatableTopic),
) -> anyhow::Result<()> {
    let mut wanted = topic(&c.name("t"), 2, 3);
    change(&mut wanted);
    create(c, vec![wanted], false)
}

pub(super) fn assigned(partitions: &[&[i32]]) -> Vec<CreatableReplicaAssignment> {
    let assignment = |(index, brokers): (i32, &&[i32])| {
        CreatableReplicaAssignment::default()
            .with_partition_index(index)
            .with_broker_ids(brokers.iter().map(|&id| BrokerId(id)).collect())
    };
    (0..).zip(partitions).map(assignment).collect()
}

fn config(name: &str, value: &str) -> CreatableTopicConfig {
    CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
}

fn grow(c: &mut Context<'_>, topic: &str, count: i32) -> anyhow::Result<()> {
    let wanted = CreatePartitionsTopic::default()
        .with_name(topic_name(topic))
        .with_count(count)
        .with_assignments(None);
    let request =
        CreatePartitionsRequest::default().with_topics(vec![wanted]).with_timeout_ms(15_000);
    let answer = c.ask(2, 3, &request)?;
    c.see(format!("grown to {count}: {}", error(answer.results[0].error_code)));
    Ok(())
}

pub(crate) const CASES: &[Case] = &[
    case("topics/created", |c| create_with(c, |_| {}), &["t NONE 2 x 3"]),
    case(
        "topics/created with the defaults",
        |c| {
            create_with(c, |t| {
                t.num_partitions = -1;
                t.replication_factor = -1;
            })
        },
        &["t NONE 1 x 3"],
    ),
    case(
        "topics/created twice",
        |c| {
            let name = c.topic("t", 1)?;
            create(c, vec![topic(&name, 1, 3)], false)
        },
        &["t TOPIC_ALREADY_EXISTS -1 x -1"],
    ),
    case(
        "topics/named twice in one request",
        |c| {
            let name = c.name("t");
            create(c, vec![topic(&name, 1, 3), topic(&name, 1, 3)], false)
        },
        &["t INVALID_REQUEST -1 x -1"],
    ),
    case(
        "topics/only tried",
        |c| {
            let name = c.name("t");
            create(c, vec![topic(&name, 2, 3)], true)?;
            create(c, vec![topic(&name, 2, 3)], true)
        },
        &["t NONE 2 x 3", "t NONE 2 x 3"],
    ),
    case(
        "topics/impossible names",
        |c| {
            for name in ["", ".", "..", "a b", "a/b", "ü", &"x".repeat(250)] {
                create(c, vec![topic(name, 1, 3)], true)?;
            }
            Ok(())
        },
        &[
            " INVALID_TOPIC_EXCEPTION -1 x -1",
            ". INVALID_TOPIC_EXCEPTION -1 x -1",
            ".. INVALID_TOPIC_EXCEPTION -1 x -1",
            "a b INVALID_TOPIC_EXCEPTION -1 x -1",
            "a/b INVALID_TOPIC_EXCEPTION -1 x -1",
            "ü INVALID_TOPIC_EXCEPTION -1 x -1",
            "xxxxxxxxxxxxxxxxxxxx INVALID_TOPIC_EXCEPTION -1 x -1",
        ],
    ),
    case(
        "topics/names that collide in metrics",
        |c| {
            let name = c.topic("a.b", 1)?;
            create(c, vec![topic(&name.replace('.', "_"), 1, 3)], true)
        },
        &["a_b INVALID_TOPIC_EXCEPTION -1 x -1"],
    ),
    case(
        "topics/no partitions",
        |c| create_with(c, |t| t.num_partitions = 0),
        &["t INVALID_PARTITIONS -1 x -1"],
    ),
    case(
        "topics/a negative number of partitions",
        |c| create_with(c, |t| t.num_partitions = -2),
        &["t INVALID_PARTITIONS -1 x -1"],
    ),
    case(
        "topics/more replicas than brokers",
        |c| create_with(c, |t| t.replication_factor = 4),
        &["t INVALID_REPLICATION_FACTOR -1 x -1"],
    ),
    case(
        "topics/no replicas",
        |c| create_with(c, |t| t.replication_factor = 0),
        &["t INVALID_REPLICATION_FACTOR -1 x -1"],
    ),
    case(
        "topics/assigned by the client",
        |c| {
            create_with(c, |t| {
                t.num_partitions = -1;
                t.replication_factor = -1;
                t.assignments = assigned(&[&[2, 3], &[3, 1]]);
            })?;
            let name = c.name("t");
            for partition in 0..2 {
                c.ready(&name, partition)?;
                let state = c.partition(&name, partition)?;
                let replicas: Vec<i32> = state.replica_nodes.iter().map(|id| id.0).collect();
                c.see(format!("leader {} replicas {replicas:?}", state.leader_id.0));
            }
            Ok(())
        },
        &["t NONE 2 x 2", "leader 2 replicas [2, 3]", "leader 3 replicas [3, 1]"],
    ),
    case(
        "topics/assigned and counted",
        |c| create_with(c, |t| t.assignments = assigned(&[&[2, 3], &[3, 1]])),
        &["t INVALID_REQUEST -1 x -1"],
    ),
    case(
        "topics/assigned badly",
        |c| {
            for bad in [&[&[2, 2][..]][..], &[&[9]], &[&[]], &[&[1, 2], &[3]]] {
                create_with(c, |t| {
                    t.num_partitions = -1;
                    t.replication_factor = -1;
                    t.assignments = assigned(bad);
                })?;
            }
            Ok(())
        },
        &[
            "t INVALID_REPLICA_ASSIGNMENT -1 x -1",
            "t INVALID_REPLICA_ASSIGNMENT -1 x -1",
            "t INVALID_REPLICA_ASSIGNMENT -1 x -1",
            "t INVALID_REPLICA_ASSIGNMENT -1 x -1",
        ],
    ),
    case(
        "topics/an unknown setting",
        |c| create_with(c, |t| t.configs = vec![config("x", "1")]),
        &["t INVALID_CONFIG -1 x -1"],
    ),
    case(
        "topics/a setting without sense",
        |c| {
            create_with(c, |t| t.configs = vec![config("retention.ms", "soon")])?;
            create_with(c, |t| t.configs = vec![config("retention.ms", "-2")])?;
            create_with(c, |t| t.configs = vec![config("cleanup.policy", "burn")])
        },
        &["t INVALID_CONFIG -1 x -1", "t INVALID_CONFIG -1 x -1", "t INVALID_CONFIG -1 x -1"],
    ),
    case(
        "topics/deleted",
        |c| {
            let name = c.topic("t", 1)?;
            for _ in 0..2 {
                let states = [name.as_str(), "no-such-topic"]
                    .map(|name| DeleteTopicState::default().with_name(Some(topic_name(name))));
                let request = DeleteTopicsRequest::default()
                    .with_topics(states.to_vec())
                    .with_timeout_ms(9_000);
                let answer = c.ask(1, 6, &request)?;
                let mut codes: Vec<String> =
                    answer.responses.iter().map(|one| error(one.error_code)).collect();
                codes.sort();
                c.see(format!("{codes:?}"));
                c.until("gone everywhere", |c| {
                    let gone =
                        (1..=3).map(|id| Ok(c.metadata(id, &name)?.topics[0].error_code == 3));
                    let gone = gone.collect::<anyhow::Result<Vec<bool>>>()?;
                    Ok(gone.into_iter().all(|gone| gone).then_some(()))
                })?;
            }
            let answer = c.produce(1, -1, &name, 0, Batch::of(1).bytes())?;
            c.see(answer);
            Ok(())
        },
        &[
            "[\"NONE\", \"UNKNOWN_TOPIC_OR_PARTITION\"]",
            "[\"UNKNOWN_TOPIC_OR_PARTITION\", \"UNKNOWN_TOPIC_OR_PARTITION\"]",
            "UNKNOWN_TOPIC_OR_PARTITION at -1, log from -1",
        ],
    ),
    case(
        "topics/deleted by id",
        |c| {
            let name = c.topic("t", 1)?;
            let id = c.topic_id(&name)?;
            for id in [id, Uuid::from_u128(77), Uuid::nil()] {
                let state = DeleteTopicState::default().with_name(None).with_topic_id(id);
                let request =
                    DeleteTopicsRequest::default().with_topics(vec![state]).with_timeout_ms(9_000);
                let answer = c.ask(1, 6, &request)?;
                c.see(error(answer.responses[0].error_code));
            }
            Ok(())
        },
        &["NONE", "UNKNOWN_TOPIC_ID", "INVALID_REQUEST"],
    ),
    case(
        "topics/made again have another id",
        |c| {
            let name = c.topic("t", 1)?;
            let old = c.topic_id(&name)?;
            c.write(&name, 0, Batch::of(3).bytes())?;
            let names = vec![topic_name(&name)];
            let request =
                DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(9_000);
            c.ask(1, 5, &request)?;
            create(c, vec![topic(&name, 1, 3)], false)?;
            c.until("the new id everywhere", |c| {
                let same = (1..=3).map(|id| {
                    let topic = &c.metadata(id, &name)?.topics[0];
                    Ok(topic.error_code != 0 || topic.topic_id == old)
                });
                let same = same.collect::<anyhow::Result<Vec<bool>>>()?;
                Ok((!same.contains(&true)).then_some(()))
            })?;
            let leader = c.ready(&name, 0)?;
            let end = c.list_offset(leader, &name, 0, -1)?.2;
            c.see(end);
            Ok(())
        },
        &["t NONE 1 x 3", "0"],
    ),
    case(
        "topics/given more partitions",
        |c| {
            let name = c.topic("t", 2)?;
            for count in [4, 4, 3, 0, -1] {
                grow(c, &name, count)?;
            }
            grow(c, "no-such-topic", 3)?;
            c.ready(&name, 3)?;
            let partitions = c.metadata(1, &name)?.topics[0].partitions.len();
            c.see(partitions);
            Ok(())
        },
        &[
            "grown to 4: NONE",
            "grown to 4: INVALID_PARTITIONS",
            "grown to 3: INVALID_PARTITIONS",
            "grown to 0: INVALID_PARTITIONS",
            "grown to -1: INVALID_PARTITIONS",
            "grown to 3: UNKNOWN_TOPIC_OR_PARTITION",
            "4",
        ],
    ),
];
