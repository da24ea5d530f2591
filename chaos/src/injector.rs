//! The seam to an environment: who can install an action, prove that it landed, and heal it.

use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::fault::{Affected, BrokerError, DiskState, RequestKind, Side};
use crate::proxy::Direction;
use crate::selector::{Pool, TopicRole};

/// A fault with all its targets known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Kill every process of these nodes and stop their leases.
    NodeCrash {
        /// Names of the nodes.
        nodes: Vec<String>,
    },
    /// Stop every process of these nodes where it is.
    NodePause {
        /// Names of the nodes.
        nodes: Vec<String>,
    },
    /// Hold back the bytes between clients and brokers.
    NetworkPartition {
        /// Groups of clients: node names or `operator`.
        clients: Vec<String>,
        /// Names of the brokers.
        brokers: Vec<String>,
        /// Which way.
        direction: Direction,
    },
    /// Delay the bytes between clients and brokers, each way.
    NetworkDelay {
        /// Groups of clients: node names or `operator`.
        clients: Vec<String>,
        /// Names of the brokers.
        brokers: Vec<String>,
        /// How late.
        #[serde(with = "humantime_serde")]
        delay: Duration,
        /// How far the delay strays to either side.
        #[serde(with = "humantime_serde")]
        jitter: Duration,
        /// What the jitter is drawn from.
        seed: u64,
    },
    /// Take these brokers down.
    BrokerCrash {
        /// Names of the brokers.
        brokers: Vec<String>,
    },
    /// Give a partition another leader.
    LeaderMove {
        /// Which of the trial's topics.
        topic: TopicRole,
        /// Partition number, from 0.
        partition: i32,
    },
    /// Take these brokers down, with what their logs had not flushed.
    BrokerPowerLoss {
        /// Names of the brokers.
        brokers: Vec<String>,
    },
    /// Stop these brokers in order.
    BrokerShutdown {
        /// Names of the brokers.
        brokers: Vec<String>,
    },
    /// Cut these brokers off from one side.
    BrokerIsolation {
        /// Names of the brokers.
        brokers: Vec<String>,
        /// From whom.
        from: Side,
    },
    /// End the active controller.
    ControllerCrash {
        /// How long there is none.
        #[serde(with = "humantime_serde")]
        failover: Duration,
    },
    /// Make the disks of these brokers slow, or full.
    BrokerDisk {
        /// Names of the brokers.
        brokers: Vec<String>,
        /// How the disks do.
        state: DiskState,
    },
    /// Let the followers on these brokers trail their leaders.
    ReplicationLag {
        /// Names of the brokers.
        brokers: Vec<String>,
        /// How late a follower has what its leader wrote.
        #[serde(with = "humantime_serde")]
        delay: Duration,
        /// Up to so much is added to each delay.
        #[serde(with = "humantime_serde")]
        jitter: Duration,
    },
    /// Answer workers' requests of one kind with an error, and with `produce` the load's too.
    BrokerErrors {
        /// Names of the brokers.
        brokers: Vec<String>,
        /// Which kind of request.
        api: RequestKind,
        /// Which error.
        error: BrokerError,
        /// Which requests.
        requests: Affected,
    },
    /// Write, and do not acknowledge.
    LostAcknowledgement {
        /// Names of the brokers.
        brokers: Vec<String>,
        /// Which produce requests.
        requests: Affected,
    },
    /// Hold back what workers want to read.
    FetchStall {
        /// Names of the brokers.
        brokers: Vec<String>,
    },
    /// Hold every worker to a quota, at each broker.
    BrokerThrottle {
        /// Bytes of produce requests a second.
        produce_bytes_per_s: Option<u64>,
        /// Bytes of fetch answers a second.
        fetch_bytes_per_s: Option<u64>,
    },
}

