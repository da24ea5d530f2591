//! The leader of a partition, and moving it.

use super::brokers;
use chaos::{Installed, Refusal};
use embedded_kafka::{EmbeddedKafka, LeaderMove};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The broker that leads a partition now.
pub(super) fn of(kafka: &EmbeddedKafka, topic: &str, partition: i32) -> Option<i32> {
    let partitions = kafka.partitions(topic)?;
    partitions.iter().find(|view| view.partition == partition)?.leader
}

/// Gives a partition another leader. What it leads beside records, such as a group, follows on
/// the name of that in sentences.
pub(super) fn shift(
    kafka: &Arc<EmbeddedKafka>,
    (topic, partition): (&'static str, i32),
    what: Option<String>,
) -> Result<Box<dyn Installed>, Refusal> {
    let moved = kafka
        .move_leader(topic, partition, None)
        .map_err(|error| Refusal::Failed(error.to_string()))?;
    let what = what.unwrap_or_else(|| format!("{topic}/{partition} is led"));
    Ok(Box::new(Moved { kafka: Arc::clone(kafka), topic, partition, what, moved }))
}

/// Gives a group another coordinator, which is who leads its partition of the internal topic.
pub(super) fn shift_coordinator(
    kafka: &Arc<EmbeddedKafka>,
    group: &str,
) -> Result<Box<dyn Installed>, Refusal> {
    shift(kafka, kafka.partition_of_group(group), Some(format!("group {group} is coordinated")))
}

/// A partition whose leadership was moved.
struct Moved {
    kafka: Arc<EmbeddedKafka>,
    topic: &'static str,
    partition: i32,
    /// What the leader does, in words that `by` follows on.
    what: String,
    moved: LeaderMove,
}

impl Moved {
    fn leader(&self) -> Option<i32> {
        of(&self.kafka, self.topic, self.partition)
    }

    /// Who led before does so again, unless others lead by now or it is not in sync.
    fn back(&self) -> Result<String, String> {
        if let Some(from) = self.moved.from.filter(|_| self.leader() == Some(self.moved.to)) {
            let back = self.kafka.move_leader(self.topic, self.partition, Some(from));
            back.err().inspect(|error| tracing::info!(%error, "the leader stays"));
        }
        let leader = self.leader().ok_or("the partition has no leader")?;
        Ok(format!("{} by {}", self.what, brokers::name(leader)))
    }
}

impl Installed for Moved {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let evidence = (self.leader() == Some(self.moved.to)).then(|| {
            format!(
                "{} by {} at epoch {}, before by {}",
                self.what,
                brokers::name(self.moved.to),
                self.moved.epoch,
                self.moved.from.map_or_else(|| "nobody".to_owned(), brokers::name)
            )
        });
        async move { evidence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        let healed = self.back();
        async move { healed }.boxed()
    }
}
