//! Settings of topics and brokers, and what lies in log directories.

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::*;
use std::time::Duration;

use super::{Case, case};
use crate::conformance::batch::Batch;
use crate::conformance::context::Context;
use crate::conformance::names::{error, text, topic_name};

/// Changes one setting (operation 0 sets, 1 deletes, 2 appends, 3 subtracts) and notes the error.
fn alter(
    c: &mut Context<'_>,
    (kind, resource): (i8, &str),
    operation: i8,
    name: &str,
    value: Option<&str>,
) -> anyhow::Result<()> {
    let change = AlterableConfig::default()
        .with_name(text(name))
        .with_config_operation(operation)
        .with_value(value.map(text));
    let resource = AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(resource))
        .with_configs(vec![change]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = c.ask(1, 1, &request)?;
    c.see(format!("{name} {operation}: {}", error(answer.responses[0].error_code)));
    // The controller answers before every broker has heard of the change.
    std::thread::sleep(Duration::from_secs(1));
    Ok(())
}

/// Describes these settings (all if none) of a resource and notes them.
fn describe(
    c: &mut Context<'_>,
    (kind, resource): (i8, &str),
    keys: &[&str],
) -> anyhow::Result<()> {
    let keys = (!keys.is_empty()).then(|| keys.iter().map(|key| text(key)).collect());
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(resource))
        .with_configuration_keys(keys);
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    let answer = c.ask(1, 4, &request)?;
    let result = &answer.results[0];
    c.see(error(result.error_code));
    let mut lines: Vec<String> = Vec::new();
    for one in &result.configs {
        let value = one.value.as_ref().map(|value| value.to_string());
        let (source, kind) = (one.config_source, one.config_type);
        lines.push(format!("{} = {value:?} source {source} type {kind}", &*one.name));
    }
    lines.sort();
    lines.into_iter().for_each(|line| c.see(line));
    Ok(())
}

const TOPIC: i8 = 2;

const BROKER: i8 = 4;

