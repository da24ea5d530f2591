//! Committed offsets: OffsetCommit, OffsetFetch and OffsetDelete.

use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::*;

use super::groups::{group, settled};
use super::{Case, case};
use crate::conformance::context::{Context, GROUP};
use crate::conformance::names::{error, group_id, text, topic_name};

/// Commits offset 5 with this metadata for partitions and notes each error.
pub(crate) fn commit(
    c: &mut Context<'_>,
    broker: i32,
    (group, member, generation): (&str, &str, i32),
    topic: &str,
    partitions: &[(i32, i64, &str)],
) -> anyhow::Result<()> {
    let partitions = partitions.iter().map(|&(index, offset, metadata)| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(index)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(-1)
            .with_committed_metadata(Some(text(metadata)))
    });
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(partitions.collect());
    let request = OffsetCommitRequest::default()
        .with_group_id(group_id(group))
        .with_member_id(text(member))
        .with_group_instance_id(None)
        .with_generation_id_or_member_epoch(generation)
        .with_topics(vec![topic]);
    let answer = c.ask(broker, 9, &request)?;
    for partition in answer.topics.iter().flat_map(|topic| &topic.partitions) {
        c.see(format!("commit {} {}", partition.partition_index, error(partition.error_code)));
    }
    Ok(())
}

/// Fetches a group's offsets (of all topics if none are named) and notes them.
pub(crate) fn fetch(
    c: &mut Context<'_>,
    broker: i32,
    group: &str,
    topics: Option<&[(&str, &[i32])]>,
    stable: bool,
) -> anyhow::Result<()> {
    let topics = topics.map(|topics| {
        let topic = |&(name, partitions): &(&str, &[i32])| {
            let topic = OffsetFetchRequestTopics::default().with_name(topic_name(name));
            topic.with_partition_indexes(partitions.to_vec())
        };
        topics.iter().map(topic).collect()
    });
    let asked = OffsetFetchRequestGroup::default()
        .with_group_id(group_id(group))
        .with_member_id(None)
        .with_member_epoch(-1)
        .with_topics(topics);
    let request =
        OffsetFetchRequest::default().with_groups(vec![asked]).with_require_stable(stable);
    let answer = c.ask(broker, 9, &request)?;
    let group = &answer.groups[0];
    c.see(format!("fetch {}", error(group.error_code)));
    for topic in &group.topics {
        for one in &topic.partitions {
            let (index, offset, epoch) =
                (one.partition_index, one.committed_offset, one.committed_leader_epoch);
            let metadata = one.metadata.as_ref().map(|metadata| metadata.to_string());
            let code = error(one.error_code);
            c.see(format!("{} {index}: {offset} {epoch} {metadata:?} {code}", &*topic.name.0));
        }
    }
    Ok(())
}

fn delete(
    c: &mut Context<'_>,
    broker: i32,
    group: &str,
    topic: &str,
    partition: i32,
) -> anyhow::Result<()> {
    let partition = OffsetDeleteRequestPartition::default().with_partition_index(partition);
    let topic = OffsetDeleteRequestTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(vec![partition]);
    let request =
        OffsetDeleteRequest::default().with_group_id(group_id(group)).with_topics(vec![topic]);
    let answer = c.ask(broker, 0, &request)?;
    let one = answer.topics.first().and_then(|topic| topic.partitions.first());
    let one = one.map(|one| error(one.error_code));
    c.see(format!("delete {} {one:?}", error(answer.error_code)));
    Ok(())
}

