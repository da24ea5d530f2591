//! What a partition must know of the brokers and of its topic.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::brokers::{Broker, Link};
use crate::fault::Defect;

/// The brokers and the settings around a partition, at one time.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) brokers: &'a BTreeMap<i32, Broker>,
    pub(crate) min_insync_replicas: usize,
    pub(crate) lag_time_max: Duration,
    pub(crate) flush_messages: u64,
    pub(crate) defect: Option<Defect>,
    pub(crate) now: Duration,
}

impl Surroundings<'_> {
    pub(super) fn link(&self, broker: i32) -> Link {
        self.brokers.get(&broker).map_or(Link::Cut, Broker::link)
    }

    /// Whether the controller would take a broker as leader or into an in-sync set.
    pub(super) fn may_lead(&self, broker: i32) -> bool {
        self.brokers.get(&broker).is_some_and(Broker::may_lead)
    }

    /// Whether the controller's news reaches a broker.
    pub(super) fn hears(&self, broker: i32) -> bool {
        self.link(broker) != Link::Cut
    }
}
