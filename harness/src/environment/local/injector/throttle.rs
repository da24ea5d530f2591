//! Quotas that brokers hold workers to.

use super::super::brokers;
use crate::environment::NO_WORKERS;
use chaos::{Installed, Refusal};
use embedded_kafka::{ClusterError, EmbeddedKafka, Quota, QuotaTarget, Throttled};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::sync::Arc;

/// Holds every client to a quota but those of the harness and the operator: workers remain.
pub(super) fn set(
    kafka: &Arc<EmbeddedKafka>,
    produce_bytes_per_s: Option<u64>,
    fetch_bytes_per_s: Option<u64>,
) -> Result<Box<dyn Installed>, Refusal> {
    let quota = Quota {
        producer_bytes: produce_bytes_per_s.map(|bytes| bytes as f64),
        consumer_bytes: fetch_bytes_per_s.map(|bytes| bytes as f64),
        request_percentage: None,
    };
    let ids: Vec<i32> = kafka.brokers().iter().map(|broker| broker.id).collect();
    let before = ids.into_iter().map(|id| (id, kafka.throttled(id))).collect();
    let held = Held { kafka: Arc::clone(kafka), before };
    match held.set(quota) {
        Ok(()) => Ok(Box::new(held)),
        Err(error) => {
            held.lift().map_err(|undo| Refusal::Failed(format!("{error}; then {undo}")))?;
            Err(Refusal::Failed(error.to_string()))
        }
    }
}

struct Held {
    kafka: Arc<EmbeddedKafka>,
    /// What each broker had throttled before.
    before: Vec<(i32, Throttled)>,
}

impl Held {
    /// Who has a quota of its own is not held to that of all clients.
    fn exempt() -> impl Iterator<Item = QuotaTarget> {
        NO_WORKERS.into_iter().map(QuotaTarget::client)
    }

    fn set(&self, quota: Quota) -> Result<(), ClusterError> {
        let unlimited = Quota {
            producer_bytes: Some(f64::MAX),
            consumer_bytes: Some(f64::MAX),
            request_percentage: None,
        };
        Self::exempt().try_for_each(|target| self.kafka.set_quota(target, unlimited))?;
        self.kafka.set_quota(QuotaTarget::any_client(), quota)
    }

    fn lift(&self) -> Result<(), ClusterError> {
        let none = Quota::default();
        self.kafka.set_quota(QuotaTarget::any_client(), none)?;
        Self::exempt().try_for_each(|target| self.kafka.set_quota(target, none))?;
        self.kafka.end_pauses();
        Ok(())
    }

    /// What was throttled since, in words; nothing if nothing was.
    fn sentence(&self) -> Option<String> {
        told_to_pause(&self.before, |id| self.kafka.throttled(id))
    }
}

/// What brokers have throttled since `before`, in words; nothing if nothing.
pub(in crate::environment) fn told_to_pause(
    before: &[(i32, Throttled)],
    now: impl Fn(i32) -> Throttled,
) -> Option<String> {
    let each = before.iter().filter_map(|(id, before)| {
        let now = now(*id);
        let answers = now.answers - before.answers;
        let seconds = now.time.saturating_sub(before.time).as_secs_f64();
        (answers > 0).then(|| {
            let (name, times) = (brokers::name(*id), counted(answers, "time"));
            format!("{name} told workers {times} to pause, {seconds:.1} s in sum")
        })
    });
    Some(each.collect::<Vec<_>>().join(", ")).filter(|sentence| !sentence.is_empty())
}

/// What healing says, of what was throttled.
pub(in crate::environment) fn lifted(throttled: Option<String>) -> String {
    format!("no quota is set; {}", throttled.as_deref().unwrap_or("nobody was throttled"))
}

impl Installed for Held {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        let healed = self.lift().map(|()| lifted(self.sentence()));
        let healed = healed.map_err(|error| error.to_string());
        async move { healed }.boxed()
    }
}
