//! Stand-ins for the controllers of kube-controller-manager and kube-scheduler.
//!
//! Each is a pure decision and a thin loop: the loop turns watch events into keys, and for each key
//! reads what it needs from the API server, decides, and writes. Nothing is decided from a cache,
//! so a controller never acts twice on what it has just written.
//!
//! - [`deployment`]: Deployment → ReplicaSets, with `rollout` (how many where), `template_hash`
//!   and `deployment_status` as its pure parts;
//! - [`replica_set`]: ReplicaSet → Pods, with `victims` (who goes first on scale-down);
//! - [`scheduler`]: binds pods to nodes, with `placement` (filter and score) and `quantity`;
//! - [`node_lifecycle`]: leases → node health → taints and eviction, with `node_health` and
//!   `node_taints`;
//! - [`queue`] and [`changes`] carry them.

mod changes;
pub(crate) mod conditions;
mod deployment;
mod deployment_status;
mod node_health;
mod node_lifecycle;
mod node_taints;
mod placement;
mod pods;
mod quantity;
mod queue;
mod replica_set;
mod rollout;
mod scheduler;
mod template_hash;
mod victims;

use std::time::Duration;

use kube::Client;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use node_lifecycle::LEASE_NAMESPACE;
pub(crate) use pods::is_finished;
pub(crate) use quantity::{cpu_millis, whole};
pub(crate) use replica_set::is_status;

/// When the node lifecycle controller acts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeTimes {
    /// A node whose lease has not been renewed for this long becomes not ready.
    pub(crate) grace: Duration,
    /// Pods of a node that has not been ready for this long are deleted.
    pub(crate) eviction_delay: Duration,
}

/// Starts every controller on tasks of `tracker`; they end soon after `cancel`.
pub(crate) fn spawn(
    client: &Client,
    times: NodeTimes,
    tracker: &TaskTracker,
    cancel: &CancellationToken,
) {
    tracker.spawn(deployment::run(client.clone(), cancel.clone()));
    tracker.spawn(replica_set::run(client.clone(), cancel.clone()));
    tracker.spawn(scheduler::run(client.clone(), cancel.clone()));
    tracker.spawn(node_lifecycle::run(client.clone(), times, cancel.clone()));
}