impl Action {
    /// The names of all that is hit, for reports: clients before brokers, a partition as
    /// `topic/number`.
    pub fn targets(&self) -> Vec<String> {
        match self {
            Self::NodeCrash { nodes } | Self::NodePause { nodes } => nodes.clone(),
            Self::NetworkPartition { clients, brokers, .. }
            | Self::NetworkDelay { clients, brokers, .. } => {
                clients.iter().chain(brokers).cloned().collect()
            }
            Self::BrokerCrash { brokers }
            | Self::BrokerPowerLoss { brokers }
            | Self::BrokerShutdown { brokers }
            | Self::BrokerIsolation { brokers, .. }
            | Self::BrokerDisk { brokers, .. }
            | Self::ReplicationLag { brokers, .. }
            | Self::BrokerErrors { brokers, .. }
            | Self::LostAcknowledgement { brokers, .. }
            | Self::FetchStall { brokers } => brokers.clone(),
            Self::BrokerThrottle { .. } => vec!["workers".to_owned()],
            Self::ControllerCrash { .. } => vec!["controller".to_owned()],
            Self::LeaderMove { topic, partition } => vec![format!("{}/{partition}", topic.name())],
        }
    }

    /// Puts the broker found by its role in the place that was left open for it.
    pub(crate) fn aim(&mut self, broker: String) {
        match self {
            Self::NetworkPartition { brokers, .. }
            | Self::NetworkDelay { brokers, .. }
            | Self::BrokerCrash { brokers }
            | Self::BrokerPowerLoss { brokers }
            | Self::BrokerShutdown { brokers }
            | Self::BrokerIsolation { brokers, .. }
            | Self::BrokerDisk { brokers, .. }
            | Self::ReplicationLag { brokers, .. }
            | Self::BrokerErrors { brokers, .. }
            | Self::LostAcknowledgement { brokers, .. }
            | Self::FetchStall { brokers } => *brokers = vec![broker],
            Self::NodeCrash { .. }
            | Self::NodePause { .. }
            | Self::LeaderMove { .. }
            | Self::ControllerCrash { .. }
            | Self::BrokerThrottle { .. } => {}
        }
    }

    /// The targets that are out of service while the action lasts.
    pub(crate) fn takes_down(&self) -> Option<(Pool, &[String])> {
        match self {
            Self::NodeCrash { nodes } | Self::NodePause { nodes } => Some((Pool::Nodes, nodes)),
            Self::BrokerCrash { brokers }
            | Self::BrokerPowerLoss { brokers }
            | Self::BrokerShutdown { brokers }
            | Self::BrokerIsolation { brokers, .. }
            | Self::BrokerDisk { brokers, state: DiskState::Full } => {
                Some((Pool::Brokers, brokers))
            }
            Self::NetworkPartition { .. }
            | Self::NetworkDelay { .. }
            | Self::LeaderMove { .. }
            | Self::ControllerCrash { .. }
            | Self::BrokerDisk { state: DiskState::Slow { .. }, .. }
            | Self::ReplicationLag { .. }
            | Self::BrokerErrors { .. }
            | Self::LostAcknowledgement { .. }
            | Self::FetchStall { .. }
            | Self::BrokerThrottle { .. } => None,
        }
    }
}

/// An environment's ability to break things.
pub trait Injector: Send + Sync {
    /// The broker that leads a partition now, for selectors by role.
    fn leader(&self, topic: TopicRole, partition: i32) -> Option<String>;

    /// Installs the action. The target must heal itself within `limit` from now, even if nobody
    /// asks it to: the harness may be dead by then. A refusal means that nothing was installed.
    fn install<'a>(
        &'a self,
        action: &'a Action,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Installed>, Refusal>>;
}

/// A fault in force.
pub trait Installed: Send {
    /// A sentence with measured numbers once the fault has landed. Asked every 20 ms until then;
    /// a call may be dropped before it ends.
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>>;

    /// Ends the fault and says what was measured on healing. Harmless when repeated.
    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>>;
}

/// Why nothing was installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The environment cannot do this; the fault is skipped with this reason.
    #[error("not possible in this environment: {0}")]
    Unsupported(String),
    /// It should have worked and did not.
    #[error("installing failed: {0}")]
    Failed(String),
}
