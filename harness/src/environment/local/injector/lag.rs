//! Followers that trail their leaders.

use super::super::brokers;
use super::behind::behind;
use crate::clock::Anchor;
use chaos::{Installed, Refusal};
use embedded_kafka::{EmbeddedKafka, ReplicationLag};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::sync::Arc;

/// Sets how far the followers on these brokers trail.
pub(super) fn install(
    kafka: &Arc<EmbeddedKafka>,
    names: &[String],
    lag: ReplicationLag,
) -> Result<Box<dyn Installed>, Refusal> {
    let ids = brokers::ids(names)?;
    let trailing = Trailing { kafka: Arc::clone(kafka), ids, full: Anchor::ahead(lag.delay) };
    trailing.set(lag).map_err(Refusal::Failed)?;
    Ok(Box::new(trailing))
}

struct Trailing {
    kafka: Arc<EmbeddedKafka>,
    ids: Vec<i32>,
    /// When what was written at the start is as late as it will be.
    full: Anchor,
}

impl Trailing {
    fn set(&self, lag: ReplicationLag) -> Result<(), String> {
        let set = |id: &i32| self.kafka.set_replication_lag(*id, lag);
        self.ids.iter().try_for_each(set).map_err(|error| error.to_string())
    }

    fn sentence(&self) -> Option<String> {
        if self.full.elapsed_ns() < 0 {
            return None;
        }
        let replicas = brokers::replicas(&self.kafka);
        let each = self.ids.iter().filter_map(|id| behind(*id, &replicas).sentence());
        Some(each.collect::<Vec<_>>().join(", ")).filter(|sentence| !sentence.is_empty())
    }
}

impl Installed for Trailing {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        let ended = self.set(ReplicationLag::default()).map(|()| {
            let replicas = brokers::replicas(&self.kafka);
            let left: i64 = self.ids.iter().map(|id| behind(*id, &replicas).records).sum();
            format!(
                "{} copy at once again, {} behind",
                brokers::names(&self.ids),
                counted(left, "record")
            )
        });
        async move { ended }.boxed()
    }
}
