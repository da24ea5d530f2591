//! Quotas that Apache Kafka holds workers to.

use super::super::admin::quotas::{self, Quota};
use super::super::readers::Readers;
use super::Hands;
use crate::environment::NO_WORKERS;
use crate::environment::local::injector::throttle::{lifted, told_to_pause};
use chaos::{Installed, Refusal};
use embedded_kafka::Throttled;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// More bytes a second than anybody has, and fewer than Kafka's integers hold.
const UNLIMITED: f64 = 1e15;

/// Holds every client to a quota but those of the harness and the operator: workers remain.
pub(super) async fn set(
    hands: Hands,
    produce_bytes_per_s: Option<u64>,
    fetch_bytes_per_s: Option<u64>,
) -> Result<Box<dyn Installed>, Refusal> {
    let readers = Arc::clone(&hands.readers);
    let before = hands.cluster.ids().into_iter().map(|id| (id, readers.throttled(id))).collect();
    let held = Held { hands, readers, before };
    let [produce, fetch] =
        [produce_bytes_per_s, fetch_bytes_per_s].map(|bytes| bytes.map(|bytes| bytes as f64));
    let limits =
        (Quota { produce, fetch }, Quota { produce: Some(UNLIMITED), fetch: Some(UNLIMITED) });
    if let Err(error) = held.alter(limits).await
        && held.alter(Default::default()).await.is_ok()
    {
        return Err(Refusal::Failed(format!("{error:#}")));
    }
    // What may be in force is healed, too.
    Ok(Box::new(held))
}

struct Held {
    hands: Hands,
    readers: Arc<Readers>,
    /// What each broker had throttled before.
    before: Vec<(i32, Throttled)>,
}

impl Held {
    /// Sets the quota of every client, and the one of those that are no workers: who has one of its
    /// own is not held to that of all.
    async fn alter(&self, (all, exempt): (Quota, Quota)) -> anyhow::Result<()> {
        let exempt = NO_WORKERS.into_iter().map(|client| (Some(client), exempt));
        let quotas: Vec<_> = exempt.chain([(None, all)]).collect();
        quotas::alter(&self.hands.cluster, &quotas).await
    }

    /// What was throttled since, in words; nothing if nothing was.
    fn sentence(&self) -> Option<String> {
        told_to_pause(&self.before, |id| self.readers.throttled(id))
    }
}

impl Installed for Held {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            self.alter(Default::default()).await.map_err(|error| format!("{error:#}"))?;
            Ok(lifted(self.sentence()))
        }
        .boxed()
    }
}
