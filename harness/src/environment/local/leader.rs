//! The leader of a partition, and moving it.

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

/// Gives a partition another leader.
pub(super) fn shift(
    kafka: &Arc<EmbeddedKafka>,
    topic: &'static str,
    partition: i32,
) -> Result<Box<dyn Installed>, Refusal> {
    let moved = kafka
        .move_leader(topic, partition, None)
        .map_err(|error| Refusal::Failed(error.to_string()))?;
    Ok(Box::new(Moved { kafka: Arc::clone(kafka), topic, partition, moved }))
}

/// A partition whose leadership was moved. There is nothing to undo: the new leader is as good.
struct Moved {
    kafka: Arc<EmbeddedKafka>,
    topic: &'static str,
    partition: i32,
    moved: LeaderMove,
}

impl Installed for Moved {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let now = of(&self.kafka, self.topic, self.partition);
        let evidence = (now == Some(self.moved.to)).then(|| {
            format!(
                "{}/{} is led by broker-{} at epoch {}, before by {}",
                self.topic,
                self.partition,
                self.moved.to,
                self.moved.epoch,
                self.moved.from.map_or_else(|| "nobody".to_owned(), super::brokers::name)
            )
        });
        async move { evidence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        let leader = of(&self.kafka, self.topic, self.partition);
        async move {
            match leader {
                Some(id) => Ok(format!("led by broker-{id}")),
                None => Err("the partition has no leader".to_owned()),
            }
        }
        .boxed()
    }
}
