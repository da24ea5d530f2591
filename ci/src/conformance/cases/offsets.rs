//! ListOffsets, OffsetForLeaderEpoch and DeleteRecords.

use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::*;

use super::{Case, case};
use crate::conformance::batch::{Batch, base_ms};
use crate::conformance::context::Context;
use crate::conformance::names::{error, topic_name};

/// A topic of batches at 100 to 102, 50, and 300 to 301 milliseconds, and its leader.
fn timed(c: &mut Context<'_>) -> anyhow::Result<(String, i32)> {
    let topic = c.topic("t", 1)?;
    for times in [vec![100, 101, 102], vec![50], vec![300, 301]] {
        let timestamps = times.into_iter().map(|time| base_ms() + time).collect();
        c.write(&topic, 0, Batch { timestamps, ..Batch::default() }.bytes())?;
    }
    let leader = c.leader(&topic, 0)?;
    Ok((topic, leader))
}

/// Asks for offsets by timestamps and notes error, time since the base time, and offset.
fn list(c: &mut Context<'_>, timestamps: &[i64]) -> anyhow::Result<()> {
    let (topic, leader) = timed(c)?;
    for &timestamp in timestamps {
        let (code, time, offset) = c.list_offset(leader, &topic, 0, timestamp)?;
        let time = if time == -1 { -1 } else { time - base_ms() };
        c.see(format!("{} time {time} offset {offset}", error(code)));
    }
    Ok(())
}

/// Asks with this version, replica and current epoch, and notes error and offset and epoch.
fn list_with(
    c: &mut Context<'_>,
    version: i16,
    timestamp: i64,
    epoch: i32,
    partition: i32,
) -> anyhow::Result<()> {
    let (topic, leader) = timed(c)?;
    let wanted = ListOffsetsPartition::default()
        .with_partition_index(partition)
        .with_current_leader_epoch(epoch)
        .with_timestamp(timestamp);
    let topic =
        ListOffsetsTopic::default().with_name(topic_name(&topic)).with_partitions(vec![wanted]);
    let request =
        ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
    let answer = c.ask(leader, version, &request)?;
    let found = &answer.topics[0].partitions[0];
    let code = error(found.error_code);
    c.see(format!("{code} offset {} epoch {}", found.offset, found.leader_epoch));
    Ok(())
}

/// Asks where an epoch ends, at this broker, and notes the answer.
pub(crate) fn epoch_end(
    c: &mut Context<'_>,
    broker: i32,
    topic: &str,
    current: i32,
    wanted: i32,
) -> anyhow::Result<()> {
    let partition = OffsetForLeaderPartition::default()
        .with_partition(0)
        .with_current_leader_epoch(current)
        .with_leader_epoch(wanted);
    let topic = OffsetForLeaderTopic::default()
        .with_topic(topic_name(topic))
        .with_partitions(vec![partition]);
    let request = OffsetForLeaderEpochRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_topics(vec![topic]);
    let answer = c.ask(broker, 4, &request)?;
    let end = &answer.topics[0].partitions[0];
    let (epoch, offset) = (end.leader_epoch, end.end_offset);
    c.see(format!("{} epoch {epoch} ends at {offset}", error(end.error_code)));
    Ok(())
}

impl Context<'_> {
    /// Deletes the records before an offset; error and the new start of the log.
    pub(crate) fn delete_before(
        &mut self,
        broker: i32,
        topic: &str,
        offset: i64,
    ) -> anyhow::Result<String> {
        let partition = DeleteRecordsPartition::default().with_partition_index(0);
        let topic = DeleteRecordsTopic::default()
            .with_name(topic_name(topic))
            .with_partitions(vec![partition.with_offset(offset)]);
        let request =
            DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
        let answer = self.ask(broker, 2, &request)?;
        let one = &answer.topics[0].partitions[0];
        Ok(format!("{} low watermark {}", error(one.error_code), one.low_watermark))
    }
}

