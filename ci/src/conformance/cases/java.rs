//! Apache Kafka's own client in Java, by its console tools.

use super::producer::Producer;
use super::{Case, case};
use crate::conformance::context::Context;

/// What a tool prints, without lines that are empty.
fn tool(
    c: &Context<'_>,
    class: &str,
    arguments: &[&str],
    input: &str,
) -> anyhow::Result<Vec<String>> {
    let bootstrap = c.subject.bootstrap();
    let arguments = [&["--bootstrap-server", &*bootstrap], arguments].concat();
    let text = c.tools.java(class, &arguments, input)?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const OFFSETS: &str = "org.apache.kafka.tools.GetOffsetShell";
const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
const CONFIGS: &str = "kafka.admin.ConfigCommand";

/// Notes the fields of a described topic's lines that are the same everywhere.
fn see_described(c: &mut Context<'_>, lines: &[String]) {
    for line in lines {
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        let kept = fields.iter().filter_map(|field| {
            let (name, value) = field.split_once(':')?;
            Some(match name {
                "TopicId" => name.to_owned(),
                "Leader" => format!("a leader {}", value.trim().parse::<i32>().is_ok()),
                "Replicas" | "Isr" => format!("{name} {}", value.split(',').count()),
                _ => (*field).to_owned(),
            })
        });
        c.see(kept.collect::<Vec<_>>().join(", "));
    }
}

fn messages(c: &mut Context<'_>) -> anyhow::Result<()> {
    let topic = c.name("t");
    let create = ["--create", "--topic", &*topic, "--partitions", "3", "--replication-factor"];
    let create = [&create[..], &["3", "--config", "retention.ms=9000000"]].concat();
    let lines = tool(c, TOPICS, &create, "")?;
    lines.into_iter().for_each(|line| c.see(line));
    for partition in 0..3 {
        c.ready(&topic, partition)?;
    }
    let lines = tool(c, TOPICS, &["--describe", "--topic", &topic], "")?;
    see_described(c, &lines);
    let numbers: String = (0..300).map(|number| format!("{number}\n")).collect();
    tool(c, PRODUCER, &["--topic", &topic, "--compression-codec", "gzip"], &numbers)?;
    let lines = tool(c, OFFSETS, &["--topic", &topic], "")?;
    let ends = lines.iter().filter_map(|line| line.rsplit(':').next()?.parse::<i64>().ok());
    c.see(format!("{} partitions with {} messages", lines.len(), ends.sum::<i64>()));
    Ok(())
}

/// A topic with a transaction of one message that is aborted and one of 20 that is committed.
fn with_transactions(c: &mut Context<'_>) -> anyhow::Result<String> {
    let topic = c.topic("t", 1)?;
    for (messages, commit) in [(1, false), (20, true)] {
        let producer = Producer::new(c)?;
        producer.add(c, &topic, 0)?;
        producer.write(c, &topic, 0, messages)?;
        producer.finish(c, commit)?;
    }
    Ok(topic)
}

fn group(c: &mut Context<'_>, protocol: &str) -> anyhow::Result<()> {
    let topic = with_transactions(c)?;
    let (group, protocol) = (c.name("g"), format!("group.protocol={protocol}"));
    let read = ["--topic", &*topic, "--group", &group, "--from-beginning", "--max-messages", "20"];
    let read = [&read[..], &["--isolation-level", "read_committed"]].concat();
    let read = [&read[..], &["--consumer-property", &protocol, "--timeout-ms", "60000"]].concat();
    let lines = tool(c, CONSUMER, &read, "")?;
    c.see(format!("{} messages", lines.iter().filter(|line| **line == "vvvvvvvvvv").count()));
    let lines = tool(c, GROUPS, &["--describe", "--group", &group], "")?;
    see_rows(c, &lines, &group);
    let reset = ["--reset-offsets", "--to-earliest", "--execute", "--group", &*group, "--topic"];
    let lines = tool(c, GROUPS, &[&reset[..], &[&topic]].concat(), "")?;
    see_rows(c, &lines, &group);
    Ok(())
}

/// Notes a table's rows of this group, its columns one space apart.
fn see_rows(c: &mut Context<'_>, lines: &[String], group: &str) {
    for line in lines.iter().filter(|line| line.contains(group)) {
        c.see(line.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}

fn configs(c: &mut Context<'_>) -> anyhow::Result<()> {
    let topic = c.topic("t", 1)?;
    let of = ["--entity-type", "topics", "--entity-name", &*topic];
    let alter = ["--alter", "--add-config", "retention.ms=8000000,cleanup.policy=[compact,delete]"];
    let lines = tool(c, CONFIGS, &[&of[..], &alter].concat(), "")?;
    lines.into_iter().for_each(|line| c.see(line));
    let lines = tool(c, CONFIGS, &[&of[..], &["--describe"]].concat(), "")?;
    lines.into_iter().for_each(|line| c.see(line));
    Ok(())
}

pub(crate) const CASES: &[Case] = &[
    case(
        "java/a topic and its messages",
        messages,
        &[
            "Created topic t.",
            "Topic: t, TopicId, PartitionCount: 3, ReplicationFactor: 3, \
             Configs: min.insync.replicas=2,retention.ms=9000000,retention.bytes=268435456",
            "Topic: t, Partition: 0, a leader true, Replicas 3, Isr 3, Elr:, LastKnownElr:",
            "Topic: t, Partition: 1, a leader true, Replicas 3, Isr 3, Elr:, LastKnownElr:",
            "Topic: t, Partition: 2, a leader true, Replicas 3, Isr 3, Elr:, LastKnownElr:",
            "3 partitions with 300 messages",
        ],
    ),
    case(
        "java/a classic group reads what is committed",
        |c| group(c, "classic"),
        &["abort NONE", "commit NONE", "20 messages", "g t 0 23 23 0 - - -", "g t 0 0"],
    ),
    case(
        "java/a group of KIP-848 reads what is committed",
        |c| group(c, "consumer"),
        &["abort NONE", "commit NONE", "20 messages", "g t 0 23 23 0 - - -", "g t 0 0"],
    ),
    case(
        "java/settings of a topic",
        configs,
        &[
            "Completed updating config for topic t.",
            "Dynamic configs for topic t are:",
            "cleanup.policy=compact,delete sensitive=false \
             synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, \
             DEFAULT_CONFIG:log.cleanup.policy=delete}",
            "retention.ms=8000000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=8000000}",
        ],
    ),
];
