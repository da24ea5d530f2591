//! What the harness reads from the embedded brokers, and trims in them.

use crate::environment::{RESULT_TOPIC, SOURCE_TOPIC, Standing};
use chaos::Refusal;
use embedded_kafka::{EmbeddedKafka, PartitionView, ReplicaView};

/// The name of a broker in scenarios.
pub(in crate::environment) fn name(id: i32) -> String {
    format!("broker-{id}")
}

/// The number of a broker, of its name.
fn id(name: &str) -> Option<i32> {
    name.strip_prefix("broker-")?.parse().ok()
}

/// Records of `topic` that `group` has not committed.
pub(super) fn lag_records(kafka: &EmbeddedKafka, topic: &str, group: &str) -> u64 {
    let committed = kafka.group(group).map(|group| group.committed).unwrap_or_default();
    let partitions = kafka.partitions(topic).unwrap_or_default();
    partitions
        .iter()
        .map(|partition| {
            let position = committed
                .get(&(topic.to_owned(), partition.partition))
                .copied()
                .unwrap_or(partition.log_start);
            u64::try_from(partition.high_watermark - position).unwrap_or(0)
        })
        .sum()
}

/// Who leads and follows, and who consumes in `group`.
pub(super) fn standing(kafka: &EmbeddedKafka, group: &str) -> Standing {
    let mut standing = Standing::default();
    for (topic, view) in partitions(kafka) {
        let partition = format!("{topic}/{}", view.partition);
        let in_sync = view.isr.iter().map(|id| name(*id)).collect();
        standing.in_sync.insert(partition.clone(), in_sync);
        if let Some(leader) = view.leader {
            standing.leaders.insert(partition, name(leader));
        }
    }
    let members = kafka.group(group).map(|group| group.members).unwrap_or_default();
    let node_of = |client_id: &str| client_id.split('/').next().unwrap_or_default().to_owned();
    standing.members =
        members.into_iter().map(|member| (member.member_id, node_of(&member.client_id))).collect();
    standing
}

/// Lets go of what `group` has committed.
pub(super) fn trim_committed(kafka: &EmbeddedKafka, topic: &str, group: &str) {
    let Some(group) = kafka.group(group) else { return };
    for ((committed_topic, partition), offset) in group.committed {
        if committed_topic == topic {
            trim(kafka, topic, partition, offset);
        }
    }
}

/// Lets go of what lies below `offsets`, by partition.
pub(super) fn trim_below(kafka: &EmbeddedKafka, topic: &str, offsets: &[i64]) {
    for (partition, offset) in (0..).zip(offsets) {
        trim(kafka, topic, partition, *offset);
    }
}

/// A partition without a leader is trimmed at the next call instead.
fn trim(kafka: &EmbeddedKafka, topic: &str, partition: i32, before: i64) {
    if let Err(error) = kafka.delete_records(topic, partition, before) {
        tracing::debug!(%error, topic, partition, "not trimmed now");
    }
}

/// Every partition of the trial's topics, with its topic.
pub(super) fn partitions(kafka: &EmbeddedKafka) -> Vec<(&'static str, PartitionView)> {
    let of = |topic: &'static str| {
        let views = kafka.partitions(topic).unwrap_or_default();
        views.into_iter().map(move |view| (topic, view))
    };
    [SOURCE_TOPIC, RESULT_TOPIC].into_iter().flat_map(of).collect()
}

/// Every copy of every partition of the trial's topics, by partition.
pub(super) fn replicas(kafka: &EmbeddedKafka) -> Vec<Vec<ReplicaView>> {
    let partitions = partitions(kafka);
    let copies = partitions.iter().map(|(topic, view)| kafka.replicas(topic, view.partition));
    copies.map(Option::unwrap_or_default).collect()
}

/// Whether a broker runs.
pub(super) fn is_alive(kafka: &EmbeddedKafka, id: i32) -> bool {
    kafka.brokers().iter().any(|broker| broker.id == id && broker.alive)
}

/// How many partitions a broker leads.
pub(super) fn led_by(kafka: &EmbeddedKafka, id: i32) -> usize {
    partitions(kafka).iter().filter(|(_, view)| view.leader == Some(id)).count()
}

/// The numbers of brokers, of their names.
pub(in crate::environment) fn ids(names: &[String]) -> Result<Vec<i32>, Refusal> {
    let id_of = |name: &String| {
        id(name).ok_or_else(|| Refusal::Failed(format!("there is no broker {name}")))
    };
    names.iter().map(id_of).collect()
}

/// Brokers' names in a sentence.
pub(in crate::environment) fn names(ids: &[i32]) -> String {
    ids.iter().map(|id| name(*id)).collect::<Vec<_>>().join(", ")
}