pub(crate) const CASES: &[Case] = &[
    case(
        "offsets/earliest and latest",
        |c| list(c, &[-2, -1]),
        &["NONE time -1 offset 0", "NONE time -1 offset 6"],
    ),
    case(
        "offsets/by time",
        |c| list(c, &[0, base_ms() + 101, base_ms() + 103]),
        &["NONE time 100 offset 0", "NONE time 101 offset 1", "NONE time 300 offset 4"],
    ),
    case(
        "offsets/by time within a batch",
        |c| list(c, &[base_ms() + 102]),
        &["NONE time 102 offset 2"],
    ),
    case(
        "offsets/by a time after all",
        |c| list(c, &[base_ms() + 1000]),
        &["NONE time -1 offset -1"],
    ),
    case("offsets/of the largest time", |c| list(c, &[-3]), &["NONE time 301 offset 5"]),
    case(
        "offsets/local and tiered",
        |c| {
            list_with(c, 8, -4, -1, 0)?;
            list_with(c, 9, -5, -1, 0)
        },
        &["NONE offset 0 epoch 0", "NONE offset -1 epoch -1"],
    ),
    case(
        "offsets/of the largest time, before its version",
        |c| list_with(c, 6, -3, -1, 0),
        &["UNSUPPORTED_VERSION offset -1 epoch -1"],
    ),
    case(
        "offsets/a negative time without a meaning",
        |c| list_with(c, 8, -77, -1, 0),
        &["UNSUPPORTED_VERSION offset -1 epoch -1"],
    ),
    case(
        "offsets/an epoch to come",
        |c| list_with(c, 8, -1, 3, 0),
        &["UNKNOWN_LEADER_EPOCH offset -1 epoch -1"],
    ),
    case("offsets/the current epoch", |c| list_with(c, 8, -1, 0, 0), &["NONE offset 6 epoch 0"]),
    case(
        "offsets/an unknown partition",
        |c| list_with(c, 8, -1, -1, 4),
        &["UNKNOWN_TOPIC_OR_PARTITION offset -1 epoch -1"],
    ),
    case(
        "offsets/by time with its epoch",
        |c| list_with(c, 8, base_ms() + 101, 0, 0),
        &["NONE offset 1 epoch 0"],
    ),
    case(
        "offsets/of an empty log",
        |c| {
            let topic = c.topic("t", 1)?;
            let leader = c.leader(&topic, 0)?;
            for timestamp in [-2, -1, -3, 0] {
                let found = c.list_offset(leader, &topic, 0, timestamp)?;
                c.see(format!("{found:?}"));
            }
            Ok(())
        },
        &["(0, -1, 0)", "(0, -1, 0)", "(0, -1, -1)", "(0, -1, -1)"],
    ),
    case(
        "offsets/at a follower",
        |c| {
            let (topic, _) = timed(c)?;
            let follower = c.follower(&topic, 0)?;
            let (code, _, offset) = c.list_offset(follower, &topic, 0, -1)?;
            c.see(format!("{} {offset}", error(code)));
            Ok(())
        },
        &["NOT_LEADER_OR_FOLLOWER -1"],
    ),
    case(
        "offsets/of an unknown topic",
        |c| {
            let (code, _, offset) = c.list_offset(1, "no-such-topic", 0, -1)?;
            c.see(format!("{} {offset}", error(code)));
            Ok(())
        },
        &["UNKNOWN_TOPIC_OR_PARTITION -1"],
    ),
    case(
        "offsets/in each version",
        |c| (1..=10).try_for_each(|version| list_with(c, version, -1, -1, 0)),
        &[
            "NONE offset 6 epoch -1",
            "NONE offset 6 epoch -1",
            "NONE offset 6 epoch -1",
            "NONE offset 6 epoch 0",
            "NONE offset 6 epoch 0",
            "NONE offset 6 epoch 0",
            "NONE offset 6 epoch 0",
            "NONE offset 6 epoch 0",
            "NONE offset 6 epoch 0",
            "NONE offset 6 epoch 0",
        ],
    ),
    case(
        "epochs/where the first epoch ends",
        |c| {
            let (topic, leader) = timed(c)?;
            for (current, wanted) in [(-1, 0), (0, 0), (-1, 1), (1, 0), (-1, -1)] {
                epoch_end(c, leader, &topic, current, wanted)?;
            }
            Ok(())
        },
        &[
            "NONE epoch 0 ends at 6",
            "NONE epoch 0 ends at 6",
            "NONE epoch -1 ends at -1",
            "UNKNOWN_LEADER_EPOCH epoch -1 ends at -1",
            "NONE epoch -1 ends at -1",
        ],
    ),
    case(
        "epochs/of an empty log",
        |c| {
            let topic = c.topic("t", 1)?;
            let leader = c.leader(&topic, 0)?;
            epoch_end(c, leader, &topic, -1, 0)?;
            epoch_end(c, leader, &topic, -1, 5)
        },
        &["NONE epoch 0 ends at 0", "NONE epoch -1 ends at -1"],
    ),
    case(
        "epochs/at a follower",
        |c| {
            let (topic, _) = timed(c)?;
            let follower = c.follower(&topic, 0)?;
            epoch_end(c, follower, &topic, -1, 0)
        },
        &["NOT_LEADER_OR_FOLLOWER epoch -1 ends at -1"],
    ),
    case(
        "epochs/of an unknown topic",
        |c| epoch_end(c, 1, "no-such-topic", -1, 0),
        &["UNKNOWN_TOPIC_OR_PARTITION epoch -1 ends at -1"],
    ),
    case(
        "delete records/before an offset, all, and beyond",
        |c| {
            let (topic, leader) = timed(c)?;
            for offset in [2, 1, 7, -1, -2] {
                let answer = c.delete_before(leader, &topic, offset)?;
                c.see(answer);
            }
            let earliest = c.list_offset(leader, &topic, 0, -2)?.2;
            c.see(earliest);
            Ok(())
        },
        &[
            "NONE low watermark 2",
            "NONE low watermark 2",
            "OFFSET_OUT_OF_RANGE low watermark -1",
            "NONE low watermark 6",
            "OFFSET_OUT_OF_RANGE low watermark -1",
            "6",
        ],
    ),
    case(
        "delete records/at a follower",
        |c| {
            let (topic, _) = timed(c)?;
            let follower = c.follower(&topic, 0)?;
            let answer = c.delete_before(follower, &topic, 1)?;
            c.see(answer);
            Ok(())
        },
        &["NOT_LEADER_OR_FOLLOWER low watermark -1"],
    ),
    case(
        "delete records/of an unknown topic",
        |c| {
            let answer = c.delete_before(1, "no-such-topic", 1)?;
            c.see(answer);
            Ok(())
        },
        &["UNKNOWN_TOPIC_OR_PARTITION low watermark -1"],
    ),
    case(
        "delete records/of a compacted topic",
        |c| {
            let topic = c.topic_with("t", 1, 3, &[("cleanup.policy", "compact")])?;
            let leader = c.leader(&topic, 0)?;
            c.write(&topic, 0, Batch { key: Some("key"), ..Batch::of(2) }.bytes())?;
            let answer = c.delete_before(leader, &topic, 1)?;
            c.see(answer);
            Ok(())
        },
        &["POLICY_VIOLATION low watermark -1"],
    ),
];