pub(crate) const CASES: &[Case] = &[
    case(
        "configs/changed",
        |c| {
            let name = c.topic("t", 1)?;
            let keys =
                ["retention.ms", "cleanup.policy", "max.message.bytes", "min.insync.replicas"];
            describe(c, (TOPIC, &name), &keys)?;
            alter(c, (TOPIC, &name), 0, "retention.ms", Some("1000000"))?;
            alter(c, (TOPIC, &name), 2, "cleanup.policy", Some("compact"))?;
            alter(c, (TOPIC, &name), 3, "cleanup.policy", Some("delete"))?;
            alter(c, (TOPIC, &name), 0, "max.message.bytes", Some("2000"))?;
            describe(c, (TOPIC, &name), &keys)?;
            alter(c, (TOPIC, &name), 1, "retention.ms", None)?;
            describe(c, (TOPIC, &name), &["retention.ms"])
        },
        &[
            "NONE",
            "cleanup.policy = Some(\"delete\") source 5 type 7",
            "max.message.bytes = Some(\"1048588\") source 5 type 3",
            "min.insync.replicas = Some(\"2\") source 3 type 3",
            "retention.ms = Some(\"604800000\") source 5 type 5",
            "retention.ms 0: NONE",
            "cleanup.policy 2: NONE",
            "cleanup.policy 3: NONE",
            "max.message.bytes 0: NONE",
            "NONE",
            "cleanup.policy = Some(\"compact\") source 1 type 7",
            "max.message.bytes = Some(\"2000\") source 1 type 3",
            "min.insync.replicas = Some(\"2\") source 3 type 3",
            "retention.ms = Some(\"1000000\") source 1 type 5",
            "retention.ms 1: NONE",
            "NONE",
            "retention.ms = Some(\"604800000\") source 5 type 5",
        ],
    ),
    case(
        "configs/bad changes",
        |c| {
            let name = c.topic("t", 1)?;
            alter(c, (TOPIC, &name), 0, "no.such.setting", Some("1"))?;
            alter(c, (TOPIC, &name), 0, "retention.ms", Some("soon"))?;
            alter(c, (TOPIC, &name), 0, "retention.ms", None)?;
            alter(c, (TOPIC, &name), 2, "retention.ms", Some("1"))?;
            alter(c, (TOPIC, &name), 9, "retention.ms", Some("1"))?;
            alter(c, (TOPIC, "no-such-topic"), 0, "retention.ms", Some("1"))?;
            alter(c, (TOPIC, ""), 0, "retention.ms", Some("1"))?;
            alter(c, (BROKER, "77"), 0, "log.cleaner.threads", Some("1"))?;
            alter(c, (BROKER, "1"), 0, "node.id", Some("9"))?;
            alter(c, (9, "x"), 0, "retention.ms", Some("1"))
        },
        &[
            "no.such.setting 0: INVALID_CONFIG",
            "retention.ms 0: INVALID_CONFIG",
            "retention.ms 0: INVALID_REQUEST",
            "retention.ms 2: INVALID_CONFIG",
            "retention.ms 9: UNKNOWN_SERVER_ERROR",
            "retention.ms 0: UNKNOWN_TOPIC_OR_PARTITION",
            "retention.ms 0: INVALID_REQUEST",
            "log.cleaner.threads 0: INVALID_REQUEST",
            "node.id 0: INVALID_REQUEST",
            "retention.ms 0: INVALID_REQUEST",
        ],
    ),
    case(
        "configs/all of a topic",
        |c| {
            let name = c.topic("t", 1)?;
            describe(c, (TOPIC, &name), &[])
        },
        &[
            "NONE",
            "cleanup.policy = Some(\"delete\") source 5 type 7",
            "compression.gzip.level = Some(\"-1\") source 5 type 3",
            "compression.lz4.level = Some(\"9\") source 5 type 3",
            "compression.type = Some(\"producer\") source 5 type 2",
            "compression.zstd.level = Some(\"3\") source 5 type 3",
            "delete.retention.ms = Some(\"86400000\") source 5 type 5",
            "file.delete.delay.ms = Some(\"60000\") source 5 type 5",
            "flush.messages = Some(\"9223372036854775807\") source 5 type 5",
            "flush.ms = Some(\"9223372036854775807\") source 5 type 5",
            "follower.replication.throttled.replicas = Some(\"\") source 5 type 7",
            "index.interval.bytes = Some(\"4096\") source 5 type 3",
            "leader.replication.throttled.replicas = Some(\"\") source 5 type 7",
            "local.retention.bytes = Some(\"-2\") source 5 type 5",
            "local.retention.ms = Some(\"-2\") source 5 type 5",
            "max.compaction.lag.ms = Some(\"9223372036854775807\") source 5 type 5",
            "max.message.bytes = Some(\"1048588\") source 5 type 3",
            "message.timestamp.after.max.ms = Some(\"3600000\") source 5 type 5",
            "message.timestamp.before.max.ms = Some(\"9223372036854775807\") source 5 type 5",
            "message.timestamp.type = Some(\"CreateTime\") source 5 type 2",
            "min.cleanable.dirty.ratio = Some(\"0.5\") source 5 type 6",
            "min.compaction.lag.ms = Some(\"0\") source 5 type 5",
            "min.insync.replicas = Some(\"2\") source 3 type 3",
            "preallocate = Some(\"false\") source 5 type 1",
            "remote.log.copy.disable = Some(\"false\") source 5 type 1",
            "remote.log.delete.on.disable = Some(\"false\") source 5 type 1",
            "remote.storage.enable = Some(\"false\") source 5 type 1",
            "retention.bytes = Some(\"268435456\") source 4 type 5",
            "retention.ms = Some(\"604800000\") source 5 type 5",
            "segment.bytes = Some(\"1073741824\") source 5 type 3",
            "segment.index.bytes = Some(\"10485760\") source 5 type 3",
            "segment.jitter.ms = Some(\"0\") source 5 type 5",
            "segment.ms = Some(\"604800000\") source 5 type 5",
            "unclean.leader.election.enable = Some(\"false\") source 5 type 1",
        ],
    ),
    case(
        "configs/of what is not there",
        |c| {
            describe(c, (TOPIC, "no-such-topic"), &[])?;
            describe(c, (TOPIC, "bad name"), &[])?;
            describe(c, (BROKER, "77"), &[])?;
            describe(c, (BROKER, "x"), &[])?;
            describe(c, (9, "x"), &[])
        },
        &[
            "UNKNOWN_TOPIC_OR_PARTITION",
            "INVALID_TOPIC_EXCEPTION",
            "INVALID_REQUEST",
            "INVALID_REQUEST",
            "INVALID_REQUEST",
        ],
    ),
    case(
        "configs/a smaller max.message.bytes takes hold",
        |c| {
            let name = c.topic("t", 1)?;
            let leader = c.leader(&name, 0)?;
            alter(c, (TOPIC, &name), 0, "max.message.bytes", Some("200"))?;
            let batch = Batch { value_bytes: 500, ..Batch::of(1) }.bytes();
            let answer = c.until("refused", |c| {
                let answer = c.produce(leader, -1, &name, 0, batch.clone())?;
                Ok((!answer.starts_with("NONE")).then_some(answer))
            })?;
            c.see(answer);
            Ok(())
        },
        &["max.message.bytes 0: NONE", "MESSAGE_TOO_LARGE at -1, log from -1"],
    ),
    case(
        "admin/log directories",
        |c| {
            let name = c.topic("t", 2)?;
            c.write(&name, 0, Batch::of(3).bytes())?;
            let wanted = describe_log_dirs_request::DescribableLogDirTopic::default()
                .with_topic(topic_name(&name))
                .with_partitions(vec![0, 1]);
            let request = DescribeLogDirsRequest::default().with_topics(Some(vec![wanted]));
            let leader = c.leader(&name, 0)?;
            let answer = c.ask(leader, 4, &request)?;
            for result in &answer.results {
                c.see(error(result.error_code));
                for topic in &result.topics {
                    let mut lines: Vec<String> = Vec::new();
                    for one in &topic.partitions {
                        let (index, size) = (one.partition_index, one.partition_size);
                        lines.push(format!(
                            "{index} size {size} lag {} {}",
                            one.offset_lag, one.is_future_key
                        ));
                    }
                    lines.sort();
                    lines.into_iter().for_each(|line| c.see(line));
                }
            }
            Ok(())
        },
        &["NONE", "0 size 112 lag 0 false", "1 size 0 lag 0 false"],
    ),
];