pub(crate) const CASES: &[Case] = &[
    case(
        "committed/without a member",
        |c| {
            let (group, broker) = group(c)?;
            let topic = c.topic("t", 2)?;
            commit(c, broker, (&group, "", -1), &topic, &[(0, 5, "note"), (1, 7, "")])?;
            fetch(c, broker, &group, Some(&[(&topic, &[0, 1, 2])]), false)?;
            fetch(c, broker, &group, None, true)
        },
        &[
            "commit 0 NONE",
            "commit 1 NONE",
            "fetch NONE",
            "t 0: 5 -1 Some(\"note\") NONE",
            "t 1: 7 -1 Some(\"\") NONE",
            "t 2: -1 -1 Some(\"\") NONE",
            "fetch NONE",
            "t 0: 5 -1 Some(\"note\") NONE",
            "t 1: 7 -1 Some(\"\") NONE",
        ],
    ),
    case(
        "committed/nothing",
        |c| {
            let (group, broker) = group(c)?;
            fetch(c, broker, &group, Some(&[("t", &[0])]), false)?;
            fetch(c, broker, &group, None, false)
        },
        &["fetch NONE", "t 0: -1 -1 Some(\"\") NONE", "fetch NONE"],
    ),
    case(
        "committed/to an unknown topic and partition",
        |c| {
            let (group, broker) = group(c)?;
            let topic = c.topic("t", 1)?;
            commit(c, broker, (&group, "", -1), "no-such-topic", &[(0, 5, "")])?;
            commit(c, broker, (&group, "", -1), &topic, &[(0, 5, ""), (4, 5, "")])?;
            fetch(c, broker, &group, None, false)
        },
        &[
            "commit 0 UNKNOWN_TOPIC_OR_PARTITION",
            "commit 4 UNKNOWN_TOPIC_OR_PARTITION",
            "commit 0 NONE",
            "fetch NONE",
            "t 0: 5 -1 Some(\"\") NONE",
        ],
    ),
    case(
        "committed/metadata too large",
        |c| {
            let (group, broker) = group(c)?;
            let topic = c.topic("t", 1)?;
            let long = "m".repeat(4097);
            commit(c, broker, (&group, "", -1), &topic, &[(0, 5, &long)])?;
            commit(c, broker, (&group, "", -1), &topic, &[(0, 5, &long[1..])])
        },
        &["commit 0 OFFSET_METADATA_TOO_LARGE", "commit 0 NONE"],
    ),
    case(
        "committed/a negative offset",
        |c| {
            let (group, broker) = group(c)?;
            let topic = c.topic("t", 1)?;
            commit(c, broker, (&group, "", -1), &topic, &[(0, -5, "")])?;
            fetch(c, broker, &group, None, false)
        },
        &["commit 0 NONE", "fetch NONE", "t 0: -5 -1 Some(\"\") NONE"],
    ),
    case(
        "committed/by members",
        |c| {
            let (group, broker) = group(c)?;
            let topic = c.topic("t", 1)?;
            commit(c, broker, (&group, "who", 1), &topic, &[(0, 1, "")])?;
            let (member, generation) = settled(c, &group, broker)?;
            let who = [
                ("who", generation),
                (&*member, generation + 1),
                (&*member, generation - 1),
                (&*member, generation),
                ("", -1),
                ("", generation),
                (&*member, -1),
            ];
            for (offset, (member, generation)) in (2..).zip(who) {
                commit(c, broker, (&group, member, generation), &topic, &[(0, offset, "")])?;
            }
            fetch(c, broker, &group, None, false)
        },
        &[
            "commit 0 GROUP_ID_NOT_FOUND",
            "commit 0 UNKNOWN_MEMBER_ID",
            "commit 0 ILLEGAL_GENERATION",
            "commit 0 ILLEGAL_GENERATION",
            "commit 0 NONE",
            "commit 0 UNKNOWN_MEMBER_ID",
            "commit 0 UNKNOWN_MEMBER_ID",
            "commit 0 ILLEGAL_GENERATION",
            "fetch NONE",
            "t 0: 5 -1 Some(\"\") NONE",
        ],
    ),
    case(
        "committed/with an empty group id",
        |c| {
            let broker = c.coordinator(GROUP, "")?;
            let topic = c.topic("t", 1)?;
            commit(c, broker, ("", "", -1), &topic, &[(0, 5, "")])
        },
        &["commit 0 NONE"],
    ),
    case(
        "committed/at a broker that does not coordinate",
        |c| {
            let (group, broker) = group(c)?;
            let topic = c.topic("t", 1)?;
            let other = c.brokers().into_iter().find(|&id| id != broker).unwrap_or(broker);
            commit(c, other, (&group, "", -1), &topic, &[(0, 5, "")])?;
            fetch(c, other, &group, Some(&[(&topic, &[0])]), false)
        },
        &["commit 0 NOT_COORDINATOR", "fetch NOT_COORDINATOR"],
    ),
    case(
        "committed/deleted",
        |c| {
            let (group, broker) = group(c)?;
            let topic = c.topic("t", 1)?;
            delete(c, broker, &group, &topic, 0)?;
            commit(c, broker, (&group, "", -1), &topic, &[(0, 5, "")])?;
            delete(c, broker, &group, &topic, 3)?;
            delete(c, broker, &group, "no-such-topic", 0)?;
            delete(c, broker, &group, &topic, 0)?;
            fetch(c, broker, &group, None, false)
        },
        &[
            "delete GROUP_ID_NOT_FOUND None",
            "commit 0 NONE",
            "delete NONE Some(\"UNKNOWN_TOPIC_OR_PARTITION\")",
            "delete NONE Some(\"UNKNOWN_TOPIC_OR_PARTITION\")",
            "delete NONE Some(\"NONE\")",
            "fetch NONE",
        ],
    ),
    case(
        "committed/deleted with its topic",
        |c| {
            let (group, broker) = group(c)?;
            let topic = c.topic("t", 1)?;
            commit(c, broker, (&group, "", -1), &topic, &[(0, 5, "")])?;
            let names = vec![topic_name(&topic)];
            let request =
                DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(9_000);
            c.ask(broker, 5, &request)?;
            c.until("the offsets are gone", |c| {
                let asked = OffsetFetchRequestGroup::default()
                    .with_group_id(group_id(&group))
                    .with_member_id(None)
                    .with_member_epoch(-1)
                    .with_topics(None);
                let answer =
                    c.ask(broker, 9, &OffsetFetchRequest::default().with_groups(vec![asked]))?;
                Ok(answer.groups[0].topics.is_empty().then_some(()))
            })?;
            fetch(c, broker, &group, None, false)
        },
        &["commit 0 NONE", "fetch NONE"],
    ),
];
