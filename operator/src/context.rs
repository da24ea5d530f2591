//! What every pass shares: built once.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;

use crate::clock::Clock;
use crate::events::Events;
use crate::metrics::Metrics;
use crate::observe::{Observer, OffsetSource};
use crate::reconcile::memory::Memories;

/// What every pass shares.
pub struct Context {
    pub(crate) client: Client,
    pub(crate) observer: Observer,
    pub(crate) events: Events,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    pub(crate) memories: Memories,
}

impl Context {
    /// A context that asks `offsets` for the offsets of jobs.
    #[must_use]
    pub fn new(client: Client, offsets: Arc<dyn OffsetSource>, clock: Clock) -> Self {
        Self {
            events: Events::new(client.clone()),
            observer: Observer::new(offsets, clock),
            metrics: Metrics::new(),
            memories: Memories::default(),
            client,
            clock,
        }
    }

    /// The operator's metrics as Prometheus text.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        self.metrics.text()
    }

    /// Forgets every job: others may decide from now on.
    pub(crate) fn forget_all(&self) {
        self.memories.clear();
        self.metrics.forget_all();
    }

    pub(crate) fn forget(&self, job: &ObjectMeta) {
        self.memories.forget(job);
        self.metrics.forget(job);
    }
}
