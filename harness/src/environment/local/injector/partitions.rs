//! A source topic that gets more partitions.

use crate::environment::{GROUP, SOURCE_TOPIC};
use chaos::{Installed, Refusal};
use embedded_kafka::EmbeddedKafka;
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How often owners of the new partitions are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Adds partitions to the source topic.
pub(super) fn add(kafka: &Arc<EmbeddedKafka>, more: u32) -> Result<Box<dyn Installed>, Refusal> {
    let before = kafka.partitions(SOURCE_TOPIC).map_or(0, |views| views.len() as i32);
    let all = before.saturating_add(i32::try_from(more).unwrap_or(i32::MAX));
    let grown = kafka.grow_topic(SOURCE_TOPIC, all);
    grown.map_err(|error| Refusal::Failed(error.to_string()))?;
    Ok(Box::new(Added { kafka: Arc::clone(kafka), before, all }))
}

struct Added {
    kafka: Arc<EmbeddedKafka>,
    before: i32,
    all: i32,
}

impl Added {
    fn sentence(&self) -> Option<String> {
        let views = self.kafka.partitions(SOURCE_TOPIC)?;
        let new = || views.iter().filter(|view| view.partition >= self.before);
        let written: i64 = new().map(|view| view.high_watermark).sum();
        let committed = |partition| self.kafka.committed(GROUP, SOURCE_TOPIC, partition);
        let committed: i64 = new().filter_map(|view| committed(view.partition)).sum();
        (written > 0 && committed > 0).then(|| {
            format!(
                "{} before, {} now: {} in the new ones, {committed} committed by workers",
                counted(self.before, "partition"),
                self.all,
                counted(written, "record")
            )
        })
    }

    /// Partitions of the source topic that a worker owns.
    fn owned(&self) -> usize {
        let members = self.kafka.group(GROUP).map(|group| group.members).unwrap_or_default();
        let all = members.into_iter().flat_map(|member| member.partitions);
        all.filter(|(topic, _)| topic == SOURCE_TOPIC).collect::<BTreeSet<_>>().len()
    }
}

impl Installed for Added {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            while self.owned() < self.all as usize {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok(format!("{}, each with an owner", counted(self.all, "partition")))
        }
        .boxed()
    }
}
